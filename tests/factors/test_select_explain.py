"""What `greenlang factors explain` and `search` print."""

from __future__ import annotations

import json

import pytest

from greenlang.cli.factors_explain import explain, print_hits
from greenlang.factors import FactorTable
from greenlang.factors.search import Search
from greenlang.factors.select import Request, Selector

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


def test_a_refusal_is_printed_with_its_mend_and_what_remains(capsys: pytest.CaptureFixture[str]) -> None:
    assert not explain(SELECTOR, TWO)
    out = capsys.readouterr().out
    for part in (
        "refused  2 rows remain",
        "mend     `calorific_basis` (HHV, LHV) decides",
        "ef://desnz/fuels/2025/natural-gas/co2e-per-kwh-gross",
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


def test_a_search_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    hits = Search(TABLE).find("hotel london", 3)
    print_hits("hotel london", hits)
    assert "ef://desnz/business-travel/2025/hotel-stay-uk-london/co2e-per-room-night" in capsys.readouterr().out
    print_hits("hotel london", hits, json=True)
    assert json.loads(capsys.readouterr().out)[0]["value"] == "11.5"
    print_hits("qqqq", ())
    assert "nothing is called `qqqq`" in capsys.readouterr().out
