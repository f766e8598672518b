"""The numbers that stand in Python code: where each stands and what it is written as.

Belongs here: finding them, those in calls such as ``Decimal("1.5")`` and in format specs too. Does not belong here:
where they come from (``literals``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_READERS = {"Decimal", "float", "int", "Fraction", "complex", "to_decimal", "to_whole"}
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
    match tree:
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as text)], keywords=[]) if (
            name in _READERS
        ):
            yield Place(_decimal(text), text, tree.lineno, tree)
            return
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.expr() as inner], keywords=[]):
            yield from (Place(p.value, p.text, p.line, tree) for p in numbers(inner))
            return
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=(int() | float()) as value)):
            if not isinstance(value, bool):
                yield Place(-Decimal(repr(value)), f"-{value!r}", tree.lineno, tree)
                return
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=(int() | float()) as value):
            yield Place(Decimal(repr(value)), repr(value), tree.lineno, tree)
            return
        case ast.Constant(value=complex() as value):
            yield Place(None, repr(value), tree.lineno, tree)
            return
        case ast.FormattedValue(value=value, format_spec=spec):
            yield from numbers(value)
            for digits in _DIGITS.findall(ast.unparse(spec)) if spec is not None else ():
                yield Place(Decimal(digits), f"format {digits}", tree.lineno, tree)
            return
    for child in ast.iter_child_nodes(tree):
        yield from numbers(child)


def hidden(tree: ast.AST) -> Iterator[Place]:
    """Numbers that are not written as such: truth values that are calculated with, lengths and codes of texts."""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(left=left, right=right):
                for side in (left, right):
                    if isinstance(side, ast.Constant) and isinstance(side.value, bool):
                        yield Place(None, repr(side.value), side.lineno, side)
            case ast.Call(func=ast.Name(id="len" | "ord" | "hash" | "int" | "float" | "eval" as name)) if not (
                node.args and isinstance(node.args[0], ast.Constant) and name in _READERS
            ):
                yield Place(None, f"{name}(...)", node.lineno, node)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
