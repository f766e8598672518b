"""What `greenlang factors explain` and `search` print."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from greenlang.cli.factors_explain import explain, print_hits
from greenlang.factors import FactorTable
from greenlang.factors.search import Search
from greenlang.factors.select import Request, Selector
from tests.factors.rows import row, table

TABLE = FactorTable.load()
SELECTOR = Selector(TABLE)
GAS = Request(activity="natural gas", region="US-CA", year=2025, per="kWh", gas="CO2", relax_region=True)
TWO = Request(activity="natural gas", region="GB", year=2025, per="kWh")


def test_an_answer_is_printed_with_its_steps_and_what_was_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(SELECTOR, GAS, rejected=5)
    out = capsys.readouterr().out
    for part in (
        f"factor        ef://epa/stationary-combustion/2025/natural-gas/co2-per-mmbtu@{TABLE.release}",
        "as published  53.06 kgCO2/mmBtu",
        "relaxed       region US-CA to US",
        "the publisher's path",
        "region and year",
        "gas is CH4",
        "16 rows were rejected; 5 are listed",
    ):
        assert part in out


def test_a_warning_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    whole = row("owid/electricity/2026/electricity/x", boundary="life-cycle", data_year=2022, region="DE")
    asked = Request(activity="electricity", region="DE", year=2022)
    assert explain(Selector(table(whole)), asked)
    out = capsys.readouterr().out
    assert "warning   boundary was not said:" in out
    assert "boundary  life-cycle" in out
    explain(Selector(table(whole)), asked, json=True)
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 1


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize("asked", [GAS, TWO, Request(activity="electricity", region="CAMX"), Request(activity="coal")])
def test_nothing_is_wider_than_the_terminal_but_a_reference(
    columns: int, asked: Request, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    explain(SELECTOR, asked)
    wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > columns]
    assert all(len(line.split("  ")[-1].split()) == 1 for line in wide)  # one word, which cannot be folded


def test_rejected_rows_stand_under_their_first_reason(capsys: pytest.CaptureFixture[str]) -> None:
    gas = row("desnz/fuels/2025/gas/x", reporting_year=2025)
    both = replace(gas, key="desnz/fuels/2025/gas/y", gas="CH4", boundary="WTT", unit="kgCH4/kWh")
    one = replace(gas, key="desnz/fuels/2025/gas/z", boundary="WTT")
    explain(Selector(table(gas, both, one)), Request(activity="gas", boundary=""))
    out = capsys.readouterr().out
    assert "each by its first reason in the order of the steps" in out
    assert "gas is CH4:\n  ef://desnz/fuels/2025/gas/y\n\nboundary is WTT:\n  ef://desnz/fuels/2025/gas/z\n" in out
    assert out.count("ef://desnz/fuels/2025/gas/y") == 1


def test_a_refusal_is_printed_with_its_mend_and_what_remains(capsys: pytest.CaptureFixture[str]) -> None:
    assert not explain(SELECTOR, TWO)
    out = capsys.readouterr().out
    for part in (
        "refused  2 rows remain",
        "mend     `calorific_basis` (HHV, LHV) decides",
        "ef://desnz/fuels/2025/natural-gas/co2e-per-kwh-gross",
        "0.18296 kgCO2e/kWh, GB, TTW, HHV, AR5GWP100",
        "2 rows remain: nothing is picked",
    ):
        assert part in out


def test_both_are_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    explain(SELECTOR, GAS, json=True, rejected=2)
    found = json.loads(capsys.readouterr().out)
    assert found["value"] == "0.1810482350537685982776421480555532"
    assert len(found["rejected_rows"]) == 2
    assert sum(found["rejected"].values()) == 16
    explain(SELECTOR, TWO, json=True)
    refused = json.loads(capsys.readouterr().out)
    assert refused["words"] == {"calorific_basis": ["HHV", "LHV"]}
    assert len(refused["candidates"]) == 2
    assert [mend["say"] for mend in refused["mends"]] == [{"calorific_basis": "HHV"}, {"calorific_basis": "LHV"}]


def test_a_search_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    hits = Search(TABLE).find("hotel london", 3)
    print_hits("hotel london", hits)
    assert "ef://desnz/business-travel/2025/hotel-stay-uk-london/co2e-per-room-night" in capsys.readouterr().out
    print_hits("hotel london", hits, json=True)
    assert json.loads(capsys.readouterr().out)[0]["value"] == "11.5"
    print_hits("qqqq", ())
    assert "nothing is called `qqqq`" in capsys.readouterr().out


def test_a_search_says_which_rows_are_not_eligible_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    live, archived = row("ademe/bc/22/lorry/a/x"), row("ademe/bc/22/lorry/b/x", status="archived")
    hits = Search(table(live, archived)).find("lorry")
    print_hits("lorry", hits)
    out = capsys.readouterr().out.splitlines()
    assert [("archived" in line) for line in out if "ef://" in line] == [False, True]
    assert "A word under `standing` says why that row is not eligible by default." in out
    print_hits("lorry", hits, json=True)
    assert [hit["standing"] for hit in json.loads(capsys.readouterr().out)] == ["", "archived"]
    print_hits("lorry", hits[:1])
    assert "A word under" not in capsys.readouterr().out
