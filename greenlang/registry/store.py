"""Registry: agent versions, immutable by their specs; builds and steps of their lives are only added.

Belongs here: registering, finding, searching. Does not belong here: who may promote what (`lifecycle`), connections
(`database`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy import Select, column, func, insert, select, table
from sqlalchemy.engine import Connection, Row, make_url
from sqlalchemy.exc import IntegrityError

from greenlang.errors import RegistryConflict, SettingsError
from greenlang.registry import audit
from greenlang.registry.caller import LOCAL, Caller
from greenlang.registry.choice import build_order, latest
from greenlang.registry.database import Database
from greenlang.registry.entry import Build, Pin, Port, RegistryEntry, Transition, version_key
from greenlang.registry.steps import Step, write_step
from greenlang.registry.tables import BuildRow, CapabilityRow, DependencyRow, PinRow, TransitionRow, VersionRow
from greenlang.signing import Signer

Registered = Literal["created", "rebuilt", "exists"]
STATES = table("build_states", *map(column, ("build_id", "tenant", "state", "since", "registered", "yanked")))
_PACK = (
    "pack_digest",
    "certificate_digest",
    "factor_release",
    "pack",
    "score",
    "coverage",
    "tests_passed",
    "tests_total",
)
_BUILD = (*_PACK, "judgement")
_VERSION = (
    "agent_id",
    "version",
    "spec_digest",
    "name",
    "summary",
    "domain",
    "tags",
    "regulations",
    "inputs",
    "outputs",
)


class Registry:
    """The registry behind an SQLAlchemy URL, as one caller sees it.

    ``keys`` is the folder of the key that steps are signed with; for an SQLite file it is ``keys`` beside it.
    """

    def __init__(
        self, url: str, *, caller: Caller = LOCAL, keys: Path | None = None, database: Database | None = None
    ) -> None:
        self.database = database or Database(url)
        self.caller = caller
        self._keys = keys

    @property
    def url(self) -> str:
        """The SQLAlchemy URL."""
        return self.database.url

    @property
    def signer(self) -> Signer:
        """Signs steps. Raises SettingsError where no folder of keys is known."""
        if self._keys is None:
            file = make_url(self.url).database if self.database.embedded else None
            if not file or file == ":memory:":
                raise SettingsError("a registry that is no file needs the folder of its signing key")
            self._keys = Path(file).parent / "keys"
        return Signer(self._keys)

    def as_caller(self, caller: Caller) -> Registry:
        """The same registry as somebody else sees it, over the same connections."""
        return Registry(self.url, caller=caller, keys=self._keys, database=self.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self.database.close()

    def transaction(self, *, write: bool = False) -> AbstractContextManager[Connection]:
        """A transaction as this caller; see `Database.transaction`."""
        return self.database.transaction(self.caller, write=write)

    # Writing

    def register(
        self, entry: RegistryEntry, *, pins: Iterable[Pin] = (), needs: Mapping[str, str] | None = None
    ) -> Registered:
        """Enter what the factory built: one transaction, whole or not at all.

        "created" for a new version; "exists" when this very build came last; "rebuilt" when the same spec gave
        another pack (a new factor release): the build is added, the older ones stay in `builds`. ``needs``: agent id
        -> range of versions. Raises RegistryConflict when the version stands with another spec.
        """
        return self._enter(entry, tuple(pins), needs or {}, rebuild=True)

    def publish(
        self, entry: RegistryEntry, *, pins: Iterable[Pin] = (), needs: Mapping[str, str] | None = None
    ) -> Registered:
        """Enter what somebody brings. As `register`, but other bytes under a version that stands are refused."""
        return self._enter(entry, tuple(pins), needs or {}, rebuild=False)

    def _enter(
        self, entry: RegistryEntry, pins: Sequence[Pin], needs: Mapping[str, str], *, rebuild: bool
    ) -> Registered:
        try:
            return self._entered(entry, pins, needs, rebuild=rebuild)
        except IntegrityError:  # on a database without a lock at BEGIN another process was first: look again
            return self._entered(entry, pins, needs, rebuild=rebuild)

    def _entered(
        self, entry: RegistryEntry, pins: Sequence[Pin], needs: Mapping[str, str], *, rebuild: bool
    ) -> Registered:
        identity = {"tenant": self.caller.tenant, "agent_id": entry.agent_id, "version": entry.version}
        subject = f"{entry.agent_id}@{entry.version}"
        now = datetime.now(UTC)
        with self.transaction(write=True) as connection:
            spec = connection.execute(
                select(VersionRow.spec_digest).filter_by(**identity).with_for_update()
            ).scalar_one_or_none()
            if spec is None:
                _insert_version(connection, self.caller, entry, needs, now)
            elif spec != entry.spec_digest:
                raise RegistryConflict(
                    f"{entry.agent_id} {entry.version} is registered with the spec {spec}; this one is "
                    f"{entry.spec_digest}. What is registered stays: give the changed spec a new version"
                )
            builds = connection.execute(
                select(BuildRow.id, BuildRow.pack_digest, STATES.c.state)
                .filter_by(**identity)
                .join(STATES, STATES.c.build_id == BuildRow.id)
                .order_by(STATES.c.registered.desc())
            ).all()
            if builds and builds[0].pack_digest == entry.pack_digest:
                return "exists"
            standing = next((build for build in builds if build.pack_digest == entry.pack_digest), None)
            if builds and not rebuild:
                if standing is not None:
                    return "exists"
                raise RegistryConflict(
                    f"{entry.agent_id} {entry.version} is published with the pack {builds[0].pack_digest}; this one is "
                    f"{entry.pack_digest}. What is published stays: give it a new version"
                )
            build = standing.id if standing is not None else _insert_build(connection, self.caller, entry, pins, now)
            state = standing.state if standing is not None else "draft"
            step = Step(standing.state if standing is not None else "", state, "registered", "registered")
            write_step(connection, self.caller, self.signer, build, step)
            event = "agent.built" if rebuild else "agent.published"
            audit.record(connection, self.caller, event, subject, pack=entry.pack_digest, spec=entry.spec_digest)
            return "rebuilt" if builds else "created"

    # Reading

    def get(self, agent_id: str, version: str | None = None) -> RegistryEntry:
        """The entry of a version, or of the latest version. Raises LookupError where `find` gives None."""
        entry = self.find(agent_id, version)
        if entry is None:
            raise LookupError(f"{agent_id}{' ' + version if version else ''} is not registered")
        return entry

    def find(self, agent_id: str, version: str | None = None) -> RegistryEntry | None:
        """The entry of a version, or of the latest version (see `choice`); None if there is none."""
        found = self.versions(agent_id)
        if version is None:
            return latest(found)
        return next((entry for entry in found if entry.version == version), None)

    def versions(self, agent_id: str) -> list[RegistryEntry]:
        """Every version of an agent, the highest first: the caller's own, or those that all may read."""
        found = self._select(_entries().where(VersionRow.agent_id == agent_id))
        own = [entry for entry in found if entry.tenant == self.caller.tenant]
        return sorted(own or found, key=lambda entry: version_key(entry.version), reverse=True)

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
                    CapabilityRow.tenant == VersionRow.tenant,
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
        """(agent_id, version) -> digest of the registered spec, of the caller's own: one scan for a whole inbox."""
        with self.transaction() as connection:
            rows = connection.execute(
                select(VersionRow.agent_id, VersionRow.version, VersionRow.spec_digest).where(
                    VersionRow.tenant == self.caller.tenant
                )
            )
            return {(row.agent_id, row.version): row.spec_digest for row in rows}

    def count(self) -> int:
        """How many agent versions the caller sees."""
        with self.transaction() as connection:
            return connection.execute(
                select(func.count()).select_from(VersionRow).where(VersionRow.tenant.in_(self.caller.readable))
            ).scalar_one()

    def builds(self, agent_id: str, version: str) -> list[Build]:
        """Every build of a version, the one that came last first."""
        entry = self.find(agent_id, version)
        if entry is None:
            return []
        statement = (
            _entries()
            .where(VersionRow.tenant == entry.tenant, VersionRow.agent_id == agent_id, VersionRow.version == version)
            .order_by(STATES.c.registered.desc())
        )
        with self.transaction() as connection:
            return [_build(row) for row in connection.execute(statement)]

    def transitions(self, agent_id: str, version: str) -> list[Transition]:
        """The life of a version's builds, the oldest step first."""
        entry = self.find(agent_id, version)
        if entry is None:
            return []
        names = [name for name in Transition.__slots__ if name != "pack_digest"]
        statement = (
            select(BuildRow.pack_digest, *(getattr(TransitionRow, name) for name in names))
            .join(BuildRow, BuildRow.id == TransitionRow.build_id)
            .where(BuildRow.tenant == entry.tenant, BuildRow.agent_id == agent_id, BuildRow.version == version)
            .order_by(TransitionRow.id)
        )
        with self.transaction() as connection:
            return [Transition(**row._mapping) for row in connection.execute(statement)]

    def _select(self, statement: Select[Any]) -> list[RegistryEntry]:
        wanted = statement.where(VersionRow.tenant.in_(self.caller.readable)).order_by(
            VersionRow.tenant, VersionRow.agent_id, VersionRow.version
        )
        with self.transaction() as connection:
            rows = connection.execute(wanted).all()
        return list(_in_force(rows))


