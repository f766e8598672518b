"""Prometheus' text format, version 0.0.4: series as lines.

Belongs here: the format. Does not belong here: which series there are (`greenlang.telemetry.declared`).

It is written by hand because the names are those of design document 000, section 12, and one of its counters,
``greenlang_factory_llm_tokens_used``, has no ``_total``: OpenMetrics and prometheus-client give every counter one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as declared: the names of its labels in order; the upper bounds of a histogram's buckets, ascending."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Labels
    help: str
    buckets: tuple[float, ...] = ()


@dataclass(slots=True)
class Buckets:
    """What a histogram has met under one set of labels. ``counts`` are not cumulated; the last is above all bounds."""

    counts: list[int]
    total: float = 0.0

    def add(self, place: int, number: int, total: float) -> None:
        """Take up ``number`` observations of one bucket, whose values add up to ``total``."""
        self.counts[place] += number
        self.total += total


@dataclass(slots=True)
class Histogram:
    """Observations by labels."""

    metric: Metric
    by_labels: dict[Labels, Buckets] = field(default_factory=dict)

    def of(self, labels: Labels) -> Buckets:
        """What was met under these labels."""
        found = self.by_labels.get(labels)
        if found is None:
            found = self.by_labels[labels] = Buckets([0] * (len(self.metric.buckets) + 1))
        return found

    def observe(self, labels: Labels, value: float) -> None:
        """Take up one value. A value on a bound is inside of it."""
        self.of(labels).add(bisect_left(self.metric.buckets, value), 1, value)


def lines(metric: Metric, values: Mapping[Labels, float]) -> Iterator[str]:
    """A counter or a gauge; one without values keeps its head, so that a reader sees that it exists."""
    yield from _head(metric)
    for labels in sorted(values):
        yield f"{metric.name}{_labels(metric.labels, labels)} {number(values[labels])}"


def histogram_lines(histogram: Histogram) -> Iterator[str]:
    """A histogram, cumulated as the format has it."""
    metric = histogram.metric
    yield from _head(metric)
    names = (*metric.labels, "le")
    for labels in sorted(histogram.by_labels):
        buckets = histogram.by_labels[labels]
        below = 0
        for bound, count in zip((*metric.buckets, math.inf), buckets.counts, strict=True):
            below += count
            yield f"{metric.name}_bucket{_labels(names, (*labels, number(bound)))} {below}"
        yield f"{metric.name}_sum{_labels(metric.labels, labels)} {number(buckets.total)}"
        yield f"{metric.name}_count{_labels(metric.labels, labels)} {below}"


def text(every: Iterable[str]) -> str:
    """Lines as a document."""
    return "".join(f"{line}\n" for line in every)


def number(value: float) -> str:
    """A value as the format writes it: 1, 0.25, +Inf."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _head(metric: Metric) -> Iterator[str]:
    said = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {metric.name} {said}"
    yield f"# TYPE {metric.name} {metric.kind}"


def _labels(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
