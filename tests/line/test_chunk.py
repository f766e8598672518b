"""A chunk: tools once, outcomes as they come, and every fault where it belongs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.factory import chunk
from greenlang.factory.build import Built, Clock, Task
from greenlang.factory.chunk import MOST, TOGETHER, build_chunk, chunks
from greenlang.factory.outcome import AgentOutcome
from greenlang.factory.source import SpecSource
from greenlang.quality.tools import PackRef


def task(name: str) -> Task:
    return Task(f"x/{name}@1.0.0-01234567", SpecSource(f"{name}.yaml", b""))


class FakeDraft(chunk.Draft):
    """A draft without a resolution."""

    @property
    def package(self) -> str:
        return "gl_x"


class FakeBuilder:
    """Drafts every task but those called ``refused``, and registers every draft."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.examiner = SimpleNamespace(cache=folder / "cache")
        self.refiner = SimpleNamespace(flush=lambda: None)

    def draft(self, task: Task) -> Any:
        clock = Clock(task.key)
        clock.add("spec_validation", 0.5)
        base = AgentOutcome(task.key, task.source.name, "infrastructure", "")
        if "fault" in task.key:
            raise ZeroDivisionError("planted")
        if "refused" in task.key:
            return clock.built(AgentOutcome(task.key, task.source.name, "refused", "bad"), last="spec_validation")
        folder = self.folder / task.source.name
        folder.mkdir(parents=True)
        return FakeDraft(task, clock, base, None, folder)  # type: ignore[arg-type]

    def conclude(self, draft: Any, findings: Any) -> Built:
        assert findings == f"findings of {draft.folder.name}"
        if "late" in draft.task.key:
            raise KeyError("planted")
        outcome = AgentOutcome(draft.task.key, draft.task.source.name, "registered", "")
        return draft.clock.built(outcome, last="quality_validation")


Tools = list[list[str]]


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    """What the tools were called with; they fail over a pack called ``poison``."""
    calls: Tools = []

    def prepare(packs: Sequence[PackRef], cache: Path) -> dict[Path, str]:
        calls.append([ref.folder.stem for ref in packs])
        if "poison" in calls[-1]:
            raise RuntimeError("mypy failed")
        return {ref.folder: f"findings of {ref.folder.name}" for ref in packs}

    monkeypatch.setattr(chunk, "prepare", prepare)
    return calls


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., list[tuple[str, Any]]]:
    """Build a chunk of tasks with these names; what was told and what came, in order."""

    def run(*names: str) -> list[tuple[str, Any]]:
        told: list[tuple[str, Any]] = []
        builder: Any = FakeBuilder(tmp_path)
        for built in build_chunk(builder, [task(n) for n in names], lambda key: told.append(("at", key))):
            told.append(("built", built.outcome))
        assert not [p for p in tmp_path.iterdir() if p.is_dir()], "a build folder was left"
        return told

    return run


def outcomes(told: list[tuple[str, Any]]) -> dict[str, AgentOutcome]:
    return {outcome.file.removesuffix(".yaml"): outcome for kind, outcome in told if kind == "built"}


@given(st.integers(0, 2000), st.integers(1, 64))
def test_chunks_are_all_tasks_in_order_of_even_size(count: int, workers: int) -> None:
    tasks = [task(str(n)) for n in range(count)]
    made = chunks(tasks, workers)
    assert [t for part in made for t in part] == tasks
    assert all(1 <= len(part) <= MOST for part in made)
    assert len(made) <= workers * math.ceil(count / (MOST * workers)) if count else made == []
    assert max(map(len, made[:-1]), default=0) == min(map(len, made[:-1]), default=0)


def test_a_small_batch_is_one_chunk_a_worker() -> None:
    assert [len(part) for part in chunks([task(str(n)) for n in range(13)], 2)] == [7, 6]


def test_the_tools_run_once_for_a_chunk(tools: Tools, build: Callable[..., list[tuple[str, Any]]]) -> None:
    told = build("a", "b", "c")
    assert tools == [["a", "b", "c"]]
    assert {o.outcome for o in outcomes(told).values()} == {"registered"}
    assert [what for kind, what in told if kind == "at"][3] == TOGETHER


def test_what_ends_early_is_told_before_the_tools_run(
    tools: Tools, build: Callable[..., list[tuple[str, Any]]]
) -> None:
    told = build("a", "refused", "b")
    kinds = [what if kind == "at" else what.outcome for kind, what in told]
    assert kinds.index("refused") < kinds.index(TOGETHER) < kinds.index("registered")
    assert tools == [["a", "b"]]


def test_without_a_pack_no_tool_runs(tools: Tools, build: Callable[..., list[tuple[str, Any]]]) -> None:
    build("refused")
    assert tools == []


def test_a_fault_costs_only_the_agent_that_it_met(tools: Tools, build: Callable[..., list[tuple[str, Any]]]) -> None:
    found = outcomes(build("a", "fault", "late", "b"))
    assert {n: o.outcome for n, o in found.items()} == {
        "a": "registered",
        "fault": "quarantined",
        "late": "quarantined",
        "b": "registered",
    }
    assert "ZeroDivisionError: planted (test_chunk.py:" in found["fault"].reason
    assert found["late"].diagnostics[0].code == "GLS079"


def test_a_tool_that_fails_over_one_pack_is_no_agents_fault_and_the_others_are_built(
    tools: Tools, build: Callable[..., list[tuple[str, Any]]]
) -> None:
    found = outcomes(build("a", "b", "poison", "c", "d"))
    assert {n: o.outcome for n, o in found.items() if n != "poison"} == dict.fromkeys("abcd", "registered")
    assert (found["poison"].outcome, found["poison"].reason) == ("infrastructure", "a tool failed: mypy failed")
    assert ["poison"] in tools


def test_the_tools_time_is_shared_out_and_the_seconds_are_the_sum_of_the_stages(
    tools: Tools, build: Callable[..., list[tuple[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter([10.0, 14.0])
    monkeypatch.setattr(chunk.time, "perf_counter", lambda: next(ticks))
    for outcome in outcomes(build("a", "b")).values():
        assert outcome.stage_seconds == {"spec_validation": 0.5, "quality_validation": 2.0}
        assert outcome.seconds == 2.5
