"""A run of the line, told while it goes on: log lines and spans of the run, its agents and their stages.

Belongs here: what is told of a run. Does not belong here: the form of lines (`greenlang.telemetry.logs`), spans as such
(`greenlang.telemetry.trace`), the line itself.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from greenlang.factory.outcome import AgentOutcome, Ended, Stage, StageOutcome
from greenlang.telemetry import export, logs
from greenlang.telemetry.trace import Span, begun, ended, exported, taken, within

_log = logging.getLogger("greenlang.factory")
_validator = logging.getLogger("greenlang.validator")
_LEVELS = {"registered": logging.INFO, "incomplete": logging.WARNING, "refused": logging.WARNING}  # others: ERROR
_REASON = 300
Line = Callable[[Ended | None], Iterator[StageOutcome]]


def told(line: Line, *, run_id: str, entrance: str, on_stage: Ended | None, parent: str = "") -> Iterator[StageOutcome]:
    """What ``line`` yields, told by the way. ``line`` is called with whom to tell of stages. ``parent``: traceparent of
    whoever asked; without it, the span that is current.

    Without JSON logs and traces it is ``line(on_stage)`` and nothing else.
    """
    if not logs.on() and not exported():
        yield from line(on_stage)
        return
    run = _Run(run_id, entrance, on_stage, taken(parent))
    with within(run.span):
        _log.info("run started", extra={"fields": {"entrance": entrance}})
    outcomes = line(run.heard)
    try:
        while True:
            with within(run.span):  # of the line's own work, not of what the caller does in between
                stage = next(outcomes, None)
            if stage is None:
                break
            run.see(stage)
            yield stage
    except GeneratorExit:
        run.span.failed = "its caller has left it"
        raise
    except BaseException as error:
        run.span.failed = type(error).__name__
        raise
    finally:
        with within(run.span):
            close = getattr(outcomes, "close", None)
            if close is not None:
                close()
        run.close()


class _Run:
    """What is known of a run."""

    def __init__(self, run_id: str, entrance: str, on_stage: Ended | None, parent: Span | None) -> None:
        known = {"run_id": run_id, "entrance": entrance}
        self.span = begun("run", parent=parent, kind="consumer", fields={"job_id": run_id}, attributes=known)
        self._on_stage = on_stage
        self._ends: dict[str, dict[str, int]] = {}  # key -> stage -> when it last ended
        self._stages: dict[str, list[StageOutcome]] = {}
        self._counts: Counter[str] = Counter()

    def heard(self, key: str, stage: Stage) -> None:
        """A stage has ended just now, here or in a worker."""
        self._ends.setdefault(key, {})[stage] = time.time_ns()
        if self._on_stage is not None:
            self._on_stage(key, stage)

    def see(self, stage: StageOutcome) -> None:
        """Take note of what the line yields; with the last stage of an agent all of it is told."""
        stages = self._stages.setdefault(stage.key, [])
        stages.append(stage)
        if stage.agent is not None:
            self._tell(stage.agent, self._stages.pop(stage.key), self._ends.pop(stage.key, {}))

    def close(self) -> None:
        """Tell the end."""
        ended(self.span)
        seconds = (self.span.end - self.span.start) / 1e9
        fields: dict[str, Any] = {"duration_ms": _ms(seconds), **self._counts}
        if self.span.failed:
            fields["error"] = {"type": self.span.failed, "details": "the run did not come to its end"}
        level = logging.ERROR if self.span.failed else logging.INFO
        _log.log(level, "run ended", extra={"fields": fields, "span": self.span})
        export.flush()

    def _tell(self, agent: AgentOutcome, stages: list[StageOutcome], ends: Mapping[str, int]) -> None:
        outcome = agent.outcome if agent.rebuilt else "kept"
        self._counts[outcome] += 1
        name = {"agent_id": agent.agent_id or agent.key}
        known = {**name, "partition": agent.key, "outcome": outcome}
        span = begun("agent", parent=self.span, fields=name, attributes=known)
        failed = "" if agent.outcome == "registered" else f"{agent.outcome}: {agent.reason}"[:_REASON]
        spans = self._spans(span, stages, ends)
        for one, stage in zip(spans, stages, strict=True):
            ended(one, end=one.end, failed=failed if stage.status == "failed" else "")
            fields = {"stage": stage.stage, "status": stage.status, "duration_ms": _ms(stage.seconds)}
            _log.debug("stage ended", extra={"fields": fields, "span": one})
        span.start = min((one.start for one in spans), default=span.start)
        ended(span, end=max((one.end for one in spans), default=0), failed=failed)
        said: dict[str, Any] = {"outcome": outcome, "partition": agent.key, "duration_ms": _ms(agent.seconds)}
        if failed:
            said["error"] = {"type": agent.outcome, "details": agent.reason}
        level = _LEVELS.get(agent.outcome, logging.ERROR) if agent.rebuilt else logging.DEBUG
        _log.log(level, f"agent {outcome}", extra={"fields": said, "span": span})
        self._dimensions(agent, span)

    def _spans(self, agent: Span, stages: list[StageOutcome], ends: Mapping[str, int]) -> list[Span]:
        """A span for each stage. One whose end nobody told of ends now if it is the last, or else follows on."""
        spans: list[Span] = []
        before = self.span.start
        for place, stage in enumerate(stages):
            took = int(stage.seconds * 1e9)
            end = ends.get(stage.stage) or (time.time_ns() if place == len(stages) - 1 else before + took)
            start = max(self.span.start, end - took)
            one = begun(stage.stage, parent=agent, start=start, attributes={"status": stage.status})
            one.end = max(end, start)
            spans.append(one)
            before = one.end
        return spans

    def _dimensions(self, agent: AgentOutcome, span: Span) -> None:
        for dimension in agent.dimensions if agent.rebuilt else ():
            if dimension.status == "failed":
                said = {
                    "dimension": dimension.name,
                    "expected": dimension.threshold,
                    "actual": dimension.score,
                    "error": {"type": "DimensionFailed", "details": dimension.reason or dimension.evidence},
                }
                level = logging.ERROR if dimension.required else logging.WARNING
                _validator.log(level, "Validation failed", extra={"fields": said, "span": span})


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
