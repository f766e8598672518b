"""Expected values that depend on a factor: plain arithmetic over the figures that the publisher prints.

``= 1000 * {grid [kgCO2e/kWh]}`` puts in the row's figure, brought into that unit; everything else is plain numbers, so
the expected value is worked out without the formula, the units and the look-ups that it is to prove.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from greenlang_sdk.decimals import normal_text

from greenlang import units
from greenlang.errors import FormulaError
from greenlang.factors.model import Factor
from greenlang.formulas.check import Scope, check
from greenlang.formulas.evaluate import evaluate
from greenlang.formulas.parse import parse

_FIGURE = re.compile(r"\{ *([a-z][a-z0-9_]*) *(?:\[([^\[\]{}]+)\])? *\}")
_NOTHING = Scope({})


def is_worked(value: str) -> bool:
    """Whether an expected value is arithmetic to be worked out."""
    return value.startswith("=")


def worked(text: str, figure: Callable[[str], Factor]) -> tuple[Decimal, str]:
    """The value of ``= ...``, and the arithmetic with its figures put in.

    ``figure`` gives the one row of an alias. Raises FormulaError, UnitError and CalculationError.
    """
    plain = _FIGURE.sub(lambda found: _number(figure(found[1]), found[2]), text[1:].strip())
    if "{" in plain or "}" in plain:
        raise FormulaError("a figure is written {alias} or {alias [unit]}")
    tree = check(parse(plain), _NOTHING, source=plain)
    if tree.type != "number" or tree.unit != "1":
        raise FormulaError("only plain numbers and {alias} stand in the arithmetic")
    value = evaluate(tree, {}, {})
    assert isinstance(value, Decimal)
    return value, plain


def _number(row: Factor, unit: str | None) -> str:
    if unit is None:
        return normal_text(row.value)
    factor, shift = units.conversion(row.unit, unit)
    return normal_text(row.value * factor + shift)
