"""What could stand in a figure's place: units of the same kind, potentials of another set.

Belongs here: the near misses. Does not belong here: where they are put in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

from greenlang import units
from greenlang.errors import UnitError

# Units that are taken for each other in practice, by kind.
_KINDS = (
    ("kWh", "MWh", "MJ", "GJ", "mmBtu"),
    ("kg", "t", "g", "lb", "short_ton"),
    ("L", "m3", "gallon", "m**3", "liter", "l"),
    ("km", "mile", "m"),
    ("kW", "MW", "W"),
    ("m2", "ft2", "m**2", "m^2"),
    ("degC", "degF", "K"),
    ("hour", "year", "day", "h", "yr"),
    ("USD", "EUR"),
    ("Pa", "kPa", "bar"),
    ("J", "kJ"),
    ("%", "1"),
)
_GAS_MASS = re.compile(r"^(kg|g|t|lb)(CO2e|CO2b|CO2|CH4f|CH4b|CH4|N2O|SF6|NF3|HFC|PFC|CF4|C2F6)$")
_TOKEN = re.compile(r"[A-Za-z%°µ][A-Za-z0-9_%°µ]*(?:\*\*\d|\^\d)?")
_SETS = ("AR4GWP100", "AR5GWP100", "AR6GWP100", "SARGWP100", "AR6GWP20")
_SPECIES = {"CO2b": "CO2", "CH4f": "CH4", "CH4b": "CH4"}


@cache
def other_units(unit: str) -> tuple[str, ...]:
    """Units of the same kind that differ in size: one of its parts is replaced by a neighbour. Most alike first."""
    found = []
    for match in _TOKEN.finditer(unit):
        for other in _siblings(match[0]):
            text = f"{unit[: match.start()]}{other}{unit[match.end() :]}"
            if _another_size(unit, text):
                found.append(text)
    return tuple(dict.fromkeys(found))


def _siblings(token: str) -> Iterator[str]:
    gas = _GAS_MASS.match(token)
    if gas:
        yield from (f"{mass}{gas[2]}" for mass in ("g", "t", "kg", "lb") if mass != gas[1])
        return
    for kind in _KINDS:
        if token in kind:
            yield from (other for other in kind if other != token)
            return


def _another_size(unit: str, other: str) -> bool:
    try:
        return units.conversion(unit, other) != (Decimal(1), Decimal(0))
    except UnitError:
        return False


@cache
def other_conversions(source: str, target: str) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """(source, factor, shift) of conversions into ``target`` from units that are mistaken for ``source``."""
    return tuple((other, *units.conversion(other, target)) for other in other_units(source))


@cache
def _published(gas: str) -> tuple[tuple[str, Decimal], ...]:
    """(set, potential) of a gas in each published set that holds it."""
    import globalwarmingpotentials

    species = _SPECIES.get(gas, gas).replace("-", "")
    data = globalwarmingpotentials.data
    return tuple((name, Decimal(repr(data[name][species])).normalize()) for name in _SETS if species in data[name])


def other_potentials(gas: str, value: Decimal) -> tuple[tuple[str, Decimal], ...]:
    """(set, potential) of the sets that say something else than ``value``; none where no set says ``value`` itself.

    A figure that no set holds may be a potential all the same (a blend's, or of a set that is not published here):
    the others are given then as well.
    """
    return tuple((name, found) for name, found in _published(gas) if found != value)


def gas_of(unit: str) -> str:
    """The gas of a potential's unit: ``kgCO2e/kgCH4`` is of CH4; empty for another unit."""
    match = re.fullmatch(r"(?:kg|g|t|lb)CO2e/(?:kg|g|t|lb)([A-Za-z0-9]+)", unit)
    return match[1] if match else ""
