"""The tree of the formula language. Nodes are frozen; ``offset`` is the place in the source text.

An unchecked tree comes from `greenlang.formulas.parse`. A checked tree comes from `greenlang.formulas.check`: names
are resolved, conversions are nodes of their own, and every node knows its unit (None for strings and booleans).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

ArithmeticOp = Literal["+", "-", "*", "/", "**"]
CompareOp = Literal["==", "!=", "<", "<=", ">", ">="]
LogicOp = Literal["and", "or"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Base of all nodes. ``unit`` is filled in by the checker: a unit text, "1" for dimensionless."""

    offset: int = 0
    unit: str | None = None
    type: Literal["number", "text", "truth"] = "number"


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A literal, with its unit if one was written: ``3.6 [MJ/kWh]``."""

    value: Decimal
    written_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Truth(Node):
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Name(Node):
    """An input, an output, a symbol, or a column of the table that is summed. After checking, ``kind`` tells which."""

    name: str
    kind: Literal["?", "input", "output", "symbol", "column"] = "?"


@dataclass(frozen=True, slots=True)
class FactorCall(Node):
    """``factor("alias", activity = fuel_type, gas = "CO2", per = "mmBtu")``, before resolution."""

    alias: str
    select: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup(Node):
    """A factor taken from a pinned table: the resolved form of `FactorCall`.

    ``table`` names an entry of ``Resolution.lookups``; ``inputs`` are the names of the inputs that select the row,
    in the order of the table's key. No inputs: the table has exactly one row.
    """

    table: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableCall(Node):
    """``table("name", "column", key = kind)``: a value of a parameter table, taken by the table's keys.

    After checking, ``select`` is in the order of the table's keys and ``rows`` holds the column: key values -> value.
    """

    table: str
    column: str
    select: tuple[tuple[str, Node], ...]
    rows: Mapping[tuple[str, ...], Decimal] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """``sum(fuels, fuels.mass * fuels.ef)``: the sum of an expression over the rows of a table input."""

    table: str
    body: Node


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """``-x``."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """``left op right``."""

    op: ArithmeticOp
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """``left op right``, a truth value."""

    op: CompareOp
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """``left and right``, ``left or right``."""

    op: LogicOp
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Not(Node):
    """``not x``."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of the language: min, max, abs, sqrt, exp, ln, log10, round."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class If(Node):
    """``if(condition, then, otherwise)``."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Convert(Node):
    """Inserted by the checker: value * ``factor`` + ``shift``, from ``source_unit`` into ``unit``.

    A factor of 34 digits may have been rounded: ``greenlang.formulas.conversion`` tells what it stands for.
    """

    operand: Node
    source_unit: str
    factor: Decimal
    shift: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SystemValue(Node):
    """A value that the runtime supplies: ``provenance`` is the SHA-256 of the calculation chain."""

    what: Literal["provenance"]


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, left to right."""
    match node:
        case FactorCall(select=select) | TableCall(select=select):
            return tuple(n for _, n in select)
        case Sum(body=body):
            return (body,)
        case Negate(operand=x) | Not(operand=x) | Convert(operand=x):
            return (x,)
        case Arithmetic(left=a, right=b) | Compare(left=a, right=b) | Logic(left=a, right=b):
            return (a, b)
        case Call(arguments=args):
            return args
        case If(condition=c, then=a, otherwise=b):
            return (c, a, b)
        case _:
            return ()


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with ``change`` applied to each of its direct parts."""
    match node:
        case FactorCall(select=select) | TableCall(select=select):
            return replace(node, select=tuple((name, change(n)) for name, n in select))
        case Sum(body=body):
            return replace(node, body=change(body))
        case Negate(operand=x) | Not(operand=x) | Convert(operand=x):
            return replace(node, operand=change(x))
        case Arithmetic(left=a, right=b) | Compare(left=a, right=b) | Logic(left=a, right=b):
            return replace(node, left=change(a), right=change(b))
        case Call(arguments=args):
            return replace(node, arguments=tuple(change(a) for a in args))
        case If(condition=c, then=a, otherwise=b):
            return replace(node, condition=change(c), then=change(a), otherwise=change(b))
        case _:
            return node


def substitute(node: Node, mapping: Mapping[str, Node]) -> Node:
    """A tree with names replaced by trees; the table of a sum by another table."""
    if isinstance(node, Name):
        return mapping.get(node.name, node)
    if isinstance(node, Sum) and isinstance(table := mapping.get(node.table), Name):
        node = replace(node, table=table.name)
    return rebuild(node, lambda part: substitute(part, mapping))


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, depth first."""
    yield node
    for child in children(node):
        yield from walk(child)
