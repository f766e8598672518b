"""How the specs stand, and what became of them line by line.

Belongs here: the questions behind `greenlang factory status | logs` and their endpoints. Does not belong here: figures
(`totals`), printing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from greenlang.metrics.query import query
from greenlang.settings import Settings

_COUNTS = "SELECT outcome, count(*) FROM agents GROUP BY outcome ORDER BY outcome"
_LAST = "SELECT run_id, entrance, started_at, finished_at FROM runs ORDER BY started_at DESC LIMIT 1"
_FAILED = """
SELECT coalesce(agent_id || ' ' || version, file) AS spec, outcome, reason FROM agents WHERE outcome <> 'registered'
    AND (outcome, spec) > ($outcome, $spec) ORDER BY outcome, spec LIMIT $limit"""
_LOG = """
SELECT history.finished_at, run_id, entrance, coalesce(agent_id || ' ' || version, file) AS spec, outcome,
    round(seconds, 2) AS seconds, coalesce(reason, '') AS reason,
    cast(coalesce(history.finished_at, 'infinity'::TIMESTAMP) AS VARCHAR) AS place
FROM history LEFT JOIN runs USING (run_id)
WHERE starts_with(run_id, $run) AND ($outcome IS NULL OR outcome = $outcome) AND ($at IS NULL
    OR (coalesce(history.finished_at, 'infinity'::TIMESTAMP), spec, run_id) < (cast($at AS TIMESTAMP), $spec, $of))
ORDER BY history.finished_at DESC NULLS FIRST, spec DESC, run_id DESC LIMIT $limit"""


@dataclass(frozen=True, slots=True)
class FactoryStatus:
    """Specs by their last outcome, and the last run: run_id, entrance, started_at, finished_at; None before any."""

    outcomes: dict[str, int]
    last_run: dict[str, Any] | None


def status(settings: Settings) -> FactoryStatus:
    """How the specs stand. Raises QueryError."""
    if not settings.var.is_dir():
        return FactoryStatus({}, None)
    last = query(settings, _LAST).as_dicts()
    return FactoryStatus(dict(query(settings, _COUNTS).rows), last[0] if last else None)


def failed(settings: Settings, *, after: tuple[str, str] = ("", ""), limit: int = 1_000_000) -> list[dict[str, Any]]:
    """Specs that are not registered, as spec, outcome, reason; by outcome and spec. ``after``: the last one seen."""
    if not settings.var.is_dir():
        return []
    return query(settings, _FAILED, {"outcome": after[0], "spec": after[1], "limit": limit}).as_dicts()


def log(
    settings: Settings,
    *,
    run: str = "",
    outcome: str | None = None,
    before: tuple[str, str, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Outcomes of every run, the newest first. ``run``: how its id begins.

    Each is finished_at, run_id, entrance, spec, outcome, seconds, reason; ``before``: (place, spec, run_id) of the last
    one seen. Raises QueryError.
    """
    if not settings.var.is_dir():
        return []
    at, spec, of = before or (None, None, None)
    parameters = {"run": run, "outcome": outcome, "at": at, "spec": spec, "of": of, "limit": limit}
    return query(settings, _LOG, parameters).as_dicts()
