"""What stands in each column of the mirror, declared once: the table in docs/analysts.md is made from it.

Names and order are those of document 000, section 6; a test holds them against the database. Belongs here: a phrase a
column. Does not belong here: types and indexes (`migrations`).
"""

from __future__ import annotations

_ID = "UUID made from what the row is about: the same in every mirror"
_NOT_KEPT = "NULL: nobody records when a spec's turn came; batch_jobs has the start of its run"
_PACK = "of the last build whose pack stands; NULL for builds before it, whose packs are no longer kept"

COLUMNS: dict[str, dict[str, str]] = {
    "agent_specs": {
        "id": _ID,
        "agent_id": "as in `agents`; one row an agent, of its last outcome; a file that gave no id has none",
        "version": "version of the last outcome",
        "name": "name for people; the id where the spec gave none",
        "domain": "first part of the id",
        "category": "category of the catalogue, `metadata.catalogue.category`; NULL where the spec has none",
        "spec_yaml": "the spec from the bucket; NULL where it is no longer there (refused) or is too long",
        "spec_hash": "SHA-256 of the spec's bytes",
        "created_at": "when the agent's first outcome was written",
        "updated_at": "when its last one was",
    },
    "generation_jobs": {
        "id": _ID,
        "spec_id": "the agent; NULL for a file that gave no id",
        "status": "completed for registered, else failed; a row is there once the job has ended",
        "stage": "last stage that it came to, by its name in the line",
        "progress": "100, or percent of the stages before the one in which it failed",
        "started_at": _NOT_KEPT,
        "completed_at": "when the outcome was written",
        "duration_seconds": "wall-clock seconds of its own stages",
        "cost_usd": "what models cost for its spec since the job before; 0.0000 where none was asked",
        "refinement_attempts": "attempts on the repair ladder, without those that were skipped",
        "error_message": "the reason; NULL for registered",
        "created_by": "what started the run: cli, nightly, sensor, ...",
    },
    "agent_artifacts": {
        "id": _ID,
        "job_id": "the job; those without a pack have no row",
        "agent_code": f"the package's Python files, each below a line with its path, {_PACK}; NULL if too long",
        "agent_code_hash": f"SHA-256 of that text, {_PACK}",
        "test_code": "the same of tests/",
        "test_code_hash": "SHA-256 of that text",
        "documentation": f"path -> text of README.md, CHANGELOG.md and docs/, {_PACK}",
        "deployment_pack": f"Dockerfile and deploy/, each below a line with its path, {_PACK}",
        "demo_scripts": f"path -> text of demos/, {_PACK}",
        "provenance": "digests of pack, certificate, spec and of all that was consumed; factor release; what was used",
        "created_at": "when the outcome was written",
    },
    "validation_results": {
        "id": _ID,
        "job_id": "the job",
        "dimension": "name of the quality dimension; one that was not applicable has no row",
        "passed": "whether it passed",
        "score": "rounded; `metadata.exact_score` has it whole",
        "errors": "findings of its measures, at most 100",
        "warnings": "the same that are warnings",
        "metadata": "title, threshold, weight, required, evidence, reason, and each measure",
        "validated_at": "when the outcome was written",
    },
    "quality_metrics": {
        "id": _ID,
        "artifact_id": "the artifact",
        "test_coverage": "percent of lines and branches",
        "test_count": "tests of the generated suite",
        "latency_ms": "95th percentile of a call in the sandbox; NULL where not measured",
        "cost_per_call": "0 where the measure shows that no service can be reached; NULL where it was not met",
        "security_score": "score of the dimension Compliance and security, rounded; NULL where not judged",
        "determinism_verified": "whether the dimension Determinism passed; NULL where not judged",
        "code_complexity": "what the measure complexity found; NULL where not taken",
        "measured_at": "when the outcome was written",
    },
    "agent_templates": {
        "id": _ID,
        "name": "name; one that the tenant registered stands for the one that comes with GreenLang",
        "category": "domain; of a registered one the category that it was given",
        "description": "title and summary",
        "template_yaml": "the template",
        "parameters": "inputs of its specs, with unit and range",
        "examples": "golden cases",
        "usage_count": "agents whose spec says that it was made from it",
        "created_at": "when it was registered; NULL for those that come with GreenLang",
        "updated_at": "the same: a template is registered anew, never changed",
    },
    "reference_agents": {
        "id": _ID,
        "agent_id": "every registered agent that repairs may take as a reference: neither deprecated nor retired",
        "domain": "as in the registry",
        "category": "as in agent_specs",
        "agent_code": "as in agent_artifacts; without it there is no row",
        "test_code": "as in agent_artifacts",
        "spec_yaml": "as in agent_specs; NULL where that has another version",
        "metrics": "version, state, score, coverage, tests, factor release, digest of the pack",
        "is_gold_standard": "whether it is certified",
        "created_at": "when it was built",
    },
    "factory_metrics": {
        "id": _ID,
        "metric_date": "day (UTC) on which outcomes were written or models called",
        "total_generated": "outcomes of that day",
        "successful": "those that were registered",
        "failed": "all others",
        "avg_generation_time_seconds": "mean of duration_seconds; NULL without outcomes",
        "avg_refinements": "mean of refinement_attempts",
        "avg_cost_usd": "cost of the day's calls by its outcomes; NULL without outcomes",
        "total_cost_usd": "cost of the day's calls",
        "llm_provider_stats": "provider -> calls, replayed, total_tokens, cost_usd",
        "error_categories": "outcome -> how many, without registered",
        "created_at": "the last outcome or call of that day",
    },
    "batch_jobs": {
        "id": _ID,
        "batch_id": "id of the run",
        "total_agents": "specs that it has handled",
        "completed": "registered, those included whose standing result was kept",
        "failed": "specs that ended otherwise",
        "status": "completed, or running: also for a run that was killed",
        "job_ids": "its jobs, in their order",
        "started_at": "start of the run",
        "completed_at": "its end; NULL while it goes on or if it was killed",
        "created_by": "what started the run",
    },
    "llm_usage": {
        "id": _ID,
        "job_id": "first job of the spec that ended after the call; NULL until then, or for none",
        "provider": "provider by its name in the configuration",
        "model": "model that answered",
        "prompt_tokens": "as counted; 0 for a replay",
        "completion_tokens": "as counted; 0 for a replay",
        "total_tokens": "both",
        "cost_usd": "what was billed, or at most was: see `estimated` in DuckDB",
        "latency_ms": "wall clock; 0 for a replay",
        "temperature": "that the provider accepted; NULL where it takes none",
        "seed": "that the provider accepted; NULL where it takes none, or beyond INTEGER",
        "created_at": "when the call ended",
    },
    "provenance_chain": {
        "id": _ID,
        "artifact_id": "artifact of the first job that gave the pack; NULL for a pack that was built elsewhere",
        "event_type": "kind of the signed step in the build's life: registered, promoted, deprecated, ...",
        "event_data": "the statement that was signed",
        "hash": "SHA-256 of the statement's canonical JSON",
        "previous_hash": "that of the step before; NULL for the first",
        "timestamp": "when the step was taken",
    },
}


def page_table() -> str:
    """The tables for the documentation."""
    lines = ["| table | column | what stands there |", "|---|---|---|"]
    for table, columns in COLUMNS.items():
        for number, (column, meaning) in enumerate(columns.items()):
            lines.append(f"| {f'`{table}`' if not number else ''} | `{column}` | {meaning} |")
    return "\n".join(lines)
