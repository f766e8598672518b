"""Every column of the metrics, declared once: its DuckDB type and its one meaning in every table and view.

Belongs here: fields, and the stored tables and public views as lists of field names. The Parquet schema, the
views, their comments and docs/metrics.md are derived from these. Does not belong here: SQL, files.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One column: DuckDB type and meaning."""

    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """A stored table: a folder of Parquet parts. ``key`` tells two rows of one part apart."""

    fields: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A public view of the catalogue."""

    description: str
    fields: tuple[str, ...]


FIELDS: dict[str, Field] = {
    "after": Field("VARCHAR", "the code after the change"),
    "agent_id": Field("VARCHAR", "id of the agent, as its spec gives it; NULL for a file that gave none"),
    "agents": Field("BIGINT", "specs that the run was asked to handle"),
    "before": Field("VARCHAR", "the code before the change"),
    "call": Field(
        "VARCHAR",
        "what became of the call: answered, replayed (from a cassette, no call was made), busy, failed, refused, "
        "unknown_model, denied, or lost (its process was killed)",
    ),
    "call_id": Field("VARCHAR", "id of the call"),
    "case_name": Field("VARCHAR", "name of the input that was asked"),
    "category": Field("VARCHAR", "kind of test: the test file's name without test_"),
    "change": Field("VARCHAR", "what became of the factor row: added, changed or withdrawn"),
    "changed_fields": Field("VARCHAR", "names of the columns that differ, with spaces between; empty but for changed"),
    "certificate_digest": Field("VARCHAR", "SHA-256 of the pack's certificate"),
    "citation": Field("VARCHAR", "document, table and place where the publisher states it"),
    "completion_tokens": Field("BIGINT", "tokens that the model wrote, as its provider counted them; 0 for a replay"),
    "consumed_digest": Field("VARCHAR", "SHA-256 of everything the build consumed; it is rebuilt only if this changes"),
    "cost_usd": Field("DECIMAL(18, 9)", "US dollars; what the call was at most where nobody told: see estimated"),
    "coverage": Field("DOUBLE", "lines and branches of the agent's code that its tests reached, percent"),
    "created_at": Field("TIMESTAMP", "when the call ended (UTC)"),
    "details": Field("VARCHAR", "what the measure found: a JSON list of message, path, line, rule, mend, level"),
    "diagnostics": Field(
        "VARCHAR", "findings about the spec: a JSON list of code, severity, message, hint, line, column"
    ),
    "dialect": Field("VARCHAR", "dialect that the spec is written in"),
    "digest": Field("VARCHAR", "SHA-256 of what was used"),
    "digest_after": Field("VARCHAR", "SHA-256 over the pack's files after the attempt"),
    "digest_before": Field("VARCHAR", "SHA-256 over the pack's files before the attempt"),
    "dimension": Field("VARCHAR", "name of the quality dimension"),
    "domain": Field("VARCHAR", "subject area"),
    "entrance": Field("VARCHAR", "what started the run: cli, demo, sensor, nightly, ui, ..."),
    "error_class": Field(
        "VARCHAR", "class of the failures that the attempt was about; NULL in repair_rungs: the rung over all classes"
    ),
    "estimated": Field(
        "BOOLEAN",
        "whether cost_usd is the worst case, since nobody said what was billed: the call was cut off, a gateway gave "
        "up waiting, its process was killed, or its tokens were not counted",
    ),
    "evidence": Field("VARCHAR", "what was measured or checked"),
    "expression": Field("VARCHAR", "the formula as text"),
    "factor_key": Field("VARCHAR", "key of the factor row: its reference in lineage without ef://"),
    "factor_release": Field("VARCHAR", "release of the factor table that was used"),
    "failures_after": Field("INTEGER", "failures of this class after the attempt"),
    "failures_before": Field("INTEGER", "failures of this class before the attempt"),
    "fate": Field("VARCHAR", "killed, survived, timed_out, broken (could not be imported) or not run"),
    "figures": Field("MAP(VARCHAR, DOUBLE)", "measured quantities, each name with its unit: figures['latency p95 ms']"),
    "file": Field("VARCHAR", "name of the spec file"),
    "fingerprint": Field("VARCHAR", "SHA-256 of the failures that the repair began with"),
    "finished_at": Field("TIMESTAMP", "when it was done (UTC); NULL while a run goes on or if it was killed"),
    "found": Field("VARCHAR", "what was found, in words"),
    "held_out_rate": Field("DOUBLE", "share of the tests that the repair could not see which passed, 0 to 1"),
    "id": Field("VARCHAR", "id of the formula"),
    "improved": Field("BIGINT", "tries that made something better and not yet all of it good"),
    "incomplete": Field("BIGINT", "specs for which some output has no certain plan"),
    "infrastructure": Field("BIGINT", "specs that failed for a reason outside the spec"),
    "kept": Field("BIGINT", "specs whose standing result was kept because nothing had changed"),
    "key": Field("VARCHAR", "partition key agent_id@version-digest, or file:<name> for a file without id"),
    "killed_by": Field("VARCHAR", "id of the test that failed first"),
    "kind": Field(
        "VARCHAR", "what was used: spec, overlay, factor, formula, parameter, or repair (a rung that changed the pack)"
    ),
    "latency_ms": Field("DOUBLE", "milliseconds of wall clock; 0 for a replay"),
    "latency_p95_ms": Field(
        "DOUBLE", "milliseconds within which 95 of 100 calls of the agent ended; NULL where not measured"
    ),
    "line": Field("INTEGER", "line in the file, from 1"),
    "measure": Field("VARCHAR", "name of the measure"),
    "memory_mb": Field("DOUBLE", "megabytes that the agent added to its process; NULL where not measured"),
    "mended": Field("BIGINT", "tries after which the agent passed, or an overlay was proposed"),
    "message": Field("VARCHAR", "what a failed test said"),
    "met": Field("BOOLEAN", "whether the measure is met in full"),
    "model": Field("VARCHAR", "model that answered, as its provider names it; the one asked where none did"),
    "mutant": Field("VARCHAR", "id of the mutant: one change to the agent's code, which its tests ought to notice"),
    "mutant_tier": Field("VARCHAR", "how many mutants were asked for: a number, or all"),
    "mutation_score": Field(
        "DOUBLE", "mutants that the tests noticed, percent of those that count; NULL where not measured"
    ),
    "n": Field("INTEGER", "position of the row in its list"),
    "name": Field("VARCHAR", "name for people"),
    "new_value": Field("DECIMAL(38, 24)", "the figure since the release; NULL for a row that was withdrawn"),
    "old_value": Field("DECIMAL(38, 24)", "the figure before the release; NULL for a row that was added"),
    "operator": Field(
        "VARCHAR", "kind of change that made the mutant; control: one that changes nothing and has to survive"
    ),
    "outcome": Field("VARCHAR", "registered, incomplete, refused, quarantined or infrastructure"),
    "output": Field("VARCHAR", "name of the output"),
    "outputs": Field("VARCHAR", "what the formula gives"),
    "pack_digest": Field("VARCHAR", "SHA-256 over the pack's files"),
    "part": Field("VARCHAR", "the write that the row came with; rows of one write belong together"),
    "partition": Field("VARCHAR", "partition key agent_id@version-digest, or file:<name> for a file without id"),
    "path": Field("VARCHAR", "file, relative to the pack"),
    "prompt": Field("VARCHAR", "name@version of the prompt"),
    "prompt_tokens": Field("BIGINT", "tokens of the request, as its provider counted them; 0 for a replay"),
    "provider": Field("VARCHAR", "provider of the model, by its name in the configuration"),
    "quarantined": Field("BIGINT", "specs whose agent failed its tests or a required dimension"),
    "reask": Field("INTEGER", "how many replies before this one could not be used"),
    "reason": Field("VARCHAR", "why the result is not the good one; NULL or empty if it is"),
    "ref": Field("VARCHAR", "reference of what was used: ef://..., a formula id, a file name"),
    "refused": Field("BIGINT", "specs that were refused before anything was built"),
    "registered": Field("BIGINT", "specs whose agent stands in the registry"),
    "relative_change": Field(
        "DOUBLE", "(new_value - old_value) / old_value; NULL where there is no old figure or it is 0"
    ),
    "release": Field("VARCHAR", "factor release that brought the change"),
    "replaced_by": Field(
        "VARCHAR",
        "partition key of the corrected spec that has followed this one, which counts nowhere since; else NULL",
    ),
    "report": Field("VARCHAR", "folder of the quality report, relative to var"),
    "request_digest": Field("VARCHAR", "SHA-256 of the canonical request: the name of its cassette"),
    "required": Field("BOOLEAN", "whether failing this dimension quarantines the agent"),
    "result": Field("VARCHAR", "passed, failed, error or skipped"),
    "round": Field("INTEGER", "round on the rung, from 0"),
    "run_id": Field("VARCHAR", "run of the factory that wrote the row"),
    "rung": Field("VARCHAR", "rung of the repair ladder: mechanical, template, overlay, code or quarantine"),
    "sample": Field("INTEGER", "number of the sample, where a question is asked several times"),
    "sandbox_profile": Field("VARCHAR", "confinement in force while the agent's code ran: strict or weak"),
    "score": Field("DOUBLE", "quality, 0 to 100; NULL where not judged"),
    "seconds": Field("DOUBLE", "wall-clock seconds"),
    "seed": Field("BIGINT", "seed that the provider accepted; NULL where it takes none"),
    "share": Field(
        "DOUBLE", "how far the measure is met, 0 to 1; NULL where it could not be measured, and then it never scores"
    ),
    "sources": Field("MAP(VARCHAR, VARCHAR)", "what each source says: agent, decimal, duckdb, expected"),
    "spec_digest": Field("VARCHAR", "SHA-256 of the spec file's bytes"),
    "stage": Field("VARCHAR", "stage of the line that asked"),
    "stage_seconds": Field("MAP(VARCHAR, DOUBLE)", "wall-clock seconds of each stage: stage_seconds['packaging']"),
    "started_at": Field("TIMESTAMP", "when the run began (UTC)"),
    "state": Field("VARCHAR", "lifecycle state of a registered agent: draft, ..."),
    "status": Field("VARCHAR", "of a dimension: passed, failed or not_applicable; of a repair: repaired, refused, ..."),
    "summary": Field("MAP(VARCHAR, VARCHAR)", "Markdown for people: plan, tests, quality, pack"),
    "temperature": Field("DOUBLE", "temperature that the provider accepted; NULL where it takes none"),
    "test": Field("VARCHAR", "id of the test"),
    "tests_passed": Field("INTEGER", "tests of the generated suite that passed"),
    "tests_total": Field("INTEGER", "tests of the generated suite"),
    "threshold": Field("DOUBLE", "least score that passes"),
    "title": Field("VARCHAR", "name of the dimension for people"),
    "total_tokens": Field("BIGINT", "prompt_tokens and completion_tokens"),
    "tries": Field(
        "BIGINT", "how often the rung was really tried; skipped rungs and questions without answer are none"
    ),
    "unanswered": Field("BIGINT", "questions to a model that had no answer"),
    "unit": Field("VARCHAR", "unit of the factor's figure"),
    "usd": Field("DOUBLE", "US dollars that models cost"),
    "version": Field("VARCHAR", "version of the agent, as its spec gives it"),
    "visible_rate": Field("DOUBLE", "share of the tests that the repair could see which passed, 0 to 1"),
    "waits_for": Field(
        "VARCHAR",
        "what a rung for a model lacked: model <digest of providers and recordings>, budget <USD>, night <name>, "
        "rounds <n> or provider; the agent is built again once there is another, or more",
    ),
    "weight": Field("DOUBLE", "weight of the dimension in the agent's score"),
    "workers": Field("INTEGER", "processes of the run"),
    "written_at": Field("TIMESTAMP", "when the row was written (UTC); of several rows for a key the last one counts"),
    "yield": Field("DOUBLE", "share of the tries that mended, 0 to 1; NULL without a try"),
}

# What an agent's row holds, in the names of `greenlang.factory.outcome.AgentOutcome`.
_OUTCOME = (
    *("key", "file", "outcome", "reason", "agent_id", "version", "name", "spec_digest", "dialect", "state"),
    *(
        "score",
        "coverage",
        "tests_passed",
        "tests_total",
        "pack_digest",
        "certificate_digest",
        "consumed_digest",
    ),
    *("sandbox_profile", "seconds", "stage_seconds", "diagnostics", "summary"),
    *("mutation_score", "mutant_tier", "latency_p95_ms", "memory_mb", "figures", "report", "waits_for", "replaced_by"),
)
_CHILD = ("part", "run_id", "key", "agent_id", "version")

# The order is the order of writing: outcomes last, so that a kill in between leaves nothing visible.
TABLES: dict[str, Table] = {
    "tests": Table((*_CHILD, "n", "test", "category", "result", "seconds", "message"), ("part", "key", "n")),
    "qa_dimensions": Table(
        (
            *_CHILD,
            "dimension",
            "title",
            "status",
            "score",
            "threshold",
            "weight",
            "required",
            "evidence",
            "reason",
        ),
        ("part", "key", "dimension"),
    ),
    "qa_measures": Table(
        (*_CHILD, "n", "dimension", "measure", "share", "met", "found", "figures", "details"), ("part", "key", "n")
    ),
    "mutants": Table(
        (*_CHILD, "n", "mutant", "operator", "path", "line", "before", "after", "fate", "killed_by"),
        ("part", "key", "n"),
    ),
    "differences": Table((*_CHILD, "n", "case_name", "output", "sources"), ("part", "key", "n")),
    "repairs": Table(
        (
            *_CHILD,
            *("n", "rung", "round", "error_class", "status", "reason", "failures_before", "failures_after", "seconds"),
            *("usd", "visible_rate", "held_out_rate", "digest_before", "digest_after", "fingerprint"),
        ),
        ("part", "key", "n", "error_class"),
    ),
    "lineage": Table((*_CHILD, "n", "kind", "ref", "digest", "citation"), ("part", "key", "n")),
    "runs": Table(
        (
            *("part", "written_at", "run_id", "entrance", "started_at", "finished_at", "sandbox_profile"),
            *("factor_release", "workers", "agents", "kept"),
        ),
        ("part", "run_id"),
    ),
    "outcomes": Table(("part", "written_at", "run_id", *_OUTCOME), ("part", "key")),
}

_CALL = (
    *("call_id", "created_at", "stage", "prompt", "request_digest", "sample", "reask", "provider", "model", "call"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "cost_usd", "estimated", "latency_ms"),
    *("temperature", "seed"),
)

# Written as things happen, not with the outcome of an agent.
JOURNALS: dict[str, Table] = {"llm_usage": Table(("part", "key", *_CALL), ("call_id",))}

FORMULAS = ("id", "domain", "name", "outputs", "expression", "citation")

_AGENTS = (
    *(
        "agent_id",
        "version",
        "outcome",
        "state",
        "score",
        "coverage",
        "tests_passed",
        "tests_total",
        "dialect",
    ),
    *("seconds", "partition", "file", "name", "reason", "spec_digest", "pack_digest", "certificate_digest"),
    *("mutation_score", "mutant_tier", "latency_p95_ms", "memory_mb", "figures", "report", "waits_for"),
    *("consumed_digest", "sandbox_profile", "stage_seconds", "diagnostics", "run_id", "finished_at"),
)

# `factors` is declared in emission_factors/fields.yaml: see `greenlang.metrics.factor_fields`.
VIEWS: dict[str, View] = {
    "agents": View(
        "One row an agent partition (or refused file): its last outcome. None of a spec that a corrected one followed.",
        _AGENTS,
    ),
    "history": View(
        "Every outcome of every run, the superseded ones too; the columns of `agents`, and what has replaced a spec.",
        (*_AGENTS, "replaced_by"),
    ),
    "runs": View(
        "One row a run of the factory, with what became of its specs.",
        (
            *(
                "run_id",
                "entrance",
                "started_at",
                "finished_at",
                "agents",
                "kept",
                "registered",
                "incomplete",
            ),
            *("refused", "quarantined", "infrastructure", "sandbox_profile", "factor_release", "workers"),
        ),
    ),
    "tests": View(
        "One row a test of each agent's last build.",
        ("agent_id", "version", "test", "category", "result", "seconds", "message", "partition", "run_id"),
    ),
    "qa_dimensions": View(
        "One row a quality dimension of each agent's last build.",
        (
            *(
                "agent_id",
                "version",
                "dimension",
                "title",
                "status",
                "score",
                "threshold",
                "weight",
                "required",
            ),
            *("evidence", "reason", "partition", "run_id"),
        ),
    ),
    "qa_measures": View(
        "One row a measure of each dimension of each agent's last build.",
        (
            *("agent_id", "version", "dimension", "measure", "share", "met", "found", "figures", "details"),
            *("partition", "run_id"),
        ),
    ),
    "mutants": View(
        "One row a mutant of each agent's last build: what was changed in its code, and which test noticed.",
        (
            *("agent_id", "version", "mutant", "operator", "path", "line", "before", "after", "fate", "killed_by"),
            *("partition", "run_id"),
        ),
    ),
    "differences": View(
        "Figures on which the agent and the reference back-ends disagree, of each agent's last build.",
        ("agent_id", "version", "case_name", "output", "sources", "partition", "run_id"),
    ),
    "repairs": View(
        "One row an attempt of the repair ladder and class of failure, of each agent's last build.",
        (
            *("agent_id", "version"),
            *("n", "rung", "round", "error_class", "status", "reason", "failures_before", "failures_after", "seconds"),
            *("usd", "visible_rate", "held_out_rate", "digest_before", "digest_after", "fingerprint"),
            *("partition", "run_id"),
        ),
    ),
    "repair_rungs": View(
        "What the repair ladder yields and costs over every build of every agent: one row a rung, and one a rung and "
        "class of failure.",
        ("rung", "error_class", "tries", "mended", "improved", "unanswered", "yield", "seconds", "usd"),
    ),
    "lineage": View(
        "What each agent's last build used: factor rows, formulas, its spec.",
        ("agent_id", "version", "kind", "ref", "digest", "citation", "partition", "run_id"),
    ),
    "llm_usage": View(
        "One row a call of a language model, the failed ones and the replays too.", ("partition", *_CALL)
    ),
    "formulas": View("The formula library.", FORMULAS),
    "factor_changes": View(
        "What each stored factor release changed against the one before, one row a factor row.",
        (
            *("release", "change", "factor_key", "old_value", "new_value", "unit", "relative_change"),
            "changed_fields",
        ),
    ),
}
FACTORS_DESCRIPTION = "The emission factors in force, one row a published figure, with its citation."
