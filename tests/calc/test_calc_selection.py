"""Factors by the selection rule, through the engine: on the certificate with every step, and verified again."""

from __future__ import annotations

from typing import Any

import pytest

from greenlang.calc import CalculationContext, CalculationEngine, verify
from greenlang.factors import FactorTable
from greenlang.factors.select import Request, SelectionRefused
from tests.factors.rows import row

INTENSITY = "carbon/energy-times-intensity"
GRID = {"activity": "electricity-generated", "source": "desnz", "region": "GB", "year": 2025}


@pytest.fixture(scope="module")
def whole() -> CalculationEngine:
    """The engine over the embedded base and the library."""
    return CalculationEngine()


def test_one_factor_by_the_written_rule(whole: CalculationEngine) -> None:
    one = whole.get_emission_factor("electricity-generated", "GB", 2025, "desnz", per="kWh")
    other = whole.get_emission_factor(fuel_type="electricity-generated", region="GB", year=2025, source="desnz")
    assert str(one.value.normalize()) == "0.177"
    assert one.factor.key == other.factor.key
    assert one.steps


def test_no_factor_is_a_refusal(whole: CalculationEngine) -> None:
    with pytest.raises(SelectionRefused):
        whole.get_emission_factor("electricity-generated", "FR", 2025, "desnz")
    with pytest.raises(TypeError, match="once"):
        whole.get_emission_factor("gas", fuel_type="gas")
    with pytest.raises(TypeError, match="once"):
        whole.get_emission_factor()


@pytest.mark.parametrize("ask", [GRID, {"request": GRID}, Request(**GRID)])  # type: ignore[arg-type]
def test_a_request_stands_for_a_factor_with_every_step_recorded(whole: CalculationEngine, ask: Any) -> None:
    result = whole.calculate(INTENSITY, {"energy": "1 MWh", "ef": ask}, CalculationContext(gwp_set="AR5GWP100"))
    assert result.success, result.errors
    assert str(result.value("co2e")) == "177"
    assert result.certificate is not None
    (record,) = result.certificate.factors
    assert record.chosen_by == "selection"
    assert record.key == "desnz/electricity/2025/electricity-generated/co2e-per-kwh"
    assert len(record.steps) > 3
    assert verify(result.certificate.json(), whole.table).verified


def test_a_cell_of_a_table_may_be_a_request(whole: CalculationEngine) -> None:
    ask = {"activity": "natural-gas", "source": "epa/stationary-combustion", "year": 2025, "per": "mmBtu"}
    result = whole.calculate("carbon/stationary/sum-over-fuels", {"fuels": [{"energy": "1000 mmBtu", "ef": ask}]})
    assert result.success, result.errors
    assert str(result.value("co2")) == "53.06"
    assert result.certificate is not None
    assert result.certificate.factors[0].symbol == "fuels[0].ef"
    assert verify(result.certificate, whole.table).verified


def test_a_property_may_be_asked_for(whole: CalculationEngine) -> None:
    # EPA GHG Emission Factors Hub 2025, Table 1: No. 2 distillate, 0.138 mmBtu and 10.21 kg CO2 a gallon
    oil = {"activity": "distillate-fuel-oil-no-2", "source": "epa/stationary-combustion", "year": 2025}
    given = {
        "fuel": "1000 US_liquid_gallon",
        "hhv": oil | {"kind": "property", "per": "US_liquid_gallon"},
        "ef": oil | {"per": "mmBtu"},
    }
    result = whole.calculate("carbon/stationary/hhv-by-volume-or-mass", given, CalculationContext(precision=2))
    assert result.certificate is not None, result.errors
    assert str(result.value("co2")) == "10.21"
    assert [f.key.rpartition("/")[2] for f in result.certificate.factors] == [
        "heat-content-per-gallon",
        "co2-per-mmbtu",
    ]


def test_a_selection_that_comes_out_differently_is_found(whole: CalculationEngine) -> None:
    result = whole.calculate(INTENSITY, {"energy": "1 MWh", "ef": GRID})
    assert result.certificate is not None
    other = FactorTable([row for row in whole.table if row.dataset != "electricity"], whole.table.release)
    found = verify(result.certificate, other)
    assert {"release", "factors"} <= set(found.links)


def test_a_refused_request_is_a_mistake_with_its_hint(whole: CalculationEngine) -> None:
    result = whole.calculate(INTENSITY, {"energy": 1, "ef": GRID | {"region": "FR"}})
    (mistake,) = result.errors
    assert (mistake.code, mistake.place) == ("factor_refused", "inputs.ef")
    assert mistake.mend
    (mistake,) = whole.calculate(INTENSITY, {"energy": 1, "ef": GRID | {"regoin": "GB"}}).errors
    assert mistake.mend == "did you mean `region`?"


def test_a_conversion_that_selection_makes_is_recorded(whole: CalculationEngine) -> None:
    result = whole.calculate(INTENSITY, {"energy": "1 MWh", "ef": GRID | {"per": "MWh"}})
    assert result.certificate is not None
    assert str(result.value("co2e")) == "177"
    assert next(c.why for c in result.certificate.conversions if c.place == "inputs.ef") == "made by the selection rule"
    assert verify(result.certificate, whole.table).verified


def test_a_boundary_that_nobody_asked_for_is_a_warning_on_the_certificate(whole: CalculationEngine) -> None:
    grid = row("owid/electricity/2026/electricity/x", boundary="life-cycle", data_year=2022, region="DE")
    engine = CalculationEngine(FactorTable([*whole.table, grid], "test-1.0.0"))
    ask = {"activity": "electricity", "region": "DE", "year": 2022}
    for said, told in (({}, True), ({"boundary": "life-cycle"}, False)):
        result = engine.calculate(INTENSITY, {"energy": "1 MWh", "ef": {**ask, **said}})
        assert result.certificate is not None, result.errors
        assert (
            any(w.startswith(f"ef: boundary was not said: {grid.ref} is life-cycle") for w in result.warnings) == told
        )
        assert result.certificate.warnings == result.warnings
        assert verify(result.certificate.json(), engine.table).verified
