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
    """A dialect: letter, name, and what a person should do where it is not read."""

    letter: str
    title: str
    readable: bool = True
    advice: str = ""


A = Dialect("A", "an AgentSpec V2 of eleven sections")
B = Dialect("B", "a pack.yaml 2.0.0")
C = Dialect("C", "a pack of agents")
D = Dialect("D", "a pack of schema 1.0")
E = Dialect("E", "a solution pack", readable=False, advice="drop the specs of its components one by one")
F = Dialect(
    "F",
    "an AgentSpec stub (apiVersion greenlang.io/v2)",
    readable=False,
    advice="write `compute.inputs`, `compute.outputs` and `compute.formulas` in a pack.yaml",
)
BY_LETTER = {d.letter: d for d in (A, B, C, D, E, F)}


def _stub(value: dict[str, Any]) -> list[str]:
    ours = value.get("kind") == "AgentSpec" or str(value.get("apiVersion", "")).startswith("greenlang.io/v2")
    return ["apiVersion"] if "apiVersion" in value and ours else []


def _tools_list(value: dict[str, Any]) -> list[str]:
    tools = value.get("tools")
    if isinstance(tools, dict) and "tools_list" in tools:
        return ["tools.tools_list"]
    return ["agent"] if isinstance(value.get("agent"), dict) and isinstance(tools, list) else []


def _manifest(value: dict[str, Any]) -> list[str]:
    kind = value.get("kind")
    pack = isinstance(kind, str) and kind.lower() == "pack" and "contents" in value
    return [k for k in ("pack_schema_version",) if k in value] or (["contents"] if pack else [])


def _agents(value: dict[str, Any]) -> list[str]:
    """A pack's head and its agents; one of the two without the other is no pack of agents, but see ``_half``."""
    both = isinstance(value.get("pack"), dict) and isinstance(value.get("agents"), dict | list)
    return ["pack", "agents"] if both else []


_MARKS: tuple[tuple[Dialect, Callable[[dict[str, Any]], list[str]]], ...] = (
    (F, _stub),
    (D, _manifest),
    (A, lambda v: [*(["agent_metadata"] if "agent_metadata" in v else []), *_tools_list(v)]),
    (C, _agents),
    (E, lambda v: ["components"] if "components" in v else []),
    (B, lambda v: ["compute"] if "compute" in v else []),
)


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
    groups = list(parts.values()) if isinstance(parts, dict) else [parts]
    lists = [g for g in groups if isinstance(g, list)]
    count = sum(map(len, lists)) if lists else len(parts) if isinstance(parts, dict) else 0
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
    other = next((what for key, what in _OTHERS if key in value), None)
    if (half := _half(value)) is not None:
        message, hint = half
    else:
        keys = ", ".join(f"`{k}`" for k in list(value)[:6]) or "no keys"
        lacking = "" if "compute" in value else "; `compute` with inputs, outputs and formulas is missing"
        message = f"no spec of an agent: this looks like {other}" if other else ""
        message = message or f"no known dialect: the file starts with {keys}{lacking}"
        hint = 'a spec has `schema_version: "2.0.0"`, `id`, `name`, `version` and `compute`'
    return Diagnostic("GLS008", "error", message, hint, 1, 1)


def _half(value: dict[str, Any]) -> tuple[str, str] | None:
    """What may be said of a file that has some keys of a dialect: what it is, and what is missing."""
    agents, api = value.get("agents"), str(value.get("apiVersion", ""))
    if api.startswith("greenlang.io"):
        kind = f"of the kind {value['kind']}" if isinstance(value.get("kind"), str) else "without a kind"
        return (
            f"no spec of an agent: this is a GreenLang manifest ({api}) {kind}; nothing in it says what is computed",
            ("write `compute.inputs`, `compute.outputs` and `compute.formulas` in a pack.yaml"),
        )
    if isinstance(agents, list | dict) and agents:
        names = counted("agent", [name_of(a) for a in agents] if isinstance(agents, list) else list(map(str, agents)))
        if isinstance(agents, list) and any(isinstance(a, dict) and a.get("outputs") for a in agents):
            return f"no known dialect: this lists {names}, but `pack` with an id and a version is missing", (
                "a pack of agents (dialect C) has `pack: {id, version}` beside `agents`"
            )
        return f"no spec of an agent: this lists {names} by name; what each takes and computes is missing", (
            "write a spec for each agent"
        )
    if isinstance(value.get("pack"), dict):
        return "no known dialect: this is the head of a pack; `agents` with their inputs and outputs is missing", (
            "a pack of agents (dialect C) has `agents` beside `pack`"
        )
    if isinstance(value.get("tools"), list) and "agent" not in value:
        return "no known dialect: this lists tools; `agent_metadata` with an id and a version is missing", (
            "an AgentSpec V2 (dialect A) has `agent_metadata` and `tools.tools_list`"
        )
    if isinstance(value.get("outputs"), dict | list):
        return "no known dialect: this declares outputs; `pack_schema_version` or `compute` around them is missing", (
            "dialect B has `schema_version`, `id`, `name`, `version` and `compute: {inputs, outputs}`"
        )
    return None


def counted(what: str, names: list[str]) -> str:
    """``2 agents (a, b)``."""
    return f"{len(names)} {what}{'s' * (len(names) != 1)} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"


def name_of(agent: object) -> str:
    """What a manifest calls an agent."""
    known = [agent.get(k) for k in ("id", "agent_id", "name")] if isinstance(agent, dict) else [agent]
    return next((k for k in known if isinstance(k, str)), "?")
