"""The gateway with a wire of its own: modes, cassettes, rounds, budget, limits, and what is disclosed."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.errors import TemplateError
from greenlang.llm.ask import Answer, Ask, NoAnswer
from greenlang.llm.config import Gateways
from greenlang.llm.disclosing import for_artifact
from greenlang.llm.gateway import Gateway
from greenlang.llm.naming import naming
from greenlang.llm.replies import CodeRepair, NamesAndDocs
from greenlang.llm.stability import expression_behaviour, stability
from greenlang.llm.wire import Said, Trouble
from greenlang.provenance import canonical
from greenlang.settings import Settings
from tests.llm.ground import GOOD, KEY, Clock, Script, gateway, provider, question, settings

ROOT = Path(__file__).resolve().parents[2]
PATCH = '{"patches": [{"file": "a.py", "line": 1, "old": "x", "new": "y", "explanation": "z"}]}'


def answered(outcome: Answer[Any] | NoAnswer) -> Answer[Any]:
    assert isinstance(outcome, Answer), outcome
    return outcome


def refused(outcome: Answer[Any] | NoAnswer) -> NoAnswer:
    assert isinstance(outcome, NoAnswer), outcome
    return outcome


def repair(text: str, **more: Any) -> Ask[CodeRepair]:
    values = {"failures": text, "files": [], "plan": [], "history": [], "references": []}
    return Ask("code_repair", values, CodeRepair, agent="a", stage="refinement", **more)


def test_without_a_key_a_question_says_what_would_help(tmp_path: Path) -> None:
    model = Gateway(settings(tmp_path), environment={})
    none = refused(model.ask(question()))
    assert none.why == "no_model"
    assert "ANTHROPIC_API_KEY" in none.hint


def test_without_a_key_recorded_replies_still_answer(tmp_path: Path) -> None:
    before = answered(gateway(tmp_path).ask(question()))
    after = answered(Gateway(settings(tmp_path), environment={}).ask(question()))
    assert after.value == before.value
    assert after.disclosure.replayed


def test_replay_never_calls_and_names_what_is_missing(tmp_path: Path) -> None:
    wire = Script([GOOD])
    none = refused(gateway(tmp_path, wire, llm="replay").ask(question()))
    assert none.why == "not_recorded"
    assert "names_and_docs@1, sample 0" in none.reason
    assert wire.calls == []


def test_the_environment_of_ci_forbids_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANG_LLM", "replay")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-planted-0123456789abcdef")
    wire = Script([GOOD])
    model = Gateway(Settings(var=tmp_path / "var"), wire=wire)
    assert refused(model.ask(question())).why == "not_recorded"
    assert wire.calls == []
    assert model.caller.providers == ()  # a key that is set is not even read


def test_ci_runs_with_that_environment() -> None:
    assert "export GREENLANG_LLM=replay" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_a_live_call_fails_the_test_that_makes_it(tmp_path: Path) -> None:
    """Through litellm itself, to the built-in provider: what would be a call never leaves this machine."""
    model = Gateway(settings(tmp_path, llm="live"), environment={"ANTHROPIC_API_KEY": KEY})
    with pytest.raises(pytest.fail.Exception, match=r"beyond this machine: api\.anthropic\.com"):
        model.ask(question())


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("example.com", 443), ("2001:db8::1", 443)])
def test_nothing_beyond_this_machine_is_reached(address: tuple[str, int]) -> None:
    with pytest.raises(pytest.fail.Exception, match="beyond this machine"):
        socket.create_connection(address, timeout=0.01)


def test_without_litellm_a_question_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlang.llm.wire.find_spec", lambda _: None)
    none = refused(Gateway(settings(tmp_path), environment={"ANTHROPIC_API_KEY": KEY}).ask(question()))
    assert none.why == "no_model"
    assert "greenlang[llm]" in none.hint


def test_a_rebuild_from_cassettes_is_offline_and_identical(tmp_path: Path) -> None:
    """Recorded by a fall-back, exported, imported elsewhere, replayed with another configuration: the same bytes."""
    config = Gateways(providers=(provider("first", retries={"attempts": 1}), provider("second")))
    wire = Script([Trouble("failed", "500: boom"), "no JSON", Trouble("failed", "500: boom"), GOOD])
    first = gateway(tmp_path / "one", wire, config=config)
    recorded = answered(first.ask(question()))
    assert recorded.disclosure.provider == "second"
    first.cassettes.export(tmp_path / "cassettes.jsonl")
    other = Script(["never said"])
    second = gateway(tmp_path / "two", other, config=Gateways(providers=(provider("third"),)), llm="replay")
    second.cassettes.take(tmp_path / "cassettes.jsonl")
    replayed = answered(second.ask(question()))
    assert other.calls == []
    assert replayed.value == recorded.value
    assert canonical(for_artifact(replayed.disclosure)) == canonical(for_artifact(recorded.disclosure))
    assert replayed.disclosure.reasks == 1


def test_a_reply_that_never_fitted_is_replayed_as_such(tmp_path: Path) -> None:
    wire = Script(["no"])
    before = refused(gateway(tmp_path, wire).ask(question()))
    after = refused(gateway(tmp_path, wire).ask(question()))
    assert (before.why, before.reason) == (after.why, after.reason)
    assert len(wire.calls) == 3  # all of the first run: asked, and asked again twice


def test_live_asks_anew_and_replaces(tmp_path: Path) -> None:
    answered(gateway(tmp_path).ask(question()))
    newer = '{"title": "Newer", "summary": "S"}'
    assert answered(gateway(tmp_path, Script([newer]), llm="live").ask(question())).value.title == "Newer"
    assert answered(gateway(tmp_path, llm="replay").ask(question())).value.title == "Newer"


def test_a_changed_cassette_is_no_answer(tmp_path: Path) -> None:
    model = gateway(tmp_path)
    answered(model.ask(question()))
    path = next((tmp_path / "var" / "cassettes").rglob("*.json"))
    path.write_bytes(path.read_bytes().replace(b"Boiler", b"Kettle"))
    none = refused(model.ask(question()))
    assert none.why == "not_recorded"
    assert "verify" in none.hint


def test_another_reply_type_is_another_request(tmp_path: Path) -> None:
    class Other(NamesAndDocs):
        pass

    wire = Script([GOOD])
    model = gateway(tmp_path, wire)
    answered(model.ask(question()))
    answered(model.ask(replace(question(), reply=Other)))
    assert len(wire.calls) == 2


def test_a_budget_ends_in_a_typed_answer_before_a_call(tmp_path: Path) -> None:
    wire = Script([GOOD])
    none = refused(gateway(tmp_path, wire, llm_budget_usd=Decimal("0.01")).ask(question()))
    assert none.why == "budget"
    assert "0.010000 USD of the agent's 0.01" in none.reason
    assert wire.calls == []


def test_spending_is_what_was_used_and_not_what_was_reserved(tmp_path: Path) -> None:
    model = gateway(tmp_path)
    told = answered(model.ask(question())).disclosure
    account = model.accounts.account(question().agent)
    assert account.spent == told.cost_usd == (100 * Decimal(3) + 20 * Decimal(15)) / 10**6
    assert account.reserved == 0


def test_a_budget_holds_between_threads(tmp_path: Path) -> None:
    """Nearly seven cents are reserved for each question and six are used: never more than the limit."""
    wire = Script([Said(GOOD, "m", "stop", "", 10_000, 2_000)])
    model = gateway(tmp_path, wire, llm_budget_usd=Decimal("0.2"))
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(model.ask, [question(f"q{n}") for n in range(12)]))
    assert {o.why for o in outcomes if isinstance(o, NoAnswer)} == {"budget"}
    assert model.accounts.account(question().agent).spent == Decimal("0.06") * len(wire.calls)
    assert model.accounts.account(question().agent).spent <= Decimal("0.2")
    assert 1 <= len(wire.calls) <= 3


def test_one_request_from_many_threads_is_one_call(tmp_path: Path) -> None:
    wire = Script([GOOD])
    model = gateway(tmp_path, wire)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(model.ask, [question()] * 12))
    assert len(wire.calls) == 1


def test_rounds_end_in_a_typed_answer_and_explanations_use_none(tmp_path: Path) -> None:
    wire = Script([PATCH])
    model = gateway(tmp_path, wire)
    for n in range(3):
        answered(model.ask(repair(f"failure {n}")))
    answered(model.ask(repair("failure 1", sample=4)))  # another sample of a round that was begun
    none = refused(model.ask(repair("failure 3")))
    assert none.why == "rounds"
    assert "all 3 rounds of refinement" in none.reason
    answered(model.ask(repair("failure 0")))  # replayed
    answered(gateway(tmp_path).ask(replace(question(), agent="a", stage="refinement")))  # names are no round


def test_an_unknown_price_is_no_free_call(tmp_path: Path) -> None:
    wire = Script([GOOD], price_=None)
    none = refused(gateway(tmp_path, wire).ask(question()))
    assert none.why == "unavailable"
    assert "its price is not known" in none.reason
    assert wire.calls == []


def test_tokens_that_nobody_counted_cost_the_worst_case(tmp_path: Path) -> None:
    told = answered(gateway(tmp_path, Script([Said(GOOD, "m")])).ask(question())).disclosure
    assert told.completion_tokens == 4096
    assert "usage" in told.dropped


def test_a_limit_per_minute_is_waited_for_or_handed_over(tmp_path: Path) -> None:
    clock = Clock()
    slow = provider("slow", requests_per_minute=1)
    model = gateway(tmp_path, clock=clock, config=Gateways(providers=(slow,)))
    for n in range(3):
        answered(model.ask(question(f"q{n}")))
    assert clock.waits == [60, 60]
    config = Gateways(providers=(slow, provider("other")), longest_wait=10)
    handed = answered(gateway(tmp_path, clock=clock, config=config).ask(question("q9")))
    assert handed.disclosure.provider == "other"
    assert "limit per minute" in handed.disclosure.fallbacks[0]


def test_backoff_draws_from_nothing_up_to_a_growing_bound(tmp_path: Path) -> None:
    clock = Clock()
    wire = Script([Trouble("failed", "500")])
    config = Gateways(
        providers=(provider(retries={"attempts": 7, "base": 1, "longest": 10}),),
        breaker={"calls": 99, "least_calls": 99},
    )  # type: ignore[arg-type]
    refused(gateway(tmp_path, wire, clock=clock, config=config).ask(question()))
    assert clock.waits == [1, 2, 4, 8, 10, 10]
    assert len(wire.calls) == 7


def test_a_model_that_is_gone_hands_over_to_the_provider_s_next(tmp_path: Path) -> None:
    wire = Script([Trouble("unknown_model", "404: no such model"), GOOD])
    config = Gateways(providers=(provider(models=("old", "new")),))
    told = answered(gateway(tmp_path, wire, config=config).ask(question())).disclosure
    assert told.model == "new-real"
    assert told.fallbacks == ("openai/old: 404: no such model",)


def test_a_bug_in_a_wire_leaves_no_reservation_open(tmp_path: Path) -> None:
    model = gateway(tmp_path, Script([RuntimeError("bug")]))
    with pytest.raises(RuntimeError, match="bug"):
        model.ask(question())
    account = model.accounts.account(question().agent)
    assert account.reserved == 0
    assert account.spent > 0  # whether it was billed is not known


@pytest.mark.parametrize("mode", ["record", "replay"])
def test_files_that_cannot_be_used_are_an_answer_and_no_crash(tmp_path: Path, mode: str) -> None:
    broken = tmp_path / "var" / "llm" / "accounts.sqlite"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no database" * 1000)
    wire = Script([GOOD])
    outcome = gateway(tmp_path, wire, llm=mode).ask(question())
    assert isinstance(outcome, NoAnswer)
    assert outcome.why == ("unavailable" if mode == "record" else "not_recorded")
    assert wire.calls == []
    assert str(tmp_path) not in outcome.reason
    (tmp_path / "var" / "cassettes").write_text("a file where the folder should be")
    outcome = gateway(tmp_path, wire, llm=mode).ask(question())
    assert isinstance(outcome, NoAnswer)
    assert (outcome.why, str(tmp_path) in outcome.reason) == ("not_recorded", False)


def test_a_reply_that_cannot_be_recorded_is_no_answer_and_its_cost_is_told(tmp_path: Path) -> None:
    first = gateway(tmp_path / "first")
    assert isinstance(first.ask(question()), Answer)
    model = gateway(tmp_path)
    place = model.cassettes.path(first.cassettes.names()[0])
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "elsewhere")
    outcome = model.ask(question())
    assert isinstance(outcome, NoAnswer)
    assert (outcome.why, "symbolic link" in outcome.reason) == ("unavailable", True)
    assert sum(d.cost_usd for d in outcome.disclosures) == model.accounts.account(question().agent).spent > 0
    assert not (tmp_path / "elsewhere").exists()


def test_a_prompt_without_its_values_is_our_mistake(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="plan"):
        gateway(tmp_path).ask(Ask("names_and_docs", {"spec": "", "ports": []}, NamesAndDocs))


def test_stability_gates_on_behaviour_and_only_reports_words(tmp_path: Path) -> None:
    says = ["a * b + 2.0", "2 + b*a", "((a) * b) + 2"]
    replies = [f'{{"title": "{text}", "summary": "S{n}"}}' for n, text in enumerate(says)]

    def behaviour(reply: NamesAndDocs) -> str:
        return expression_behaviour(reply.title)

    folder = tmp_path / "stability"
    done = stability(gateway(tmp_path, Script(replies)), question(), 3, behaviour=behaviour, folder=folder)
    told = done.stability
    assert (told.asked, told.answered, told.texts) == (3, 3, 3)
    assert (told.behaviours, told.agreeing, told.stable) == (1, 3, True)
    words = stability(gateway(tmp_path), question(), 3).stability
    assert (words.texts, words.stable, words.behaviours) == (3, None, None)  # replayed; nothing gates
    assert [p.name for p in folder.iterdir()] == [f"{told.request_digest}-3.json"]


def test_a_different_formula_is_a_different_behaviour(tmp_path: Path) -> None:
    replies = ['{"title": "a / b", "summary": "S"}', '{"title": "b / a", "summary": "S"}']
    done = stability(
        gateway(tmp_path, Script(replies)), question(), 2, behaviour=lambda r: expression_behaviour(r.title)
    ).stability
    assert (done.stable, done.behaviours, done.agreeing) == (False, 2, 1)


def test_samples_that_are_not_answered_are_told(tmp_path: Path) -> None:
    model = gateway(tmp_path, Script([GOOD]), llm="replay")
    done = stability(model, question(), 2).stability
    assert (done.answered, done.stable) == (0, None)
    assert all("not_recorded" in line for line in done.unanswered)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ('{"title": "B", "summary": "Uses 0.202 kg a kWh."}', "0.202 stands neither in the spec nor in the tables"),
        ('{"title": "B", "summary": "S", "inputs": {"oil": "x"}}', "`oil` is no input of the spec"),
        ('{"title": "B", "summary": "S", "outputs": {"fuel": "x"}}', "`fuel` is no output of the spec"),
    ],
)
def test_proposed_names_hold_no_foreign_figure_and_no_foreign_name(reply: str, problem: str, tmp_path: Path) -> None:
    ports = [{"kind": "input", "name": "fuel"}, {"kind": "output", "name": "co2"}]
    none = refused(gateway(tmp_path, Script([reply])).ask(naming(spec="2.5 kg", ports=ports, plan=[])))
    assert none.why == "malformed"
    assert problem in none.reason


@pytest.mark.slow
def test_nothing_but_a_live_call_imports_litellm(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "import greenlang.llm.gateway, greenlang.llm.stability, greenlang.llm.naming, greenlang.cli.main\n"
        "from greenlang.llm.gateway import Gateway\n"
        "from greenlang.settings import Settings\n"
        f"Gateway(Settings(var={str(tmp_path)!r}), environment={{'ANTHROPIC_API_KEY': 'sk-planted-0123456789'}})\n"
        "assert not {'litellm', 'openai', 'tiktoken'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_only_the_wire_imports_litellm() -> None:
    importing = set()
    for path in (ROOT / "greenlang").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if re.search(r"litellm|openai", text) else ():
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in {"litellm", "openai"} for name in names):
                importing.add(path.relative_to(ROOT).as_posix())
    assert importing == {"greenlang/llm/wire.py"}
