"""Spend: the one order of conversion, what each step needs, and that nothing is ever made up."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.calc import CalculationContext, CalculationEngine
from greenlang.calc.overlaps import check
from greenlang.calc.spend import calculate, declared_order
from greenlang.calc.spend_result import SpendResult
from greenlang.calc.spend_tables import MoneyTables, read_money_tables
from greenlang.calc.verify_accounting import verify_spend
from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.formulas.prove import compiled
from tests.calc.example import row

USD = {"currency": "USD", "price_year": 2022, "price_basis": "purchaser", "scope": "3", "scope_category": "3.1"}
FARM = "epa/supply-chain/v1.3/naics-111110/with-margins/co2e-per-usd"
ROWS = (
    row(FARM, "0.532", "kgCO2e/USD", gwp_set="AR5GWP100", **USD),
    row(
        "epa/supply-chain/v1.3/naics-111110/margins/co2e-per-usd",
        "0.044",
        "kgCO2e/USD",
        part_of=FARM,
        kind="stage",
        **USD,
    ),
    row(
        "exio/base/3/steel/co2e-per-eur",
        "2",
        "kgCO2e/EUR",
        gwp_set="AR5GWP100",
        currency="EUR",
        price_year=2019,
        price_basis="basic",
    ),
    row("ademe/base/22/service/co2e-per-keur", "100", "kgCO2e/kEUR", gwp_set="AR5GWP100", currency="EUR"),
    row("desnz/cf/2025/grid/co2e-per-kwh", "0.2", "kgCO2e/kWh", gwp_set="AR5GWP100"),
)
STEEL, SERVICE = "ef://exio/base/3/steel/co2e-per-eur", "ef://ademe/base/22/service/co2e-per-keur"


@pytest.fixture(scope="module")
def engine() -> CalculationEngine:
    return CalculationEngine(FactorTable(ROWS, "test-1.0.0"))


def rates(*entries: tuple[str, str, int, str]) -> dict[str, Any]:
    rows = [{"from": a, "to": b, "year": year, "rate": rate} for a, b, year, rate in entries]
    return {"table": "exchange-rates", "citation": {"document": "A bank", "locator": "Table 1"}, "rows": rows}


def indices(*entries: tuple[str, int, str], series: str = "HICP") -> dict[str, Any]:
    rows = [{"currency": name, "series": series, "year": year, "index": index} for name, year, index in entries]
    return {"table": "deflators", "citation": "An office, series 7", "rows": rows}


def margins(*entries: tuple[str, int, str]) -> dict[str, Any]:
    rows = [{"product": name, "year": year, "basic_share": share} for name, year, share in entries]
    return {"table": "margins", "citation": "Supply and use tables", "rows": rows}


def tables(*sources: Any) -> MoneyTables:
    found, mistakes = read_money_tables(sources)
    assert mistakes == []
    return found


EURO = tables(rates(("EUR", "USD", 2022, "1.05")), indices(("EUR", 2022, "110"), ("EUR", 2024, "121")))


def spend(**said: Any) -> dict[str, Any]:
    return {"id": "po-1", "amount": "1210 EUR", "year": 2024, "vat": "excluded", "factor": f"ef://{FARM}", **said}


def done(engine: CalculationEngine, money: MoneyTables = EURO, **said: Any) -> SpendResult:
    result = calculate(engine, spend(**said), money)
    assert result.success, result.mistakes
    return result


def test_the_order_is_declared_with_reasons_and_shown(engine: CalculationEngine) -> None:
    assert list(declared_order()) == ["vat", "deflate", "exchange", "margin", "factor"]
    result = done(engine)
    assert [step.step for step in result.steps] == list(declared_order())
    assert [str(step.after.amount) for step in result.steps[1:3]] == ["1100", "1155.00"]
    assert result.value == Decimal("614.46")
    assert [str(step) for step in result.steps] == [
        "vat: nothing to do, the amount holds none",
        "deflate: 1210 EUR of 2024 at purchaser prices × 0.909090909090909… = 1100 EUR of 2022 at purchaser prices "
        "(An office, series 7)",
        "exchange: 1100 EUR of 2022 at purchaser prices × 1.05 = 1155 USD of 2022 at purchaser prices "
        "(A bank, Table 1)",
        "margin: nothing to do, the factor is at purchaser prices too",
        "factor: 1155 USD of 2022 at purchaser prices × 0.532 kgCO2e/USD = 614.46 kgCO2e "
        "(Document of epa, Table 1, A1)",
    ]
    assert all(step.why and step.order_citation for step in result.steps)
    assert (result.basis, result.category) == ("AR5GWP100", "3.1")


def test_the_formula_of_the_library_has_the_same_order(engine: CalculationEngine) -> None:
    result = done(engine)
    formula = library().get("carbon/scope-3/spend-based")
    assert formula is not None
    given = {name: Decimal(value) for name, value in (("spend", 1210), ("index_spend", 121), ("index_factor", 110))}
    given |= {"rate": Decimal("1.05"), "ef": Decimal("0.532")}
    answers = {name: compiled(formula).answer(name, given, decimals=6) for name in formula.outputs}
    after = {step.step: step.after.amount for step in result.steps}
    assert answers == {"deflated": after["deflate"], "real": after["exchange"], "co2e": result.value}
    assert list(answers) == ["deflated", "real", "co2e"]
    assert formula.symbols["rate"].meaning == "average exchange rate of the price year of the factor"


def test_deflating_first_is_not_exchanging_first(engine: CalculationEngine) -> None:
    """The rate of the factor's price year counts, never that of the spend; so its swings do not move the result."""
    both = tables(
        rates(("EUR", "USD", 2022, "1.05"), ("EUR", "USD", 2024, "2")),
        indices(("EUR", 2022, "110"), ("EUR", 2024, "121")),
    )
    assert done(engine, both).value == done(engine).value


