"""Dialect A: tools become what is computed, however their authors write them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.specs.cases import written_tolerance
from greenlang.specs.reader import read
from tests.specs.texts import SECOND, A, changed, codes, good, told


def test_one_tool_is_a_flat_spec() -> None:
    spec = good(A)
    assert (spec.dialect, spec.agent_id, spec.name, spec.part, spec.parts) == (
        "A",
        "industrial/heat_agent",
        "HeatAgent",
        "",
        (),
    )
    assert spec.summary == "Heat of a process."
    assert list(spec.inputs) == ["mass_flow", "cp"]
    flow, cp = spec.inputs.values()
    assert (flow.unit, flow.unit_from, flow.required, flow.ge) == ("kg/s", "description", True, Decimal(0))
    assert (cp.unit, cp.unit_from, cp.required, cp.default) == ("kJ/(kg*K)", "stated", False, Decimal("4.18"))
    assert {n: o.unit for n, o in spec.outputs.items()} == {"heat_kw": "kW", "method": "1"}


def test_methods_and_constants_are_prose_and_a_data_source_is_not() -> None:
    kinds = {(p.kind, p.output): p.text for p in good(A).prose}
    assert kinds == {
        ("physics_formula", ""): "heat_kw = mass_flow × cp × 10",
        ("value", "method"): "Q = m × cp × ΔT",
    }
    line = good(A).ledger
    assert next(x for x in line if x.path.endswith("data_source")).fate == "ignored"


def test_the_example_is_a_case_with_the_tolerance_of_its_digits() -> None:
    (case,) = good(A).golden
    assert case.origin == "example"
    assert case.input == {"mass_flow": Decimal(2), "cp": Decimal("4.18")}
    assert case.expect["heat_kw"].value == Decimal("83.6")
    assert case.expect["heat_kw"].tol == Decimal("0.000598086")
    assert case.expect["heat_kw"].line == 39
    assert case.expect["method"].tol is None


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ("76.93", "0.0000649942"),
        ("57.70", "0.0000866551"),
        ("421", "0.00118765"),
        ("3663000", "0.0001365"),
        ("1000", "0.001"),
        ("0.52", "0.00961538"),
        ("0", None),
    ],
)
def test_a_printed_figure_may_be_off_by_half_its_last_digit(written: str, share: str | None) -> None:
    number = Decimal(written)
    found = written_tolerance(int(written) if "." not in written else number)
    assert found == (None if share is None else pytest.approx(Decimal(share), rel=Decimal("0.001")))


def test_several_tools_are_parts_with_all_that_the_whole_has() -> None:
    spec = good(A + SECOND)
    assert (spec.inputs, spec.outputs) == ({}, {})
    assert [p.part for p in spec.parts] == ["heat_demand", "cost"]
    for part in spec.parts:
        assert (part.agent_id, part.version, part.digest, part.dialect) == (
            spec.agent_id,
            spec.version,
            spec.digest,
            "A",
        )
    assert spec.parts[1].inputs["energy"].required


def test_the_inputs_of_the_whole_are_told_to_be_unread_where_tools_are() -> None:
    text = A + "inputs: {input_schema: {properties: {x: {type: number}}}}\n"
    (finding,) = told(text, "GLS018")
    assert finding.severity == "info"
    assert finding.path == "inputs"
    assert all(x.fate == "ignored" for x in good(text).ledger if x.path.startswith("inputs"))


def test_an_agent_without_tools_has_its_own_inputs_and_outputs() -> None:
    text = """\
agent_metadata: {agent_id: core/x, version: "1.0.0"}
inputs:
  input_schema: {properties: {mass_kg: {type: number, required: true}}}
  example_input: {mass_kg: 4}
outputs:
  output_schema: {properties: {mass_t: {type: number, units: t}}}
  example_output: {mass_t: 0.004}
