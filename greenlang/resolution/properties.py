"""The declared properties of a spec: read, used as plans where they are equalities, and tried on sampled inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from greenlang.errors import FormulaError
from greenlang.formulas.parse import parse
from greenlang.formulas.tree import Compare, Logic, Name, Node, Not, walk
from greenlang.specs.model import AgentSpec, Property

_MONOTONE = re.compile(
    r"\s*output\.(?P<output>\w+)\s+is\s+(?P<direction>nondecreasing|nonincreasing|non-decreasing|non-increasing)"
    r"\s+in\s+input\.(?P<input>\w+)\s*\Z"
)


@dataclass(frozen=True, slots=True)
class Monotone:
    """``output.x is nondecreasing in input.y``."""

    source: Property
    output: str
    input: str
    direction: Literal["nondecreasing", "nonincreasing"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A comparison over inputs and outputs. ``defines`` is set where it is ``output.x == expression without x``."""

    source: Property
    tree: Node
    defines: str | None = None
    expression: Node | None = None
    other: tuple[str, Node] | None = None  # the equality read from the other side


@dataclass(frozen=True, slots=True)
class Unread:
    """A property in words that no rule covers; it is reported, not silently dropped."""

    source: Property
    reason: str


Rule = Monotone | Relation | Unread


def read_rules(spec: AgentSpec) -> tuple[Rule, ...]:
    """Every property of a spec, read."""
    return tuple(_read(spec, p) for p in spec.properties)


def _read(spec: AgentSpec, source: Property) -> Rule:
    match = _MONOTONE.match(source.rule)
    if match:
        if match["output"] not in spec.outputs or match["input"] not in spec.inputs:
            return Unread(source, f"{match['output']} or {match['input']} is not declared")
        direction: Literal["nondecreasing", "nonincreasing"] = (
            "nondecreasing" if match["direction"].replace("-", "") == "nondecreasing" else "nonincreasing"
        )
        return Monotone(source, match["output"], match["input"], direction)
    try:
        tree = _tree(source.rule)
    except FormulaError as error:
        return Unread(source, str(error))
    if isinstance(tree, Compare) and tree.op == "==":
        sides = [
            (name, right)
            for left, right in ((tree.left, tree.right), (tree.right, tree.left))
            if (name := _output(spec, left)) is not None and name not in set(_outputs(spec, right))
        ]
        if sides:
            return Relation(source, tree, *sides[0], other=sides[1] if len(sides) > 1 else None)
    return Relation(source, tree)


def _tree(rule: str) -> Node:
    """The rule as a tree; ``a implies b`` is ``not a or b``."""
    parts = re.split(r"\s+implies\s+", rule)
    if len(parts) != 2:
        return parse(rule)
    return Logic("or", Not(parse(parts[0])), parse(parts[1]))


def _output(spec: AgentSpec, node: Node) -> str | None:
    if isinstance(node, Name):
        name = node.name.removeprefix("output.")
        if name in spec.outputs and (node.name.startswith("output.") or name not in spec.inputs):
            return name
    return None


def _outputs(spec: AgentSpec, node: Node) -> Iterator[str]:
    for part in walk(node):
        name = _output(spec, part)
        if name is not None:
            yield name
