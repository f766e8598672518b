"""Spellings of units: what is beyond doubt is read, what two trades read differently is not."""

from __future__ import annotations

import pytest

from greenlang import units
from greenlang.specs import unit_words
from greenlang.specs.unit_words import certain, read_unit, refined, unit_of_name, unit_of_text
from tests.specs.texts import A, changed, good, told


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("kg CO2e/year", "kgCO2e/year"),
        ("tonnes CO2e", "tCO2e"),
        ("metric tons CO2e", "tCO2e"),
        ("kg CO2-eq/kWh", "kgCO2e/kWh"),
        ("lb CO2", "lbCO2"),
        ("°C", "degC"),
        ("Fahrenheit", "degF"),
        ("%", "percent"),
        ("vol%", "percent"),
        ("$/kWh", "USD/kWh"),
        ("kWh/m²/year", "kWh/m^2/year"),
        ("kWh per annum", "kWh/year"),
        ("kg/hr", "kg/hour"),
        ("MMBTU/h", "MMBtu/hour"),
        ("kW_th", "kW"),
        ("W/mK", "W/(m*K)"),
        ("W/m²K", "W/(m^2*K)"),
        ("kJ/(kg·K)", "kJ/(kg*K)"),
        ("Btu/lb·°F", "Btu/lb.delta_degF"),
        ("square feet", "ft^2"),
        ("kg CO2e/sqft", "kgCO2e/ft^2"),
        ("cfm", "ft^3/minute"),
        ("people", "person"),
        ("tonne-km", "tonne.km"),
        ("fraction", "1"),
        ("C", "degC"),
        ("Pa·s", "Pa.s"),
    ],
)
def test_spellings_beyond_doubt(written: str, unit: str) -> None:
    assert read_unit(written).unit == unit
    units.parse_unit(unit)


@pytest.mark.parametrize(
    "written",
    [
        "tons",
        "USD/ton CO2e",
        "kWh/unit",
        "MT CO2e",
        "psig",
        "Mscf",
        "MBtu",
        "kg or lb",
        "pH",
        "gamma",
        "0",
        "5 kWh",
        "string",
        "USD (2023)",
    ],
)
def test_spellings_with_two_meanings_or_none_give_a_reason(written: str) -> None:
    found = read_unit(written)
    assert found.unit == ""
    assert found.doubt


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("heat_demand_kw", "kW"),
        ("annual_energy_mwh", "MWh/year"),
        ("emissions_kg_co2e", "kgCO2e"),
        ("co2e_emissions_kg", "kgCO2e"),
        ("emissions_kg", ""),
        ("grid_factor_kg_co2e_per_kwh", "kgCO2e/kWh"),
        ("factor_tco2_per_ton", ""),
        ("source_temperature_f", "degF"),
        ("temperature_lift_f", "delta_degF"),
        ("steaming_margin_c", "K"),
        ("specific_heat_c", ""),
        ("water_velocity_m_s", "m/s"),
        ("overall_htc_w_m2k", "W/(m^2*K)"),
        ("renewable_percentage", "percent"),
        ("cop_heating", "1"),
        ("number_of_stages", "1"),
        ("site_latitude", "degree"),
        ("per", ""),
        ("x_per_y", ""),
        ("", ""),
    ],
)
def test_units_in_names(name: str, unit: str) -> None:
    assert unit_of_name(name).unit == unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("Required process temperature in °C", "degC"),
        ("Overall coefficient U [W/(m2*K)]", "W/(m^2*K)"),
        ("Latent heat if phase change involved (kJ/kg)", "kJ/kg"),
        ("Emission factor in kg CO2e per kWh", "kgCO2e/kWh"),
        ("Total emissions in kg (for percentages)", "kg"),
        ("Process efficiency factor (0-1)", "1"),
        ("Production rate in kg/hr or units/hr", ""),
        ("Percentage of renewable sources (0-100)", ""),
        ("Amount in stock", ""),
        ("Effectiveness (typically 0.40-0.55)", ""),
    ],
)
def test_units_in_sentences(text: str, unit: str) -> None:
    assert unit_of_text(text).unit == unit


def test_what_is_certain_is_what_the_registry_says() -> None:
    for word in unit_words._TOKENS:
        parsed = units.parse_unit(word)
        assert all(unit_words._of_the_field(str(name)) for name in parsed._units), word
    assert certain("kJ/(kg*K)")
    assert not certain("kWhh")
    assert not certain("kWh/unit")
    assert not certain("0")
    assert not certain("2*kWh")


def test_every_spelling_of_the_tables_is_a_unit_of_the_field() -> None:
    for unit in {*unit_words._WORDS.values(), *unit_words._SUFFIXES.values(), *unit_words._BELOW.values()}:
        assert read_unit(unit).unit, unit


@pytest.mark.parametrize(
    ("a", "b", "exact"),
    [
        ("kg", "kgCO2e/year", "kgCO2e/year"),
        ("MWh/year", "MWh", "MWh/year"),
        ("kWh/m^2", "kWh/m^2/year", "kWh/m^2/year"),
        ("USD/kW", "USD/kW/month", "USD/kW/month"),
        ("kW", "MW", None),
        ("degC", "K", None),
        ("kg", "kgCH4", "kgCH4"),
        ("kg", "tCO2e", None),
    ],
)
def test_the_more_exact_of_two_units(a: str, b: str, exact: str | None) -> None:
    assert refined(a, b) == refined(b, a) == exact


def test_where_a_unit_comes_from_is_told() -> None:
    text = changed(A, '            units: "kW"\n', "")
    (finding,) = [d for d in told(text, "GLS033") if "heat_kw" in d.message]
    assert (finding.severity, finding.line) == ("info", 28)
    assert good(text).outputs["heat_kw"].unit_from == "name"


def test_a_name_and_a_unit_that_contradict_each_other_are_told() -> None:
    (finding,) = told(changed(A, '            units: "kW"', '            units: "MW"'), "GLS035")
    assert finding.severity == "warning"
    assert good(changed(A, '            units: "kW"', '            units: "MW"')).outputs["heat_kw"].unit == "MW"


def test_a_unit_in_doubt_is_unknown_and_told() -> None:
    text = changed(A, '            units: "kW"', '            units: "tons"')
    assert told(text, "GLS020")[0].severity == "warning"
    out = good(text).outputs["heat_kw"]
    assert (out.unit, out.unit_from) == ("", "")


def test_a_number_without_any_unit_is_told() -> None:
    text = changed(A, "          cp:\n", "          amount: {type: number}\n          cp:\n")
    assert "amount" in told(text, "GLS034")[0].message
    assert good(text).inputs["amount"].unit == ""


def test_a_difference_of_temperatures_is_no_temperature() -> None:
    text = changed(A, "          cp:\n", '          lift_f: {type: number, units: "°F"}\n          cp:\n')
    assert good(text).inputs["lift_f"].unit == "delta_degF"
