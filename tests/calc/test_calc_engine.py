"""One calculation: what may be given, what is refused and how, rounding, and what the result shows."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import pytest

from greenlang.calc import CalculationContext, CalculationEngine, Override, Quantity
from greenlang.factors import FactorTable
from greenlang.formulas.library import FormulaLibrary
from tests.calc.example import AR5, FLEET, GAS, ROWS

BY_GAS = "carbon/test/by-gas"
TWO = "carbon/test/two-sources"


def codes(engine: CalculationEngine, formula: str, inputs: dict[str, Any], context: CalculationContext = AR5) -> Any:
    result = engine.calculate(formula, inputs, context)
    assert not result.success
    assert result.certificate is None
    assert result.outputs == ()
    return [(mistake.code, mistake.place) for mistake in result.errors]


def test_a_calculation_is_worked_out_as_on_paper(engine: CalculationEngine) -> None:
    result = engine.calculate(
        BY_GAS,
        {"energy": "1 MWh", "ef_co2": override("0.2 kgCO2/kWh"), "ef_ch4": override("1 gCH4/kWh")},
        AR5,
    )
    assert result.success
    assert [(o.name, str(o.value), o.unit) for o in result.outputs] == [
        ("co2", "198", "kgCO2"),
        ("co2e", "226", "kgCO2e"),
        ("intensity", "0.226", "kgCO2e/kWh"),
    ]
    assert result.paper.splitlines()[:2] == ["energy = 1 MWh", "    = 1 MWh × 1000 = 1000 kWh"]
    assert result.steps[-2].lines == (
        "co2e = co2 × 1 kgCO2e/kgCO2 + energy × ef_ch4 × gwp_ch4",
        "     = 198 kgCO2 × 1 kgCO2e/kgCO2 + 1000 kWh × 0.001 kgCH4/kWh × 28 kgCO2e/kgCH4",
        "     = 226 kgCO2e",
    )


def override(amount: str, **more: str) -> Override:
    value, unit = amount.split()
    return Override(value=value, unit=unit, **{"reason": "measured", "approver": "A. Auditor", **more})


@pytest.mark.parametrize(
    "energy",
    [
        1000,
        Decimal(1000),
        "1000",
        1000.0,
        "1000 kWh",
        "1 MWh",
        Quantity(1, "MWh"),
        Quantity("1e3"),
        {"value": "1", "unit": "MWh"},
        {"value": 3600, "unit": "MJ"},
    ],
)
def test_a_number_may_be_given_in_many_forms(engine: CalculationEngine, energy: Any) -> None:
    result = engine.calculate(BY_GAS, GAS | {"energy": energy}, AR5)
    assert str(result.value("co2e")) == "179.333293"


def test_a_float_counts_as_the_shortest_text_that_names_it(engine: CalculationEngine) -> None:
    one, other = (engine.calculate(BY_GAS, GAS | {"energy": e}, AR5).certificate for e in (0.1, "0.1"))
    assert one is not None
    assert other is not None
    assert one.digest == other.digest


def test_every_mistake_comes_at_once(engine: CalculationEngine) -> None:
    found = codes(
        engine,
        BY_GAS,
        {"energy": "-5 kWh", "ef_co2": "ef://epa/fuels/2024/coal", "oxidation": "1.5", "enrgy": 5},
        CalculationContext(),
    )
    assert found == [
        ("unknown_input", "inputs.enrgy"),
        ("out_of_range", "inputs.energy"),
        ("factor_not_found", "inputs.ef_co2"),
        ("missing_input", "inputs.ef_ch4"),
        ("gwp", "context.gwp_set"),
        ("out_of_range", "inputs.oxidation"),
    ]


def test_mistakes_say_what_to_do(engine: CalculationEngine) -> None:
    result = engine.calculate(BY_GAS, {"energy": "5 GB"}, CalculationContext())
    told = {m.place: str(m) for m in result.errors}
    assert told["inputs.energy"] == ("inputs.energy: GB and kWh are different kinds of quantity; give it in kWh")
    assert told["inputs.ef_co2"] == (
        "inputs.ef_co2: the CO2 factor is missing; "
        "give an ef:// reference, a request, or an override with approver, in kgCO2/kWh"
    )
    assert "name one of AR4GWP100, AR5GWP100, AR6GWP100" in told["context.gwp_set"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("1,000 kWh", "not_a_number"),
        ("twelve", "not_a_number"),
        (True, "wrong_type"),
        ("12 blorp", "unit"),
        (float("nan"), "not_a_number"),
        ({"value": 1, "units": "kWh"}, "wrong_type"),
        (b"12", "wrong_type"),
        ([1], "wrong_type"),
        ({"value": "5 kWh", "unit": "MWh"}, "unit"),
        ({"value": 5, "unit": "kWh", "basis": "AR5GWP100"}, "basis"),
        ("1e9 GWh", "out_of_range"),
    ],
)
def test_a_number_that_cannot_be_used_is_a_mistake(engine: CalculationEngine, value: Any, code: str) -> None:
    assert codes(engine, BY_GAS, GAS | {"energy": value}) == [(code, "inputs.energy")]


def test_a_bare_number_is_no_factor(engine: CalculationEngine) -> None:
    assert codes(engine, BY_GAS, GAS | {"ef_co2": "0.2 kgCO2/kWh"}) == [("wrong_type", "inputs.ef_co2")]


@pytest.mark.parametrize("missing", ["reason", "approver", "unit", "value"])
def test_an_override_names_who_approved_it_and_why(engine: CalculationEngine, missing: str) -> None:
    given = {"value": "0.2", "unit": "kgCO2/kWh", "reason": "measured", "approver": "A. Auditor"}
    found = codes(engine, BY_GAS, GAS | {"ef_co2": given | {missing: " "}})
    assert found == [("override", "inputs.ef_co2")]


def test_an_override_stands_in_the_result_with_its_approver(engine: CalculationEngine) -> None:
    result = engine.calculate(BY_GAS, GAS | {"gwp_ch4": override("30 kgCO2e/kgCH4", basis="AR6GWP100")}, AR5)
    assert result.certificate is not None
    (record,) = result.certificate.overrides
    assert (record.symbol, record.approver, record.reason, record.basis) == (
        "gwp_ch4",
        "A. Auditor",
        "measured",
        "AR6GWP100",
    )
    assert any("A. Auditor" in warning for warning in result.warnings)
    assert any("stands on AR6GWP100" in warning for warning in result.warnings)


def test_an_input_is_given_and_not_overridden(engine: CalculationEngine) -> None:
    assert codes(engine, BY_GAS, GAS | {"energy": override("5 kWh")}) == [("wrong_type", "inputs.energy")]


def test_a_parameter_may_be_given_or_left_to_its_default(engine: CalculationEngine) -> None:
    default = engine.calculate(BY_GAS, GAS, AR5)
    given = engine.calculate(BY_GAS, GAS | {"oxidation": "99 %"}, AR5)
    assert default.certificate is not None
    assert given.certificate is not None
    assert [p.name for p in default.certificate.parameters] == ["oxidation"]
    assert default.certificate.parameters[0].source == "Table 1"
    assert given.certificate.parameters == ()
    assert given.outputs == default.outputs


def test_a_reference_to_a_table_is_narrowed_by_gas_and_unit(engine: CalculationEngine) -> None:
    result = engine.calculate(BY_GAS, GAS, AR5)
    assert result.certificate is not None
    assert {f.symbol: f.key for f in result.certificate.factors} == {
        "ef_co2": "epa/fuels/2024/gas/co2-per-mmbtu",
        "ef_ch4": "epa/fuels/2024/gas/ch4-per-mmbtu",
        "gwp_ch4": "ipcc/gwp/ar5/ch4/gwp-100",
    }


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        ("ef://epa/fuels/2024/gas/ch4-per-mmbtu", "factor_unfit"),
        ("ef://epa/fuels/2024/wood/co2-per-mmbtu", "factor_unfit"),  # biogenic
        ("ef://epa/fuels/2024", "factor_unfit"),  # no row fits the meaning ... or several do
        ("ef://epa/fuels/2024/gas@other-1.0.0", "factor_not_found"),
        ("ef://nobody", "factor_not_found"),
    ],
)
def test_a_row_that_does_not_suit_is_refused(engine: CalculationEngine, ref: str, code: str) -> None:
    if ref == "ef://epa/fuels/2024":
        result = engine.calculate(BY_GAS, GAS | {"ef_ch4": ref}, AR5)
        (mistake,) = result.errors
        assert mistake.code == "factor_ambiguous"
        assert "wood/ch4-per-mmbtu" in mistake.mend
        return
    assert codes(engine, BY_GAS, GAS | {"ef_co2": ref}) == [(code, "inputs.ef_co2")]


def test_a_factor_for_projects_serves_no_inventory(engine: CalculationEngine) -> None:
    inputs = {"a": 1, "ef_a": "ef://unfccc/ifi/3/grid/co2e-per-kwh", "b": 0, "ef_b": "ef://unfccc/ifi/3/grid"}
    assert {code for code, _ in codes(engine, TWO, inputs)} == {"factor_unfit"}
    assert engine.calculate(TWO, inputs, CalculationContext(permitted_use="project")).success


def test_biogenic_co2_is_an_output_of_its_own(engine: CalculationEngine) -> None:
    result = engine.calculate(
        "carbon/test/wood",
        {"energy": "3.6 GJ", "ef_bio": "ef://epa/fuels/2024/wood", "ef_ch4": "ef://epa/fuels/2024/wood"},
        CalculationContext(gwp_set="AR6GWP100"),
    )
    assert [(o.name, o.outside_totals) for o in result.outputs] == [("biogenic", True), ("co2e", False)]
    assert str(result.value("biogenic")) == "320.058885"
    assert result.certificate is not None
    assert result.certificate.factors[-1].key == "ipcc/gwp/ar6/ch4-non-fossil/gwp-100"
    assert any("named after the gas" in c.why for c in result.certificate.conversions)


def test_a_set_with_one_methane_serves_both_origins_and_says_so(engine: CalculationEngine) -> None:
    wood = {"energy": 1, "ef_bio": "ef://epa/fuels/2024/wood", "ef_ch4": "ef://epa/fuels/2024/wood"}
    result = engine.calculate("carbon/test/wood", wood, AR5)
    assert any("AR5GWP100 has no ch4-non-fossil of its own" in warning for warning in result.warnings)
    result = engine.calculate(BY_GAS, GAS, CalculationContext(gwp_set="AR6GWP100"))
    assert any("tells methane by its origin (27 and 29.8)" in warning for warning in result.warnings)


def test_a_table_of_rows_with_texts_references_and_truths(engine: CalculationEngine) -> None:
    result = engine.calculate("carbon/test/fleet", FLEET, AR5)
    assert [(o.name, str(o.value)) for o in result.outputs] == [
        ("mass", "915"),
        ("co2e", "2.919861"),
        ("loss", "1.83"),
    ]
    assert result.certificate is not None
    assert [f.symbol for f in result.certificate.factors] == ["fuels[0].ef"]
    assert [(t.table, t.key, str(t.value)) for t in result.certificate.tables] == [
        ("losses", {"site": "closed"}, "0.002")
    ]
    assert 'fuels[0]: fuels.kind == "diesel" holds' in result.paper


def test_mistakes_in_rows_name_row_and_column(engine: CalculationEngine) -> None:
    rows = [
        {"kind": "disel", "volume": "-1 litre", "ef": "ef://nobody"},
        {"kind": "petrol", "volume": 1, "color": "red"},
        7,
    ]
    found = codes(engine, "carbon/test/fleet", FLEET | {"fuels": rows, "site": "closd"})
    assert set(found) == {
        ("unknown_input", "inputs.fuels[1].color"),
        ("missing_input", "inputs.fuels[1].ef"),
        ("wrong_type", "inputs.fuels[2]"),
        ("not_allowed", "inputs.fuels[0].kind"),
        ("out_of_range", "inputs.fuels[0].volume"),
        ("factor_not_found", "inputs.fuels[0].ef"),
        ("not_allowed", "inputs.site"),
    }


def test_unlike_bases_are_a_refusal_that_names_the_terms(engine: CalculationEngine) -> None:
    inputs = {"a": 10, "ef_a": "ef://desnz/power/2025/grid", "b": 20, "ef_b": "ef://epa/power/2024/grid"}
    result = engine.calculate(TWO, inputs, AR5)
    (mistake,) = result.errors
    assert (mistake.code, mistake.place) == ("mixed_basis", "outputs.co2e")
    assert "`a × ef_a` on AR5GWP100 (ef_a)" in mistake.message
    assert "`b × ef_b` on AR4GWP100 (ef_b)" in mistake.message


def test_under_a_policy_each_share_stands_on_the_certificate(engine: CalculationEngine) -> None:
    inputs = {"a": 10, "ef_a": "ef://desnz/power/2025/grid", "b": 20, "ef_b": "ef://epa/power/2024/grid"}
    result = engine.calculate(TWO, inputs, CalculationContext(policy="disclose-mixed"))
    output = result.output("co2e")
    assert [(s.basis, str(s.value)) for s in output.shares] == [("AR4GWP100", "7.462"), ("AR5GWP100", "1.77")]
    assert sum(s.value for s in output.shares) == output.value
    assert result.certificate is not None
    assert [m.bases for m in result.certificate.mixings] == [("AR4GWP100", "AR5GWP100")]


def test_what_one_edition_leaves_unsaid_is_alike(engine: CalculationEngine) -> None:
    same = {"a": 1, "ef_a": "ef://ademe/base/22/grid", "b": 1, "ef_b": "ef://ademe/base/22/heat"}
    result = engine.calculate(TWO, same)
    assert [s.basis for s in result.output("co2e").shares] == ["unstated (ademe/base/22)"]
    other = same | {"ef_b": "ef://desnz/power/2025/grid"}
    assert codes(engine, TWO, other) == [("mixed_basis", "outputs.co2e")]
    assert engine.calculate(TWO, other, CalculationContext(policy="disclose-unstated")).success


def test_co2_alone_stands_on_any_basis(engine: CalculationEngine) -> None:
    result = engine.calculate(BY_GAS, GAS | {"ef_ch4": override("0 kgCH4/kWh")}, AR5)
    assert [s.basis for s in result.output("co2e").shares] == ["AR5GWP100"]


def test_co2e_that_is_given_says_its_basis_or_is_unstated(engine: CalculationEngine) -> None:
    share = "carbon/test/share"
    result = engine.calculate(share, {"part": "5 tCO2e", "whole": "10 tCO2e", "area": "4 m2"})
    assert result.warnings == (
        "part: CO2e is given without its basis",
        "whole: CO2e is given without its basis",
    )
    told = {"part": Quantity(5, "tCO2e", "AR5GWP100"), "whole": Quantity(10, "tCO2e", "AR4GWP100"), "area": 4}
    assert codes(engine, share, told) == [("mixed_basis", "outputs.share")]
    told["whole"] = Quantity(10, "tCO2e", "AR5")
    assert codes(engine, share, told) == [("basis", "inputs.whole")]


@pytest.mark.parametrize(
    ("part", "whole", "area", "code", "place"),
    [
        (5, 0, 4, "division_by_zero", "outputs.share"),
        (-5, 5, 4, "domain", "outputs.root"),
        (5, 5, -4, "domain", "outputs.side"),
        ("9e6000", "1e-6000", 4, "overflow", "outputs.share"),
    ],
)
def test_arithmetic_errors_are_typed_values_with_their_place(
    engine: CalculationEngine, part: Any, whole: Any, area: Any, code: str, place: str
) -> None:
    found = codes(engine, "carbon/test/share", {"part": part, "whole": whole, "area": area})
    assert found == [(code, place)], "and what depends on it says nothing"


def test_outputs_are_rounded_once_half_even_by_their_unit(engine: CalculationEngine) -> None:
    result = engine.calculate(BY_GAS, GAS, AR5)
    assert [o.decimals for o in result.outputs] == [6, 6, 12]
    assert str(result.output("co2e").exact) == "179.3332926689584946686270153074808"
    fewer = engine.calculate(BY_GAS, GAS, CalculationContext(gwp_set="AR5GWP100", precision=2))
    assert [str(o.value) for o in fewer.outputs] == ["179.24", "179.33", "0.18"]
    assert fewer.output("intensity").exact == result.output("intensity").exact
    more = engine.calculate(BY_GAS, GAS, CalculationContext(gwp_set="AR5GWP100", precision=9))
    assert [o.decimals for o in more.outputs] == [6, 6, 9]
    assert any("no more are given" in warning for warning in more.warnings)


def test_half_goes_to_even(engine: CalculationEngine) -> None:
    share = "carbon/test/share"
    for part, rounded in (("0.0000005", "0"), ("0.0000015", "0.000002"), ("0.0000025", "0.000002")):
        result = engine.calculate(share, {"part": part, "whole": 1, "area": 4})
        assert str(result.value("share")) == rounded


@pytest.mark.parametrize(
    ("context", "place"),
    [
        (CalculationContext(gwp_set="AR5"), "context.gwp_set"),
        (CalculationContext(gwp_set="AR5GWP100", release="embedded-0.0.1"), "context.release"),
        (CalculationContext(gwp_set="AR5GWP100", precision=-1), "context.precision"),
        (CalculationContext(gwp_set="AR5GWP100", as_of="31/03/2025"), "context.as_of"),
        (CalculationContext(gwp_set="AR5GWP100", as_of="2025-02-29"), "context.as_of"),
        (CalculationContext(gwp_set="AR5GWP100", policy="mixed"), "context.policy"),
        (CalculationContext(gwp_set="AR5GWP100", consolidation_approach="control"), "context.consolidation_approach"),
        (CalculationContext(gwp_set="AR5GWP100", permitted_use=""), "context.permitted_use"),
        (CalculationContext(gwp_set="AR5GWP100", tenant=5), "context.tenant"),  # type: ignore[arg-type]
    ],
)
def test_a_context_that_says_nothing_sensible_is_refused(
    engine: CalculationEngine, context: CalculationContext, place: str
) -> None:
    result = engine.calculate(BY_GAS, GAS, context)
    assert [m.place for m in result.errors] == [place]


def test_a_factor_younger_than_the_as_of_day_is_named(engine: CalculationEngine) -> None:
    inputs = {"a": 1, "ef_a": "ef://desnz/power/2025/grid", "b": 0, "ef_b": "ef://desnz/power/2025/grid"}
    result = engine.calculate(TWO, inputs, CalculationContext(as_of="2024-12-31"))
    assert any("published in 2025, after 2024-12-31" in warning for warning in result.warnings)


def test_an_unknown_formula_is_a_mistake_with_the_nearest(engine: CalculationEngine) -> None:
    (mistake,) = engine.calculate("carbon/test/by-gass", {}).errors
    assert mistake.code == "unknown_formula"
    assert "carbon/test/by-gas" in mistake.mend


def test_a_gross_factor_does_not_meet_a_net_symbol() -> None:
    engine = CalculationEngine(FactorTable.load())
    given = {"fuel": "1 t", "ncv": 43, "ef_co2": "ef://epa/stationary-combustion/2025/anthracite/co2-per-mmbtu"}
    result = engine.calculate("carbon/stationary/fuel-mass-by-gas", given, AR5)
    told = {m.place: m.message for m in result.errors}
    assert "gross heating value" in told["inputs.ef_co2"]


def test_the_heating_value_behind_a_factor_is_said(engine: CalculationEngine) -> None:
    result = engine.calculate(BY_GAS, GAS, AR5)
    assert any("is per gross heating value; so must the energy be" in warning for warning in result.warnings)


def test_a_ton_is_refused_and_a_gallon_is_named(engine: CalculationEngine) -> None:
    rows = [{"kind": "diesel", "volume": "1 gallon", "ef": "ef://desnz/fuels/2025/diesel"}]
    result = engine.calculate("carbon/test/fleet", FLEET | {"fuels": rows}, AR5)
    assert result.warnings == (
        "fuels[0].volume: `gallon` is the US liquid gallon, 3.785411784 litres; the imperial one is imperial_gallon",
    )
    (mistake,) = CalculationEngine().calculate("carbon/stationary/net-calorific-value", {"hhv": "1 GJ/ton"}).errors[:1]
    assert mistake.code in {"unit", "unknown_input"}


def test_a_temperature_is_no_difference(engine: CalculationEngine) -> None:
    formula = "carbon/test/temperatures"
    (mistake,) = engine.calculate(formula, {"T": 300, "dT": "20 degC"}).errors
    assert mistake.message == "20 degC is a temperature, not a temperature rise"
    result = engine.calculate(formula, {"T": "26.85 degC", "dT": "30 delta_degC"})
    assert str(result.value("share")) == "0.1"
    assert result.warnings == (
        "T: 26.85 degC counts as a temperature, 300 K; a difference is given in K or delta_degC",
    )


def test_citations_name_formula_rows_defaults_tables_and_overrides(engine: CalculationEngine) -> None:
    result = engine.calculate(BY_GAS, GAS | {"ef_ch4": override("1 gCH4/kWh", citation="Stack test 7")}, AR5)
    assert [(c.what, c.text) for c in result.citations] == [
        ("formula", "A guideline, 2020, Equation 1"),
        ("ef_co2", "Document of epa, Table 1, A1"),
        ("gwp_ch4", "Document of ipcc, Table 1, A1"),
        ("oxidation", "Table 1"),
        ("ef_ch4", "Stack test 7"),
    ]
    assert [c.what for c in engine.calculate("carbon/test/fleet", FLEET, AR5).citations][-1] == "losses"


def test_the_same_calculation_gives_the_same_bytes(table: FactorTable, formulas: FormulaLibrary) -> None:
    one = CalculationEngine(table, formulas).calculate(BY_GAS, GAS, AR5)
    other = CalculationEngine(FactorTable(reversed(ROWS), "test-1.0.0"), formulas).calculate(
        BY_GAS, dict(reversed(GAS.items())), AR5
    )
    assert one.certificate is not None
    assert other.certificate is not None
    assert one.certificate.canonical() == other.certificate.canonical()


def test_a_number_does_not_depend_on_the_callers_decimal_context(engine: CalculationEngine) -> None:
    wanted = engine.calculate(BY_GAS, GAS, AR5)
    with decimal.localcontext(decimal.Context(prec=5, rounding=decimal.ROUND_UP)):
        again = engine.calculate(BY_GAS, GAS, AR5)
    assert again == wanted


# validation


def test_a_formula_of_the_library_is_validated_with_its_inputs(engine: CalculationEngine) -> None:
    assert engine.validate_formula(BY_GAS).valid
    assert engine.validate_formula(BY_GAS, GAS).outputs == {
        "co2": "kgCO2",
        "co2e": "kgCO2e",
        "intensity": "kgCO2e/kWh",
    }
    assert engine.validate_formula(BY_GAS, GAS).valid, "without a context nothing is said about GWP sets"
    found = engine.validate_formula(BY_GAS, {"energy": "5 GB"}, CalculationContext())
    assert {m.place for m in found.mistakes} == {
        "inputs.energy",
        "inputs.ef_co2",
        "inputs.ef_ch4",
        "context.gwp_set",
    }
    assert [m.code for m in engine.validate_formula("carbon/test/nothing", {}).mistakes] == ["unknown_formula"]


def test_an_expression_is_validated_with_every_mistake_in_it(engine: CalculationEngine) -> None:
    found = engine.validate_formula(
        "(energy + size) * ef + sqrt(energy) * nothing", {"energy": "5 kWh", "size": "GB", "ef": "kgCO2/blorp"}
    )
    assert [(m.code, m.place) for m in found.mistakes] == [
        ("unit", "inputs.ef"),
        ("dimension", "formula[8]"),
        ("dimension", "formula[38]"),
    ]
    assert "cannot add kWh and GB in `energy + size`" in found.mistakes[1].message
    assert "nothing" in found.mistakes[2].message


@pytest.mark.parametrize(
    ("text", "inputs", "unit"),
    [
        ("a * ef", {"a": "12 kWh", "ef": "kgCO2e/kWh"}, "kgCO2e"),
        ("water/area", {"water": "m^3", "area": Quantity(5, "m^2")}, "m"),
        ("sum(f, f.m * f.e)", {"f": [{"m": "2 t", "e": "kgCO2/t"}]}, "kgCO2"),
        ('if(kind == "wet", x, 2 * x)', {"kind": "'wet'", "x": 5}, "1"),
        ('table("losses", "share", site = kind) * x', {"kind": "'open'", "x": {"value": 1, "unit": "kg"}}, "kilogram"),
    ],
)
def test_an_expression_that_holds_tells_its_unit(
    engine: CalculationEngine, text: str, inputs: dict[str, Any], unit: str
) -> None:
    from greenlang import units

    found = engine.validate_formula(text, inputs)
    assert found.mistakes == ()
    assert found.valid
    assert units.parse_unit(found.outputs["result"]) == units.parse_unit(unit)


def test_text_that_is_no_expression_says_where(engine: CalculationEngine) -> None:
    found = engine.validate_formula("a * (b + ", {"a": 1, "b": 1})
    assert [m.code for m in found.mistakes] == ["syntax"]
    assert engine.validate_formula("a", {"a": 1, "b": 1}).warnings == ("inputs.b: the expression does not use it",)
