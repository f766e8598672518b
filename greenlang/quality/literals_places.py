"""The numbers that stand in Python code: where each stands and what it is written as.

Belongs here: finding them, those in calls such as ``Decimal("1.5")`` and in format specs too. Does not belong here:
where they come from (``literals``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from greenlang.quality.source import children, nodes

_READERS = {"Decimal", "float", "int", "Fraction", "complex", "to_decimal", "to_whole"}
_HIDING = {"len", "ord", "hash", "int", "float", "eval"}
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Place:
    """A number in code. ``value`` is None for one that is no plain decimal (a complex number, a text)."""

    value: Decimal | None
    text: str
    line: int
    node: ast.expr


def numbers(tree: ast.AST) -> Iterator[Place]:
    """Every number below a node, left to right. ``-3`` is one number, so is ``Decimal("0.3")``."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is ast.Name or (kind is ast.Constant and type(node.value) is str):  # type: ignore[attr-defined]
            continue  # most of what stands in a file: asked for first
        found = _number(node) if kind in _WRITTEN else None
        if found is None:
            waiting += reversed(children(node))
        else:
            yield from found


_WRITTEN = frozenset({ast.Call, ast.Constant, ast.FormattedValue, ast.UnaryOp})


def _number(node: ast.AST) -> Iterable[Place] | None:
    """The numbers of a node that is looked at as a whole; None for one whose parts are looked at one by one."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as text)], keywords=[]) if (
            name in _READERS
        ):
            return (Place(_decimal(text), text, node.lineno, node),)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.expr() as inner], keywords=[]):
            return [Place(p.value, p.text, p.line, node) for p in numbers(inner)]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=(int() | float()) as value)):
            if not isinstance(value, bool):
                return (Place(-Decimal(repr(value)), f"-{value!r}", node.lineno, node),)
        case ast.Constant(value=bool()):
            return ()
        case ast.Constant(value=(int() | float()) as value):
            return (Place(Decimal(repr(value)), repr(value), node.lineno, node),)
        case ast.Constant(value=complex() as value):
            return (Place(None, repr(value), node.lineno, node),)
        case ast.FormattedValue(value=value, format_spec=spec):
            digits = _DIGITS.findall(ast.unparse(spec)) if spec is not None else []
            return [*numbers(value), *(Place(Decimal(d), f"format {d}", node.lineno, node) for d in digits)]
    return None


def hidden(tree: ast.AST) -> Iterator[Place]:
    """Numbers that are not written as such: truth values that are calculated with, lengths and codes of texts."""
    for node in nodes(tree):
        if isinstance(node, ast.BinOp):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and isinstance(side.value, bool):
                    yield Place(None, repr(side.value), side.lineno, side)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _HIDING:
            name = node.func.id
            if not (node.args and isinstance(node.args[0], ast.Constant) and name in _READERS):
                yield Place(None, f"{name}(...)", node.lineno, node)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
