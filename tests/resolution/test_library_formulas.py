"""Formulas of the library in an agent: what the spec gives, what the formula itself, and what an agent cannot hold."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk import decimals

from greenlang.factors import FactorTable
from greenlang.factory.constants import Constants
from greenlang.factory.parameters import lookup_name
from greenlang.factory.render import render
from greenlang.formulas.library import FormulaLibrary, FormulaSymbol, library, load
from greenlang.formulas.prove import agrees, compiled
from greenlang.formulas.tree import TableCall, walk
from greenlang.resolution import run
from greenlang.resolution.plan import OutputPlan, Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read

FORMULAS = """
formulas:
  - id: energy/try/loss
    name: Heat after losses
    domain: energy
    citation: {document: "A handbook", locator: "Equation 7"}
    symbols:
      fuel: {origin: input, unit: kWh, meaning: fuel burnt, names: [fuel, consumption]}
      share: {origin: parameter, unit: "1", meaning: share that is used, default: 0.8, source: "Table 4", range: [0, 1],
        names: [efficiency]}
      extra: {origin: parameter, unit: MJ, meaning: start-up heat, default: 7.2, source: "Table 5"}
      bonus: {origin: constant, unit: "1", meaning: a constant, default: 1.5, source: "CODATA 2018"}
      other: {origin: input, unit: kg, meaning: something else}
    outputs:
      heat: {unit: kWh, expression: (fuel * share + extra) * bonus, names: [usable_heat]}
      mass: {unit: kg, expression: other * share}
    vectors:
      - {source: by hand, given: {fuel: 10, other: 1}, expect: {heat: 15, mass: 0.8}}

  - id: energy/try/threshold
    name: A bare number is meant in the unit of its symbol
    domain: energy
    citation: {document: "A handbook", locator: "Equation 8"}
    symbols:
      fuel: {origin: input, unit: kWh, meaning: fuel burnt}
    outputs:
      heat: {unit: kWh, expression: "if(fuel > 100, round(fuel, 0), fuel / 2)"}
    vectors:
      - {source: by hand, given: {fuel: 10}, expect: {heat: 5}}

  - id: energy/try/warm
    name: A default in degrees
    domain: energy
    citation: {document: "A handbook", locator: "Equation 9"}
    symbols:
      volume: {origin: input, unit: m^3, meaning: volume of gas}
      state: {origin: parameter, unit: degC, meaning: temperature, default: 0, source: "ISO 13443"}
    outputs:
      normal: {unit: m^3, expression: "volume * 273.15 [K] / state", names: [normal_volume]}
    vectors:
      - {source: by hand, given: {volume: 10}, expect: {normal: 10}}

  - id: energy/try/kinds
    name: Text, table and parameter table
    domain: energy
    citation: {document: "A handbook", locator: "Equation 10"}
    symbols:
      fuel: {origin: input, unit: kWh, meaning: fuel burnt}
      sort: {origin: input, type: text, enum: [wet, dry], meaning: sort of fuel}
      loads: {origin: input, type: table, meaning: deliveries, columns: {mass: {unit: kg}}}
    outputs:
      heat: {unit: kWh, expression: 'fuel * if(sort == "wet", 0.5, 1)', names: [sorted_heat]}
      mass: {unit: kg, expression: "sum(loads, loads.mass)"}
      rate: {unit: "1", expression: 'table("wetness", "share", sort = "wet")'}
      area: {unit: m^2, expression: "4 [m^2]"}
    vectors:
      - {source: by hand, given: {fuel: 10, sort: wet, loads: []}, expect: {heat: 5}}

  - id: energy/try/payback
    name: Payback
    domain: energy
    citation: {document: "A handbook", locator: "Equation 12"}
    symbols:
      I0: {origin: input, unit: USD, meaning: capital cost of the measure}
      saving: {origin: input, unit: USD/year, meaning: yearly saving of energy cost}
    outputs:
      PB: {unit: year, expression: I0 / saving, meaning: simple payback time}
    vectors:
      - {source: by hand, given: {I0: 10, saving: 2}, expect: {PB: 5}}

  - id: energy/try/rows
    name: Several outputs in one unit, by a row that a table may lack
    domain: energy
    citation: {document: "A handbook", locator: "Equation 11"}
    symbols:
      sort: {origin: input, type: text, meaning: sort of fuel}
    outputs:
      rate: {unit: "1", expression: 'table("wetness", "share", sort = sort)'}
      rest: {unit: "1", expression: "1 - rate"}
      heat: {unit: kWh, expression: "rate * 1 [kWh]"}
    vectors:
      - {source: by hand, given: {sort: wet}, expect: {rate: 0.5}}
