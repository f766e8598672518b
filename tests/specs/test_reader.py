"""Reading specs: scalars, positions, the ledger, speed of refusal, and that nothing crashes the reader."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang import _paths
from greenlang.specs.reader import read
from greenlang.specs.source import parse

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
        "h": 7,
    }


def test_places_are_those_of_the_keys() -> None:
    document = parse(b"a:\n  b:\n    - c: 1\n")
    assert document.place(("a", "b", 0, "c")) == (3, 7)
    assert document.place(("a", "x")) == (1, 1)


def test_tags_and_recursive_aliases_are_refused() -> None:
    assert parse(b"a: !!python/object:os.system 1\n").diagnostics[0].code == "GLS012"
    assert parse(b"a: &a [*a]\n").diagnostics[0].code == "GLS005"


def test_deep_nesting_is_refused() -> None:
    assert parse(b"[" * 900 + b"]" * 900).diagnostics[0].code in {"GLS002", "GLS007"}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda p: p.name.split(".")[0])
def test_the_ledger_accounts_for_every_key(path: Path) -> None:
    spec, findings = read(path.read_bytes())
    assert spec is not None
    assert findings == ()
    leaves = {line.path for line in spec.ledger}

    def keys(value: object, at: str = "") -> list[str]:
        if isinstance(value, dict) and value:
            return [k for name, v in value.items() for k in keys(v, f"{at}.{name}" if at else name)]
        return [at]

    for key in keys(parse(path.read_bytes()).value):
        assert any(key == leaf or key.startswith(f"{leaf}.") for leaf in leaves), key
    assert all(line.reason for line in spec.ledger if line.fate == "ignored")


@pytest.mark.parametrize(
    ("folder", "letter"),
    [
        ("agentspec_v2_sections", "A"),
        ("pack_agents", "C"),
        ("pack_schema_1_0", "D"),
        ("solution_pack", "E"),
        ("stubs", "F"),
    ],
)
def test_real_files_of_other_dialects_are_recognised(shared: Path, folder: str, letter: str) -> None:
    for path in sorted((shared / "specs" / folder).glob("*.yaml")):
        spec, findings = read(path.read_bytes())
        assert spec is None
        assert any(d.code == "GLS008" and d.message.startswith(f"dialect {letter}:") for d in findings), path.name


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
