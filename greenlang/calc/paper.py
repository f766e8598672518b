"""A calculation as a person writes it on paper: the formula, the numbers in it, the result.

Belongs here: text. Does not belong here: anything that a result depends on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import cast

from greenlang.calc.quantity import SAME, Conversion, shown
from greenlang.calc.records import FactorRecord, InputRecord, OverrideRecord, ParameterRecord, TableRecord, WorkedStep
from greenlang.formulas.evaluate import Rows, Value, Values, evaluate
from greenlang.formulas.show import show
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Logic,
    Name,
    Negate,
    Node,
    Not,
    Number,
    Sum,
    TableCall,
    Text,
    Truth,
)

MAX_TERMS = 12  # rows of a sum that are written out


def input_step(record: InputRecord, conversions: Sequence[Conversion]) -> WorkedStep:
    """What was given, and its conversion."""
    if record.rows:
        lines = []
        for number, row in enumerate(record.rows[:MAX_TERMS]):
            cells = ", ".join(f"{name} = {_amount(cell.value, cell.unit)}" for name, cell in row.items())
            lines.append(f"{record.name}[{number}]: {cells}")
            for name in row:
                lines += _conversions(conversions, f"inputs.{record.name}[{number}].{name}", unit_only=True)
        if len(record.rows) > MAX_TERMS:
            lines.append(f"… {len(record.rows) - MAX_TERMS:,} more rows")
        return WorkedStep(name=record.name, lines=tuple(lines))
    made = _conversions(conversions, f"inputs.{record.name}")
    given = record.given
    first = f"{given['value']} {given['unit'] or record.unit}" if "value" in given else ""
    if not made:
        return WorkedStep(name=record.name, lines=(f"{record.name} = {_amount(record.value, record.unit)}",))
    return WorkedStep(name=record.name, lines=(f"{record.name} = {first.strip()}", *made))


def parameter_step(record: ParameterRecord) -> WorkedStep:
    """A default or constant, with its source."""
    line = f"{record.name} = {_amount(record.value, record.unit)} ({record.origin}: {record.source})"
    return WorkedStep(name=record.name, lines=(line,))


def factor_step(record: FactorRecord, conversions: Sequence[Conversion]) -> WorkedStep:
    """A factor row with its citation, and how it came into the symbol's unit."""
    basis = f", {record.basis}" if record.basis else ""
    first = f"{record.symbol} = {_amount(record.value, record.unit)}{basis}"
    source = f"    from ef://{record.key}: {record.citation}"
    made = _conversions(conversions, f"inputs.{record.symbol}")
    return WorkedStep(name=record.symbol, lines=(first, source, *made))


def override_step(record: OverrideRecord, conversions: Sequence[Conversion]) -> WorkedStep:
    """A figure in place of another."""
    first = f"{record.symbol} = {_amount(record.value, record.unit)}"
    second = f"    override, approved by {record.approver}: {record.reason}"
    return WorkedStep(name=record.symbol, lines=(first, second, *_conversions(conversions, f"inputs.{record.symbol}")))


def table_step(record: TableRecord) -> WorkedStep:
    """A value of a parameter table."""
    key = ", ".join(f"{name} = {text}" for name, text in record.key.items())
    line = f"{record.table}: {record.column} for {key} is {_amount(record.value, record.unit)} ({record.citation})"
    return WorkedStep(name=record.table, lines=(line,))


def output_step(
    name: str, tree: Node, values: Values, units: Mapping[str, str], exact: Decimal, rounded: Decimal, unit: str
) -> WorkedStep:
    """An output: the expression, the expression with its numbers, the result, and the rounded result."""
    conditions: list[str] = []
    worked = _Worked(values, units, conditions).node(tree)
    unit = "" if unit == "1" else unit
    lines = [f"{name} = {show(tree)}", *(f"    {line}" for line in conditions)]
    with_numbers = show(worked)
    pad = " " * len(name)
    result = f"{shown(exact)} {unit}".rstrip()
    if with_numbers != result:
        lines.append(f"{pad} = {with_numbers}")
    lines.append(f"{pad} = {result}")
    if exact != rounded:
        lines.append(f"{pad} ≈ {shown(rounded)} {unit}".rstrip())
    return WorkedStep(name=name, lines=tuple(lines))


