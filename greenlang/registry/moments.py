"""As-of questions: which builds had a state for a tenant at a moment, and on which evidence. One query.

For a tenant: its own builds, and public ones of agents that it had no version of itself; without what its lists kept
out at that moment, in one environment. Lists are read as `tenants` reads them now: a line of the deny list wins; where
the allow list has lines for the environment, nothing else may be used there.

Belongs here: the question. Does not belong here: what may be used today (`clearance`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import TextualSelect, bindparam, text
from sqlalchemy.engine import Connection

from greenlang.errors import LifecycleError
from greenlang.registry.caller import PUBLIC
from greenlang.registry.ladder import STATES
from greenlang.registry.schema import UtcDateTime


@dataclass(frozen=True, slots=True)
class Standing:
    """A build that was in the state. ``in_force``: whether it was the build of its version that people got.

    ``since``, ``actor``, ``reason``, ``policy``, ``kind`` and ``evidence`` are those of the promotion to the state;
    empty for a state that nothing is promoted to. ``flags``: pins that were superseded by then.
    """

    tenant: str
    agent_id: str
    version: str
    pack_digest: str
    state: str
    in_force: bool
    yanked: bool
    flags: int
    since: datetime | None
    kind: str
    actor: str
    reason: str
    policy: str
    statement: str
    signature: str
    key_id: str

    @property
    def evidence(self) -> Mapping[str, Any]:
        """What the promotion was decided on."""
        evidence: dict[str, Any] = json.loads(self.statement)["evidence"] if self.statement else {}
        return evidence

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "statement"}
        return {**values, "since": self.since.isoformat() if self.since else None, "evidence": self.evidence}


def standing_at(
    connection: Connection, tenant: str, moment: datetime, *, environment: str = "production", state: str = "certified"
) -> list[Standing]:
    """The builds that were in ``state`` for ``tenant`` at ``moment``, by agent and version, those in force first.

    Raises LifecycleError for a moment without a time zone, or a state that there is not.
    """
    if moment.tzinfo is None:
        raise LifecycleError(f"{moment.isoformat()} has no time zone: write 2026-11-22T12:00:00+00:00")
    if state not in STATES:
        raise LifecycleError(f"`{state}` is no state; the states are {', '.join(STATES)}")
    values = {"tenant": tenant, "public": PUBLIC, "moment": moment, "environment": environment, "state": state}
    rows = connection.execute(_query(connection.dialect.name), values)
    return [Standing(**_plain(row)) for row in rows]


_COVERS = {
    "sqlite": "r.agent_id GLOB g.pattern",
    "postgresql": r"r.agent_id LIKE replace(replace(g.pattern, '_', '\_'), '*', '%')",
}
_AS_OF = """
WITH steps AS (
  SELECT t.build_id, t.after,
    row_number() OVER (PARTITION BY t.build_id ORDER BY t.id DESC) AS back,
    max(CASE WHEN t.kind = 'registered' THEN t.id END) OVER (PARTITION BY t.build_id) AS made,
    max(CASE WHEN t.kind IN ('promoted', 'fast-track') AND t.after = :state THEN t.id END)
      OVER (PARTITION BY t.build_id) AS promoted
  FROM transitions t WHERE t.at <= :moment AND t.tenant IN (:tenant, :public)
), stood AS (
  SELECT b.id, b.tenant, b.agent_id, b.version, b.pack_digest, s.after AS state, s.made, s.promoted,
    CASE WHEN b.score IS NOT NULL AND b.tests_total > 0 AND b.tests_passed >= b.tests_total THEN 1 ELSE 0 END AS judged,
    coalesce(
      (SELECT y.yanked FROM yanks y WHERE y.build_id = b.id AND y.at <= :moment ORDER BY y.id DESC LIMIT 1),
      false) AS yanked
  FROM steps s JOIN builds b ON b.id = s.build_id
  WHERE s.back = 1
), r AS (
  SELECT stood.*, row_number() OVER (
    PARTITION BY tenant, agent_id, version
    ORDER BY yanked, CASE state WHEN 'certified' THEN 0 WHEN 'experimental' THEN 1 WHEN 'deprecated' THEN 2
      WHEN 'draft' THEN 3 ELSE 4 END, judged DESC, made DESC) AS place
  FROM stood
), lines AS (
  SELECT g.kind, g.pattern FROM grants g
  WHERE g.tenant = :tenant AND g.environment IN ('', :environment)
    AND g.at <= :moment AND (g.until IS NULL OR g.until > :moment)
)
SELECT r.tenant, r.agent_id, r.version, r.pack_digest, r.state, r.yanked, r.place,
  (SELECT count(*) FROM flags f
    WHERE f.build_id = r.id AND f.at <= :moment AND (f.until IS NULL OR f.until > :moment)) AS flags,
  p.at AS since, p.kind, p.actor, p.reason, p.policy, p.statement, p.signature, p.key_id
FROM r LEFT JOIN transitions p ON p.id = r.promoted
WHERE r.state = :state
  AND (r.tenant = :tenant OR NOT EXISTS (
    SELECT 1 FROM agent_versions v WHERE v.tenant = :tenant AND v.agent_id = r.agent_id AND v.created_at <= :moment))
  AND NOT EXISTS (SELECT 1 FROM lines g WHERE g.kind = 'deny' AND {covers})
  AND (NOT EXISTS (SELECT 1 FROM lines g WHERE g.kind = 'allow')
    OR EXISTS (SELECT 1 FROM lines g WHERE g.kind = 'allow' AND {covers}))
ORDER BY r.agent_id, r.version, r.place
"""


@cache
def _query(dialect: str) -> TextualSelect:
    statement = text(_AS_OF.format(covers=_COVERS[dialect]))
    return statement.bindparams(bindparam("moment", type_=UtcDateTime())).columns(since=UtcDateTime())


def _plain(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)
    for name in ("kind", "actor", "reason", "policy", "statement", "signature", "key_id"):
        values[name] = values[name] or ""
    place = values.pop("place")
    return {**values, "in_force": place == 1, "yanked": bool(values["yanked"])}
