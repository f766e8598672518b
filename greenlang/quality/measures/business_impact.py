"""Business impact, as far as it can be measured: which inputs move the figures, and whether CO2e says its basis.

Market size, return and success of an agent are no property that running it can show; they are left out by name
(`greenlang.quality.page`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from greenlang.errors import CalculationError
from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.formulas.evaluate import LookupMiss
from greenlang.formulas.tree import FactorCall, Lookup, Name, Sum, TableCall, walk
from greenlang.quality.measures import basis
from greenlang.quality.measures.results import inapplicable, share
from greenlang.quality.measures.subject import Subject
from greenlang.resolution import run, samples
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import Given, InputSpec

_BASES = 24  # an input may matter only where another has a certain value
_TURNED = 2
_VALUES = 5
_RUNS = 240  # evaluations of a part, shared among the inputs that a plan reads


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    return [_inputs(subject), basis.stated(subject)]


def _inputs(subject: Subject) -> MeasureResult:
    still, total, changes = [], 0, {}
    for part in subject.case.resolution.flat:
        head = f"{part.spec.part}." if part.spec.part else ""
        for name, change in _moved(part).items():
            total += 1
            if change is None:
                still.append(f"{head}{name}")
            elif change:
                changes[f"sensitivity {head}{name} (relative change)"] = change
    if not total:
        return inapplicable("inputs that matter", "no input can be changed")
    details = [
        Detail(f"no value of {name} that was tried moves an output", rule="sensitivity", level="warning")
        for name in still
    ]
    result = share("inputs that matter", total - len(still), total, "inputs move an output", still, details)
    return MeasureResult(result.name, result.share, result.met, result.text, result.details, changes)


def _moved(part: Resolution) -> dict[str, float | None]:
    """For each input the relative change of the first numeric output at the first value that moves an output (0: it
    moves another one); None: nothing moves, or no plan reads it.
    """
    tables = run.tables(part.lookups)
    read = _read(part)
    bases = _bases(part)
    answers = [(base, _answer(part, tables, base)) for base in bases]
    most = max(_VALUES, _RUNS // max(1, len(read)))
    found: dict[str, float | None] = {}
    for name, port in part.spec.inputs.items():
        if name not in read:
            found[name] = None
            continue
        values = _values(part, port)
        pairs = ((base, value, before) for value in values for base, before in answers if before is not None)
        tried = False
        for base, value, before in islice(pairs, most):
            after = _answer(part, tables, {**base, name: value}) if value != base.get(name) else None
            if after is None:
                continue
            tried = True
            if (change := _change(before, after)) is not None:
                found[name] = change
                break
        if tried:
            found.setdefault(name, None)
    return found


def _bases(part: Resolution) -> list[Mapping[str, Given]]:
    """Inputs to start from: the vectors, and the first of them with each flag turned."""
    bases: list[Mapping[str, Given]] = [vector.input for vector in part.vectors if not vector.error]
    flags = [name for name, port in part.spec.inputs.items() if port.dtype == "bool"]
    turned = [
        {**base, name: not base.get(name, part.spec.inputs[name].default)} for base in bases[:_TURNED] for name in flags
    ]
    return [*bases[:_TURNED], *turned, *bases[_TURNED:]][:_BASES]


def _read(part: Resolution) -> set[str]:
    """The inputs that a plan reads; all of them where a node names them in ways of its own."""
    found: set[str] = set()
    for node in (node for plan in part.plans.values() for node in walk(plan.expression)):
        if isinstance(node, Sum | TableCall | FactorCall):
            return set(part.spec.inputs)
        if isinstance(node, Name):
            found.add(node.name)
        elif isinstance(node, Lookup):
            found |= set(node.inputs)
    return found


def _values(part: Resolution, port: InputSpec) -> Sequence[Given]:
    """A few values of an input, over its range."""
    if port.columns:
        return list(samples.tables(port))[:_VALUES]
    held = samples.covered(port, part.lookups)
    values = held or ([samples.typed(port, v) for v in samples.numbers(port)] if port.numeric else [])
    values = values or samples.texts(port, part.lookups)
    step = max(1, len(values) // _VALUES)
    return values[::step]


def _answer(part: Resolution, tables: Any, given: Mapping[str, Given]) -> Mapping[str, Any] | None:
    try:
        return run.outputs(part.spec, part.plans, part.order, tables, given)
    except (CalculationError, LookupMiss):
        return None


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> float | None:
    """None if nothing moved."""
    if before == after:
        return None
    first = next((n for n, v in before.items() if isinstance(v, Decimal)), None)
    if first is None or not before[first] or not isinstance(after.get(first), Decimal):
        return 0.0
    return round(float(abs(after[first] - before[first]) / abs(before[first])), 6)