def test_vat(engine: CalculationEngine) -> None:
    kept = done(engine, amount="1452 EUR", vat="included", vat_rate=20, vat_deductible=False)
    taken = done(engine, amount="1452 EUR", vat="included", vat_rate="20", vat_deductible="true")
    assert taken.value == Decimal("614.46")
    assert kept.value == Decimal("737.352")
    assert kept.steps[0].skipped == "the tax cannot be deducted, so it is a part of the purchaser's price"
    for left_out in ("vat_rate", "vat_deductible"):
        said = {"vat": "included", "vat_rate": 20, "vat_deductible": True}
        said.pop(left_out)
        assert [m.place for m in calculate(engine, spend(**said), EURO).mistakes] == [left_out]
    assert [m.place for m in calculate(engine, {k: v for k, v in spend().items() if k != "vat"}, EURO).mistakes] == [
        "vat"
    ]


def test_purchaser_to_basic_prices_and_back(engine: CalculationEngine) -> None:
    money = tables(indices(("EUR", 2019, "100"), ("EUR", 2024, "121")), margins(("steel", 2019, "0.8")))
    result = done(engine, money, factor=STEEL)
    assert [str(step.after.amount) for step in result.steps if step.step == "margin"] == ["800.0"]
    assert result.value == Decimal(1600)
    us = tables(margins(("farm", 2022, "0.8")))
    back = done(engine, us, amount="800 USD", year=2022, price_basis="basic")
    assert back.value == Decimal("532")


def test_the_inverse_of_a_rate_is_said_to_be_one(engine: CalculationEngine) -> None:
    money = tables(rates(("USD", "EUR", 2022, "0.8")))
    result = done(engine, money, year=2022, amount="100 EUR")
    assert result.value == Decimal("66.5")
    (step,) = (step for step in result.steps if step.step == "exchange")
    assert step.figures[0].how == "the inverse of 0.8 EUR for one USD"


