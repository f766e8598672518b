"""Launchers: who runs batches for somebody that must not wait, such as the API, and how far they are.

    run = launcher.start(Order(tenant="default", keys=("heat/boiler@1.0.0-1a2b3c4d",)))
    launcher.progress(run).specs["heat/boiler@1.0.0-1a2b3c4d"].percent

Belongs here: the protocol, what progress is, folding the line's events into it. Does not belong here: who runs
(`greenlang.launcher_local` a process beside the API; `greenlang.api.dagster_launcher` Dagster), the line itself.

A line tells events, each a JSON object: ``{"key", "stage"}`` when a stage of a spec has ended, ``{"key", "outcome",
...}`` when the spec has its outcome, ``{"run", "why"}`` when the run begins or ends. Percentages come from these alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, get_args

from greenlang.factory.outcome import Stage, StageOutcome

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})
STAGES: tuple[Stage, ...] = get_args(Stage)
ENTRANCE = "api"
EVENT = "greenlang.event "  # begins a line of a log that is an event
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is to build: accepted specs of a tenant by their keys.

    ``workers``: processes, 0 for as many as the settings say; ``rounds``: of questions to a model for a repair, None
    for the settings' own; ``force``: build also what has not changed; ``batch``: the run's name in the metrics;
    ``trace``: W3C traceparent of the request.
    """

    tenant: str
    keys: tuple[str, ...]
    workers: int = 0
    rounds: int | None = None
    force: bool = False
    batch: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class SpecProgress:
    """How far one spec is.

    ``stage`` is the last stage that has ended, or, of a spec that failed, the one that it failed in. ``percent`` is the
    share of the ten stages that are over; a registered agent, also one that had not changed, is at 100. ``errors`` are
    findings with place and mend. ``number`` counts what has happened to it, and only grows.
    """

    status: Status = "queued"
    stage: str = ""
    percent: int = 0
    outcome: str = ""
    reason: str = ""
    errors: tuple[Mapping[str, Any], ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is: its own status, and each of its specs. ``number`` counts what has happened, and only grows."""

    status: Status
    specs: Mapping[str, SpecProgress]
    why: str = ""
    number: int = 0


class Launcher(Protocol):
    """Runs batches elsewhere. Every method may block for a moment; whoever must not wait calls it in a thread."""

    name: str

    def start(self, order: Order) -> str:
        """Begin, or queue up; the launcher's name for the run. Raises GreenlangError where it cannot."""

    def progress(self, run: str) -> RunProgress:
        """How far it is. Raises LookupError for a run that the launcher does not, or no longer, know."""

    def cancel(self, run: str) -> bool:
        """End it; False where it had ended. Its specs stay accepted: a later batch over everything builds them.

        Raises LookupError for an unknown run.
        """


@dataclass
class Fold:
    """The events of a run so far, folded. ``queued`` until it begins."""

    keys: tuple[str, ...]
    status: Status = "queued"
    why: str = ""
    number: int = 0
    specs: dict[str, SpecProgress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.specs = {key: SpecProgress() for key in self.keys}

    def add(self, events: Iterable[Event]) -> None:
        """Take note of what happened. Keys that the run was not asked for are passed over."""
        for event in events:
            self.number += 1
            if "run" in event:
                self._run(event)
            elif (known := self.specs.get(event.get("key", ""))) is not None:
                changed = _ended(known, event) if "outcome" in event else _advanced(known, event)
                self.specs[event["key"]] = replace(changed, number=known.number + 1)

    def _run(self, event: Event) -> None:
        self.status, self.why = event["run"], event.get("why", "")
        if self.status not in ENDED:
            return
        reason = self.why or "the run ended before this spec had an outcome"
        left: Status = "cancelled" if self.status == "cancelled" else "failed"
        for key, spec in self.specs.items():
            if spec.status not in ENDED:
                self.specs[key] = replace(spec, status=left, reason=reason, number=spec.number + 1)

    def told(self) -> RunProgress:
        """As it stands now."""
        return RunProgress(self.status, dict(self.specs), self.why, self.number)


def _advanced(spec: SpecProgress, event: Event) -> SpecProgress:
    """A stage ended. An agent whose worker died is begun anew; what was done counts until it is further again."""
    percent = (STAGES.index(event["stage"]) + 1) * 100 // len(STAGES)
    if spec.status in ENDED or percent < spec.percent:
        return spec
    return replace(spec, status="running", stage=event["stage"], percent=percent)


def _ended(spec: SpecProgress, event: Event) -> SpecProgress:
    good = event["outcome"] == "registered"
    over = STAGES.index(event["stage"]) * 100 // len(STAGES)  # the stage that it failed in is not over
    return SpecProgress(
        status="completed" if good else "failed",
        stage=event["stage"],
        percent=100 if good else over,
        outcome=event["outcome"],
        reason=event.get("reason", ""),
        errors=tuple(event.get("errors", ())),
    )


def of_stage(key: str, stage: Stage) -> Event:
    """The event of a stage that has ended."""
    return {"key": key, "stage": stage}


def of_outcome(stage: StageOutcome) -> Event | None:
    """The event of a spec that has its outcome; None for a stage that carries none."""
    agent = stage.agent
    if agent is None:
        return None
    errors = [d.as_dict() for d in agent.diagnostics if d.severity == "error"]
    return {
        "key": agent.key,
        "outcome": agent.outcome,
        "stage": stage.stage,
        "reason": agent.reason,
        "errors": errors,
    }


def of_run(status: Status, why: str = "") -> Event:
    """The event of a run that begins or ends."""
    return {"run": status, "why": why}
