"""What the Dagster UI shows of an agent: the materializations of its seven assets, and the summary of a
batch.

Belongs here: turning outcomes into Dagster events. The truth is the outcome's row in the metrics; this
follows it.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    DagsterEvent,
    MetadataValue,
    OpExecutionContext,
)

from assets.heed import Heed
from assets.names import AGENT_ASSETS, SPEC_INBOX
from greenlang.factory.outcome import MUTATION_SCORE, AgentOutcome, StageOutcome
from greenlang.quality.mutation.operators import CONTROL
from greenlang_pipelines.partitions import AGENTS
from resources.factory import FactoryResource, Places

# Outcomes whose key stays a partition: a person may want to run it again. A refused spec has left specs/.
_LISTED = frozenset({"registered", "incomplete", "quarantined", "infrastructure"})
_SECONDS_BETWEEN_LINES = 10.0
_TOGETHER = 175  # events that are handed over at once: of 25 agents
_SHOWN = 50


def materializations(
    agent: AgentOutcome, places: Places, assets: Collection[str] = AGENT_ASSETS
) -> Iterator[AssetMaterialization]:
    """The events of a registered agent, each with what a person wants to see there."""
    folder = places.pack(agent.key)
    text = {name: MetadataValue.md(body) for name, body in agent.summary.items()}
    files = MetadataValue.path(str(folder))
    shown: dict[str, dict[str, Any]] = {
        "agent_spec": {"plan": text.get("plan", MetadataValue.null()), "dialect": agent.dialect},
        "agent_code": {"plan": text.get("plan", MetadataValue.null()), "files": files},
        "agent_tests": {
            "tests": text.get("tests", MetadataValue.null()),
            "passed": agent.tests_passed,
            "total": agent.tests_total,
            "coverage percent": agent.coverage if agent.coverage is not None else MetadataValue.null(),
            "sandbox": agent.sandbox_profile,
        },
        "agent_docs": {"readme": MetadataValue.path(str(folder / "README.md")), "files": files},
        "qa_report": _quality(agent, text.get("quality", MetadataValue.null()), places.report_files(agent.key)),
        "agent_pack": {
            "pack": text.get("pack", MetadataValue.null()),
            "files": files,
            "pack digest": agent.pack_digest,
            "certificate digest": agent.certificate_digest,
        },
        "registry_entry": {
            **{name: text[name] for name in ("plan", "tests", "quality", "pack") if name in text},
            "state": agent.state,
            "score": agent.score if agent.score is not None else MetadataValue.null(),
            "certificate digest": agent.certificate_digest,
            "files": files,
        },
    }
    common: dict[str, Any] = {
        "agent": f"{agent.agent_id} {agent.version}",
        "spec file": agent.file,
        "spec digest": agent.spec_digest,
    }
    for name in AGENT_ASSETS:
        if name in assets:
            yield AssetMaterialization(
                asset_key=name,
                partition=agent.key,
                description=agent.name or agent.agent_id,
                metadata={**shown[name], **common},
            )


def _quality(agent: AgentOutcome, text: MetadataValue, files: dict[str, Path]) -> dict[str, Any]:
    """The report in short, and where its forms lie. The UI shows no picture out of a page of Markdown."""
    mutants = [m for m in agent.mutants if m.operator != CONTROL]  # a control changes nothing, and survives by design
    measured = {"score": agent.score, "mutation score percent": agent.figures.get(MUTATION_SCORE)}
    return {
        "quality": text,
        **{name: MetadataValue.null() if value is None else value for name, value in measured.items()},
        "mutants": len(mutants),
        "survivors": sum(m.outcome == "survived" for m in mutants),
        "differences": len(agent.differences),
        **{name: MetadataValue.path(str(path)) for name, path in files.items()},
    }


class _Batch(NamedTuple):
    """What Dagster asks of the events of a batch. Not `context.log_event`, which writes each event by itself (6 ms in
    SQLite, 13 in PostgreSQL) and keeps all of them in memory until the run ends.
    """

    id: str
    is_end: bool


class Recorder:
    """Follows one batch: adds partitions, logs materializations, keeps the counts. One for a run.

    Materializations wait for each other: leave the ``with`` to have all of them stored. Where the instance writes in
    batches (PostgreSQL, with ``DAGSTER_EVENT_BATCH_SIZE`` in the environment), those that waited are one statement.
    """

    def __init__(self, context: OpExecutionContext | AssetExecutionContext, factory: FactoryResource) -> None:
        self._context = context
        self._places = factory.places()
        self._known = set(context.instance.get_dynamic_partitions(AGENTS))
        self._new: list[str] = []
        self._events: list[AssetMaterialization] = []
        self._counts: Counter[str] = Counter()
        self._kept = 0
        self._done = self._total = 0
        self._began = self._said = time.monotonic()
        self._spent = 0.0
        self.heed = Heed(context)
        self.told: set[str] = set()
        self.failed: list[AgentOutcome] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store()

    def store(self) -> None:
        """Store what waits: partitions first, since an event of an unknown one is shown nowhere."""
        if self._new:
            self._context.instance.add_dynamic_partitions(AGENTS, self._new)
            self._new = []
        begin = time.thread_time()
        events, self._events = self._events, []
        step, name = self._context.get_step_execution_context(), uuid.uuid4().hex
        for n, event in enumerate(events, start=1):
            DagsterEvent.asset_materialization(step, event, _Batch(name, n == len(events)))
        self._spent += time.thread_time() - begin

    @property
    def registered(self) -> int:
        """How many agents of the batch stand in the registry."""
        return self._counts["registered"]

    def see(
        self,
        stage: StageOutcome,
        *,
        skip: Collection[str] = (),
        assets: Collection[str] = AGENT_ASSETS,
    ) -> None:
        """Take note of a stage.

        ``skip``: keys that are green; they get no new event if they were not rebuilt.
        """
        self.heed()
        agent = stage.agent
        if agent is None:
            return
        self._counts[agent.outcome] += 1
        if agent.outcome in _LISTED and agent.agent_id and agent.key not in self._known:
            self._known.add(agent.key)
            self._new.append(agent.key)
        if agent.outcome != "registered":
            self.failed.append(agent)
        elif agent.rebuilt or agent.key not in skip:
            begin = time.thread_time()
            self._events += materializations(agent, self._places, assets)
            self._spent += time.thread_time() - begin
            self.told.add(agent.key)
        else:
            self._kept += 1
        if len(self._events) >= _TOGETHER:
            self.store()
        if time.monotonic() - self._said > _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self.store()
            self._context.log.info(f"{self.line()}; {self._pace()}")

    def progress(self, done: int, total: int) -> None:
        """How many of the batch's specs have their outcome; the total is known once the inbox has been read."""
        if not self._total:
            self._began = time.monotonic()
        self._done, self._total = done, total

    def _pace(self) -> str:
        minutes = (time.monotonic() - self._began) / 60
        if not self._total or not self._done:
            return "the first are under way"
        left = minutes / self._done * (self._total - self._done)
        return f"{self._done:,} of {self._total:,}, {self._done / minutes:,.0f} a minute, some {left:.0f} min left"

    def close(self) -> None:
        """Say how it ended, and show the inbox's side of it."""
        self.store()
        self._context.log.info(self.line())
        if self.told:
            each = self._spent / len(self.told) * 1000
            self._context.log.info(f"telling Dagster of {len(self.told):,} agents took {each:.1f} ms of processor each")
        if self._counts:
            self._context.log_event(AssetMaterialization(asset_key=SPEC_INBOX, metadata=self.metadata()))

    def line(self) -> str:
        """The counts in one line."""
        parts = [f"{n} {outcome}" for outcome, n in sorted(self._counts.items())]
        return (", ".join(parts) or "nothing to do") + (f" ({self._kept} unchanged)" if self._kept else "")

    def metadata(self) -> dict[str, Any]:
        """The counts, and a table of what did not reach the registry."""
        shown: dict[str, Any] = {"agents": self._counts.total(), "unchanged": self._kept}
        shown.update(sorted(self._counts.items()))
        if self.failed:
            rows = [
                f"| `{a.key}` | {a.file} | {a.outcome} | {_cell(a.reason)} | {self._page(a)} |"
                for a in self.failed[:_SHOWN]
            ]
            more = [f"\n... and {len(self.failed) - _SHOWN} more"] if len(self.failed) > _SHOWN else []
            head = ["| key | file | outcome | why | report |", "|---|---|---|---|---|"]
            shown["not registered"] = MetadataValue.md("\n".join(head + rows + more))
        if self._counts.total() == 1 and self.failed and self.failed[0].report:  # a run for this very agent
            agent = self.failed[0]
            text = MetadataValue.md(agent.summary["quality"]) if "quality" in agent.summary else MetadataValue.null()
            shown.update(_quality(agent, text, self._places.report_files(agent.key)))
        return shown

    def _page(self, agent: AgentOutcome) -> str:
        """Where the report on an agent lies, "" where it was never judged."""
        return f"`{self._places.report_files(agent.key)['report']}`" if agent.report else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:300]
