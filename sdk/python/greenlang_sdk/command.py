"""The command line of an agent: ``python -m <package> '{"fuel": ...}'``, or the JSON on standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal

from greenlang_sdk.agent import AgentSpecV2Base, InT, OutT


def main(agent: AgentSpecV2Base[InT, OutT], argv: Sequence[str] | None = None) -> int:
    """Read one JSON object, run the agent, print the result as canonical JSON.

    Returns 0 for a result, 1 for a refused input, 2 for what is no JSON object.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] in (["-h"], ["--help"]) or (not arguments and sys.stdin.isatty()):
        sys.stdout.write(usage(agent))
        return 0 if arguments else 2
    text = arguments[0] if arguments else sys.stdin.read()
    try:
        payload = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except ValueError as error:
        sys.stderr.write(f"this is no JSON: {error}\n")
        return 2
    if not isinstance(payload, dict):
        sys.stderr.write("a JSON object is needed\n")
        return 2
    result = agent.run(payload)
    sys.stdout.write(result.canonical().decode("utf-8") + "\n")
    return 0 if result.success else 1


def usage(agent: AgentSpecV2Base[InT, OutT]) -> str:
    """What the agent takes and gives, field by field with the units that its models state."""
    package = type(agent).__module__.split(".")[0]
    lines = [f"usage: python -m {package} '{{...}}'     (or the JSON object on standard input)", ""]
    for title, model in (("inputs", agent.input_model), ("outputs", agent.output_model)):
        lines.append(f"{title} of {agent.agent_id} {agent.version}:")
        for name, field in getattr(model, "model_fields", {}).items():
            optional = "" if field.is_required() else " (optional)"
            lines.append(f"  {name}{optional}  {field.description or ''}".rstrip())
        lines.append("")
    return "\n".join(lines)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
