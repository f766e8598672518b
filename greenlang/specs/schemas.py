"""The JSON Schemas of the dialects and of overlays, made from the declared types."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from greenlang.specs.dialect_a import AgentSpecV2
from greenlang.specs.dialect_c import PackOfAgents
from greenlang.specs.dialect_d import Manifest
from greenlang.specs.form import json_schema
from greenlang.specs.overlay import Overlay
from greenlang.specs.schema import Pack

_MODELS: dict[str, tuple[type[BaseModel], str]] = {
    "A": (AgentSpecV2, "GreenLang spec, dialect A: AgentSpec V2 of eleven sections"),
    "B": (Pack, "GreenLang spec, dialect B: pack.yaml 2.0.0"),
    "C": (PackOfAgents, "GreenLang spec, dialect C: pack of agents"),
    "D": (Manifest, "GreenLang spec, dialect D: pack of schema 1.0"),
}


def schema_of(letter: str) -> dict[str, Any]:
    """The JSON Schema of a dialect."""
    made = json_schema(*_MODELS[letter])
    if letter == "A":
        made["anyOf"] = [{"required": ["agent_metadata"]}, {"required": ["agent"]}]
    if letter == "B":  # names become code
        for ports in ("inputs", "outputs"):
            made["$defs"]["Compute"]["properties"][ports]["propertyNames"] = {"pattern": "^[a-z][a-z0-9_]*$"}
    if letter == "D":  # what has no outputs is a manifest: nothing is generated from it
        made["required"] = [*made.get("required", ()), "outputs"]
    return made


def overlay_schema() -> dict[str, Any]:
    """The JSON Schema of an overlay file."""
    return json_schema(Overlay, "GreenLang overlay: what a reviewer adds to a spec")
