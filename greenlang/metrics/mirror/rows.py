"""Rows of the Parquet tables as rows of the mirror. Ids are UUIDs of what a row is about: another run gives the same.

Belongs here: what stands in which column. Does not belong here: reading (`chunks`), writing (`fill`), what is counted
over several rows (`derived`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, get_args

from greenlang.factory.outcome import Stage
from greenlang.metrics.mirror.chunks import Chunk, Row

_SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "mirror.greenlang")
_STAGES: tuple[str, ...] = get_args(Stage)
_DETAILS = 100  # findings of a dimension
_MOST_INTEGER = 2**31 - 1
SECURITY, DETERMINISM = "compliance_security", "determinism"


def row_id(kind: str, *names: str) -> str:
    """The id of a row."""
    return str(uuid.uuid5(_SPACE, json.dumps([kind, *names])))


def cut(text: str | None, length: int) -> str:
    """A text as long as its column is wide."""
    return (text or "")[:length]


def spec_rows(chunk: Chunk) -> list[Row]:
    """`agent_specs`: one row an agent id, of its last outcome; ``key`` is of that outcome, for its text."""
    found: dict[str, Row] = {}
    for o in sorted(chunk.outcomes, key=lambda o: (o["written_at"], o["part"], o["key"])):
        if not o["agent_id"]:
            continue
        before = found.get(o["agent_id"])
        found[o["agent_id"]] = {
            "id": row_id("spec", o["agent_id"]),
            "agent_id": o["agent_id"],
            "version": cut(o["version"], 50),
            "name": cut(o["name"] or o["agent_id"], 255),
            "domain": cut(o["agent_id"].split("/", 1)[0], 100),
            "spec_hash": o["spec_digest"],
            "created_at": before["created_at"] if before else o["written_at"],
            "updated_at": o["written_at"],
            "key": o["key"],
        }
    return [found[name] for name in sorted(found)]


def job_id(outcome: Mapping[str, Any]) -> str:
    """The id of an outcome's job."""
    return row_id("job", outcome["part"], outcome["key"])


def job_rows(chunk: Chunk) -> list[Row]:
    """`generation_jobs`: one row an outcome; the cost is reckoned later."""
    return [_job(o, chunk) for o in chunk.outcomes]


def _job(o: Row, chunk: Chunk) -> Row:
    done = o["outcome"] == "registered"
    reached = [stage for stage in _STAGES if stage in (o["stage_seconds"] or {})]
    stage = _STAGES[-1] if done else (reached or _STAGES)[-1 if reached else 0]
    return {
        "id": job_id(o),
        "spec_id": row_id("spec", o["agent_id"]) if o["agent_id"] else None,
        "status": "completed" if done else "failed",
        "stage": stage,
        "progress": 100 if done else 100 * _STAGES.index(stage) // len(_STAGES),
        "started_at": None,
        "completed_at": o["written_at"],
        "duration_seconds": o["seconds"],
        "cost_usd": Decimal(0),
        "refinement_attempts": chunk.rounds.get((o["part"], o["key"]), 0),
        "error_message": o["reason"] or None,
        "created_by": cut(chunk.runs.get(o["run_id"], {}).get("entrance"), 255) or None,
    }


def book_rows(chunk: Chunk) -> list[Row]:
    """`mirror_jobs`: what the mirror has to know of a job beside the document's columns."""
    names = ("part", "key", "run_id", "outcome", "version", "spec_digest", "pack_digest", "certificate_digest")
    return [
        {
            "id": job_id(o),
            **{name: o[name] or "" for name in names},
            "written_at": o["written_at"],
            "texts": "none",
        }
        for o in chunk.outcomes
    ]


def artifact_id(job: str) -> str:
    """The id of a job's artifact."""
    return row_id("artifact", job)


def artifact_rows(chunk: Chunk) -> list[Row]:
    """`agent_artifacts`: one row a job that has a pack; the texts come later, from the pack."""
    return [
        {
            "id": artifact_id(job_id(o)),
            "job_id": job_id(o),
            "provenance": {
                **{name: o[name] for name in ("pack_digest", "certificate_digest", "spec_digest", "consumed_digest")},
                "factor_release": chunk.runs.get(o["run_id"], {}).get("factor_release"),
                "sandbox_profile": o["sandbox_profile"],
                "uses": [
                    {name: used[name] for name in ("kind", "ref", "digest")}
                    for used in chunk.lineage.get((o["part"], o["key"]), ())
                ],
            },
            "created_at": o["written_at"],
        }
        for o in chunk.outcomes
        if o["pack_digest"]
    ]


