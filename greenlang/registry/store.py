"""Registry: one entry an agent version, immutable by its spec; builds and lifecycle steps are only added.

Belongs here: registering, finding, searching. Does not belong here: who may promote what.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy import Engine, Select, func, insert, inspect, select
from sqlalchemy.engine import Connection, Row, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
    TimeoutError,
)

from greenlang.errors import GreenlangError, RegistryConflict, SettingsError
from greenlang.registry.entry import Build, Port, RegistryEntry, Transition, version_key
from greenlang.registry.schema import (
    SCHEMA_VERSION,
    WRITE,
    Base,
    BuildRow,
    CapabilityRow,
    SchemaVersion,
    TransitionRow,
    VersionRow,
    engine_for,
)

Registered = Literal["created", "rebuilt", "exists"]
_BUILD = (
    "pack_digest",
    "certificate_digest",
    "factor_release",
    "pack",
    "score",
    "coverage",
    "tests_passed",
    "tests_total",
)


class RegistryError(GreenlangError, OSError):
    """The registry's database cannot be reached, read or written."""


class Registry:
    """The registry behind an SQLAlchemy URL. Opens at the first use, makes its tables, survives a fork.

    Any number of processes may use one SQLite file: writers wait for each other, readers for nobody.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine: Engine | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        if self._engine is not None:
            self._engine.dispose(close=self._pid == os.getpid())
            self._engine = None

    # Writing

    def register(self, entry: RegistryEntry) -> Registered:
        """Enter an agent version: one transaction, whole or not at all.

        "created" for a new version; "exists" when this very build is in force; "rebuilt" when the same spec
        gave another pack (a new factor release): the build is added, the older ones stay in `builds`.
        Raises RegistryConflict when the version stands with another spec.
        """
        try:
            return self._register(entry)
        except IntegrityError:  # on a database without a lock at BEGIN another process was first: look again
            return self._register(entry)

    def _register(self, entry: RegistryEntry) -> Registered:
        now = datetime.now(UTC)
        with self._connection(write=True) as connection:
            standing = connection.execute(
                _entries().where(VersionRow.agent_id == entry.agent_id, VersionRow.version == entry.version)
            ).first()
            if standing is None:
                _insert_version(connection, entry, now)
                _insert_build(connection, entry, now)
                return "created"
            if standing.spec_digest != entry.spec_digest:
                raise RegistryConflict(
                    f"{entry.agent_id} {entry.version} is registered with the spec {standing.spec_digest}; "
                    f"this one is {entry.spec_digest}. What is registered stays: "
                    "give the changed spec a new version"
                )
            if standing.pack_digest == entry.pack_digest:
                return "exists"
            _insert_build(connection, entry, now)
            return "rebuilt"

    # Reading

    def get(self, agent_id: str, version: str | None = None) -> RegistryEntry:
        """The entry of a version, or of the highest version. Raises LookupError where `find` gives None."""
        entry = self.find(agent_id, version)
        if entry is None:
            raise LookupError(f"{agent_id}{' ' + version if version else ''} is not registered")
        return entry

    def find(self, agent_id: str, version: str | None = None) -> RegistryEntry | None:
        """The entry of a version, or of the highest version; None if there is none."""
        if version is None:
            return next(iter(self.versions(agent_id)), None)
        statement = _entries().where(VersionRow.agent_id == agent_id, VersionRow.version == version)
        return next(iter(self._select(statement)), None)

    def versions(self, agent_id: str) -> list[RegistryEntry]:
        """Every version of an agent, the highest first."""
        found = self._select(_entries().where(VersionRow.agent_id == agent_id))
        return sorted(found, key=lambda entry: version_key(entry.version), reverse=True)

    def search(
        self,
        text: str | None = None,
        *,
        domain: str | None = None,
        capability: str | None = None,
        limit: int | None = 50,
    ) -> list[RegistryEntry]:
        """Entries with every word of ``text``, in this domain, with this capability (an output or a tag).

        Case does not matter. Words in the id count most, then the name, then the rest; ties go by id, the
        highest version first.
        """
        words = (text or "").lower().split()
        statement = _entries()
        for word in words:
            statement = statement.where(VersionRow.text.contains(word, autoescape=True))
        if domain is not None:
            statement = statement.where(func.lower(VersionRow.domain) == domain.lower())
        if capability is not None:
            statement = statement.where(
                select(CapabilityRow.capability)
                .where(
                    CapabilityRow.agent_id == VersionRow.agent_id,
                    CapabilityRow.version == VersionRow.version,
                    CapabilityRow.capability == capability.lower(),
                )
                .exists()
            )
        found = self._select(statement)
        found.sort(key=lambda entry: version_key(entry.version), reverse=True)
        found.sort(key=lambda entry: (-_relevance(entry, words), entry.agent_id))
        return found if limit is None else found[:limit]

    def all(self) -> list[RegistryEntry]:
        """Every entry, by id, the highest version first."""
        return self.search(limit=None)

    def spec_digests(self) -> dict[tuple[str, str], str]:
        """(agent_id, version) -> digest of the registered spec, of all: one scan for a whole inbox."""
        with self._connection() as connection:
            rows = connection.execute(select(VersionRow.agent_id, VersionRow.version, VersionRow.spec_digest))
            return {(row.agent_id, row.version): row.spec_digest for row in rows}

    def count(self) -> int:
        """How many agent versions are registered."""
        with self._connection() as connection:
            return connection.execute(select(func.count()).select_from(VersionRow)).scalar_one()

    def builds(self, agent_id: str, version: str) -> list[Build]:
        """Every build of a version, the newest first."""
        statement = (
            select(*(getattr(BuildRow, name) for name in _BUILD), BuildRow.built_at)
            .where(BuildRow.agent_id == agent_id, BuildRow.version == version)
            .order_by(BuildRow.id.desc())
        )
        with self._connection() as connection:
            return [Build(**row._mapping) for row in connection.execute(statement)]

    def transitions(self, agent_id: str, version: str) -> list[Transition]:
        """The life of a version, the oldest step first."""
        statement = (
            select(TransitionRow.before, TransitionRow.after, TransitionRow.at, TransitionRow.reason)
            .where(TransitionRow.agent_id == agent_id, TransitionRow.version == version)
            .order_by(TransitionRow.id)
        )
        with self._connection() as connection:
            return [Transition(**row._mapping) for row in connection.execute(statement)]

    def _select(self, statement: Select[Any]) -> list[RegistryEntry]:
        with self._connection() as connection:
            return [_entry(row) for row in connection.execute(statement)]

    # Connections

    @contextmanager
    def _connection(self, *, write: bool = False) -> Iterator[Connection]:
        try:
            engine = self._open()
            with engine.connect().execution_options(**{WRITE: write}) as connection, connection.begin():
                yield connection
        except IntegrityError:
            raise
        except (DBAPIError, TimeoutError) as error:
            raise _unavailable(self.url, error) from error

    def _open(self) -> Engine:
        if self._engine is not None and self._pid == os.getpid():
            return self._engine
        if self._engine is not None:  # forked: the parent's connections are not ours to use or close
            self._engine.dispose(close=False)
        try:
            engine = engine_for(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise SettingsError(f"GREENLANG_REGISTRY_URL cannot be used: {error}") from error
        try:
            _make_tables(engine, self.url)
        except BaseException:
            engine.dispose()
            raise
        self._engine, self._pid = engine, os.getpid()
        return engine


def _make_tables(engine: Engine, url: str) -> None:
    with engine.connect() as connection, connection.begin():
        found = _schema_version(connection)
    if found is None:
        with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
            Base.metadata.create_all(connection)
            if _schema_version(connection) is None:
                connection.execute(insert(SchemaVersion).values(version=SCHEMA_VERSION))
    elif found > SCHEMA_VERSION:
        raise SettingsError(
            f"the registry {_shown(url)} has schema version {found}, this greenlang knows {SCHEMA_VERSION}: "
            "upgrade greenlang, or name another registry by GREENLANG_REGISTRY_URL"
        )


def _schema_version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(SchemaVersion.__tablename__):
        return None
    return connection.execute(select(func.max(SchemaVersion.version))).scalar_one()


def _entries() -> Select[Any]:
    """Every version with its newest build and its state."""
    newest = (
        select(func.max(BuildRow.id))
        .where(BuildRow.agent_id == VersionRow.agent_id, BuildRow.version == VersionRow.version)
        .correlate(VersionRow)
        .scalar_subquery()
    )
    last = (
        select(func.max(TransitionRow.id))
        .where(TransitionRow.agent_id == VersionRow.agent_id, TransitionRow.version == VersionRow.version)
        .correlate(VersionRow)
        .scalar_subquery()
    )
    version = [getattr(VersionRow, name) for name in _VERSION]
    build = [getattr(BuildRow, name) for name in (*_BUILD, "built_at")]
    return (
        select(*version, *build, VersionRow.created_at, TransitionRow.after.label("state"))
        .join(BuildRow, BuildRow.id == newest)
        .join(TransitionRow, TransitionRow.id == last)
    )


_VERSION = ("agent_id", "version", "spec_digest", "name", "summary", "domain", "tags", "inputs", "outputs")


def _entry(row: Row[Any]) -> RegistryEntry:
    values = dict(row._mapping)
    values["tags"] = tuple(values["tags"])
    for ports in ("inputs", "outputs"):
        values[ports] = tuple(Port(**port) for port in values[ports])
    return RegistryEntry(**values)


def _insert_version(connection: Connection, entry: RegistryEntry, now: datetime) -> None:
    plain = entry.as_dict()
    text = " ".join((entry.agent_id, entry.name, entry.summary, entry.domain, *entry.capabilities, *entry.units))
    connection.execute(
        insert(VersionRow).values(**{name: plain[name] for name in _VERSION}, text=text.lower(), created_at=now)
    )
    identity = {"agent_id": entry.agent_id, "version": entry.version}
    if entry.capabilities:
        rows = [{**identity, "capability": capability} for capability in entry.capabilities]
        connection.execute(insert(CapabilityRow), rows)
    connection.execute(
        insert(TransitionRow).values(**identity, before="", after=entry.state, at=now, reason="registered")
    )


def _insert_build(connection: Connection, entry: RegistryEntry, now: datetime) -> None:
    values = {name: getattr(entry, name) for name in ("agent_id", "version", *_BUILD)}
    connection.execute(insert(BuildRow).values(**values, built_at=now))


def _relevance(entry: RegistryEntry, words: Sequence[str]) -> int:
    return sum(
        4 * (word in entry.agent_id.lower()) + 2 * (word in entry.name.lower()) + (word in entry.summary.lower())
        for word in words
    )


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _unavailable(url: str, error: SQLAlchemyError) -> RegistryError:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return RegistryError(f"the registry {_shown(url)} cannot be used: {said[0] if said else error}")
