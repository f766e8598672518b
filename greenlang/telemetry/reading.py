"""What the metrics' tables hold that has not been counted yet: each scrape reads new parts only.

Belongs here: which parts are new, and what their rows say, counted by DuckDB. Does not belong here: what is made of it
(`greenlang.telemetry.factory`).

A row is known by its ``part``, the write that it came with, which it keeps when parts are merged: so it is counted once
whether a scrape meets it before, while or after it is merged. What an outcome brought along (dimensions, attempts) was
written before it, and counts with it alone: of a killed write nothing is counted.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from greenlang.metrics.catalogue import STANDS
from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.metrics.parts import MERGED, SCHEMA_PART, parts_of
from greenlang.metrics.rows import schema
from greenlang.sql import literal
from greenlang.telemetry.declared import COVERED, DURATION

_UNREAD = frozenset({"summary", "diagnostics", "figures"})  # long, and nothing is counted in them
_ATTEMPTS = 3
Rows = list[tuple[Any, ...]]
_TRIED = "rung <> 'quarantine' AND status NOT IN ('skipped', 'infrastructure', 'no_answer')"  # as `repair_rungs` has it
_CATEGORY = "CASE WHEN len(string_split(agent_id, '/')) > 2 THEN split_part(agent_id, '/', 2) ELSE '' END"
_JUDGED = """
CREATE TEMP TABLE judged AS SELECT part, key, agent_id, version, written_at, coverage FROM fresh
WHERE agent_id <> '' AND (coverage IS NOT NULL OR score IS NOT NULL)
QUALIFY row_number() OVER (PARTITION BY agent_id ORDER BY written_at DESC, part DESC) = 1"""


@dataclass
class Delta:
    """Rows that are new, counted. The comments give the columns."""

    builds: Rows = field(default_factory=list)  # outcome, domain, category, number
    stages: Rows = field(default_factory=list)  # stage, place in the buckets, number, seconds
    covered: Rows = field(default_factory=list)  # place in the buckets, number, percent
    standing: Rows = field(default_factory=list)  # key, outcome (empty: a corrected spec has followed), written_at
    judged: Rows = field(default_factory=list)  # agent_id, written_at, coverage
    scores: Rows = field(default_factory=list)  # agent_id, dimension, status, score
    complexity: Rows = field(default_factory=list)  # agent_id, share
    failures: Rows = field(default_factory=list)  # dimension, number
    attempts: Rows = field(default_factory=list)  # registered, attempts, number of builds
    ended: Rows = field(default_factory=list)  # key, run_id, written_at: builds that may yet be found to have cost
    free: int = 0  # builds before the last hour whose key never asked a model
    runs: Rows = field(default_factory=list)  # run_id, written_at, entrance, finished_at, workers, agents, kept
    calls: Rows = field(default_factory=list)  # see `_CALLS`


_CHILDREN = {  # table -> the columns that are read of it
    "qa_dimensions": "part, key, agent_id, dimension, status, score",
    "qa_measures": "part, key, agent_id, n, measure, share",
    "repairs": "part, key, n, rung, status",
}
_CALLS = (
    *("call_id", "key", "created_at", "provider", "model", "call", "total_tokens", "cost_usd::DOUBLE", "latency_ms"),
    *("request_digest", "sample", "reask"),
)


class Reader:
    """Reads the tables of one folder, each row once. Not for several threads at a time."""

    def __init__(self, tables: Path) -> None:
        self.tables = tables
        self._files: dict[str, set[str]] = {}  # of each table, names of the files that have been read
        self._parts: dict[str, set[str]] = {}  # and the writes whose rows have been counted

    def read(self) -> Delta:
        """What is new. Raises OSError where the tables cannot be read: nothing counts as read then."""
        for _ in range(_ATTEMPTS - 1):
            with suppress(OSError):  # a part that was listed has been merged and removed: look again
                return self._read()
        return self._read()

    def _read(self) -> Delta:
        delta = Delta()
        seen: dict[str, tuple[set[str], set[str]]] = {}
        try:
            self._runs(delta, seen)  # first: the calls of a run that has ended are all there by then
            self._outcomes(delta, seen)
            self._calls(delta, seen)
        except duckdb.IOException as error:
            raise OSError(str(error)) from error
        for table, (files, parts) in seen.items():
            self._files[table] = files
            self._parts.setdefault(table, set()).update(parts)
        return delta

    def _runs(self, delta: Delta, seen: dict[str, tuple[set[str], set[str]]]) -> None:
        with self._fresh("runs", seen) as connection:
            if connection is not None:
                columns = "run_id, written_at, entrance, finished_at, workers, agents, kept"
                delta.runs = _rows(connection, f"SELECT {columns} FROM fresh ORDER BY written_at")  # noqa: S608

    def _calls(self, delta: Delta, seen: dict[str, tuple[set[str], set[str]]]) -> None:
        with self._fresh("llm_usage", seen) as connection:
            if connection is not None:
                sql = f"SELECT {', '.join(_CALLS)} FROM fresh ORDER BY created_at, call_id"  # noqa: S608 - names
                delta.calls = _rows(connection, sql)

    def _outcomes(self, delta: Delta, seen: dict[str, tuple[set[str], set[str]]]) -> None:
        with self._fresh("outcomes", seen) as connection:
            if connection is None:
                return
            _count(connection, delta)
            self._ended(connection, delta)
            parts = seen["outcomes"][1]
            fresh = {name for name in seen["outcomes"][0] if name not in self._files.get("outcomes", ())}
            if self._child(connection, "qa_dimensions", fresh, parts):
                _dimensions(connection, delta)
            if self._child(connection, "qa_measures", fresh, parts, where="measure = 'complexity'"):
                sql = "SELECT agent_id, avg(share) FROM child JOIN judged USING (part, key, agent_id) GROUP BY 1"
                delta.complexity = _rows(connection, sql)
            if self._child(connection, "repairs", fresh, parts):
                _repairs(connection, delta)

    def _ended(self, connection: duckdb.DuckDBPyConnection, delta: Delta) -> None:
        """Of a long history only the builds are listed whose key has asked a model; the others are counted."""
        folder = self.tables / "llm_usage"
        names = sorted(path.name for path in parts_of(folder))
        asked = f"(SELECT key FROM {_source(folder, names)} WHERE key IS NOT NULL)" if names else "('')"  # noqa: S608 - names of files
        hour_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
        old = f"written_at < TIMESTAMP '{hour_ago}' AND key NOT IN {asked}"
        ((delta.free,),) = _rows(connection, f"SELECT count(*) FROM fresh WHERE {old}")  # noqa: S608
        columns = "key, run_id, written_at"
        delta.ended = _rows(connection, f"SELECT {columns} FROM fresh WHERE NOT ({old}) ORDER BY written_at")  # noqa: S608

    @contextmanager
    def _fresh(
        self, table: str, seen: dict[str, tuple[set[str], set[str]]]
    ) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A connection with the table `fresh` of rows that have not been counted; None where no file is new."""
        folder = self.tables / table
        names = {path.name for path in parts_of(folder)}
        new = sorted(names - self._files.get(table, set()))
        if not new:
            yield None
            return
        with duckdb.connect(config={"threads": 1}) as connection:
            counted = pa.table({"part": pa.array(sorted(self._parts.get(table, ())), pa.string())})
            connection.register("counted", counted)
            connection.register("declared", schema(table).empty_table())  # parts may be older than a column
            source = f"(FROM declared UNION ALL BY NAME FROM {_source(folder, new)})"
            columns = ", ".join(name for name in {**TABLES, **JOURNALS}[table].fields if name not in _UNREAD)
            key = ", ".join({**TABLES, **JOURNALS}[table].key)
            connection.execute(
                f"CREATE TEMP TABLE fresh AS SELECT DISTINCT ON ({key}) {columns} "  # noqa: S608 - declared names
                f"FROM {source} ANTI JOIN counted USING (part)"
            )
            parts = {row[0] for row in _rows(connection, "SELECT DISTINCT part FROM fresh")}
            seen[table] = (names, parts)
            yield connection

    def _child(
        self, connection: duckdb.DuckDBPyConnection, table: str, files: set[str], parts: set[str], where: str = "true"
    ) -> bool:
        """Make the table `child` of the rows that came with these writes; False where the table has none."""
        folder = self.tables / table
        here = {path.name for path in parts_of(folder)}
        if not here or not parts:
            return False
        # A write has one name in every table that it has rows for, until it is merged; each table is by itself.
        whole = any(name.startswith(MERGED) for name in files)
        merged = {name for name in here if name.startswith(MERGED)} if files - here else set()
        names = sorted(here if whole else files & here | merged)
        if not names:
            return False
        connection.register("wanted", pa.table({"part": sorted(parts)}))
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE child AS SELECT DISTINCT {_CHILDREN[table]} FROM "  # noqa: S608
            f"{_source(folder, names)} SEMI JOIN wanted USING (part) WHERE {where}"
        )
        return True