def quality_rows(chunk: Chunk) -> list[Row]:
    """`quality_metrics`: one row an artifact."""
    return [_quality(o, chunk) for o in chunk.outcomes if o["pack_digest"]]


def _quality(o: Row, chunk: Chunk) -> Row:
    build = o["part"], o["key"]
    dimensions = {row["dimension"]: row for row in chunk.dimensions.get(build, ())}
    measures = {row["measure"]: row for row in chunk.measures.get(build, ())}
    security, determinism = dimensions.get(SECURITY, {}), dimensions.get(DETERMINISM, {})
    complexity = measures.get("complexity")
    verdict = {"passed": True, "failed": False}
    return {
        "id": row_id("quality", *build),
        "artifact_id": artifact_id(job_id(o)),
        "test_coverage": o["coverage"],
        "test_count": o["tests_total"],
        "latency_ms": o["latency_p95_ms"],
        # the measure is met where no service can be reached and none was tried: "0 USD"
        "cost_per_call": Decimal(0) if measures.get("cost of a call", {}).get("met") else None,
        "security_score": _whole(security.get("score")),
        "determinism_verified": verdict.get(determinism.get("status", "")),
        "code_complexity": complexity and {name: complexity[name] for name in ("share", "met", "found")},
        "measured_at": o["written_at"],
    }


def validation_rows(chunk: Chunk) -> list[Row]:
    """`validation_results`: one row a dimension that was judged; what is not applicable was not validated."""
    made = []
    for o in chunk.outcomes:
        build = o["part"], o["key"]
        for d in chunk.dimensions.get(build, ()):
            if d["status"] != "not_applicable":
                taken = [m for m in chunk.measures.get(build, ()) if m["dimension"] == d["dimension"]]
                made.append(_validation(o, d, taken))
    return made


def _validation(o: Row, d: Row, taken: Iterable[Row]) -> Row:
    findings = [{"measure": m["measure"], **detail} for m in taken for detail in json.loads(m["details"] or "[]")]
    told = ("title", "threshold", "weight", "required", "evidence", "reason")
    return {
        "id": row_id("validation", o["part"], o["key"], d["dimension"]),
        "job_id": job_id(o),
        "dimension": d["dimension"],
        "passed": d["status"] == "passed",
        "score": _whole(d["score"]),
        "errors": [f for f in findings if f.get("level") == "error"][:_DETAILS],
        "warnings": [f for f in findings if f.get("level") == "warning"][:_DETAILS],
        "metadata": {
            **{name: d[name] for name in told},
            "exact_score": d["score"],
            "measures": [{name: m[name] for name in ("measure", "share", "met", "found")} for m in taken],
        },
        "validated_at": o["written_at"],
    }


def call_rows(chunk: Chunk) -> tuple[list[Row], list[Row]]:
    """`llm_usage`, without the job, and what the mirror has to know of each call beside it."""
    usage, book = [], []
    for call in chunk.calls:
        made = {"id": row_id("call", call["call_id"]), "created_at": call["created_at"]}
        named = ("prompt_tokens", "completion_tokens", "total_tokens", "cost_usd", "latency_ms", "temperature")
        seed = call["seed"] if call["seed"] is not None and abs(call["seed"]) <= _MOST_INTEGER else None
        names = {"provider": cut(call["provider"], 50), "model": cut(call["model"], 100)}
        usage.append({**made, "job_id": None, **names, **{name: call[name] for name in named}, "seed": seed})
        book.append({**made, "key": call["key"] or "", "call": call["call"] or "", "cost_usd": call["cost_usd"] or 0})
    return usage, book


def run_rows(chunk: Chunk) -> list[Row]:
    """What a run says of itself, for `batch_jobs`."""
    return [
        {
            "id": row_id("batch", run["run_id"]),
            "batch_id": cut(run["run_id"], 255),
            "run_id": run["run_id"],
            **{name: run[name] for name in ("agents", "kept", "started_at", "finished_at")},
            "created_by": cut(run["entrance"], 255) or None,
        }
        for run in chunk.runs.values()
    ]


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def finite(value: Any) -> Any:
    """A value for JSON: what is no number is null, what PostgreSQL's JSON cannot hold is replaced."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, Mapping):
        return {str(name): finite(one) for name, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, (list, tuple)) else value
