"""Specification: what the spec says, and whether all of it is planned, cited and accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from greenlang.factory.citations import citations_of
from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.formulas.tree import Lookup, TableCall, walk
from greenlang.quality.measures import basis
from greenlang.quality.measures.results import inapplicable, none, share
from greenlang.quality.measures.subject import Subject
from greenlang.resolution.plan import OutputPlan, Resolution


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    resolution = subject.case.resolution
    units = [(part, name) for part in resolution.flat for name in part.spec.outputs]
    without = [name for part, name in units if name not in part.plans]
    errors = [
        Detail(d.message, rule=d.code, mend=d.hint or "") for d in resolution.diagnostics if d.severity == "error"
    ]
    return [
        share("outputs planned", len(units) - len(without), len(units), "outputs", without),
        none("no contradiction", errors, "errors"),
        _cited(resolution),
        _ledger(subject),
        _standards(resolution),
        basis.one_set(subject),
        _fields(subject),
    ]


def _cited(resolution: Resolution) -> MeasureResult:
    pinned = resolution.pinned
    if not pinned:
        return inapplicable("factors cited", "no factor is used")
    uncited = [f.key for f in pinned if not (f.document and (f.table or f.cell))]
    return share("factors cited", len(pinned) - len(uncited), len(pinned), "rows", uncited)


def _ledger(subject: Subject) -> MeasureResult:
    ledger = subject.spec.ledger
    if not ledger:
        return MeasureResult("ledger", 0.0, False, "the reader kept no ledger", (Detail("the reader kept no ledger"),))
    silent = [line.path for line in ledger if line.fate == "ignored" and not line.reason]
    return share("ledger", len(ledger) - len(silent), len(ledger), "keys accounted for", silent)


def _standards(resolution: Resolution) -> MeasureResult:
    """Of the outputs that rest on something published, those whose source is cited."""
    resting = [(part, name, plan) for part, name, plan in _plans(resolution) if _published(plan)]
    if not resting:
        return inapplicable("standards", "every output is the author's own formula, without a pinned figure")
    silent = [name for part, name, plan in resting if not citations_of(part, plan)]
    return share("standards", len(resting) - len(silent), len(resting), "outputs cite their source", silent)


def _plans(resolution: Resolution) -> Iterator[tuple[Resolution, str, OutputPlan]]:
    for part in resolution.flat:
        for name, plan in part.plans.items():
            yield part, name, plan


def _published(plan: OutputPlan) -> bool:
    return bool(plan.formula_id) or any(isinstance(node, Lookup | TableCall) for node in walk(plan.expression))


def _fields(subject: Subject) -> MeasureResult:
    spec = subject.spec
    every = spec.parts or (spec,)
    fields = {
        "name": spec.name,
        "summary": spec.summary,
        "licence": spec.license,
        "owners": spec.owners,
        "tags": spec.tags,
        "worked cases": any(one.golden for one in every),
        "descriptions of inputs": _described(i.description for one in every for i in one.inputs.values()),
        "descriptions of outputs": _described(o.description for one in every for o in one.outputs.values()),
    }
    absent = [name for name, value in fields.items() if not value]
    told = [Detail(f"the spec states no {name}") for name in absent]
    return share("fields", len(fields) - len(absent), len(fields), "present", absent, told)


def _described(texts: Iterable[str]) -> bool:
    """Whether there are any, and none of them is empty."""
    found = list(texts)
    return bool(found) and all(found)
