"""The ladder over the real gateway: recorded once, replayed offline, and held to its budget."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.llm.cassettes import Cassettes
from greenlang.llm.disclosing import for_artifact
from greenlang.llm.gateway import Gateway
from greenlang.provenance import canonical
from greenlang.quality.repair import RepairOutcome, repair
from tests.llm.ground import Script, gateway
from tests.quality.repair.light import Bench

WRONG, RIGHT = "return co2_kg - ch4_kg * gwp_ch4", "return co2_kg + ch4_kg * gwp_ch4"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench("combustion", tmp_path)
    made.damage("{p}/tools.py", RIGHT, WRONG)
    return made


def reply(bench: Bench, new: str, file: str = "{p}/tools.py", old: str = WRONG) -> str:
    path = file.format(p=bench.package)
    patch = {"file": path, "line": 1, "old": old, "new": new, "explanation": "as the plan says"}
    return f'{{"patches": [{json.dumps(patch)}]}}'


def climb(bench: Bench, model: Gateway, **more: Any) -> RepairOutcome:
    return repair(bench.request(explain=False, **more), try_pack=bench.judge, model=model)


def test_a_repair_is_recorded_once_and_replayed_offline_with_the_same_result(bench, tmp_path):
    wire = Script([reply(bench, RIGHT)])
    live = climb(bench, gateway(tmp_path, wire))
    assert live.repaired
    assert live.usd > 0
    assert live.folder is not None
    mended = (live.folder / f"{bench.package}/tools.py").read_bytes()
    silent = Script([RuntimeError("nobody may be called")])
    again = climb(bench, gateway(tmp_path, silent, llm="replay"))
    assert again.repaired
    assert again.folder is not None
    assert (again.folder / f"{bench.package}/tools.py").read_bytes() == mended
    assert (silent.calls, again.usd) == ([], Decimal(0))
    assert again.recorded_usd == live.usd
    assert again.disclosures[0].replayed
    assert canonical(live.attested()) == canonical(again.attested())
    model = live.attested()["models"][0]
    assert (model["model"], model["prompt"]) == ("gpt-4.1-real", "code_repair@1")
    assert {"requested", "accepted", "dropped", "fingerprint", "price_map_digest"} <= model.keys()
    assert live.attested()["changes"][0]["rung"] == "code"


def test_a_rebuild_beside_other_neighbours_is_the_same_and_free(bench, tmp_path):
    """The registry grows between a night and the next; what it holds is sent as examples and is no question."""
    wire = Script([reply(bench, "pass", "tests/test_golden.py", "assert result.errors == ()"), reply(bench, RIGHT)])
    live = climb(bench, gateway(tmp_path, wire), examples=("an agent of the first night",))
    assert live.repaired
    assert all("an agent of the first night" in call[2][1]["content"] for call in wire.calls)
    silent = Script([RuntimeError("nobody may be called")])
    again = climb(bench, gateway(tmp_path, silent, llm="replay"), examples=("another agent", "and one more"))
    assert (again.repaired, again.usd, silent.calls) == (True, Decimal(0), [])
    assert live.folder is not None
    assert again.folder is not None
    assert for_artifact(live.disclosures[0]) == for_artifact(again.disclosures[0])
    store = Cassettes(tmp_path / "var" / "cassettes")
    assert store.verify() == []
    kept = [json.loads(store.path(name).read_bytes()) for name in store.names()]
    assert all("an agent of the first night" in str(one["sent"]) for one in kept)
    assert not any("an agent of the first night" in str(one["messages"]) for one in kept)


def test_a_replay_without_a_cassette_ends_in_quarantine_and_calls_nobody(bench, tmp_path):
    silent = Script([RuntimeError("nobody may be called")])
    outcome = climb(bench, gateway(tmp_path, silent, llm="replay"))
    assert (outcome.status, silent.calls) == ("quarantined", [])
    assert "no cassette holds" in next(a.reason for a in outcome.attempts if a.rung == "code")


def test_a_reply_out_of_bounds_is_asked_again_and_the_better_one_taken(bench, tmp_path):
    wire = Script([reply(bench, "pass", "tests/test_golden.py", "assert result.errors == ()"), reply(bench, RIGHT)])
    outcome = climb(bench, gateway(tmp_path, wire))
    assert outcome.repaired
    assert len(wire.calls) == 2
    assert "none of the files that a repair may touch" in wire.calls[1][2][-1]["content"]


@pytest.mark.parametrize(("limit", "word"), [({"llm_budget_usd": Decimal(0)}, "USD"), ({"llm_rounds": 0}, "rounds")])
def test_budget_and_rounds_of_the_gateway_end_the_ladder_before_a_call(bench, tmp_path, limit, word):
    wire = Script([reply(bench, RIGHT)])
    outcome = climb(bench, gateway(tmp_path, wire, **limit))
    assert (outcome.status, wire.calls) == ("exhausted", [])
    assert word in outcome.reason
    assert outcome.dossier is not None


def test_the_prompt_is_the_same_wherever_the_pack_lies(bench, tmp_path):
    other = Bench("combustion", tmp_path / "elsewhere" / "on" / "another" / "machine")
    other.damage("{p}/tools.py", RIGHT, WRONG)
    first, second = (Script([reply(b, RIGHT)]) for b in (bench, other))
    climb(bench, gateway(tmp_path, first))
    climb(other, gateway(tmp_path / "second", second))
    assert first.calls[0][2] == second.calls[0][2]
