"""Quantities: what can be read, and that conversion is exact and rounded once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang import units
from greenlang.calc.mistakes import Refused
from greenlang.calc.quantity import CO2E, convert, power_of, ratio_of, read_number, shown

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("12.5 kWh", "12.5", "kWh"),
        ("12.5kWh", "12.5", "kWh"),
        ("-3e2", "-300", ""),
        (" .5 kgCO2e / kWh ", "0.5", "kgCO2e / kWh"),
        ("7 %", "7", "%"),
    ],
)
def test_a_number_is_read_with_its_unit(text: str, number: str, unit: str) -> None:
    assert read_number(text) == (Decimal(number), unit)


@pytest.mark.parametrize("text", ["1,000 kWh", "12,5 kWh", "1 000 kWh", "1'000", "1,234,567.5 t"])
def test_grouped_digits_are_refused_with_a_mend(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read_number(text)
    assert "two ways" in caught.value.message
    assert "1234.5" in caught.value.mend


@pytest.mark.parametrize("text", ["", "kWh", "NaN kWh", "inf", "1/3 kWh", "12;5", "٣ kWh"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_number(text)


@pytest.mark.parametrize(
    ("source", "target", "ratio"),
    [
        ("MWh", "kWh", Fraction(1000)),
        ("MJ", "kWh", Fraction(10, 36)),
        ("ft^3", "m^3", Fraction(28316846592, 10**12)),
        ("mmBtu", "kWh", Fraction(105505585262, 36 * 10**7)),
        ("lb", "kg", Fraction(45359237, 10**8)),
        ("long_ton", "lb", Fraction(2240)),
        ("survey_foot", "m", Fraction(1200, 3937)),
        ("kgCO2/mmBtu", "gCO2/MJ", Fraction(10**11, 105505585262)),
        ("delta_degF", "delta_degC", Fraction(5, 9)),
    ],
)
def test_ratios_are_the_fractions_that_the_definitions_mean(source: str, target: str, ratio: Fraction) -> None:
    # 1 Btu(IT) = 1055.05585262 J, 1 lb = 0.45359237 kg: NIST SP 811 (2008), Appendix B.8
    assert ratio_of(source, target) == (ratio, 0)


@given(
    AMOUNTS, st.sampled_from([("mmBtu", "kWh"), ("ft^3", "litre"), ("long_ton", "kg"), ("mile", "km"), ("GJ", "therm")])
)
def test_a_conversion_is_the_exact_ratio_rounded_once(value: Decimal, pair: tuple[str, str]) -> None:
    source, target = pair
    made = convert(value, source, target, "here")
    assert made is not None
    exact = Fraction(value) * ratio_of(source, target)[0]
    assert abs(Fraction(made.result) - exact) <= abs(exact) / 10**33


@given(
    AMOUNTS,
    st.sampled_from(
        [("GJ", "MJ", "mmBtu"), ("kg", "g", "short_ton"), ("m^3", "litre", "ft^3"), ("t/TJ", "kg/TJ", "lb/mmBtu")]
    ),
)
def test_one_amount_in_two_units_gives_the_same_digits(value: Decimal, names: tuple[str, str, str]) -> None:
    large, small, other = names
    one, two = convert(value, large, other, "here"), convert(value * 1000, small, other, "here")
    assert one is not None
    assert two is not None
    assert one.result == two.result


def test_shifted_scales_convert_by_factor_and_shift() -> None:
    made = convert(Decimal(25), "degC", "K", "here")
    assert made is not None
    assert (made.factor, made.shift, made.result) == (1, Decimal("273.15"), Decimal("298.15"))


def test_the_same_unit_is_no_conversion() -> None:
    assert convert(Decimal(5), "kWh", "kWh", "here") is None
    assert convert(Decimal(5), "kilowatt_hour", "kWh", "here") is None


def test_another_kind_of_quantity_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        convert(Decimal(5), "GB", "kWh", "here")
    assert caught.value.code == "unit"


def test_the_ratio_agrees_with_the_registry() -> None:
    for source, target in (("kWh", "mmBtu"), ("acre", "m^2"), ("hp", "kW"), ("psi", "bar"), ("therm", "kWh")):
        ratio, _ = ratio_of(source, target)
        factor, _ = units.conversion(source, target)
        assert abs(ratio - Fraction(factor)) < Fraction(factor) / 10**33


@pytest.mark.parametrize(("unit", "power"), [("kgCO2e/kWh", 1), ("kWh/kgCO2e", -1), ("kgCO2", 0), ("kgCO2e**2", 2)])
def test_the_power_of_co2e_in_a_unit(unit: str, power: int) -> None:
    assert power_of(CO2E, unit) == power


@pytest.mark.parametrize(
    ("value", "text"),
    [("1000", "1000"), ("0.1", "0.1"), ("1.10", "1.1"), ("0.33333333333333333333", "0.333333333333333…")],
)
def test_numbers_are_shown_as_a_person_writes_them(value: str, text: str) -> None:
    assert shown(Decimal(value)) == text
