"""What a number may be where its declaration does not say: an amount of something is zero or more.

Activity data are amounts, and an amount below zero is a slip of sign, which would turn emissions into a removal that
nobody states. So an input, and a column of a table input, is zero or more unless its formula declares another
``range``; one that may be signed (stock changes, credits, removals, corrections, enthalpies) says so with
``range: [null, null]``. Temperatures on a scale with a shifted zero (degC) are no amounts. Factors, GWPs, parameters
and constants are what their sources say: publishers print factors below zero for sinks and for what is avoided.

Belongs here: that one rule, without units (reading a declaration builds none). Does not belong here: checking values
(``declare``, ``sql_tree``, `greenlang.calc`).
"""

from __future__ import annotations

from decimal import Decimal

SHIFTED = frozenset(
    {"degC", "celsius", "degreeC", "degree_Celsius", "°C", "degF", "fahrenheit", "degreeF", "degree_Fahrenheit", "°F"}
    | {"degRe", "reaumur", "degreeRe", "degree_Reaumur", "°Re", "degree_Réaumur", "réaumur"}
)  # the units of `greenlang.units` whose zero is not nothing


def unsaid(origin: str, kind: str, unit: str) -> tuple[Decimal | None, Decimal | None]:
    """The range of a symbol, or of a column (its origin is ``input``), that declares none."""
    amount = origin == "input" and kind == "number" and unit.strip() not in SHIFTED
    return (Decimal(0), None) if amount else (None, None)
