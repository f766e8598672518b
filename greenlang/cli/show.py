"""Answers as tables for people, JSON and CSV for programs.

Belongs here: how values and tables look. Does not belong here: commands, looking things up.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

import typer

UPRIGHT = 8  # more columns than this, and too wide for the terminal: records below each other
WIDE = 200  # columns of text where the output is no terminal: tables are not folded to 80 there
CUT = 120  # characters of a cell there, but of the first column, which names what the row is about


def plain(value: Any) -> Any:
    """A value for JSON. Decimal becomes text, so that no digit is lost; infinity and NaN become text too."""
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return digits(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def digits(value: Decimal) -> str:
    """A Decimal without trailing zeros and without an exponent."""
    if not value.is_finite():
        return str(value)
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def cell(value: Any) -> str:
    """A value in a table or in CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    converted = plain(value)
    return converted if isinstance(converted, str) else json.dumps(converted, ensure_ascii=False)


def words(value: Any) -> str:
    """A value in a table for people: lists and mappings in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {words(one)}" for name, one in value.items())
    return ", ".join(words(one) for one in value) if isinstance(value, (list, tuple)) else cell(value)


def when(moment: str | None) -> str:
    """A moment in ISO 8601 as a table shows it."""
    return cell(datetime.fromisoformat(moment)) if moment else ""


def as_json(value: Any) -> None:
    """Print JSON, indented, text as it is."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV with a header; NULL is an empty field, floats keep all their digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([repr(value) if isinstance(value, float) else cell(value) for value in row])
    typer.echo(buffer.getvalue(), nl=False)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    right: Iterable[int] = (),
    title: str | None = None,
) -> None:
    """Print a table; the columns whose numbers stand in ``right`` are figures."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=False)
    texts = [[words(value) for value in row] for row in rows]
    if not console.is_terminal:
        cut = [[row[0], *map(_cut, row[1:])] for row in texts]
        if cut != texts:
            typer.echo(f"cells are cut at {CUT} characters; --json has them whole", err=True)
        texts = cut
    widths = [
        max(len(line) for row in [columns, *texts] for line in (row[i].splitlines() or [""]))
        for i in range(len(columns))
    ]
    if console.is_terminal and len(columns) > UPRIGHT and sum(widths) > 2 * console.width:
        for row in texts:  # too wide by far to be read as a table
            facts(zip(columns, row, strict=True))
            typer.echo("")
        return
    if not console.is_terminal:
        console = Console(highlight=False, width=max(WIDE, sum(widths) + 3 * len(widths) + 3))
    figures = set(right)
    shown = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for number, name in enumerate(columns):
        shown.add_column(
            Text(name),
            justify="right" if number in figures else "left",
            overflow="fold",
            no_wrap=number == 0 and console.is_terminal,
        )
    for row in texts:
        shown.add_row(*map(Text, row))
    console.print(shown)


def _cut(text: str) -> str:
    return "\n".join(line if len(line) <= CUT else f"{line[: CUT - 1]}…" for line in text.splitlines())


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values below each other; empty values are left out."""
    lines = [(name, words(value)) for name, value in pairs if value not in (None, "", (), [], {})]
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        typer.echo(f"{name:<{width}}  {value}")


@contextmanager
def progress_bar(task: str, *, hidden: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on the terminal to be told (done, total); None where standard error is no terminal or it is ``hidden``."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(task, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
