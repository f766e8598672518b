"""Fail closed: every leaf of a file is used, ignored for a reason, or refused; whatever is done to the file."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenlang import _paths
from greenlang.specs.fix import meaning
from greenlang.specs.ledger import leaves
from greenlang.specs.reader import Report, report
from greenlang.specs.source import dotted, parse
from tests.specs.test_tables import FLEET
from tests.specs.texts import SECOND, A, C, D

TEXTS = {"A": A, "A of two tools": A + SECOND, "B": FLEET, "C": C, "D": D}
EXAMPLES = sorted((_paths.data() / "templates" / "specs" / "examples").glob("*.yaml"))


def accounted(data: bytes) -> Report:
    """A report whose ledger has one line for each leaf, each with its fate."""
    found = report(data)
    value = parse(data).value
    if isinstance(value, dict):
        assert [x.path for x in found.ledger] == [dotted(p) for p in leaves(value)]
        assert all(x.reason for x in found.ledger if x.fate != "used")
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_small_specs(name: str) -> None:
    assert accounted(TEXTS[name].encode()).spec is not None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name.split(".")[0])
def test_the_examples(path: Path) -> None:
    found = accounted(path.read_bytes())
    assert found.spec is not None
    assert found.spec.ledger == found.ledger


def test_real_files(shared: Path) -> None:
    for path in sorted((shared / "specs").rglob("*.yaml")):
        found = accounted(path.read_bytes())
        assert found.spec is not None or any(x.fate == "refused" for x in found.ledger), path.name


def test_a_refused_leaf_names_the_finding() -> None:
    found = report(A.replace("minimum: 0", "minimum: lots").encode())
    (line,) = [x for x in found.ledger if x.fate == "refused"]
    assert line.path.endswith("mass_flow.minimum")
    assert "must be a number" in line.reason


def _mutants(value: Any) -> list[tuple[str | int, ...]]:
    return list(leaves(value))


_NEW = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**9),
    st.text(alphabet="abc xyz_=[]{}:°²%/", max_size=12),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["type", "name", "required", "properties", "x"]), st.integers(0, 3), max_size=2),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TEXTS)), st.data())
def test_mutated_files_are_accounted_for_and_never_crash(name: str, data: st.DataObject) -> None:
    value = yaml.safe_load(TEXTS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(_mutants(value)))
        depth = data.draw(st.integers(1, len(path)))
        at: Any = value
        for part in path[: depth - 1]:
            at = at[part]
        action = data.draw(st.sampled_from(["change", "drop", "add"]))
        if action == "change":
            at[path[depth - 1]] = data.draw(_NEW)
        elif action == "drop" and isinstance(at, dict):
            del at[path[depth - 1]]
        elif isinstance(at, dict):
            at[data.draw(st.sampled_from(["unit", "extra", "type", "minimum", "tools", "requird"]))] = data.draw(_NEW)
        if not value:
            break
    found = accounted(yaml.safe_dump(value, allow_unicode=True, sort_keys=False).encode())
    assert found.spec is not None or any(d.severity == "error" for d in found.diagnostics)


@pytest.mark.parametrize("name", TEXTS)
def test_a_used_leaf_has_an_effect_and_an_ignored_one_has_none(name: str) -> None:
    """Each leaf is changed in turn: what counts shows in the spec or in a finding, what is ignored in neither."""
    value = yaml.safe_load(TEXTS[name])
    before = report(yaml.safe_dump(value, allow_unicode=True, sort_keys=False).encode())
    assert before.spec is not None
    for path, line in zip(leaves(value), before.ledger, strict=True):
        other = copy.deepcopy(value)
        at = other
        for part in path[:-1]:
            at = at[part]
        old = at[path[-1]]
        at[path[-1]] = _other(old)
        after = report(yaml.safe_dump(other, allow_unicode=True, sort_keys=False).encode())
        same = after.spec is not None and meaning(after.spec) == meaning(before.spec)
        told = {(d.code, d.message) for d in after.diagnostics} == {(d.code, d.message) for d in before.diagnostics}
        if line.fate == "ignored" and not line.path.startswith(_KEPT):
            assert same, line
            assert told, line
        elif line.fate == "used" and not line.path.endswith(_TWICE):
            assert not (same and told), line


_KEPT = ("ai.", "factors[0].value", "factors[0].unit", "factors[1].value", "factors[1].unit")  # kept as claims
_TWICE = (".required", ".required[0]")  # said in the parameter and in the list of its object


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return "zz" if value is None else f"{value}zz"
