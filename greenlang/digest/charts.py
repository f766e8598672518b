"""The geometry of charts over nights: stacked columns and a line, as SVG path data.

Belongs here: arithmetic that a template must not do. Does not belong here: colours, marks on the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

WIDTH, HEIGHT = 560.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 14.0, 16.0, 30.0
_LABELS = 7  # dates under the axis
_DOTS = 62  # more nights than this are a line without dots
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Layer:
    """One part of every column, or the line. ``kind`` names its look in the style sheet."""

    name: str
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, and where."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Zone:
    """The ground of one night, which says its figures to who points at it."""

    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over nights. ``words`` tell those who do not see it; ``marks`` are the places of nights with a flag."""

    id: str
    title: str
    unit: str
    words: str
    columns: tuple[Layer, ...]
    line: Layer | None
    dots: tuple[tuple[float, float], ...]
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    zones: tuple[Zone, ...]
    marks: tuple[float, ...]


def columns(
    id_: str,
    title: str,
    unit: str,
    nights: Sequence[date],
    layers: Mapping[tuple[str, str], Sequence[float]],
    *,
    words: str,
    marks: Mapping[date, str] | None = None,
) -> Chart:
    """Stacked columns. ``layers`` are (name, kind) -> one figure a night, the lowest first, without those of zeros."""
    used = {name: values for name, values in layers.items() if any(values)}
    totals = [sum(each) for each in zip(*used.values(), strict=True)] or [0.0] * len(nights)
    ticks = scale(0.0, max(totals, default=0.0))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(nights))
    gap = min(2.0, step * 0.2)
    under = [0.0] * len(nights)
    drawn = []
    for (name, kind), values in used.items():
        path = "".join(
            f"M{_n(LEFT + i * step + gap / 2)} {_n(_y(under[i], ticks))}"
            f"V{_n(_y(under[i] + value, ticks))}h{_n(step - gap)}V{_n(_y(under[i], ticks))}Z"
            for i, value in enumerate(values)
            if value
        )
        drawn.append(Layer(name, kind, path))
        under = [a + b for a, b in zip(under, values, strict=True)]
    told = [
        ", ".join(f"{name} {label(values[i])}" for (name, _), values in used.items() if values[i])
        for i in range(len(nights))
    ]
    return Chart(id_, title, unit, words, tuple(drawn), None, (), **_frame(nights, ticks, told, unit, marks or {}))


def line(
    id_: str,
    title: str,
    unit: str,
    nights: Sequence[date],
    values: Sequence[float | None],
    *,
    kind: str,
    words: str,
    most: float | None = None,
    marks: Mapping[date, str] | None = None,
) -> Chart:
    """A line; a night without a figure is a gap. The axis need not begin at zero; ``most`` is the end of it."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    ticks = scale(max(0.0, low - (high - low or 1.0) * 0.15), high, most)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(nights))
    points = [
        None if value is None else (round(LEFT + (i + 0.5) * step, 1), round(_y(value, ticks), 1))
        for i, value in enumerate(values)
    ]
    path, pen = [], "M"
    for point in points:
        if point is not None:
            path.append(f"{pen}{_n(point[0])} {_n(point[1])}")
        pen = "M" if point is None else "L"
    alone = [p for i, p in enumerate(points) if p and not any(points[max(0, i - 1) : i] + points[i + 1 : i + 2])]
    dots = tuple(p for p in points if p) if len(nights) <= _DOTS else tuple(alone)
    told = ["" if value is None else label(value) for value in values]
    drawn = Layer(title, kind, "".join(path))
    return Chart(id_, title, unit, words, (), drawn, dots, **_frame(nights, ticks, told, unit, marks or {}))


def spark(values: Sequence[float | None]) -> str:
    """A small line of shares (0 to 1) in a box of 100 by 20, as path data; a night without one is passed over."""
    step = 100.0 / max(1, len(values) - 1)
    points = [f"{_n(i * step)} {_n(19 - 18 * value)}" for i, value in enumerate(values) if value is not None]
    return f"M{'L'.join(points)}" if len(points) > 1 else f"M{points[0]}h0" if points else ""


def scale(low: float, high: float, most: float | None = None) -> tuple[float, ...]:
    """About four round figures, evenly spaced, that hold ``low`` and ``high``; none above ``most``."""
    if high <= low:
        high = low + 1.0
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    size = next(unit * power for unit in (1, 2, 2.5, 5, 10) if unit * power >= raw * 0.999)
    first = math.floor(low / size + 1e-9)
    last = math.ceil(high / size - 1e-9)
    found = [round(n * size, 10) for n in range(first, last + 1)]
    return tuple(value for value in found if most is None or value <= most)


def label(value: float) -> str:
    """A figure on an axis."""
    text = f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    if value and abs(value) < 0.01:
        text = f"{value:.2g}" if abs(value) >= 0.0001 else f"{value:.0e}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def day(night: date, *, year: bool = False) -> str:
    """A date for people, the same in every locale."""
    return f"{night.day} {_MONTHS[night.month - 1]}{f' {night.year}' if year else ''}"


def _frame(
    nights: Sequence[date], ticks: Sequence[float], told: Sequence[str], unit: str, marks: Mapping[date, str]
) -> dict[str, Any]:
    step = (WIDTH - LEFT - RIGHT) / max(1, len(nights))
    every = max(1, math.ceil(len(nights) / _LABELS))
    middle = {night: round(LEFT + (i + 0.5) * step, 1) for i, night in enumerate(nights)}
    return {
        "x": tuple(Tick(middle[night], day(night)) for night in nights[::every]),
        "y": tuple(Tick(round(_y(value, ticks), 1), label(value)) for value in ticks),
        "zones": tuple(
            Zone(round(LEFT + i * step, 1), round(step, 2), _words(night, words, unit, marks.get(night, "")))
            for i, (night, words) in enumerate(zip(nights, told, strict=True))
        ),
        "marks": tuple(middle[night] for night in marks if night in middle),
    }


def _words(night: date, words: str, unit: str, mark: str) -> str:
    """A night as it is told to who points at it."""
    return f"{night}: {f'{words} ({unit})' if words else 'nothing'}{f'; {mark}' if mark else ''}"


def _y(value: float, ticks: Sequence[float]) -> float:
    low, high = ticks[0], ticks[-1]
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / ((high - low) or 1.0))


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
