"""One text for a checked or unchecked tree: to name it by its digest, and to see that two say the same.

Belongs here: the text and its digest. Does not belong here: texts for people (``show``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal

from greenlang_sdk.decimals import normal_text

from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    FactorCall,
    If,
    Logic,
    Lookup,
    Name,
    Negate,
    Node,
    Not,
    Number,
    Sum,
    SystemValue,
    TableCall,
    Text,
    Truth,
)


def tree_digest(node: Node) -> str:
    """SHA-256 of what a checked tree computes: names, constants, operations, the rows of its parameter tables."""
    text = exact_text(node)
    return hashlib.sha256(text.encode()).hexdigest()


def exact_text(node: Node) -> str:
    """Everything that decides the value of a tree; offsets and spellings of units do not."""
    return _Writer(lambda name: name, rows=True).text(node)


def normal_form(node: Node) -> str:
    """The same text for trees that differ in the names of their symbols and in the order of terms and factors only.

    A sum is its terms, a product its factors, both sorted; symbols are numbered as they appear. Units do not count.
    """
    shape = _Writer(lambda _: "x", rows=False, sort=None)
    known: dict[str, str] = {}
    return _Writer(lambda name: known.setdefault(name, f"x{len(known)}"), rows=False, sort=shape.text).text(node)


def named_form(node: Node) -> str:
    """The same text for trees that differ in the order of terms and factors only; names of symbols count."""
    return _Writer(lambda name: name, rows=False).text(node)


class _Writer:
    def __init__(self, name: Callable[[str], str], *, rows: bool, sort: Callable[[Node], str] | None = None) -> None:
        self.name = name
        self.rows = rows
        self.sort = sort
        self.loose = not rows  # a normal form: order and conversions do not count

    def text(self, node: Node) -> str:
        match node:
            case Number(value=value):
                return _number(value)
            case Text(value=value):
                return repr(value)
            case Truth(value=truth):
                return str(truth).lower()
            case Name(name=name):
                return self.name(name)
            case Lookup(table=table, inputs=inputs):
                return self.of("lookup", self.name(table), *(self.name(i) for i in inputs))
            case FactorCall(alias=alias, select=select):
                return self.of("factor", self.name(alias), *(f"{k}={self.text(v)}" for k, v in select))
            case TableCall(table=table, column=column, select=select, rows=rows):
                content = [f"{k}:{_number(v)}" for k, v in sorted(rows.items())] if self.rows and rows else []
                return self.of("table", table, column, *(f"{k}={self.text(v)}" for k, v in select), *content)
            case Sum(table=table, body=body):
                return self.of("sum", self.name(table), self.text(body))
            case Convert(operand=operand, factor=factor, shift=shift):
                if self.loose:
                    return self.text(operand)
                return self.of("convert", self.text(operand), _number(factor), _number(shift))
            case Negate(operand=operand):
                return self.of("neg", self.text(operand))
            case Arithmetic(op=op, left=left, right=right):
                if self.loose and op != "**":
                    return self.chain(node, "+-" if op in "+-" else "*/")
                return self.of(op, self.text(left), self.text(right))
            case Compare(op=op, left=left, right=right) | Logic(op=op, left=left, right=right):
                return self.of(op, self.text(left), self.text(right))
            case Not(operand=operand):
                return self.of("not", self.text(operand))
            case Call(function=function, arguments=arguments):
                return self.of(function, *map(self.text, self.sorted_nodes(function, arguments)))
            case If(condition=c, then=a, otherwise=b):
                return self.of("if", self.text(c), self.text(a), self.text(b))
            case SystemValue(what=what):
                return what
        raise TypeError(f"no text for a {type(node).__name__}")

    def of(self, head: str, *parts: str) -> str:
        return f"({' '.join([head, *parts])})"

    def chain(self, node: Node, signs: str) -> str:
        """A sum as its terms, or a product as its factors: those that add or multiply, and those that take away."""
        more: list[Node] = []
        less: list[Node] = []

        def collect(part: Node, place: list[Node], other: list[Node]) -> None:
            while isinstance(part, Convert):
                part = part.operand
            if isinstance(part, Arithmetic) and part.op in signs:
                collect(part.left, place, other)
                collect(part.right, *((place, other) if part.op == signs[0] else (other, place)))
            else:
                place.append(part)

        collect(node, more, less)
        if self.sort is not None:
            more.sort(key=self.sort)
            less.sort(key=self.sort)
            parts = [*map(self.text, more), signs[1], *map(self.text, less)]
        else:
            parts = [*sorted(map(self.text, more)), signs[1], *sorted(map(self.text, less))]
        return self.of(signs[0], *parts)

    def sorted_nodes(self, function: str, arguments: tuple[Node, ...]) -> list[Node]:
        nodes = list(arguments)
        if self.loose and function in {"min", "max"}:
            nodes.sort(key=self.sort or self.text)
        return nodes


def _number(value: Decimal) -> str:
    return normal_text(value)
