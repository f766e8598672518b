"""The reference evaluator asked in the words of an agent: JSON values in, texts of outputs or a refusal's code out.

Belongs here: what several comparisons ask of the plans. Does not belong here: comparing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from greenlang.errors import CalculationError
from greenlang.formulas.evaluate import LookupMiss
from greenlang.formulas.tree import Name, walk
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import Given, InputSpec


def typed(part: Resolution, given: Mapping[str, Any]) -> dict[str, Given]:
    """JSON values in the types of the inputs."""
    return {name: _cell(part.spec.inputs[name], value) for name, value in given.items() if name in part.spec.inputs}


def _cell(declared: InputSpec, value: Any) -> Any:
    if declared.columns:
        columns = {column.name: column for column in declared.columns}
        return tuple({name: _cell(columns[name], cell) for name, cell in row.items()} for row in value)
    if declared.dtype == "int32":
        return int(value)
    return Decimal(str(value)) if declared.dtype == "float64" else value


def answer(part: Resolution, given: Mapping[str, Given]) -> dict[str, str] | str:
    """The reference evaluator's answer as the agent would give it: outputs as texts, or the code of the refusal."""
    needed = {n.name for p in part.plans.values() for n in walk(p.expression) if isinstance(n, Name)}
    absent = [n for n, i in part.spec.inputs.items() if n in needed and n not in given and i.default is None]
    if absent:
        return "invalid_input"
    try:
        values = run.outputs(part.spec, part.plans, part.order, run.tables(part.lookups), given)
        return {name: run.canonical(value, part.plans[name].decimals) for name, value in values.items()}
    except LookupMiss:
        return "not_covered"
    except CalculationError:
        return "calculation"
