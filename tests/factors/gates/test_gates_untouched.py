"""The publishers' untouched files yield exactly the reviewed findings, whichever editions are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from greenlang._paths import data
from greenlang.factors import FactorTable
from greenlang.factors.catalogue import catalogue
from greenlang.factors.gates.all import GATES
from greenlang.factors.gates.columns import columns
from greenlang.factors.gates.concepts import comparable
from greenlang.factors.gates.run import gate_name, reviewed, run_gates

EDITIONS = tuple(edition.name for edition in catalogue() if not edition.cross_check)
PUBLISHERS = tuple(sorted({name.partition("/")[0] for name in EDITIONS}))
LATEST = {edition.name for edition in catalogue() if edition.latest}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("full_table")]  # one worker loads it


def test_exactly_the_reviewed_findings_no_more_and_no_fewer(untouched: FactorTable) -> None:
    report = run_gates(untouched, None)
    assert [finding.id for finding in report.open] == []
    assert report.vanished == ()
    assert {f.id for f in report.findings} == set(reviewed(data() / "emission_factors" / "findings"))
    assert 500 < len(report.findings) < 1000, "a list that people can review"
    assert all(finding.reason for finding in report.findings)
    assert {finding.gate for finding in report.findings} <= {gate_name(gate) for gate in GATES}


@pytest.mark.parametrize(
    "kept",
    [(), *((publisher,) for publisher in PUBLISHERS), tuple(p for p in PUBLISHERS if p != "unfccc")],
    ids=["embedded alone", *PUBLISHERS, "without unfccc"],
)
def test_a_part_of_the_publishers_blocks_nothing(
    without: Callable[[Sequence[str]], FactorTable], kept: tuple[str, ...]
) -> None:
    report = run_gates(without([name for name in EDITIONS if name.partition("/")[0] not in kept]), None)
    assert ([f.id for f in report.open], report.vanished) == ([], ())


@pytest.mark.parametrize(
    "dropped",
    [
        [name for name in EDITIONS if name not in LATEST],
        ["desnz/conversion-factors/2022", "epa/ghg-hub/2023", "owid/electricity/2024"],
        ["ademe/base-carbone/22.0", "desnz/conversion-factors/2024", "eea/electricity/electricity-generation-5"],
    ],
    ids=["the latest alone", "older ones missing", "some missing"],
)
def test_a_part_of_the_vintages_blocks_nothing(
    without: Callable[[Sequence[str]], FactorTable], dropped: list[str]
) -> None:
    report = run_gates(without(dropped), None)
    assert ([f.id for f in report.open], report.vanished) == ([], ())


def test_the_rows_that_the_data_readme_calls_broken_are_found_and_kept_out(untouched: FactorTable) -> None:
    excluded = run_gates(untouched, None).excluded
    for key in (
        "ademe/agribalyse/3.1/saumon-fume-emballage-corrige/26037/co2e-per-kg",
        "ademe/agribalyse/3.1/hareng-fume-a-l-huile-emballage-corrige/26232/co2e-per-kg",
        "ademe/agribalyse/3.1/hareng-fume-filet-doux-emballage-corrige/25998/co2e-per-kg",
        "ec/cbam-default-values/2025-2621/total/28041000/ml/co2e-per-t",
        "owid/electricity/2026/electricity/bi/2005/co2e-per-kwh",
    ):
        assert key in excluded, key


def test_every_pattern_of_the_concepts_fits_some_row(untouched: FactorTable) -> None:
    rows, declared = columns(untouched), comparable()
    patterns = [p for concept in declared.concepts for p in concept.figures]
    patterns += [p for family in declared.siblings for p in family.figures]
    for known in (*declared.zeros, *declared.negatives, *declared.labels, *declared.words, *declared.partial):
        patterns += known.figures
    patterns += [*declared.units, *declared.yearly, *declared.by_gas]
    assert [p.text for p in patterns if next(rows.matching(p), None) is None] == []


def test_a_second_release_of_the_same_rows_finds_nothing_new(untouched: FactorTable) -> None:
    report = run_gates(untouched, untouched)
    assert ([f.id for f in report.open], report.vanished) == ([], ())
    assert report.examined["against_previous_release"] == len(untouched)
