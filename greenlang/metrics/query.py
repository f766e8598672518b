"""Questions to the metrics: read-only, confined to the metrics' own tables, answered while a batch writes.

Belongs here: opening the catalogue safely and running one query. Does not belong here: printing.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from greenlang.errors import QueryError
from greenlang.metrics.catalogue import fingerprint, rebuild
from greenlang.metrics.nights import UNDATED, as_of_sql, releases_folder
from greenlang.settings import Settings
from greenlang.sql import literal

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
_ATTEMPTS = 3
_WRITES = re.compile(
    "COPY|INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|ATTACH|EXPORT|ENABLE_|SERIALIZED", re.IGNORECASE
)
_EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer: column names, their DuckDB types, rows as Python values (Decimal, datetime, dict, ...)."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def as_dicts(self) -> list[dict[str, Any]]:
        """One dict a row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(
    settings: Settings, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), *, night: str = ""
) -> QueryResult:
    """Run one query over the views of the catalogue, which is built if it is missing or out of date.

    Only a query is run (SELECT, FROM, WITH, DESCRIBE, SHOW, SUMMARIZE, PIVOT, EXPLAIN), and it reaches no file outside
    ``settings.tables`` and the stored factor releases. ``night``: the views as they stood at the end of that day, or at
    that moment (UTC, ISO 8601). Raises QueryError, with DuckDB's own message where DuckDB refuses.
    """

    def rows(connection: duckdb.DuckDBPyConnection) -> QueryResult:
        cursor = connection.execute(sql, parameters or None)
        columns = cursor.description or ()
        names, types = tuple(c[0] for c in columns), tuple(str(c[1]).strip('"') for c in columns)
        return QueryResult(names, types, cursor.fetchall())

    return _asked(settings, sql, parameters, night, rows)


def arrow(
    settings: Settings, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), *, night: str = ""
) -> pa.Table:
    """The answer as an Arrow table, in DuckDB's own types; else as `query`."""
    return _asked(settings, sql, parameters, night, lambda opened: _relation(opened, sql, parameters).to_arrow_table())


def _relation(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any) -> duckdb.DuckDBPyRelation:
    found = connection.sql(sql, params=parameters or None)
    if found is None:
        raise QueryError("this statement has no answer that a file could hold")
    return found


def _asked(
    settings: Settings, sql: str, parameters: Any, night: str, take: Callable[[duckdb.DuckDBPyConnection], T]
) -> T:
    if not settings.var.is_dir():
        raise QueryError(f"nothing has been built in {settings.var} yet: run `greenlang demo`, or name another --var")

    def asked() -> T:
        with _open(settings, night, sql) as connection:
            _only_a_query(connection, sql, parameters)
            return take(connection)

    return again(asked)


def again(ask: Callable[[], T]) -> T:
    """What a question to the tables gives. It is asked again where a part that it reads was merged away meanwhile, or a
    table's file was replaced.

    Raises QueryError, with DuckDB's own message.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return ask()
        except duckdb.IOException as error:
            if attempt == _ATTEMPTS:
                raise QueryError(str(error)) from error
        except duckdb.Error as error:
            raise QueryError(str(error)) from error
    raise AssertionError("unreachable")


def _open(settings: Settings, night: str, sql: str) -> duckdb.DuckDBPyConnection:
    """A confined connection that reads the catalogue. In-memory, so threads of one process share nothing."""
    if not settings.catalogue.exists():
        rebuild(settings.catalogue, settings.tables)
    connection = _attach(settings, night, sql)
    try:
        (found,) = connection.execute("SELECT catalogue_fingerprint()").fetchone() or (None,)
    except duckdb.CatalogException:
        found = None
    if found == fingerprint(settings.tables):
        return connection
    connection.close()
    rebuild(settings.catalogue, settings.tables)
    return _attach(settings, night, sql)


def _attach(settings: Settings, night: str, sql: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": "",
        }
    )
    try:
        # the views name the folder in glob's escaped form, the files found have the plain one
        readable = [str(settings.tables), str(releases_folder(settings.tables))]
        folders = ", ".join(literal(f"{name}/") for one in readable for name in {one, glob.escape(one)})
        connection.execute(f"SET allowed_directories = [{folders}]")
        name = UNDATED if night else "metrics"
        connection.execute(f"ATTACH {literal(str(settings.catalogue))} AS {name} (READ_ONLY)")
        connection.execute(f"USE {name}")
        for statement in as_of_sql(night, sql) if night else ():
            connection.execute(statement)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def _only_a_query(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any) -> None:
    """Refuse anything but one query.

    DuckDB has no "read only" for folders, so what could write into the tables' folder must not run: COPY as a
    statement, within a WITH clause (its statement type is SELECT), or out of a serialized plan.
    """
    kinds = duckdb.StatementType
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"one query at a time, please: this text holds {len(statements)} statements")
    kind = statements[0].type
    if kind == kinds.EXPLAIN and (match := _EXPLAIN.match(sql)):
        _only_a_query(connection, sql[match.end() :], parameters)
    elif kind == kinds.MULTI:  # PIVOT without IN: two statements to DuckDB, of which EXPLAIN shows the last
        if any(word in sql.lower() for word in ("copy", "query", "json_execute")):
            raise QueryError("a PIVOT next to COPY, query() or json_execute_serialized_sql() is not answered")
    elif kind == kinds.SELECT:
        plan = connection.execute(f"EXPLAIN (FORMAT json) {sql}", parameters or None).fetchall()
        for operator in _operators([json.loads(text) for _, text in plan]):
            if _WRITES.search(operator):
                raise QueryError(f"this query would write ({operator}); only reading is answered")
    else:
        raise QueryError(
            f"this is a {kind.name} statement; only a query is answered (SELECT, FROM, WITH, DESCRIBE, SHOW)"
        )


def _operators(plan: Any) -> Iterator[str]:
    """The names of every operator of a plan in EXPLAIN's JSON."""
    for node in plan if isinstance(plan, list) else [plan]:
        if isinstance(node, list):
            yield from _operators(node)
        else:
            yield str(node.get("name", ""))
            yield from _operators(node.get("children", []))
