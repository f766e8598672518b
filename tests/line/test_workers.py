"""Worker processes that die: nobody's work is lost, and only the one that kills again is given up.

Real processes run a builder that builds nothing; a task's name says what becomes of its worker.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# Spawned workers import this file as their main module, so that the stand-ins are in them as well.
_SCRIPT = """\
import json, os, pathlib, signal, sys
from types import SimpleNamespace
from greenlang.factory import chunk, workers
from greenlang.factory.build import Clock, Draft, Task
from greenlang.factory.outcome import AgentOutcome
from greenlang.factory.source import SpecSource
from greenlang.settings import Settings

VAR = pathlib.Path(sys.argv[1])
os.environ["H5"] = sys.argv[1]


def die(name):
    if "once" in name:
        try:
            (pathlib.Path(os.environ["H5"]) / name).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)


class FakeDraft(Draft):
    package = "gl_x"


class FakeBuilder:
    def __init__(self, settings, profile):
        if sys.argv[2:] == ["never"]:
            sys.exit(3)
        self.settings, self.examiner = settings, SimpleNamespace(cache=settings.var)
        self.refiner = SimpleNamespace(flush=lambda: None)

    def draft(self, task):
        if "draft" in task.key:
            die(task.source.name)
        folder = self.settings.var / f"build-{task.source.name}"
        folder.mkdir(exist_ok=True)
        base = AgentOutcome(task.key, task.source.name, "infrastructure", "")
        return FakeDraft(task, Clock(task.key), base, None, folder)

    def conclude(self, draft, findings):
        if "conclude" in draft.task.key:
            die(draft.task.source.name)
        outcome = AgentOutcome(draft.task.key, draft.task.source.name, "registered", "")
        return draft.clock.built(outcome, last="quality_validation")


def prepare(packs, cache):
    for ref in packs:
        if "tools" in ref.folder.name:
            die(ref.folder.name)
    return {ref.folder: None for ref in packs}


workers.Builder, chunk.prepare = FakeBuilder, prepare
if __name__ == "__main__":
    tasks = [Task(f"x/{n}@1.0.0-01234567", SpecSource(n, b"")) for n in json.load(sys.stdin)]
    built = workers.build_all(Settings(var=VAR), tasks, 2)
    print(json.dumps([[b.outcome.file, b.outcome.outcome, b.outcome.reason] for b in built]))
"""


def build(folder: Path, *names: str, mode: str = "") -> list[tuple[str, str, str]]:
    script = folder / "batch.py"
    script.write_text(_SCRIPT)
    (folder / "var").mkdir(exist_ok=True)
    command = [sys.executable, str(script), str(folder / "var"), *([mode] if mode else [])]
    done = subprocess.run(command, input=json.dumps(names).encode(), capture_output=True, timeout=120, check=True)
    return [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]


def test_every_task_has_one_result_whatever_dies_where(tmp_path: Path) -> None:
    good = [f"good{n}" for n in range(12)]
    once, bad = ["once-draft"], ["tools", "conclude"]
    found = build(tmp_path, *good[:6], *once, *good[6:], *bad)
    assert Counter(name for name, _, _ in found) == Counter([*good, *once, *bad])
    outcomes = {name: outcome for name, outcome, _ in found}
    assert {outcomes[name] for name in (*good, *once)} == {"registered"}
    assert {outcomes[name] for name in bad} == {"infrastructure"}
    reasons = {reason for name, _, reason in found if name in bad}
    assert reasons == {"its build killed the worker process; the next batch tries again"}


def test_workers_that_never_start_end_the_batch_and_are_not_the_specs_fault(tmp_path: Path) -> None:
    found = build(tmp_path, "a", "b", "c", mode="never")
    assert {name: outcome for name, outcome, _ in found} == dict.fromkeys("abc", "infrastructure")
    assert {reason for _, _, reason in found} == {"worker processes do not start; the next batch tries again"}
