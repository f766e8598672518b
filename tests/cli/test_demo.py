"""`greenlang demo`: what it says of the sandbox, of agents that did not make it, and where to read on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from greenlang.cli import demo
from greenlang.sandbox.verdict import Profile
from greenlang.settings import Settings

KEY = "heat/pump@1.0.0-bbbbbbbb"


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=80, highlight=False)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_weak_profile_says_each_weakness_and_a_missing_layer_is_noted(console: Console) -> None:
    weak = Profile("weak", ("rlimits",), ("reads [of files] are refused in Python only",), ("bubblewrap: not there",))
    demo._confinement(weak, console)
    assert said(console).splitlines() == [
        "Sandbox profile: weak (rlimits)",
        "  weak: reads [of files] are refused in Python only",
        "  note: bubblewrap: not there",
    ]


def test_an_agent_that_is_not_registered_is_told_with_its_report_and_dossier(tmp_path: Path, console: Console) -> None:
    found = Settings(var=tmp_path)
    row = {"agent_id": "heat/pump", "file": "pump.yaml", "key": KEY, "outcome": "quarantined", "reason": "tests [x]"}
    demo._not_registered(found, [row], console)
    assert said(console) == "heat/pump: quarantined: tests [x]\n", "no page is named that is not there"

    pages = [
        tmp_path / "reports/heat.pump@1.0.0-bbbbbbbb/index.html",
        tmp_path / "dossiers/heat.pump@1.0.0-bbbbbbbb/dossier.md",
    ]
    for page in pages:
        page.parent.mkdir(parents=True)
        page.write_text("page")
    demo._not_registered(found, [row], console)
    assert said(console).splitlines()[-2:] == [f"  report: {pages[0]}", f"  dossier: {pages[1]}"]


def test_the_end_names_a_report_that_can_be_read(tmp_path: Path, console: Console) -> None:
    key = "emissions/carbon_calculator_v1@1.0.0-01234567"
    pack = tmp_path / "packs/emissions.carbon_calculator_v1@1.0.0-01234567"
    (pack / "tests").mkdir(parents=True)
    (pack / "tests/vectors.json").write_text('{"base": {"kwh": "1"}}')
    (pack / "gl_carbon").mkdir()
    demo._what_next(
        Settings(var=tmp_path), [{"agent_id": key.partition("@")[0], "key": key, "outcome": "registered"}], console
    )
    assert f"{tmp_path}/reports/emissions.carbon_calculator_v1@1.0.0-01234567/index.html" in said(console)
    assert 'agent/bin/python -m gl_carbon \'{"kwh": "1"}\'' in said(console)
