"""An agent as a list of parts, whether its spec is flat or has several tools.

A flat resolution counts as its own only part. Belongs here: what must look at all parts alike. Does not belong here:
layout of a pack, judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from greenlang_sdk.decimals import normal_text

from greenlang.factory.parameters import ParameterRow, parameter_rows
from greenlang.resolution.plan import Gap, OutputPlan, Resolution, Vector


@dataclass(frozen=True, slots=True)
class Question:
    """A vector of a part, and the input of the whole agent that asks for it, in JSON values."""

    vector: Vector
    input: dict[str, Any]


def is_toolbox(resolution: Resolution) -> bool:
    """Whether the agent has several tools behind a dispatcher."""
    return bool(resolution.parts)


def parameters(resolution: Resolution) -> tuple[ParameterRow, ...]:
    """Every row of a parameter table that any part reads, once each, by key."""
    rows = {row.key: row for part in resolution.flat for row in parameter_rows(part)}
    return tuple(rows[key] for key in sorted(rows))


def gaps(resolution: Resolution) -> tuple[Gap, ...]:
    """What the references do not cover, once each."""
    return tuple({gap.selectors: gap for part in resolution.flat for gap in part.gaps}.values())


def plans(resolution: Resolution) -> dict[str, OutputPlan]:
    """Every plan under ``output``, or ``part.output`` in an agent of several tools."""
    if not is_toolbox(resolution):
        return dict(resolution.plans)
    return {f"{part.spec.part}.{name}": plan for part in resolution.flat for name, plan in part.plans.items()}


def units(resolution: Resolution) -> dict[str, str]:
    """The unit of every planned output, under the names of `plans`."""
    found: dict[str, str] = {}
    for part in resolution.flat:
        head = f"{part.spec.part}." if is_toolbox(resolution) else ""
        found |= {f"{head}{name}": part.spec.outputs[name].unit for name in part.plans}
    return found


def questions(resolution: Resolution) -> tuple[Question, ...]:
    """All vectors of all parts with what the whole agent is to be given."""
    found = []
    for part in resolution.flat:
        for vector in part.vectors:
            given = plain(vector.input)
            if is_toolbox(resolution):
                vector = replace(vector, name=f"{part.spec.part}-{vector.name}")  # noqa: PLW2901
                given = {"tool": part.spec.part, "arguments": given}
            found.append(Question(vector, given))
    return tuple(found)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs as JSON values, decimals as texts, tables as lists of rows; what is not given stays away."""
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [plain(row) for row in value]
    return normal_text(value) if isinstance(value, Decimal) else value
