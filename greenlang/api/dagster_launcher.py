"""The launcher that hands batches to Dagster: its GraphQL over HTTP, nothing of its packages.

A run is the job `line_batch` with an order as its configuration; the job logs every event of the line, and progress is
read from that log, so that the API need not share a disk with Dagster to know how far a run is.

Belongs here: the queries, and what their answers mean. Does not belong here: what events mean (`greenlang.launcher`).
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import httpx

from greenlang.errors import GreenlangError
from greenlang.launcher import ENDED, ENTRANCE, EVENT, Event, Fold, Order, RunProgress, Status, of_run
from greenlang.telemetry.trace import TAG

JOB, LOCATION, REPOSITORY = "line_batch", "greenlang", "__repository__"
_PAGE = 1000
_REMEMBERED = 256
_CANCEL_SECONDS, _AGAIN_SECONDS = 20.0, 0.5
_FRESH_SECONDS = 0.4  # several who watch one run ask Dagster once
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_STATUS: dict[str, Status] = {
    **dict.fromkeys(("QUEUED", "NOT_STARTED", "MANAGED", "STARTING"), "queued"),
    **dict.fromkeys(("STARTED", "SUSPENDED", "CANCELING"), "running"),
    "SUCCESS": "completed",
    "FAILURE": "failed",
    "CANCELED": "cancelled",
}
_CONFIG = "query($run: ID!) { runOrError(runId: $run) { __typename ... on Run { jobName runConfig } } }"
_LAUNCH = """mutation($given: ExecutionParams!) { launchRun(executionParams: $given) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on PipelineNotFoundError { message }
  ... on UnauthorizedError { message }
  ... on PythonError { message } } }"""
_PROGRESS = """query($run: ID!, $after: String, $most: Int) {
  runOrError(runId: $run) { __typename ... on Run { status } }
  logsForRun(runId: $run, afterCursor: $after, limit: $most) { __typename
    ... on EventConnection { cursor hasMore events { __typename
      ... on LogMessageEvent { message }
      ... on RunFailureEvent { message error { message causes { message } } }
      ... on ExecutionStepFailureEvent { error { message causes { message } } } } } } }"""
_TERMINATE = """mutation($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) { __typename
  ... on TerminateRunFailure { message }
  ... on PythonError { message } } }"""


class DagsterError(GreenlangError, OSError):
    """Dagster does not answer, or not as it should."""


@dataclass
class _Read:
    """How far the log of a run has been read."""

    fold: Fold
    cursor: str | None = None
    why: str = ""
    at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class DagsterLauncher:
    """Runs batches in Dagster; ``url`` is that of its webserver. Any number of these may look at the same runs."""

    name = "dagster"

    def __init__(self, url: str, *, client: httpx.Client | None = None) -> None:
        self.url = f"{url.rstrip('/')}/graphql"
        self._client = client or httpx.Client(timeout=_TIMEOUT)
        self._reads: OrderedDict[str, _Read] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def start(self, order: Order) -> str:
        """Launch, or queue up, a run of `line_batch`. Raises DagsterError."""
        config = {
            "agent_keys": list(order.keys),
            "entrance": ENTRANCE,
            "force": order.force,
            "batch": order.batch,
            "tenant": order.tenant,
            "workers": order.workers,
        }
        if order.rounds is not None:
            config["rounds"] = order.rounds
        tags = {
            "greenlang/entrance": ENTRANCE,
            "greenlang/tenant": order.tenant,
            "greenlang/keys": str(len(order.keys)),
            **({TAG: order.trace} if order.trace else {}),
        }
        given = {
            "selector": {"jobName": JOB, "repositoryName": REPOSITORY, "repositoryLocationName": LOCATION},
            "runConfigData": {"ops": {"run_line": {"config": config}}},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self._ask(_LAUNCH, given=given)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise DagsterError(f"Dagster does not launch {JOB}: {_said(answer)}")
        return str(answer["run"]["runId"])

    def progress(self, run: str) -> RunProgress:
        """How far a run is, from what has been logged since the last look. Raises LookupError, DagsterError."""
        read = self._read(run)
        with read.lock:
            if time.monotonic() - read.at > _FRESH_SECONDS:
                while self._look(run, read):
                    pass
                read.at = time.monotonic()
            return read.fold.told()

    def _look(self, run: str, read: _Read) -> bool:
        """Read a page of the log; whether there is more. The status is asked before the log, and never runs ahead."""
        if read.fold.status in ENDED:
            return False
        answer = self._ask(_PROGRESS, run=run, after=read.cursor, most=_PAGE)
        status, log = answer["runOrError"], answer["logsForRun"]
        if status["__typename"] == "RunNotFoundError" or log["__typename"] == "RunNotFoundError":
            raise LookupError(f"there is no run {run} in Dagster")
        if status["__typename"] != "Run" or log["__typename"] != "EventConnection":
            raise DagsterError(f"Dagster does not tell of the run {run}: {_said(log)}")
        events: list[Event] = []
        for one in log["events"]:
            head, mark, tail = (one.get("message") or "").partition(EVENT)
            if one["__typename"] == "LogMessageEvent" and mark and not head.strip("- "):
                events.append(json.loads(tail))
            elif one.get("error"):
                causes = one["error"].get("causes") or []
                read.why = str((causes or [one["error"]])[-1]["message"]).strip().splitlines()[0]
        read.fold.add(events)
        read.cursor = log["cursor"]
        now = _STATUS.get(status["status"], "running")
        if not log["hasMore"] and now != read.fold.status:
            read.fold.add([of_run(now, read.why if now == "failed" else "")])
        return bool(log["hasMore"])

    def cancel(self, run: str) -> bool:
        """Ask Dagster to end a run; False where it has ended. Raises LookupError, DagsterError."""
        end = time.monotonic() + _CANCEL_SECONDS
        while self.progress(run).status not in ENDED:
            answer = self._ask(_TERMINATE, run=run)["terminateRun"]
            if answer["__typename"] == "TerminateRunSuccess":
                return True
            if answer["__typename"] != "TerminateRunFailure" or time.monotonic() > end:
                raise DagsterError(f"Dagster does not end the run {run}: {_said(answer)}")
            time.sleep(_AGAIN_SECONDS)  # a run that is just starting cannot be ended yet
        return False

    def _read(self, run: str) -> _Read:
        with self._lock:
            found = self._reads.get(run)
        if found is None:
            answer = self._ask(_CONFIG, run=run)["runOrError"]
            if answer["__typename"] != "Run" or answer["jobName"] != JOB:
                raise LookupError(f"there is no run {run} of {JOB} in Dagster")
            keys = answer["runConfig"]["ops"]["run_line"]["config"]["agent_keys"]
            found = _Read(Fold(tuple(keys)))
        with self._lock:
            found = self._reads.setdefault(run, found)
            self._reads.move_to_end(run)
            while len(self._reads) > _REMEMBERED:
                self._reads.popitem(last=False)
        return found

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        try:
            response = self._client.post(self.url, json={"query": query, "variables": variables})
            response.raise_for_status()
            told = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DagsterError(f"Dagster at {self.url} does not answer: {error}") from error
        if told.get("errors"):
            raise DagsterError(f"Dagster at {self.url} refuses a query: {told['errors'][0].get('message', '')}")
        data: dict[str, Any] = told["data"]
        return data


def _said(answer: dict[str, Any]) -> str:
    errors = [one["message"] for one in answer.get("errors", ())]
    return str(answer.get("message") or "; ".join(errors) or answer["__typename"])
