"""Who needs whom: needs that nothing satisfies, and who would be left without a version that goes.

Belongs here: one step from need to version. Does not belong here: ranges, and versions that all agree on (`versions`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.engine import Connection

from greenlang.registry.caller import Caller
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.finding import Finding
from greenlang.registry.named import Named, builds_of, entries_of
from greenlang.registry.tables import DependencyRow
from greenlang.registry.versions import Constraint, satisfying, there

if TYPE_CHECKING:
    from greenlang.registry.store import Registry

IN_USE = ("experimental", "certified")
MEND = "register what it needs, or name another range; `greenlang registry resolve` says whether it fits"


def unmet(
    registry: Registry, who: str, needs: Mapping[str, str], coming: Mapping[str, Collection[str]] | None = None
) -> list[Finding]:
    """A warning for each need that no version satisfies: neither a registered one nor one that is ``coming``."""
    found: list[Finding] = []
    known = registry.versions_of(list(needs)) if needs else {}
    for agent_id, text in needs.items():
        entries, wanted = known.get(agent_id, ()), Constraint.parse(text)
        if satisfying(entries, wanted) or any(version in wanted for version in (coming or {}).get(agent_id, ())):
            continue
        message = f"{who} needs {agent_id} {text}, and {there(agent_id, entries)}"
        found.append(Finding("needs", who, message, MEND, "warning"))
    return found


def left_without(connection: Connection, caller: Caller, version: Named, going: Sequence[Named]) -> list[str]:
    """The caller's versions in use that need the agent and find no version of it once these builds of one are gone."""
    digests = {build.build.pack_digest for build in going}
    stays = (build.build for build in builds_of(connection, version) if build.build.pack_digest not in digests)
    if any(not build.yanked and build.state != "retired" for build in stays):
        return []
    agent_id = version.entry.agent_id
    before = entries_of(connection, caller, agent_id)
    after = [entry for entry in before if entry.version != version.entry.version]
    row = DependencyRow
    asked = select(row.agent_id, row.version, row.constraint).where(row.needs == agent_id, row.tenant == caller.tenant)
    left = [
        (other, version, text)
        for other, version, text in connection.execute(asked.order_by(row.agent_id, row.version))
        if other != agent_id and satisfying(before, text) and not satisfying(after, text)
    ]
    used = {other: _in_use(entries_of(connection, caller, other)) for other in {other for other, _, _ in left}}
    return [f"{other}@{version} (needs {text})" for other, version, text in left if version in used[other]]


def _in_use(entries: Iterable[RegistryEntry]) -> set[str]:
    return {entry.version for entry in entries if entry.state in IN_USE and not entry.yanked}
