"""Registry: agent versions, immutable by their specs; builds and steps of their lives are only added.

Belongs here: registering, finding, searching. Does not belong here: who may promote what (`lifecycle`), connections
(`database`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.engine import Connection, Row

from greenlang.errors import SettingsError
from greenlang.registry import access
from greenlang.registry.caller import LOCAL, Caller
from greenlang.registry.choice import build_order, latest
from greenlang.registry.database import Database
from greenlang.registry.entering import Entered, Entering, Registered, entered
from greenlang.registry.entry import Build, Pin, RegistryEntry, Transition, version_key
from greenlang.registry.reference import Reference
from greenlang.registry.rows import BUILD, STATES, VERSION
from greenlang.registry.search import Found, Hits, Wanted, find, find_briefs
from greenlang.registry.search_index import SearchIndex
from greenlang.registry.tables import BuildRow, TransitionRow, VersionRow
from greenlang.registry.together import Item, Kind, Result
from greenlang.signing import Signer


class Registry:
    """The registry behind an SQLAlchemy URL, as one caller sees it.

    ``keys`` is the folder of the key that steps are signed with; for an SQLite file it is ``keys`` beside it. The index
    for the search lies beside that folder, or in memory for a process that stays (``resident``).
    """

    def __init__(
        self,
        url: str,
        *,
        caller: Caller = LOCAL,
        keys: Path | None = None,
        database: Database | None = None,
        index: SearchIndex | None = None,
        resident: bool = False,
    ) -> None:
        self.database = database or Database(url, keys=keys)
        self.caller = caller
        self._keys = keys
        self._signer = Signer(keys) if keys is not None else None
        self._index = index or SearchIndex(
            self.database, keys.parent / "search" if keys is not None else None, resident=resident
        )

    @property
    def url(self) -> str:
        """The SQLAlchemy URL."""
        return self.database.url

    @property
    def signer(self) -> Signer:
        """Signs steps. Raises SettingsError where no folder of keys is known."""
        if self._signer is None:
            if self.database.file is None:
                raise SettingsError("a registry that is no file needs the folder of its signing key")
            self._signer = Signer(self.database.file.parent / "keys")
        return self._signer

    def as_caller(self, caller: Caller) -> Registry:
        """The same registry as somebody else sees it, over the same connections."""
        other = Registry(self.url, caller=caller, keys=self._keys, database=self.database, index=self._index)
        other._signer = self._signer  # its key is read once
        return other

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

    def write(self, kind: Kind[Item, Result], item: Item) -> Result:
        """Carry out a write as this caller, together with those that arrive at the same time; see `together`."""
        return self.database.together.write(self.caller, kind, item)

    def begin(self, kind: Kind[Item, Result], item: Item) -> Future[Result]:
        """The same on another thread."""
        return self.database.together.begin(self.caller, kind, item)

    def register(
        self, entry: RegistryEntry, *, pins: Iterable[Pin] = (), needs: Mapping[str, str] | None = None
    ) -> Registered:
        """Enter what the factory built: one transaction, whole or not at all.

        "created" for a new version; "exists" when this very build came last; "rebuilt" when the same spec gave
        another pack (a new factor release): the build is added, the older ones stay in `builds`. ``needs``: agent id
        -> range of versions. Raises RegistryConflict when the version stands with another spec, QuotaExceeded when the
        tenant may have no more versions.
        """
        return self.enter(entry, pins=pins, needs=needs, rebuild=True).done

    def publish(
        self, entry: RegistryEntry, *, pins: Iterable[Pin] = (), needs: Mapping[str, str] | None = None
    ) -> Registered:
        """Enter what somebody brings. As `register`, but other bytes under a version that stands are refused."""
        return self.enter(entry, pins=pins, needs=needs).done

    def yank(self, agent_id: str, version: str, digest: str, reason: str, yanked: bool = True) -> bool:
        """Take a build out of what is chosen for people, or put it back; whether that changed anything.

        It stays, with its history: whoever asks for exactly its version gets it if nothing else of that version is
        left. ``digest``: of the pack, or its first 6 digits or more. Raises NotRegistered, LifecycleError for another
        tenant's build or no reason.
        """
        from greenlang.registry.details import yank

        return yank(self, Reference(agent_id, version, digest), reason, yanked=yanked)

    def enter(
        self,
        entry: RegistryEntry,
        *,
        pins: Iterable[Pin] = (),
        needs: Mapping[str, str] | None = None,
        rebuild: bool = False,
    ) -> Entered:
        """As `publish`, or with ``rebuild`` as `register`; what stands then."""
        asked = Entering(entry, tuple(pins), needs or {}, rebuild, self.signer)
        with access.recording(self, "publish_agent", asked.subject):
            return self.write(entered, asked)

    # Reading

    def get(self, agent_id: str, version: str | None = None) -> RegistryEntry:
        """The entry of a version, or of the latest version. Raises LookupError where `find` gives None."""
        entry = self.find(agent_id, version)
        if entry is None:
            others = [] if version else [one.version for one in self.versions(agent_id)]
            if others:
                raise LookupError(
                    f"every version of {agent_id} was yanked; exactly asked for, there is {', '.join(others)}"
                )
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
        return self.versions_of([agent_id]).get(agent_id, [])

    def versions_of(self, agent_ids: Sequence[str]) -> dict[str, list[RegistryEntry]]:
        """The same of several agents, in their order; those that are not there are left out."""
        found: dict[str, list[RegistryEntry]] = {agent_id: [] for agent_id in agent_ids}
        for entry in self._select(every_build().where(VersionRow.agent_id.in_(found))):
            found[entry.agent_id].append(entry)
        for agent_id, versions in found.items():
            own = [entry for entry in versions if entry.tenant == self.caller.tenant]
            found[agent_id] = sorted(own or versions, key=lambda entry: version_key(entry.version), reverse=True)
        return {agent_id: versions for agent_id, versions in found.items() if versions}

    def search(
        self,
        text: str | None = None,
        *,
        domain: str | None = None,
        capability: str | None = None,
        unit: str | None = None,
        regulation: str | None = None,
        state: str | None = None,
        all_versions: bool = False,
        limit: int | None = 50,
    ) -> list[RegistryEntry]:
        """Agents by words with their synonyms and by what they are, the best first: see `search.Wanted` and `find`."""
        wanted = Wanted(text or "", domain, capability, unit, regulation, state, all_versions)
        return list(self.find_all(wanted, limit=limit).entries)

    def find_all(self, wanted: Wanted, *, limit: int | None = 50, offset: int = 0) -> Found:
        """A page of what is wanted, the best first."""
        return find(self, self._index, wanted, limit=limit, offset=offset)

    def find_briefs(self, wanted: Wanted, *, limit: int | None = 50, offset: int = 0) -> Hits:
        """The same page in a few words each: see `briefs`."""
        return find_briefs(self, self._index, wanted, limit=limit, offset=offset)

    def all(self) -> list[RegistryEntry]:
        """Every entry that the caller sees, by id, the highest version first."""
        found = self._select(every_build())
        found.sort(key=lambda entry: version_key(entry.version), reverse=True)
        found.sort(key=lambda entry: entry.agent_id)
        return found

    def own(self, agent_ids: Iterable[str] | None = None) -> Iterator[RegistryEntry]:
        """Every version of these agents that is the caller's own, agent by agent; None means all agents."""
        own = every_build().where(VersionRow.tenant == self.caller.tenant)
        if agent_ids is None:
            yield from self._select(own)
            return
        for part in _parts(agent_ids):
            yield from self._select(own.where(VersionRow.agent_id.in_(part)))

    def entries(self, keys: Iterable[tuple[str, str, str]]) -> list[RegistryEntry]:
        """The entries of these (tenant, agent id, version), as far as the caller reads them, in no order."""
        found: list[RegistryEntry] = []
        for part in _parts(keys):
            where = tuple_(VersionRow.tenant, VersionRow.agent_id, VersionRow.version).in_(part)
            found += self._select(every_build().where(where))
        return found

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
            every_build()
            .where(VersionRow.tenant == entry.tenant, VersionRow.agent_id == agent_id, VersionRow.version == version)
            .order_by(STATES.c.registered.desc())
        )
        with self.transaction() as connection:
            return [build_of(row) for row in connection.execute(statement)]

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
        return list(in_force(rows))


