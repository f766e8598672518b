"""Certification decays: what a build pins is superseded, and the build gets a flag that names it.

A build is right by the figures that it was certified with. When others come into force (a factor release, a formula, a
parameter table) every build that pins what is now another, or is gone, gets a flag: the pin, its digest then and now,
the release. So does a build that pins figures on a GWP set that the policy in force calls superseded. A newer vintage
beside the pinned one supersedes nothing: last year's figures stay right for last year. When what was pinned is in force
again the flag ends; it is kept, for as-of questions. The state of the build stays: a policy may ask that there be no
open flag, and the entry shows how many there are.

Belongs here: flags of the caller's own builds, brought in line with the tables by a few set queries. Does not belong
here: the tables (`greenlang.factory.pinned`), when they change (`greenlang.sync`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, String, Table, literal, select, tuple_, update, values
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from greenlang.registry import audit, policy_store
from greenlang.registry.caller import Caller
from greenlang.registry.rows import STATES
from greenlang.registry.store import Registry
from greenlang.registry.tables import BuildRow, FlagRow, PinRow

GWP_SET = "gwp-set"
_MANY = 2_000  # rows handed over with one statement
_NAMED = 50  # pins that the event in the audit log names


class InForce(Protocol):
    """The tables in force."""

    @property
    def release(self) -> str:
        """The name of the factor release."""

    def digest(self, kind: str, ref: str) -> str:
        """The digest of what a pin names; empty if it is there no longer."""

    def gwp_set(self, kind: str, ref: str) -> str:
        """The GWP set that a pinned figure rests on, as ``AR5GWP100``; empty if on none."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A pin that holds no longer. ``before`` and ``after`` are digests (empty: gone), or GWP sets (``gwp-set``)."""

    kind: str
    ref: str
    before: str
    after: str

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a build. ``release`` is the one that superseded the pin; ``until`` is None while it is open."""

    pin: Superseded
    release: str
    at: datetime
    until: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        moments = {"at": self.at.isoformat(), "until": self.until.isoformat() if self.until else None}
        return {**self.pin.as_dict(), "release": self.release, **moments}


@dataclass(frozen=True, slots=True)
class Decay:
    """What a look at the tables gave. ``flagged`` are (build, pin) that are new, ``cleared`` flags that ended."""

    release: str
    superseded: tuple[Superseded, ...]
    flagged: tuple[tuple[str, Superseded], ...]
    cleared: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "release": self.release,
            "superseded": [one.as_dict() for one in self.superseded],
            "flagged": [{"build": build, **one.as_dict()} for build, one in self.flagged],
            "cleared": self.cleared,
        }


def flag(registry: Registry, tables: InForce, *, dry_run: bool = False) -> Decay:
    """Bring the flags of the caller's builds in line with the tables in force. Doing it again changes nothing.

    Builds that are retired get none. With ``dry_run`` nothing is kept.
    """
    caller, now = registry.caller, datetime.now(UTC)
    with registry.transaction(write=True) as connection:
        trial = connection.begin_nested()
        superseded = _superseded(connection, caller, tables)
        cleared = _clear(connection, caller, superseded, now)
        _add(connection, caller, superseded, tables.release, now)
        flagged = _flagged(connection, caller, now)
        if (flagged or cleared) and not dry_run:  # an event is written even where its savepoint was undone
            refs = sorted({one.ref for _, one in flagged})
            told = {"flags": len(flagged), "cleared": cleared, "pins": len(refs), "refs": refs[:_NAMED]}
            audit.record(connection, caller, "agents.flagged", tables.release, **told)
        if dry_run:
            trial.rollback()
        else:
            trial.commit()
    return Decay(tables.release, tuple(superseded), flagged, cleared)


def flags_of(connection: Connection, build: int) -> list[Flag]:
    """The flags of a build, the oldest first."""
    names = ("kind", "ref", "before", "after", "release", "at", "until")
    statement = select(*(getattr(FlagRow, name) for name in names)).where(FlagRow.build_id == build)
    return [
        Flag(Superseded(*pin), release, at, until)
        for *pin, release, at, until in connection.execute(statement.order_by(FlagRow.id))
    ]


def _superseded(connection: Connection, caller: Caller, tables: InForce) -> list[Superseded]:
    """Every different pin of the caller's builds that the tables do not bear out."""
    old = policy_store.in_force(connection, caller).superseded_gwp_sets
    pins = select(PinRow.kind, PinRow.ref, PinRow.digest).where(PinRow.tenant == caller.tenant).distinct()
    found = []
    for kind, ref, digest in connection.execute(pins.order_by(PinRow.kind, PinRow.ref, PinRow.digest)):
        now = tables.digest(kind, ref)
        if now != digest:
            found.append(Superseded(kind, ref, digest, now))
        on = tables.gwp_set(kind, ref) if old else ""
        if on in old:
            found.append(Superseded(GWP_SET, ref, on, old[on]))
    return found


