"""Exit criteria: how long a call takes, how much memory the agent adds, what a call costs.

Milliseconds and megabytes vary; they stand in `MeasureResult.figures` and never in a text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from greenlang.factory.outcome import LATENCY_P95, MEMORY, Detail, MeasureResult
from greenlang.quality import source
from greenlang.quality.dimensions import LATENCY_MS, MEMORY_MB
from greenlang.quality.measures.results import NOT_RUN, either, inapplicable
from greenlang.quality.measures.subject import Subject


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    return [_latency(subject), _memory(subject), _cost(subject)]


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that so many percent of them do not exceed (nearest rank). Raises IndexError."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _latency(subject: Subject) -> MeasureResult:
    service = subject.case.trial.service
    if service is None:
        return inapplicable("latency", f"the calls that are timed: {NOT_RUN}")
    if not service.latency_ms:
        said = Detail(f"no call was timed: {service.status} {service.detail}".rstrip(), rule="latency")
        return either("latency", [said], "")
    figures = {f"latency p{p} ms": percentile(service.latency_ms, p) for p in (50, 95, 99)}
    slow = figures[LATENCY_P95] > LATENCY_MS
    problem = [Detail(f"the 95th percentile is above {LATENCY_MS:g} ms", rule="latency")] if slow else []
    return either("latency", problem, f"the 95th percentile is within {LATENCY_MS:g} ms", figures)


def _memory(subject: Subject) -> MeasureResult:
    service = subject.case.trial.service
    if service is None:
        return inapplicable("memory", f"the calls that are weighed: {NOT_RUN}")
    if service.status != "passed" and not service.latency_ms:
        return either("memory", [Detail(f"not weighed: {service.status} {service.detail}".rstrip())], "")
    large = service.memory_mb > MEMORY_MB
    problem = [Detail(f"the agent adds more than {MEMORY_MB:g} MB", rule="memory")] if large else []
    return either("memory", problem, f"within {MEMORY_MB:g} MB", {MEMORY: service.memory_mb})


def _cost(subject: Subject) -> MeasureResult:
    found = [
        Detail(f"imports {name}, through which a paid service can be reached", path, line, "cost")
        for path, line, name in source.paid_imports(subject.own)
    ]
    trial = subject.case.trial
    tried = dict.fromkeys((*trial.tests.attempts, *(a for run in trial.evaluations for a in run.attempts)))
    found += [Detail(f"tried: {attempt}", rule="cost") for attempt in tried]
    return either("cost of a call", found, "0 USD: no service can be reached, and none was tried")
