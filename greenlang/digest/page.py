"""A page as sections of paragraphs, figures, tables and charts; the same ones as HTML and as Markdown.

One structure for both, so that they say the same. HTML has no script and asks for nothing from elsewhere; what is
foreign text is escaped in both forms. Belongs here: the structure and its two forms. Does not belong here: what a page
says (`telling`, `board`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import jinja2
from markupsafe import Markup

from greenlang.digest import charts
from greenlang.digest.charts import Chart
from greenlang.pages import environment
from greenlang.quality.report.brief import quoted
from greenlang.quality.report.page import css

Kind = Literal["", "passed", "failed", "warning", "idle"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than its text: a tag, a link (of HTML alone), a bar for a ``share`` of 1, a small line."""

    text: str
    tag: Kind = ""
    code: bool = False
    href: str = ""
    share: float | None = None
    spark: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``right`` for figures."""

    name: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``more`` is told below it; the first cell of a row names it. ``folded``: shown when it is asked for."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    more: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the overview: its name, its value, what is said beside it."""

    name: str
    value: str
    beside: str = ""
    kind: Kind = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, in this order. ``query`` is a command of ours that gives every row."""

    id: str
    title: str
    paragraphs: tuple[str, ...] = ()
    query: str = ""
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page. ``verdict`` and its sentences come first, then the figures, then the sections."""

    title: str
    kicker: str
    verdict: str
    kind: Kind
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]
    sections: tuple[Section, ...]
    foot: str


def html(page: Page) -> str:
    """The page as HTML. The same page gives the same text."""
    return _templates().get_template("page.html.jinja").render(p=page, css=_css(), c=charts)


def markdown(page: Page) -> str:
    """The page as Markdown: charts are told in words, bars by their figures."""
    return "\n\n".join(_markdown(page)) + "\n"


def columns(*names: str) -> tuple[Column, ...]:
    """Columns by name; a name that begins with ``>`` is one of figures."""
    return tuple(Column(name.removeprefix(">"), name.startswith(">")) for name in names)


def _markdown(page: Page) -> Iterator[str]:
    yield f"# {quoted(page.title)}"
    yield quoted(page.kicker)
    yield f"**{quoted(page.verdict)}.** " + " ".join(quoted(s) for s in page.sentences)
    rows = [(f.name, f.value, f.beside) for f in page.figures]
    yield _table(("figure", "value", ""), (False, True, False), rows)
    for section in page.sections:
        yield f"## {quoted(section.title)}"
        yield from (quoted(text) for text in section.paragraphs)
        yield from (f"*{quoted(chart.title)}*: {quoted(chart.words)}" for chart in section.charts)
        for table in section.tables:
            yield f"**{quoted(table.caption)}**"
            cells = [tuple(c.text if isinstance(c, Cell) else c for c in row) for row in table.rows]
            yield _table(tuple(c.name for c in table.columns), tuple(c.right for c in table.columns), cells)
            if table.more:
                yield quoted(table.more)
        if section.query:
            yield f"All of them: `{section.query}`"
    yield quoted(page.foot)


def _table(names: tuple[str, ...], right: tuple[bool, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [names, tuple("---:" if figure else "---" for figure in right)]
    head = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([*head, *(f"| {' | '.join(quoted(cell) for cell in row)} |" for row in rows)])


@cache
def _templates() -> jinja2.Environment:
    return environment("digest")


@cache
def _css() -> Markup:
    """The style of the quality report, and what these pages add: our own words and colours, no foreign text."""
    own = _templates().get_template("style.css.jinja").render()
    return Markup(f"{css()}\n{own.strip()}")  # noqa: S704
