"""A chunk: some tasks of a batch that one worker builds together, so that tools start once and not once an agent.

Belongs here: the order of work inside a chunk, and whose fault is whose. Does not belong here: the stages of one agent
(``greenlang.factory.build``), processes (``greenlang.factory.workers``).
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from greenlang.factory.build import Builder, Built, Draft, Task
from greenlang.factory.outcome import AgentOutcome, StageOutcome
from greenlang.quality.tools import Findings, prepare
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import identity

MOST = 100  # a chunk's files are on disk at once, and a killed worker loses what its chunk had not yet told
Made = TypeVar("Made", Draft | Built, Built)
TOGETHER = ""  # what a worker is at while it works on all of a chunk at once


def chunks(tasks: Sequence[Task], workers: int) -> list[list[Task]]:
    """The tasks in chunks of even size, as many for each worker; a small batch is one chunk a worker."""
    if not tasks:
        return []
    rounds = math.ceil(len(tasks) / (MOST * workers))
    size = math.ceil(len(tasks) / (rounds * workers))
    return [list(tasks[i : i + size]) for i in range(0, len(tasks), size)]


def build_chunk(builder: Builder, tasks: Sequence[Task], at: Callable[[str], None]) -> Iterator[Built]:
    """Build a chunk; outcomes as they come. ``at`` is told the key that is worked on next, or `TOGETHER`."""
    drafts: list[Draft] = []
    try:
        for task in tasks:
            at(task.key)
            made = _guarded(task, partial(builder.draft, task))
            if isinstance(made, Draft):
                drafts.append(made)
            else:
                yield made
        at(TOGETHER)
        findings = _looked_at(builder, drafts)
        for draft in drafts:
            at(draft.task.key)
            found = findings[draft.folder]
            if isinstance(found, RuntimeError):
                yield _tool_failed(draft, found)
            else:
                yield _guarded(draft.task, partial(builder.conclude, draft, found))
            draft.clear()
    finally:
        builder.refiner.flush()
        for draft in drafts:
            draft.clear()


def _looked_at(builder: Builder, drafts: Sequence[Draft]) -> dict[Path, Findings | RuntimeError]:
    """What the tools say of each pack. Where a tool fails, the chunk is halved until it is known over which pack."""
    if not drafts:
        return {}
    begin = time.perf_counter()
    cache = builder.examiner.cache
    found: dict[Path, Findings | RuntimeError] = {}
    try:
        found |= prepare([draft.ref for draft in drafts], cache)
    except RuntimeError as error:
        if len(drafts) == 1:
            return {drafts[0].folder: error}
        half = len(drafts) // 2
        return _looked_at(builder, drafts[:half]) | _looked_at(builder, drafts[half:])
    share = (time.perf_counter() - begin) / len(drafts)
    for draft in drafts:
        draft.clock.add("quality_validation", share)
    return found


def _tool_failed(draft: Draft, error: RuntimeError) -> Built:
    outcome = replace(draft.base, outcome="infrastructure", reason=f"a tool failed: {error}"[:500])
    return draft.clock.built(outcome, last="quality_validation")


def _guarded(task: Task, work: Callable[[], Made]) -> Made | Built:
    """One agent's work. A fault of ours costs this agent its outcome, never the batch; it is told with its place."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other agents go on and this one is told
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"a fault of GreenLang: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        agent_id, version = identity(task.key)
        outcome = AgentOutcome(
            task.key,
            task.source.name,
            "quarantined",
            reason[:500],
            agent_id=agent_id,
            version=version,
            diagnostics=(Diagnostic("GLS079", "error", reason[:500], "please report it with the file"),),
        )
        return Built((StageOutcome(task.key, "spec_validation", "failed", 0.0, outcome),))


def lost(key: str, file: str, reason: str) -> Built:
    """The result of a task that went wrong on our side, whatever its spec says."""
    agent_id, version = identity(key)
    outcome = AgentOutcome(key, file, "infrastructure", reason, agent_id=agent_id, version=version)
    return Built((StageOutcome(key, "spec_validation", "failed", 0.0, outcome),))
