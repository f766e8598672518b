"""What hangs on a version and on a build: dependencies, pins, yanks; and yanking.

Belongs here: reading these tables, adding a yank. Does not belong here: versions and builds themselves (`store`),
ranges (`versions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from greenlang.errors import LifecycleError
from greenlang.registry import audit, reasons
from greenlang.registry.entry import Pin
from greenlang.registry.named import named
from greenlang.registry.needs import left_without
from greenlang.registry.reference import Reference
from greenlang.registry.schema import one_at_a_time
from greenlang.registry.tables import DependencyRow, PinRow, YankRow

if TYPE_CHECKING:
    from greenlang.registry.store import Registry


@dataclass(frozen=True, slots=True)
class Yank:
    """A build was taken out of, or put back into, what is chosen for people."""

    yanked: bool
    at: datetime
    actor: str
    reason: str


def needs_of(registry: Registry, agent_id: str) -> dict[tuple[str, str], dict[str, str]]:
    """What each version of an agent needs: (tenant, version) -> agent id -> range."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    row = DependencyRow
    statement = select(row.tenant, row.version, row.needs, row.constraint).where(
        row.agent_id == agent_id, row.tenant.in_(registry.caller.readable)
    )
    with registry.transaction() as connection:
        for tenant, version, needs, constraint in connection.execute(statement.order_by(row.needs)):
            found.setdefault((tenant, version), {})[needs] = constraint
    return found


def pins_of(registry: Registry, build_id: int) -> list[Pin]:
    """What a build's certification hangs on, by kind and reference."""
    statement = select(PinRow.kind, PinRow.ref, PinRow.digest).where(PinRow.build_id == build_id)
    with registry.transaction() as connection:
        return [Pin(*row) for row in connection.execute(statement.order_by(PinRow.kind, PinRow.ref))]


def yanks_of(registry: Registry, build_id: int) -> list[Yank]:
    """Every time that a build was yanked or put back, the oldest first."""
    columns = (YankRow.yanked, YankRow.at, YankRow.actor, YankRow.reason)
    with registry.transaction() as connection:
        rows = connection.execute(select(*columns).where(YankRow.build_id == build_id).order_by(YankRow.id))
        return [Yank(*row) for row in rows]


def yank(registry: Registry, wanted: Reference, reason: str, *, yanked: bool) -> bool:
    """See `Registry.yank`."""
    reasons.check(reason, "a yank needs a reason: whoever pinned the build reads it")
    caller = registry.caller
    with registry.transaction(write=True) as connection:
        one_at_a_time(connection, caller.tenant, wanted.agent_id, wanted.version)
        found = named(connection, caller, wanted)
        if found.tenant != caller.tenant:
            raise LifecycleError(f"{found.subject} belongs to the tenant {found.tenant}, which alone can change it")
        if found.build.yanked == yanked:
            return False
        told: dict[str, object] = {"pack": found.build.pack_digest, "reason": reason}
        if yanked and (left := left_without(connection, caller, found, [found])):
            told["left_without"] = left  # not refused: what is dangerous goes at once
        values = {"yanked": yanked, "at": datetime.now(UTC), "actor": caller.actor, "reason": reason}
        connection.execute(insert(YankRow).values(tenant=caller.tenant, build_id=found.build.id, **values))
        event = "agent.yanked" if yanked else "agent.unyanked"
        audit.record(connection, caller, event, found.subject, **told)
        return True


def as_json(needs: Mapping[str, str], pins: list[Pin], yanks: list[Yank]) -> dict[str, object]:
    """These three as plain values."""
    return {
        "needs": dict(needs),
        "pins": [{name: getattr(pin, name) for name in Pin.__slots__} for pin in pins],
        "yanks": [{name: getattr(one, name) for name in Yank.__slots__} for one in yanks],
    }
