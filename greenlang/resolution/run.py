"""Running plans: all outputs of a spec for one set of inputs, exact and then rounded as declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from greenlang_sdk import decimals

from greenlang.errors import CalculationError
from greenlang.formulas.evaluate import Tables, Value, evaluate
from greenlang.formulas.tree import Lookup, Name, Node, walk
from greenlang.resolution.plan import FactorLookup, OutputPlan
from greenlang.specs.model import AgentSpec, Given


def tables(lookups: Mapping[str, FactorLookup]) -> Tables:
    """Look-up name -> key -> value."""
    return {name: {key: row.value for key, row in table.rows.items()} for name, table in lookups.items()}


def with_defaults(spec: AgentSpec, given: Mapping[str, Given]) -> dict[str, Given]:
    """The inputs, with defaults where none was given."""
    out: dict[str, Given] = {n: i.default for n, i in spec.inputs.items() if i.default is not None}
    out.update(given)
    return out


def outputs(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: Iterable[str],
    rows: Tables,
    given: Mapping[str, Given],
) -> dict[str, Value]:
    """Unrounded values of every planned output that is computed. Raises CalculationError."""
    inputs = with_defaults(spec, given)
    out: dict[str, Value] = {}
    values: dict[str, Given] = dict(inputs)
    shared = spec.inputs.keys() & spec.outputs.keys()
    for name in order:
        plan = plans[name]
        if plan.means == "system":
            continue
        seen = bound(plan.expression, inputs, out) if shared else values
        out[name] = values[name] = value = evaluate(plan.expression, seen, rows)
        if isinstance(value, Decimal):
            _fits(value, plan, spec.outputs[name].dtype)
    return out


def _fits(value: Decimal, plan: OutputPlan, dtype: str) -> None:
    """Raise CalculationError for a value that the agent refuses to give as an output of this type."""
    try:
        if dtype == "int32":
            decimals.round_whole(value, plan.output)
        else:
            decimals.round_output(value, plan.decimals or 0)
    except decimals.CalculationError as error:
        raise CalculationError(f"{plan.output}: {error}", kind="overflow") from error


def bound(tree: Node, inputs: Mapping[str, Given], computed: Mapping[str, Value]) -> dict[str, Given]:
    """The values of a checked tree's names: an input and an output may have one name, and a tree uses one of the two.

    Raises KeyError for an output without value.
    """
    values = dict(inputs)
    values.update((n.name, computed[n.name]) for n in walk(tree) if isinstance(n, Name) and n.kind == "output")
    return values


def clash(tree: Node) -> str:
    """The name that a checked tree uses as an input and as an output; empty if there is none."""
    taken = {n.name for n in walk(tree) if isinstance(n, Name) and n.kind == "input"}
    taken |= {name for n in walk(tree) if isinstance(n, Lookup) for name in n.inputs}
    given = {n.name for n in walk(tree) if isinstance(n, Name) and n.kind == "output"}
    return min(taken & given, default="")


def canonical(value: Value, decimals_after_point: int | None) -> str:
    """The text that a test compares: rounded as declared, in the one normal form."""
    if isinstance(value, Decimal) and decimals_after_point is not None:
        return decimals.normal_text(decimals.round_output(value, decimals_after_point))
    return str(value).lower() if isinstance(value, bool) else str(value)
