"""Lists of agents, a page at a time.

Belongs here: the agents in the order of their ids. Does not belong here: ranking (`search`), cursors (`greenlang.api`).
"""

from __future__ import annotations

from sqlalchemy import func, select

from greenlang.registry.choice import latest
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.store import Registry
from greenlang.registry.tables import BuildRow, CapabilityRow, VersionRow, YankRow

_CHUNK = 500  # agents that are looked at at once for a state that few may have


def agents(
    registry: Registry,
    *,
    after: str = "",
    limit: int = 50,
    domain: str | None = None,
    capability: str | None = None,
    state: str | None = None,
) -> list[RegistryEntry]:
    """The latest version of each agent whose id comes after ``after``, by id.

    An agent has a domain or a capability if any of its versions has; ``state`` is that of its latest version.
    """
    chunk = limit if state is None else max(limit, _CHUNK)
    found: list[RegistryEntry] = []
    while len(found) < limit:
        ids = _ids(registry, after, chunk, domain, capability)
        chosen = (latest(versions) for versions in registry.versions_of(ids).values())
        found += [entry for entry in chosen if entry is not None and state in (None, entry.state)]
        if len(ids) < chunk:
            break
        after = ids[-1]
    return found[:limit]


def domains(registry: Registry) -> dict[str, int]:
    """How many agents there are of each domain, as `agents` lists them: domain -> agents, by domain."""
    last = select(func.max(YankRow.id)).group_by(YankRow.build_id)
    yanked = select(YankRow.build_id).where(YankRow.id.in_(last), YankRow.yanked)
    standing = select(BuildRow.id).where(
        BuildRow.tenant == VersionRow.tenant,
        BuildRow.agent_id == VersionRow.agent_id,
        BuildRow.version == VersionRow.version,
        BuildRow.id.not_in(yanked),
    )
    statement = (
        select(VersionRow.domain, func.count(VersionRow.agent_id.distinct()))
        .where(VersionRow.tenant.in_(registry.caller.readable), standing.exists())
        .group_by(VersionRow.domain)
        .order_by(VersionRow.domain)
    )
    with registry.transaction() as connection:
        return dict(connection.execute(statement).tuples().all())


def _ids(registry: Registry, after: str, limit: int, domain: str | None, capability: str | None) -> list[str]:
    statement = select(VersionRow.agent_id).where(
        VersionRow.tenant.in_(registry.caller.readable), VersionRow.agent_id > after
    )
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
    with registry.transaction() as connection:
        return list(connection.execute(statement.distinct().order_by(VersionRow.agent_id).limit(limit)).scalars())
