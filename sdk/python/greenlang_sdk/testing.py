"""What tests of an agent share: vectors, comparison, and `answers` for whoever judges the agent from outside."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from greenlang_sdk.agent import AgentSpecV2Base, CalculatorAgent
from greenlang_sdk.canonical import canonical
from greenlang_sdk.decimals import CONTEXT, normal_text


@dataclass(frozen=True, slots=True)
class Case:
    """Inputs, and what the agent must answer: outputs, or a refusal with this code and field."""

    name: str
    input: dict[str, Any]
    expect: dict[str, str]
    tolerances: dict[str, str]
    origin: str = ""
    code: str = ""
    field: str = ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of `vectors.json`."""

    base: dict[str, Any]
    vectors: tuple[Case, ...]
    refused: tuple[Case, ...]
    accepted: tuple[Case, ...]
    bounds: tuple[dict[str, str], ...]
    scaling: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = ()
    fields: tuple[dict[str, str], ...] = ()
    figures: tuple[dict[str, Any], ...] = ()

    @property
    def sample(self) -> tuple[Case, ...]:
        """Up to eight answered vectors, spread evenly: enough where a test asks for a habit and not for a figure."""
        step = max(1, -(-len(self.answered) // 8))
        return self.answered[::step]

    @property
    def answered(self) -> tuple[Case, ...]:
        """Vectors with expected outputs."""
        return tuple(case for case in self.vectors if not case.code)


def read_cases(path: Path) -> Cases:
    """Read `vectors.json`."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Cases(
        base=data["base"],
        vectors=tuple(Case(**case) for case in data["vectors"]),
        refused=tuple(Case(**case) for case in data["refused"]),
        accepted=tuple(Case(**case) for case in data["accepted"]),
        bounds=tuple(data["bounds"]),
        scaling=tuple(data["scaling"]),
        **{name: tuple(data.get(name, ())) for name in ("tools", "fields", "figures")},
    )


def text_of(value: object) -> str:
    """The canonical text of an output."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return normal_text(value) if isinstance(value, Decimal) else str(value)


def agrees(actual: object, expected: str, tolerance: str | None = None) -> bool:
    """Whether an output is what was expected: to the digit, or within a relative tolerance."""
    if tolerance is None or not isinstance(actual, Decimal):
        return text_of(actual) == expected
    wanted = Decimal(expected)
    distance = CONTEXT.abs(CONTEXT.subtract(actual, wanted))
    return distance <= CONTEXT.multiply(Decimal(tolerance), abs(wanted) or Decimal(1))


def calculate(agent: CalculatorAgent[Any, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs and unrounded outputs by the names of the spec, from one tool after the other."""
    typed = agent.input_model.model_validate(given)
    values: dict[str, Any] = {name: getattr(typed, name) for name in type(typed).model_fields}
    named: dict[str, Any] = dict(typed.as_dict())
    for name, tool in agent.tools.items():
        values[name] = agent.call_tool(name, **{p: values[p] for p in tool.parameters})
        named[tool.output] = values[name]
    return named


def answers(package: str, inputs: Sequence[Mapping[str, Any]]) -> bytes:
    """One canonical JSON line for each input: ``{"ok":false,"error":{...}}``, or ``{"ok":true,"data":{...}}`` with the
    ``provenance`` of the calculation.
    """
    module = importlib.import_module(package)
    agent: AgentSpecV2Base[Any, Any] = module.Agent()
    return b"".join(canonical(_answer(agent, given)) + b"\n" for given in inputs)


def _answer(agent: AgentSpecV2Base[Any, Any], given: Mapping[str, Any]) -> dict[str, object]:
    result = agent.run(given)
    if result.error is not None:
        return {"ok": False, "error": result.error.as_dict()}
    return {"ok": True, "data": result.as_dict()["data"], "provenance": result.provenance}
