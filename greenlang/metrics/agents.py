"""What the factory recorded of one agent, and of one run.

Belongs here: the questions behind `greenlang agent inspect | batch-status` and their endpoints. Does not belong here:
figures (`totals`), how all specs stand (`log`), printing.
"""

from __future__ import annotations

from typing import Any

from greenlang.metrics.query import query
from greenlang.settings import Settings

_JUDGED = """
SELECT title, status, score, threshold, evidence, reason FROM qa_dimensions
WHERE agent_id = $id AND version = $version"""
_USED = "SELECT kind, ref, citation FROM lineage WHERE agent_id = $id AND version = $version ORDER BY ALL"
_WHY = """
SELECT outcome, version, file, reason, waits_for, run_id FROM agents
WHERE agent_id = $id AND ($version = '' OR version = $version) ORDER BY finished_at DESC LIMIT 1"""
_RUNS = "SELECT * FROM runs WHERE $run = '' OR starts_with(run_id, $run) ORDER BY started_at DESC LIMIT 2"
_FAILED = """
SELECT coalesce(agent_id || ' ' || version, file) AS spec, outcome, reason FROM history
WHERE run_id = $run AND outcome <> 'registered' AND replaced_by IS NULL ORDER BY ALL"""


def recorded(settings: Settings, agent_id: str, version: str) -> dict[str, list[dict[str, Any]]]:
    """How a version was judged and what it uses, as rows: ``qa_dimensions``, ``lineage``. Raises QueryError."""
    identity = {"id": agent_id, "version": version}
    if not settings.var.is_dir():
        return {"qa_dimensions": [], "lineage": []}
    return {
        "qa_dimensions": query(settings, _JUDGED, identity).as_dicts(),
        "lineage": query(settings, _USED, identity).as_dicts(),
    }


def unregistered(settings: Settings, agent_id: str, version: str = "") -> str:
    """Why a spec that the factory knows is not registered, in a sentence; empty for one that it does not know."""
    if not settings.var.is_dir():
        return ""
    rows = query(settings, _WHY, {"id": agent_id, "version": version}).as_dicts()
    if not rows:
        return ""
    row = rows[0]
    why = row["reason"] or "but the registry does not hold it"
    waits = f"; it waits for: {row['waits_for']}" if row["waits_for"] else ""
    return f"{agent_id} {row['version']} from {row['file']} is {row['outcome']}: {why}{waits}"


def run(settings: Settings, name: str = "") -> dict[str, Any]:
    """A run by its id, or how that begins, or the last one: ``batch``, ``status``, its row, ``failed``.

    Raises LookupError where there is none, or several.
    """
    runs = query(settings, _RUNS, {"run": name}).as_dicts()
    if not runs:
        known = "`greenlang factory logs` names them"
        raise LookupError(f"no batch is called {name}; {known}" if name else "no batch yet")
    if name and len(runs) > 1:
        raise LookupError(f"several batches begin with {name}: {', '.join(row['run_id'] for row in runs)}, ...")
    row = runs[0]
    return {
        "batch": row["run_id"],
        "status": "finished" if row["finished_at"] else "running, or killed",
        **{column: value for column, value in row.items() if column != "run_id"},
        "failed": query(settings, _FAILED, {"run": row["run_id"]}).as_dicts(),
    }