def _in_force(rows: Sequence[Row[Any]]) -> Iterator[RegistryEntry]:
    """One entry a version, with the build that is in force, from rows of builds sorted by version."""
    for _, of_version in groupby(rows, key=lambda row: (row.tenant, row.agent_id, row.version)):
        yield _entry(max(of_version, key=lambda row: build_order(_build(row), row.registered)))


def _entries() -> Select[Any]:
    """Every build of every version, with its state."""
    version = [getattr(VersionRow, name) for name in (*_VERSION, "tenant", "created_at")]
    build = [BuildRow.id, *(getattr(BuildRow, name) for name in (*_BUILD, "built_at", "published_by"))]
    return (
        select(*version, *build, STATES.c.state, STATES.c.registered, STATES.c.yanked)
        .join(
            BuildRow,
            (BuildRow.tenant == VersionRow.tenant)
            & (BuildRow.agent_id == VersionRow.agent_id)
            & (BuildRow.version == VersionRow.version),
        )
        .join(STATES, STATES.c.build_id == BuildRow.id)
    )


def _build(row: Row[Any]) -> Build:
    values = {name: getattr(row, name) for name in Build.__slots__}
    return Build(**{**values, "yanked": bool(row.yanked)})


def _entry(row: Row[Any]) -> RegistryEntry:
    names = (*_VERSION, *_BUILD, "tenant", "state", "created_at", "built_at")
    values = {name: getattr(row, name) for name in names}
    for texts in ("tags", "regulations"):
        values[texts] = tuple(values[texts])
    for ports in ("inputs", "outputs"):
        values[ports] = tuple(Port(**port) for port in values[ports])
    return RegistryEntry(**values, yanked=bool(row.yanked))


