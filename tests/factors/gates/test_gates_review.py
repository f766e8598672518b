"""The reviewed list: decisions hold for the figures they were made about, and for as long as these are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors import Factor, FactorTable
from greenlang.factors._yaml import read_yaml
from greenlang.factors.gates.concepts import comparable
from greenlang.factors.gates.page import page
from greenlang.factors.gates.report import Finding, Report
from greenlang.factors.gates.run import reviewed, run_gates
from tests.factors.gates.plant import figure

Small = Callable[[Iterable[Factor]], FactorTable]
KEY = "desnz/conversion-factors/2025/fuels/x/co2e-per-kwh"
OTHER = "eea/electricity/some/electricity/x/co2e-per-kwh"


def gate(*found: Finding) -> Callable[[FactorTable, FactorTable | None], tuple[list[Finding], set[str]]]:
    def some_gate(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
        del before
        return [finding for finding in found if table.get(finding.key)], set()

    return some_gate


def write(folder: Path, text: str, name: str = "desnz.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def entry(seen: str = "1", more: str = "", key: str = KEY, decision: str = "keep") -> str:
    return f"some_gate:\n- decision: {decision}\n  reason: It is so.\n{more}  keys:\n    {key}: '{seen}'\n"


@pytest.fixture
def table(small: Small) -> FactorTable:
    return small([figure(KEY, "1", unit="kgCO2e/kWh"), figure(OTHER, "1", unit="kgCO2e/kWh")])


def judged(table: FactorTable, folder: Path, *found: Finding) -> Report:
    return run_gates(table, None, (gate(*found),), folder)


def test_a_finding_that_nobody_decided_on_is_open(table: FactorTable, tmp_path: Path) -> None:
    report = judged(table, tmp_path, Finding("some_gate", KEY, "odd", seen="1"))
    assert [finding.id for finding in report.open] == [f"some_gate {KEY}"]
    assert "nobody has reviewed: some_gate" in report.sentence()


def test_a_decision_gives_its_reason(table: FactorTable, tmp_path: Path) -> None:
    report = judged(table, write(tmp_path, entry(decision="exclude")), Finding("some_gate", KEY, "odd", seen="1"))
    assert (report.open, report.vanished) == ((), ())
    assert report.findings[0].reason == "It is so."
    assert report.excluded == {KEY: f"some_gate {KEY}"}


def test_rows_may_fall_with_another(table: FactorTable, tmp_path: Path) -> None:
    text = entry(decision="exclude", more=f"  also:\n  - {OTHER}\n")
    report = judged(table, write(tmp_path, text), Finding("some_gate", KEY, "odd", seen="1"))
    assert report.excluded == {KEY: f"some_gate {KEY}", OTHER: f"some_gate {KEY}"}
    assert report.findings[0].as_dict()["also"] == OTHER


def test_a_decision_holds_only_for_the_figure_that_it_was_made_about(table: FactorTable, tmp_path: Path) -> None:
    report = judged(table, write(tmp_path, entry(seen="2")), Finding("some_gate", KEY, "odd", seen="1"))
    assert report.open[0].message == "odd (it was reviewed as `2`)"
    assert report.vanished == ()


def test_a_decision_whose_finding_is_gone_has_vanished(table: FactorTable, tmp_path: Path) -> None:
    assert judged(table, write(tmp_path, entry())).vanished == (f"some_gate {KEY}",)


@pytest.mark.parametrize(
    "needed", ["desnz/conversion-factors/2024", "owid/electricity", "eea/electricity/some, owid/electricity"]
)
def test_it_has_not_vanished_where_what_it_was_compared_with_is_not_loaded(
    table: FactorTable, tmp_path: Path, needed: str
) -> None:
    assert judged(table, write(tmp_path, entry(more=f"  against: {needed}\n"))).vanished == ()


def test_it_has_vanished_where_all_that_it_was_compared_with_is_loaded(table: FactorTable, tmp_path: Path) -> None:
    folder = write(tmp_path, entry(more="  against: eea/electricity/some\n"))
    assert judged(table, folder).vanished == (f"some_gate {KEY}",)


def test_it_has_not_vanished_where_the_row_is_not_loaded_or_the_gate_did_not_run(small: Small, tmp_path: Path) -> None:
    assert judged(small([]), write(tmp_path, entry())).vanished == ()
    other = write(tmp_path, entry().replace("some_gate", "another_gate"))
    assert judged(small([figure(KEY, "1", unit="kgCO2e/kWh")]), other).vanished == ()


def test_what_depends_on_the_release_before_never_vanishes(table: FactorTable, tmp_path: Path) -> None:
    from greenlang.factors.gates.vintages import against_previous_release

    folder = write(tmp_path, entry().replace("some_gate", "against_previous_release"))
    assert run_gates(table, None, (against_previous_release,), folder).vanished == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("some_gate:\n- decision: keep\n  keys: {a/b/c/d: '1'}\n", "an entry has"),
        (entry(decision="perhaps"), "an entry has"),
        (entry(more="  why: x\n"), "an entry has"),
        (entry().replace("It is so.", "''"), "needs its reason"),
        ("some_gate:\n- decision: keep\n  reason: x\n  keys: [a/b/c/d]\n", "what was seen"),
        (
            entry() + f"other_gate:\n- decision: keep\n  reason: x\n  keys:\n    {KEY}: '1'\n    {KEY}: '2'\n",
            "stands twice",
        ),
    ],
)
def test_a_decision_that_is_not_whole_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FactorTableError, match=says):
        reviewed(write(tmp_path, text))


def test_a_finding_is_decided_once(tmp_path: Path) -> None:
    write(tmp_path, entry(), "a.yaml")
    with pytest.raises(FactorTableError, match="decided twice"):
        reviewed(write(tmp_path, entry(), "b.yaml"))


def test_every_file_of_decisions_is_its_publishers() -> None:
    for path in sorted((data() / "emission_factors" / "findings").glob("*.yaml")):
        content = read_yaml(path)
        keys = {key for entries in content.values() for entry in entries for key in entry["keys"]}
        assert {key.partition("/")[0] for key in keys} == {path.stem}
        assert len({reason["reason"] for entries in content.values() for reason in entries}) < 60, "grouped by cause"


def test_the_declarations_are_read_once_and_checked(tmp_path: Path) -> None:
    declared = comparable()
    assert declared.vintages["epa/supply-chain"] > declared.vintages[""]
    assert all(concept.ratio > 1 and concept.per for concept in declared.concepts)
    path = write(tmp_path, "rounding: []\nsurprise: 1\n", "concepts.yaml") / "concepts.yaml"
    with pytest.raises(FactorTableError, match="surprise"):
        comparable(path)
    path = write(tmp_path, "rounding: []\n", "less.yaml") / "less.yaml"
    with pytest.raises(FactorTableError, match="less"):
        comparable(path)


def test_the_page_is_up_to_date() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs" / "plausibility.md"
    assert docs.read_text(encoding="utf-8") == page(), "run: python -m tools.docs"
