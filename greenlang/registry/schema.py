"""The registry's tables and how a connection to them is made.

Belongs here: tables, their version, the engine with its SQLite settings. Does not belong here: decisions.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, ForeignKeyConstraint, Index, String, create_engine, event
from sqlalchemy.engine import Connection, Dialect, make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = 1
BUSY_SECONDS = 30.0
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


class Base(DeclarativeBase):
    """All tables of the registry."""


class SchemaVersion(Base):
    """One row: the version of these tables."""

    __tablename__ = "schema_version"

    version: Mapped[int] = mapped_column(primary_key=True)


class VersionRow(Base):
    """One agent version: what its spec says. Written once."""

    __tablename__ = "agent_versions"

    agent_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    version: Mapped[str] = mapped_column(String(100), primary_key=True)
    spec_digest: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    summary: Mapped[str]
    domain: Mapped[str] = mapped_column(String(100), index=True)
    tags: Mapped[list[str]] = mapped_column(JSON)
    inputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    outputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    text: Mapped[str]  # everything that free text is looked for in, lower case
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def _of_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["agent_id", "version"], ["agent_versions.agent_id", "agent_versions.version"])


class CapabilityRow(Base):
    """One capability of one agent version."""

    __tablename__ = "capabilities"
    __table_args__ = (_of_version(),)

    agent_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    version: Mapped[str] = mapped_column(String(100), primary_key=True)
    capability: Mapped[str] = mapped_column(String(200), primary_key=True, index=True)


class BuildRow(Base):
    """One build of an agent version; the one with the greatest id is in force."""

    __tablename__ = "builds"
    __table_args__ = (_of_version(), Index("builds_of_version", "agent_id", "version", "id"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    agent_id: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(100))
    pack_digest: Mapped[str] = mapped_column(String(64))
    certificate_digest: Mapped[str] = mapped_column(String(64))
    factor_release: Mapped[str]
    pack: Mapped[str]
    score: Mapped[float | None]
    coverage: Mapped[float | None]
    tests_passed: Mapped[int]
    tests_total: Mapped[int]
    built_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TransitionRow(Base):
    """One step in the life of an agent version; the state is a view over these."""

    __tablename__ = "transitions"
    __table_args__ = (_of_version(), Index("transitions_of_version", "agent_id", "version", "id"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    agent_id: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(100))
    before: Mapped[str] = mapped_column(String(20))
    after: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str]


def engine_for(url: str) -> Engine:
    """An engine for the registry's URL. A SQLite file gets its folder, WAL and a busy timeout."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
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
