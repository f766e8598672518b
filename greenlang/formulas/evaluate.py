"""The reference evaluator: a checked tree and values -> a value, in exact decimals.

Generated agents are compared against this interpreter; it shares no text with them, only the declared Decimal
runtime of the SDK (context, roots, powers, rounding).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, DecimalException

from greenlang_sdk import decimals

from greenlang.errors import CalculationError
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
    Text,
    Truth,
)

Value = Decimal | int | str | bool


class LookupMiss(CalculationError):
    """A look-up without a row for the values that the inputs gave."""


Tables = Mapping[str, Mapping[tuple[str, ...], Decimal]]


def evaluate(node: Node, values: Mapping[str, Value], tables: Tables) -> Value:
    """The value of a checked tree.

    ``values`` maps names of inputs and outputs to values in their declared units, ``tables`` maps look-up names to
    their rows. Raises CalculationError for division by zero, domain errors, overflow and look-ups without a row.
    """
    with decimals.calculation():
        try:
            return _Evaluator(values, tables).value(node)
        except (DecimalException, decimals.DecimalError) as error:
            raise CalculationError(f"{type(error).__name__} in `{show(node)}`") from error


class _Evaluator:
    def __init__(self, values: Mapping[str, Value], tables: Tables) -> None:
        self.values = values
        self.tables = tables

    def number(self, node: Node) -> Decimal:
        value = self.value(node)
        assert isinstance(value, Decimal), f"{show(node)} is {value!r}"
        return value

    def value(self, node: Node) -> Value:
        match node:
            case Number(value=number):
                return number
            case Text(value=text):
                return text
            case Truth(value=truth):
                return truth
            case Name(name=name):
                found = self.values[name]
                return Decimal(found) if isinstance(found, int) and not isinstance(found, bool) else found
            case Lookup():
                return self.lookup(node)
            case Convert(operand=operand, factor=factor, shift=shift):
                inner = self.number(operand) * factor
                return inner + shift if shift else inner
            case Negate(operand=operand):
                return -self.number(operand)
            case Arithmetic():
                return self.arithmetic(node)
            case Compare(op=op, left=left, right=right):
                return _compare(op, self.value(left), self.value(right))
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

    def lookup(self, node: Lookup) -> Decimal:
        key = tuple(str(self.values[name]) for name in node.inputs)
        rows = self.tables[node.table]
        if key not in rows:
            raise LookupMiss(f"`{node.table}` has no row for {', '.join(key)}")
        return rows[key]

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


def _compare(op: str, left: Value, right: Value) -> bool:
    if op == "==":
        return left == right
    if op == "!=":
        return left != right
    assert isinstance(left, Decimal)
    assert isinstance(right, Decimal)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def _call(function: str, arguments: list[Decimal]) -> Decimal:
    match function:
        case "min":
            return min(arguments)
        case "max":
            return max(arguments)
        case "abs":
            return abs(arguments[0])
        case "sqrt":
            return decimals.sqrt(arguments[0])
        case "exp":
            return decimals.exp(arguments[0])
        case "ln":
            return decimals.ln(arguments[0])
    raise TypeError(f"no function {function}")
