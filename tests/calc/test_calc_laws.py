"""Laws of arithmetic that every calculation keeps: linearity, unit invariance, order, one table or many rows."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.calc import CalculationContext, CalculationEngine, Quantity
from greenlang.factors import FactorTable
from greenlang.formulas.library import FormulaLibrary
from tests.calc.example import AR5, FLEET, GAS

ENERGY = st.decimals(min_value=0, max_value=10**5, places=4)
VOLUME = st.decimals(min_value=0, max_value=10**7, places=3)
BY_GAS = "carbon/test/by-gas"
ONE = {"unit": "kgCO2/kWh", "reason": "test", "approver": "test"}


def co2e(engine: CalculationEngine, energy: Any) -> Any:
    result = engine.calculate(BY_GAS, GAS | {"energy": energy}, AR5)
    assert result.success or [m.code for m in result.errors] == ["division_by_zero"], result.errors
    return result


@settings(deadline=None, max_examples=60)
@given(energy=ENERGY)
def test_one_megawatt_hour_is_a_thousand_kilowatt_hours(engine: CalculationEngine, energy: Decimal) -> None:
    kilo = co2e(engine, Quantity(energy * 1000, "kWh"))
    for other in (Quantity(energy, "MWh"), Quantity(energy * Decimal("3.6"), "GJ"), Quantity(energy * 3600, "MJ")):
        again = co2e(engine, other)
        assert [o.value for o in again.outputs] == [o.value for o in kilo.outputs]
        assert [o.exact for o in again.outputs] == [o.exact for o in kilo.outputs], "to the last digit, before rounding"


@settings(deadline=None, max_examples=60)
@given(value=ENERGY)
def test_odd_units_keep_the_digits_too(engine: CalculationEngine, value: Decimal) -> None:
    # neither converts into kWh without end: 1 Btu is 1055.05585262 J
    one = co2e(engine, Quantity(value, "mmBtu"))
    other = co2e(engine, Quantity(value * 10**6, "Btu_international"))
    assert [o.exact for o in one.outputs] == [o.exact for o in other.outputs]


@settings(deadline=None, max_examples=60)
@given(energy=st.decimals(min_value=1, max_value=10**6, places=4), times=st.integers(min_value=1, max_value=1000))
def test_emissions_are_linear_in_the_activity(engine: CalculationEngine, energy: Decimal, times: int) -> None:
    one, many = co2e(engine, energy), co2e(engine, energy * times)
    for name in ("co2", "co2e"):
        difference = Fraction(many.output(name).exact) - times * Fraction(one.output(name).exact)
        assert abs(difference) <= Fraction(many.output(name).exact) / 10**31, "34 digits inside"
    assert many.output("intensity").value == one.output("intensity").value


@settings(deadline=None, max_examples=40)
@given(parts=st.lists(VOLUME, min_size=1, max_size=6))
def test_rows_add_up_to_their_sum(engine: CalculationEngine, parts: list[Decimal]) -> None:
    def fleet(volumes: list[Decimal]) -> Any:
        rows = [{"kind": "diesel", "volume": v, "ef": "ef://desnz/fuels/2025/diesel"} for v in volumes]
        return engine.calculate("carbon/test/fleet", FLEET | {"fuels": rows}, AR5)

    many, one, turned = fleet(parts), fleet([sum(parts, Decimal(0))]), fleet(parts[::-1])
    assert [o.value for o in many.outputs] == [o.value for o in one.outputs]
    assert [o.value for o in many.outputs] == [o.value for o in turned.outputs]


@settings(deadline=None, max_examples=60)
@given(energy=ENERGY, precision=st.integers(min_value=0, max_value=12))
def test_rounding_moves_a_value_by_half_a_last_digit_at_most(
    engine: CalculationEngine, energy: Decimal, precision: int
) -> None:
    context = CalculationContext(gwp_set="AR5GWP100", precision=precision)
    for output in engine.calculate(BY_GAS, GAS | {"energy": energy}, context).outputs:
        assert output.decimals <= precision
        assert abs(Fraction(output.value) - Fraction(output.exact)) <= Fraction(1, 2 * 10**output.decimals)
        exponent = output.value.as_tuple().exponent
        assert isinstance(exponent, int)
        assert -exponent <= output.decimals


@settings(deadline=None, max_examples=60)
@given(a=ENERGY, b=ENERGY)
def test_shares_of_an_output_add_up_to_it(engine: CalculationEngine, a: Decimal, b: Decimal) -> None:
    inputs = {"a": a, "ef_a": "ef://desnz/power/2025/grid", "b": b, "ef_b": "ef://epa/power/2024/grid"}
    result = engine.calculate(
        "carbon/test/two-sources", inputs, CalculationContext(policy="disclose-mixed", precision=3)
    )
    output = result.output("co2e")
    assert sum(share.value for share in output.shares) == output.value


@settings(deadline=None, max_examples=30)
@given(energy=ENERGY, share=st.decimals(min_value=0, max_value=1, places=6))
def test_what_is_computed_can_be_computed_again(
    engine: CalculationEngine, table: FactorTable, formulas: FormulaLibrary, energy: Decimal, share: Decimal
) -> None:
    from greenlang.calc import verify

    result = engine.calculate(BY_GAS, GAS | {"energy": energy + 1, "oxidation": share}, AR5)
    assert result.certificate is not None
    assert verify(result.certificate.json(), table, formulas).verified
