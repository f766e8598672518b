"""The uncertainty of scope 2 and of a spend: one row is one quantity, paper volumes are certain, gaps are named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from greenlang.calc import CalculationContext, CalculationEngine
from greenlang.calc.scope2 import calculate as scope2
from greenlang.calc.spend import calculate as spend
from greenlang.calc.spend_tables import read_money_tables
from greenlang.calc.uncertainty_lines import scope2_uncertainty, spend_uncertainty
from greenlang.calc.uncertainty_total import TotalUncertainty
from greenlang.factors import FactorTable
from tests.calc.example import row

GRID, TD, STEEL = (
    "ef://ademe/b/22/grid/co2e-per-kwh",
    "ef://ademe/b/22/td/co2e-per-kwh",
    "ef://epa/s/1/steel/co2e-per-usd",
)
STATED = {"uncertainty": Decimal(10), "uncertainty_distribution": "normal", "uncertainty_confidence": Decimal(95)}
MONEY = {"currency": "USD", "price_year": 2022, "price_basis": "purchaser"}
ROWS = (
    row(GRID[5:], "0.2", "kgCO2e/kWh", scope="2", scope2_method="location-based", gwp_set="AR5GWP100", **STATED),
    row(TD[5:], "0.02", "kgCO2e/kWh", scope="3", boundary="T&D", gwp_set="AR5GWP100"),
    row(STEEL[5:], "2", "kgCO2e/USD", gwp_set="AR5GWP100", **MONEY, **STATED),
)


@pytest.fixture(scope="module")
def engine() -> CalculationEngine:
    return CalculationEngine(FactorTable(ROWS, "test-1.0.0"))


def near(found: TotalUncertainty | None, percent: str) -> bool:
    assert found is not None
    assert found.percent is not None
    return abs(found.percent - Decimal(percent)) < Decimal("1e-6")


def certificate(volume: str, rate: str = "0.1 kgCO2e/kWh") -> dict[str, Any]:
    return {
        "id": "GO",
        "kind": "certificate",
        "volume": volume,
        "vintage": 2025,
        "market": "FR",
        "rate": {"value": rate, "basis": "AR5GWP100", "citation": "register"},
        "declared": {"sole-claim": True, "retired": True},
    }


def found(engine: CalculationEngine, told: dict[str, Any], *instruments: dict[str, Any]) -> dict[str, TotalUncertainty]:
    sites = [
        {"id": name, "quantity": quantity, "year": 2025, "region": "FR", "grid": GRID, "td": TD}
        for name, quantity in (("a", "60 MWh"), ("b", "40 MWh"))
    ]
    result = scope2(engine, {"consumption": sites, "instruments": list(instruments)}, CalculationContext())
    assert result.success, result.mistakes
    out, mistakes = scope2_uncertainty(engine, result, told)
    assert mistakes == []
    return out


def test_one_row_is_one_quantity_over_all_sites_and_consumption_is_independent(engine: CalculationEngine) -> None:
    totals = found(engine, {"a": "0 %", "b": "0 %"})
    assert near(totals["location-based"], "10")
    assert totals["location-based"].value == 20_000
    totals = found(engine, {"a": "5 %", "b": "5 %", GRID: "0 %"})
    assert near(totals["location-based"], str(Decimal("5") * Decimal("0.52").sqrt()))
    assert not totals["location-based"].partial


def test_what_nobody_states_is_named(engine: CalculationEngine) -> None:
    totals = found(engine, {})
    assert near(totals["location-based"], "10")
    assert totals["location-based"].missing == ("a", "b")
    losses = totals["scope 3, T&D"]
    assert (losses.standard, losses.percent) == (None, None)
    assert losses.missing == (TD, "a", "b")
    assert str(losses).startswith("no uncertainty can be stated")
    assert str(totals["location-based"]) == "± 10 % at 95 %, partial: without a, b"


def test_an_uncertain_consumption_falls_on_what_no_instrument_covers(engine: CalculationEngine) -> None:
    told = {"a": "10 %", "b": "0 %", GRID: "0 %", "GO": "0 %"}
    totals = found(engine, told, certificate("30 MWh"))
    assert totals["market-based"].value == 17_000
    # 10 % of 60 MWh, all at the 0.2 of the grid: 1200 of 17000 kg
    assert near(totals["market-based"], str(Decimal(120) / 17))
    covered = found(engine, told, certificate("60 MWh"))
    assert near(covered["market-based"], str(Decimal(60) / 14))


def test_a_rate_that_the_user_states_is_a_quantity_too(engine: CalculationEngine) -> None:
    told = {"a": "0 %", "b": "0 %", GRID: "0 %", "GO": "20 %"}
    assert near(found(engine, told, certificate("30 MWh"))["market-based"], str(Decimal(60) / 17))


def test_mistakes(engine: CalculationEngine) -> None:
    result = scope2(
        engine, {"consumption": [{"id": "a", "quantity": "1 MWh", "year": 2025, "region": "FR", "grid": GRID}]}
    )
    _, mistakes = scope2_uncertainty(engine, result, {"c": "5 %", "a": "2 kWh"})
    assert [mistake.place for mistake in mistakes] == ["uncertainties.c", "uncertainties.a"]


def test_a_spend(engine: CalculationEngine) -> None:
    tables, _ = read_money_tables(
        [{"table": "exchange-rates", "citation": "x", "rows": [{"from": "EUR", "to": "USD", "year": 2022, "rate": 1}]}]
    )
    asked = {"id": "p", "amount": "100 EUR", "year": 2022, "vat": "none", "factor": STEEL}
    result = spend(engine, asked, tables)
    assert result.success, result.mistakes
    partial, _ = spend_uncertainty(engine, result)
    assert partial is not None
    assert partial.missing == ("amount", "exchange")
    assert near(partial, "10")
    whole, _ = spend_uncertainty(engine, result, {"amount": "2 %", "exchange": "11 %"})
    assert near(whole, "15")
