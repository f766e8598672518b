"""The semantic difference of two specs, and the version step that it asks for: one case for each rule."""

from __future__ import annotations

import pytest

from greenlang.specs.convert import to_b
from greenlang.specs.diff import RULES, diff, enough, implied, next_version
from tests.specs.texts import SECOND, A, C, D, changed, good

BASE = """\
schema_version: "2.0.0"
id: test/agent_v1
name: Test
version: "1.2.3"
tags: [a]
compute:
  inputs:
    energy: {dtype: float64, unit: kWh, ge: 0, le: 100}
    share: {dtype: float64, unit: "1", default: 0.5}
    kind: {dtype: string, enum: [a, b], pattern: "^[a-z]$"}
    count: {dtype: int32}
    free: {dtype: float64, unit: kg, required: false}
  outputs:
    co2e: {dtype: float64, unit: kgCO2e, description: all of it}
  factors:
    grid: {ref: "ef://desnz/electricity/2025"}
  formulas:
    co2e: energy * factor(grid)
tests:
  properties:
    - {name: positive, rule: output.co2e >= 0}
provenance: {gwp_set: AR5}
"""


@pytest.mark.parametrize(
    ("old", "new", "bump", "said"),
    [
        ("test/agent_v1", "test/agent_v2", "major", "test/agent_v1 → test/agent_v2"),
        ("    count: {dtype: int32}\n", "", "major", "is gone"),
        (
            "    count: {dtype: int32}\n",
            "    count: {dtype: int32}\n    more: {dtype: int32}\n",
            "major",
            "must be given",
        ),
        ("    free:", "    other: {dtype: int32, required: false}\n    free:", "minor", "is new"),
        ("count: {dtype: int32}", "count: {dtype: float64}", "minor", "int32 → float64"),
        ("count: {dtype: int32}", "count: {dtype: string}", "major", "int32 → string"),
        ("unit: kWh", "unit: MWh", "major", "unit kWh → MWh"),
        ("unit: kWh", 'unit: "?"', "major", "unit kWh → unknown"),
        ("ge: 0, le: 100", "gt: 0, le: 100", "major", "lower bound narrowed"),
        ("ge: 0, le: 100", "ge: -1, le: 100", "minor", "lower bound widened"),
        ("ge: 0, le: 100", "ge: 0, le: 90", "major", "upper bound narrowed"),
        ("ge: 0, le: 100", "ge: 0", "minor", "upper bound widened"),
        ("enum: [a, b]", "enum: [a]", "major", "allowed values fewer"),
        ("enum: [a, b]", "enum: [a, b, c]", "minor", "allowed values more"),
        (', pattern: "^[a-z]$"', "", "minor", "pattern"),
        ('"^[a-z]$"', '"^[ab]$"', "major", "pattern"),
        ("default: 0.5", "default: 0.6", "major", "default 0.5 → 0.6"),
        (", default: 0.5", "", "major", "must be given now"),
        ("unit: kg, required: false", "unit: kg", "major", "must be given now"),
        ("count: {dtype: int32}", "count: {dtype: int32, required: false}", "minor", "may be left out now"),
        ("energy * factor(grid)", "energy * factor(grid) * 2", "major", "is computed by another formula"),
        ("energy * factor(grid)", "energy*factor( grid )", None, ""),
        ("energy * factor(grid)", "(energy) * (factor(grid))", None, ""),
        ("  formulas:\n    co2e: energy * factor(grid)\n", "", "major", "no formula is given any more"),
        ("electricity/2025", "electricity/2024", "major", "ef://desnz/electricity/2025 → ef://desnz/electricity/2024"),
        ("  formulas:", '    gas: {ref: "ef://desnz/fuels/2025"}\n  formulas:', "minor", "is new"),
        ("gwp_set: AR5", "gwp_set: AR6", "major", "AR5GWP100 → AR6GWP100"),
        ("name: Test", "name: Better", "patch", "changed"),
        ("tags: [a]", "tags: [b]", "patch", "changed"),
        ("all of it", "everything", "patch", "another description"),
        ("output.co2e >= 0", "output.co2e >= 1", "patch", "changed"),
        ('version: "1.2.3"', 'version: "1.2.4"', None, ""),
        ("name: Test", "name: Test   # a comment", None, ""),
    ],
)
def test_each_rule(old: str, new: str, bump: str | None, said: str) -> None:
    changes = diff(good(BASE), good(changed(BASE, old, new)))
    assert implied(changes) == bump
    assert said == "" or any(said in c.text for c in changes), changes
    assert bump or changes == ()


def test_a_unit_of_another_spelling_is_the_same() -> None:
    assert diff(good(BASE), good(changed(BASE, "unit: kWh", "unit: kilowatt_hour"))) == ()


def test_a_unit_that_somebody_states_is_a_minor_step() -> None:
    unknown = changed(BASE, "unit: kWh", 'unit: "?"')
    (change,) = diff(good(unknown), good(BASE))
    assert (change.bump, change.text) == ("minor", "is in kWh, which nobody had said")


def test_tools_come_and_go() -> None:
    two, other = good(A + SECOND), good(A + SECOND.replace('"cost"', '"price"'))
    assert [(c.bump, c.subject, c.text) for c in diff(two, other)] == [
        ("major", "part cost", "is gone"),
        ("minor", "part price", "is new"),
    ]


def test_a_method_in_prose_is_a_formula() -> None:
    assert implied(diff(good(A), good(changed(A, "× cp × 10", "× cp × 12")))) == "major"
    assert implied(diff(good(A), good(changed(A, "a handbook", "another one")))) is None


def test_an_equality_is_a_formula_where_no_other_is_given() -> None:
    stated = changed(BASE, "output.co2e >= 0", "output.co2e == input.energy * 2")
    assert implied(diff(good(stated), good(changed(stated, "* 2", "* 3")))) == "patch"
    free = changed(stated, "  formulas:\n    co2e: energy * factor(grid)\n", "")
    assert implied(diff(good(free), good(changed(free, "* 2", "* 3")))) == "major"
    assert implied(diff(good(free), good(changed(free, "name: positive", "name: other")))) == "patch"


def test_specs_of_two_dialects_are_compared_by_what_they_mean() -> None:
    (text,) = to_b(good(D)).files.values()
    assert diff(good(D), good(text)) == ()


@pytest.mark.parametrize("text", [A, C, D, BASE])
def test_a_spec_is_like_itself(text: str) -> None:
    assert diff(good(text), good(text)) == ()


@pytest.mark.parametrize(
    ("version", "bump", "least"),
    [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("0.2.3", "major", "0.3.0"),
        ("1.2.3-rc.1+b", "patch", "1.2.4"),
        ("1.2.3", None, "1.2.3"),
    ],
)
def test_the_least_version(version: str, bump: str | None, least: str) -> None:
    assert next_version(version, bump) == least  # type: ignore[arg-type]
    assert enough(version, least, bump)  # type: ignore[arg-type]
    assert enough(version, version, bump) is (bump is None)  # type: ignore[arg-type]


def test_the_table_of_the_docs_names_every_step() -> None:
    assert {bump for _, bump in RULES} == {"major", "minor", "patch"}
