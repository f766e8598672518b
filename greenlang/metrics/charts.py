"""Charts of answers: what the columns' types can show, as a picture or as bars in a terminal.

A day or moment and numbers give lines, a text and numbers bars, two numbers points. Belongs here: choosing the kind,
drawing. Does not belong here: asking (`query`), pictures of whole nights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from greenlang.errors import QueryError
from greenlang.metrics.query import QueryResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUMBERS = ("DECIMAL", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER")
_MOMENTS = ("DATE", "TIMESTAMP")
_TEXTS = ("VARCHAR", "ENUM", "BOOLEAN", "UUID")
_MOST_BARS = 30
_MOST_LINES = 12
_PANELS = 4
_SUFFIXES = {"_percent": "%", "_usd": "USD", "_seconds": "s", "_ms": "ms", "_mb": "MB", "usd_per_": "USD"}
_UNITS = {"seconds": "s", "usd": "USD", "coverage": "%", "mutation_score": "%", "seconds_per_try": "s"}
_FORMATS = {".svg": "svg", ".png": "png"}


def is_number(kind: str) -> bool:
    """Whether a DuckDB type is that of numbers; a list of them is none."""
    return _of(kind, _NUMBERS)


def _of(kind: str, names: tuple[str, ...]) -> bool:
    return kind.startswith(names) and not kind.endswith("]")


def unit_of(column: str) -> str:
    """The unit that a column's name tells; empty for none."""
    name = column.lower()
    if name in _UNITS:
        return _UNITS[name]
    return next((unit for part, unit in _SUFFIXES.items() if name.endswith(part) or name.startswith(part)), "")


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: ``x`` are columns, several texts for bars; ``series`` the column whose texts are the lines;
    ``numbers`` a panel each.

    ``left_out`` says in words what of the answer the chart does not show.
    """

    kind: Literal["line", "bar", "point"]
    x: tuple[int, ...]
    numbers: tuple[int, ...]
    series: int | None = None
    left_out: tuple[str, ...] = ()


def chart_of(result: QueryResult) -> Chart:
    """The chart that suits an answer. Raises QueryError, saying what would, where none does."""
    if not result.rows:
        raise QueryError("no chart of an answer without rows")
    numbers = [i for i, kind in enumerate(result.types) if is_number(kind)]
    moments = [i for i, kind in enumerate(result.types) if _of(kind, _MOMENTS)]
    texts = [i for i, kind in enumerate(result.types) if _of(kind, _TEXTS)]
    kind: Literal["line", "bar", "point"]
    x: tuple[int, ...]
    if moments and numbers:
        kind = "line"
        x, series = (moments[0],), texts[0] if texts else None
        shown = tuple(numbers[: 1 if series is not None else _PANELS])
    elif texts and numbers:
        first = tuple(i for i in texts if i < numbers[0]) or (texts[0],)  # all that name what the numbers are of
        kind, x, series, shown = "bar", first, None, tuple(numbers[:_PANELS])
    elif len(numbers) > 1:
        kind, x, series, shown = "point", (numbers[0],), None, (numbers[1],)
    else:
        raise QueryError(
            "no chart of these columns: a day and numbers give lines, a text and numbers bars, two numbers points; "
            f"the answer has {', '.join(f'{n} {t}' for n, t in zip(result.columns, result.types, strict=True))}"
        )
    used = {*x, series, *shown}
    unseen = [name for i, name in enumerate(result.columns) if i not in used]
    left_out = [f"columns {', '.join(unseen)}"] if unseen else []
    if kind == "bar" and len(result.rows) > _MOST_BARS:
        left_out.append(f"{len(result.rows) - _MOST_BARS} of {len(result.rows)} rows, after the first {_MOST_BARS}")
    if no_figure := sum(any(row[i] is not None and _finite(row[i]) is None for i in shown) for row in result.rows):
        left_out.append(f"NaN and infinity, in {no_figure} of {len(result.rows)} rows")
    if series is not None and (more := len(_names(result, series)) - _MOST_LINES) > 0:
        left_out.append(f"{more} of {more + _MOST_LINES} lines, after the first {_MOST_LINES}")
    return Chart(kind, x, shown, series, tuple(left_out))


def draw(result: QueryResult, target: Path, *, title: str = "") -> Chart:
    """Draw an answer into an SVG or PNG file, which is replaced whole; the chart that was drawn.

    The same answer gives the same bytes. Raises QueryError for an answer that no chart suits, for another ending of the
    file, and without matplotlib.
    """
    form = _FORMATS.get(target.suffix.lower())
    if form is None:
        raise QueryError(f"{target.name}: a chart is an .svg or a .png file")
    chart = chart_of(result)
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise QueryError("a chart needs matplotlib: install greenlang[pipelines], or ask with --bars") from error
    from greenlang.replacing import replacing

    lines = min(len(result.rows), _MOST_BARS) if chart.kind == "bar" else 0
    panels = len(chart.numbers)
    size = (10, max(3.2, 0.3 * lines + 1.2)) if chart.kind == "bar" else (10, 3.2 * panels + 0.4)
    same = mpl.rc_context({"svg.hashsalt": "greenlang", "svg.fonttype": "none"})  # the same bytes each time
    with same, mpl.rc_context({"font.size": 9, "axes.grid": True, "axes.axisbelow": True}):
        figure = Figure(figsize=size, layout="constrained")
        across = chart.kind == "bar"
        axes = figure.subplots(
            1 if across else panels, panels if across else 1, squeeze=False, sharex=not across, sharey=across
        ).flat
        for axis, column in zip(axes, chart.numbers, strict=True):
            {"line": _lines, "bar": _bars, "point": _points}[chart.kind](axis, result, chart, column)
        figure.suptitle(title)
        with replacing(target) as temporary:
            figure.savefig(temporary, format=form, dpi=120, metadata={"Date": None} if form == "svg" else None)
    return chart


def bars(result: QueryResult, *, width: int = 40) -> list[str]:
    """The first number of each row as a bar of characters, a line a row. Raises QueryError for what has no bars."""
    chart = chart_of(result)
    if chart.kind == "point":
        raise QueryError("two numbers give points, not bars: --chart FILE draws them")
    columns = chart.x if chart.series is None else (*chart.x, chart.series)
    labels = [" ".join(str(row[i]) for i in columns) for row in result.rows]
    numbers = [_finite(row[chart.numbers[0]]) or 0.0 for row in result.rows]
    if min(numbers) < 0:
        raise QueryError("numbers below zero have no bars here: --chart FILE draws them")
    most, wide = max(numbers) or 1.0, min(max(map(len, labels)), 48)
    name = result.columns[chart.numbers[0]]
    unit = unit_of(name)
    made = [f"{name}{f' [{unit}]' if unit else ''}"]
    for label, number, row in zip(labels, numbers, result.rows, strict=True):
        eighths = round(number / most * width * 8)
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        value = row[chart.numbers[0]]
        shown = "" if value is None else f"{value if _finite(value) is None else number:,.6g}"
        made.append(f"{label[:wide]:<{wide}} {bar} {shown}".rstrip())
    return made


def _lines(axis: Axes, result: QueryResult, chart: Chart, column: int) -> None:
    names: Sequence[Any] = [None] if chart.series is None else _names(result, chart.series)[:_MOST_LINES]
    for name in names:
        rows = [row for row in result.rows if chart.series is None or row[chart.series] == name]
        told = [(row[chart.x[0]], _finite(row[column])) for row in rows]
        points = sorted((moment, number) for moment, number in told if moment is not None and number is not None)
        axis.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=3, label=str(name))
    axis.set_ylabel(_label(result, column))
    axis.tick_params(axis="x", labelrotation=30)
    if chart.series is not None:
        axis.legend(title=result.columns[chart.series], fontsize=7)


def _bars(axis: Axes, result: QueryResult, chart: Chart, column: int) -> None:
    rows = result.rows[:_MOST_BARS]
    places = range(len(rows))
    axis.barh(places, [_finite(row[column]) or 0.0 for row in rows])
    axis.set_yticks(places, [" ".join(str(row[i]) for i in chart.x)[:60] for row in rows])
    if not axis.yaxis_inverted():
        axis.invert_yaxis()
    axis.set_xlabel(_label(result, column))


def _points(axis: Axes, result: QueryResult, chart: Chart, column: int) -> None:
    told = [(_finite(row[chart.x[0]]), _finite(row[column])) for row in result.rows]
    pairs = [(across, up) for across, up in told if across is not None and up is not None]
    axis.scatter([x for x, _ in pairs], [y for _, y in pairs], s=12)
    axis.set_xlabel(_label(result, chart.x[0]))
    axis.set_ylabel(_label(result, column))


def _finite(value: Any) -> float | None:
    """A value as a chart can show it; None for NULL, NaN and infinity."""
    number = None if value is None else float(value)
    return number if number is not None and isfinite(number) else None


def _names(result: QueryResult, column: int) -> list[Any]:
    return list(dict.fromkeys(row[column] for row in result.rows))


def _label(result: QueryResult, column: int) -> str:
    name = result.columns[column]
    unit = unit_of(name)
    return f"{name} [{unit}]" if unit else name
