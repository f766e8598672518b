"""Quantities: numbers with a unit, and the exact way from one unit into another.

A conversion is the ratio of two whole numbers wherever Pint's definitions allow that, so it is rounded once, to 34
digits: one amount written in two units gives the same digits. Scales with a shifted zero (degC, degF) go by factor
and shift, as in formulas.

Belongs here: numbers, units, conversions. Does not belong here: what a formula declares, factors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException
from fractions import Fraction
from functools import lru_cache

from greenlang_sdk.decimals import CONTEXT, MAX_DIGITS, NotANumber, normal_text, to_decimal

from greenlang.calc.mistakes import Refused
from greenlang.errors import UnitError

CO2E = "[co2_equivalent]"
CO2 = "[gas_CO2]"
BIOGENIC_CO2 = "[gas_CO2b]"
SAME = "the same quantity in another unit"

_NUMBER = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?)\s*([A-Za-z%°µ(].*)?", re.DOTALL)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[,' \u00a0\u202f][0-9]{3})+(?:\.[0-9]+)?(?![0-9])")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_TON = re.compile(r"\btons?\b")  # 907.18474, 1016.0469088 or 1000 kg
_GALLON = re.compile(r"\bgal(?:lon)?s?\b")
_INNER = 80  # digits in which Pint derives its definitions (greenlang.units)
_WIDE = Context(prec=4 * MAX_DIGITS, Emin=-(10**6), Emax=10**6)
_SHORT = 45  # a definition with no more digits than this is taken as exact; longer ones are fractions such as 5/9
_LARGEST = 10**12  # of the denominators of such fractions


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, and for CO2e its basis (``AR5GWP100``). No unit means the unit that the formula declares.

    ``value`` is a Decimal, int, text such as "12.5", or float, which counts as the shortest text that names it.
    """

    value: Decimal | int | float | str
    unit: str = ""
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One conversion that took place: ``result`` = ``value`` × ``factor`` + ``shift``, exact and rounded once.

    ``factor`` is written to 34 digits. ``citation`` stands where the ratio is a published figure and no definition.
    """

    place: str
    value: Decimal
    unit: str
    into: str
    factor: Decimal
    shift: Decimal
    result: Decimal
    why: str = SAME
    citation: str = ""


def read_number(text: str) -> tuple[Decimal, str]:
    """Number and unit of a text such as "12.5 kWh" or "12.5". Raises Refused."""
    clean = text.strip()
    if _GROUPED.match(clean) or _COMMA.match(clean):
        raise Refused(
            "not_a_number", f"`{text}` can be read in two ways", "write 1234.5, without grouping, with a point"
        )
    match = _NUMBER.fullmatch(clean)
    if match is None:
        raise Refused("not_a_number", f"`{text[:60]}` is no number with a unit", "write it like 12.5 kWh")
    return exact(match[1]), (match[2] or "").strip()


def exact(value: object) -> Decimal:
    """The exact Decimal of a number. Raises Refused."""
    try:
        return to_decimal(value)
    except NotANumber as error:
        raise Refused("not_a_number", str(error)) from None


def convert(value: Decimal, unit: str, into: str, place: str) -> Conversion | None:
    """``value`` brought from ``unit`` into another; None if the two are one. Raises Refused."""
    if unit == into:
        return None
    try:
        ratio, shift = ratio_of(unit, into)
    except UnitError as error:
        raise Refused("unit", str(error), f"give it in {into}") from None
    if ratio == 1 and not shift:
        return None
    try:
        product = _WIDE.multiply(value, Decimal(ratio.numerator))
        result = CONTEXT.divide(product, Decimal(ratio.denominator))
        if shift:
            result = CONTEXT.add(result, shift)
        factor = CONTEXT.divide(Decimal(ratio.numerator), Decimal(ratio.denominator))
    except DecimalException:
        raise Refused("overflow", f"{value:.3e} {unit} is too large for {into}") from None
    return Conversion(
        place=place, value=value, unit=unit, into=into, factor=_plain(factor), shift=shift, result=_plain(result)
    )


@lru_cache(maxsize=8192)
def ratio_of(source: str, target: str) -> tuple[Fraction, Decimal]:
    """``(ratio, shift)`` with target = source × ratio + shift. Raises UnitError if the dimensions differ."""
    from greenlang import units

    factor, shift = units.conversion(source, target)
    if units.is_offset(source) or units.is_offset(target):
        return Fraction(factor), shift
    ratio = Fraction(1)
    for unit, sign in ((units.parse_unit(source), 1), (units.parse_unit(target), -1)):
        for name, power in unit._units.items():
            if power != int(power):
                return Fraction(factor), shift
            ratio *= _root(name) ** (sign * int(power))
    # units.conversion is rounded to 34 digits; a ratio that is not the same number would be a fault of ours
    assert abs(ratio - Fraction(factor)) <= Fraction(factor) / 10**33, f"{source} -> {target}"
    return ratio, shift


@lru_cache(maxsize=1024)
def _root(name: str) -> Fraction:
    """How many root units one unit is, as the fraction that its definition means."""
    from greenlang import units

    size = units.registry().Quantity(Decimal(1), name).to_root_units().magnitude
    short = Context(prec=_INNER - 20).plus(size).normalize(Context(prec=_INNER))
    if len(short.as_tuple().digits) <= _SHORT:
        return Fraction(short)
    fraction = Fraction(size)
    nearest = fraction.limit_denominator(_LARGEST)
    return nearest if abs(nearest - fraction) <= fraction / 10 ** (_INNER - 15) else fraction


def _plain(value: Decimal) -> Decimal:
    return Decimal(normal_text(value))


@lru_cache(maxsize=8192)
def power_of(dimension: str, unit: str) -> Decimal:
    """The power of a dimension in a unit: 1 for CO2e in kgCO2e/kWh, -1 in kWh/kgCO2e, 0 in kWh."""
    from greenlang import units

    found = units.parse_unit(unit).dimensionality.get(dimension, 0)
    return found if isinstance(found, Decimal) else Decimal(str(found))


def has_co2e(unit: str | None) -> bool:
    """Whether a unit holds CO2e, above or below the line."""
    return unit is not None and power_of(CO2E, unit) != 0


def gas_of(unit: str) -> str:
    """The gas above the line of a unit: CO2e, CO2, CH4f, ...; CO2e where there is none."""
    from greenlang import units

    found = units.parse_unit(unit).dimensionality
    named = [str(name) for name, power in found.items() if power > 0 and str(name).startswith("[gas_")]
    return named[0][5:-1] if named and CO2E not in found else "CO2e"


def misleading(unit: str) -> str:
    """A warning about a unit that people use for two things. Raises Refused where the two are far apart."""
    if _TON.search(unit):
        raise Refused("unit", f"`{unit}`: a ton can be read in three ways", "write t, short_ton or long_ton")
    if _GALLON.search(unit):
        return f"`{unit}` is the US liquid gallon, 3.785411784 litres; the imperial one is imperial_gallon"
    return ""


def known_unit(unit: str) -> None:
    """Raises Refused for a unit that does not parse."""
    from greenlang import units

    try:
        units.parse_unit(unit)
    except UnitError as error:
        raise Refused("unit", str(error)) from None


def shown(value: Decimal, digits: int = 15) -> str:
    """A number as a person writes it: exact if it is short, else its first digits and an ellipsis."""
    text = normal_text(value)
    if len(value.as_tuple().digits) <= digits or len(text.strip("-").replace(".", "").strip("0")) <= digits:
        return text if len(text) <= 2 * digits else f"{value.normalize():E}"
    cut = Context(prec=digits).plus(value)
    text = normal_text(cut)
    return f"{text}…" if len(text) <= 2 * digits else f"{cut.normalize():E}…"
