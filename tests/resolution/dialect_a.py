"""A small spec of dialect A with one tool, made from what a test is about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import yaml

from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution import run
from greenlang.resolution.plan import Missing, Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read


def port(unit: str = "", description: str = "", **more: Any) -> dict[str, Any]:
    """One parameter of a tool; no unit: the author states none."""
    out: dict[str, Any] = {"type": "number", "description": description, **more}
    return {**out, "units": unit} if unit else out


def tool_text(
    takes: dict[str, Any],
    gives: dict[str, Any],
    formula: str,
    example: tuple[dict[str, Any], dict[str, Any]] | None = None,
    **more: Any,
) -> str:
    """The YAML of an agent whose one tool computes ``formula``; a parameter is its unit, or what `port` gives."""

    def long(ports: dict[str, Any]) -> dict[str, Any]:
        return {n: port(p) if isinstance(p, str) else p for n, p in ports.items()}

    tool: dict[str, Any] = {
        "name": "compute",
        "parameters": {"type": "object", "properties": long(takes), "required": list(takes)},
        "returns": {"type": "object", "properties": long(gives)},
        "implementation": {"physics_formula": formula},
        **more,
    }
    if example is not None:
        tool["example"] = {"input": example[0], "output": example[1]}
    head = {"agent_id": "test/prose_agent", "agent_name": "Prose", "version": "1.0.0"}
    return yaml.safe_dump(
        {"agent_metadata": head, "tools": {"tools_list": [tool]}}, allow_unicode=True, sort_keys=False
    )


def spec_of(text: str, overlay: str | None = None) -> AgentSpec:
    spec, findings = read(text.encode(), overlay=overlay.encode() if overlay else None, overlay_name="x.overlay.yaml")
    assert spec is not None, [d.text() for d in findings]
    return spec


def resolved(text: str, overlay: str | None = None) -> Resolution:
    return resolve(spec_of(text, overlay), FactorTable.load(), library())


def tool(*args: Any, **more: Any) -> Resolution:
    """``tool_text``, resolved."""
    return resolved(tool_text(*args, **more))


def plan(resolution: Resolution, output: str) -> str:
    """The formula of an output."""
    assert output in resolution.plans, [(m.reason, m.candidates) for m in resolution.missing]
    return resolution.plans[output].text


def missing(resolution: Resolution, output: str) -> Missing:
    return {m.output: m for m in resolution.missing}[output]


def why(resolution: Resolution, output: str) -> str:
    """All that is said of an output without a plan."""
    lost = missing(resolution, output)
    return " | ".join([lost.reason, *lost.candidates])


def value(resolution: Resolution, output: str, **given: Any) -> Decimal:
    inputs = {n: Decimal(str(v)) if isinstance(v, (int, float)) else v for n, v in given.items()}
    got = run.outputs(resolution.spec, resolution.plans, resolution.order, run.tables(resolution.lookups), inputs)
    number = got[output]
    assert isinstance(number, Decimal)
    return number
