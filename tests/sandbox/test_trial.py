"""A trial runs everything that a judge needs, under several conditions, and says which of them matter to the pack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.sandbox import Sandbox, wire
from greenlang.sandbox.trial import Block, TrialRequest
from greenlang.settings import Settings
from tests.sandbox import packs

REQUEST = TrialRequest(inputs=({"amount": "1"}, {"amount": "2.5"}, {}), calls=7)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    settings = Settings(sandbox="strict", test_seconds=10, test_memory_mb=512, var=tmp_path_factory.mktemp("var"))
    with Sandbox(settings, gated=False) as box:
        yield box


def test_a_golden_pack_passes_in_every_way(box, tmp_path):
    pack, package = packs.golden("combustion", tmp_path)
    blocks = (
        Block("README.md", 1, "python", f"from {package} import AGENT\nAGENT.health()"),
        Block("README.md", 9, "sh", "pip install x\npython demos/command_line.py"),
    )
    trial = box.trial(pack, package, TrialRequest(inputs=packs.inputs(pack), blocks=blocks, calls=20))
    assert (trial.tests.status, trial.again.status, trial.infrastructure) == ("passed", "passed", "")
    assert trial.tests.coverage.percent == 100
    assert [t.id for t in trial.again.tests] == [t.id for t in trial.tests.tests]
    assert [e.status for e in trial.evaluations] == ["passed"] * 3
    assert len({e.output for e in trial.evaluations}) == 1
    assert trial.evaluations[0].output.count(b"\n") == len(packs.inputs(pack))
    assert trial.mutation is None
    service = trial.service
    assert (service.status, service.detail) == ("passed", "")
    assert len(service.latency_ms) == 20
    assert list(service.latency_ms) == sorted(service.latency_ms)
    assert service.latency_ms[0] > 0
    assert 0 < service.memory_mb < 100
    assert (service.http_status, service.health["status"]) == (200, "ok")
    last = f"POST /run #{len(packs.inputs(pack))}"
    assert service.metrics["runs"] == 2
    assert {name: status for name, (status, _) in service.http.items()} == {
        "GET /health": 200,
        "POST /run": 200,
        last: service.http[last][0],
        "GET /schema": 200,
        "GET /metrics": 200,
    }
    assert json.loads(service.http["POST /run"][1])["success"] is True
    first = json.loads(trial.evaluations[0].output.splitlines()[0])
    assert json.loads(service.http["POST /run"][1])["provenance"] == first["provenance"]
    assert json.loads(service.printed["python -m"])["provenance"] == first["provenance"]
    assert f"co2e_kg = {first['data']['co2e_kg']} kgCO2e" in service.printed["demos/command_line.py"]
    assert service.damaged.startswith("PackDamaged: ")
    assert [tool["unit"] for tool in service.told["parts"][""]["tools"]][:2] == ["kgCO2", "kgCH4"]
    assert [json.loads(line)["message"] for line in service.logs] == ["answered", "refused"]
    assert [(b.line, b.outcome) for b in service.blocks] == [(1, "passed"), (9, "passed")]
    assert service.blocks[1].message == "pip: it installs"


def agent(value: str) -> str:
    return packs.AGENT.replace('double(Decimal(given["amount"]))', value)


@pytest.mark.parametrize(
    "value",
    [
        "__import__('datetime').date.today().year",
        "__import__('datetime').datetime.now().month",
        "int(__import__('time').time() / 86400)",
        "__import__('time').strftime('%Y')",
        "__import__('os').getcwd()",
        "sorted({'alpha', 'beta', 'gamma', 'delta'}, key=hash)",
        "__import__('time').tzname",
        "__import__('locale').getpreferredencoding()",
    ],
)
def test_answers_that_depend_on_clock_folder_seed_zone_or_locale_differ(value, box, tmp_path):
    trial = box.trial(packs.write(tmp_path, agent(value), "def test_it(): pass\n"), "mini", REQUEST)
    first, second, threads = trial.evaluations
    assert (first.status, second.status) == ("passed", "passed")
    assert first.output != second.output
    assert first.output == threads.output


def test_an_agent_that_threads_disturb_is_found(box, tmp_path):
    keeps = "    def shared(self, given):\n        self.given = given['amount']\n"
    keeps += "        __import__('time').sleep(0.05)\n        return self.given\n"
    text = agent("self.shared(given)").replace("\n\ndef double", f"\n{keeps}\ndef double")
    pack = packs.write(tmp_path, text, "def test_it(): pass\n")
    first, second, threads = box.trial(pack, "mini", REQUEST).evaluations
    assert first.output == second.output != b""
    assert (threads.status, threads.output) == ("failed", b"")
    assert threads.detail.startswith("4 threads at once got ")


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("time.tzname[0] == 'UTC'", "passed, then failed"),
        ("time.tzname[0] != 'UTC'", "failed, then passed"),
        ("os.path.exists('mini/__init__.py')", "passed, then failed"),
    ],
)
def test_a_test_that_ends_otherwise_the_second_time_is_flaky(condition, outcome, box, tmp_path):
    tests = f"import os, time\ndef test_it():\n    assert {condition}\n"
    trial = box.trial(packs.write(tmp_path, tests=tests), "mini", REQUEST)
    assert trial.again.status == "failed"
    assert trial.again.detail == (
        f"flaky: under other conditions it ends otherwise (tests/test_unit.py::test_it: {outcome})"
    )


def test_a_failing_test_is_told_with_its_values_and_no_mutant_is_run(box, tmp_path):
    pack = packs.write(tmp_path, tests=packs.TESTS.replace("== 8", "== 9"))
    mutant = packs.changed(pack, "mini/__init__.py", "Decimal(2)", "Decimal(3)")
    trial = box.trial(pack, "mini", TrialRequest(inputs=REQUEST.inputs, mutants=(mutant,)))
    assert trial.tests.status == "failed"
    failed = next(t for t in trial.tests.tests if t.outcome == "failed")
    assert "assert Decimal('8') == 9" in failed.message
    assert trial.again.status == "failed"
    assert (trial.mutation.status, trial.mutation.results) == ("failed", ())


def test_who_tries_to_escape_is_not_run_again(box, tmp_path):
    pack = packs.write(tmp_path, tests="def test_it():\n    open('/etc/passwd')\n")
    trial = box.trial(pack, "mini", REQUEST)
    assert trial.tests.status == "escaped"
    assert (trial.evaluations, trial.again, trial.service) == ((), None, None)


def test_an_attempt_in_the_second_run_counts_for_all_of_it(box, tmp_path):
    tests = "import time\ndef test_it():\n    if time.tzname[0] != 'UTC':\n        open('/etc/passwd')\n"
    trial = box.trial(packs.write(tmp_path, tests=tests), "mini", REQUEST)
    assert trial.tests.status == "passed"
    assert (trial.again.status, trial.evaluations[1].status) == ("escaped", "escaped")


def test_a_handler_that_waits_and_a_pack_without_server_are_told(box, tmp_path):
    api = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/health')\ndef health():\n    return {}\n"
    waits = box.trial(packs.write(tmp_path / "a", files={"demos/api.py": api}), "mini", REQUEST).service
    assert (waits.status, waits.http_status) == ("failed", 0)
    assert waits.detail.startswith("demos/api.py: ")
    bare = box.trial(packs.write(tmp_path / "b"), "mini", REQUEST).service
    assert (bare.status, bare.http_status, bare.detail) == ("passed", 0, "the pack has no demos/api.py")
    assert [json.loads(line)["message"] for line in bare.logs] == ["answered", "refused"]


def test_a_mishap_of_ours_is_tried_twice_more(box, tmp_path, monkeypatch):
    pack = packs.write(tmp_path)
    real, broken = Sandbox._ask, [True, True]

    def ask(self, seed, request, payload=b""):
        if request["op"] == "service" and broken:
            broken.pop()
            raise wire.Broken("cut")
        return real(self, seed, request, payload)

    monkeypatch.setattr(Sandbox, "_ask", ask)
    assert box.trial(pack, "mini", TrialRequest(inputs=({"amount": "6"},))).infrastructure == ""
    assert broken == []
    broken += [True, True, True]
    trial = box.trial(pack, "mini", TrialRequest(inputs=({"amount": "5"},)))
    assert (trial.infrastructure, trial.service.status) == ("cut", "infrastructure")


def test_the_gate_stands_before_a_trial(tmp_path):
    with Sandbox(Settings(sandbox="strict", var=tmp_path / "var")) as gated:
        pack = packs.write(tmp_path / "pack", agent="import socket\n" + packs.AGENT)
        trial = gated.trial(pack, "mini", REQUEST)
    assert trial.tests.status in ("failed", "escaped")
    assert trial.tests.detail.startswith("refused before it ran")
    assert trial.evaluations == ()


def test_a_pack_of_which_the_first_test_file_cannot_be_read_has_a_verdict(box, tmp_path):
    trial = box.trial(packs.write(tmp_path, tests="def test_it(:\n"), "mini", REQUEST)
    assert trial.tests.status == "failed"
    assert trial.tests.detail.startswith("the tests cannot be read")


def test_packs_do_not_disturb_each_other(box, tmp_path):
    first = packs.write(tmp_path / "a")
    second = packs.write(tmp_path / "b", packs.AGENT.replace("Decimal(2)", "Decimal(5)"), "def test_it(): pass\n")
    assert b'"x":"2"' in box.trial(first, "mini", REQUEST).evaluations[0].output
    assert b'"x":"5"' in box.trial(second, "mini", REQUEST).evaluations[0].output
    assert Path(first, "mini").is_dir()


def test_tests_that_cannot_be_collected_fail_both_times(box, tmp_path):
    trial = box.trial(packs.write(tmp_path, tests="import no_such_module\ndef test_it(): pass\n"), "mini", REQUEST)
    assert (trial.tests.status, trial.again.status) == ("failed", "failed")
    assert "no_such_module" in trial.again.tests[0].message


def test_the_weak_profile_runs_a_trial_too(tmp_path):
    pack = packs.write(tmp_path / "pack")
    mutant = packs.changed(pack, "mini/__init__.py", "Decimal(2)", "Decimal(3)")
    with Sandbox(Settings(sandbox="weak", var=tmp_path / "var"), gated=False) as weak:
        trial = weak.trial(pack, "mini", TrialRequest(inputs=REQUEST.inputs, mutants=(mutant,), calls=3))
    assert (trial.tests.status, trial.again.status, trial.mutation.status) == ("passed", "passed", "passed")
    assert [e.status for e in trial.evaluations] == ["passed"] * 3
    assert trial.tests.profile.name == "weak"


def test_the_cost_of_each_part_is_counted_once(box, tmp_path):
    pack = packs.write(tmp_path)
    mutants = tuple(packs.changed(pack, "mini/__init__.py", "Decimal(2)", f"Decimal({n})", str(n)) for n in range(3, 9))
    trial = box.trial(pack, "mini", TrialRequest(inputs=({"amount": "8"},), mutants=mutants))
    parts = (trial.tests, trial.again, trial.mutation, trial.service)
    assert all(0 < part.cpu_seconds < 5 for part in parts)
    assert trial.cpu_seconds == sum(part.cpu_seconds for part in parts)


def test_a_folder_may_have_any_name(tmp_path):
    """The second server has a locale without UTF-8: it spells the names of files otherwise than the supervisor."""
    pack = packs.write(tmp_path / "größe 变 \udcff" / "pack")
    mutant = packs.changed(pack, "mini/__init__.py", "amount * FACTOR", "amount + FACTOR")
    with Sandbox(Settings(sandbox="strict", test_seconds=20, var=tmp_path / "var"), gated=False) as box:
        trial = box.trial(pack, "mini", TrialRequest(inputs=({"amount": "1"},), mutants=(mutant,), calls=1))
    assert trial.infrastructure == ""
    assert trial.again is not None
    assert trial.mutation is not None
    assert [trial.tests.status, trial.again.status, trial.mutation.status] == ["passed"] * 3
    assert {run.status for run in trial.evaluations} == {"passed"}
