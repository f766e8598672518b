"""Mutants: each differs from its file in one place, tells nothing by its id, and shows in some answer."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk.canonical import digest

from greenlang.factors.model import Factor
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.quality.mutation import OPERATORS, Mutant, mutants
from greenlang.quality.mutation.choose import CONTROLS, CONTROLS_OF_ALL, choose
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.trial import MutantResult
from tests.factory.conftest import BUILDERS, factor

COMPUTES = ("tools.py", "agent.py", "models.py", "factors.json")


@pytest.fixture(scope="module")
def combustion() -> Resolution:
    return BUILDERS["combustion"]()


def files_of(resolution: Resolution) -> dict[str, bytes]:
    head = f"{package_name(resolution.spec)}/"
    return {p: d for p, d in generate(resolution).items() if p.startswith(head) and p.endswith(COMPUTES)}


def neighbours(row: Mapping[str, Any]) -> Iterable[Factor]:
    """A row of the edition before, for natural gas only."""
    if row["activity"] == "natural-gas" and row["gas"] == "CO2":
        yield replace(factor("natural-gas", "CO2", "53.02", "kgCO2/mmBtu"), key="epa/older", vintage="2018")


@cache
def every(name: str) -> tuple[Mutant, ...]:
    resolution = BUILDERS[name]()
    return choose(resolution, files_of(resolution), alternatives=neighbours, limit=None)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_mutant_differs_from_its_file_in_one_place(name: str) -> None:
    files = files_of(BUILDERS[name]())
    for mutant in every(name):
        old, new = files[mutant.path], mutant.file.content
        assert old != new
        head = next(i for i in range(len(old) + 1) if old[: i + 1] != new[: i + 1])
        assert old[:head].count(b"\n") + 1 >= mutant.line
        if mutant.path.endswith(".py"):
            ast.parse(new)


def test_every_operator_finds_a_place_in_the_golden_packs() -> None:
    found = {mutant.operator for name in BUILDERS for mutant in every(name)}
    assert {operator.name for operator in OPERATORS} <= found


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_ids_are_all_different_and_alike_for_controls(name: str) -> None:
    ids = [mutant.id for mutant in every(name)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    controls = [mutant for mutant in every(name) if mutant.file.control]
    assert len(controls) == CONTROLS_OF_ALL
    assert {len(mutant.id) for mutant in every(name)} == {16}


def test_controls_are_the_same_code_but_for_layout_and_names(combustion: Resolution) -> None:
    files = files_of(combustion)
    for mutant in every("combustion"):
        if mutant.file.control:
            before, after = ast.parse(files[mutant.path]), ast.parse(mutant.file.content)
            nodes = [[type(n).__name__ for n in ast.walk(tree)] for tree in (before, after)]
            assert nodes[0] == nodes[1]


def test_a_sample_is_the_same_each_time_and_spread_over_the_operators(combustion: Resolution) -> None:
    files = files_of(combustion)
    first = choose(combustion, files, alternatives=neighbours, limit=20)
    assert first == choose(combustion, files, alternatives=neighbours, limit=20)
    counted = [m for m in first if not m.file.control]
    assert len(counted) == 20
    assert len(first) - len(counted) == CONTROLS
    operators = {m.operator for m in every("combustion") if not m.file.control}
    assert {m.operator for m in counted} == operators
    assert {m.id for m in first} <= {m.id for m in every("combustion")}
    other = replace(combustion, spec=replace(combustion.spec, digest="f" * 64))
    assert {m.after for m in choose(other, files, limit=20)} != {m.after for m in first}


def test_pinned_rows_keep_true_digests() -> None:
    for mutant in every("combustion"):
        if mutant.path.endswith("factors.json"):
            for row in json.loads(mutant.file.content)["factors"]:
                assert digest({k: v for k, v in row.items() if k != "digest"}) == row["digest"]


def test_a_row_of_another_year_is_a_real_row(combustion: Resolution) -> None:
    found = [m for m in every("combustion") if m.operator.startswith("factor") and "2018" in m.after]
    assert [(m.before, m.after) for m in found] == [("2024 US 53.06 kgCO2/mmBtu", "2018 US 53.02 kgCO2/mmBtu")]
    without = choose(combustion, files_of(combustion), limit=None)
    assert not [m for m in without if "2018" in m.after]


def test_a_potential_becomes_that_of_another_set() -> None:
    found = {m.after for m in every("combustion") if m.operator == "GWP set swapped"}
    assert found == {"25 (AR4GWP100)", "28 (AR5GWP100)"}


def test_a_conversion_is_made_the_wrong_way_round() -> None:
    found = [m.after for m in every("combustion") if m.operator == "unit swapped" and m.before.startswith("Decimal")]
    assert 'Decimal("1000")' in found  # g per kg for kg per g


Changed = Callable[[str], str]


def after_of(name: str, operator: str) -> set[str]:
    return {m.after for m in every(name) if m.operator == operator}


@pytest.mark.parametrize(
    ("name", "operator", "after"),
    [
        ("combustion", "sign", "return co2_kg - ch4_kg * gwp_ch4"),
        ("combustion", "dropped term", "co2_kg"),
        ("combustion", "off by 1000", "(co2_kg + ch4_kg * gwp_ch4) * 1000"),
        ("heat_pump", "boundary", 'return "good" if cop > 3 else \'"poor"\''),
        ("heat_pump", "branches swapped", '\'"poor"\' if cop >= 3 else "good"'),
        ("heat_pump", "operands swapped", "(units * 3) / power(cop, Decimal(2))"),
        ("odd", "boundary", "return emissions <= limit"),
        ("smallest", "dropped term", "a"),
        ("smallest", "rounding", "b=round_output(b, 7),"),
    ],
)
def test_what_a_slip_looks_like(name: str, operator: str, after: str) -> None:
    assert after in {text.strip() for text in after_of(name, operator)}, after_of(name, operator)


def test_what_provably_changes_no_figure_is_left_out() -> None:
    """Sums have no order: exchanging two terms of one weight is no mutant."""
    swapped = [m for m in every("smallest") if m.operator == "arguments swapped"]
    assert swapped == []
    contributions = [m for m in every("constant") if m.operator == "arguments swapped"]
    assert all("first_source" in m.before for m in contributions)


def test_mutants_of_a_pack_on_disk_are_those_of_its_files(combustion: Resolution, tmp_path: Path) -> None:
    write_pack(generate(combustion), tmp_path / "pack")
    found = mutants(combustion, tmp_path / "pack", package_name(combustion.spec), alternatives=neighbours, limit=None)
    assert found == every("combustion")


def test_no_mutant_is_of_a_file_that_computes_nothing() -> None:
    assert {Path(m.path).name for name in BUILDERS for m in every(name)} == set(COMPUTES)


def test_a_line_of_the_report_says_what_became_of_it() -> None:
    mutant = every("smallest")[0]
    assert mutant.told().outcome == "not run"
    line = mutant.told(MutantResult(mutant.id, "killed", "tests/test_unit.py::test_a"))
    assert (line.outcome, line.by, line.operator) == ("killed", "tests/test_unit.py::test_a", mutant.operator)


def test_a_thousandfold_is_a_thousand_times_as_much() -> None:
    for mutant in every("heat_pump"):
        if mutant.operator == "off by 1000" and mutant.before.lstrip("-").isdigit():
            assert Decimal(mutant.after.removeprefix('Decimal("').removesuffix('")')) == Decimal(mutant.before) * 1000


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"factors": [{"key": 1}], "tables": []}'])
def test_a_table_that_is_none_has_no_mutants_and_stops_none(broken: bytes, combustion: Resolution) -> None:
    files = files_of(combustion)
    path = next(path for path in files if path.endswith("factors.json"))
    found = choose(combustion, files | {path: broken}, limit=None)
    assert found
    assert all(mutant.path != path for mutant in found)
