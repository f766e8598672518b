"""Outcomes as rows of the stored tables, and the Arrow schema of each table.

Belongs here: the mapping from `AgentOutcome` and `RunInfo` to rows. Does not belong here: files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pyarrow as pa

from greenlang.factory.outcome import LATENCY_P95, MEMORY, MUTATION_SCORE, AgentOutcome, MeasureResult
from greenlang.metrics.fields import FIELDS, FORMULAS, JOURNALS, TABLES

Row = dict[str, Any]
# Figures of a judgement that have a column of their own in `agents`.
COLUMNS_OF_FIGURES = {
    "mutation_score": MUTATION_SCORE,
    "latency_p95_ms": LATENCY_P95,
    "memory_mb": MEMORY,
}


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run of the factory. ``kept`` counts the specs whose standing result was kept, over the whole run.

    Write the run again with ``finished_at`` when it ends: the last row of a run counts.
    """

    run_id: str
    entrance: str
    started_at: datetime
    finished_at: datetime | None = None
    sandbox_profile: str = ""
    factor_release: str = ""
    workers: int = 1
    agents: int = 0
    kept: int = 0


def naive_utc(moment: datetime | None) -> datetime | None:
    """A moment as the TIMESTAMP columns hold it: UTC without a zone. A naive moment is taken to be UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment


@cache
def schema(table: str) -> pa.Schema:
    """The Arrow schema of a stored table (or of ``formulas``)."""
    types = {
        "VARCHAR": pa.string(),
        "DOUBLE": pa.float64(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMP": pa.timestamp("us"),
        "DECIMAL(18, 9)": pa.decimal128(18, 9),
        "MAP(VARCHAR, DOUBLE)": pa.map_(pa.string(), pa.float64()),
        "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
    }
    names = FORMULAS if table == "formulas" else {**TABLES, **JOURNALS}[table].fields
    return pa.schema([(name, types[FIELDS[name].type]) for name in names])


def rows_of(outcomes: Sequence[AgentOutcome], run: RunInfo, *, part: str, now: datetime) -> dict[str, list[Row]]:
    """The rows of one write, by table, in the order of `TABLES`."""
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    for o in outcomes:
        child = {
            "part": part,
            "run_id": run.run_id,
            "key": o.key,
            "agent_id": o.agent_id,
            "version": o.version,
        }
        tables["tests"] += [{**child, "n": n, **_named(t, id="test", outcome="result")} for n, t in enumerate(o.tests)]
        tables["qa_dimensions"] += [
            {**child, "dimension": d.name, **{name: getattr(d, name) for name in _DIMENSION}} for d in o.dimensions
        ]
        measures = [(d.name, m) for d in o.dimensions for m in d.measures]
        tables["qa_measures"] += [{**child, "n": n, **_measure(d, m)} for n, (d, m) in enumerate(measures)]
        tables["mutants"] += [
            {**child, "n": n, **_named(asdict(m), id="mutant", outcome="fate", by="killed_by")}
            for n, m in enumerate(o.mutants)
        ]
        tables["differences"] += [
            {**child, "n": n, "case_name": d.case, "output": d.output, "sources": list(d.sources.items())}
            for n, d in enumerate(o.differences)
        ]
        tables["repairs"] += [{**child, **row, "key": o.key} for row in o.repairs]
        tables["lineage"] += [{**child, "n": n, **used} for n, used in enumerate(o.lineage)]
        tables["outcomes"].append({**child, "written_at": naive_utc(now), **_outcome(o)})
    tables["runs"].append(_run(run, part, now))
    return {
        name: [{column: row.get(column) for column in TABLES[name].fields} for row in rows]
        for name, rows in tables.items()
    }


_DIMENSION = ("title", "status", "score", "threshold", "weight", "required", "evidence", "reason")


def _measure(dimension: str, m: MeasureResult) -> Row:
    return {
        "dimension": dimension,
        "measure": m.name,
        "share": m.share,
        "met": m.met,
        "found": m.text,
        "figures": list(m.figures.items()),
        "details": json.dumps([asdict(d) for d in m.details], ensure_ascii=False),
    }


def _named(row: Row, **renamed: str) -> Row:
    return {renamed.get(key, key): value for key, value in row.items()}


def _outcome(o: AgentOutcome) -> Row:
    special = {
        "stage_seconds": list(o.stage_seconds.items()),
        "figures": list(o.figures.items()),
        **{column: o.figures.get(name) for column, name in COLUMNS_OF_FIGURES.items()},
        "summary": list(o.summary.items()),
        "diagnostics": json.dumps([d.as_dict() for d in o.diagnostics], ensure_ascii=False),
    }
    names = (name for name in TABLES["outcomes"].fields if name not in ("part", "written_at", "run_id", *special))
    return {**{name: getattr(o, name) for name in names}, **special}


def _run(run: RunInfo, part: str, now: datetime) -> Row:
    row: Row = {name: getattr(run, name) for name in run.__slots__}
    moments = {"started_at": naive_utc(run.started_at), "finished_at": naive_utc(run.finished_at)}
    return {**row, **moments, "part": part, "written_at": naive_utc(now)}


def formula_rows(formulas: Iterable[Row]) -> list[Row]:
    """Rows of the formula library, by id. ``outputs`` may be a list; it is stored as text."""
    rows = []
    for formula in formulas:
        outputs = formula.get("outputs") or ""
        text = outputs if isinstance(outputs, str) else ", ".join(outputs)
        rows.append({**{name: formula.get(name) for name in FORMULAS}, "outputs": text})
    return sorted(rows, key=lambda row: str(row["id"]))
