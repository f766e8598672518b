"""`greenlang llm`: the commands, on a folder of their own and without any key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.llm.ask import Answer, Ask
from greenlang.llm.gateway import Gateway
from greenlang.llm.replies import OverlayProposal
from tests.llm.ground import KEY, Script, gateway, question

PROSE = """\
schema_version: "2.0.0"
id: "demo/boiler_v1"
name: "Boiler"
version: "1.0.0"
summary: "Emissions of a boiler."
tags: [boiler]
owners: ["@energy"]
license: "Apache-2.0"
compute:
  inputs:
    fuel: {dtype: float64, unit: kWh, ge: 0}
    rate: {dtype: float64, unit: kgCO2/kWh, ge: 0}
  outputs:
    co2: {dtype: float64, unit: kgCO2}
"""


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["--var", str(folder / "var"), "llm", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GREENLANG_LLM"):
        monkeypatch.delenv(name, raising=False)


def test_status_tells_which_providers_have_a_key_and_never_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = run(tmp_path, "status")
    assert code == 0
    assert "no provider has a key" in out
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code, out, err = run(tmp_path, "status", "--json")
    told = json.loads(out)
    assert [(p["provider"], p["key"]) for p in told["providers"]] == [
        ("anthropic", "not set"),
        ("openai", "set"),
        ("google", "not set"),
    ]
    assert (told["mode"], told["budget_usd"], told["rounds"]) == ("record", "5", 3)
    assert KEY not in out + err


def test_recorded_replies_go_from_one_folder_to_another(tmp_path: Path) -> None:
    gateway(tmp_path / "one").ask(question())
    file = tmp_path / "cassettes.jsonl"
    assert run(tmp_path / "one", "cassettes", "export", str(file))[:2] == (0, f"1 recorded replies in {file}\n")
    assert run(tmp_path / "two", "cassettes", "import", str(file))[:2] == (0, "1 new, 0 there already\n")
    assert run(tmp_path / "two", "cassettes", "import", str(file))[:2] == (0, "0 new, 1 there already\n")
    assert run(tmp_path / "two", "cassettes", "verify")[:2] == (0, "1 recorded replies are as they were recorded\n")
    assert isinstance(gateway(tmp_path / "two", llm="replay").ask(question()), Answer)


def test_verify_fails_for_a_changed_recording_and_an_import_refuses_it(tmp_path: Path) -> None:
    gateway(tmp_path).ask(question())
    path = next((tmp_path / "var" / "cassettes").rglob("*.json"))
    path.write_bytes(path.read_bytes().replace(b"Boiler", b"Kettle"))
    code, _, err = run(tmp_path, "cassettes", "verify")
    assert code == 1
    assert "its reply was changed" in err
    code, _, err = run(tmp_path, "cassettes", "import", str(path))
    assert code == 2
    assert "line 1" in err


def test_usage_adds_up_calls_and_replays(tmp_path: Path) -> None:
    with gateway(tmp_path) as model:
        for _ in range(3):
            model.ask(question())
    code, out, _ = run(tmp_path, "usage", "--json")
    assert code == 0
    assert json.loads(out) == [
        {
            "partition": "boiler@1.0.0-12345678",
            "stage": "doc_generation",
            "provider": "openai",
            "model": "gpt-4.1-real",
            "calls": 1,
            "replayed": 2,
            "failed": 0,
            "tokens": 120,
            "cost_usd": "0.0006",
            "estimated_usd": "0",
        }
    ]


def test_usage_before_the_first_question(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    assert run(tmp_path, "usage")[:2] == (0, "no model was asked yet\n")


def test_a_proposal_needs_a_model_and_says_so(tmp_path: Path) -> None:
    spec = tmp_path / "boiler.yaml"
    spec.write_text(PROSE)
    code, out, err = run(tmp_path, "propose-overlay", str(spec))
    assert (code, out) == (1, "")
    assert "no provider of language models has a key" in err
    assert run(tmp_path, "describe", str(spec))[0] == 1
    assert "set one of ANTHROPIC_API_KEY" in err


def test_a_proposed_overlay_is_a_draft_that_the_factory_refuses_until_it_is_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "boiler.yaml"
    spec.write_text(PROSE.replace("Emissions of a boiler.", "The co2 is the fuel multiplied by its going rate."))
    reply = {
        "formulas": [{"output": "co2", "expression": "fuel * rate", "quote": "the fuel multiplied by its going rate"}]
    }
    asked: list[Ask[OverlayProposal]] = []
    made = gateway(tmp_path, Script([json.dumps(reply)]))

    def ask(self: Gateway, q: Ask[OverlayProposal]) -> object:
        asked.append(q)
        return real(made, q)

    real = Gateway.ask
    monkeypatch.setattr(Gateway, "ask", ask)
    out = tmp_path / "boiler.overlay.yaml"
    code, _, err = run(tmp_path, "propose-overlay", str(spec), "-o", str(tmp_path / "draft.yaml"))
    assert code == 0, err
    assert "proposed by openai gpt-4.1-real (overlay_proposal@1)" in err
    out.write_bytes((tmp_path / "draft.yaml").read_bytes())
    assert "expression: fuel * rate" in out.read_text()
    validate = ["--var", str(tmp_path / "var"), "agent", "validate", str(spec)]
    unsigned = CliRunner().invoke(app, validate)
    assert unsigned.exit_code == 1
    assert "GLS082" in unsigned.stdout + unsigned.stderr
    out.write_text(out.read_text().replace("by: ''", "by: A. Reviewer"))
    signed = CliRunner().invoke(app, validate)
    assert signed.exit_code == 0, signed.stdout + signed.stderr


def test_names_for_people_are_proposed_and_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "boiler.yaml"
    spec.write_text(PROSE)
    reply = {"title": "Boiler", "summary": "CO2 of a boiler.", "inputs": {"fuel": "What is burnt."}}
    made, real = gateway(tmp_path, Script([json.dumps(reply)])), Gateway.ask
    monkeypatch.setattr(Gateway, "ask", lambda self, q: real(made, q))
    code, out, err = run(tmp_path, "describe", str(spec), "--json", "--samples", "3")
    assert code == 0
    assert "1 different texts in 3 of 3 samples" in err
    kept = [json.loads(p.read_bytes()) for p in (tmp_path / "var" / "llm" / "stability").iterdir()]
    assert [(k["asked"], k["answered"], k["texts"], k["stable"]) for k in kept] == [(3, 3, 1, None)]
    assert json.loads(out)["title"] == "Boiler"
    assert spec.read_text() == PROSE
