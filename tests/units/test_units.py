"""Units: what converts exactly, and what must never mix."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

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
        ("bbl", "gallon", "42"),
        ("barrel", "L", "158.987294928"),
        ("kbbl", "oil_bbl", "1000"),
        ("kscf", "scf", "1000"),
        ("megascf", "scf", "1000000"),
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
        ("scf", "scf_68F"),
        ("Nm3", "Sm3"),
        ("Nm3", "m3"),
        ("Sm3", "scf"),
        ("USD", "EUR"),
        ("kWh", "GB"),
    ],
)
def test_kinds_that_never_mix(a: str, b: str) -> None:
    with pytest.raises(UnitError):
        units.conversion(a, b)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("Mscf", "kscf"),
        ("MMscf", "megascf"),
        ("Mcf", "kscf"),
        ("kgCO2/Mscf", "kscf"),
        ("MBtu", "mmBtu"),
        ("mBtu", "mmBtu"),
        ("kgCO2e/MBtu", "mmBtu"),
        ("mt", "write t "),
        ("MT", "write t "),
        ("mtCO2e", "tCO2e"),
        ("MTCO2e", "MtCO2e"),
        ("mtCO2", "write tCO2 "),
        ("Mbbl", "kbbl"),
        ("Mlb", "klb"),
        ("kgCO2e/kWh year", "brackets"),
        ("kg per s m", "brackets"),
    ],
)
def test_spellings_that_could_mislead_are_refused_with_what_to_write(text: str, instead: str) -> None:
    with pytest.raises(UnitError, match="can be read in two ways") as caught:
        units.parse_unit(text)
    assert text in str(caught.value)
    assert instead in str(caught.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("m3", "m^3"),
        ("m2", "m^2"),
        ("m³", "m^3"),
        ("kWh/m2", "kWh/m^2"),
        ("kgCO2eq", "kgCO2e"),
        ("kg CO2e", "kgCO2e"),
        ("kg CO2-eq", "kgCO2e"),
        ("tCO2eq", "tCO2e"),
        ("tCO₂e", "tCO2e"),
        ("t CO2", "tCO2"),
        ("tonnes CO2e", "tCO2e"),
        ("kg CO2e per kWh", "kgCO2e/kWh"),
        ("kgCO2e/passenger.km", "kgCO2e/passenger_km"),
        ("kgCO2e/passenger-km", "kgCO2e/passenger_km"),
        ("kgCO2e/passenger km", "kgCO2e/passenger_km"),
        ("kgCO2e/tonne.km", "kgCO2e/tonne_km"),
        ("kgCO2/vehicle.km", "kgCO2/vehicle_km"),
        ("kgCO2/vehicle.mile", "kgCO2/vehicle_mile"),
        ("kgCO2e/ton.mile", "kgCO2e/ton_mile"),
        ("kgCO2e/room.night", "kgCO2e/room_night"),
        ("kWh*passenger.km", "kWh*passenger_km"),
        ("kgCO2e/passenger·km", "kgCO2e/passenger_km"),
        ("kgCO2e/t.km", "kgCO2e/(t*km)"),
        ("W/m2.K", "W/m**2/K"),
        ("kWh/square meter", "kWh/m^2"),
    ],
)
def test_spellings_that_people_write_mean_what_they_mean(written: str, meant: str) -> None:
    assert units.parse_unit(written) == units.parse_unit(meant)


@pytest.mark.parametrize("text", ["bbl", "kscf", "megascf", "kgCO2e/passenger.km", "kWh/m2", "Mt", "megabbl", "klb"])
def test_the_registry_s_own_spelling_is_read_again(text: str) -> None:
    assert units.parse_unit(units.combine(text, "*", "1")) == units.parse_unit(text)


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


def test_what_was_derived_before_does_not_change_a_conversion() -> None:
    """Pint keeps what it derives first: comparing units under a narrow context must not have cut their digits."""
    code = (
        "import decimal; from greenlang import units;"
        "decimal.getcontext().prec = 10;"
        "units.parse_unit('kg') == units.parse_unit('short_ton');"
        "units.registry().Quantity(decimal.Decimal(1), 'MJ').to('mmBtu'); units.in_base_units('lb/mmBtu');"
        "print(units.conversion('kg', 'short_ton')[0], units.conversion('MJ', 'mmBtu')[0])"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    wanted = [1 / (2000 * Fraction("0.45359237")), 1 / Fraction("1055.05585262")]
    assert all(abs(Fraction(got) / want - 1) < Fraction(1, 10**33) for got, want in zip(told, wanted, strict=True))


@pytest.mark.parametrize(("unit", "exponent", "made"), [("kWh", "0", "1"), ("m", "2", "m**2"), ("1", "3", "1")])
def test_the_unit_of_a_power_is_one_that_is_read_again(unit: str, exponent: str, made: str) -> None:
    assert units.parse_unit(units.power(unit, Decimal(exponent))) == units.parse_unit(made)
