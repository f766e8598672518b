"""What other teams write: YAML of all ages, JSON Schema's ways of saying things, keys that our examples do not have."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import yaml

from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.fix import fix
from greenlang.specs.reader import read, report
from tests.specs.texts import SECOND, A, D, changed, good

B = """\
schema_version: "2.0.0"
id: "test/agent_v1"
name: "Test"
version: "1.0.0"
compute:
  inputs:
    energy: {dtype: float64, unit: kWh, ge: 0}
    share: {dtype: float64, ge: 0, le: 1, default: 0.5}
  outputs:
    used: {dtype: float64, unit: kWh}
  formulas:
    used: energy * share
"""


def told(text: str, dialect: str | None = None) -> list[Diagnostic]:
    return [d for d in report(text.encode(), dialect=dialect).diagnostics if d.severity != "info"]


# --- YAML ------------------------------------------------------------------------------------------------------------


def test_json_is_yaml() -> None:
    assert good(json.dumps(yaml.safe_load(B), indent="\t")).inputs == good(B).inputs


def test_merge_keys_are_carried_out_and_what_stands_there_itself_counts() -> None:
    text = changed(B, "energy: {", "energy: &e {").replace("    share", "    more: {<<: *e, ge: 1}\n    share")
    more = good(text).inputs["more"]
    assert (more.unit, more.ge) == ("kWh", Decimal(1))
    first = good(text.replace("<<: *e, ge: 1", "<<: [{ge: 2}, *e]")).inputs["more"]
    assert (first.unit, first.ge) == ("kWh", Decimal(2))
    (wrong,) = told(text.replace("<<: *e, ge: 1", "<<: 5, dtype: float64"))
    assert (wrong.code, wrong.line) == ("GLS012", 8)


def test_a_mistake_in_what_is_merged_stands_where_it_was_written() -> None:
    text = changed(B, "energy: {dtype: float64, unit: kWh", "energy: &e {dtype: float64, unit: kWhh")
    places = {(d.line, d.column, d.path) for d in told(text.replace("    share", "    more: {<<: *e}\n    share"))}
    assert places == {(7, 33, "compute.inputs.energy.unit"), (7, 33, "compute.inputs.more.unit")}


def test_nothing_behind_a_key_means_that_it_is_absent() -> None:
    empty = "summary:\ntags: ~\nowners:\nai:\nrealtime:\nprovenance:\ntests:\n"
    assert good(empty + B).inputs == good(B).inputs
    (missing,) = told(changed(B, "dtype: float64, unit: kWh, ge: 0", "dtype: , unit: kWh"))
    assert (missing.code, missing.path) == ("GLS011", "compute.inputs.energy.dtype")


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (B + "---\na: 1\n", (13, 1), "the file holds several documents", "one spec a file"),
        (changed(B, "  inputs:", "\tinputs:"), (6, 1), "a tab cannot indent", "indent with spaces"),
        (changed(B, '"Test"', "Test: agent"), (3, 11), "mapping values are not allowed", "needs quotes"),
        (changed(B, '"Test"', "*none"), (3, 7), "names no anchor", "&name"),
        ("a: &x 1\nb: &x 2\n", (2, 4), "is declared twice", "a name of its own"),
        ("a: " + "[" * 100_000, (1, 67), "nested more than 64 levels deep", "flatten"),
    ],
)
def test_what_is_no_yaml_says_why(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    (finding,) = report(text.encode()).diagnostics
    assert (finding.code, (finding.line, finding.column)) == ("GLS002", place)
    assert message in finding.message
    assert hint in finding.hint


@pytest.mark.parametrize("word", ["no", "12:30", "0x1F", "0o17", "017", "1_000", ".inf", ".nan", '"5"', "2026-01-31"])
def test_what_only_some_yaml_takes_for_a_number_is_none(word: str) -> None:
    (finding,) = told(changed(B, "ge: 0}\n", f"ge: {word}}}\n"))
    assert (finding.code, finding.line) == ("GLS012", 7)
    assert finding.message.endswith(f"must be a number, not the text `{word.strip(chr(34))}`")
    assert "decimal digits" in finding.hint


def test_a_code_with_a_leading_zero_is_a_text() -> None:
    text = changed(B, "    share", "    cn: {dtype: string, enum: [0102, 0201]}\n    share")
    assert good(text).inputs["cn"].enum == ("0102", "0201")


def test_tags_of_yaml_are_refused_wherever_they_stand() -> None:
    for old, new in (
        ('"Test"', "!include x"),
        ("  inputs:", "  inputs: !custom"),
        ("energy: {", "energy: !!set {"),
        ("energy: {", "energy: !!python/object/apply:os.system {"),
    ):
        (finding,) = told(changed(B, old, new))
        assert (finding.code, "tag" in finding.message) == ("GLS012", True)


# --- names and spellings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "near"),
    [("énergie", "energie"), ("lambda", "lambda_value"), ("Mass-Flow", "mass_flow"), ("fuelType", "fuel_type")],
)
def test_a_name_that_code_cannot_have_comes_with_one_that_it_can(name: str, near: str) -> None:
    (finding,) = [d for d in told(B.replace("energy", name)) if d.code == "GLS015"]
    assert finding.hint.endswith(f"such as `{near}`")


def test_what_stands_below_a_mistake_is_refused_and_the_rest_is_not() -> None:
    fates = {x.path: x.fate for x in report(B.replace("energy", "lambda").encode()).ledger}
    assert fates["compute.inputs.lambda.unit"] == "refused"
    assert fates["compute.inputs.share.ge"] == "used"


def test_units_that_mean_one_thing_only_are_read_in_dialect_b_too() -> None:
    found = report(changed(B, "share: {dtype: float64,", "share: {dtype: float64, unit: fraction,").encode())
    assert found.spec is not None
    assert found.spec.inputs["share"].unit == "1"
    assert "GLS033" in {d.code for d in found.diagnostics}
    (finding,) = told(changed(B, "    share", "    kind: {dtype: string, unit: kg}\n    share"))
    assert (finding.code, finding.severity) == ("GLS020", "warning")


def test_keys_that_have_no_effect_do_not_refuse_a_pack() -> None:
    text = changed(B, "used: {dtype: float64,", "used: {dtype: float64, required: false,")
    text += "provenance:\n  gwp_set: AR6\n  ef_pinning: sha256\n  audit_fields: [used]\n  standards: [{name: GRI}]\n"
    found = report(text.encode())
    assert found.spec is not None
    fates = {x.path: (x.fate, bool(x.reason)) for x in found.ledger}
    assert fates["provenance.audit_fields[0]"] == fates["compute.outputs.used.required"] == ("ignored", True)
    assert [d.code for d in told(text.replace("gwp_set", "gwp_sets"))] == ["GLS010"]


def test_a_default_of_what_must_be_given_contradicts_itself() -> None:
    (finding,) = told(changed(B, "default: 0.5", "default: 0.5, required: true"))
    assert (finding.code, finding.severity, finding.path) == ("GLS019", "warning", "compute.inputs.share.required")


def test_fix_takes_quotes_from_figures_and_capitals_from_keys() -> None:
    text = changed(B, "ge: 0}", 'ge: "0"}').replace("dtype: float64, unit: kWh, ge", "Dtype: Float64, Unit: kWh, ge")
    assert read(text.encode())[0] is None
    assert fix(text.encode()).data.decode() == B.replace("used: {dtype", "used: {dtype")


def test_fix_leaves_json_json() -> None:
    text = json.dumps(yaml.safe_load(B)).replace('"ge"', '"minimum"').replace('"dtype": "float64"', '"Dtype": "number"')
    assert json.loads(fix(text.encode()).data) == yaml.safe_load(B)


# --- JSON Schema -----------------------------------------------------------------------------------------------------


def parameter(declared: str) -> str:
    """Dialect A with one more parameter."""
    return changed(A, "          cp:\n", f"          more: {declared}\n          cp:\n")


def test_references_within_the_file_are_followed() -> None:
    text = parameter('{$ref: "#/definitions/Mass", maximum: 5}') + "definitions: {Mass: {type: number, units: kg}}\n"
    found = report(text.encode())
    assert found.spec is not None
    more = found.spec.inputs["more"]
    assert (more.dtype, more.unit, more.le) == ("float64", "kg", Decimal(5))
    assert {x.path: x.fate for x in found.ledger}["definitions.Mass.units"] == "used"
    other = report((parameter('{$ref: "https://x.org/mass.json"}')).encode())
    assert other.spec is not None
    assert "more" in other.spec.unused
    circle = parameter('{$ref: "#/definitions/X"}') + 'definitions: {X: {$ref: "#/definitions/X"}}\n'
    assert "circle" in next(d.message for d in told(circle) if d.severity == "error")


@pytest.mark.parametrize(
    ("declared", "dtype", "required"),
    [
        ('{anyOf: [{type: number, units: kg}, {type: "null"}]}', "float64", False),
        ("{oneOf: [{type: string, const: a}, {type: string, enum: [b, c]}]}", "string", False),
        ("{allOf: [{type: number}, {units: kg}], required: true}", "float64", True),
        ("{enum: [1, 2.5]}", "float64", False),
        ("{const: 5}", "int32", False),
        ("{type: [integer, number]}", "float64", False),
        ("{type: [number, string]}", "object", False),
        ("{anyOf: [{type: number}, {type: string}]}", "object", False),
    ],
)
def test_alternatives_that_leave_one_type(declared: str, dtype: str, required: bool) -> None:
    text = parameter(declared).replace("input: {mass_flow: 2", "input: {more: 1, mass_flow: 2")
    spec = read(text.encode())[0]
    assert spec is not None
    more = {**spec.inputs, **spec.unused}["more"]
    assert (more.dtype, more.required) == (dtype, required)
    assert ("more" in spec.unused) == (dtype == "object")


def test_parameters_in_a_mapping_are_used_and_nobody_says_otherwise() -> None:
    short = changed(D, D[D.index("inputs:") : D.index("outputs:")], "inputs:\n  mass: {type: number, unit: t}\n")
    found = report(short.split("tests:")[0].encode())
    assert found.spec is not None
    assert {x.path: x.fate for x in found.ledger}["inputs.mass.unit"] == "used"
    assert "GLS018" not in {d.code for d in found.diagnostics}


def test_a_golden_case_goes_to_the_tool_that_it_fits_and_a_stray_one_is_told() -> None:
    tests = """\
tests:
  golden:
    - {name: fits, input: {mass_flow: 1, cp: 1}, expect: {heat_kw: 10}}
    - {name: strays, tool: nobody, input: {mass_flow: 1}, expect: {heat_kw: 10}}
"""
    found = report((A + SECOND + tests).encode())
    assert found.spec is not None
    assert {p.part: [c.name for c in p.golden if c.origin == "golden"] for p in found.spec.parts} == {
        "heat_demand": ["fits"],
        "cost": [],
    }
    assert [d.path for d in found.diagnostics if d.code == "GLS016"] == ["tests.golden[1]"]


def test_another_version_of_dialect_d_is_not_taken_for_this_one() -> None:
    (finding,) = [d for d in told(changed(D, "'1.0'", "'2.0'")) if d.severity == "error"]
    assert (finding.code, finding.path) == ("GLS012", "pack_schema_version")
