"""Whether a golden case tells a plan from others that could be meant, and does not only agree with it by chance.

``COP = 6.81 - 0.121 × ΔT`` at ΔT = 0 says nothing of the unit of ΔT, and ``fuel × efficiency`` at an efficiency of 1 is
also ``fuel / efficiency``.

Belongs here: what a case proves of a plan that is in doubt. Does not belong here: whether it agrees at all (``prove``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from greenlang import units
from greenlang.errors import CalculationError
from greenlang.formulas.evaluate import Tables
from greenlang.formulas.tree import Name, walk
from greenlang.resolution import run
from greenlang.resolution.plan import OutputPlan
from greenlang.resolution.prove import close
from greenlang.specs.model import AgentSpec, Given, GoldenCase


def untold(spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], rows: Tables, output: str) -> str:
    """Why no case tells a plan that is in doubt: each of its numbers must matter in one; empty if they all do."""
    cases = [c for c in spec.golden if output in c.expect and not c.set_aside and _telling(spec, c, output)]
    if not cases:
        return "no golden case tells which is meant"
    for name in sorted(_numbers(spec, plans, output)):
        if not any(_matters(spec, plans, order, rows, case, output, name) for case in cases):
            return f"no golden case tells which is meant: `{name}` makes no difference in any"
    return ""


def _telling(spec: AgentSpec, case: GoldenCase, output: str) -> bool:
    """Whether a case expects a number that not any formula gives: no zero, and none of the inputs."""
    wanted = case.expect[output].value
    if isinstance(wanted, bool) or not isinstance(wanted, Decimal | int) or wanted == 0:
        return False
    inputs = run.with_defaults(spec, case.input)
    return not any(isinstance(v, Decimal | int) and not isinstance(v, bool) and v == wanted for v in inputs.values())


def _numbers(spec: AgentSpec, plans: Mapping[str, OutputPlan], output: str) -> set[str]:
    """The number inputs that a plan reads itself."""
    parts = walk(plans[output].expression)
    return {p.name for p in parts if isinstance(p, Name) and p.kind == "input" and spec.inputs[p.name].numeric}


def _others(value: Decimal, unit: str) -> list[Decimal]:
    """The same number in another unit, as it were: a zero is one in all of them, but not one of degC."""
    return [value + 10, value - 10] if units.is_offset(unit) else [value * 2, value / 2] if value else []


def _matters(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    rows: Tables,
    case: GoldenCase,
    output: str,
    name: str,
) -> bool:
    """Whether another value of an input would no longer give what the case expects."""
    inputs: dict[str, Given] = run.with_defaults(spec, case.input)
    value, wanted = inputs.get(name), case.expect[output]
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return False
    assert isinstance(wanted.value, Decimal | int)
    for other in _others(Decimal(value), spec.inputs[name].unit):
        try:
            got = run.outputs(spec, plans, order, rows, {**inputs, name: other})[output]
        except CalculationError:
            return True
        if isinstance(got, Decimal) and not close(got, Decimal(wanted.value), wanted.tol):
            return True
    return False