def test_everything_that_is_missing_is_told_at_once_and_nothing_is_computed(engine: CalculationEngine) -> None:
    result = calculate(engine, spend(amount="100 CHF", price_basis="basic"), MoneyTables())
    assert (result.success, result.value) == (False, None)
    assert [mistake.place for mistake in result.mistakes] == ["tables.deflate", "tables.exchange", "tables.margin"]
    assert "no price index of CHF for 2024 and 2022 is given" in result.mistakes[0].message
    assert "no exchange rate from CHF to USD for 2022 is given" in result.mistakes[1].message
    assert all("with its citation" in mistake.mend for mistake in result.mistakes)


def test_a_year_that_the_tables_lack(engine: CalculationEngine) -> None:
    result = calculate(engine, spend(year=2023), EURO)
    assert [mistake.message for mistake in result.mistakes] == ["no price index of EUR (HICP) for 2023 is given"]


def test_of_several_price_indices_one_is_named(engine: CalculationEngine) -> None:
    money = tables(
        rates(("EUR", "USD", 2022, "1.05")),
        indices(("EUR", 2022, "110"), ("EUR", 2024, "121")),
        indices(("EUR", 2022, "100"), ("EUR", 2024, "121"), series="PPI"),
    )
    assert "name one as series: HICP, PPI" in calculate(engine, spend(), money).mistakes[0].mend
    assert done(engine, money, series="HICP").value == Decimal("614.46")
    assert done(engine, money, series="PPI").value == Decimal("558.6")
    assert not calculate(engine, spend(series="CPI"), money).success


def test_a_factor_whose_publisher_names_no_price_year_needs_one_with_a_source(engine: CalculationEngine) -> None:
    refused = calculate(engine, spend(factor=SERVICE), EURO)
    assert "does not say its price year and its price basis" in refused.mistakes[0].message
    said = {"factor": SERVICE, "factor_price_year": 2022, "factor_price_basis": "purchaser"}
    assert [mistake.place for mistake in calculate(engine, spend(**said), EURO).mistakes] == ["factor_citation"]
    result = done(engine, **said, factor_citation="own reading of the method note")
    assert result.value == Decimal(110)
    assert result.warnings[0].endswith(
        "price year 2022 and price basis purchaser stated by the user: own reading of the method note"
    )
    again = {"factor_price_year": 2021, "factor_citation": "own"}
    assert "is in prices of 2022" in calculate(engine, spend(**again), EURO).mistakes[0].message


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"factor": "ef://desnz/cf/2025/grid/co2e-per-kwh"}, "factor"),
        ({"factor": "ef://nobody/nothing"}, "factor"),
        ({"factor": ""}, "factor"),
        ({"factor": "0.5 kgCO2e/USD"}, "factor"),
        ({"factor": {"activity": "no such thing"}}, "factor"),
        ({"amount": "100 euros"}, "amount"),
        ({"amount": "1,210.00 EUR"}, "amount"),
        ({"amount": "-100 EUR"}, "amount"),
        ({"amount": "100 EUR", "currency": "USD"}, "currency"),
        ({"amount": 100}, "currency"),
        ({"year": "last"}, "year"),
        ({"vat": "perhaps"}, "vat"),
        ({"vat": "included", "vat_rate": 200, "vat_deductible": True}, "vat_rate"),
        ({"category": "3.16"}, "category"),
        ({"price_basis": "retail"}, "price_basis"),
        ({"supplier": "x"}, "supplier"),
    ],
)
def test_mistakes_are_told_with_their_place(engine: CalculationEngine, said: dict[str, Any], place: str) -> None:
    result = calculate(engine, spend(**said), EURO)
    assert not result.success
    assert place in [mistake.place for mistake in result.mistakes]