def in_force(rows: Sequence[Row[Any]]) -> Iterator[RegistryEntry]:
    """One entry a version, with the build that is in force, from rows of builds sorted by version."""
    for _, of_version in groupby(rows, key=lambda row: (row.tenant, row.agent_id, row.version)):
        yield _entry(max(of_version, key=lambda row: build_order(build_of(row), row.registered)))


def every_build() -> Select[Any]:
    """Every build of every version, with its state."""
    version = [getattr(VersionRow, name) for name in (*VERSION, "tenant", "created_at")]
    build = [BuildRow.id, *(getattr(BuildRow, name) for name in (*BUILD, "built_at", "published_by"))]
    return (
        select(*version, *build, *(STATES.c[name] for name in ("state", "registered", "yanked", "successor", "flags")))
        .join(
            BuildRow,
            (BuildRow.tenant == VersionRow.tenant)
            & (BuildRow.agent_id == VersionRow.agent_id)
            & (BuildRow.version == VersionRow.version),
        )
        .join(STATES, STATES.c.build_id == BuildRow.id)
    )


def build_of(row: Row[Any]) -> Build:
    """The build in a row of `every_build`."""
    values = {name: getattr(row, name) for name in Build.__slots__}
    return Build(**{**values, "yanked": bool(row.yanked)})


def _entry(row: Row[Any]) -> RegistryEntry:
    names = (*VERSION, *BUILD, "tenant", "state", "successor", "flags", "created_at", "built_at")
    return RegistryEntry.of({**{name: getattr(row, name) for name in names}, "yanked": bool(row.yanked)})


def _parts(values: Iterable[Any], size: int = 500) -> Iterator[list[Any]]:
    """Parts of a size that every database takes in one statement."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part