def _insert_version(
    connection: Connection, caller: Caller, entry: RegistryEntry, needs: Mapping[str, str], now: datetime
) -> None:
    plain = entry.as_dict()
    words = (entry.agent_id, entry.name, entry.summary, entry.domain)
    text = " ".join((*words, *entry.capabilities, *entry.units, *entry.regulations)).lower()
    identity = {"tenant": caller.tenant, "agent_id": entry.agent_id, "version": entry.version}
    values = {**{name: plain[name] for name in _VERSION}, **identity}
    connection.execute(insert(VersionRow).values(**values, text=text, created_at=now, created_by=caller.actor))
    if entry.capabilities:
        rows = [{**identity, "capability": capability} for capability in entry.capabilities]
        connection.execute(insert(CapabilityRow), rows)
    if needs:
        rows = [{**identity, "needs": agent, "constraint": versions} for agent, versions in needs.items()]
        connection.execute(insert(DependencyRow), rows)


def _insert_build(
    connection: Connection, caller: Caller, entry: RegistryEntry, pins: Sequence[Pin], now: datetime
) -> int:
    values = {name: getattr(entry, name) for name in ("agent_id", "version", *_BUILD)}
    values |= {"tenant": caller.tenant, "judgement": dict(entry.judgement), "published_by": caller.actor}
    build: int = connection.execute(insert(BuildRow).values(**values, built_at=now)).inserted_primary_key[0]  # type: ignore[index]
    if pins:
        rows = [
            {"build_id": build, "tenant": caller.tenant, "kind": pin.kind, "ref": pin.ref, "digest": pin.digest}
            for pin in dict.fromkeys(pins)
        ]
        connection.execute(insert(PinRow), rows)
    return build


def _relevance(entry: RegistryEntry, words: Sequence[str]) -> int:
    return sum(
        4 * (word in entry.agent_id.lower()) + 2 * (word in entry.name.lower()) + (word in entry.summary.lower())
        for word in words
    )