@given(
    st.decimals("0.01", 10**9, places=2),
    st.decimals("0.1", 1000, places=3),
    st.decimals("0.1", 1000, places=3),
    st.decimals("0.0001", 1000, places=4),
)
def test_the_steps_multiply_to_the_result(
    engine: CalculationEngine, amount: Decimal, before: Decimal, after: Decimal, rate: Decimal
) -> None:
    money = tables(
        rates(("EUR", "USD", 2022, str(rate))), indices(("EUR", 2022, str(after)), ("EUR", 2024, str(before)))
    )
    result = done(engine, money, amount=f"{amount} EUR")
    assert result.exact is not None
    wanted = amount * after / before * rate * Decimal("0.532")
    assert abs(result.exact - wanted) <= abs(wanted) * Decimal("1e-26")
    for one, following in zip(result.steps, result.steps[1:], strict=False):
        assert one.after == following.before


# tables of the user


def test_tables_from_files(tmp_path: Path, engine: CalculationEngine) -> None:
    (tmp_path / "rates.csv").write_text("from,to,year,rate,citation\nEUR,USD,2022,1.05,A bank\n")
    (tmp_path / "prices.yaml").write_text(
        "table: deflators\ncitation: {document: An office}\nrows:\n"
        "  - {currency: EUR, series: HICP, year: 2022, index: 110}\n"
        "  - {currency: EUR, series: HICP, year: 2024, index: 121.0}\n"
    )
    found, mistakes = read_money_tables([tmp_path / "rates.csv", tmp_path / "prices.yaml"])
    assert mistakes == []
    assert done(engine, found).value == Decimal("614.46")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"table": "exchange-rates", "rows": [{"from": "EUR", "to": "USD", "year": 2022, "rate": 1}]}, "no citation"),
        (rates(("EUR", "USD", 2022, "0")), "rate is 0"),
        (rates(("EURO", "USD", 2022, "1")), "`EURO` is no currency"),
        (rates(("EUR", "USD", 2022, "1"), ("EUR", "USD", 2022, "2")), "two figures for EUR, USD, 2022"),
        (margins(("steel", 2022, "1.2")), "a part of the purchaser price"),
        ({"table": "guesses", "citation": "x", "rows": []}, "is no table of money"),
        ({"citation": "x"}, "a table has"),
        (Path("nowhere.csv"), "nowhere.csv"),
    ],
)
def test_a_table_that_cannot_be_used(source: Any, message: str) -> None:
    _, mistakes = read_money_tables([source])
    assert len(mistakes) == 1
    assert message in str(mistakes[0]) or message in mistakes[0].mend


def test_no_table_of_money_is_shipped() -> None:
    from greenlang.calc.accounting_rules import folder

    assert sorted(path.stem for path in folder().iterdir()) == ["overlaps", "remarks", "scope2", "spend", "uncertainty"]


# beside other lines, and stored


def test_a_spend_is_a_line_of_the_inventory(engine: CalculationEngine) -> None:
    first = done(engine).line(engine.table)
    part = done(engine, id="po-2", factor="ef://epa/supply-chain/v1.3/naics-111110/margins/co2e-per-usd")
    findings = check([first, part.line(engine.table)])
    assert [finding.rule for finding in findings] == ["part-and-whole"]
    capital = done(engine, id="po-3", category="3.2").line(engine.table)
    assert (capital.category, capital.period) == ("3.2", "2024")
    assert [finding.id for finding in check([first, capital])] == ["categories: 3.1 + 3.2"]


def test_a_stored_spend_is_computed_again(engine: CalculationEngine) -> None:
    context = CalculationContext(tenant="acme")
    result = calculate(engine, spend(vat="included", vat_rate=10, vat_deductible=True), EURO, context)
    stored = json.loads(json.dumps(result.as_dict()))
    assert verify_spend(stored, engine, tables=EURO).verified
    changed = copy.deepcopy(stored)
    changed["steps"][1]["after"]["amount"] = "1"
    findings = verify_spend(changed, engine, tables=EURO).findings
    assert [finding.place for finding in findings] == ["steps", "steps[1].after.amount"]
    other = tables(rates(("EUR", "USD", 2022, "1.06")), indices(("EUR", 2022, "110"), ("EUR", 2024, "121")))
    assert "value" in verify_spend(stored, engine, tables=other).links
