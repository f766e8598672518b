"""Reading specs: scalars, positions, dialect B, speed of refusal, and that nothing crashes the reader."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang import _paths
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import VERSION, read, violates
from greenlang.specs.source import MAX_DEPTH, parse

EXAMPLES = _paths.data() / "templates" / "specs" / "examples"


def test_yaml_means_what_it_says() -> None:
    document = parse(b"a: NO\nb: 1e-6\nc: 0.10\nd: yes\ne: true\nf: ~\ng: '1'\nh: 007\n")
    assert document.value == {
        "a": "NO",
        "b": Decimal("0.000001"),
        "c": Decimal("0.10"),
        "d": "yes",
        "e": True,
        "f": None,
        "g": "1",
        "h": "007",  # a code, or a number that YAML 1.1 reads as octal
    }


def test_json_is_read_with_its_escapes_of_two_surrogates_and_keeps_its_places() -> None:
    written = rb'{"a \ud83d\ude00\uD83D\uDE01": "\\\ud83c\udf31 caf\u00e9", "b": "\\ud83d\\ude00", "c": 1}'
    document = parse(written)
    assert document.value == {"a \U0001f600\U0001f601": "\\\U0001f331 caf\u00e9", "b": r"\ud83d\ude00", "c": 1}
    assert document.place(("c",)) == (1, written.index(b'"c"') + 1)


def test_two_surrogates_are_no_escape_where_the_text_is_no_json() -> None:
    assert parse(rb"a: '\ud83d\ude00'").value == {"a": r"\ud83d\ude00"}


@pytest.mark.parametrize("text", [r'a: "C:\data"', r'a: "\u12g4"', r'{"a": "\ud83d"}'])
def test_a_backslash_that_begins_no_escape_is_told_as_such(text: str) -> None:
    (finding,) = parse(text.encode()).diagnostics
    assert (finding.code, finding.line) == ("GLS002", 1)
    assert "backslash" in finding.message
    assert "single quotes" in finding.hint


def test_places_are_those_of_the_keys() -> None:
    document = parse(b"a:\n  b:\n    - c: 1\n")
    assert document.place(("a", "b", 0, "c")) == (3, 7)
    assert document.place(("a", "x")) == (1, 1)


def test_tags_and_recursive_aliases_are_refused() -> None:
    assert parse(b"a: !!python/object:os.system 1\n").diagnostics[0].code == "GLS012"
    assert parse(b"a: &a [*a]\n").diagnostics[0].code == "GLS005"


def test_deep_nesting_is_refused() -> None:
    assert parse(b"[" * 900 + b"]" * 900).diagnostics[0].code in {"GLS002", "GLS007"}


@pytest.mark.parametrize("levels", [1_000, 20_000, 40_000, 900_000])
@pytest.mark.parametrize("shape", ["[", "{a: ", "- ", "? "])
def test_no_depth_crashes_the_reader(shape: str, levels: int) -> None:
    document = parse((shape * (levels // len(shape))).encode())
    assert [d.code for d in document.diagnostics] == ["GLS002"]
    assert document.diagnostics[0].line == 1
    assert document.diagnostics[0].column == len(shape) * MAX_DEPTH + 1


def test_the_depth_allowed_is_read_also_through_aliases() -> None:
    inner = "[" * (MAX_DEPTH - 2) + "1" + "]" * (MAX_DEPTH - 2)
    assert parse(f"a: {inner}\n".encode()).diagnostics == ()
    twice = f"a: &a {inner}\nb: [[[*a]]]\n"
    assert {d.code for d in parse(twice.encode()).diagnostics} == {"GLS002"}


@pytest.mark.parametrize(
    "number",
    ["9e999999", "1e61", "-1e-61", "9" * 61, "0." + "1" * 61, "1e" + "9" * 30, "9" * 500_000, "0e999999"],
)
def test_numbers_nobody_can_calculate_with_are_refused(number: str) -> None:
    document = parse(f"a: {number}\nb: '{number}'\n".encode())
    assert [(d.code, d.line, d.path) for d in document.diagnostics] == [("GLS012", 1, "a")]
    assert document.value == {"a": None, "b": number}


@pytest.mark.parametrize("number", ["1e60", "-1e-60", "9" * 60, "0.0", "0"])
def test_numbers_of_any_measurement_are_read(number: str) -> None:
    assert parse(f"a: {number}\n".encode()).value == {"a": Decimal(number)}


def _spec(text: str = "", inputs: str = "", **parts: str) -> AgentSpec:
    """The spec of a small file that must be good, with more inputs, more of ``compute`` and more sections."""
    data = f"""\
