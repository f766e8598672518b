"""Places in ``tools.py``: expressions, conditions, constants.

A change that provably changes no figure is not made: a term of zero or factor of one, equal operands, arguments of a
function that treats both alike. Belongs here: walking the tree of one file. Does not belong here: declarations
(``declared``), which changes are taken (``choose``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from greenlang_sdk.decimals import CONTEXT, normal_text

from greenlang.formulas.conversion import ratio, terms
from greenlang.formulas.tree import Convert, Number, walk
from greenlang.quality.mutation import operators as op
from greenlang.quality.mutation.model import Edit, Source
from greenlang.quality.mutation.related import gas_of, other_conversions, other_potentials
from greenlang.quality.source import children, nodes
from greenlang.resolution.plan import Resolution

_FLIPPED_SIGN = {ast.Add: "-", ast.Sub: "+"}
_BOUNDARY = {ast.Gt: ">=", ast.GtE: ">", ast.Lt: "<=", ast.LtE: "<"}
_OPPOSITE = {ast.Eq: "!=", ast.NotEq: "=="}
_NEEDS_BRACKETS = (ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.BoolOp, ast.Lambda)
_TRANSPARENT = {"sqrt", "abs", "exp", "ln", "log10", "power"}  # dropped as a whole: their first argument stays
_CLAMPS = {"min": "max", "max": "min"}


def code_edits(source: Source, resolution: Resolution) -> Iterator[Edit]:
    """Every change of a ``tools.py`` but those of its declarations."""
    yield from _constants(source, resolution)
    for function in source.functions():
        for statement in function.body:
            yield from _statement(source, statement, function)
    yield from _written_potentials(source, resolution)


# --- constants ------------------------------------------------------------------------------------------------------


def _constants(source: Source, resolution: Resolution) -> Iterator[Edit]:
    conversions = [n for p in resolution.plans.values() for n in walk(p.expression) if isinstance(n, Convert)]
    for node in source.tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        value = number_of(node.value)
        if value is None or not value:
            continue
        yield from _thousandfold(source, node.value, value)
        shift = "_AT_ZERO_" in node.targets[0].id
        for other in sorted(_other_values(value, conversions, shift=shift)):
            yield source.edit(op.UNIT, node.value, f'Decimal("{normal_text(other)}")')


def _other_values(value: Decimal, conversions: Iterable[Convert], *, shift: bool) -> set[Decimal]:
    """What the constant were if another unit were converted, or the same one the wrong way round."""
    found: set[Decimal] = set()
    for node in conversions:
        times, over = terms(node.factor)
        if value not in ((node.shift,) if shift else (times, over)):
            continue
        others = other_conversions(node.source_unit, node.unit or "1")[:2]
        if shift:
            found.update(zero for _, _, zero in others)
            continue
        exact = ratio(node.factor)
        for wrong in (*(ratio(factor) for _, factor, _ in others), 1 / exact):
            n, d = (Fraction(value) * (wrong / exact if value == times else exact / wrong)).as_integer_ratio()
            found.add(CONTEXT.divide(Decimal(n), Decimal(d)))
    return found - {value, Decimal(0)}


def _written_potentials(source: Source, resolution: Resolution) -> Iterator[Edit]:
    """Potentials that a formula writes out: numbers with a unit such as kgCO2e/kgCH4."""
    written = {
        n.value: gas
        for p in resolution.plans.values()
        for n in walk(p.expression)
        if isinstance(n, Number) and (gas := gas_of(n.written_unit or n.unit or ""))
    }
    for function in source.functions() if written else ():
        for node in nodes(function):
            value = number_of(node) if isinstance(node, ast.expr) else None
            for _, other in other_potentials(written[value], value)[:2] if value in written and value else ():
                yield source.edit(op.GWP, node, f'Decimal("{normal_text(other)}")')  # type: ignore[arg-type]


def number_of(node: ast.expr) -> Decimal | None:
    """The value of a number as packs write it: ``3``, ``-3``, ``Decimal(3)``, ``Decimal("0.3")``."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() as number):
            return Decimal(number)
        case ast.UnaryOp(op=ast.USub(), operand=ast.expr() as operand):
            inner = number_of(operand)
            return None if inner is None else -inner
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() as text)], keywords=[]):
            try:
                return Decimal(text)
            except InvalidOperation:
                return None
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.expr() as inner_node], keywords=[]):
            return number_of(inner_node)
    return None


