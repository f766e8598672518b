"""Evaluating a checked tree with slopes: every value knows how fast it moves with each uncertain quantity.

The slopes are those of the rules of differentiation, carried along with the values (forward mode), so they are exact
up to the 34 digits of the arithmetic: there is no step width to choose, and a quantity that is used twice is
differentiated as one. Where an expression has a kink or a branch, the slope is that of the side that was computed, and
a note says so; `round` counts as the number it rounds.

Without slopes this is plain evaluation; Monte Carlo uses it that way. The values are those of
`greenlang.formulas.evaluate`, by the same operations in the same order; tests hold the two together.

Belongs here: values with slopes. Does not belong here: uncertainties, where values come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from typing import cast

from greenlang_sdk import decimals

from greenlang.errors import CalculationError
from greenlang.formulas.conversion import scaled
from greenlang.formulas.evaluate import DECLARED, compare, no_answer, table_value
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
    walk,
)

Slopes = Mapping[str, Decimal]
_LEVEL: Slopes = {}
_ONE = Decimal(1)


def _level() -> Slopes:
    return _LEVEL


@dataclass(frozen=True, slots=True)
class Sloped:
    """A value and its slopes by source; no slopes: nothing uncertain moves it."""

    value: Decimal
    slopes: Slopes = field(default_factory=_level)


Cell = Sloped | str | bool
SlopedRows = Sequence[Mapping[str, Cell]]
SlopedValues = Mapping[str, Cell | SlopedRows]
OfTable = Callable[[TableCall, tuple[str, ...], Decimal], Sloped]


def plain_table(_node: TableCall, _key: tuple[str, ...], value: Decimal) -> Sloped:
    """A value of a parameter table that nothing moves."""
    return Sloped(value)


class SlopeEvaluator:
    """Evaluates the outputs of one formula. ``notes`` says where a slope is that of one side only.

    ``of_table`` gives the values of parameter tables their slopes.
    """

    def __init__(self, values: SlopedValues, *, of_table: OfTable = plain_table) -> None:
        self.values = dict(values)
        self.of_table = of_table
        self.notes: list[str] = []

    def evaluate(self, node: Node) -> Sloped:
        """The value of a checked tree of a number.

        Raises CalculationError for what has no value, or no slope (a root at zero).
        """
        with decimals.calculation():
            return self.number(node)

    def number(self, node: Node) -> Sloped:
        found = self.value(node)
        assert isinstance(found, Sloped), f"{show(node)} is {found!r}"
        return found

    def value(self, node: Node) -> Cell:
        try:
            return self.plain(node)
        except (DecimalException, decimals.DecimalError) as error:
            raise no_answer(error, node) from error

    def plain(self, node: Node) -> Cell:
        match node:
            case Arithmetic():
                return self.arithmetic(node)
            case Name(name=name):
                return cast(Cell, self.values[name])
            case Number(value=number):
                return Sloped(number)
            case Convert(operand=operand, factor=factor, shift=shift):
                inner = self.number(operand)
                value = scaled(inner.value, factor)
                return Sloped(value + shift if shift else value, _scaled(inner.slopes, factor))
            case Sum():
                return self.sum(node)
            case TableCall():
                key = tuple(str(self.value(part)) for _, part in node.select)
                return self.of_table(node, key, table_value(node, key))
            case Negate(operand=operand):
                inner = self.number(operand)
                return Sloped(-inner.value, _scaled(inner.slopes, -_ONE))
            case Call():
                return self.call(node)
            case If(condition=condition, then=then, otherwise=otherwise):
                return self.value(then if self.decision(condition) else otherwise)
            case Compare() | Logic() | Not():
                return self.truth(node)
            case Text(value=text):
                return text
            case Truth(value=truth):
                return truth
        raise TypeError(f"no value for a {type(node).__name__}")

    def sum(self, node: Sum) -> Sloped:
        rows = cast(SlopedRows, self.values[node.table])
        outside, total = self.values, Decimal(0)
        slopes: dict[str, Decimal] = {}
        try:
            for row in rows:
                self.values = outside | {f"{node.table}.{column}": value for column, value in row.items()}
                term = self.number(node.body)
                total += term.value
                for name, slope in term.slopes.items():
                    slopes[name] = slopes.get(name, Decimal(0)) + slope
        finally:
            self.values = outside
        return Sloped(total, slopes)

    def arithmetic(self, node: Arithmetic) -> Sloped:
        left, right = self.number(node.left), self.number(node.right)
        a, b = left.value, right.value
        match node.op:
            case "+":
                return Sloped(a + b, _added(left.slopes, right.slopes, _ONE))
            case "-":
                return Sloped(a - b, _added(left.slopes, right.slopes, -_ONE))
            case "*":
                return Sloped(a * b, _added(_scaled(left.slopes, b), right.slopes, a))
            case "/":
                value = a / b
                if not left.slopes and not right.slopes:
                    return Sloped(value)
                return Sloped(value, _added(_scaled(left.slopes, _ONE / b), right.slopes, -value / b))
            case "**":
                return self.power(node, left, right)

    def power(self, node: Arithmetic, left: Sloped, right: Sloped) -> Sloped:
        a, b = left.value, right.value
        value = decimals.power(a, b)
        slopes: Slopes = _LEVEL
        if left.slopes and b:
            if not a and b < 1:
                raise _no_slope(node)
            slopes = _scaled(left.slopes, b * (decimals.power(a, b - 1) if a or b != 1 else _ONE))
        if right.slopes and a:
            if a < 0:
                raise _no_slope(node)
            slopes = _added(slopes, right.slopes, value * decimals.ln(a))
        return Sloped(value, slopes)

    def call(self, node: Call) -> Sloped:
        arguments = [self.number(a) for a in node.arguments]
        first = arguments[0]
        x = first.value
        match node.function:
            case "min" | "max":
                pick = min if node.function == "min" else max
                numbers = [argument.value for argument in arguments]
                taken = pick(range(len(numbers)), key=numbers.__getitem__)
                if any(
                    argument.value == numbers[taken] and argument.slopes != arguments[taken].slopes
                    for argument in arguments
                ):
                    self.note(f"`{show(node)}` is at a kink: its slope is that of one side")
                return arguments[taken]
            case "abs":
                if not x and first.slopes:
                    self.note(f"`{show(node)}` is at a kink: its slope is that of one side")
                return first if x >= 0 else Sloped(-x, _scaled(first.slopes, -_ONE))
            case "round":
                return Sloped(decimals.round_half_even(x, arguments[1].value), first.slopes)
        value = DECLARED[node.function](x)
        if not first.slopes:
            return Sloped(value)
        match node.function:
            case "sqrt":
                if not x:
                    raise _no_slope(node)
                return Sloped(value, _scaled(first.slopes, _ONE / (2 * value)))
            case "exp":
                return Sloped(value, _scaled(first.slopes, value))
            case "ln":
                return Sloped(value, _scaled(first.slopes, _ONE / x))
            case "log10":
                return Sloped(value, _scaled(first.slopes, _ONE / (x * decimals.ln(Decimal(10)))))
        raise TypeError(f"no slope for {node.function}")

    def decision(self, node: Node) -> bool:
        if any(isinstance(part, Name) and self.moves(part.name) for part in walk(node)):
            self.note(f"`{show(node)}` depends on uncertain quantities: first order sees the branch taken only")
        return bool(self.value(node))

    def moves(self, name: str) -> bool:
        found = self.values.get(name)
        return isinstance(found, Sloped) and bool(found.slopes)

    def truth(self, node: Compare | Logic | Not) -> bool:
        match node:
            case Compare(op=op, left=left, right=right):
                a, b = (self.value(side) for side in (left, right))
                return compare(op, a.value if isinstance(a, Sloped) else a, b.value if isinstance(b, Sloped) else b)
            case Logic(op="and", left=left, right=right):
                return bool(self.value(left)) and bool(self.value(right))
            case Logic(left=left, right=right):
                return bool(self.value(left)) or bool(self.value(right))
            case Not(operand=operand):
                return not self.value(operand)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _scaled(slopes: Slopes, by: Decimal) -> Slopes:
    return {name: slope * by for name, slope in slopes.items()} if slopes else _LEVEL


def _added(slopes: Slopes, more: Slopes, by: Decimal) -> Slopes:
    if not more:
        return slopes
    out = dict(slopes)
    for name, slope in more.items():
        out[name] = out.get(name, Decimal(0)) + slope * by
    return out


def _no_slope(node: Node) -> CalculationError:
    return CalculationError(f"`{show(node)}` has no finite slope here: use Monte Carlo", kind="domain")
