"""Formulas of the library in an agent: what the spec gives, what the formula itself, and what an agent cannot hold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk import decimals

from greenlang import units
from greenlang.factors import FactorTable
from greenlang.factory.render import Constants, render
from greenlang.formulas.library import FormulaLibrary, library, load
from greenlang.formulas.prove import agrees, compiled
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
"""
TABLE = """
table: wetness
citation: {document: "A handbook", locator: "Table 1"}
keys: [sort]
columns: {share: {unit: "1", meaning: share}}
rows:
  - {sort: wet, share: 0.5}
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


def plan_of(resolution: Resolution) -> OutputPlan:
    assert errors(resolution) == []
    (plan,) = resolution.plans.values()
    return plan


def computed(resolution: Resolution, **given: Decimal) -> Any:
    plan = plan_of(resolution)
    (value,) = run.outputs(resolution.spec, resolution.plans, resolution.order, {}, given).values()
    assert value == generated(plan, given), "the generated tool gives what the plan gives"
    return value


def generated(plan: OutputPlan, given: dict[str, Decimal]) -> Any:
    constants = Constants()
    body = render(plan.expression, names={("input", n): n for n in given}, constants=constants)
    source = f"def tool({', '.join(given)}):\n" + "\n".join(body.lines)
    space: dict[str, Any] = {"Decimal": Decimal, **{f: getattr(decimals, f) for f in body.functions}}
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
            alike = [n for n, o in formula.outputs.items() if units.same_dimension(o.unit, out.unit)]
            if alike != [name] or any(s.type != "number" for s in used.values()):
                continue
            asked = {n: f"x{i}" for i, (n, s) in enumerate(used.items()) if s.default is None}
            resolution = resolved(
                formulas,
                *([f'{x}: {{dtype: float64, unit: "{used[n].unit}"}}' for n, x in asked.items()] or [FUEL]),
                output=f'result: {{dtype: float64, unit: "{out.unit}"}}',
                formula=formula.id,
                bind=", ".join(f"{n}: {x}" for n, x in asked.items()),
            )
            given = {n: v for n, v in vector.given.items() if n in asked and isinstance(v, Decimal)}
            got = computed(resolution, **{asked[n]: v for n, v in given.items()})
            exact = whole.answer(name, given, decimals=30 - max(got.adjusted(), 0))
            assert agrees(got, exact, Decimal("1e-15")), (formula.id, name)
            compared += 1
    assert compared > 600


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


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            HEAT,
            "`energy/try/kinds` takes the text `sort` (sort of fuel), and an agent holds formulas over numbers only",
        ),
        (
            "mass: {dtype: float64, unit: kg}",
            "`energy/try/kinds` takes the table `loads` (deliveries), and an agent holds formulas over numbers only",
        ),
        (
            "rate: {dtype: float64}",
            "`energy/try/kinds` reads the parameter table `wetness`, and an agent holds factor rows only",
        ),
    ],
)
def test_texts_tables_and_parameter_tables_are_refused_by_name(
    formulas: FormulaLibrary, output: str, message: str
) -> None:
    inputs = (FUEL, "sort: {dtype: string, enum: [wet, dry]}")
    (found,) = errors(resolved(formulas, *inputs, output=output, formula="energy/try/kinds"))
    assert message in found
    assert found.endswith("write the expression itself under `compute.formulas`")


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

    def test_a_text_is_refused_by_name(self, formulas: FormulaLibrary) -> None:
        resolution = resolved(
            formulas,
            FUEL,
            "sort: {dtype: string, enum: [wet, dry]}",
            output="sorted_heat: {dtype: float64, unit: kWh}",
        )
        assert any("takes the text `sort` (sort of fuel)" in c for c in resolution.missing[0].candidates)
