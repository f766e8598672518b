"""The JSON Schemas of the dialects and of overlays, made from the declared types."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from greenlang.specs.dialect_a import AgentSpecV2
from greenlang.specs.dialect_c import PackOfAgents
from greenlang.specs.dialect_d import Manifest
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
    made = _json_schema(*_MODELS[letter])
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
    return _json_schema(Overlay, "GreenLang overlay: what a reviewer adds to a spec")


def _json_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The JSON Schema of a dialect, for editors: draft 2020-12."""
    made = model.model_json_schema()
    _any_of(made)
    _or_nothing(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": title}


def _any_of(schema: Any) -> None:
    """A mapping may be read in two forms as well as one: oneOf would refuse it."""
    if isinstance(schema, dict):
        if isinstance(schema.get("oneOf"), list):  # among `properties`, it is the name of one
            schema["anyOf"] = schema.pop("oneOf")
        for inner in schema.values():
            _any_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _any_of(inner)


def _or_nothing(schema: Any) -> None:
    """A key that may be left out may also stand there with nothing behind it."""
    if isinstance(schema, list):
        for inner in schema:
            _or_nothing(inner)
    if not isinstance(schema, dict):
        return
    for inner in schema.values():
        _or_nothing(inner)
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict):
        return
    for name, inner in properties.items():
        if name not in schema.get("required", ()):
            properties[name] = _nullable(inner)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return {**schema, "type": kinds if kinds == "null" else [kinds, "null"]}
    if isinstance(kinds, list):
        return {**schema, "type": [*kinds, *(() if "null" in kinds else ("null",))]}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], *(() if None in schema["enum"] else (None,))]}
    if "anyOf" in schema:
        null = {"type": "null"}
        return schema if null in schema["anyOf"] else {**schema, "anyOf": [*schema["anyOf"], null]}
    about = {k: v for k, v in schema.items() if k in {"default", "title", "description"}}
    rest = {k: v for k, v in schema.items() if k not in about}
    return {**about, "anyOf": [rest, {"type": "null"}]} if rest else schema
