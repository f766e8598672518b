"""The mapping: every mistake at once, each with its place and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.calc import CalculationEngine
from greenlang.calc.batch_mapping import read_mapping, stored_mapping
from tests.calc.batch_example import ACTIVITIES, BY_GAS, batch, listed, mapping, refused


def told(text: str) -> list[str]:
    read, mistakes = read_mapping(text.encode())
    assert read is None
    return list(map(str, mistakes))


def test_every_mistake_comes_at_once_with_its_line() -> None:
    assert told(
        """\
formual: x
id: 5
inputs:
  energy: {column: quantity, units: MWh}
  b: {}
  c: 5
  d: {column: q, unit: kWh, unit_column: u}
factors:
  ef: efx
  g: {select: {activity: {columns: x}, year: [1]}}
  h: {ref: ef://a, column: b}
context: {gwp: AR5GWP100, precision: x}
outputs: 7
"""
    ) == [
        "line 1, column 1: formual: there is no entry `formual` here; did you mean `formula`?",
        "line 2, column 1: id: a list is needed here, not `5`",
        "line 4, column 30: inputs.energy.units: there is no entry `units` here; did you mean `unit`?",
        "line 5, column 3: inputs.b: name one of column, value, text, truth; here is none of them",
        "line 6, column 3: inputs.c: a mapping of entries is needed here, not `5`",
        "line 7, column 3: inputs.d: the unit is fixed or stands in a column, not both",
        "line 9, column 3: factors.ef: `efx` is no reference: it starts with ef://",
        "line 10, column 16: factors.g.select.activity.column: `column` is missing",
        "line 10, column 27: factors.g.select.activity.columns: there is no entry `columns` here; "
        "did you mean `column`?",
        "line 10, column 40: factors.g.select.year: a word, a number or `column:` is needed here, not `[1]`",
        "line 11, column 3: factors.h: name one of ref, column, select, override; here is ref and column",
        "line 12, column 11: context.gwp: there is no entry `gwp` here; did you mean `gwp_set`?",
        "line 12, column 27: context.precision: a whole number is needed here, not `x`",
        "line 13, column 1: outputs: a mapping of entries is needed here, not `7`",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: mapping: the file is empty"),
        ("- a", "line 1, column 1: mapping: the file holds a list, not a mapping of keys"),
        ("a: [", "line 2, column 1: mapping: not YAML"),
        ("formula: a\nformula: b\nid: c", "line 2, column 1: formula: key `formula` stands twice"),
        ("id: a", "line 1, column 1: mapping: name a formula of the library or give an expression, one of the two"),
        ("formula: a\nid: []", "line 2, column 1: id: at least one entry is needed here"),
        ("formula: a\nid: a\ninputs: {a: {value: 5, text: x}}", "inputs.a: name one of column, value, text, truth"),
        (
            "formula: a\nid: a\nfactors: {f: {override: {value: 1, unit: kg, reason: r}}}",
            "factors.f.override.approver: `approver` is missing",
        ),
    ],
)
def test_a_file_that_is_no_mapping(text: str, message: str) -> None:
    assert message in told(text)[0]


def test_the_digest_is_of_the_content_alone() -> None:
    one = mapping(BY_GAS)
    other = mapping("# a comment\nid: [id]\n" + BY_GAS.replace("id: id\n", ""))
    assert one.digest == other.digest
    assert one.digest != mapping(BY_GAS.replace("AR5", "AR6")).digest
    assert stored_mapping(one.content) == one
    assert stored_mapping(one.content).digest == one.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("carbon/test/by-gas", "carbon/test/by-gaz"),
            "formula: there is no formula `carbon/test/by-gaz`; did you mean",
        ),
        (("column: amount", "column: amonut"), "inputs.energy.column: the activities have no column `amonut`; did you"),
        (("energy:", "enrgy:"), "inputs.enrgy: the formula has no such symbol; did you mean `energy`?"),
        (
            ("  ef_co2: ef://epa/fuels/2024/gas\n", ""),
            "factors.ef_co2: nothing feeds the CO2 factor, in kgCO2/kWh; name a column for it",
        ),
        (
            ("ef://epa/fuels/2024/gas", "ef://epa/fuels/2024/coal"),
            "factors.ef_co2: no factor `ef://epa/fuels/2024/coal`",
        ),
        (("ef_co2: ef:", "gwp_ch4: ef:"), "factors.ef_co2: nothing feeds"),
        (("{activity: {column: fuel}", "{activty: {column: fuel}"), "factors.ef_ch4.select.activty: a request has no"),
        (("gwp_set: AR5GWP100", "gwp_set: AR7"), "context.gwp_set: `AR7` is unknown"),
        (("{gwp_set: AR5GWP100}", "{}"), "context.gwp_set: the formula needs the GWP of CH4"),
        (("{gwp_set: AR5GWP100}", "{gwp_set: AR5GWP100, release: other}"), "context.release: the calculation asks for"),
        (("unit_column: unit", "unit: kg"), "inputs.energy.unit: kg and kWh are different kinds of quantity"),
        (("unit_column: unit", "unit: blorp"), "inputs.energy.unit: unit `blorp` is unknown"),
        (("unit_column: unit", "basis: AR5GWP100"), "inputs.energy: a basis belongs to CO2e, and this is in kWh"),
        (("context:", "outputs: [co3]\ncontext:"), "outputs.co3: the formula has no such output; did you mean `co2`?"),
        (("context:", "outputs: {co2e: Amount}\ncontext:"), "outputs: two columns of the results would be called"),
        (("context:", "outputs: {co2e: status}\ncontext:"), "two columns of the results would be called `status`"),
        (("inputs: {energy", "inputs: {ef_co2: {column: amount}, energy"), "inputs.ef_co2: `ef_co2` is a factor"),
    ],
)
def test_a_mapping_that_does_not_suit(
    tmp_path: Path, engine: CalculationEngine, change: tuple[str, str], message: str
) -> None:
    text = BY_GAS.replace(*change)
    assert text != BY_GAS
    assert any(message in str(mistake) for mistake in refused(tmp_path, engine, text, ACTIVITIES)), list(
        map(str, refused(tmp_path, engine, text, ACTIVITIES))
    )


def test_table_inputs_are_refused(tmp_path: Path, engine: CalculationEngine) -> None:
    text = """
formula: carbon/test/fleet
id: id
inputs: {fuels: {column: fuel}, audited: {truth: true}, site: {text: open}}
"""
    (mistake,) = refused(tmp_path, engine, text, ACTIVITIES)
    assert str(mistake).startswith("inputs.fuels: a batch has no table inputs")


def test_an_expression_that_does_not_fit_is_a_mistake(tmp_path: Path, engine: CalculationEngine) -> None:
    text = """
expression:
  symbols: {amount: {unit: kWh}}
  outputs: {co2e: {unit: kgCO2e, expression: amount * 2}}
id: id
inputs: {amount: {column: amount}}
"""
    (mistake,) = refused(tmp_path, engine, text, ACTIVITIES)
    assert "does not convert into kgCO2e" in str(mistake)


def test_constants_overrides_and_defaults_are_in_the_certificate(tmp_path: Path, engine: CalculationEngine) -> None:
    text = """
formula: carbon/test/by-gas
id: id
inputs: {energy: {column: amount, unit: MWh}, oxidation: {value: 98, unit: percent}}
factors:
  ef_co2: {override: {value: 0.2, unit: kgCO2/kWh, reason: measured, approver: A. Auditor}}
  ef_ch4: ef://epa/fuels/2024/gas
context: {gwp_set: AR5GWP100}
outputs: [co2]
"""
    made = batch(tmp_path, engine, text, ACTIVITIES)
    constants = made.certificate.content["constants"]
    assert [record["approver"] for record in constants["overrides"]] == ["A. Auditor"]
    assert [record["name"] for record in constants["inputs"]] == ["ef_co2", "oxidation"]
    assert constants["factors"] == [], "co2 alone needs neither methane nor its GWP"
    assert {row["id"]: str(row["co2"]) for row in listed(made)}["a"] == "2450.000000"
    assert made.certificate.content["warnings"] == [
        "ef_co2: a figure approved by A. Auditor stands in place of the CO2 factor"
    ]
