"""What to do next: the findings behind what was not met, as an ordered list.

Belongs here: order, grouping, wording. Does not belong here: finding, repairing (``greenlang.quality.repair``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from greenlang.factory.outcome import Detail, DimensionResult, MeasureResult
from greenlang.quality.dimensions import DIMENSIONS, Measure
from greenlang.quality.report.model import QualityReport, is_must

_DECLARED = {(d.name, m.name): m for d in DIMENSIONS for m in d.measures}
_FEW = 3  # findings of one rule without a mend that are a step each
_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. ``places`` are ``path:line`` inside the pack; ``blocking`` keeps the agent from passing."""

    text: str
    why: str
    dimension: str
    title: str
    measure: str
    blocking: bool
    places: tuple[str, ...] = ()


def steps(report: QualityReport) -> tuple[Step, ...]:
    """What stands in the way first (heaviest dimension first), then what costs score."""
    found = [step for d in report.dimensions for step in _of_dimension(d)]
    weight = {d.name: d.weight for d in report.dimensions}
    found.sort(key=lambda step: (not step.blocking, -weight[step.dimension]))
    return tuple(found)


def place(detail: Detail) -> str:
    """``path:line``, ``path``, or "" for a finding about the whole."""
    return f"{detail.path}:{detail.line}" if detail.path and detail.line else detail.path


def _of_dimension(dimension: DimensionResult) -> Iterator[Step]:
    short = [m for m in dimension.measures if m.share is not None and m.share < 1 and m.met and _grave(m)]
    unmet = [m for m in dimension.measures if m.share is not None and not m.met]
    failed = dimension.status == "failed"
    if failed and not dimension.measures:
        yield Step(dimension.reason, "", dimension.name, dimension.title, "", dimension.required)
    for measure in unmet:
        # In a dimension that failed by its score alone, every unmet measure had a part in it.
        musts = any(is_must(dimension.name, m.name) for m in unmet)
        blocking = failed and dimension.required and (is_must(dimension.name, measure.name) or not musts)
        yield from _of_measure(dimension, measure, blocking)
    for measure in short:  # met, and yet not all that it could be: the mutants that survived
        yield from _of_measure(dimension, measure, blocking=False)


def aim(declared: Measure) -> str:
    """The figure at which a measure is met: ``85 percent or more``, ``0 findings``."""
    figure = f"{declared.threshold} {declared.unit}"
    if declared.threshold in {"0", "100"}:
        return figure
    return f"{figure} or less" if declared.unit in {"milliseconds", "megabytes"} else f"{figure} or more"


def _grave(measure: MeasureResult) -> bool:
    return any(detail.level != "note" for detail in measure.details)


def _of_measure(dimension: DimensionResult, measure: MeasureResult, blocking: bool) -> Iterator[Step]:
    rest = dimension.name, dimension.title, measure.name, blocking
    if not measure.details:
        declared = _DECLARED.get((dimension.name, measure.name))
        yield Step(
            f"Reach {aim(declared)}: {declared.what}" if declared else measure.text,
            measure.text if declared else "",
            *rest,
        )
        return
    for details in _groups(measure.details):
        first = details[0]
        same = len({d.message for d in details}) == 1
        why = first.message if same else f"{first.message} (and {len(details) - 1} more like it)"
        places = tuple(dict.fromkeys(where for d in details if (where := place(d))))
        yield Step(first.mend or why, why if first.mend else "", *rest, places)


def _groups(details: Sequence[Detail]) -> Iterable[list[Detail]]:
    """Findings that one step answers: of one mend, of one message; many of one rule, which have mostly one cause."""
    many = Counter(d.rule for d in details if d.rule and not d.mend)
    groups: dict[tuple[str, str], list[Detail]] = {}
    for detail in sorted(details, key=lambda d: _ORDER[d.level]):
        alone = detail.message if many[detail.rule] <= _FEW else ""
        groups.setdefault((detail.rule, detail.mend or alone), []).append(detail)
    return groups.values()
