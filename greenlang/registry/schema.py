"""How a connection to the registry's database is made, on SQLite and on PostgreSQL.

Belongs here: the engine and its settings, types of columns. Does not belong here: tables (`tables`), decisions.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import DateTime, Engine, create_engine, event, text
from sqlalchemy.engine import Connection, Dialect, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.types import TypeDecorator

BUSY_SECONDS = 30.0
CONNECTIONS = 15  # of one process to a PostgreSQL, at most
CONNECT_SECONDS = 10  # for a PostgreSQL to answer, unless the URL says another `connect_timeout`
WRITE = "greenlang_write"  # execution option: take the write lock at BEGIN, where waiting for it is safe


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC on every database; SQLite keeps no zone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store as UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def engine_for(url: str) -> Engine:
    """An engine for the registry's URL. A SQLite file gets its folder, WAL and a busy timeout."""
    try:
        parsed = make_url(url)
    except ValueError:  # it repeats what it took for the port, which may be a password
        raise ArgumentError("no address of a database: what follows the host is no port") from None
    if parsed.get_backend_name() != "sqlite":
        # Connections are kept: what overflows a pool is opened anew each time, which costs more than most writes. That
        # one was lost shows when a transaction begins (`database`), without another way to the server and back.
        wait = {} if "connect_timeout" in parsed.query else {"connect_timeout": CONNECT_SECONDS}
        return create_engine(parsed, pool_size=CONNECTIONS, max_overflow=0, connect_args=wait)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late; see _on_begin
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            if connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("memory",):
                return
        except sqlite3.OperationalError:  # this one pragma does not wait for others by itself
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _on_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def one_at_a_time(connection: Connection, *names: str) -> None:
    """Wait until no other transaction works on what has these names; this one then does, until it ends.

    On PostgreSQL by a lock that needs no right to change a row; on SQLite there is one writer at any time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"name": "\n".join(names)})


def each_at_a_time(connection: Connection, names: Sequence[tuple[str, ...]]) -> None:
    """The same for several things, each with its names, in their order."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCKS, {"names": ["\n".join(one) for one in sorted(names)]})


_LOCKS = text("SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(CAST(:names AS text[])) AS name")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
