"""The rows of a new version and of a new build, as they are written.

The statements are made once, of plain tables: made anew for each row they cost more than the database does.

Belongs here: writing these rows, looking up what stands. Does not belong here: whether they may be written (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, column, insert, select, table
from sqlalchemy.engine import Connection, Row

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
_SPEC = select(VersionRow.spec_digest).where(
    VersionRow.tenant == bindparam("tenant"),
    VersionRow.agent_id == bindparam("agent_id"),
    VersionRow.version == bindparam("version"),
)
_STANDING = (
    select(BuildRow.id, BuildRow.pack_digest, STATES.c.state)
    .where(
        BuildRow.tenant == bindparam("tenant"),
        BuildRow.agent_id == bindparam("agent_id"),
        BuildRow.version == bindparam("version"),
    )
    .join(STATES, STATES.c.build_id == BuildRow.id)
    .order_by(STATES.c.registered.desc())
)


def identity_of(caller: Caller, entry: RegistryEntry) -> dict[str, str]:
    """What a version is found by."""
    return {"tenant": caller.tenant, "agent_id": entry.agent_id, "version": entry.version}


def spec_of(connection: Connection, identity: Mapping[str, str]) -> str | None:
    """The digest of the spec that a version stands with."""
    found: str | None = connection.execute(_SPEC, identity).scalar_one_or_none()
    return found


def standing(connection: Connection, identity: Mapping[str, str]) -> Sequence[Row[Any]]:
    """Id, pack digest and state of a version's builds, the one that came last first."""
    return connection.execute(_STANDING, identity).all()


def add_version(
    connection: Connection, caller: Caller, entry: RegistryEntry, needs: Mapping[str, str], now: datetime
) -> None:
    """What the spec of a version says. Raises ReferenceInvalid for a need that is no range."""
    plain = entry.as_dict()
    words = (entry.agent_id, entry.name, entry.summary, entry.domain)
    text = " ".join((*words, *entry.capabilities, *entry.units, *entry.regulations)).lower()
    identity = identity_of(caller, entry)
    values = {**{name: plain[name] for name in VERSION}, **identity}
    connection.execute(_ADD_VERSION, {**values, "text": text, "created_at": now, "created_by": caller.actor})
    if entry.capabilities:
        connection.execute(_ADD_CAPABILITIES, [{**identity, "capability": one} for one in entry.capabilities])
    if needs:
        from greenlang.registry.versions import Constraint

        ranges = {agent: Constraint.parse(text).text for agent, text in needs.items()}
        connection.execute(_ADD_NEEDS, [{**identity, "needs": agent, "constraint": ranges[agent]} for agent in ranges])


def add_build(connection: Connection, caller: Caller, entry: RegistryEntry, pins: Sequence[Pin], now: datetime) -> int:
    """A pack of a version, and what it pins; the number of its row."""
    values = {**{name: getattr(entry, name) for name in BUILD}, **identity_of(caller, entry)}
    values |= {"judgement": dict(entry.judgement), "published_by": caller.actor, "built_at": now}
    build: int = connection.execute(_ADD_BUILD, values).inserted_primary_key[0]  # type: ignore[index]
    if pins:
        own = {"build_id": build, "tenant": caller.tenant}
        pinned = [{**own, "kind": pin.kind, "ref": pin.ref, "digest": pin.digest} for pin in dict.fromkeys(pins)]
        connection.execute(_ADD_PINS, pinned)
    return build
