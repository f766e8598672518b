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
    "agent_id": Field("VARCHAR", "id of the agent, as its spec gives it; NULL for a file that gave none"),
    "agents": Field("BIGINT", "specs that the run was asked to handle"),
    "category": Field("VARCHAR", "kind of test: the test file's name without test_"),
    "certificate_digest": Field("VARCHAR", "SHA-256 of the pack's certificate"),
    "citation": Field("VARCHAR", "document, table and place where the publisher states it"),
    "consumed_digest": Field("VARCHAR", "SHA-256 of everything the build consumed; it is rebuilt only if this changes"),
    "coverage": Field("DOUBLE", "lines and branches of the agent's code that its tests reached, percent"),
    "diagnostics": Field(
        "VARCHAR", "findings about the spec: a JSON list of code, severity, message, hint, line, column"
    ),
    "dialect": Field("VARCHAR", "dialect that the spec is written in"),
    "digest": Field("VARCHAR", "SHA-256 of what was used"),
    "dimension": Field("VARCHAR", "name of the quality dimension"),
    "domain": Field("VARCHAR", "subject area"),
    "entrance": Field("VARCHAR", "what started the run: cli, demo, sensor, nightly, ui, ..."),
    "evidence": Field("VARCHAR", "what was measured or checked"),
    "expression": Field("VARCHAR", "the formula as text"),
    "factor_release": Field("VARCHAR", "release of the factor table that was used"),
    "file": Field("VARCHAR", "name of the spec file"),
    "finished_at": Field("TIMESTAMP", "when it was done (UTC); NULL while a run goes on or if it was killed"),
    "id": Field("VARCHAR", "id of the formula"),
    "incomplete": Field("BIGINT", "specs for which some output has no certain plan"),
    "infrastructure": Field("BIGINT", "specs that failed for a reason outside the spec"),
    "kept": Field("BIGINT", "specs whose standing result was kept because nothing had changed"),
    "key": Field("VARCHAR", "partition key agent_id@version-digest, or file:<name> for a file without id"),
    "kind": Field("VARCHAR", "what was used: spec, overlay, factor, formula or parameter"),
    "message": Field("VARCHAR", "what a failed test said"),
    "n": Field("INTEGER", "position of the row in its list"),
    "name": Field("VARCHAR", "name for people"),
    "outcome": Field("VARCHAR", "registered, incomplete, refused, quarantined or infrastructure"),
    "outputs": Field("VARCHAR", "what the formula gives"),
    "pack_digest": Field("VARCHAR", "SHA-256 over the pack's files"),
    "part": Field("VARCHAR", "the write that the row came with; rows of one write belong together"),
    "partition": Field("VARCHAR", "partition key agent_id@version-digest, or file:<name> for a file without id"),
    "quarantined": Field("BIGINT", "specs whose agent failed its tests or a required dimension"),
    "reason": Field("VARCHAR", "why the result is not the good one; NULL or empty if it is"),
    "ref": Field("VARCHAR", "reference of what was used: ef://..., a formula id, a file name"),
    "refused": Field("BIGINT", "specs that were refused before anything was built"),
    "registered": Field("BIGINT", "specs whose agent stands in the registry"),
    "required": Field("BOOLEAN", "whether failing this dimension quarantines the agent"),
    "result": Field("VARCHAR", "passed, failed, error or skipped"),
    "run_id": Field("VARCHAR", "run of the factory that wrote the row"),
    "sandbox_profile": Field("VARCHAR", "confinement in force while the agent's code ran: strict or weak"),
    "score": Field("DOUBLE", "quality, 0 to 100; NULL where not judged"),
    "seconds": Field("DOUBLE", "wall-clock seconds"),
    "spec_digest": Field("VARCHAR", "SHA-256 of the spec file's bytes"),
    "stage_seconds": Field("MAP(VARCHAR, DOUBLE)", "wall-clock seconds of each stage: stage_seconds['packaging']"),
    "started_at": Field("TIMESTAMP", "when the run began (UTC)"),
    "state": Field("VARCHAR", "lifecycle state of a registered agent: draft, ..."),
    "status": Field("VARCHAR", "passed, failed or not_applicable"),
    "summary": Field("MAP(VARCHAR, VARCHAR)", "Markdown for people: plan, tests, quality, pack"),
    "test": Field("VARCHAR", "id of the test"),
    "tests_passed": Field("INTEGER", "tests of the generated suite that passed"),
    "tests_total": Field("INTEGER", "tests of the generated suite"),
    "threshold": Field("DOUBLE", "least score that passes"),
    "title": Field("VARCHAR", "name of the dimension for people"),
    "version": Field("VARCHAR", "version of the agent, as its spec gives it"),
    "weight": Field("DOUBLE", "weight of the dimension in the agent's score"),
    "workers": Field("INTEGER", "processes of the run"),
    "written_at": Field("TIMESTAMP", "when the row was written (UTC); of several rows for a key the last one counts"),
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
    *("consumed_digest", "sandbox_profile", "stage_seconds", "diagnostics", "run_id", "finished_at"),
)

# `factors` is declared in emission_factors/fields.yaml: see `greenlang.metrics.factor_fields`.
VIEWS: dict[str, View] = {
    "agents": View("One row an agent partition (or refused file): its last outcome.", _AGENTS),
    "history": View("Every outcome of every run, the superseded ones too; the columns of `agents`.", _AGENTS),
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
    "lineage": View(
        "What each agent's last build used: factor rows, formulas, its spec.",
        ("agent_id", "version", "kind", "ref", "digest", "citation", "partition", "run_id"),
    ),
    "formulas": View("The formula library.", FORMULAS),
}
FACTORS_DESCRIPTION = "The emission factors in force, one row a published figure, with its citation."