"""
    spec = good(text)
    assert spec.inputs["mass_kg"].unit == "kg"
    assert spec.golden[0].expect["mass_t"].value == Decimal("0.004")


def test_the_short_form_has_agent_and_a_list_of_tools() -> None:
    text = A.replace("agent_metadata:", "version: '2.0'\nagent:").replace("agent_id:", "id:")
    text = text.replace("tools:\n  tools_list:\n", "tools:\n")
    assert good(text).agent_id == "industrial/heat_agent"
    assert list(good(text).inputs) == ["mass_flow", "cp"]


@pytest.mark.parametrize(
    ("written", "needed"),
    [
        ("            required: true\n", True),
        ("            optional: false\n", True),
        ("", True),  # the list of the object says so
    ],
)
def test_required_in_the_parameter_or_in_the_list_counts(written: str, needed: bool) -> None:
    assert good(A.replace("            required: true\n", written)).inputs["mass_flow"].required is needed


def test_required_in_the_parameter_alone_counts() -> None:
    text = changed(A, '        required: ["mass_flow"]\n', "")
    assert good(text).inputs["mass_flow"].required


def test_a_list_and_a_parameter_that_disagree_are_told() -> None:
    text = changed(A, "            required: true\n", "            required: false\n")
    assert told(text, "GLS019")[0].severity == "warning"
    assert good(text).inputs["mass_flow"].required


@pytest.mark.parametrize(
    ("written", "dtype"),
    [
        ("number", "float64"),
        ("float", "float64"),
        ("double", "float64"),
        ("integer", "int32"),
        ("int", "int32"),
        ("string", "string"),
        ("str", "string"),
        ("boolean", "bool"),
        ("date", "string"),
        ("[number, 'null']", "float64"),
    ],
)
def test_spellings_of_types(written: str, dtype: str) -> None:
    text = A.replace('          cp:\n            type: "number"\n', f"          cp:\n            type: {written}\n")
    text = text.replace("            default: 4.18\n", "").replace(", cp: 4.18}", "}")
    assert good(text).inputs["cp"].dtype == dtype


def test_lists_and_objects_are_kept_apart_and_accounted_for() -> None:
    text = changed(
        A,
        "          cp:\n",
        "          profile: {type: array, items: {type: number}, minItems: 24, required: true}\n"
        "          span: {type: object, properties: {low_f: number}}\n          cp:\n",
    )
    text = changed(
        text, "          heat_kw:\n", "          rows: {type: array, items: {type: string}}\n          heat_kw:\n"
    )
    spec = good(text)
    assert list(spec.inputs) == ["mass_flow", "cp"]
    assert {n: i.dtype for n, i in spec.unused.items()} == {"profile": "list", "span": "object"}
    assert spec.outputs["rows"].dtype == "list"
    inside = [x for x in spec.ledger if ".profile.items" in x.path or ".span.properties" in x.path]
    assert len(inside) == 2
    assert all(x.fate == "ignored" for x in inside)


def test_a_parameter_may_be_named_by_its_type_alone() -> None:
    text = changed(A, "          cp:\n", '          hours: "number"\n          cp:\n')
    assert good(text).inputs["hours"].dtype == "float64"


def test_bounds_in_every_spelling() -> None:
    for written, side in (
        ("minimum: 1", "ge"),
        ("min: 1", "ge"),
        ("ge: 1", "ge"),
        ("exclusiveMinimum: 1", "gt"),
        ("exclusiveMinimum: true", "gt"),
        ("gt: 1", "gt"),
    ):
        extra = "            minimum: 1\n" if written.endswith("true") else ""
        text = A.replace("            minimum: 0\n", f"{extra}            {written}\n")
        assert getattr(good(text).inputs["mass_flow"], side) == 1, written


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("minimum: 0", "minimum: 0\n            ge: 1", "GLS019"),
        ("minimum: 0", "minimum: lots", "GLS012"),
        ("minimum: 0", "mininum: 0", "GLS010"),
        ("default: 4.18", "default: water", "GLS012"),
        ("default: 4.18", "default: 4.18\n            minimum: 5", "GLS021"),
        ('"mass_flow"]', '"mass_flow", "speed"]', "GLS011"),
        ('version: "1.0.0"', "version: 1.0", "GLS012"),
        ("industrial/heat_agent", "Industrial/Heat Agent", "GLS013"),
        ('type: "number"\n            description', "type: nubmer\n            description", "GLS012"),
        ("          heat_kw:", "          class:", "GLS015"),
    ],
)
def test_mistakes_are_errors(old: str, new: str, code: str) -> None:
    assert code in codes(changed(A, old, new))


def test_an_example_that_cannot_be_run_is_a_warning_and_left_out() -> None:
    text = changed(A, "input: {mass_flow: 2, cp: 4.18}", "input: {cp: 4.18, colour: red}")
    assert {d.severity for d in told(text, "GLS016")} == {"warning"}
    spec = good(text)
    assert spec.golden == ()
    assert all(x.fate == "ignored" for x in spec.ledger if ".example." in x.path and ".input" in x.path)


def test_a_tool_without_parameters_and_one_without_returns() -> None:
    text = A + '    - name: "now"\n      returns: {properties: {year: {type: integer}}}\n    - name: "nothing"\n'
    spec = good(text)
    assert [p.part for p in spec.parts] == ["heat_demand", "now"]
    assert spec.parts[1].inputs == {}
    assert told(text, "GLS027")[0].severity == "warning"


def test_two_tools_of_one_name_are_refused() -> None:
    assert "GLS003" in codes(A + SECOND.replace('"cost"', '"heat_demand"'))


def test_a_section_that_stands_twice_and_is_not_read_is_only_a_warning() -> None:
    text = A + "testing: {a: 1}\ntesting: {b: 2}\n"
    (finding,) = told(text, "GLS003")
    assert finding.severity == "warning"
    assert "GLS003" in codes(A + "tools: {tools_list: []}\n")


def test_dependencies_have_a_direction() -> None:
    text = changed(
        A,
        '  purpose: "Heat of a process."\n',
        "  dependencies:\n"
        "    - {agent_id: a/one, relationship: receives_data_from}\n"
        "    - {agent_id: a/two, relationship: provides_data_to}\n"
        "    - {agent_id: a/three, relationship: coordinates_with}\n",
    )
    assert {d.agent_id: d.relation for d in good(text).dependencies} == {
        "a/one": "needs",
        "a/two": "serves",
        "a/three": "beside",
    }


def test_all_mistakes_come_in_one_pass() -> None:
    text = A.replace('version: "1.0.0"', "version: 1").replace("minimum: 0", "minimum: lots")
    text = text.replace("default: 4.18", "default: water").replace('units: "kW"', 'unts: "kW"')
    found = {(d.code, d.line) for d in read(text.encode())[1] if d.severity == "error"}
    assert found == {("GLS012", 4), ("GLS012", 18), ("GLS012", 23), ("GLS010", 30)}


def test_real_files_are_accepted_with_their_tools(shared: Path) -> None:
    tools = {}
    for path in sorted((shared / "specs" / "agentspec_v2_sections").glob("*.yaml")):
        spec, findings = read(path.read_bytes(), path.name)
        assert spec is not None, [d.text(path.name) for d in findings if d.severity == "error"]
        tools[path.stem] = len(spec.parts)
        assert all(part.outputs for part in spec.parts)
    assert sum(tools.values()) == 43
