"""The command line of an agent: ``python -m <package> '{"fuel": ...}'``, or the JSON on standard input.

An agent of several tools also takes the name of one first: ``python -m <package> <tool> '{"fuel": ...}'``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from greenlang_sdk.agent import AgentSpecV2Base, InT, OutT
from greenlang_sdk.toolbox import ToolboxAgent


def main(agent: AgentSpecV2Base[InT, OutT], argv: Sequence[str] | None = None) -> int:
    """Read one JSON object, run the agent, print the result as canonical JSON.

    Returns 0 for a result, 1 for a refused input, 2 for what is no JSON object.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] in (["-h"], ["--help"]) or (not arguments and sys.stdin.isatty()):
        sys.stdout.write(usage(agent))
        return 0 if arguments else 2
    named = isinstance(agent, ToolboxAgent) and arguments and not arguments[0].lstrip().startswith("{")
    tool = arguments.pop(0) if named else ""
    text = arguments[0] if arguments else sys.stdin.read()
    try:
        payload = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except ValueError as error:
        sys.stderr.write(f"this is no JSON: {error}\n")
        return 2
    if not isinstance(payload, dict):
        sys.stderr.write("a JSON object is needed\n")
        return 2
    result = agent.run({"tool": tool, "arguments": payload} if named else payload)
    sys.stdout.write(result.canonical().decode("utf-8") + "\n")
    return 0 if result.success else 1


def usage(agent: AgentSpecV2Base[InT, OutT]) -> str:
    """What the agent takes and gives, field by field with the units that its models state."""
    package = type(agent).__module__.split(".")[0]
    if not isinstance(agent, ToolboxAgent):
        lines = [f"usage: python -m {package} '{{...}}'     (or the JSON object on standard input)", ""]
        return "\n".join([*lines, *_fields(agent, f"{agent.agent_id} {agent.version}")])
    lines = [f"usage: python -m {package} TOOL '{{...}}'     (or the JSON object on standard input)", ""]
    for name, part in agent.parts.items():
        lines += _fields(part, name)
    return "\n".join(lines)


def _fields(agent: AgentSpecV2Base[Any, Any], title: str) -> list[str]:
    lines: list[str] = []
    for kind, model in (("inputs", agent.input_model), ("outputs", agent.output_model)):
        lines.append(f"{kind} of {title}:")
        for name, field in model.model_fields.items():
            optional = "" if field.is_required() else " (optional)"
            lines.append(f"  {field.serialization_alias or name}{optional}  {field.description or ''}".rstrip())
        lines.append("")
    return lines


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