def _thousandfold(source: Source, node: ast.expr, value: Decimal) -> Iterator[Edit]:
    if value:
        text = normal_text(value * 1000)
        bare = isinstance(node, (ast.Constant, ast.UnaryOp)) and "." not in text
        yield source.edit(op.THOUSAND, node, text if bare else f'Decimal("{text}")')


# --- statements -----------------------------------------------------------------------------------------------------


def _statement(source: Source, node: ast.stmt, function: ast.FunctionDef) -> Iterator[Edit]:
    match node:
        case ast.If(test=test, body=body):
            yield from _expression(source, test)
            yield from _if(source, node, function)
            for inner in (*body, *node.orelse):
                yield from _statement(source, inner, function)
        case ast.Return(value=ast.expr() as value):
            yield from _expression(source, value)
            if isinstance(function.returns, ast.Name) and function.returns.id == "Decimal" and number_of(value) is None:
                yield source.edit(op.THOUSAND, value, f"({source.text(value)}) * 1000")
        case ast.Assign(value=value):
            yield from _expression(source, value)


def _if(source: Source, node: ast.If, function: ast.FunctionDef) -> Iterator[Edit]:
    """A branch that is always or never taken. What follows a returning branch is its other side."""
    test = source.text(node.test)
    if isinstance(node.test, _NEEDS_BRACKETS):
        yield source.edit(op.BRANCHES, node.test, f"not ({test})")
    else:
        yield source.edit(op.BRANCHES, node.test, f"not {test}")
    for always in ("True", "False"):
        yield source.edit(op.DROPPED, node.test, always)


# --- expressions ----------------------------------------------------------------------------------------------------


def _expression(source: Source, node: ast.expr) -> Iterator[Edit]:
    if number_of(node) is not None:
        return
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
            yield from _binary(source, node)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield source.edit(op.SIGN, node, _kept(source, operand))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield source.edit(op.BRANCHES, node, _kept(source, operand))
        case ast.Compare():
            yield from _compare(source, node)
        case ast.BoolOp():
            for dropped in node.values:
                rest = [v for v in node.values if v is not dropped]
                word = " and " if isinstance(node.op, ast.And) else " or "
                yield source.edit(op.DROPPED, node, word.join(_kept(source, v) for v in rest))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            text = f"{_kept(source, orelse)} if {source.text(test)} else {_kept(source, body)}"
            yield source.edit(op.BRANCHES, node, text)
            for kept in (body, orelse):
                if (drop := _kept_number(source, kept)) is not None:
                    yield source.edit(op.DROPPED, node, drop)
        case ast.Call():
            yield from _call(source, node)
    for child in _inner(node):
        yield from _expression(source, child)
        value = number_of(child)
        if value is not None and not _exponent(node, child):
            yield from _thousandfold(source, child, value)


