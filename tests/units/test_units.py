"""Units: what converts exactly, and what must never mix."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang import units
from greenlang.errors import UnitError


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("kWh", "MJ", "3.6"),
        ("short_ton", "kg", "907.18474"),
        ("gallon", "L", "3.785411784"),
        ("mile", "km", "1.609344"),
        ("lbCO2/MWh", "kgCO2/kWh", "0.00045359237"),
        ("tCO2e", "kgCO2e", "1000"),
        ("percent", "1", "0.01"),
        ("t", "kg", "1000"),
        ("ton_mile", "tonne_km", "1.45997231821056"),
    ],
)
def test_conversions_are_exact(source: str, target: str, factor: str) -> None:
    assert units.conversion(source, target) == (Decimal(factor), 0)


def test_mmbtu_is_the_international_btu() -> None:
    factor, _ = units.conversion("mmBtu", "MJ")
    assert factor == Decimal("1055.05585262")


def test_temperatures_shift() -> None:
    assert units.conversion("degC", "K") == (1, Decimal("273.15"))
    assert units.is_offset("degC")
    assert not units.is_offset("K")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("kgCO2", "kgCO2e"),
        ("kgCH4", "kgCO2e"),
        ("kg", "kgCO2e"),
        ("passenger.km", "vehicle.km"),
        ("tonne.km", "passenger.km"),
        ("scf", "m^3"),
        ("Nm3", "Sm3"),
        ("USD", "EUR"),
        ("kWh", "GB"),
    ],
)
def test_kinds_that_never_mix(a: str, b: str) -> None:
    with pytest.raises(UnitError):
        units.conversion(a, b)


@pytest.mark.parametrize("text", ["foo", "kWh//", "kg(", "10**10**10", "kg**999999999", "__import__('os')", "kg;m"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        units.parse_unit(text)


def test_rates_keep_twelve_digits_and_amounts_six() -> None:
    assert units.output_decimals("kgCO2e") == 6
    assert units.output_decimals("kgCO2e/USD") == 12
    assert units.output_decimals("1", "int32") == 0


_ENERGY = st.sampled_from(["kWh", "MJ", "GJ", "mmBtu", "MWh", "J"])


@given(_ENERGY, _ENERGY)
def test_there_and_back_is_one(a: str, b: str) -> None:
    forth, back = units.conversion(a, b)[0], units.conversion(b, a)[0]
    assert abs(forth * back - 1) < Decimal("1e-26")