def _source(folder: Path, names: Sequence[str]) -> str:
    schema = [SCHEMA_PART] if (folder / SCHEMA_PART).exists() else []  # gives old parts their new columns
    files = ", ".join(literal(glob.escape(str(folder / name))) for name in (*schema, *names))
    return f"read_parquet([{files}], union_by_name = true)"


def _count(connection: duckdb.DuckDBPyConnection, delta: Delta) -> None:
    connection.execute("UPDATE fresh SET agent_id = coalesce(agent_id, '')")
    outcome = f"CASE WHEN {STANDS} THEN outcome ELSE '' END"
    delta.standing = _rows(
        connection,
        f"SELECT key, arg_max({outcome}, (written_at, part)), max(written_at) FROM fresh GROUP BY key",  # noqa: S608
    )
    connection.execute(f"DELETE FROM fresh WHERE NOT ({STANDS})")  # noqa: S608 - it was not built
    connection.execute(_JUDGED)
    delta.builds = _rows(
        connection,
        f"SELECT outcome, split_part(agent_id, '/', 1), {_CATEGORY}, count(*) FROM fresh GROUP BY ALL",  # noqa: S608
    )
    delta.stages = _rows(
        connection,
        "WITH each AS (SELECT unnest(map_entries(stage_seconds)) AS entry FROM fresh), "  # noqa: S608 - our own text
        "every AS (SELECT entry.key AS stage, entry.value AS seconds FROM each UNION ALL "
        "SELECT 'total', seconds FROM fresh WHERE cardinality(stage_seconds) > 0) "
        f"SELECT stage, {_place('seconds', DURATION.buckets)}, count(*), sum(seconds) FROM every GROUP BY ALL",
    )
    delta.covered = _rows(
        connection,
        f"SELECT {_place('coverage', COVERED.buckets)}, count(*), sum(coverage) FROM fresh "  # noqa: S608 - figures
        "WHERE coverage IS NOT NULL GROUP BY ALL",
    )
    delta.judged = _rows(connection, "SELECT agent_id, written_at, coverage FROM judged")


def _dimensions(connection: duckdb.DuckDBPyConnection, delta: Delta) -> None:
    delta.failures = _rows(connection, "SELECT dimension, count(*) FROM child WHERE status = 'failed' GROUP BY 1")
    delta.scores = _rows(
        connection,
        "SELECT judged.agent_id, dimension, status, score FROM child "
        "JOIN judged ON judged.part = child.part AND judged.key = child.key",
    )


def _repairs(connection: duckdb.DuckDBPyConnection, delta: Delta) -> None:
    delta.attempts = _rows(
        connection,
        "WITH tried AS (SELECT part, key, count(DISTINCT n) AS attempts FROM child "  # noqa: S608 - our own text
        f"WHERE {_TRIED} GROUP BY ALL) "
        "SELECT outcome = 'registered', attempts, count(*) FROM tried JOIN fresh USING (part, key) GROUP BY ALL",
    )


def _place(value: str, bounds: Sequence[float]) -> str:
    """SQL for the place of a value in buckets: how many upper bounds lie below it."""
    return f"len(list_filter({list(bounds)}, lambda bound: bound < {value}))"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    return connection.execute(sql).fetchall()
