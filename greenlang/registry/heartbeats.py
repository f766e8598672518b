"""Heartbeats: instances of agents say that they run, and how well.

A fleet sends far more of these than of all other writes, so as many as arrive at once cost one look-up and one
statement.

Belongs here: entering heartbeats. Does not belong here: the rule for health (`health`), choosing instances
(`discovery`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy import Table, bindparam, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from greenlang.errors import DiscoveryError, NotRegistered
from greenlang.registry import audit
from greenlang.registry.caller import Caller
from greenlang.registry.health import Health, by_metrics, checked
from greenlang.registry.named import named_all
from greenlang.registry.reference import Reference
from greenlang.registry.store import Registry
from greenlang.registry.tables import InstanceRow

_FORGOTTEN = timedelta(days=1)  # after which an instance without heartbeat is no row any longer
_LONGEST = {"instance": 200, "endpoint": 2000, "location": 40}
_IDENTITY = ("agent_id", "version", "instance")
_TOLD = ("endpoint", "location", "health", "metrics", "seen_at")

_ROWS = cast(Table, InstanceRow.__table__)
_KNOWN = (
    select(*(_ROWS.c[name] for name in (*_IDENTITY, "endpoint", "location")))
    .where(
        _ROWS.c.tenant == bindparam("tenant"),
        tuple_(*(_ROWS.c[name] for name in _IDENTITY)).in_(bindparam("places", expanding=True)),
    )
    .with_for_update()
)
_FORGET = delete(_ROWS).where(_ROWS.c.tenant == bindparam("of"), _ROWS.c.seen_at < bindparam("last"))


def _enter(dialect: Any) -> Any:
    entering = dialect.insert(_ROWS)
    changed = {name: entering.excluded[name] for name in _TOLD}
    return entering.on_conflict_do_update(index_elements=list(_ROWS.primary_key), set_=changed)


_ENTER = {"postgresql": _enter(postgresql), "sqlite": _enter(sqlite)}


@dataclass(frozen=True, slots=True)
class Instance:
    """A running instance of an agent version, and how well it does now."""

    agent_id: str
    version: str
    instance: str
    endpoint: str
    location: str
    health: Health
    seen_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: getattr(self, name) for name in ("agent_id", "version", "instance", "endpoint", "location")}
        return {**plain, **plain_health(self.health), "seen_at": self.seen_at.isoformat()}


def plain_health(health: Health) -> dict[str, Any]:
    """Plain values for JSON."""
    score = None if health.score is None else round(health.score, 4)
    return {"health": score, "status": health.status, "reason": health.reason}


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat that can be entered; `Beat.of` checks it."""

    ref: Reference
    instance: str
    endpoint: str
    location: str
    metrics: Mapping[str, float]

    @classmethod
    def of(
        cls,
        ref: str | Reference,
        instance: str,
        *,
        endpoint: str = "",
        location: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> Beat:
        """``metrics`` are those of `health.METRICS` since the heartbeat before.

        Raises ReferenceInvalid, DiscoveryError.
        """
        _check({"instance": instance, "endpoint": endpoint, "location": location})
        wanted = ref if isinstance(ref, Reference) else Reference.parse(ref)
        return cls(wanted, instance, endpoint, location, checked(metrics or {}))


def heartbeat(registry: Registry, ref: str, instance: str, **told: Any) -> Instance:
    """Enter that an instance of ``ref`` (``id@version``, or the latest of ``id``) runs, and how well: see `Beat.of`.

    A new instance, and one that moved, goes into the audit log; the heartbeats after it do not. Raises NotRegistered,
    ReferenceInvalid, DiscoveryError.
    """
    return registry.write(beats, Beat.of(ref, instance, **told))


def beats(connection: Connection, told: Sequence[tuple[Caller, Beat]]) -> list[Instance | Exception]:
    """Enter heartbeats of one tenant (see `together`): by three statements, as many as there may be."""
    tenant, now = told[0][0].tenant, datetime.now(UTC)
    meant = named_all(connection, told[0][0], (beat.ref for _, beat in told))
    results: list[Instance | Exception] = []
    rows: dict[_Place, dict[str, Any]] = {}  # of several from one instance the last counts
    steps: list[tuple[Caller, _Place, Beat]] = []
    for caller, beat in told:
        build = meant[beat.ref]
        if isinstance(build, NotRegistered):
            results.append(NotRegistered(str(build)))
            continue
        if build.entry.yanked or build.entry.state == "retired":
            why = "yanked" if build.entry.yanked else "retired"
            results.append(DiscoveryError(f"{build.subject} is {why}: nobody is led to it"))
            continue
        place = (build.entry.agent_id, build.entry.version, beat.instance)
        health = by_metrics(beat.metrics)
        rows[place] = {
            "tenant": tenant,
            **dict(zip(_IDENTITY, place, strict=True)),
            "endpoint": beat.endpoint,
            "location": beat.location,
            "health": health.score,
            "metrics": dict(beat.metrics),
            "seen_at": now,
        }
        steps.append((caller, place, beat))
        results.append(Instance(*place, beat.endpoint, beat.location, health, now))
    if rows:
        before = _standing(connection, tenant, list(rows))
        connection.execute(_ENTER[connection.dialect.name], list(rows.values()))
        _tell(connection, steps, before, now)
    return results


_Place = tuple[str, str, str]  # agent id, version, instance


def _standing(connection: Connection, tenant: str, places: Sequence[_Place]) -> dict[_Place, tuple[str, str]]:
    """Endpoint and location of the instances that are known, held until the transaction ends."""
    rows = connection.execute(_KNOWN, {"tenant": tenant, "places": places})
    return {(row.agent_id, row.version, row.instance): (row.endpoint, row.location) for row in rows}


def _tell(
    connection: Connection,
    steps: Sequence[tuple[Caller, _Place, Beat]],
    known: dict[_Place, tuple[str, str]],
    now: datetime,
) -> None:
    """Record who came and who moved; whenever one comes, forget who has not been heard of for long."""
    came = False
    for caller, place, beat in steps:
        before, known[place] = known.get(place), (beat.endpoint, beat.location)
        if before == known[place]:
            continue
        came = came or before is None
        event = "instance.joined" if before is None else "instance.moved"
        told = {"instance": beat.instance, "endpoint": beat.endpoint, "location": beat.location}
        audit.record(connection, caller, event, f"{place[0]}@{place[1]}", **told)
    if came:
        connection.execute(_FORGET, {"of": steps[0][0].tenant, "last": now - _FORGOTTEN})


def _check(values: Mapping[str, str]) -> None:
    if not values["instance"].strip():
        raise DiscoveryError("a heartbeat needs the name of the instance")
    for name, most in _LONGEST.items():
        if len(values[name]) > most:
            raise DiscoveryError(f"the {name} of an instance may have {most} characters")
    parts = urlsplit(values["endpoint"])
    if values["endpoint"] and (parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc):
        raise DiscoveryError("the endpoint of an instance is an http or https address without user and password")
