"""Units of the field, on one Pint registry with exact decimals.

A gas is not its CO2 equivalent: kgCO2, kgCH4 and kgCO2e have dimensions of their own, and only a GWP factor
(kgCO2e/kgCH4) leads from one to the other. passenger.km, vehicle.km and tonne.km differ as well, and gas volumes
under different conditions (scf at 60 degF, scf_68F at 68 degF, Sm3 at 15 degC, Nm3 at 0 degC) do not mix.

Spellings that the industry and Pint read differently (Mscf: a thousand or a million?) are refused with what to write
instead. A barrel is the oil industry's, 42 US gallons. A dot or a blank between two units binds tighter than the slash:
kgCO2e/passenger.km is per passenger_km.

Sources of the definitions that Pint does not carry: 1 Btu(IT) = 1055.05585262 J and 1 lb = 0.45359237 kg (NIST SP
811, 2008 edition, Appendix B.8).
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, localcontext
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from greenlang.errors import UnitError

if TYPE_CHECKING:
    import pint

DIMENSIONLESS = "1"
_DIGITS = 34
_INNER_DIGITS = 80
_BIG_POWER = re.compile(r"\*\*\s*-?\d{2,}")
# f fossil, b biogenic: their GWPs differ, and biogenic CO2 stays outside totals
_GASES = ("CO2", "CO2b", "CH4", "CH4f", "CH4b", "N2O", "SF6", "NF3", "HFC", "PFC", "CF4", "C2F6")
_DEFINITIONS = (
    "gCO2e = [co2_equivalent]",
    "tCO2e = 1e6 * gCO2e",
    "lbCO2e = 453.59237 * gCO2e",
    *(
        line
        for gas in _GASES
        for line in (f"g{gas} = [gas_{gas}]", f"t{gas} = 1e6 * g{gas}", f"lb{gas} = 453.59237 * g{gas}")
    ),
    "short_tonCO2 = 2000 * lbCO2",  # the fuel table of EPA's eGRID counts CO2 in short tons
    "Btu_international = 1055.05585262 * joule = BtuIT",
    "mmBtu = 1e6 * Btu_international = MMBtu = mmbtu = MMBTU",
    "barrel = oil_barrel = bbl",  # Pint's own is the dry-goods barrel of 31.5 gallons
    "scf = [volume_at_60_degF]",
    "scf_68F = [volume_at_68_degF]",  # stack gas of 40 CFR 60, 75 and 98
    "Sm3 = [volume_at_15_degC]",
    "Nm3 = [volume_at_0_degC]",
    "passenger = [passenger]",
    "vehicle = [vehicle]",
    "room = [room]",
    "person = [person] = capita",
    "person_hour = person * hour",  # DESNZ: FTE working hour
    "head = [livestock]",
    "item = [item]",  # a piece, portion, meal, device: what is counted, not weighed
    "hundred_item = 100 * item",
    "hundred_km = 100 * kilometer",
    "tep = 42 * gigajoule",  # of ADEME's Base Carbone: 210 pairs of its rows per tep and GJ; Pint's toe is 41.868 GJ
    "passenger_km = passenger * kilometer = pkm",
    "passenger_mile = passenger * mile",
    "vehicle_km = vehicle * kilometer = vkm",
    "vehicle_mile = vehicle * mile",
    "tonne_km = metric_ton * kilometer = tkm",
    "ton_mile = short_ton * mile",
    "room_night = room * day",
    "USD = [currency_USD]",
    "EUR = [currency_EUR]",
    "GBP = [currency_GBP]",
    "XPF = [currency_XPF]",
)
_READ = {  # units whose symbol in Pint is another one to a reader
    "ton": "short_ton",
    "delta_degree_Celsius": "K",
    "delta_degree_Fahrenheit": "delta_degF",
    "degree_Celsius": "degC",
    "degree_Fahrenheit": "degF",
    **{name: name for name in ("mmBtu", "year", "day", "passenger_km", "vehicle_km", "tonne_km", "passenger_mile")},
}
_SIGNS = (("%", "percent"), ("³", "**3"), ("²", "**2"), ("₂", "2"), ("₄", "4"), ("·", "."), ("^", "**"))
_POWER = r"(?:\*\*-?\d+)?"
_NAME = r"[A-Za-z_°µ][A-Za-z0-9_°µ]*"
_DOTTED = re.compile(rf"{_NAME}{_POWER}(?:\.{_NAME}{_POWER})+")
_SQUARES = re.compile(r"\b(mm|cm|dm|km|m|in|ft|yd|mi)([23])\b")
_EQUIVALENT = re.compile(r"CO2(?:[-_ ]?eq|[-_]e)\b")
_GAS_APART = re.compile(rf"\b([A-Za-z]?g|[kMG]?t|lb|tonne)s?[ _]({'|'.join(('CO2e', *_GASES))})\b")
_TRAFFIC = re.compile(
    r"\b(?:(passenger|vehicle)s?[ .-](km|mile)|(tonne)s?[ .-](km)|(ton)s?[ .-](mile)|(room)s?[ .-](night))s?\b"
)
_BLANK_BELOW = re.compile(
    r"/\s*(?!(?:square|cubic|sq|cu)\b)[^\s/*()]+\s+(?!squared|cubed)[^\s/*()]"
)  # a/b c: a/(b c) to a reader, (a/b) c to Pint
_TON_OF = "|".join(("", "CO2e", *_GASES))
_MISLEADING: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?:[Mm]|MM|mm)(s?cf)"),
        "write kscf for a thousand or megascf for a million standard cubic feet",
    ),
    (re.compile(r"[Mm](?:Btu|BTU|btu)"), "write kBtu for a thousand or mmBtu for a million Btu"),
    (re.compile(r"(?:[Mm]|MM|mm)(?:bbls?|barrels?)"), "write kbbl for a thousand or megabbl for a million barrels"),
    (re.compile(r"(?:[Mm]|MM|mm)lbs?"), "write klb for a thousand or megalb for a million pounds"),
    (
        re.compile(rf"(?:mt|MT)({_TON_OF})"),
        "write t{0} for metric tons or Mt{0} for a million of them",
    ),
    # Pint would read them as micro-nits and centifermi
    (re.compile(r"units?"), "write item for a piece, or the unit that is meant"),
    (re.compile(r"cfm|gpm|lpm"), "write ft^3/minute, gallon/minute or liter/minute"),
)


@cache
def registry() -> pint.UnitRegistry[Any]:
    """The one registry; built on first use (about 0.2 s)."""
    import pint

    class WideRegistry(pint.UnitRegistry[Any]):
        """Pint keeps what it derives first, under whatever decimal context that happened, comparing two units
        included: so every derivation is made in the wide one."""

        def _get_root_units(self, *arguments: Any, **named: Any) -> Any:
            with localcontext(Context(prec=_INNER_DIGITS)):
                return super()._get_root_units(*arguments, **named)

        def _convert(self, *arguments: Any, **named: Any) -> Any:
            with localcontext(Context(prec=_INNER_DIGITS)):
                return super()._convert(*arguments, **named)

    with localcontext(Context(prec=_INNER_DIGITS)):  # Pint derives its definitions while it is built
        ureg: pint.UnitRegistry[Any] = WideRegistry(non_int_type=Decimal, cache_folder=None, on_redefinition="ignore")
        for line in _DEFINITIONS:
            ureg.define(line)
    return ureg


@lru_cache(maxsize=8192)
def parse_unit(text: str) -> Any:
    """A Pint unit from a spec's or publisher's spelling: ``m^3``, ``m3``, ``kgCO2e/passenger.km``, ``%``, ``1``.

    Raises UnitError with the text as written, and with what to write where a spelling could mislead.
    """
    clean = text.strip()
    if clean in {"", "1", "-"}:
        return registry().Unit("dimensionless")
    for name in re.findall(_NAME, clean):
        for pattern, instead in _MISLEADING:
            if match := pattern.fullmatch(name):
                raise UnitError(f"unit `{text}`: `{name}` can be read in two ways; {instead.format(*match.groups())}")
    for sign, plain in _SIGNS:
        clean = clean.replace(sign, plain)
    clean = re.sub(r"\s+per\s+", "/", clean)
    clean = _SQUARES.sub(r"\1**\2", clean)
    clean = _GAS_APART.sub(_joined_gas, _EQUIVALENT.sub("CO2e", clean))
    clean = _TRAFFIC.sub(lambda m: "_".join(part for part in m.groups() if part), clean)
    clean = _DOTTED.sub(lambda m: f"({m[0].replace('.', '*')})", clean)
    if _BLANK_BELOW.search(clean):
        raise UnitError(f"unit `{text}` can be read in two ways; put what stands under the line in brackets")
    if not re.fullmatch(r"[A-Za-z0-9_*/()+\-. °µ]+", clean) or _BIG_POWER.search(clean):
        raise UnitError(f"unit `{text}` does not parse")
    try:
        return registry().Unit(clean)
    except Exception as error:
        raise UnitError(f"unit `{text}` is unknown") from error


def _joined_gas(match: re.Match[str]) -> str:
    """``kg CO2e`` as ``kgCO2e``: one unit, not a mass times a gas."""
    return f"{'t' if match[1] == 'tonne' else match[1]}{match[2]}"


@lru_cache(maxsize=8192)
def dimension(text: str) -> str:
    """A text that is equal for units that convert into each other."""
    return str(dict(sorted(parse_unit(text).dimensionality.items())))


def same_dimension(a: str, b: str) -> bool:
    """Whether two units convert into each other."""
    return dimension(a) == dimension(b)


@lru_cache(maxsize=8192)
def is_offset(text: str) -> bool:
    """Whether the unit has a shifted zero, as degC has."""
    units = parse_unit(text)._units
    return len(units) == 1 and any(not registry()._units[name].is_multiplicative for name in units)


def _logarithmic(text: str) -> bool:
    """Whether the unit is a level, as the decibel is."""
    return any(registry()._units[name].is_logarithmic for name in parse_unit(text)._units)


@lru_cache(maxsize=8192)
def conversion(source: str, target: str) -> tuple[Decimal, Decimal]:
    """``(factor, shift)`` with target = source * factor + shift, to 34 significant digits.

    Raises UnitError if the dimensions differ.
    """
    a, b = parse_unit(source), parse_unit(target)
    if a.dimensionality != b.dimensionality:
        raise UnitError(f"{source} and {target} are different kinds of quantity")
    ureg = registry()
    with localcontext(Context(prec=_INNER_DIGITS)):
        if _logarithmic(source) != _logarithmic(target):
            raise UnitError(f"{source} and {target}: a logarithmic unit and a plain one do not convert by a factor")
        if is_offset(source) or is_offset(target):
            from pint import DimensionalityError

            try:
                zero, one = (ureg.Quantity(Decimal(n), a).to(b).magnitude for n in (0, 1))
            except DimensionalityError:  # degF into delta_degF: a place on a scale is no difference
                raise UnitError(f"{source} and {target}: one of them has a zero of its own") from None
            factor, shift = one - zero, zero
        else:
            factor, shift = ureg.Quantity(Decimal(1), a).to(b).magnitude, Decimal(0)
    final = Context(prec=_DIGITS)
    return _plain(final.plus(factor)), _plain(final.plus(shift))


@lru_cache(maxsize=8192)
def in_base_units(text: str) -> tuple[Decimal, str]:
    """How many SI base units one unit is, to 80 digits, and the spelling of these base units.

    Raises UnitError for an unknown unit.
    """
    base = registry().Quantity(Decimal(1), parse_unit(text)).to_base_units()
    return base.magnitude, str(base.units)


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros and without exponent where it is a whole number."""
    value = value.normalize(Context(prec=_DIGITS))
    return (
        value.quantize(Decimal(1)) if value == value.to_integral_value() and value.adjusted() < _DIGITS - 1 else value
    )