def _conversions(conversions: Sequence[Conversion], place: str, *, unit_only: bool = False) -> list[str]:
    out = []
    for made in conversions:
        if made.place != place or (unit_only and made.why != SAME):
            continue
        shift = "" if not made.shift else f" {'-' if made.shift < 0 else '+'} {shown(made.shift.copy_abs())}"
        factor = "" if made.factor == 1 else f" × {shown(made.factor)}"
        why = f" ({made.why}{f': {made.citation}' if made.citation else ''})" if not factor or made.citation else ""
        out.append(f"    = {shown(made.value)} {made.unit}{factor}{shift} = {shown(made.result)} {made.into}{why}")
    return out


def _amount(value: Decimal | str | bool | None, unit: str) -> str:
    if isinstance(value, Decimal):
        return f"{shown(value)} {unit}".strip() if unit != "1" else shown(value)
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


class _Worked:
    """The tree with numbers in place of names, the branch that was taken, and the rows of sums written out."""

    def __init__(self, values: Values, units: Mapping[str, str], told: list[str], row: str = "") -> None:
        self.values = values
        self.units = units
        self.told = told  # which conditions held
        self.row = row

    def node(self, node: Node) -> Node:
        match node:
            case Name(name=name):
                return _literal(self.values[name], self.units.get(name, node.unit or "1"))
            case TableCall():
                return _literal(evaluate(node, self.values, {}), node.unit or "1")
            case Sum():
                return self.sum(node)
            case If(condition=condition, then=then, otherwise=otherwise):
                holds = bool(evaluate(condition, self.values, {}))
                sentence = f"{self.row}{show(condition)} {'holds' if holds else 'does not hold'}"
                if sentence not in self.told:
                    self.told.append(sentence)
                return self.node(then if holds else otherwise)
            case Convert(operand=operand, factor=factor, shift=shift):
                whole: Node = Arithmetic("*", self.node(operand), _literal(factor, "1"), unit=node.unit)
                return whole if not shift else Arithmetic("+", whole, _literal(shift, node.unit or "1"), unit=node.unit)
            case Number():
                return _literal(node.value, node.written_unit or "1")
            case Negate(operand=operand) | Not(operand=operand):
                return replace(node, operand=self.node(operand))
            case Arithmetic(left=a, right=b) | Compare(left=a, right=b) | Logic(left=a, right=b):
                return replace(node, left=self.node(a), right=self.node(b))
            case Call(arguments=arguments):
                return replace(node, arguments=tuple(self.node(a) for a in arguments))
            case _:
                return node

    def sum(self, node: Sum) -> Node:
        rows = cast(Rows, self.values[node.table])
        out: Node | None = None
        for number, row in enumerate(rows[:MAX_TERMS]):
            inside = dict(self.values) | {f"{node.table}.{column}": value for column, value in row.items()}
            term = _Worked(inside, self.units, self.told, f"{node.table}[{number}]: ").node(node.body)
            out = term if out is None else Arithmetic("+", out, term, unit=node.unit)
        if out is not None and len(rows) > MAX_TERMS:
            out = Arithmetic("+", out, Name(f"… {len(rows) - MAX_TERMS:,} more rows"), unit=node.unit)
        return out if out is not None else _literal(Decimal(0), node.unit or "1")


def _literal(value: Value | Rows, unit: str) -> Node:
    """A value as a node that shows itself: numbers with their unit, in as many digits as a person writes."""
    if isinstance(value, bool):
        return Truth(value)
    if isinstance(value, str):
        return Text(value)
    assert isinstance(value, (Decimal, int))
    number = Decimal(value)
    text = f"{shown(number.copy_abs())} {'' if unit == '1' else unit}".strip()
    return Name(text) if number >= 0 else Negate(Name(text))