def _clear(connection: Connection, caller: Caller, superseded: Sequence[Superseded], now: datetime) -> int:
    """End the open flags that no longer hold, and those of retired builds; how many."""
    columns = (FlagRow.kind, FlagRow.ref, FlagRow.before, FlagRow.after)
    own = (FlagRow.tenant == caller.tenant) & FlagRow.until.is_(None)
    standing = {(one.kind, one.ref, one.before, one.after) for one in superseded}
    over = [
        tuple(row) for row in connection.execute(select(*columns).where(own).distinct()) if tuple(row) not in standing
    ]
    retired = select(STATES.c.build_id).where(STATES.c.state == "retired", STATES.c.tenant == caller.tenant)
    which: list[ColumnElement[bool]] = [tuple_(*columns).in_(part) for part in _parts(over)]
    which.append(FlagRow.build_id.in_(retired))
    return sum(connection.execute(update(FlagRow).where(own, one).values(until=now)).rowcount for one in which)


def _add(connection: Connection, caller: Caller, superseded: Sequence[Superseded], release: str, now: datetime) -> None:
    flags: Table = FlagRow.__table__  # type: ignore[assignment]
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    names = ("kind", "ref", "before", "after")
    for part in _parts(superseded):
        rows = [tuple(getattr(one, name) for name in names) for one in part]
        gone = values(*(Column(name, String) for name in names), name="superseded").data(rows).cte("superseded")
        by_digest = (PinRow.kind == gone.c.kind) & (PinRow.digest == gone.c.before)
        by_set = (gone.c.kind == GWP_SET) & (PinRow.kind == "factor")
        chosen = (
            select(
                PinRow.tenant,
                PinRow.build_id,
                *(gone.c[name] for name in names),
                literal(release),
                literal(now, FlagRow.at.type),
            )
            .join(gone, (PinRow.ref == gone.c.ref) & (by_digest | by_set))
            .join(STATES, STATES.c.build_id == PinRow.build_id)
            .where(PinRow.tenant == caller.tenant, STATES.c.state != "retired")
        )
        columns = ["tenant", "build_id", *names, "release", "at"]
        connection.execute(insert(flags).from_select(columns, chosen).on_conflict_do_nothing())


def _flagged(connection: Connection, caller: Caller, now: datetime) -> tuple[tuple[str, Superseded], ...]:
    names = ("kind", "ref", "before", "after")
    statement = (
        select(BuildRow.agent_id, BuildRow.version, BuildRow.pack_digest, *(getattr(FlagRow, name) for name in names))
        .join(BuildRow, BuildRow.id == FlagRow.build_id)
        .where(FlagRow.tenant == caller.tenant, FlagRow.at == now, FlagRow.until.is_(None))
        .order_by(BuildRow.agent_id, BuildRow.version, FlagRow.id)
    )
    return tuple(
        (f"{agent}@{version}#{pack[:12]}", Superseded(*pin))
        for agent, version, pack, *pin in connection.execute(statement)
    )


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _MANY):
        yield rows[start : start + _MANY]
