"""A tree as a person would write it, and a formula of the library as plain values.

Belongs here: how formulas are told. Does not belong here: reading, checking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from greenlang.formulas.library import LibraryFormula

_SIGNS = {"*": "×", "/": "÷", "-": "−", "+": "+", "**": "^"}
_STRENGTH = {"+": 5, "-": 5, "*": 6, "/": 6, "**": 8}


@dataclass(frozen=True, slots=True)
class _Style:
    conversions: bool = False  # those that the checker inserted
    brackets: bool = False  # around units, as the language reads them


def show(node: Node, *, conversions: bool = False) -> str:
    """The expression with ×, ÷ and −. ``conversions`` also writes the conversions that the checker inserted."""
    return _show(node, _Style(conversions=conversions))[0]


def spelled(node: Node) -> str:
    """The expression as the language reads it: ``12 [kWh] × x``. Look-ups are not expressions; they stay names."""
    return _show(node, _Style(brackets=True))[0]


def _wrap(part: tuple[str, int], least: int) -> str:
    return part[0] if part[1] >= least else f"({part[0]})"


def _show(node: Node, style: _Style) -> tuple[str, int]:
    match node:
        case Number(value=value, written_unit=unit):
            said = f"[{unit}]" if style.brackets else unit
            return (f"{value:f} {said}" if unit and unit != "1" else f"{value:f}"), 9
        case Text(value=value):
            return f'"{value}"', 9
        case Truth(value=value):
            return str(value).lower(), 9
        case Name(name=name):
            return name, 9
        case Lookup(table=table, inputs=inputs):
            return (f"{table}[{', '.join(inputs)}]" if inputs else table), 9
        case FactorCall(alias=alias, select=select):
            return (
                f"factor({', '.join([alias, *(f'{k} = {_show(v, style)[0]}' for k, v in select)])})",
                9,
            )
        case TableCall(table=table, column=column, select=select):
            keys = (f"{k} = {_show(v, style)[0]}" for k, v in select)
            return f'table("{table}", "{column}", {", ".join(keys)})', 9
        case Sum(table=table, body=body):
            return f"sum({table}, {_show(body, style)[0]})", 9
        case SystemValue(what=what):
            return what, 9
        case Convert(operand=operand, source_unit=source, unit=unit):
            inner = _show(operand, style)
            return (f"{_wrap(inner, 9)} [{source} → {unit}]", 9) if style.conversions else inner
        case Negate(operand=operand):
            return f"−{_wrap(_show(operand, style), 7)}", 7
        case Arithmetic(op=op, left=left, right=right):
            strength = _STRENGTH[op]
            a = _wrap(_show(left, style), strength + (op == "**"))
            b = _wrap(_show(right, style), strength + (op in {"-", "/"}))
            return f"{a} {_SIGNS[op]} {b}", strength
        case Compare(op=op, left=left, right=right):
            return f"{_wrap(_show(left, style), 5)} {op} {_wrap(_show(right, style), 5)}", 4
        case Not(operand=operand):
            return f"not {_wrap(_show(operand, style), 3)}", 3
        case Logic(op=op, left=left, right=right):
            strength = 2 if op == "and" else 1
            return (
                f"{_wrap(_show(left, style), strength)} {op} {_wrap(_show(right, style), strength)}",
                strength,
            )
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(_show(a, style)[0] for a in arguments)})", 9
        case If(condition=c, then=a, otherwise=b):
            return f"if({', '.join(_show(n, style)[0] for n in (c, a, b))})", 9
    raise TypeError(f"no way to show a {type(node).__name__}")


def in_a_line(formula: LibraryFormula) -> dict[str, Any]:
    """A formula as plain values, in a line."""
    return {
        "id": formula.id,
        "name": formula.name,
        "domain": formula.domain,
        "citation": str(formula.citation),
        "digest": formula.digest,
        "tags": list(formula.tags),
        "outputs": {n: {"unit": o.unit, "expression": o.expression} for n, o in formula.outputs.items()},
    }


def in_full(formula: LibraryFormula) -> dict[str, Any]:
    """A formula as plain values: symbols, expressions, worked cases. A Decimal stays a Decimal."""
    names = ("origin", "type", "unit", "meaning", "default", "source")
    return {
        **in_a_line(formula),
        "note": formula.note,
        "symbols": {
            name: {**{one: getattr(s, one) for one in names}, "range": list(s.range), "enum": list(s.enum)}
            for name, s in formula.symbols.items()
        },
        "vectors": [
            {"source": v.source, "published": v.published, "given": v.given, "expect": v.expect}
            for v in formula.vectors
        ],
    }
