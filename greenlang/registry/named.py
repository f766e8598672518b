"""The build that a name means, in a transaction that is open already.

``id@version`` means the build of that version that is in force; ``id`` the one of the agent's latest version;
``id@version#digest`` one build. A caller's own agent comes before a public one of the same id.

Belongs here: finding one build. Does not belong here: reading names (`reference`), lists (`store`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam
from sqlalchemy.engine import Connection

from greenlang.errors import NotRegistered
from greenlang.registry.caller import Caller
from greenlang.registry.choice import latest
from greenlang.registry.entry import Build, RegistryEntry
from greenlang.registry.reference import Reference
from greenlang.registry.store import build_of, every_build, in_force
from greenlang.registry.tables import BuildRow, VersionRow


@dataclass(frozen=True, slots=True)
class Named:
    """A build with its version. ``entry`` is the version with the build in force, which may be another."""

    build: Build
    entry: RegistryEntry

    @property
    def tenant(self) -> str:
        """Whose row it is."""
        return self.entry.tenant

    @property
    def subject(self) -> str:
        """``id@version``, as the audit log names it."""
        return f"{self.entry.agent_id}@{self.entry.version}"

    @property
    def ref(self) -> str:
        """``id@version#digest``, with twelve digits."""
        return f"{self.subject}#{self.build.pack_digest[:12]}"

    @property
    def is_in_force(self) -> bool:
        """Whether this build is the one of its version that people get."""
        return self.build.pack_digest == self.entry.pack_digest


# made once: made anew for each call it costs more than the database does
_OF_AGENTS = (
    every_build()
    .where(
        VersionRow.agent_id.in_(bindparam("agents", expanding=True)),
        VersionRow.tenant.in_(bindparam("tenants", expanding=True)),
    )
    .order_by(VersionRow.tenant, VersionRow.agent_id, VersionRow.version)
)


def _rows_of(connection: Connection, caller: Caller, agent_ids: Iterable[str]) -> dict[str, list[Row[Any]]]:
    """Agent id -> the rows of its builds: the caller's own, else the public ones."""
    found: dict[str, list[Row[Any]]] = {agent_id: [] for agent_id in agent_ids}
    for row in connection.execute(_OF_AGENTS, {"agents": list(found), "tenants": caller.readable}):
        found[row.agent_id].append(row)
    return {agent_id: [row for row in rows if row.tenant == caller.tenant] or rows for agent_id, rows in found.items()}


def _rows(connection: Connection, caller: Caller, agent_id: str) -> list[Row[Any]]:
    return _rows_of(connection, caller, [agent_id])[agent_id]


def entries_of(connection: Connection, caller: Caller, agent_id: str) -> list[RegistryEntry]:
    """Every version of an agent with the build in force: the caller's own, else the public ones."""
    return list(in_force(_rows(connection, caller, agent_id)))


def named(connection: Connection, caller: Caller, ref: str | Reference) -> Named:
    """The build that ``ref`` means to this caller. Raises NotRegistered, ReferenceInvalid."""
    wanted = ref if isinstance(ref, Reference) else Reference.parse(ref)
    return _meant(wanted, _rows(connection, caller, wanted.agent_id))


def named_all(
    connection: Connection, caller: Caller, refs: Iterable[Reference]
) -> dict[Reference, Named | NotRegistered]:
    """The same of many names, found by one statement; for a name that means nothing, why."""
    wanted = dict.fromkeys(refs)
    rows = _rows_of(connection, caller, dict.fromkeys(ref.agent_id for ref in wanted))
    found: dict[Reference, Named | NotRegistered] = {}
    for ref in wanted:
        try:
            found[ref] = _meant(ref, rows[ref.agent_id])
        except NotRegistered as error:
            found[ref] = error
    return found


def _meant(wanted: Reference, rows: Sequence[Row[Any]]) -> Named:
    entries = list(in_force(rows))
    entry = next((one for one in entries if one.version == wanted.version), None) if wanted.version else latest(entries)
    if entry is None:
        others = ", ".join(one.version for one in entries)
        raise NotRegistered(f"{wanted} is not registered" + (f"; its versions are {others}" if others else ""))
    builds = [build_of(row) for row in rows if row.version == entry.version]
    prefix = wanted.digest or entry.pack_digest
    found = [build for build in builds if build.pack_digest.startswith(prefix)]
    if len(found) != 1:
        digests = ", ".join(f"#{build.pack_digest[:12]} ({build.state})" for build in builds)
        raise NotRegistered(f"{wanted} names {len(found) or 'no'} builds; that version has {digests}")
    return Named(found[0], entry)


def builds_of(connection: Connection, build: Named) -> list[Named]:
    """Every build of the same version."""
    entry = build.entry
    own = (VersionRow.tenant == entry.tenant) & (VersionRow.agent_id == entry.agent_id)
    rows = connection.execute(every_build().where(own, VersionRow.version == entry.version).order_by(BuildRow.id))
    return [Named(build_of(row), entry) for row in rows]


def own_builds(connection: Connection, caller: Caller) -> list[Named]:
    """Every build of the caller's own tenant, by agent and version."""
    rows = connection.execute(
        every_build()
        .where(VersionRow.tenant.in_(caller.readable))  # for one tenant alone PostgreSQL plans a loop in a loop
        .order_by(VersionRow.tenant, VersionRow.agent_id, VersionRow.version)
    )
    own = sorted(
        (row for row in rows if row.tenant == caller.tenant), key=lambda row: (row.agent_id, row.version, row.id)
    )
    entries = {(entry.agent_id, entry.version): entry for entry in in_force(own)}
    return [Named(build_of(row), entries[row.agent_id, row.version]) for row in own]
