"""Which dialect a file is written in: recognised by its keys, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect: letter, name, and what a person should do where it is not read."""

    letter: str
    title: str
    readable: bool
    advice: str = ""


B = Dialect("B", "pack.yaml 2.0.0 with compute, provenance and tests", True)
_NOT_YET = 'this release reads dialect B; write the agent as a pack.yaml with `schema_version: "2.0.0"`'
A = Dialect("A", "an AgentSpec V2 of eleven sections (agent_metadata, tools.tools_list)", False, _NOT_YET)
C = Dialect("C", "a pack of agents (pack, agents[], tools[])", False, _NOT_YET)
D = Dialect("D", "a pack manifest of schema 1.0 (pack_schema_version)", False, _NOT_YET)
E = Dialect(
    "E",
    "a solution pack that lists components",
    False,
    "it is not an agent: drop the specs of its components one by one",
)
F = Dialect(
    "F",
    "an AgentSpec stub (apiVersion greenlang.io/v2)",
    False,
    "it declares nothing to compute: write `compute.inputs` and `compute.outputs` in a pack.yaml",
)


def recognise(value: dict[str, Any]) -> Dialect | None:
    """The dialect of a parsed file, or None."""
    keys = value.keys()
    if "apiVersion" in keys and "kind" in keys:
        return F
    if "pack_schema_version" in keys:
        return D
    if "agent_metadata" in keys or (isinstance(value.get("tools"), dict) and "tools_list" in value["tools"]):
        return A
    if "agents" in keys and ("pack" in keys or "tools" in keys):
        return C
    if "metadata" in keys and "components" in keys:
        return E
    if "schema_version" in keys or "compute" in keys:
        return B
    return None