def _inner(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of an expression that are computed; a lambda's body is the term of a sum."""
    for child in children(node):
        if isinstance(child, ast.Lambda):
            yield child.body
        elif isinstance(child, ast.keyword):
            yield child.value
        elif isinstance(child, ast.expr) and not (isinstance(node, ast.Call) and child is node.func):
            yield child


def _exponent(node: ast.expr, child: ast.expr) -> bool:
    """An exponent and a number of digits are no amounts: a thousand times as much says nothing."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    return node.func.id in {"power", "round_half_even"} and node.args[1:2] == [child]


def _binary(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    left, right = node.left, node.right
    place = source.sign(left, right)
    flipped = _FLIPPED_SIGN.get(type(node.op))
    if flipped and place and number_of(right) != 0:
        yield Edit(op.SIGN, source.path, *place, flipped)
    neutral = Decimal(0) if flipped else Decimal(1)
    for kept, dropped in ((left, right), (right, left)):
        if isinstance(node.op, ast.Div) and kept is right:
            continue  # the reciprocal is another operator's
        text = _kept_number(source, kept)
        if number_of(dropped) != neutral and text is not None:
            sign = "-" if isinstance(node.op, ast.Sub) and kept is right else ""
            yield source.edit(op.DROPPED, node, sign + (f"({text})" if sign and text[0] == "-" else text))
    if isinstance(node.op, (ast.Sub, ast.Div)) and ast.dump(left) != ast.dump(right):
        sign = "-" if isinstance(node.op, ast.Sub) else "/"
        yield source.edit(op.OPERANDS, node, f"{_kept(source, right)} {sign} {_kept(source, left)}")


def _compare(source: Source, node: ast.Compare) -> Iterator[Edit]:
    if len(node.ops) != 1:
        return
    place = source.sign(node.left, node.comparators[0])
    text = _BOUNDARY.get(type(node.ops[0]))
    if text and place:
        yield Edit(op.BOUNDARY, source.path, *place, text)
    opposite = _OPPOSITE.get(type(node.ops[0]))
    if opposite and place:
        yield Edit(op.BRANCHES, source.path, *place, opposite)


def _call(source: Source, node: ast.Call) -> Iterator[Edit]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _CLAMPS:
        yield source.edit(op.BRANCHES, node, source.text(node).replace(name, _CLAMPS[name], 1))
        if len(node.args) == 2:
            for kept in node.args:
                if (text := _kept_number(source, kept)) is not None:
                    yield source.edit(op.DROPPED, node, text)
    elif name in _TRANSPARENT and node.args and (text := _kept_number(source, node.args[0])) is not None:
        yield source.edit(op.DROPPED, node, text)
    elif name == "round_half_even" and len(node.args) == 2:
        digits = number_of(node.args[1])
        if digits is not None:
            for other in (digits + 1, digits - 1):
                yield source.edit(op.ROUNDING, node.args[1], normal_text(other))
    elif name == "lookup":
        for a, b in zip(node.args[1:], node.args[2:], strict=False):
            first, second = source.text(a), source.text(b)
            if first != second:
                between = source.data[source.end(a) : source.start(b)].decode()
                yield Edit(op.ARGUMENTS, source.path, source.start(a), source.end(b), f"{second}{between}{first}")


def _kept(source: Source, node: ast.expr) -> str:
    text = source.text(node)
    return f"({text})" if isinstance(node, _NEEDS_BRACKETS) else text


def _kept_number(source: Source, node: ast.expr) -> str | None:
    """What stays of an expression, never a bare int: a tool gives Decimals. None where that cannot be written."""
    if number_of(node) is None or isinstance(node, ast.Call):
        return _kept(source, node)
    return f"Decimal({source.text(node)})" if source.has_decimal else None


def symmetric(function: ast.FunctionDef, a: str, b: str) -> bool:
    """Whether a function provably treats two parameters alike: with both exchanged it is the same sums and products."""
    swapped = {a: b, b: a}
    body = [n for n in function.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    return [_normal(n, {}) for n in body] == [_normal(n, swapped) for n in body]


def _normal(node: ast.AST, names: dict[str, str]) -> str:
    """A text that is the same for sums and products in any order."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult)):
        parts = sorted(_normal(part, names) for part in _operands(node, type(node.op)))
        return f"{type(node.op).__name__}({', '.join(parts)})"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"min", "max"}:
        return f"{node.func.id}({', '.join(sorted(_normal(part, names) for part in node.args))})"
    parts = [_normal(child, names) for child in children(node)]
    own = [repr(value) for name, value in ast.iter_fields(node) if not isinstance(value, (ast.AST, list))]
    return f"{type(node).__name__}({', '.join([*own, *parts])})"


def _operands(node: ast.expr, kind: type[ast.operator]) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, kind):
        yield from _operands(node.left, kind)
        yield from _operands(node.right, kind)
    else:
        yield node
