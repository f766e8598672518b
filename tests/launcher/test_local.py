"""The local launcher: a process of its own that outlives whoever started it, and is taken up where it died."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from greenlang.bucket import Bucket
from greenlang.factory.intake import take_in
from greenlang.launcher import ENDED, Order, RunProgress
from greenlang.launcher_local import TRIES, LocalLauncher
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests import libraries
from tests.line.line_tools import drop, example

pytestmark = pytest.mark.slow
GONE = "a/gone@1.0.0-01234567"  # a key whose spec nobody dropped: the line says so without building anything


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One factory for all tests of this file: its tables are built once."""
    return Settings(var=tmp_path_factory.mktemp("local") / "var", workers=1, settle_seconds=0)


@pytest.fixture(scope="module")
def key(settings: Settings) -> str:
    """An accepted spec."""
    libraries.tell(settings.var)
    drop(settings, boiler__yaml=example("boiler"))
    (accepted,) = take_in(Bucket.open(settings.bucket_address), settings, settle=False).accepted
    return accepted.key


@pytest.fixture
def launcher(settings: Settings) -> Iterator[LocalLauncher]:
    made = LocalLauncher(settings)
    yield made
    made.wait(60)  # each test leaves an empty queue, so the process ends by itself


def until(launcher: LocalLauncher, run: str, wanted: Callable[[RunProgress], bool]) -> RunProgress:
    end = time.monotonic() + 120
    while not wanted(told := launcher.progress(run)):
        assert time.monotonic() < end, (told, (launcher.folder / "log").read_text())
        time.sleep(0.05)
    return told


def ended(told: RunProgress) -> bool:
    return told.status in ENDED


def process_of(folder: Path) -> int:
    """The process that works through the queue in this folder."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if b"greenlang.launcher_local" in command and str(folder.parent).encode() in command:
            return int(place.name)
    raise AssertionError("no process is at work")


def test_no_argument_of_its_process_holds_a_password(settings: Settings) -> None:
    known = settings.model_copy(update={"celery_broker": "redis://:hunter2-planted@127.0.0.1:1/0"})
    launcher = LocalLauncher(known)
    launcher.start(Order("default", (GONE,)))
    (child,) = launcher._children
    while not (arguments := Path(f"/proc/{child.pid}/cmdline").read_bytes()):
        assert child.poll() is None, "it has ended"
    launcher.wait(60)
    assert str(settings.var).encode() in arguments
    assert b"hunter2-planted" not in arguments


def test_two_runs_are_worked_through_by_one_process_and_another_launcher_reads_them(
    launcher: LocalLauncher, settings: Settings
) -> None:
    first = launcher.start(Order("default", (GONE,)))
    second = launcher.start(Order("default", (GONE, "b/gone@1.0.0-01234567")))
    later = LocalLauncher(settings)  # as after a restart of the API
    told = until(later, second, ended)
    assert told.status == "completed"
    assert {key: (s.status, s.outcome) for key, s in told.specs.items()} == {
        GONE: ("failed", "infrastructure"),
        "b/gone@1.0.0-01234567": ("failed", "infrastructure"),
    }
    assert all("drop it again" in spec.reason for spec in told.specs.values())
    assert later.progress(first).status == "completed"
    assert list((settings.var / "launches" / "queue").iterdir()) == []
    assert later.cancel(first) is False
    with pytest.raises(LookupError):
        later.progress("../../etc")


def test_a_run_that_the_process_died_over_is_begun_anew_and_its_agent_is_registered(
    launcher: LocalLauncher, settings: Settings, key: str
) -> None:
    run = launcher.start(Order("default", (key,)))
    until(launcher, run, lambda told: told.specs[key].percent > 0)
    os.kill(process_of(launcher.folder), signal.SIGKILL)
    told = until(launcher, run, ended)
    spec = told.specs[key]
    assert (told.status, spec.status, spec.percent, spec.stage) == ("completed", "completed", 100, "registration")
    events = [json.loads(line) for line in (launcher.folder / run / "events.jsonl").read_text().splitlines()]
    assert [event["run"] for event in events if "run" in event] == ["running", "running", "completed"]
    with Registry(settings.registry, keys=settings.keys) as registry:
        entry = registry.get("buildings/gas_boiler_uk_v1")
    assert entry.judgement["determinism"]["status"] == "passed"


def test_a_run_that_is_cancelled_ends_and_the_next_one_is_taken_up(launcher: LocalLauncher, key: str) -> None:
    run = launcher.start(Order("default", (key,), force=True))
    waiting = launcher.start(Order("default", (GONE,)))
    until(launcher, run, lambda told: told.status == "running")
    assert launcher.cancel(run) is True
    told = until(launcher, run, ended)
    assert (told.status, told.specs[key].status) == ("cancelled", "cancelled")
    never = launcher.start(Order("default", (GONE,)))
    assert launcher.cancel(never) is True
    assert until(launcher, never, ended).status == "cancelled"
    assert until(launcher, waiting, ended).status == "completed"


def test_what_cannot_be_done_is_told_as_the_reason_of_each_spec(launcher: LocalLauncher) -> None:
    folder = launcher.folder / "deadly"
    folder.mkdir()
    (folder / "order.json").write_text('{"tenant": "default", "keys": ["a/gone@1.0.0-01234567"]}')
    (folder / "events.jsonl").write_text('{"run": "running"}\n' * TRIES)
    (launcher.folder / "queue" / "00000000000000000000-deadly").touch()
    run = launcher.start(Order("other", (GONE,)))  # SQLite has the tenant `default` alone
    told = until(launcher, run, ended)
    assert told.status == "failed"
    assert "PostgreSQL" in told.specs[GONE].reason
    told = until(launcher, "deadly", ended)
    assert (told.status, told.why) == ("failed", f"the process of the factory died over it {TRIES} times")
