"""Filling the mirror: only what is not there yet, a piece a transaction; a kill or a second run changes nothing.

Readers never wait and never see half a piece. Belongs here: the order of things, writing rows. Does not belong here:
what stands in a column (`rows`, `derived`), reading Parquet (`chunks`), packs and specs (`texts`), the registry
(`registered`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from greenlang.bucket import Bucket
from greenlang.errors import MirrorError, SettingsError
from greenlang.metrics.mirror import derived, registered, rows, schema, texts
from greenlang.metrics.mirror.chunks import Chunk, Row, chunks
from greenlang.settings import Settings

_LOCK = 0x67_6C_6D_72  # "glmr": one fills a mirror at a time
_ONE = "(:of, hashtext(:schema))"
_PACKS = 100  # packs whose texts are written in one transaction
_FRESH_RUNS = (
    "id UUID, batch_id TEXT, run_id TEXT, agents INTEGER, kept INTEGER, started_at TIMESTAMP, finished_at TIMESTAMP, "
    "created_by TEXT"
)


@dataclass(frozen=True, slots=True)
class Filled:
    """What one run added: outcomes, calls of models, steps in the lives of builds, packs whose texts were read.

    ``missing``: packs that stand in the metrics and were not found; they are looked for again the next time.
    """

    jobs: int = 0
    calls: int = 0
    steps: int = 0
    packs: int = 0
    missing: int = 0


def fill(settings: Settings) -> Filled:
    """Bring the mirror up to date with the Parquet tables, the registry and the packs; its tables are made if missing.

    Raises SettingsError without an address or for the mirror of another tenant, MirrorError where its database fails,
    where the tables cannot be read, or where another process is filling it.
    """
    with schema.connected(settings) as connection:
        lock = {"of": _LOCK, "schema": settings.mirror_schema}
        if not connection.execute(text(f"SELECT pg_try_advisory_lock{_ONE}"), lock).scalar_one():
            raise MirrorError("another process is filling the mirror: it will be up to date when that one ends")
        connection.commit()
        try:
            schema.upgrade_in(connection, settings.mirror_schema)
            return Filling(settings, connection).run()
        finally:  # at once, for the next may begin before the server has seen that this one is gone
            with suppress(SQLAlchemyError):  # a connection that breaks gives it up too
                connection.rollback()
                connection.execute(text(f"SELECT pg_advisory_unlock{_ONE}"), lock)


class Filling:
    """One run over an open connection: what the parts of the filling share."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.settings = settings
        self.connection = connection
        self.cursor: Any = connection.connection.cursor()
        self.bucket = Bucket.open(settings.bucket_address)

    def run(self) -> Filled:
        self._own()
        jobs = calls = 0
        with self.connection.begin():
            mirrored = {(source, part) for source, part in self.ask("SELECT source, part FROM mirror_parts")}
        for chunk in chunks(self.settings.tables, mirrored):
            with self.connection.begin():
                self._add(chunk)
            jobs, calls = jobs + len(chunk.outcomes), calls + len(chunk.calls)
        packs, missing = self._texts()
        with self.connection.begin():
            steps = registered.add_steps(self)
            registered.add_references(self)
            registered.add_templates(self)
        return Filled(jobs, calls, steps, packs, missing)

    def _own(self) -> None:
        """A mirror is of one tenant: ids of two would meet."""
        tenant = self.settings.tenant
        with self.connection.begin():
            self.execute("INSERT INTO mirror_source VALUES (true, %(tenant)s, 0) ON CONFLICT DO NOTHING", tenant=tenant)
            ((found,),) = self.ask("SELECT tenant FROM mirror_source")
        if found != tenant:
            raise SettingsError(
                f"the mirror in the schema {self.settings.mirror_schema} is that of the tenant {found}: name another "
                "schema by GREENLANG_MIRROR_SCHEMA"
            )

    def _add(self, chunk: Chunk) -> None:
        """Everything that a chunk brings, within one transaction."""
        limit = self.settings.mirror_text_bytes
        specs = rows.spec_rows(chunk)
        for spec in specs:
            spec["spec_yaml"] = texts.spec_text(self.bucket, spec["key"], spec["spec_hash"], limit)
            spec["category"] = rows.cut(texts.category_of(spec["spec_yaml"]), 100) or None
        self.load("agent_specs", [{n: v for n, v in spec.items() if n != "key"} for spec in specs])
        for statement in (derived.SPECS, derived.SPECS_NEWER, derived.SPECS_OLDER):
            self.execute(statement)
        self.insert("generation_jobs", rows.job_rows(chunk))
        self.insert("mirror_jobs", rows.book_rows(chunk))
        self.insert("agent_artifacts", rows.artifact_rows(chunk))
        self.insert("quality_metrics", rows.quality_rows(chunk))
        self.insert("validation_results", rows.validation_rows(chunk))
        usage, book = rows.call_rows(chunk)
        self.insert("llm_usage", usage)
        self.insert("mirror_calls", book)
        self._reckon(chunk)
        parts = [{"source": source, "part": part} for source, part in chunk.parts]
        self.insert("mirror_parts", parts)

    def _reckon(self, chunk: Chunk) -> None:
        """What hangs on several rows, as far as the chunk touches it."""
        keys = sorted({row["key"] for row in (*chunk.outcomes, *chunk.calls) if row["key"]})
        for statement in (
            derived.CALLS_TO_JOBS,
            derived.COSTS_OF_JOBS,
            derived.TEXTS_WANTED,
            derived.TEXTS_GONE,
        ):
            self.execute(statement, keys=keys)
        moments = [*(o["written_at"] for o in chunk.outcomes), *(call["created_at"] for call in chunk.calls)]
        days = sorted({moment.date().isoformat() for moment in moments if moment is not None})
        self.execute(derived.DAYS, days=days, ids=[rows.row_id("day", day) for day in days])
        self.load("runs", rows.run_rows(chunk), shape=_FRESH_RUNS)
        self.execute(derived.BATCHES)
        packs = sorted({o["pack_digest"] for o in chunk.outcomes if o["pack_digest"]})
        self.execute(derived.STEPS_TO_ARTIFACTS, packs=packs)

    def _texts(self) -> tuple[int, int]:
        """Read the packs that stand and were not read yet; how many were, and how many were not found."""
        with self.connection.begin():
            found = self.ask(
                "SELECT id::TEXT, key, pack_digest, certificate_digest FROM mirror_jobs WHERE texts = 'wanted' "
                "ORDER BY key"
            )
        wanted = [texts.Wanted(*row) for row in found]
        read = 0
        for start in range(0, len(wanted), _PACKS):
            made = []
            for build in wanted[start : start + _PACKS]:
                columns = texts.pack_texts(self.settings, build, self.settings.mirror_text_bytes)
                if columns is not None:
                    made.append({"id": build.job, **columns})
            with self.connection.begin():
                self.load("texts", made, shape=_FRESH_TEXTS)
                self.execute(_TEXTS)
                self.execute("UPDATE mirror_jobs m SET texts = 'there' FROM fresh_texts f WHERE f.id = m.id")
            read += len(made)
        return read, len(wanted) - read

    # --- writing --------------------------------------------------------------------------------------------------

    def execute(self, statement: str, **parameters: Any) -> None:
        """Run a statement in the transaction that is open."""
        self.cursor.execute(statement, parameters or None)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query in the transaction that is open."""
        self.cursor.execute(statement)
        found: list[tuple[Any, ...]] = self.cursor.fetchall()
        return found

    def insert(self, table: str, found: Sequence[Row]) -> int:
        """Add rows to a table; those whose key stands there are passed over. How many were added."""
        if not found:
            return 0
        names = ", ".join(found[0])
        self.load(table, found)
        self.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM fresh_{table} ON CONFLICT DO NOTHING"  # noqa: S608
        )
        return int(self.cursor.rowcount)

    def load(self, table: str, found: Sequence[Row], *, shape: str = "") -> None:
        """Have exactly these rows in the temporary table ``fresh_<table>``, like ``table`` or of that ``shape``."""
        columns = shape or f"LIKE {table}"
        self.execute(f"CREATE TEMP TABLE IF NOT EXISTS fresh_{table} ({columns})")
        self.execute(f"TRUNCATE fresh_{table}")
        if found:
            names = ", ".join(found[0])
            lines = io.StringIO("".join(_line(row.values()) for row in found))
            self.cursor.copy_expert(f"COPY fresh_{table} ({names}) FROM STDIN", lines)


_FRESH_TEXTS = (
    "id UUID, agent_code TEXT, agent_code_hash TEXT, test_code TEXT, test_code_hash TEXT, documentation JSONB, "
    "deployment_pack TEXT, demo_scripts JSONB"
)
_TEXTS = """
UPDATE agent_artifacts a SET agent_code = f.agent_code, agent_code_hash = f.agent_code_hash, test_code = f.test_code,
    test_code_hash = f.test_code_hash, documentation = f.documentation, deployment_pack = f.deployment_pack,
    demo_scripts = f.demo_scripts
FROM fresh_texts f WHERE a.job_id = f.id"""
# In this order; str.translate takes ten times as long.
_ESCAPED = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\ufffd"))


def _line(values: Iterable[Any]) -> str:
    """A row as COPY's text format has it."""
    return "\t".join(_cell(value) for value in values) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (Mapping, list)):
        value = json.dumps(
            rows.finite(value), ensure_ascii=False, sort_keys=True, default=str
        )  # Decimal: no digit lost
    shown = str(value)
    for plain, escaped in _ESCAPED:
        shown = shown.replace(plain, escaped)
    return shown
