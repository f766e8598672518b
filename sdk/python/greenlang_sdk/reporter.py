"""The reporter pattern: a result as Markdown, HTML, JSON or CSV, by declared sections.

The same data gives the same bytes, and nothing in the data can break out of its place. Belongs here: text formats.
Does not belong here: arithmetic (a report shows figures, it makes none), PDF and spreadsheets.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from greenlang_sdk.canonical import canonical
from greenlang_sdk.decimals import normal_text
from greenlang_sdk.errors import InvalidInput
from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext
from greenlang_sdk.models import AgentInput, AgentOutput, Text, plain

Format: TypeAlias = Literal["markdown", "html", "json", "csv"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One value: its label, its place in the data (``data.co2e_kg``), its unit."""

    label: str
    path: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A section of text that was written for the report."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Figures:
    """A section of single values."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A section of a line for each entry of a list; the paths of the columns count from the entry."""

    title: str
    path: str
    columns: tuple[Figure, ...]


Section: TypeAlias = Paragraph | Figures | Listing


@dataclass(frozen=True, slots=True)
class _Block:
    """A section filled in: text, or a table of values."""

    title: str
    text: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()


def _plain(data: object) -> object:
    values = plain(data)
    canonical(values)  # its error is a ValueError, and so a mistake of this field
    return values


class ReportRequest(AgentInput):
    """What to show, such as ``result.data`` or ``result.as_dict()``, and how."""

    format: Format = "markdown"
    data: Annotated[dict[str, Any], BeforeValidator(_plain)] = Field(description="the data of the report")


class Report(AgentOutput):
    """The report as a text."""

    format: Format
    media_type: Text
    text: Text


class ReporterAgent(AgentSpecV2Base[ReportRequest, Report]):
    """An agent that renders data by its ``title`` and ``sections``. Data that lacks a declared place is refused."""

    input_model = ReportRequest
    output_model = Report
    title: ClassVar[str]
    sections: ClassVar[tuple[Section, ...]]
    declared = (*AgentSpecV2Base.declared, "title", "sections")

    def execute(self, given: ReportRequest, context: ExecutionContext) -> Report:
        """Fill in every section, then write them."""
        blocks = [_filled(section, given.data) for section in self.sections]
        media_type, write = _FORMATS[given.format]
        return Report(format=given.format, media_type=media_type, text=write(self.title, blocks))


def _filled(section: Section, data: Mapping[str, Any]) -> _Block:
    match section:
        case Paragraph(title, text):
            return _Block(title, text=text)
        case Figures(title, figures):
            rows = tuple((figure.label, _at(data, figure.path, "data"), figure.unit) for figure in figures)
            return _Block(title, header=("", "value", "unit"), rows=rows)
        case Listing(title, path, columns):
            entries = _at(data, path, "data")
            if not isinstance(entries, (list, tuple)):
                raise InvalidInput(f"section {title!r} needs a list", field=f"data.{path}")
            header = tuple(f"{column.label} [{column.unit}]" if column.unit else column.label for column in columns)
            where = f"data.{path}"
            return _Block(
                title,
                header=header,
                rows=tuple(
                    tuple(_at(entry, column.path, f"{where}.{number}") for column in columns)
                    for number, entry in enumerate(entries)
                ),
            )


def _at(data: Any, path: str, where: str) -> Any:
    """The value at a dotted path. Raises InvalidInput if there is none."""
    value = data
    for name in path.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, (list, tuple)) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            raise InvalidInput("the report shows this value, and the data lacks it", field=f"{where}.{path}")
    return value


def _shown(value: object) -> str:
    """A value as a person reads it; lists and mappings as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case Decimal():
            return normal_text(value)
        case _:
            return canonical(value).decode("utf-8")


def _markdown(title: str, blocks: Sequence[_Block]) -> str:
    parts = [f"# {_md(title)}"]
    for block in blocks:
        parts.append(f"## {_md(block.title)}")
        if not block.header:
            parts.append(re.sub(r"^(\d*)([#+=.)-])", r"\1\\\2", _md(block.text)))  # no list, heading or rule
            continue
        lines = [" | ".join(map(_md, block.header)), " | ".join("---" for _ in block.header)]
        lines += [" | ".join(_md(_shown(value)) for value in row) for row in block.rows]
        parts.append("\n".join(f"| {line} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def _md(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", " ".join(text.split()))


def _html(title: str, blocks: Sequence[_Block]) -> str:
    lines = ["<!doctype html>", '<html lang="en">', '<meta charset="utf-8">', f"<title>{html.escape(title)}</title>"]
    lines.append(f"<h1>{html.escape(title)}</h1>")
    for block in blocks:
        lines.append(f"<h2>{html.escape(block.title)}</h2>")
        if not block.header:
            lines.append(f"<p>{html.escape(block.text)}</p>")
            continue
        lines += ["<table>", _html_row("th", block.header)]
        lines += [_html_row("td", [_shown(value) for value in row]) for row in block.rows]
        lines.append("</table>")
    return "\n".join([*lines, "</html>", ""])


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _json(title: str, blocks: Sequence[_Block]) -> str:
    sections = [
        {"title": b.title, "columns": b.header, "rows": plain(b.rows)}
        if b.header
        else {"title": b.title, "text": b.text}
        for b in blocks
    ]
    return canonical({"title": title, "sections": sections}).decode("utf-8") + "\n"


def _csv(title: str, blocks: Sequence[_Block]) -> str:
    """A line for each value, whatever its section: section, row, column, value."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(["section", "row", "column", "value"])
    for block in blocks:
        if not block.header:
            writer.writerow([_cell(block.title), "", "", _cell(block.text)])
        for number, row in enumerate(block.rows, start=1):
            for column, value in zip(block.header, row, strict=True):
                writer.writerow([_cell(block.title), number, _cell(column), _cell(value)])
    return target.getvalue()


def _cell(value: object) -> str:
    """A text that a spreadsheet takes for a formula gets an apostrophe in front; a number stays a number."""
    text = _shown(value)
    if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") and not re.fullmatch(r"-?[0-9.]+", text):
        return f"'{text}"
    return text


_FORMATS: dict[Format, tuple[str, Callable[[str, Sequence[_Block]], str]]] = {
    "markdown": ("text/markdown; charset=utf-8", _markdown),
    "html": ("text/html; charset=utf-8", _html),
    "json": ("application/json", _json),
    "csv": ("text/csv; charset=utf-8", _csv),
}
