"""What stands, in a few words each: which build of a version is in force, and what of it may change.

Two entries with the same brief are the same: whoever keeps what was made of an entry reads the brief, as the caller and
from the registry, and with it knows that what is kept still holds.

Belongs here: reading briefs. Does not belong here: entries themselves (`store`), what is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select

from greenlang.registry.choice import build_order
from greenlang.registry.entry import RegistryEntry
from greenlang.registry.rows import STATES
from greenlang.registry.tables import BuildRow, VersionRow

if TYPE_CHECKING:
    from greenlang.registry.store import Registry

_AT_ONCE = 500  # so many ids every database takes in one statement

Key = tuple[str, str, str]  # tenant, agent id, version


class Brief(NamedTuple):
    """A version with its build in force, and the state of that."""

    tenant: str
    agent_id: str
    version: str
    spec_digest: str
    pack_digest: str
    certificate_digest: str
    built_at: datetime
    state: str
    yanked: bool
    successor: str
    flags: int

    @property
    def key(self) -> Key:
        """The version that it is of."""
        return self[:3]


def brief_of(entry: RegistryEntry) -> Brief:
    """The brief of an entry that the registry gave."""
    return Brief(*(getattr(entry, name) for name in Brief._fields))


_OF_STATE = ("state", "yanked", "successor", "flags")
_OF_VERSION = ("tenant", "agent_id", "version", "spec_digest")
# made once: made anew for each call it costs more than the database does
_BRIEFS = (
    select(
        *(getattr(VersionRow, name) for name in _OF_VERSION),
        *(getattr(BuildRow, name) for name in ("pack_digest", "certificate_digest", "built_at")),
        *(STATES.c[name] for name in (*_OF_STATE, "registered")),
        *(getattr(BuildRow, name) for name in ("score", "tests_passed", "tests_total")),
    )
    .join(
        BuildRow,
        (BuildRow.tenant == VersionRow.tenant)
        & (BuildRow.agent_id == VersionRow.agent_id)
        & (BuildRow.version == VersionRow.version),
    )
    .join(STATES, STATES.c.build_id == BuildRow.id)
    .where(
        VersionRow.agent_id.in_(bindparam("agents", expanding=True)),
        VersionRow.tenant.in_(bindparam("tenants", expanding=True)),
    )
)


def briefs(registry: Registry, keys: Sequence[Key]) -> list[Brief]:
    """Those of these versions, in their order, as far as the caller of ``registry`` reads them."""
    of_version: dict[Key, list[Any]] = {}
    with registry.transaction() as connection:
        agents = list(dict.fromkeys(key[1] for key in keys))
        for first in range(0, len(agents), _AT_ONCE):
            asked = {"agents": agents[first : first + _AT_ONCE], "tenants": registry.caller.readable}
            for row in connection.execute(_BRIEFS, asked):
                of_version.setdefault(tuple(row[:3]), []).append(row)
    return [_brief(of_version[key]) for key in keys if key in of_version]


def _brief(rows: Iterable[Any]) -> Brief:
    row = max(rows, key=lambda one: build_order(one, one.registered))
    return Brief._make((*row[:8], bool(row.yanked), row.successor, row.flags))
