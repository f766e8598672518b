"""The geometry of the two pictures: the score wheel and the histogram of latency.

Belongs here: arithmetic that a template must not do. Does not belong here: colours, marks on the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from greenlang.factory.outcome import DimensionResult

RADIUS = 112.0
CENTRE = 160.0
_GAP = 1.4  # degrees between sectors
_RIM = 7.0
_LABEL = 25.0
_LEAST = 3.0  # a sector of score 0 is still seen
BARS = 24


@dataclass(frozen=True, slots=True)
class Sector:
    """One dimension in the wheel. Paths are SVG path data; ``x`` and ``y`` place its number."""

    number: int
    title: str
    status: str
    required: bool
    words: str
    track: str
    wedge: str
    threshold: str
    rim: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the histogram, in the picture's own units; ``words`` for those who do not see it."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A percentile under the histogram."""

    name: str
    value: float
    x: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Calls by their milliseconds. Calls beyond ``end`` stand in the last bar."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    begin: float
    end: float
    calls: int
    beyond: int
    width: float = 640.0
    height: float = 150.0


def sectors(dimensions: Sequence[DimensionResult]) -> tuple[Sector, ...]:
    """The wheel's sectors, clockwise from the top, in the order of the dimensions."""
    step = 360.0 / max(1, len(dimensions))
    return tuple(_sector(number, d, step) for number, d in enumerate(dimensions))


def words(dimension: DimensionResult) -> str:
    """A dimension in one sentence, as it is read aloud."""
    need = "required" if dimension.required else "not required"
    if dimension.score is None:
        return f"{dimension.title}: not applicable, {need}"
    return f"{dimension.title}: {dimension.status}, {dimension.score:g} of 100, least {dimension.threshold:g}, {need}"


def histogram(milliseconds: Sequence[float]) -> Histogram | None:
    """A histogram of sorted figures; None where there are none. A few slow calls do not stretch the axis."""
    if not milliseconds:
        return None
    begin = milliseconds[0]
    end = min(percentile(milliseconds, 99), 2 * percentile(milliseconds, 95))
    span = (end - begin) or 1.0
    counts = [0] * BARS
    beyond = 0
    for value in milliseconds:
        beyond += value > end
        counts[min(BARS - 1, int((value - begin) / span * BARS))] += 1
    width, height = 640.0, 150.0
    bar = width / BARS
    bars = tuple(
        Bar(
            round(i * bar + 1, 2),
            round(height * (1 - n / max(counts)), 2),
            round(bar - 2, 2),
            round(height * n / max(counts), 2),
            f"{n} calls from {begin + span * i / BARS:.3g} to {begin + span * (i + 1) / BARS:.3g} ms"
            + (" and more" if beyond and i == BARS - 1 else ""),
        )
        for i, n in enumerate(counts)
        if n
    )
    marks = tuple(
        Mark(f"p{p}", value, round(min(1.0, (value - begin) / span) * width, 2))
        for p in (50, 95, 99)
        for value in (percentile(milliseconds, p),)
    )
    return Histogram(bars, marks, begin, begin + span, len(milliseconds), beyond, width, height)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of sorted, not empty figures: one of them, never a mean of two."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def _sector(number: int, d: DimensionResult, step: float) -> Sector:
    begin = number * step + _GAP / 2
    end = (number + 1) * step - _GAP / 2
    middle = (begin + end) / 2
    reach = None if d.score is None else max(_LEAST, RADIUS * min(100.0, max(0.0, d.score)) / 100)
    x, y = _point(middle, RADIUS + _LABEL)
    return Sector(
        number + 1,
        d.title,
        d.status,
        d.required,
        words(d),
        track=_wedge(begin, end, RADIUS),
        wedge="" if reach is None else _wedge(begin, end, reach),
        threshold="" if d.score is None else _arc(begin, end, RADIUS * d.threshold / 100),
        rim=_arc(begin, end, RADIUS + _RIM) if d.required else "",
        x=x,
        y=y,
    )


def _point(degrees: float, radius: float) -> tuple[float, float]:
    turn = math.radians(degrees - 90)
    return round(CENTRE + radius * math.cos(turn), 2), round(CENTRE + radius * math.sin(turn), 2)


def _arc(begin: float, end: float, radius: float) -> str:
    (x, y), (u, v) = _point(begin, radius), _point(end, radius)
    return f"M{x} {y}A{round(radius, 2)} {round(radius, 2)} 0 0 1 {u} {v}"


def _wedge(begin: float, end: float, radius: float) -> str:
    return f"{_arc(begin, end, radius)}L{CENTRE} {CENTRE}Z"
