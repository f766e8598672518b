"""Plans out of prose: symbols bound by name, unit and description; conversions found; doubt refused."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from tests.resolution.dialect_a import missing, plan, port, resolved, spec_of, tool, tool_text, value, why

KW = {"heat_output_kw": "kW", "electricity_input_kw": "kW"}


class TestSymbolsAreBound:
    def test_by_their_very_names_with_evidence(self) -> None:
        found = tool(
            {"mass": "kg", "specific_energy": "kJ/kg"}, {"energy_kj": "kJ"}, "energy_kj = mass × specific_energy"
        )
        assert plan(found, "energy_kj") == "mass × specific_energy"
        assert found.plans["energy_kj"].means == "prose"
        assert any("the author's physics formula" in e.text for e in found.plans["energy_kj"].evidence)

    def test_by_words_of_the_name_in_any_order_and_spelling(self) -> None:
        found = tool(
            {"annual_heat_delivered_mmbtu": "MMBtu/year", "average_cop": port("", "Seasonal COP")},
            {"annual_energy_consumption_kwh": "kWh/year"},
            "Energy Consumption = HeatDelivered / COP",
        )
        assert plan(found, "annual_energy_consumption_kwh") == "annual_heat_delivered_mmbtu ÷ average_cop"

    def test_by_symbol_and_subscript(self) -> None:
        found = tool(
            {"heat_delivered_kwh": "kWh", "electricity_used_kwh": "kWh"},
            {"cop": port("1", "Coefficient of performance")},
            "COP = Q_delivered / W_electrical",
        )
        assert plan(found, "cop") == "heat_delivered_kwh ÷ electricity_used_kwh"

    def test_greek_letters_by_quantity(self) -> None:
        found = tool(
            {"fuel_power_kw": "kW", "boiler_efficiency": port("1")},
            {"useful_heat_kw": "kW"},
            "useful heat = P_fuel × η",
        )
        assert plan(found, "useful_heat_kw") == "fuel_power_kw × boiler_efficiency"

    def test_a_temperature_difference_by_the_pair_that_there_is(self) -> None:
        found = tool(
            {"mass_flow_kg_s": "kg/s", "specific_heat": "kJ/(kg*K)", "outlet_temp_c": "degC", "inlet_temp_c": "degC"},
            {"heat_rate_kw": "kW"},
            "Q̇ = ṁ × cₚ × ΔT",
        )
        assert plan(found, "heat_rate_kw") == "mass_flow_kg_s × specific_heat × (outlet_temp_c − inlet_temp_c)"
        assert (
            value(found, "heat_rate_kw", mass_flow_kg_s=2, specific_heat=4.2, outlet_temp_c=60, inlet_temp_c=10) == 420
        )

    @pytest.mark.parametrize(("used", "given"), [("cₚ", "cp"), ("cp", "c_p"), ("c_p", "cₚ")])
    def test_a_constant_is_the_same_symbol_with_and_without_a_subscript(self, used: str, given: str) -> None:
        text = f"Q̇ = ṁ × {used} × ΔT, where {given} = 4.2 kJ/kg·K"
        found = tool({"mass_flow_kg_s": "kg/s", "supply_c": "degC", "return_c": "degC"}, {"heat_kw": "kW"}, text)
        assert value(found, "heat_kw", mass_flow_kg_s=2, supply_c=60, return_c=10) == 420

    def test_two_pairs_leave_the_difference_open_and_list_both(self) -> None:
        temps = {f"{s}_{w}_temp_c": "degC" for s in ("hot", "cold") for w in ("inlet", "outlet")}
        found = tool({**temps, "mass_kg": "kg", "cp": "kJ/(kg*K)"}, {"heat_kj": "kJ"}, "Q = m × cp × ΔT")
        assert "`Delta_T` may be" in why(found, "heat_kj")
        assert " or " in why(found, "heat_kj")

    def test_symbols_that_only_stand_side_by_side_are_a_product(self) -> None:
        found = tool({"mass_kg": "kg", "velocity": "m/s"}, {"kinetic_energy_j": "J"}, "kinetic energy = ½ m v²")
        assert value(found, "kinetic_energy_j", mass_kg=2, velocity=3) == 9

    def test_by_the_author_s_own_definition(self) -> None:
        takes = {"rate": port("kg/s", "Steam mass flow"), "h1": port("kJ/kg"), "h2": port("kJ/kg")}
        found = tool(takes, {"power_kw": "kW"}, "Power = D × (h2 − h1), where D = steam mass flow in kg/s")
        assert plan(found, "power_kw") == "rate × (h2 − h1)"

    def test_by_what_another_equation_says(self) -> None:
        takes = {"mass_kg": "kg", "latent_heat": "kJ/kg", "efficiency": port("1"), "hours": "hour"}
        found = tool(takes, {"fuel_power_kw": "kW"}, "Q = m × L_v\nFuel power = Q / (η × hours)")
        assert plan(found, "fuel_power_kw") == "mass_kg × latent_heat ÷ (efficiency × hours)"

    def test_two_that_fit_are_both_listed_and_none_is_taken(self) -> None:
        takes = {"boiler_efficiency": port("1"), "motor_efficiency": port("1"), "power_in_kw": "kW"}
        found = tool(takes, {"useful_power_kw": "kW"}, "useful power = power_in × η")
        assert "`eta` may be `boiler_efficiency` or `motor_efficiency`" in why(found, "useful_power_kw")

    def test_two_symbols_are_never_one_parameter(self) -> None:
        takes = {"demand_charge_usd_per_kw": "USD/kW", "peak_kw": "kW"}
        found = tool(takes, {"cost_usd": "USD"}, "Cost = Demand × Demand_Charge")
        assert "would both be `demand_charge_usd_per_kw`" in why(found, "cost_usd")

    def test_a_left_side_that_fits_two_outputs_is_decided_by_its_unit_or_not_at_all(self) -> None:
        takes = {"heat_kwh": "kWh", "cop": port("1"), "price": "USD/kWh"}
        gives = {"energy_use_kwh": "kWh", "energy_cost_usd": "USD"}
        found = tool(takes, gives, "Energy = Heat / COP")
        assert plan(found, "energy_use_kwh") == "heat_kwh ÷ cop"
        same = tool(takes, {"energy_use_kwh": "kWh", "energy_saved_kwh": "kWh"}, "Energy = Heat / COP")
        assert "its left side may be `energy_use_kwh` or `energy_saved_kwh`" in why(same, "energy_use_kwh")

    def test_an_overlay_may_say_what_a_symbol_is(self) -> None:
        text = tool_text({"a_kwh": "kWh", "b_kwh": "kWh"}, {"total_kwh": "kWh"}, "total = Z1 + Z2")
        assert "`Z1` is no input, output or constant" in why(resolved(text), "total_kwh")
        overlay = OVERLAY + "names: {Z1: a_kwh, Z2: b_kwh}\n"
        assert plan(resolved(text, overlay), "total_kwh") == "a_kwh + b_kwh"


OVERLAY = """\
overlay: 1
spec: {id: test/prose_agent, version: "1.0.0"}
reviewed: {by: "a reviewer", on: "2026-01-01"}
"""


class TestUnits:
    def test_an_unknown_unit_is_refused_with_the_mend(self) -> None:
        text = tool_text(
            {"amount": port("", "how much"), "energy": "kWh/kg"}, {"heat_kwh": "kWh"}, "heat = amount × energy"
        )
        said = why(resolved(text), "heat_kwh")
        assert "the unit of `amount` is unknown: state it with `unit`, or in an overlay under `units`" in said
        mended = resolved(text, OVERLAY + "units: {amount: kg}\n")
        assert plan(mended, "heat_kwh") == "amount × energy"

    def test_dimensions_that_do_not_fit_are_refused(self) -> None:
        found = tool({"power_kw": "kW", "area_m2": "m^2"}, {"energy_kwh": "kWh"}, "energy = power × area")
        assert "does not convert into kWh" in why(found, "energy_kwh")

    @pytest.mark.parametrize(
        ("takes", "unit", "formula", "given", "expected"),
        [
            ({"mass_kg": "kg"}, "t", "result = mass_kg / 1000", {"mass_kg": 500}, "0.5"),
            ({"share_percent": "percent", "load": "kW"}, "kW", "result = load × share_percent / 100",
             {"share_percent": 30, "load": 10}, "3"),
            ({"share_percent": "percent", "load": "kW"}, "kW", "result = load × (1 - share_percent/100)",
             {"share_percent": 30, "load": 10}, "7"),
            ({"a": "kW", "b": "kW"}, "percent", "result = a / b × 100", {"a": 1, "b": 4}, "25"),
            ({"power_kw": "kW", "time_min": "minute"}, "kWh", "result = power × time_min / 60",
             {"power_kw": 6, "time_min": 30}, "3"),
            ({"power_kw": "kW", "hours": "hour"}, "MMBtu", "result = power × hours × 3412 / 1000000",
             {"power_kw": 100, "hours": 100}, "34.12"),
            ({"energy_kwh": "kWh"}, "MMBtu", "result = energy_kwh × 0.003412", {"energy_kwh": 10_000}, "34.12"),
            ({"flow": "kg/hour", "cp": "kJ/(kg*K)", "rise_k": "K"}, "kW", "result = flow × cp × rise_k / 3600",
             {"flow": 3600, "cp": 4, "rise_k": 10}, "40"),
        ],
    )  # fmt: skip
    def test_a_number_that_only_converts_units_is_not_counted_twice(
        self, takes: dict[str, str], unit: str, formula: str, given: dict[str, float], expected: str
    ) -> None:
        found = tool(takes, {"result": unit}, formula)
        assert abs(value(found, "result", **given) / Decimal(expected) - 1) < Decimal("1e-4")
        assert any("only converts units" in e.text for e in found.plans["result"].evidence)

    def test_fahrenheit_made_absolute_by_hand_is_not_made_so_twice(self) -> None:
        found = tool(
            {"source_temp_f": "degF", "sink_temp_f": "degF"},
            {"carnot_cop": port("1")},
            "T_source_R = Source_Temp_F + 459.67\nT_sink_R = Sink_Temp_F + 459.67\n"
            "COP_carnot = T_sink_R / (T_sink_R - T_source_R)",
        )
        got = value(found, "carnot_cop", source_temp_f=50, sink_temp_f=160)
        assert abs(got - Decimal("619.67") / 110) < Decimal("1e-20")

    def test_a_temperature_in_a_product_is_doubtful_unless_the_text_makes_it_absolute(self) -> None:
        takes = {"hot_temp_c": "degC", "cold_temp_c": "degC"}
        formula = "COP = T_hot / (T_hot − T_cold)"
        doubt = tool(takes, {"cop": port("1")}, formula)
        assert "may count from absolute zero" in why(doubt, "cop")
        kelvin = tool(
            takes,
            {"cop": port("1")},
            f"{formula}, where T_hot = hot temperature in K and T_cold = cold temperature in K",
        )
        assert abs(value(kelvin, "cop", hot_temp_c=50, cold_temp_c=0) - Decimal("323.15") / 50) < Decimal("1e-12")
        example = ({"hot_temp_c": 50, "cold_temp_c": 0}, {"cop": 6.463})
        assert (
            plan(tool(takes, {"cop": port("1")}, formula, example), "cop") == "hot_temp_c ÷ (hot_temp_c − cold_temp_c)"
        )

    def test_the_hours_of_a_year_are_what_the_author_says(self) -> None:
        takes = {"power_kw": "kW", "capacity_factor": port("1")}
        found = tool(takes, {"annual_energy_kwh": "kWh/year"}, "E = P × 8760 × CF")
        assert value(found, "annual_energy_kwh", power_kw=10, capacity_factor=0.5) == 43800
        assert any("8760 in the text is hour/year" in e.text for e in found.plans["annual_energy_kwh"].evidence)

    def test_times_a_hundred_per_cent_is_times_one(self) -> None:
        found = tool(
            {"out_kw": "kW", "in_kw": "kW"}, {"efficiency_percent": "percent"}, "Efficiency = Out_kW / In_kW × 100%"
        )
        assert value(found, "efficiency_percent", out_kw=8, in_kw=10) == 80

    def test_declared_units_need_not_be_coherent(self) -> None:
        takes = {"m": "kg/hour", "cp": "kJ/(kg*K)", "rise_k": "K"}
        found = tool(takes, {"q_kw": port("kW", "heat")}, "q_kw = m × cp × rise_k")
        assert abs(value(found, "q_kw", m=1000, cp=4.18, rise_k=52) - Decimal("60.3777777777")) < Decimal("1e-9")

    def test_a_number_that_may_be_a_conversion_is_refused_unless_an_example_tells(self) -> None:
        takes, formula = {"flow": "kg/hour", "cp": "kJ/(kg*K)", "rise_k": "K"}, "q_kw = 0.9 × flow × cp × rise_k"
        doubt = tool(takes, {"q_kw": "kW"}, formula)
        assert "over quantities and over bare numbers it gives different results" in why(doubt, "q_kw")
        told = tool(takes, {"q_kw": "kW"}, formula, ({"flow": 3600, "cp": 4, "rise_k": 10}, {"q_kw": 36}))
        assert plan(told, "q_kw") == "0.9 × flow × cp × rise_k"


class TestProof:
    TAKES: ClassVar = {"storage_capacity_btu": "Btu", "temperature_range": port("delta_degF", "Temperature difference")}
    GIVES: ClassVar = {"storage_volume_gallons": "gallon"}
    FORMULA = "V = Storage_Capacity / (ρ × cp × ΔT)\nρ = 8.34 lb/gal\ncp = 1.0 Btu/lb·°F"

    def test_a_wrong_example_is_reported_with_both_numbers_and_the_plan_is_refused(self) -> None:
        example = ({"storage_capacity_btu": 52_000_000, "temperature_range": 40}, {"storage_volume_gallons": 15589})
        text = tool_text(self.TAKES, self.GIVES, self.FORMULA, example)
        found = resolved(text)
        (told,) = [d for d in found.diagnostics if d.code == "GLS053"]
        assert told.severity == "warning"
        assert "155875 computed, 15589 expected" in told.message
        assert text.splitlines()[told.line - 1].strip() == "storage_volume_gallons: 15589"
        assert "155875 computed, 15589 expected" in why(found, "storage_volume_gallons")
        assert not found.complete

    def test_set_aside_with_a_reason_the_plan_stands_and_the_example_is_still_reported(self) -> None:
        example = ({"storage_capacity_btu": 52_000_000, "temperature_range": 40}, {"storage_volume_gallons": 15589})
        text = tool_text(self.TAKES, self.GIVES, self.FORMULA, example)
        found = resolved(text, OVERLAY + 'set_aside: {example: "a zero is missing"}\n')
        assert found.complete
        assert [
            d.message.endswith("set aside: a zero is missing") for d in found.diagnostics if d.code == "GLS053"
        ] == [True]
        assert not [v for v in found.vectors if v.origin == "golden"]

    def test_a_right_example_is_evidence_and_a_vector(self) -> None:
        example = ({"storage_capacity_btu": 52_000_000, "temperature_range": 40}, {"storage_volume_gallons": 155875})
        found = tool(self.TAKES, self.GIVES, self.FORMULA, example)
        assert any("155875 computed, 155875 expected" in e.text for e in found.plans["storage_volume_gallons"].evidence)
        assert [v.name for v in found.vectors if v.origin == "golden"] == ["example"]

    def test_a_logarithmic_mean_of_136_1_where_the_example_says_120(self) -> None:
        temps = {f"{s}_{w}_temp_c": "degC" for s in ("hot", "cold") for w in ("inlet", "outlet")}
        formula = "ΔT₁ = T_hot_in − T_cold_out\nΔT₂ = T_hot_out − T_cold_in\nLMTD = (ΔT₁ − ΔT₂) / ln(ΔT₁ / ΔT₂)"
        given = {"hot_inlet_temp_c": 300, "hot_outlet_temp_c": 150, "cold_inlet_temp_c": 50, "cold_outlet_temp_c": 120}
        found = tool(temps, {"lmtd_c": "K"}, formula, (given, {"lmtd_c": 120}))
        assert re.search(r"136\.1\d* computed, 120 expected", why(found, "lmtd_c"))
        right = tool(temps, {"lmtd_c": "K"}, formula, (given, {"lmtd_c": 136.1}))
        assert abs(value(right, "lmtd_c", **given) - Decimal("136.1")) < Decimal("0.05")

    def test_what_needs_an_output_without_plan_has_none_either(self) -> None:
        takes = {"heat_kwh": "kWh", "price": "USD/kWh"}
        gives = {"fuel_kwh": "kWh", "cost_usd": "USD"}
        found = tool(takes, gives, "fuel = heat / unknown_share\ncost = fuel × price")
        assert set(found.plans) == set()
        assert {m.output for m in found.missing} == {"fuel_kwh", "cost_usd"}

    def test_two_equations_for_one_output_are_listed_and_none_is_taken(self) -> None:
        found = tool({"a": "kW", "b": "kW"}, {"total_kw": "kW"}, "total = a + b\ntotal = a − b")
        assert "one of 2 that fit, none is chosen" in why(found, "total_kw")

    def test_one_equation_for_the_conditions_of_the_author_is_no_plan(self) -> None:
        found = tool({"a": "kW", "b": "kW"}, {"total_kw": "kW"}, "For small plants:\n  total = a + b")
        assert "holds only `For small plants`" in why(found, "total_kw")

    def test_an_optional_input_without_default_is_refused(self) -> None:
        text = tool_text({"a": "kW", "b": "kW"}, {"total_kw": "kW"}, "total = a + b").replace("      - b\n", "")
        assert "`b` may be left out and has no default" in why(resolved(text), "total_kw")

    def test_inputs_that_nothing_requires_are_all_named_with_the_mend(self) -> None:
        text = tool_text({"a": "kW", "b": "kW"}, {"total_kw": "kW"}, "total = a + b")
        text = re.sub(r" *required:\n(?: *- \w+\n)+", "", text)
        said = "`a`, `b` may be left out and have no defaults: make them `required`, or give them some"
        assert said in why(resolved(text), "total_kw")

    def test_a_sentence_says_that_it_is_one(self) -> None:
        found = tool({"a": "kW"}, {"total_kw": "kW"}, "Database lookup based on process type")
        assert "it is a sentence, no formula" in why(found, "total_kw")
        assert missing(found, "total_kw").reason == "no formula of the library fits"

    def test_circles_in_prose_are_no_plan(self) -> None:
        found = tool({"x1": "kW"}, {"a_kw": "kW", "b_kw": "kW"}, "a_kw = b_kw + x1\nb_kw = a_kw − x1")
        assert found.plans == {}
        assert not found.complete

    @pytest.mark.parametrize("written", [1e-7, 1e30, -2, 0.5])
    def test_a_number_that_an_output_always_has_is_its_plan_however_large_or_small(self, written: float) -> None:
        gives = {"b_kw": "kW", "limit_kw": {"type": "number", "units": "kW", "value": written}}
        assert value(tool({"a": "kW"}, gives, "b_kw = a × 2"), "limit_kw", a=1) == Decimal(str(written))

    def test_a_stated_value_is_a_plan(self) -> None:
        text = tool_text(
            {"a": "kW"}, {"b_kw": "kW", "method": {"type": "string", "value": "ASME PTC 4"}}, "b_kw = a × 2"
        )
        found = resolved(text)
        assert found.plans["method"].text == '"ASME PTC 4"'
        assert found.plans["method"].means == "prose"

    def test_an_output_may_repeat_an_input_of_its_name(self) -> None:
        text = tool_text({"load": "kW", "efficiency": port("1")}, {"fuel_kw": "kW", "efficiency": port("1")},
                         "fuel = load / efficiency")  # fmt: skip
        found = resolved(text, OVERLAY + 'formulas: {efficiency: {expression: "input.efficiency", source: the tool}}\n')
        assert found.complete
        assert value(found, "fuel_kw", load=8, efficiency=0.8) == 10


def test_hundreds_of_lines_of_prose_are_resolved() -> None:
    names = [f"quantity_{i}_kw" for i in range(40)]
    lines = [f"y{i} = a × {i} + b  (remark)" for i in range(300)] + [f"{n} = a + {i} × b" for i, n in enumerate(names)]
    found = tool({"a": "kW", "b": "kW"}, dict.fromkeys(names, "kW"), "\n".join(lines))
    assert len(found.plans) + len(found.missing) == 40
    assert plan(found, names[1]) == "a + 1 × b"


def test_prose_is_never_taken_from_prompts() -> None:
    text = tool_text({"a": "kW", "b": "kW"}, {"total_kw": "kW"}, "see elsewhere")
    text += "ai_integration: {system_prompt: 'total_kw = a + b'}\n"
    assert "total_kw" not in resolved(text).plans
    assert all("total_kw = a + b" not in p.text for p in spec_of(text).prose)


def test_the_library_is_tried_for_each_tool_and_an_unknown_unit_is_no_pure_number() -> None:
    text = tool_text(
        {"energy": "kWh", "grid_intensity": port("", "of what?")}, {"co2e_emissions": "kgCO2e"}, "see the manual"
    )
    text += "factors: {grid: {ref: 'ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh'}}\n"
    found = resolved(text)
    assert "it leaves grid_intensity unused" in why(found, "co2e_emissions")
    kept = tool_text({"energy": "kWh"}, {"co2e_emissions": "kgCO2e"}, "see the manual")
    kept += "factors: {grid: {ref: 'ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh'}}\n"
    assert resolved(kept).plans["co2e_emissions"].means == "library"


class TestUnitsThatNobodyStates:
    """Taken where the author's figures or formula leave one, and said; else the plan is refused."""

    def test_a_share_whose_figures_lie_below_one_is_no_percentage(self) -> None:
        takes = {"peak_demand_kw": "kW", "coincidence_factor": port("", "Probability", default=0.85)}
        found = tool(takes, {"backup_capacity_kw": "kW"}, "Backup capacity = peak_demand × coincidence_factor")
        assert value(found, "backup_capacity_kw", peak_demand_kw=100, coincidence_factor=0.5) == 50
        assert any("`coincidence_factor` is taken to be a pure number" in d.message for d in found.diagnostics)

    def test_an_emission_in_kg_is_of_the_gas_that_the_result_is_of(self) -> None:
        takes = {"baseline_emissions_kg": port(), "renewable_percentage": "percent"}
        text = "Adjusted = Baseline × (1 - renewable_percentage/100)"
        found = tool(takes, {"adjusted_emissions_kg": "kgCO2e"}, text)
        assert found.spec.inputs["baseline_emissions_kg"].unit == "kgCO2e"
        assert value(found, "adjusted_emissions_kg", baseline_emissions_kg=1000, renewable_percentage=30) == 700

    def test_a_ton_is_the_one_that_the_conversion_in_the_text_fits(self) -> None:
        takes = {"mass_kg": "kg", "emission_factor_tco2_per_ton": port()}
        found = tool(takes, {"emissions_tco2": "tCO2"}, "emissions = (mass_kg / 1000) × emission_factor")
        assert value(found, "emissions_tco2", mass_kg=2000, emission_factor_tco2_per_ton=3) == 6
        bare = tool(takes, {"emissions_tco2": "tCO2"}, "emissions = mass_kg × emission_factor")
        assert "the unit of `emission_factor_tco2_per_ton` is unknown" in why(bare, "emissions_tco2")

    @pytest.mark.parametrize(
        "takes",
        [
            {"cooling_load": "refrigeration_ton", "chiller_efficiency": port("", "Chiller efficiency", default=0.6)},
            {"cooling_load": "kW", "system_efficiency": port("", "of what?", default=1)},
            {"cooling_load": "kW", "emission_factor": port("", "of the grid", default=0.4)},
        ],
    )
    def test_what_may_be_something_else_stays_unknown(self, takes: dict[str, Any]) -> None:
        second = list(takes)[1]
        found = tool(takes, {"power_kw": "kW"}, f"power_kw = cooling_load × {second}")
        assert f"the unit of `{second}` is unknown" in why(found, "power_kw")


