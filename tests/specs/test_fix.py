"""``--fix``: what needs no judgement is repaired in the author's text; the meaning stays, twice is once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.specs.fix import fix, meaning
from greenlang.specs.reader import read, report
from tests.specs.texts import A, C, D, changed

B = """\
# a boiler
schema_version: "2.0.0"
id: "test/agent_v1"
name: Test   # said aloud
version: "1.0.0"
compute:
  inputs:
    energy: {type: number, units: "kg CO2e/sqft", minimum: 0, maximum: 10}   # kept
    code:
      dtype: string
      default: 7        # a text
      enum: [7, eight]
  outputs:
    co2e: {dtype: float64, unit: kgCO2e}
"""


def fixed(text: str) -> str:
    done = fix(text.encode())
    assert fix(done.data).changes == ()
    assert fix(done.data).data == done.data
    return done.data.decode()


def test_spellings_of_dialect_b_types_units_and_quotes() -> None:
    assert read(B.encode())[0] is None
    new = fixed(B)
    assert new == B.replace("type: number", "dtype: float64").replace(
        'units: "kg CO2e/sqft"', 'unit: "kgCO2e/ft^2"'
    ).replace("minimum: 0, maximum: 10", "ge: 0, le: 10").replace("default: 7 ", 'default: "7" ').replace(
        "enum: [7, eight]", 'enum: ["7", eight]'
    )
    spec, findings = read(new.encode())
    assert spec is not None, findings


def test_every_repair_is_told_with_its_line() -> None:
    changes = fix(B.encode()).changes
    assert all(change.startswith("line ") for change in changes)
    assert any("`compute.inputs.energy.minimum` is called `ge`" in change for change in changes)


def test_required_in_a_parameter_moves_to_the_list_of_its_object() -> None:
    new = fixed(A)
    assert new == A.replace("            required: true\n", "")
    before, after = read(A.encode())[0], read(new.encode())[0]
    assert before is not None
    assert after is not None
    assert meaning(before) == meaning(after)


def test_a_list_of_what_is_required_is_written_or_completed() -> None:
    text = changed(A, '        required: ["mass_flow"]\n', "        required: []\n")
    assert '        required: ["mass_flow"]\n' in fixed(text)
    text = changed(A, '        required: ["mass_flow"]\n', "")
    new = fixed(text)
    assert '        required: ["mass_flow"]\n        properties:\n' in new
    assert "required: true" not in new
    spec = read(new.encode())[0]
    assert spec is not None
    assert spec.inputs["mass_flow"].required


def test_a_comment_behind_what_goes_stays() -> None:
    text = changed(A, "            required: true\n", "            required: true  # the flow must be known\n")
    assert "  # the flow must be known\n" in fixed(text)


def test_flow_style_loses_its_key_and_one_comma() -> None:
    text = changed(
        A,
        '            units: "kJ/(kg·K)"\n',
        '            units: "kJ/(kg·K)"\n'
        "          c: {type: number, required: true}\n"
        "          d: {required: true, type: number}\n",
    ).replace('required: ["mass_flow"]', 'required: ["mass_flow", "c", "d"]')
    text = text.replace("            default: 4.18\n", "").replace(
        "{mass_flow: 2, cp: 4.18}", "{mass_flow: 2, c: 1, d: 1}"
    )
    new = fixed(text)
    assert "c: {type: number}" in new
    assert "d: {type: number}" in new


def test_a_key_that_stands_twice_with_one_value_stands_once() -> None:
    text = changed(D, "license: Apache-2.0\n", "license: Apache-2.0\nlicense: Apache-2.0\n")
    assert fixed(text) == D
    other = changed(D, "license: Apache-2.0\n", "license: Apache-2.0\nlicense: MIT\n")
    assert fixed(other) == other


def test_yes_is_true_where_a_truth_value_is_expected() -> None:
    text = changed(A, "            required: true\n", "            required: yes\n")
    assert "yes" not in fixed(text)
    assert read(fixed(text).encode())[0] is not None


@pytest.mark.parametrize("text", [A, C, D, "a: [1", "", "- 1\n", "hello: world\n"])
def test_what_cannot_be_repaired_stays_as_it_is(text: str) -> None:
    new = fix(text.encode()).data
    assert new == text.encode() or text == A


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    text = ("\ufeff" + A.replace("\n", "\r\n")).encode()
    new = fix(text).data
    assert new.startswith(b"\xef\xbb\xbf")
    assert b"required: true" not in new
    assert new.count(b"\r\n") == new.count(b"\n")


def test_judgement_is_left_to_the_author() -> None:
    for text in (
        changed(A, "minimum: 0", "minimum: 9\n            maximum: 1"),
        changed(A, '            units: "kW"', '            units: "tons"'),
        changed(D, "version: 1.0.0", "version: one"),
    ):
        assert "tons" not in text or "tons" in fixed(text)
        before = {d.code for d in report(text.encode()).diagnostics if d.severity == "error"}
        after = {d.code for d in report(fixed(text).encode()).diagnostics if d.severity == "error"}
        assert before == after


def test_real_files_keep_their_meaning(shared: Path) -> None:
    for path in sorted((shared / "specs").rglob("*.yaml")):
        data = path.read_bytes()
        done = fix(data)
        before, after = read(data)[0], read(done.data)[0]
        assert fix(done.data).data == done.data, path.name
        assert (before is None) == (after is None), path.name
        if before is not None and after is not None:
            assert meaning(before) == meaning(after), path.name


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([A, B, C, D]), st.data())
def test_never_another_meaning_and_never_twice(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    action = data.draw(st.sampled_from(["drop", "double", "comment", "yes"]))
    line = lines[at]
    new = {"drop": [], "double": [line, line], "comment": [line + "  # why"], "yes": [line.replace("true", "yes")]}[
        action
    ]
    changed_text = "\n".join([*lines[:at], *new, *lines[at + 1 :]])
    done = fix(changed_text.encode())
    assert fix(done.data).data == done.data
    before, after = read(changed_text.encode())[0], read(done.data)[0]
    if before is not None:
        assert after is not None
        assert meaning(before) == meaning(after)
    try:
        assert (yaml.safe_load(changed_text) is None) == (yaml.safe_load(done.data) is None)
    except yaml.YAMLError:
        assert done.changes == ()
