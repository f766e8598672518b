"""The stored rows, opened for questions about any night: also those that later outcomes have superseded.

Belongs here: the connection, the rows as they stood at a moment. Does not belong here: what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from greenlang.digest.nights import Span
from greenlang.metrics.catalogue import STANDS, rows_sql
from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.metrics.parts import ensure_schema_parts
from greenlang.metrics.query import again
from greenlang.settings import Settings

T = TypeVar("T")
# An agent version is one thing over all contents of its spec; a file that gave none is its own.
IDENTITY = "CASE WHEN agent_id = '' THEN key ELSE agent_id || '@' || version END"


class Source:
    """Questions to the tables of one factory. ``runs`` is a table; other rows are asked for by table and condition."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Path) -> None:
        self._connection = connection
        self._tables = tables
        self.run(
            f"CREATE TEMP TABLE runs AS {rows_sql(tables, 'runs')} "
            "QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY written_at DESC, part DESC) = 1"
        )

    def run(self, sql: str, **parameters: Any) -> None:
        """Run a statement."""
        self._connection.execute(sql, parameters or None)

    def ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of an answer."""
        return self._connection.execute(sql, parameters or None).fetchall()

    def dicts(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of an answer by column."""
        cursor = self._connection.execute(sql, parameters or None)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def rows(self, table: str, where: str, columns: str = "*") -> str:
        """SQL of the stored rows of a table under a condition, each once, also while parts are merged."""
        key = ", ".join({**TABLES, **JOURNALS}[table].key)
        return self.stored(table, where, f"DISTINCT ON ({key}) {columns}")

    def stored(self, table: str, where: str, columns: str) -> str:
        """The same as they lie there, some of them twice: cheaper for those who choose one of several anyway."""
        # rows_sql names every column, and the condition stands below DISTINCT, so that little is read
        return f"SELECT {columns} FROM ({rows_sql(self._tables, table)}) WHERE {where}"  # noqa: S608

    def standing(self, name: str, moment: str) -> None:
        """Make a table of the outcome that each key had when the runs that began before ``moment`` (SQL) had ended."""
        before = f"run_id IN (SELECT run_id FROM runs WHERE started_at < {moment})"  # noqa: S608
        columns = f"key, part, written_at, outcome, pack_digest, replaced_by, {IDENTITY} AS identity"
        last = "QUALIFY row_number() OVER (PARTITION BY key ORDER BY written_at DESC, part DESC) = 1"
        self.run(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * EXCLUDE (replaced_by) FROM "  # noqa: S608
            f"(FROM ({self.stored('outcomes', before, columns)}) {last}) WHERE {STANDS}"
        )


def answered(settings: Settings, question: Callable[[Source], T]) -> T:
    """What a question to the tables gives; see `greenlang.metrics.query.again`."""

    def asked() -> T:
        with _opened(settings) as source:
            return question(source)

    return again(asked)


def run_at(settings: Settings) -> tuple[datetime | None, datetime | None]:
    """When the first and the last run of a factory began, UTC without a zone; None where nothing has run."""
    ((first, last),) = answered(
        settings, lambda source: source.ask("SELECT min(started_at), max(started_at) FROM runs")
    )
    return first, last


@contextmanager
def _opened(settings: Settings) -> Iterator[Source]:
    ensure_schema_parts(settings.tables)
    with duckdb.connect(config={"autoinstall_known_extensions": False, "temp_directory": ""}) as connection:
        yield Source(connection, settings.tables)


def spans_table(source: Source, spans: Sequence[Span]) -> None:
    """Make the table ``nights`` of these nights: night, begins, ends."""
    source.run("CREATE OR REPLACE TEMP TABLE nights (night DATE, begins TIMESTAMP, ends TIMESTAMP)")
    for one in spans:
        source.run("INSERT INTO nights VALUES ($night, $begin, $end)", night=one.name, begin=one.begin, end=one.end)