def test_a_choice_by_a_text_input() -> None:
    takes = {"fuel": {"type": "string", "enum": ["gas", "oil"]}, "gas_kwh": "kWh", "oil_kwh": "kWh"}
    found = tool(takes, {"used_kwh": "kWh"}, "used = if fuel == 'gas' then gas_kwh else oil_kwh")
    assert value(found, "used_kwh", fuel="oil", gas_kwh=1, oil_kwh=2) == 2
    none = tool(takes, {"used_kwh": "kWh"}, "used = if medium == 'gas' then gas_kwh else oil_kwh")
    assert "`medium` is no text input" in why(none, "used_kwh")


@pytest.mark.parametrize("key", ["equation", "governing_equations", "calculation", "calculation_steps", "methodology"])
def test_the_keys_under_which_authors_write_formulas(key: str) -> None:
    text = tool_text({"a": "kW", "b": "kW"}, {"total_kw": "kW"}, "see below", **{key: ["total = a + b"]})
    assert plan(resolved(text), "total_kw") == "a + b"


def test_a_logarithmic_unit_is_refused_and_breaks_nothing() -> None:
    found = tool({"ratio": "1"}, {"level_db": "dB"}, "level = 10 × log10(ratio)")
    assert "does not convert into dB" in why(found, "level_db")
