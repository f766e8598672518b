"""What the gates found is read again about the very same candidate only; about any other, they run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from greenlang import sync
from greenlang._paths import data
from greenlang.factors import Factor, FactorTable
from greenlang.factors.gates import kept
from greenlang.factors.gates.report import Report
from greenlang.factors.release import Candidate, ReleaseBlocked
from greenlang.factors.storage import arrow_table, write_arrow
from greenlang.settings import Settings
from tests.factors.gates.plant import BASE, times

GAS = "desnz/fuels/2025/natural-gas/co2e-per-kwh-gross"
WRONG_GAS = tuple(times(BASE, 1000, GAS))  # a factor-1000 slip


class Runs(list[int]):
    """How many rows the gates looked at, run by run."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", workers=1)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    counted, run_gates = Runs(), sync.run_gates

    def counting(table: FactorTable, before: FactorTable | None) -> Report:
        counted.append(len(table))
        return run_gates(table, before)

    monkeypatch.setattr(sync, "run_gates", counting)
    return counted


@pytest.fixture
def candidate(settings: Settings) -> Candidate:
    """The embedded base, on its way to a release."""
    return sync.releases(settings).prepare([], BASE)


def replaced(candidate: Candidate, rows: Iterable[Factor], digest: str) -> None:
    """Other rows in the candidate's file, under that digest."""
    write_arrow(arrow_table(list(rows)), candidate.parquet, release="candidate", digest=digest)


@pytest.mark.usefixtures("candidate")
def test_the_same_candidate_is_judged_once(settings: Settings, runs: Runs) -> None:
    first, again = sync.judge(settings), sync.judge(settings)
    assert (first.kept, again.kept) == (False, True)
    assert again == first
    assert first.compared
    assert runs == [len(BASE)]


@pytest.mark.usefixtures("candidate")
def test_what_the_checks_found_is_what_the_release_holds(settings: Settings, runs: Runs) -> None:
    report = sync.judge(settings)
    release = sync.publish(settings)
    assert len(runs) == 1
    assert release.findings_list() == [finding.as_dict() for finding in report.findings]
    checked = release.table().standings()
    assert sum(standing.checked for standing in checked) == len(report.compared)


def test_reading_a_candidate_again_keeps_its_report(settings: Settings, candidate: Candidate, runs: Runs) -> None:
    sync.judge(settings)
    assert sync.releases(settings).prepare([], BASE).digest == candidate.digest
    assert sync.judge(settings).kept
    assert len(runs) == 1


def test_the_report_of_an_altered_candidate_is_not_taken(settings: Settings, candidate: Candidate, runs: Runs) -> None:
    assert not sync.judge(settings).open
    # even where the file says that it holds the same rows
    replaced(candidate, WRONG_GAS, candidate.digest)
    report = sync.judge(settings)
    assert len(runs) == 2
    assert f"unit_scale {GAS}" in {finding.id for finding in report.open}


def test_a_fault_that_is_planted_after_the_checks_still_blocks_the_release(
    settings: Settings, candidate: Candidate
) -> None:
    assert not sync.judge(settings).open
    replaced(candidate, WRONG_GAS, FactorTable(WRONG_GAS, "candidate").digest)
    with pytest.raises(ReleaseBlocked, match="findings that nobody has reviewed"):
        sync.publish(settings)
    assert sync.releases(settings).names() == []


def test_a_kept_report_blocks_as_well(settings: Settings, candidate: Candidate, runs: Runs) -> None:
    replaced(candidate, WRONG_GAS, FactorTable(WRONG_GAS, "candidate").digest)
    assert sync.judge(settings).open
    with pytest.raises(ReleaseBlocked, match="findings that nobody has reviewed"):
        sync.publish(settings)
    assert len(runs) == 1


@pytest.mark.usefixtures("candidate")
def test_another_release_before_is_another_question(settings: Settings, runs: Runs) -> None:
    sync.publish(settings)
    assert not sync.judge(settings).kept
    assert sync.judge(settings).kept
    assert len(runs) == 2


@pytest.mark.usefixtures("candidate")
def test_other_rules_are_another_question(settings: Settings, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.judge(settings)
    monkeypatch.setattr(kept, "rules_digest", lambda findings: "other rules")
    assert not sync.judge(settings).kept
    assert len(runs) == 2


def forged(path: Path) -> None:
    """A report in which one finding is struck out."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    metadata = dict(table.schema.metadata)
    content = json.loads(metadata[b"greenlang.report"])
    del content["findings"][0]
    metadata[b"greenlang.report"] = json.dumps(content).encode()
    pq.write_table(table.replace_schema_metadata(metadata), path)


def without_a_key(path: Path) -> None:
    """A report by which one row less was compared."""
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(path).slice(1), path)


@pytest.mark.parametrize(
    "damage",
    [
        forged,
        without_a_key,
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
    ids=["finding struck out", "key left out", "cut short", "empty", "gone"],
)
@pytest.mark.usefixtures("candidate")
def test_a_report_that_is_not_as_it_was_written_is_not_taken(
    settings: Settings, runs: Runs, damage: Callable[[Path], Any]
) -> None:
    first = sync.judge(settings)
    damage(settings.var / "factors" / "candidate" / kept.FILE_NAME)
    again = sync.judge(settings)
    assert (again, again.kept) == (first, False)
    assert len(runs) == 2


@pytest.fixture
def copied(tmp_path: Path) -> tuple[Path, Path]:
    """The package's factors and units, and the declarations, in a folder of their own."""
    package, tables = tmp_path / "greenlang", tmp_path / "emission_factors"
    source = Path(sync.__file__).parent
    shutil.copytree(source / "factors", package / "factors", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(source / "units.py", package / "units.py")
    shutil.copytree(data() / "emission_factors", tables)
    return package, tables


@pytest.mark.parametrize(
    ("place", "counts"),
    [
        ("greenlang/factors/gates/slips.py", True),
        ("greenlang/factors/gates/all.py", True),
        ("greenlang/factors/table.py", True),
        ("greenlang/units.py", True),
        ("emission_factors/concepts.yaml", True),
        ("emission_factors/sources/owid_electricity.yaml", True),
        ("emission_factors/formulas/carbon/combustion.yaml", False),
    ],
)
def test_a_changed_gate_or_limit_changes_the_digest_of_the_rules(
    copied: tuple[Path, Path], tmp_path: Path, place: str, counts: bool
) -> None:
    before = kept.code_digest(*copied)
    assert kept.code_digest(*copied) == before
    path = tmp_path / place
    path.write_text(f"{path.read_text()}\n# changed\n")
    assert (kept.code_digest(*copied) != before) is counts


def test_a_changed_decision_changes_the_digest_of_the_rules(tmp_path: Path) -> None:
    findings = tmp_path / "findings"
    shutil.copytree(data() / "emission_factors" / "findings", findings)
    before = kept.rules_digest(findings)
    assert before == kept.rules_digest(data() / "emission_factors" / "findings")
    path = findings / "epa.yaml"
    path.write_text(path.read_text().replace("decision: keep", "decision: exclude", 1))
    changed = kept.rules_digest(findings)
    path.unlink()
    assert len({before, changed, kept.rules_digest(findings)}) == 3
