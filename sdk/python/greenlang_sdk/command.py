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


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