@lru_cache(maxsize=8192)
def combine(left: str, op: str, right: str) -> str:
    """The unit of ``left * right`` or ``left / right``, in Pint's compact spelling ("1" if dimensionless)."""
    a, b = parse_unit(left), parse_unit(right)
    return _spell(a * b if op == "*" else a / b)


@lru_cache(maxsize=8192)
def power(unit: str, exponent: Decimal) -> str:
    """The unit of ``x ** exponent``."""
    if not exponent:
        return DIMENSIONLESS  # Pint would spell it kWh**0, and not read that again
    return _spell(parse_unit(unit) ** (int(exponent) if exponent == exponent.to_integral_value() else exponent))


def _spell(unit: Any) -> str:
    return str(format(unit, "C")) or DIMENSIONLESS if not unit.dimensionless or unit._units else DIMENSIONLESS


@lru_cache(maxsize=8192)
def symbol(name: str) -> str:
    """How a reader writes what Pint spells out: ``megawatt_hour`` is MWh. Any other spelling stays as it is."""
    ureg = registry()
    if name in _READ or name not in ureg:
        return _READ.get(name, name)
    return str(ureg.get_symbol(name)) if ureg.get_name(name) == name else name


@lru_cache(maxsize=8192)
def is_rate(text: str) -> bool:
    """Whether the unit has something under the fraction line (kgCO2e/kWh), so that small values matter."""
    return any(power < 0 for power in parse_unit(text)._units.values())


def output_decimals(unit: str, dtype: str = "float64") -> int:
    """Digits after the point of a declared output: amounts 6, rates 12, integers none.

    Six digits would turn factors such as 0.0000004 kgCO2e/USD into zero, so rates keep twelve.
    """
    if dtype == "int32":
        return 0
    return 12 if is_rate(unit) else 6
