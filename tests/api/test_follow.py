"""Jobs of a server from the command line: sent, followed to their end, left and found again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.api import streams
from greenlang.api.app import create_app
from greenlang.cli.main import app as command_line
from greenlang.client.sending import Client
from greenlang.launcher import Event, Order, of_run, of_stage
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.api.launchers import Scripted
from tests.api.loopback import served
from tests.line.line_tools import example

Call = Callable[..., Result]


class Ending(Scripted):
    """Takes a step each time that somebody looks, and ends as it was told to."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome = "registered"
        self.left: list[Event] = []

    def start(self, order: Order) -> str:
        told: list[Event] = [of_run("running")]
        for key in order.keys:
            done = {"key": key, "outcome": self.outcome, "stage": "registration", "reason": f"so it is {self.outcome}"}
            told += [of_stage(key, "spec_validation"), of_stage(key, "agent_generation"), done]
        self.left = [*told, of_run("completed")]
        return super().start(order)

    def progress(self, run: str):  # type: ignore[no-untyped-def]
        told = super().progress(run)
        if self.left:
            self.tell(self.left.pop(0), run=run)
        return told


@pytest.fixture
def launcher() -> Ending:
    return Ending()


@pytest.fixture
def call(settings: Settings, registry: Registry, launcher: Ending, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.01)
    monkeypatch.setenv("GREENLANG_API_KEY", key_for(registry, "developer"))
    with served(create_app(settings, registry=registry, launcher=launcher)) as url:
        yield lambda *words: CliRunner().invoke(command_line, ["--server", url, *words])


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "specs" / "boiler.yaml"
    path.parent.mkdir()
    path.write_bytes(example("boiler"))
    return path


def test_a_job_is_followed_to_its_end(call: Call, spec: Path) -> None:
    done = call("agent", "create", str(spec), "--follow", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["status"], told["progress"]) == (0, "completed", 100)
    assert [job["outcome"] for job in told["jobs"]] == ["registered"]


@pytest.mark.parametrize(("outcome", "code"), [("incomplete", 1), ("infrastructure", 3)])
def test_the_exit_code_is_that_of_the_outcome(
    call: Call, spec: Path, launcher: Ending, outcome: str, code: int
) -> None:
    launcher.outcome = outcome
    done = call("agent", "batch", str(spec.parent), "--follow")
    assert (done.exit_code, f"so it is {outcome}" in done.stdout) == (code, True), done.output


def test_what_is_not_followed_is_found_again_by_its_name(call: Call, spec: Path) -> None:
    asked = json.loads(call("agent", "batch", str(spec.parent), "--json").stdout)
    assert asked["batch_id"] in call("agent", "batch-status", asked["batch_id"]).stdout
    assert call("factory", "follow", asked["job_ids"][0]).exit_code == 0
    assert json.loads(call("factory", "follow", asked["batch_id"], "--json").stdout)["completed"] == 1
    again = call("agent", "create", str(spec))
    assert "factory follow" in again.stdout
    nobody = call("factory", "follow", "0" * 32)
    assert (nobody.exit_code, "knows no job and no batch" in nobody.stderr) == (1, True)
    assert call("agent", "batch-status").exit_code == 2


def test_who_stops_following_stops_no_job(call: Call, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = json.loads(call("agent", "create", str(spec), "--json").stdout)

    def interrupted(self: Client, path: str) -> Iterator[object]:
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Client, "events", interrupted)
        left = call("factory", "follow", asked["batch_id"])
    assert left.exit_code == 130
    assert f"factory follow {asked['batch_id']}` goes on watching it" in left.stderr
    assert call("factory", "follow", asked["batch_id"]).exit_code == 0


def test_what_is_wrong_with_a_spec_is_said_with_its_place(call: Call, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("agent_id: x\n")
    refused = call("agent", "create", str(wrong))
    assert refused.exit_code == 1
    assert "wrong.yaml:" in refused.stdout
    assert json.loads(call("agent", "create", str(wrong), "--json").stdout)[0]["severity"] == "error"


def test_a_spec_that_is_no_text_is_named(tmp_path: Path) -> None:
    spec = tmp_path / "latin.yaml"
    spec.write_bytes(b"id: \xff\n")
    done = CliRunner().invoke(command_line, ["--server", "http://127.0.0.1:9", "agent", "create", str(spec)])
    assert (done.exit_code, "latin.yaml cannot be read" in done.stderr.replace("\n", "")) == (2, True), done.output


def test_on_this_machine_there_is_nothing_to_follow(tmp_path: Path) -> None:
    done = CliRunner().invoke(command_line, ["--var", str(tmp_path), "factory", "follow", "x"])
    assert (done.exit_code, "--server" in done.stderr) == (2, True)
