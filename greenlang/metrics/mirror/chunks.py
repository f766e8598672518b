"""What is not mirrored yet, read from the Parquet tables in pieces that fit in memory.

Belongs here: which parts, and their rows as the Parquet tables hold them. Does not belong here: what becomes of them in
the mirror (`rows`), PostgreSQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from greenlang.errors import MirrorError
from greenlang.metrics.catalogue import STANDS, rows_sql
from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.metrics.parts import ensure_schema_parts
from greenlang.sql import literal

Row = dict[str, Any]
Build = tuple[str, str]  # part and key: one outcome
Part = tuple[str, str]  # table and part
MOST = 1000  # outcomes, or calls, of a piece
_ATTEMPTS = 3
_WATCHED = ("runs", "outcomes", "llm_usage")  # their rows come last of a write: whoever sees them sees its other tables
_OUTCOME = (
    *("part", "key", "run_id", "outcome", "reason", "agent_id", "version", "name", "spec_digest", "score", "coverage"),
    *("tests_passed", "tests_total", "latency_p95_ms", "pack_digest", "certificate_digest", "consumed_digest"),
    *("sandbox_profile", "seconds", "stage_seconds", "written_at"),
)


@dataclass
class Chunk:
    """Rows of some parts: outcomes, what belongs to each, the runs they are of, calls of models."""

    parts: list[Part] = field(default_factory=list)
    outcomes: list[Row] = field(default_factory=list)
    dimensions: dict[Build, list[Row]] = field(default_factory=dict)
    measures: dict[Build, list[Row]] = field(default_factory=dict)
    lineage: dict[Build, list[Row]] = field(default_factory=dict)
    rounds: dict[Build, int] = field(default_factory=dict)
    runs: dict[str, Row] = field(default_factory=dict)
    calls: list[Row] = field(default_factory=list)


def chunks(tables: Path, mirrored: Collection[Part]) -> Iterator[Chunk]:
    """The parts that are not ``mirrored``, the oldest first, at most about `MOST` outcomes at a time.

    Raises MirrorError where the tables cannot be read.
    """
    ensure_schema_parts(tables)
    waiting = [(part, table, rows) for table, part, rows in _again(tables, _parts) if (table, part) not in mirrored]
    piece: list[Part] = []
    size = 0
    for part, table, rows in sorted(waiting):
        if piece and size + rows > MOST:
            yield _again(tables, _read, piece)
            piece, size = [], 0
        piece.append((table, part))
        size += rows
    if piece:
        yield _again(tables, _read, piece)


def _again(tables: Path, work: Any, *arguments: Any) -> Any:
    """Ask once more where a file that was listed has been merged meanwhile."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with duckdb.connect() as connection:
                return work(connection, tables, *arguments)
        except duckdb.IOException as error:
            if attempt == _ATTEMPTS:
                raise MirrorError(f"the tables in {tables} cannot be read: {error}") from error
    raise AssertionError("unreachable")


def _parts(connection: duckdb.DuckDBPyConnection, tables: Path) -> list[tuple[str, str, int]]:
    asked = " UNION ALL ".join(
        f"SELECT '{name}', part, count(*) FROM ({rows_sql(tables, name)}) GROUP BY part"  # noqa: S608 - declared names
        for name in _WATCHED
    )
    return connection.execute(asked).fetchall()


def _read(connection: duckdb.DuckDBPyConnection, tables: Path, parts: list[Part]) -> Chunk:
    def rows(table: str, columns: Iterable[str], of: str = "outcomes", where: str = "true") -> list[Row]:
        wanted = [part for name, part in parts if name == of]
        if not wanted:
            return []
        where = f"{where} AND part IN ({_list(wanted)})"
        key = ", ".join({**TABLES, **JOURNALS}[table].key)
        source = f"SELECT DISTINCT ON ({key}) * FROM ({rows_sql(tables, table)}) WHERE {where}"  # noqa: S608
        return _dicts(connection, f"SELECT {', '.join(columns)} FROM ({source}) ORDER BY {key}")  # noqa: S608

    made = Chunk(list(parts))
    made.outcomes = rows("outcomes", _OUTCOME, where=STANDS)
    made.dimensions = _by_build(rows("qa_dimensions", TABLES["qa_dimensions"].fields))
    made.measures = _by_build(rows("qa_measures", TABLES["qa_measures"].fields))
    made.lineage = _by_build(rows("lineage", ("part", "key", "kind", "ref", "digest")))
    for build, found in _by_build(rows("repairs", ("part", "key", "rung", "round", "status"))).items():
        made.rounds[build] = len({(row["rung"], row["round"]) for row in found if row["status"] != "skipped"})
    made.calls = rows("llm_usage", JOURNALS["llm_usage"].fields, of="llm_usage")
    names = {row["run_id"] for row in (*made.outcomes, *rows("runs", ("run_id",), of="runs"))}
    if names:
        latest = "QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY written_at DESC, part DESC) = 1"
        source = f"FROM ({rows_sql(tables, 'runs')}) WHERE run_id IN ({_list(names)}) {latest}"
        made.runs = {row["run_id"]: row for row in _dicts(connection, source)}
    return made


def _list(texts: Iterable[str]) -> str:
    return ", ".join(literal(text) for text in sorted(texts))


def _dicts(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _by_build(rows: Iterable[Row]) -> dict[Build, list[Row]]:
    found: dict[Build, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["part"], row["key"]].append(row)
    return found
