"""Amounts below zero: refused in one calculation and in a batch alike, unless the formula declares them signed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.calc import CalculationEngine
from tests.calc.batch_example import batch, results

INTENSITY = "carbon/energy-times-intensity"
GRID = "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"


def test_one_calculation_refuses_an_amount_below_zero_and_says_what_may_be() -> None:
    engine = CalculationEngine()
    result = engine.calculate(INTENSITY, {"energy": "-5 kWh", "ef": GRID})
    (mistake,) = result.errors
    assert (mistake.code, mistake.place) == ("out_of_range", "inputs.energy")
    assert mistake.message == "-5 kWh is outside the valid range of the energy consumed, 0 to open"
    assert "declare that it may be below zero" in mistake.mend
    checked = engine.validate_formula(INTENSITY, {"energy": "-5 kWh", "ef": GRID})
    assert [one.code for one in checked.mistakes] == ["out_of_range"]
    streams = [{"mass": 1000, "carbon": "0.8"}, {"mass": -600, "carbon": "0.04"}]
    signed = engine.calculate("carbon/cbam/mass-balance", {"streams": streams})
    assert signed.value("co2") == Decimal("2843.264")


MAPPINGS = {
    "library": f"""
formula: {INTENSITY}
id: id
inputs: {{energy: {{column: amount, unit: kWh}}}}
factors: {{ef: {GRID}}}
""",
    "own": f"""
expression:
  symbols: {{energy: {{unit: kWh}}, ef: {{origin: factor, gas: CO2e, unit: kgCO2e/kWh}}}}
  outputs: {{co2e: {{unit: kgCO2e, expression: energy * ef}}}}
id: id
inputs: {{energy: {{column: amount}}}}
factors: {{ef: {GRID}}}
""",
    "own signed": f"""
expression:
  symbols:
    energy: {{unit: kWh, range: [null, null]}}
    ef: {{origin: factor, gas: CO2e, unit: kgCO2e/kWh}}
  outputs: {{co2e: {{unit: kgCO2e, expression: energy * ef}}}}
id: id
inputs: {{energy: {{column: amount}}}}
factors: {{ef: {GRID}}}
""",
    "degrees": """
expression:
  symbols: {outside: {unit: degC}}
  outputs: {warm: {unit: K, expression: outside}}
id: id
inputs: {outside: {column: amount}}
""",
}


@pytest.mark.parametrize(
    ("mapping", "statuses"),
    [
        ("library", ["ok", "out_of_range"]),
        ("own", ["ok", "out_of_range"]),
        ("own signed", ["ok", "ok"]),
        ("degrees", ["ok", "ok"]),
    ],
)
def test_a_batch_refuses_the_same_rows(tmp_path: Path, mapping: str, statuses: list[str]) -> None:
    done = batch(
        tmp_path, CalculationEngine(), MAPPINGS[mapping], [{"id": "a", "amount": "5"}, {"id": "b", "amount": "-5"}]
    )
    made = results(done)
    assert [made[name]["status"] for name in "ab"] == statuses
    if statuses[1] != "ok":
        assert made["b"]["reason"].startswith("inputs.energy: -5 kWh is outside the valid range")
