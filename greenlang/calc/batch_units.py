"""Conversions of a batch, exact: a value as published or given, and the fraction that leads to the formula's unit.

The engine rounds a converted value to 34 digits; a batch keeps the figure as it is printed and multiplies by the
fraction in the one exact expression, which is shorter to compute and rounded once, at the output.

Belongs here: from conversions to fractions and nodes. Does not belong here: which unit something is in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from greenlang_sdk.decimals import CONTEXT

from greenlang.calc.mistakes import Refused
from greenlang.calc.quantity import Conversion, known_unit, ratio_of
from greenlang.calc.sourcing import NAMED_APART
from greenlang.errors import UnitError
from greenlang.formulas.conversion import ratio
from greenlang.formulas.tree import Convert, Node

_CLOSE = Fraction(1, 10**30)


@dataclass(frozen=True, slots=True)
class Path:
    """From a unit to the declared one: value × ``ratio`` + ``shift``."""

    ratio: Fraction = Fraction(1)
    shift: Decimal = Decimal(0)

    @property
    def plain(self) -> bool:
        """Whether nothing is converted."""
        return self.ratio == 1 and not self.shift

    def node(self, operand: Node, unit: str) -> Node:
        """A tree converted into ``unit``."""
        if self.plain:
            return operand
        return Convert(operand, operand.unit or unit, self.factor, self.shift, unit=unit)

    @property
    def factor(self) -> Decimal:
        """The ratio to 34 digits, as trees hold it."""
        return CONTEXT.divide(Decimal(self.ratio.numerator), Decimal(self.ratio.denominator))

    @property
    def kept(self) -> bool:
        """Whether the exact back-ends find the ratio again in its 34 digits."""
        return ratio(self.factor) == self.ratio

    def of(self, value: Fraction) -> Fraction:
        """A value in the declared unit."""
        return value * self.ratio + Fraction(self.shift)

    def back(self, value: Fraction) -> Fraction:
        """The value before the conversion."""
        return (value - Fraction(self.shift)) / self.ratio


SAME = Path()


def path_between(unit: str, declared: str) -> Path:
    """From one unit to another. Raises Refused: a unit that nobody knows, or of another kind."""
    known_unit(unit)
    if unit == declared:
        return SAME
    try:
        found, shift = ratio_of(unit, declared)
    except UnitError as error:
        raise Refused("unit", str(error), f"give it in {declared}") from None
    path = Path(found, shift)
    if not path.kept:
        path = Path(Fraction(path.factor), shift)
    return path


def figure(used: Decimal, conversions: Iterable[Conversion]) -> tuple[Decimal, Path]:
    """A figure as it was printed or given, and the path to what the engine used.

    Where the path cannot be told exactly (a ratio that was published with few digits is exact; one that nobody can
    name is not), the figure is what the engine used, 34 digits long.
    """
    steps = list(conversions)
    if not steps:
        return used, SAME
    total, shift = Fraction(1), Decimal(0)
    for step in steps:
        total *= _ratio(step)
        shift = step.shift
    path = Path(total, shift)
    made = path.of(Fraction(steps[0].value))
    if not path.kept or (shift and len(steps) > 1) or abs(made - Fraction(used)) > abs(Fraction(used)) * _CLOSE:
        return used, SAME
    return steps[0].value, path


def _ratio(step: Conversion) -> Fraction:
    if step.why == NAMED_APART:
        return Fraction(1)
    if step.citation:
        return ratio(step.factor)
    try:
        return ratio_of(step.unit, step.into)[0]
    except UnitError:  # units of one kind only by a published ratio
        return ratio(step.factor)
