"""Which dialect a file is written in: recognised by its keys, never guessed.

A file with the keys of two dialects is refused until somebody says which one is meant. What is no agent at all is
refused with one sentence that says what the file is and what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.source import Document


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect: letter, name, how it is known, and what a person should do where it is not read."""

    letter: str
    title: str
    known_by: str
    readable: bool = True
    advice: str = ""


A = Dialect("A", "an AgentSpec V2 of eleven sections", "`agent_metadata` or `tools.tools_list`")
B = Dialect("B", "a pack.yaml 2.0.0", "`compute`")
C = Dialect("C", "a pack of agents", "`pack` and `agents`")
D = Dialect("D", "a pack of schema 1.0", "`pack_schema_version`")
E = Dialect(
    "E",
    "a solution pack",
    "`components`",
    readable=False,
    advice="drop the specs of its components one by one",
)
F = Dialect(
    "F",
    "an AgentSpec stub (apiVersion greenlang.io/v2)",
    "`apiVersion`",
    readable=False,
    advice="write `compute.inputs`, `compute.outputs` and `compute.formulas` in a pack.yaml",
)
BY_LETTER = {d.letter: d for d in (A, B, C, D, E, F)}


def _stub(value: dict[str, Any]) -> bool:
    return "apiVersion" in value and (value.get("kind") == "AgentSpec" or "greenlang" in str(value["apiVersion"]))


_MARKS: tuple[tuple[Dialect, Callable[[dict[str, Any]], list[str]]], ...] = (
    (F, lambda v: ["apiVersion"] if _stub(v) else []),
    (D, lambda v: [k for k in ("pack_schema_version",) if k in v]),
    (A, lambda v: [*(["agent_metadata"] if "agent_metadata" in v else []), *_tools_list(v)]),
    (C, lambda v: [k for k in ("pack", "agents") if isinstance(v.get(k), dict | list)]),
    (E, lambda v: ["components"] if "components" in v else []),
    (B, lambda v: ["compute"] if "compute" in v else []),
)


def _tools_list(value: dict[str, Any]) -> list[str]:
    tools = value.get("tools")
    if isinstance(tools, dict) and "tools_list" in tools:
        return ["tools.tools_list"]
    return ["agent"] if isinstance(value.get("agent"), dict) and isinstance(tools, list) else []


def marks(value: dict[str, Any]) -> dict[str, list[str]]:
    """Letter -> the keys that belong to that dialect only."""
    return {dialect.letter: found for dialect, of in _MARKS if (found := of(value))}


def chosen(document: Document, wanted: str | None) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The dialect to read a file in, and what is to be said about it; None if it cannot be read."""
    value: dict[str, Any] = document.value
    if wanted is not None:
        return wanted.upper(), ()
    found = marks(value)
    if len(found) > 1:
        return None, (_mixed(document, found),)
    if not found:
        return ("B", ()) if "schema_version" in value else (None, (_unknown(value),))
    letter = next(iter(found))
    dialect = BY_LETTER[letter]
    if dialect.readable:
        return letter, ()
    sentence = _solution(value) if letter == "E" else _empty(value)
    return None, (Diagnostic("GLS008", "error", f"dialect {letter}: {sentence}", dialect.advice, 1, 1),)


def _mixed(document: Document, found: dict[str, list[str]]) -> Diagnostic:
    said = " and ".join(
        f"`{keys[0]}` of dialect {letter} ({BY_LETTER[letter].title})" for letter, keys in found.items()
    )
    last = list(found.values())[-1][0]
    line, column = document.place(tuple(last.split(".")))
    readable = [letter for letter in found if BY_LETTER[letter].readable]
    return Diagnostic(
        "GLS009",
        "error",
        f"the file mixes dialects: it has {said}",
        f"take the keys of one away, or say which is meant: --dialect {' or --dialect '.join(readable) or 'B'}",
        line,
        column,
        last,
    )


def _solution(value: dict[str, Any]) -> str:
    parts = value.get("components")
    count = len(parts) if isinstance(parts, dict | list) else 0
    return f"this is a solution pack that lists {count} components and no agent; nothing in it says what is computed"


def _empty(value: dict[str, Any]) -> str:
    spec = value.get("spec")
    counts = [
        len(spec[k]) if isinstance(spec, dict) and isinstance(spec.get(k), list) else 0 for k in ("inputs", "outputs")
    ]
    return (
        f"this is an AgentSpec stub (apiVersion greenlang.io/v2) with {counts[0]} inputs and {counts[1]} outputs; "
        "nothing in it says what is computed"
    )


_OTHERS: tuple[tuple[str, str], ...] = (
    ("overlay", "an overlay: it goes beside a spec, under the spec's name with `.overlay.yaml`"),
    ("template", "a spec template: `greenlang template` makes specs of it"),
    ("apiVersion", "a Kubernetes manifest"),
    ("openapi", "an OpenAPI description"),
    ("$schema", "a JSON Schema"),
    ("jobs", "a workflow of a CI service"),
    ("services", "a Docker Compose file"),
    ("steps", "a pipeline"),
    ("pipeline", "a pipeline"),
)


def _unknown(value: dict[str, Any]) -> Diagnostic:
    keys = ", ".join(f"`{k}`" for k in list(value)[:6]) or "no keys"
    other = next((what for key, what in _OTHERS if key in value), None)
    if other is not None:
        message = f"no spec of an agent: this looks like {other}"
    else:
        message = f"no known dialect: the file starts with {keys}"
    return Diagnostic(
        "GLS008",
        "error",
        message,
        'a spec has `schema_version: "2.0.0"`, `id`, `name`, `version` and `compute`',
        1,
        1,
    )