"""
TABLE = """
table: wetness
citation: {document: "A handbook", locator: "Table 1"}
keys: [sort]
columns: {share: {unit: "1", meaning: share}, other: {unit: "1", meaning: another}}
rows:
  - {sort: wet, share: 0.5}
  - {sort: moist, other: 1}
"""
SPEC = """\
schema_version: "2.0.0"
id: "test/agent_v1"
name: "Test"
version: "1.0.0"
compute:
  inputs:
    %(inputs)s
  outputs:
    %(output)s
"""
FUEL = "fuel: {dtype: float64, unit: kWh, ge: 0}"
HEAT = "heat: {dtype: float64, unit: kWh}"


@pytest.fixture(scope="module")
def formulas(tmp_path_factory: pytest.TempPathFactory) -> FormulaLibrary:
    folder: Path = tmp_path_factory.mktemp("library")
    for path, text in ((folder / "energy" / "try.yaml", FORMULAS), (folder / "tables" / "wetness.yaml", TABLE)):
        path.parent.mkdir()
        path.write_text(text)
    return load(folder)


def resolved(
    formulas: FormulaLibrary, *inputs: str, output: str = HEAT, formula: str = "", bind: str = ""
) -> Resolution:
    text = SPEC % {"inputs": "\n    ".join(inputs), "output": output}
    if formula:
        bound = f", bind: {{{bind}}}" if bind else ""
        text += f"  formulas:\n    {output.partition(':')[0]}: {{formula: {formula}{bound}}}\n"
    spec, findings = read(text.encode())
    assert spec is not None, findings
    return resolve(spec, FactorTable.load(), formulas)


def errors(resolution: Resolution) -> list[str]:
    return [d.message for d in resolution.diagnostics if d.severity == "error"]


def declared(symbol: FormulaSymbol) -> str:
    """The input that a symbol asks for."""
    if symbol.type == "text":
        return f"{{dtype: string, enum: {json.dumps(symbol.enum)}}}"
    return f'{{dtype: float64, unit: "{symbol.unit}"}}'


def plan_of(resolution: Resolution) -> OutputPlan:
    assert errors(resolution) == []
    (plan,) = resolution.plans.values()
    return plan


def computed(resolution: Resolution, **given: Any) -> Any:
    plan = plan_of(resolution)
    (value,) = run.outputs(resolution.spec, resolution.plans, resolution.order, {}, given).values()
    assert value == generated(plan, given), "the generated tool gives what the plan gives"
    return value


def generated(plan: OutputPlan, given: dict[str, Any]) -> Any:
    """What the rendered body of the tool gives."""
    constants = Constants()
    calls = {lookup_name(n): n.rows or {} for n in walk(plan.expression) if isinstance(n, TableCall)}
    body = render(plan.expression, names={("input", n): n for n in given}, constants=constants)
    source = f"def tool({', '.join(given)}):\n" + "\n".join(body.lines)
    space: dict[str, Any] = {"Decimal": Decimal, **{f: getattr(decimals, f) for f in body.functions}}
    space["lookup"] = lambda table, *key: calls[table][key]
    exec(source, space | {n: value for n, (value, _) in constants.values.items()}, space)
    with decimals.calculation():
        return space["tool"](**given)


def test_defaults_and_constants_are_the_formula_s_own_values_with_their_sources(formulas: FormulaLibrary) -> None:
    resolution = resolved(formulas, FUEL, formula="energy/try/loss")
    assert computed(resolution, fuel=Decimal(10)) == 15  # (10 x 0.8 + 7.2 MJ, which are 2 kWh) x 1.5
    assert [e.text for e in plan_of(resolution).evidence[:4]] == [
        "energy/try/loss, named by the spec",
        "`share` (share that is used) is 0.8: Table 4",
        "`extra` (start-up heat) is 7.2 MJ: Table 5",
        "`bonus` (a constant) is 1.5: CODATA 2018",
    ]


@pytest.mark.slow
def test_formulas_of_the_library_give_an_agent_what_they_give_a_calculation() -> None:
    """Every formula that an agent can hold, on its first worked case, with the defaults that nobody gives."""
    formulas, compared = library(), 0
    for formula in formulas:
        whole, (vector, *_) = compiled(formula), formula.vectors
        for name, out in formula.outputs.items():
            used = {n: formula.symbols[n] for n in whole.used(name)}
            if any(s.type == "table" for s in used.values()):
                continue
            asked = {n: f"x{i}" for i, (n, s) in enumerate(used.items()) if s.default is None}
            resolution = resolved(
                formulas,
                *([f"{x}: {declared(used[n])}" for n, x in asked.items()] or [FUEL]),
                output=f'result: {{dtype: float64, unit: "{out.unit}"}}',
                formula=f"{formula.id}, output: {name}",
                bind=", ".join(f"{n}: {x}" for n, x in asked.items()),
            )
            given = {n: v for n, v in vector.given.items() if n in asked}
            got = computed(resolution, **{asked[n]: v for n, v in given.items()})
            exact = whole.answer(name, given, decimals=30 - max(got.adjusted(), 0))
            assert agrees(got, exact, Decimal("1e-15")), (formula.id, name)
            compared += 1
    assert compared > 1000


@pytest.mark.parametrize(
    ("inputs", "bind", "given", "expected"),
    [
        ((), 'share: "0.5"', {}, "10.5"),
        (("share: {dtype: float64, ge: 0, le: 1}",), "", {"share": "0.25"}, "6.75"),
        (("part: {dtype: float64, unit: '%', ge: 0}",), "share: part", {"part": "25"}, "6.75"),
        (("share: {dtype: float64, ge: 0, le: 1}",), "share: share / 2", {"share": "0.5"}, "6.75"),
        (("extra: {dtype: float64, unit: kWh, ge: 0}",), "", {"extra": "0"}, "12"),
        (("share: {dtype: float64, default: 0.25, ge: 0}",), "", {"share": "0.25"}, "6.75"),
    ],
)
def test_the_spec_may_replace_a_default_by_bind_or_by_an_input_of_its_name(
    formulas: FormulaLibrary, inputs: tuple[str, ...], bind: str, given: dict[str, str], expected: str
) -> None:
    resolution = resolved(formulas, FUEL, *inputs, formula="energy/try/loss", bind=bind)
    values = {name: Decimal(text) for name, text in given.items()}
    assert computed(resolution, fuel=Decimal(10), **values) == Decimal(expected)
    replaced = "extra" if "extra" in given else "share"
    assert not any(f"`{replaced}`" in e.text for e in plan_of(resolution).evidence)


@pytest.mark.parametrize(
    ("inputs", "bind", "message"),
    [
        ((FUEL,), 'bonus: "2"', "`bonus` of `energy/try/loss` is a constant: leave it out of `bind`"),
        (("other_fuel: {dtype: float64, unit: kWh}",), "", "`energy/try/loss` needs `fuel` (fuel burnt, kWh): bind it"),
        ((FUEL, "share: {dtype: float64, unit: kg}"), "", "`share` is in kg, which does not convert into"),
        ((FUEL, "share: {dtype: string, enum: [a, b]}"), "", "`share` is no number"),
        ((FUEL,), "share: fuel", "`fuel` is in kWh, which does not convert into a pure number"),
        (
            (FUEL, "extra: {dtype: float64, unit: kWh, required: false}"),
            "",
            "`extra` may be left out and has no default: the formula's own is 7.2 MJ (Table 5)",
        ),
        ((FUEL,), 'shar: "1"', "has no symbol `shar`; did you mean `share`?"),
    ],
)
def test_what_cannot_be_bound_is_a_finding_that_names_it(
    formulas: FormulaLibrary, inputs: tuple[str, ...], bind: str, message: str
) -> None:
    (found,) = errors(resolved(formulas, *inputs, formula="energy/try/loss", bind=bind))
    assert message in found


def test_an_output_needs_the_symbols_of_its_own_expression_only(formulas: FormulaLibrary) -> None:
    resolution = resolved(
        formulas,
        "other: {dtype: float64, unit: kg}",
        output="mass: {dtype: float64, unit: kg}",
        formula="energy/try/loss",
    )
    assert computed(resolution, other=Decimal(10)) == 8
    assert [e.text for e in plan_of(resolution).evidence if "CODATA" in e.text] == []
    area = resolved(
        formulas, "n: {dtype: float64}", output="area: {dtype: float64, unit: m^2}", formula="energy/try/kinds"
    )
    assert computed(area) == 4


def test_texts_and_parameter_tables_are_held(formulas: FormulaLibrary) -> None:
    sort = "sort: {dtype: string, enum: [wet, dry]}"
    heat = resolved(formulas, FUEL, sort, formula="energy/try/kinds")
    assert computed(heat, fuel=Decimal(10), sort="wet") == 5
    assert computed(heat, fuel=Decimal(10), sort="dry") == 10
    fewer = resolved(formulas, FUEL, "how: {dtype: string, enum: [dry]}", formula="energy/try/kinds", bind="sort: how")
    assert computed(fewer, fuel=Decimal(10), how="dry") == 10
    written = resolved(formulas, FUEL, formula="energy/try/kinds", bind="sort: '\"wet\"'")
    assert computed(written, fuel=Decimal(10)) == 5
    rate = resolved(formulas, FUEL, output="rate: {dtype: float64}", formula="energy/try/kinds")
    assert computed(rate) == Decimal("0.5")


@pytest.mark.parametrize(
    ("sort", "message"),
    [
        ("sort: {dtype: string}", "`sort` of `energy/try/kinds` is one of wet, dry: `sort` needs an `enum` of these"),
        ("sort: {dtype: string, enum: [wet, damp]}", "`sort` of `energy/try/kinds` is one of wet, dry, not damp"),
        ("sort: {dtype: float64}", "`sort` of `energy/try/kinds` is a text, what is bound is a number"),
        ("other: {dtype: string, enum: [wet]}", "`energy/try/kinds` needs `sort` (sort of fuel, text): bind it"),
    ],
)
def test_a_text_that_the_formula_cannot_have_is_refused(formulas: FormulaLibrary, sort: str, message: str) -> None:
    (found,) = errors(resolved(formulas, FUEL, sort, formula="energy/try/kinds"))
    assert message in found


def test_a_value_without_a_row_is_told(formulas: FormulaLibrary) -> None:
    resolution = resolved(
        formulas,
        "sort: {dtype: string, enum: [wet, moist]}",
        output="rate: {dtype: float64}",
        formula="energy/try/rows",
    )
    (told,) = [d.message for d in resolution.diagnostics if d.code == "GLS061"]
    assert told == "not covered: sort = moist: the parameter table `wetness` has no share there"


MASS = "mass: {dtype: float64, unit: kg}"


def test_a_sum_goes_over_a_table_input_in_the_units_of_the_formula(formulas: FormulaLibrary) -> None:
    lots = "lots: {dtype: list, columns: {mass: {dtype: float64, unit: t}, place: {dtype: string}}}"
    found = resolved(formulas, lots, output=MASS, formula="energy/try/kinds", bind="loads: lots")
    rows = ({"mass": Decimal("0.5"), "place": "a"}, {"mass": Decimal("0.2"), "place": "b"})
    assert errors(found) == []
    assert run.outputs(found.spec, found.plans, found.order, {}, {"lots": rows}) == {"mass": Decimal(700)}


@pytest.mark.parametrize(
    ("loads", "message"),
    [
        (FUEL, "`energy/try/kinds` needs `loads` (deliveries, table): bind it"),
        (
            "loads: {dtype: float64, unit: kg}",
            "the table `loads` (deliveries) of `energy/try/kinds` is an input that is a",
        ),
        (
            "loads: {dtype: list, columns: {weight: {dtype: float64, unit: kg}}}",
            "the table `loads` of `energy/try/kinds` needs a column `mass` (kg)",
        ),
        (
            "loads: {dtype: list, columns: {mass: {dtype: float64, unit: kWh}}}",
            "is in kWh, which does not convert into kg",
        ),
        ("loads: {dtype: list, columns: {mass: {dtype: string}}}", "is a number, the input's is a text"),
    ],
)
def test_a_table_without_the_columns_of_the_formula_is_refused(
    formulas: FormulaLibrary, loads: str, message: str
) -> None:
    (found,) = errors(resolved(formulas, loads, output=MASS, formula="energy/try/kinds"))
    assert message in found


def test_one_of_several_outputs_in_a_unit_is_named(formulas: FormulaLibrary) -> None:
    inputs = (FUEL, "sort: {dtype: string, enum: [wet, moist]}")
    waste = "waste: {dtype: float64}"
    (found,) = errors(resolved(formulas, *inputs, output=waste, formula="energy/try/rows"))
    assert "`energy/try/rows` has 2 outputs in a pure number: name one with `output`: `rate`, `rest`" in found
    named = resolved(
        formulas, "sort: {dtype: string, enum: [wet]}", output=waste, formula="energy/try/rows, output: rest"
    )
    assert named.plans["waste"].text == '1 − table("wetness", "share", sort = sort)'
    (found,) = errors(resolved(formulas, *inputs, output=waste, formula="energy/try/rows, output: rates"))
    assert "has no output `rates`; it has `rate` (a pure number), `rest` (a pure number), `heat` (kWh)" in found
    (found,) = errors(resolved(formulas, *inputs, output=waste, formula="energy/try/rows, output: heat"))
    assert "`heat` of `energy/try/rows` is in kWh, not in a pure number" in found


@pytest.mark.parametrize(("megajoule", "expected"), [(100, "13.88888888888888888888888888888889"), (1000, "278")])
def test_a_bare_number_and_a_rounding_are_meant_in_the_unit_of_the_symbol(
    formulas: FormulaLibrary, megajoule: int, expected: str
) -> None:
    resolution = resolved(formulas, "fuel: {dtype: float64, unit: MJ, ge: 0}", formula="energy/try/threshold")
    assert computed(resolution, fuel=Decimal(megajoule)) == Decimal(expected)


def test_a_default_in_degrees_counts_from_absolute_zero(formulas: FormulaLibrary) -> None:
    output = "normal: {dtype: float64, unit: m^3}"
    volume = "volume: {dtype: float64, unit: m^3}"
    resolution = resolved(formulas, volume, output=output, formula="energy/try/warm")
    assert computed(resolution, volume=Decimal(10)) == 10
    given = resolved(formulas, volume, "state: {dtype: float64, unit: degC}", output=output, formula="energy/try/warm")
    assert computed(given, volume=Decimal(10), state=Decimal("273.15")) == 5


class TestFormulasThatAreFoundByWhatTheyMean:
    """No reviewer gave the output names: only a golden case makes the match certain."""

    output = "simple_payback: {dtype: float64, unit: year}"
    inputs = (
        "capital_cost: {dtype: float64, unit: USD, gt: 0}",
        "yearly_saving: {dtype: float64, unit: USD/year, gt: 0}",
    )
    case = "{name: a, input: {capital_cost: 100, yearly_saving: 40}, expect: {simple_payback: {value: %s, tol: %s}}}"

    def with_case(self, formulas: FormulaLibrary, value: str, tol: str) -> Resolution:
        text = SPEC % {"inputs": "\n    ".join(self.inputs), "output": self.output}
        spec, findings = read(f"{text}tests: {{golden: [{self.case % (value, tol)}]}}\n".encode())
        assert spec is not None, findings
        return resolve(spec, FactorTable.load(), formulas)

    def test_a_golden_case_proves_it(self, formulas: FormulaLibrary) -> None:
        found = self.with_case(formulas, "2.5", "0.001")
        assert (plan_of(found).means, plan_of(found).text) == ("library", "capital_cost ÷ yearly_saving")

    @pytest.mark.parametrize(
        ("value", "tol", "reason"),
        [
            ("2.6", "0.001", "2.5 computed, 2.6 expected"),
            ("2.4", "0.2", "it fits by what it means, and no golden case proves it"),
        ],
    )
    def test_another_number_or_a_wide_tolerance_does_not(
        self, formulas: FormulaLibrary, value: str, tol: str, reason: str
    ) -> None:
        (missing,) = self.with_case(formulas, value, tol).missing
        assert any("energy/try/payback" in c and reason in c for c in missing.candidates)

    def test_without_a_case_it_is_listed(self, formulas: FormulaLibrary) -> None:
        (missing,) = resolved(formulas, *self.inputs, output=self.output).missing
        assert missing.candidates == (
            "energy/try/payback (I0 / saving): it fits by what it means, and no golden case proves it",
        )


class TestFormulasThatAreFoundByName:
    """The spec names no formula: units and words decide."""

    output = "usable_heat: {dtype: float64, unit: kWh}"

    def test_defaults_and_constants_are_bound_and_told(self, formulas: FormulaLibrary) -> None:
        resolution = resolved(
            formulas,
            "volume: {dtype: float64, unit: m^3}",
            output="normal_volume: {dtype: float64, unit: m^3}",
        )
        assert computed(resolution, volume=Decimal(10)) == 10
        plan = plan_of(resolution)
        assert (plan.means, plan.formula_id) == ("library", "energy/try/warm")
        assert "`state` (temperature) is 0 degC: ISO 13443" in [e.text for e in plan.evidence]

    def test_an_input_of_its_name_replaces_a_default(self, formulas: FormulaLibrary) -> None:
        resolution = resolved(
            formulas,
            "volume: {dtype: float64, unit: m^3}",
            "state: {dtype: float64, unit: degC}",
            output="normal_volume: {dtype: float64, unit: m^3}",
        )
        assert computed(resolution, volume=Decimal(10), state=Decimal("273.15")) == 5
        assert not any("ISO 13443" in e.text for e in plan_of(resolution).evidence)

    def test_two_inputs_of_its_name_are_both_named(self, formulas: FormulaLibrary) -> None:
        resolution = resolved(
            formulas,
            "volume: {dtype: float64, unit: m^3}",
            "state: {dtype: float64, unit: degC}",
            "state_after: {dtype: float64, unit: degC}",
            output="normal_volume: {dtype: float64, unit: m^3}",
        )
        assert "state and state_after both fit its temperature" in resolution.missing[0].candidates[0]

    def test_a_text_is_the_input_whose_values_it_knows(self, formulas: FormulaLibrary) -> None:
        output = "sorted_heat: {dtype: float64, unit: kWh}"
        sort = "kind: {dtype: string, enum: [dry, wet]}"
        resolution = resolved(formulas, FUEL, sort, output=output)
        assert computed(resolution, fuel=Decimal(10), kind="wet") == 5
        two = resolved(formulas, FUEL, sort, "way: {dtype: string, enum: [wet]}", output=output)
        assert any("kind and way both fit its sort of fuel" in c for c in two.missing[0].candidates)
        none = resolved(formulas, FUEL, "kind: {dtype: string, enum: [dry, hot]}", output=output)
        assert any("no input is its sort of fuel (one of wet, dry)" in c for c in none.missing[0].candidates)
