"""Places in what a pack declares and in how its agent goes on: entries of TOOLS, fields of models, steps, the answer.

Belongs here: ``models.py``, ``agent.py`` and the entries of ``tools.py``. Does not belong here: expressions (``code``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from greenlang_sdk.decimals import normal_text

from greenlang.factory.text import py_text
from greenlang.quality.mutation import operators as op
from greenlang.quality.mutation.code import number_of, symmetric
from greenlang.quality.mutation.model import Edit, Source
from greenlang.quality.mutation.related import other_units
from greenlang.quality.source import nodes

_OPEN = {"ge": "gt", "gt": "ge", "le": "lt", "lt": "le"}
_UNIT_AT_END = re.compile(r"\[([^\[\]]+)\]$")
_WHOLE = (Decimal(-(2**31)), Decimal(2**31 - 1))


def entry_edits(source: Source) -> Iterator[Edit]:
    """Changes of the entries of TOOLS: unit and digits."""
    for node in nodes(source.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Tool"):
            continue
        for keyword in node.keywords:
            match keyword.arg, keyword.value:
                case "unit", ast.Constant(value=str() as unit):
                    for other in other_units(unit)[:1]:
                        yield replace(source.edit(op.UNIT, keyword.value, py_text(other)), declared=True)
                case "decimals", ast.Constant(value=int() as digits):
                    yield from (replace(edit, declared=True) for edit in _digits(source, keyword.value, digits))


def _digits(source: Source, node: ast.expr, digits: int) -> Iterator[Edit]:
    for other in (digits + 1, digits - 1):
        if other >= 0:
            yield source.edit(op.ROUNDING, node, str(other))


# --- models ---------------------------------------------------------------------------------------------------------


def model_edits(source: Source) -> Iterator[Edit]:
    """Changes of the fields of ``models.py``: limits, patterns, choices, defaults, units."""
    for model in (node for node in source.tree.body if isinstance(node, ast.ClassDef)):
        for node in model.body:
            if isinstance(node, ast.AnnAssign):
                yield from _choices(source, node)
                if isinstance(node.value, ast.Call):
                    yield from _field(source, node, node.value)


def _field(source: Source, node: ast.AnnAssign, call: ast.Call) -> Iterator[Edit]:
    kind = source.text(node.annotation)
    chosen = "one_of(" in kind or "Literal[" in kind
    for keyword in call.keywords:
        value = number_of(keyword.value)
        if keyword.arg in _OPEN and value is not None and not chosen:
            if _reached(kind, value):
                at = source.start(keyword)
                yield Edit(op.BOUNDARY, source.path, at, at + 2, _OPEN[keyword.arg])
            if value:
                yield source.edit(op.THOUSAND, keyword.value, _same_form(keyword.value, value * 1000))
        elif keyword.arg == "default" and value and not chosen:
            yield source.edit(op.THOUSAND, keyword.value, _same_form(keyword.value, value * 1000))
        elif isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str):
            yield from _text(source, keyword.arg or "", keyword.value, keyword.value.value)


def _reached(kind: str, limit: Decimal) -> bool:
    """Whether a value can lie on the limit: a whole number lies on no fraction, and ends at 32 bits."""
    return "Whole" not in kind or (limit == limit.to_integral_value() and _WHOLE[0] <= limit <= _WHOLE[1])


def _same_form(node: ast.expr, value: Decimal) -> str:
    text = normal_text(value)
    if isinstance(node, ast.Call):
        return f'Decimal("{text}")'
    return text


def _text(source: Source, keyword: str, node: ast.Constant, text: str) -> Iterator[Edit]:
    """A pattern that loses one of its ends, a description with another unit."""
    literal = source.text(node)
    if keyword == "pattern":
        if text.startswith("^") and literal.count("^"):
            at = source.start(node) + literal.encode().index(b"^")
            yield Edit(op.BOUNDARY, source.path, at, at + 1, "", (text, text[1:]))
        if text.endswith("$") and not text.endswith("\\$"):
            at = source.start(node) + literal.encode().rindex(b"$")
            yield Edit(op.BOUNDARY, source.path, at, at + 1, "", (text, text[:-1]))
    unit = _UNIT_AT_END.search(text) if keyword == "description" else None
    at = literal.rfind(f"[{unit[1]}]") if unit else -1
    if unit and at >= 0:
        for other in other_units(unit[1])[:1]:
            start = source.start(node) + len(literal[: at + 1].encode())
            yield Edit(op.UNIT, source.path, start, start + len(unit[1].encode()), other)


def _choices(source: Source, node: ast.AnnAssign) -> Iterator[Edit]:
    """A list of choices without its last one."""
    for inner in nodes(node.annotation):
        items: list[ast.expr] = []
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "one_of":
            items = inner.args
        elif isinstance(inner, ast.Subscript) and isinstance(inner.value, ast.Name) and inner.value.id == "Literal":
            items = inner.slice.elts if isinstance(inner.slice, ast.Tuple) else []
        if len(items) > 1:
            before, last = items[-2], items[-1]
            said = (source.text(last), "")
            yield Edit(op.BOUNDARY, source.path, source.end(before), source.end(last), "", said)


# --- the agent ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signatures:
    """The functions of a ``tools.py``."""

    functions: Mapping[str, ast.FunctionDef]
    decimal: bool  # whether the module imports Decimal

    def type_of(self, function: str, parameter: str) -> str:
        """The annotation of a parameter, as text."""
        arguments = self.functions[function].args if function in self.functions else None
        for one in (*arguments.args, *arguments.kwonlyargs) if arguments else ():
            if one.arg == parameter and one.annotation is not None:
                return ast.unparse(one.annotation)
        return ""

    def gives_decimal(self, function: str) -> bool:
        """Whether a function gives a number."""
        found = self.functions.get(function)
        return found is not None and isinstance(found.returns, ast.Name) and found.returns.id == "Decimal"


def agent_edits(source: Source, tools: Signatures) -> Iterator[Edit]:
    """Changes of ``agent.py``: steps, their arguments, the answer and its rounding."""
    for node in nodes(source.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _called(node.value) == "step":
            yield from _step(source, node.value, tools)
        elif isinstance(node, ast.Call) and _called(node) == "Output":
            yield from _answer(source, node)
        elif isinstance(node, ast.Call) and _called(node) == "round_output" and len(node.args) == 2:
            digits = number_of(node.args[1])
            if digits is not None:
                yield from _digits(source, node.args[1], int(digits))
                if tools.decimal:
                    value, place = source.text(node.args[0]), f'tools.Decimal("1E-{digits}")'
                    yield source.edit(op.ROUNDING, node.args[0], f'{value}.quantize({place}, "ROUND_HALF_UP")')


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _step(source: Source, node: ast.Call, tools: Signatures) -> Iterator[Edit]:
    first = node.args[0] if node.args else None
    name = first.attr if isinstance(first, ast.Attribute) else ""
    if tools.gives_decimal(name):
        yield source.edit(op.DROPPED, node, f"{source.text(node)} * 0")
    named = [k for k in node.keywords if k.arg]
    for a, b in pairwise(named):
        assert a.arg is not None
        assert b.arg is not None
        kind = tools.type_of(name, a.arg)
        if kind and kind == tools.type_of(name, b.arg) and not symmetric(tools.functions[name], a.arg, b.arg):
            yield _exchange(source, a, b)


def _answer(source: Source, node: ast.Call) -> Iterator[Edit]:
    """Two neighbours of one kind in the answer change places."""
    for a, b in pairwise(node.keywords):
        if isinstance(a.value, ast.Call) and isinstance(b.value, ast.Call) and _called(a.value) == _called(b.value):
            yield _exchange(source, a, b)


def _exchange(source: Source, a: ast.keyword, b: ast.keyword) -> Edit:
    between = source.data[source.end(a) : source.start(b)].decode()
    after = f"{a.arg}={source.text(b.value)}{between}{b.arg}={source.text(a.value)}"
    return Edit(op.ARGUMENTS, source.path, source.start(a), source.end(b), after)
