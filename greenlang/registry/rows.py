"""The rows of new versions and of new builds, as they are written.

The statements are made once, of plain tables: made anew for each row they cost more than the database does.

Belongs here: writing these rows, looking up what stands. Does not belong here: whether they may be written (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, column, insert, select, table, tuple_
from sqlalchemy.engine import Connection

from greenlang.registry.caller import Caller
from greenlang.registry.entry import Pin, RegistryEntry
from greenlang.registry.tables import Base, BuildRow, VersionRow

STATES = table(
    "build_states", *map(column, ("build_id", "tenant", "state", "since", "registered", "yanked", "successor", "flags"))
)
PACK = (
    "pack_digest",
    "certificate_digest",
    "factor_release",
    "pack",
    "score",
    "coverage",
    "tests_passed",
    "tests_total",
)
BUILD = (*PACK, "judgement")
VERSION = (
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

_TABLES = Base.metadata.tables
_ADD_VERSION, _ADD_BUILD, _ADD_CAPABILITIES, _ADD_NEEDS, _ADD_PINS = (
    insert(_TABLES[name]) for name in ("agent_versions", "builds", "capabilities", "dependencies", "pins")
)
_VERSIONS = tuple_(VersionRow.agent_id, VersionRow.version).in_(bindparam("versions", expanding=True))
_SPECS = select(VersionRow.agent_id, VersionRow.version, VersionRow.spec_digest).where(
    VersionRow.tenant == bindparam("tenant"), _VERSIONS
)
_STANDING = (
    select(
        *(
            getattr(BuildRow, name)
            for name in ("agent_id", "version", "id", "pack_digest", "certificate_digest", "pack")
        )
    )
    .add_columns(STATES.c.state)
    .where(
        BuildRow.tenant == bindparam("tenant"),
        tuple_(BuildRow.agent_id, BuildRow.version).in_(bindparam("versions", expanding=True)),
    )
    .join(STATES, STATES.c.build_id == BuildRow.id)
    .order_by(STATES.c.registered.desc())
)
_ADD_BUILDS = _ADD_BUILD.returning(*(_TABLES["builds"].c[name] for name in ("agent_id", "version", "id")))

Identity = tuple[str, str]  # agent id, version


class Standing(NamedTuple):
    """A build that stands."""

    id: int
    pack_digest: str
    certificate_digest: str
    pack: str
    state: str


def specs_of(connection: Connection, tenant: str, versions: Sequence[Identity]) -> dict[Identity, str]:
    """The digests of the specs that versions stand with; those that do not stand are left out."""
    found = connection.execute(_SPECS, {"tenant": tenant, "versions": versions})
    return {(agent_id, version): spec for agent_id, version, spec in found}


def standing(connection: Connection, tenant: str, versions: Sequence[Identity]) -> dict[Identity, list[Standing]]:
    """The builds of versions, the one that came last first."""
    found: dict[Identity, list[Standing]] = {version: [] for version in versions}
    for agent_id, version, *build in connection.execute(_STANDING, {"tenant": tenant, "versions": versions}):
        found[agent_id, version].append(Standing(*build))
    return found


def add_versions(
    connection: Connection, entries: Sequence[tuple[Caller, RegistryEntry, Mapping[str, str]]], now: datetime
) -> None:
    """What the specs of versions say. Raises ReferenceInvalid for a need that is no range."""
    versions, capabilities, needed = [], [], []
    for caller, entry, needs in entries:
        plain = entry.as_dict()
        words = (entry.agent_id, entry.name, entry.summary, entry.domain)
        text = " ".join((*words, *entry.capabilities, *entry.units, *entry.regulations)).lower()
        identity = _identity(caller, entry)
        values = {**{name: plain[name] for name in VERSION}, **identity}
        versions.append({**values, "text": text, "created_at": now, "created_by": caller.actor})
        capabilities += [{**identity, "capability": one} for one in entry.capabilities]
        if needs:
            from greenlang.registry.versions import Constraint

            needed += [{**identity, "needs": a, "constraint": Constraint.parse(r).text} for a, r in needs.items()]
    connection.execute(_ADD_VERSION, versions)
    if capabilities:
        connection.execute(_ADD_CAPABILITIES, capabilities)
    if needed:
        connection.execute(_ADD_NEEDS, needed)


def add_builds(
    connection: Connection, entries: Sequence[tuple[Caller, RegistryEntry, Sequence[Pin]]], now: datetime
) -> dict[Identity, int]:
    """Packs of different versions, and what they pin; the numbers of their rows."""
    builds = []
    for caller, entry, _ in entries:
        values = {**{name: getattr(entry, name) for name in BUILD}, **_identity(caller, entry)}
        builds.append(values | {"judgement": dict(entry.judgement), "published_by": caller.actor, "built_at": now})
    numbers = {(agent_id, version): n for agent_id, version, n in connection.execute(_ADD_BUILDS, builds)}
    pinned = [
        {"build_id": numbers[entry.agent_id, entry.version], "tenant": caller.tenant}
        | {"kind": pin.kind, "ref": pin.ref, "digest": pin.digest}
        for caller, entry, pins in entries
        for pin in dict.fromkeys(pins)
    ]
    if pinned:
        connection.execute(_ADD_PINS, pinned)
    return numbers


def _identity(caller: Caller, entry: RegistryEntry) -> dict[str, str]:
    return {"tenant": caller.tenant, "agent_id": entry.agent_id, "version": entry.version}
