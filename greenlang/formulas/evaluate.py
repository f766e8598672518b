"""The reference evaluator: a checked tree and values -> a value, in exact decimals.

Generated agents are compared against this interpreter; it shares no text with them, only the declared Decimal
runtime of the SDK (context, roots, powers, rounding). Every operation keeps 34 significant digits.
"""

from __future__ import annotations

import decimal
from collections.abc import Mapping, Sequence
from decimal import Decimal, DecimalException

from greenlang_sdk import decimals

from greenlang.errors import CalculationError
from greenlang.formulas.conversion import scaled
from greenlang.formulas.show import show
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Logic,
    Lookup,
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

Value = Decimal | int | str | bool
Rows = Sequence[Mapping[str, Value]]  # a table input: one mapping a row, column -> value
Values = Mapping[str, Value | Rows] | Mapping[str, Value]


class LookupMiss(CalculationError):
    """A look-up without a row for the values that the inputs gave."""


Tables = Mapping[str, Mapping[tuple[str, ...], Decimal]]


def evaluate(node: Node, values: Values, tables: Tables) -> Value:
    """The value of a checked tree.

    ``values`` maps names of inputs and outputs to values in their declared units, ``tables`` maps look-up names to
    their rows. Raises CalculationError for division by zero, domain errors, overflow and look-ups without a row.
    """
    with decimals.calculation():
        return _Evaluator(values, tables).value(node)


def kind_of(error: BaseException) -> str:
    """The kind of an error of the arithmetic: division_by_zero, overflow or domain."""
    cause = error if isinstance(error, DecimalException) else error.__cause__
    told = cause.args[0] if cause is not None and cause.args and isinstance(cause.args[0], list) else []
    if isinstance(cause, decimal.Overflow):
        return "overflow"
    if isinstance(cause, decimal.DivisionByZero) or decimal.DivisionUndefined in told:
        return "division_by_zero"
    return "domain"


_SENTENCES = {"overflow": "the result is too large", "division_by_zero": "division by zero"}


def no_answer(error: DecimalException | decimals.DecimalError, node: Node) -> CalculationError:
    """An error of the arithmetic as ours: its kind, and the sub-expression where it happened."""
    kind = kind_of(error)
    said = "the result is undefined" if isinstance(error, DecimalException) else str(error)
    return CalculationError(f"{_SENTENCES.get(kind, said)} in `{show(node)}`", kind=kind)


class _Evaluator:
    def __init__(self, values: Values, tables: Tables) -> None:
        self.values = values
        self.tables = tables

    def number(self, node: Node) -> Decimal:
        value = self.value(node)
        assert isinstance(value, Decimal), f"{show(node)} is {value!r}"
        return value

    def value(self, node: Node) -> Value:
        try:
            return self.plain(node)
        except (DecimalException, decimals.DecimalError) as error:
            raise no_answer(error, node) from error

    def plain(self, node: Node) -> Value:
        match node:
            case Number(value=number):
                return number
            case Text(value=text):
                return text
            case Truth(value=truth):
                return truth
            case Name(name=name):
                return self.named(name)
            case Lookup():
                return self.lookup(node)
            case TableCall():
                return self.table(node)
            case Sum():
                return self.sum(node)
            case Convert(operand=operand, factor=factor, shift=shift):
                inner = scaled(self.number(operand), factor)
                return inner + shift if shift else inner
            case Negate(operand=operand):
                return -self.number(operand)
            case Arithmetic():
                return self.arithmetic(node)
            case Compare(op=op, left=left, right=right):
                return compare(op, self.value(left), self.value(right))
            case Logic(op=op, left=left, right=right):
                first = bool(self.value(left))
                return (first and bool(self.value(right))) if op == "and" else (first or bool(self.value(right)))
            case Not(operand=operand):
                return not self.value(operand)
            case Call(function=function, arguments=arguments):
                return _call(function, [self.number(a) for a in arguments])
            case If(condition=condition, then=then, otherwise=otherwise):
                return self.value(then if self.value(condition) else otherwise)
        raise TypeError(f"no value for a {type(node).__name__}")

    def named(self, name: str) -> Value:
        found = self.values[name]
        assert isinstance(found, (Decimal, int, str, bool)), f"{name} is a table"
        return Decimal(found) if isinstance(found, int) and not isinstance(found, bool) else found

    def lookup(self, node: Lookup) -> Decimal:
        key = tuple(str(self.values[name]) for name in node.inputs)
        rows = self.tables[node.table]
        if key not in rows:
            raise LookupMiss(f"`{node.table}` has no row for {', '.join(key)}", kind="missing")
        return rows[key]

    def table(self, node: TableCall) -> Decimal:
        assert node.rows is not None
        return table_value(node, tuple(str(self.value(v)) for _, v in node.select))

    def sum(self, node: Sum) -> Decimal:
        rows = self.values[node.table]
        assert not isinstance(rows, (Decimal, int, str)), f"{node.table} is no table"
        total = Decimal(0)
        for row in rows:
            inside = dict(self.values) | {f"{node.table}.{column}": value for column, value in row.items()}
            total += _Evaluator(inside, self.tables).number(node.body)
        return total

    def arithmetic(self, node: Arithmetic) -> Decimal:
        left, right = self.number(node.left), self.number(node.right)
        match node.op:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "**":
                return decimals.power(left, right)


def table_value(node: TableCall, key: tuple[str, ...]) -> Decimal:
    """The value of a parameter table for its keys. Raises LookupMiss if there is no such row, or no value in it."""
    assert node.rows is not None
    if key not in node.rows:
        raise LookupMiss(f"table `{node.table}` has no {node.column} for {', '.join(key)}", kind="missing")
    return node.rows[key]


def compare(op: str, left: Value, right: Value) -> bool:
    """``left op right``; only numbers have an order."""
    if op == "==":
        return left == right
    if op == "!=":
        return left != right
    assert not isinstance(left, str)
    assert not isinstance(right, str)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def _call(function: str, arguments: list[Decimal]) -> Decimal:
    match function:
        case "min":
            return min(arguments)
        case "max":
            return max(arguments)
        case "abs":
            return abs(arguments[0])
        case "round":
            return decimals.round_half_even(*arguments)
        case "sqrt" | "exp" | "ln" | "log10":
            return DECLARED[function](arguments[0])
    raise TypeError(f"no function {function}")


DECLARED = {"sqrt": decimals.sqrt, "exp": decimals.exp, "ln": decimals.ln, "log10": decimals.log10}
