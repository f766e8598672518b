"""From the publisher's unit to the asked one, and from one calorific basis to the other by a cited ratio.

Belongs here: denominators of units, heating values. Does not belong here: numerators (a mass of a gas never becomes
CO2e here), choosing rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from greenlang_sdk.decimals import calculation

from greenlang import units
from greenlang.errors import UnitError
from greenlang.factors.model import Factor
from greenlang.factors.select_model import Conversion
from greenlang.factors.select_rule import Rule
from greenlang.factors.table import FactorTable

BY_DEFINITION = "units by definition (greenlang.units)"
_OTHER = {"HHV": "LHV", "LHV": "HHV"}


@dataclass(frozen=True, slots=True)
class Ratio:
    """Net and gross heating value of one fuel, with where they stand."""

    net: Decimal
    gross: Decimal
    citation: str


@lru_cache(maxsize=65_536)
def per_fits(per: str, asked: str) -> str:
    """``same``, ``converts``, or why the denominators do not convert."""
    if per == asked:
        return "same"
    try:
        if not units.same_dimension(per, asked):
            return f"it is per {per}, which does not convert into {asked}"
        factor, shift = units.conversion(per, asked)
    except UnitError as error:
        return f"it is per {per}: {error}"
    if shift:
        return f"it is per {per}, whose zero is shifted against {asked}"
    return "same" if factor == 1 else "converts"


@lru_cache(maxsize=4096)
def is_energy(per: str) -> bool:
    """Whether a unit is one of energy."""
    try:
        return units.same_dimension(per, "kWh")
    except UnitError:
        return False


def converted(factor: Factor, per: str | None, ratio: Ratio | None) -> tuple[Decimal, str, Conversion]:
    """``(value, unit, conversion)`` of a factor per ``per``; with a ratio, on its other calorific basis too."""
    value, unit, share, cited = factor.value, factor.unit, Decimal(1), []
    if ratio is None and per in {None, factor.per}:
        return value, unit, Conversion(share, unit, unit, "")
    with calculation():
        if ratio is not None:
            # per kWh gross = per kWh net x net / gross: a kWh net of a fuel is more of the fuel
            above, below = (ratio.net, ratio.gross) if factor.calorific_basis == "LHV" else (ratio.gross, ratio.net)
            value, share = value * above / below, above / below
            cited.append(f"{_OTHER[factor.calorific_basis]} from {factor.calorific_basis}: {ratio.citation}")
        if per is not None and per != factor.per:
            into, back = units.conversion(per, factor.per)[0], units.conversion(factor.per, per)[0]
            # one of the two is mostly exact (3.6, never 0.2777...): that one is used
            value = value * into if _digits(into) <= _digits(back) else value / back
            share = share * into
            unit = f"{unit[: len(unit) - len(factor.per)]}{_bracketed(per)}" if factor.per != "1" else unit
            cited.append(BY_DEFINITION)
    return value, unit, Conversion(share, factor.unit, unit, "; ".join(cited))


def calorific_ratio(factor: Factor, table: FactorTable, rule: Rule) -> Ratio | None:
    """The publisher's own heating values of the row's fuel: from the table's properties, or from the cited pairs."""
    found: dict[str, Factor] = {}
    fuel = f"{factor.publisher}/{factor.dataset}/{factor.vintage}/{factor.activity}"
    for row in table.below(fuel):
        if row.kind == "property" and row.activity == factor.activity and _is_heating_value(row):
            if row.calorific_basis in found:
                return None  # several in different units: which belong together is not said
            found[row.calorific_basis] = row
    if len(found) == 2 and found["LHV"].unit == found["HHV"].unit:
        cited = f"{found['LHV'].ref} ({found['LHV'].citation}) and {found['HHV'].ref} ({found['HHV'].citation})"
        return Ratio(found["LHV"].value, found["HHV"].value, cited)
    pair = rule.calorific_pairs.pair(factor.publisher, factor.vintage, factor.activity)
    return Ratio(*pair) if pair else None


def _is_heating_value(row: Factor) -> bool:
    if row.calorific_basis not in _OTHER or row.value <= 0 or row.gas:
        return False
    numerator = row.unit.partition("/")[0]
    return is_energy(numerator) and not is_energy(row.per)


def _digits(value: Decimal) -> int:
    return len(value.as_tuple().digits)


def _bracketed(per: str) -> str:
    return f"({per})" if re.search(r"[\s/*]", per) else per
