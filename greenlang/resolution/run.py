"""Running plans: all outputs of a spec for one set of inputs, exact and then rounded as declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from greenlang_sdk import decimals

from greenlang.formulas.evaluate import Tables, Value, evaluate
from greenlang.resolution.plan import FactorLookup, OutputPlan
from greenlang.specs.model import AgentSpec, Scalar


def tables(lookups: Mapping[str, FactorLookup]) -> Tables:
    """Look-up name -> key -> value."""
    return {name: {key: row.value for key, row in table.rows.items()} for name, table in lookups.items()}


def with_defaults(spec: AgentSpec, given: Mapping[str, Scalar]) -> dict[str, Value]:
    """The inputs, with defaults where none was given."""
    out: dict[str, Value] = {n: i.default for n, i in spec.inputs.items() if i.default is not None}
    out.update(given)
    return out


def outputs(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: Iterable[str],
    rows: Tables,
    given: Mapping[str, Scalar],
) -> dict[str, Value]:
    """Unrounded values of every planned output that is computed. Raises CalculationError."""
    values = with_defaults(spec, given)
    out: dict[str, Value] = {}
    for name in order:
        plan = plans[name]
        if plan.means == "system":
            continue
        out[name] = values[name] = evaluate(plan.expression, values, rows)
    return out


def canonical(value: Value, decimals_after_point: int | None) -> str:
    """The text that a test compares: rounded as declared, in the one normal form."""
    if isinstance(value, Decimal) and decimals_after_point is not None:
        return decimals.normal_text(decimals.round_output(value, decimals_after_point))
    return str(value).lower() if isinstance(value, bool) else str(value)
