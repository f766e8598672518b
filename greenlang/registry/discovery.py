"""Which instances of which agents run, how well, and which of them to call: document 001, section 4.1.

Belongs here: health of agents, choosing by capability. Does not belong here: heartbeats (`heartbeats`), the rule for
health (`health`), usage over days (`usage`), search for people (`search`).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select

from greenlang.errors import DiscoveryError
from greenlang.registry.choice import latest
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.health import HEALTHY, UNKNOWN, Health, at, by_metrics, oldest
from greenlang.registry.heartbeats import Instance, plain_health
from greenlang.registry.named import named
from greenlang.registry.store import Registry
from greenlang.registry.tables import CapabilityRow, InstanceRow, VersionRow
from greenlang.registry.versions import ANY, Constraint

_BAND = 20  # scores within a twentieth are as good as each other


@dataclass(frozen=True, slots=True)
class AgentHealth:
    """How well an agent version does: as its best instance."""

    agent_id: str
    version: str
    health: Health
    instances: tuple[Instance, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "agent_id": self.agent_id,
            "version": self.version,
            **plain_health(self.health),
            "instances": [one.as_dict() for one in self.instances],
        }


@dataclass(frozen=True, slots=True)
class Discovered:
    """An agent that can be called: ``instances`` in the order in which to try them; none where none is known."""

    entry: RegistryEntry
    capabilities: tuple[str, ...]  # those that were asked for
    health: Health
    instances: tuple[Instance, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "agent": self.entry.as_dict(),
            "capabilities": list(self.capabilities),
            **plain_health(self.health),
            "instances": [one.as_dict() for one in self.instances],
        }


def health(registry: Registry, ref: str, *, now: datetime | None = None) -> AgentHealth:
    """How well an agent version does. Raises NotRegistered, ReferenceInvalid."""
    moment = now or datetime.now(UTC)
    with registry.transaction() as connection:
        build = named(connection, registry.caller, ref)
        rows = connection.execute(
            select(*_columns()).where(
                InstanceRow.tenant.in_(registry.caller.readable),
                InstanceRow.agent_id == build.entry.agent_id,
                InstanceRow.version == build.entry.version,
            )
        ).all()
    instances = sorted(
        (_instance(row, moment) for row in rows), key=lambda one: (-(one.health.score or 0), one.instance)
    )
    best = max((one.health for one in instances), key=lambda found: found.score or 0.0, default=UNKNOWN)
    return AgentHealth(build.entry.agent_id, build.entry.version, best, tuple(instances))


def discover(
    registry: Registry,
    capabilities: Sequence[str],
    *,
    min_health: float = HEALTHY,
    version: str = "",
    location: str = "",
    limit: int = 10,
    key: str = "",
    now: datetime | None = None,
) -> list[Discovered]:
    """Agents with any of these capabilities and an instance as healthy as asked, the best first.

    Those with more of the capabilities come first, then those with an instance at ``location``, then by health in steps
    of a twentieth. Among equals the order depends on ``key`` alone (rendezvous hashing): one caller stays with its
    instances, many callers spread over all. ``version`` is a range as ``>=1.2,<2``; of an agent that runs in several
    versions the highest of them counts. With ``min_health`` 0 agents without any heartbeat come too, as unknown, last.
    Raises DiscoveryError; ReferenceInvalid for a range that does not parse.
    """
    asked = sorted({capability.strip().lower() for capability in capabilities} - {""})
    if not asked:
        raise DiscoveryError("name at least one capability: an output or a tag of the agents that are looked for")
    if not 0 <= min_health <= 1 or limit < 1:
        raise DiscoveryError("min_health is from 0 to 1, and at least one result must be wanted")
    moment = now or datetime.now(UTC)
    running = _running(registry, asked, min_health, moment)
    spread = _spread(key or f"{registry.caller.tenant}/{registry.caller.actor}", location)
    allowed = Constraint.parse(version or ANY)
    agents: dict[str, list[_Running]] = defaultdict(list)
    for one in running:
        if one.version in allowed:
            agents[one.agent_id].append(one)
    ranked = sorted(agents.values(), key=lambda versions: min(_rank(one, spread) for one in versions))
    found: list[Discovered] = []
    for start in range(0, len(ranked), limit):
        chosen = _chosen(registry, ranked[start : start + limit])
        found += [
            _discovered(entry, one, asked, spread) for entry, one in sorted(chosen, key=lambda c: _rank(c[1], spread))
        ]
        if len(found) >= limit:
            break
    return found[:limit]


@dataclass(slots=True)
class _Running:
    """An agent version with some of the capabilities, and what runs of it."""

    tenant: str
    agent_id: str
    version: str
    capabilities: set[str]
    instances: dict[str, Instance]


_Rank = tuple[Any, ...]
_Spread = Callable[[Instance], _Rank]


def _running(registry: Registry, asked: Sequence[str], min_health: float, now: datetime) -> list[_Running]:
    """What has a capability, and an instance that is healthy enough; with 0, what has none too."""
    caller = registry.caller
    alive = (InstanceRow.agent_id == CapabilityRow.agent_id) & (InstanceRow.version == CapabilityRow.version)
    alive &= InstanceRow.tenant.in_(caller.readable)
    statement = (
        select(CapabilityRow.tenant, CapabilityRow.capability, *_columns(CapabilityRow.agent_id, CapabilityRow.version))
        .join(InstanceRow, alive, isouter=min_health == 0)
        .where(CapabilityRow.tenant.in_(caller.readable), CapabilityRow.capability.in_(asked))
    )
    if min_health > 0:
        statement = statement.where(InstanceRow.health >= min_health, InstanceRow.seen_at >= oldest(min_health, now))
    with registry.transaction() as connection:
        rows = connection.execute(statement).all()
    found: dict[tuple[str, str, str], _Running] = {}
    for row in rows:
        at_ = (row.tenant, row.agent_id, row.version)
        one = found.setdefault(at_, _Running(*at_, set(), {}))
        one.capabilities.add(row.capability)
        if row.instance is not None and row.instance not in one.instances:
            instance = _instance(row, now)
            if (instance.health.score or 0.0) >= min_health:
                one.instances[row.instance] = instance
    usable = [one for one in found.values() if one.instances or min_health == 0]
    return _unshadowed(registry, usable)


def _unshadowed(registry: Registry, found: list[_Running]) -> list[_Running]:
    """Without public agents of which the caller has one of that id."""
    caller = registry.caller
    public = sorted({one.agent_id for one in found if one.tenant != caller.tenant})
    if not public:
        return found
    with registry.transaction() as connection:
        rows = connection.execute(
            select(VersionRow.agent_id).where(VersionRow.tenant == caller.tenant, VersionRow.agent_id.in_(public))
        )
        own = set(rows.scalars())
    return [one for one in found if one.tenant == caller.tenant or one.agent_id not in own]


def _chosen(registry: Registry, agents: Sequence[Sequence[_Running]]) -> list[tuple[RegistryEntry, _Running]]:
    """Of each agent the latest of these versions, unless it was yanked or retired."""
    known = {(one.tenant, one.agent_id, one.version): one for versions in agents for one in versions}
    entries: dict[str, list[RegistryEntry]] = defaultdict(list)
    for entry in registry.entries(known):
        if not entry.yanked and entry.state != "retired":
            entries[entry.agent_id].append(entry)
    best = [latest(versions) for versions in entries.values()]
    return [(one, known[one.tenant, one.agent_id, one.version]) for one in best if one is not None]


def _discovered(entry: RegistryEntry, one: _Running, asked: Sequence[str], spread: _Spread) -> Discovered:
    instances = sorted(one.instances.values(), key=spread)
    health = max((i.health for i in instances), key=lambda h: h.score or 0.0, default=UNKNOWN)
    return Discovered(entry, tuple(name for name in asked if name in one.capabilities), health, tuple(instances))


def _rank(one: _Running, spread: _Spread) -> _Rank:
    """Agents: those with more of the capabilities first, then by their best instance; without any last."""
    best = min(map(spread, one.instances.values()), default=None)
    return (-len(one.capabilities), best is None, best or (), one.agent_id)


def _spread(key: str, location: str) -> _Spread:
    """The order in which to try instances: near, healthy, and among equals as ``key`` falls (rendezvous hashing)."""

    def rank(one: Instance) -> _Rank:
        far = bool(location) and one.location.lower() != location.lower()
        fallen = hashlib.sha256("\0".join((key, one.agent_id, one.version, one.instance)).encode()).digest()
        return (far, -int((one.health.score or 0.0) * _BAND), fallen)

    return rank


def _columns(agent_id: Any = InstanceRow.agent_id, version: Any = InstanceRow.version) -> tuple[Any, ...]:
    names = ("instance", "endpoint", "location", "metrics", "seen_at")
    return (agent_id, version, *(getattr(InstanceRow, name) for name in names))


def _instance(row: Row[Any], now: datetime) -> Instance:
    return Instance(
        agent_id=row.agent_id,
        version=row.version,
        instance=row.instance,
        endpoint=row.endpoint,
        location=row.location,
        health=at(by_metrics(row.metrics), row.seen_at, now),
        seen_at=row.seen_at,
    )