schema_version: "2.0.0"
id: test/agent_v1
name: Test
version: "1.0.0"
compute:
  inputs:
    energy: {{dtype: float64, unit: kWh}}
    {inputs}
  outputs:
    co2e: {{dtype: float64, unit: kgCO2e}}
  {parts.get("compute", "")}
{text}"""
    spec, findings = read(data.encode())
    assert spec is not None, findings
    return spec


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("provenance", "pin_ef", "false"),
        ("provenance", "ef_version_pin", "'2024-10'"),
        ("provenance", "citation_required", "false"),
        ("provenance", "enable_audit", "false"),
        ("compute", "deterministic", "true"),
        ("compute", "timeout_s", "30"),
        ("compute", "memory_limit_mb", "512"),
    ],
)
def test_the_ledger_does_not_claim_keys_without_effect(section: str, key: str, value: str) -> None:
    spec = _spec(compute=f"{key}: {value}") if section == "compute" else _spec(f"{section}: {{{key}: {value}}}")
    line = next(line for line in spec.ledger if line.path == f"{section}.{key}")
    assert line.fate == "ignored"
    assert line.reason


@pytest.mark.parametrize("written", ["AR6", "ar6gwp100", "AR6-GWP-100", "AR6 100"])
def test_a_gwp_set_means_the_same_wherever_it_stands(written: str) -> None:
    spec = _spec(
        f"provenance: {{gwp_set: {written}}}",
        compute=f"factors: {{grid: {{ref: 'ef://desnz/electricity/2025', gwp_set: {written}}}}}",
    )
    assert spec.gwp_set == spec.factors["grid"].gwp_set == "AR6GWP100"


def test_both_forms_of_references_and_formulas_are_read() -> None:
    mapping = _spec(compute="factors: {grid: {ref: 'ef://desnz/electricity/2025'}}")
    listed = _spec(compute="factors: [{name: grid, ref: 'ef://desnz/electricity/2025'}]")
    assert mapping.factors["grid"].ref == listed.factors["grid"].ref
    assert _spec(compute="factors:").factors == {}
    short, long = _spec(compute="formulas: {co2e: energy}"), _spec(compute="formulas: {co2e: {expression: energy}}")
    assert short.formulas["co2e"].expression == long.formulas["co2e"].expression == "energy"


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0-rc.1", "1.0.0-0A.x-y+build.001", "10.20.30+-"])
def test_semantic_versions_are_accepted(version: str) -> None:
    assert VERSION.match(version)


@pytest.mark.parametrize(
    "version", ["1.0", "01.0.0", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "1.0.0+", "1.0.0+a..b", "1.0.0-a_b", "1.0.0\n"]
)
def test_other_versions_are_refused(version: str) -> None:
    assert not VERSION.match(version)


def test_a_pattern_that_would_hang_other_engines_is_answered_at_once() -> None:
    item = _spec(inputs="code: {dtype: string, pattern: '^(a+)+$'}").inputs["code"]
    assert violates(item, "aaa") == ""
    assert violates(item, "a" * 50_000 + "!") == "does not match ^(a+)+$"


def test_real_dialect_b_files_are_read(shared: Path) -> None:
    for path in sorted((shared / "specs" / "pack_compute").glob("*.yaml")):
        spec, findings = read(path.read_bytes())
        assert spec is not None, findings
        assert spec.dialect == "B"


def test_the_partition_key_names_the_bytes() -> None:
    data = (EXAMPLES / "boiler.pack.yaml").read_bytes()
    a, _ = read(data)
    b, _ = read(data + b"\n# a comment\n")
    assert a is not None
    assert b is not None
    assert a.partition.startswith("buildings/gas_boiler_uk_v1@1.0.0-")
    assert a.partition != b.partition
    assert a.slug == a.partition.replace("/", ".")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PATHS = st.sampled_from(
    [
        ("id",),
        ("version",),
        ("compute",),
        ("compute", "inputs"),
        ("compute", "outputs"),
        ("compute", "factors"),
        ("compute", "formulas"),
        ("tests",),
        ("provenance",),
        ("compute", "inputs", "useful_heat"),
        ("tags",),
    ]
)


@settings(max_examples=200, deadline=None)
@given(_PATHS, _VALUES)
def test_any_value_anywhere_is_read_or_refused_with_a_code(path: tuple[str, ...], value: object) -> None:
    import yaml

    raw = yaml.safe_load((EXAMPLES / "boiler.pack.yaml").read_text())
    at = raw
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    spec, findings = read(yaml.safe_dump(raw, allow_unicode=True).encode())
    assert spec is not None or any(d.severity == "error" and d.code.startswith("GLS0") for d in findings)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_code(data: bytes) -> None:
    spec, findings = read(data)
    assert spec is None
    assert findings
