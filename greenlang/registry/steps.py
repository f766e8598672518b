"""Steps in the life of a build: each is a signed statement that names the one before.

Belongs here: writing a step. Does not belong here: whether it may be taken (`lifecycle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import bindparam, insert, select
from sqlalchemy.engine import Connection

from greenlang.provenance import bytes_digest, canonical
from greenlang.registry.caller import Caller
from greenlang.registry.chain import FIRST
from greenlang.registry.tables import Base, BuildRow, TransitionRow
from greenlang.signing import Signer

State = Literal["", "draft", "experimental", "certified", "deprecated", "retired"]
Kind = Literal["registered", "promoted", "fast-track", "rollback", "deprecated", "retired"]
RANK: dict[str, int] = {"certified": 4, "experimental": 3, "draft": 2, "deprecated": 1, "retired": 0}


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be written. ``evidence`` is plain JSON; with it and the policy the decision can be made again."""

    before: str
    after: str
    kind: Kind
    reason: str
    policy: str = ""
    evidence: Mapping[str, Any] | None = None
    successor: str = ""


def write_step(connection: Connection, caller: Caller, signer: Signer, build: int, step: Step) -> int:
    """Add a step to a build's life; the number of its row."""
    now = datetime.now(UTC)
    tenant, agent_id, version, pack_digest, last = connection.execute(_BUILD, {"of": build}).one()
    statement = canonical(
        {
            "tenant": tenant,
            "agent_id": agent_id,
            "version": version,
            "pack_digest": pack_digest,
            "before": step.before,
            "after": step.after,
            "kind": step.kind,
            "at": now.isoformat(),
            "actor": caller.actor,
            "reason": step.reason,
            "policy": step.policy,
            "evidence": dict(step.evidence or {}),
            "successor": step.successor,
            "previous": FIRST if last is None else bytes_digest(last.encode()),
        }
    )
    signed = signer.sign(statement)
    values: dict[str, Any] = {
        name: getattr(step, name) for name in ("before", "after", "kind", "reason", "policy", "successor")
    }
    values |= {"tenant": caller.tenant, "build_id": build, "at": now, "actor": caller.actor}
    values |= {"statement": statement.decode(), "signature": signed.signature, "key_id": signed.key_id}
    row: int = connection.execute(_ADD, values).inserted_primary_key[0]  # type: ignore[index]
    return row


_LAST = (
    select(TransitionRow.statement)
    .where(TransitionRow.build_id == BuildRow.id)
    .order_by(TransitionRow.id.desc())
    .limit(1)
    .correlate(BuildRow)
    .scalar_subquery()
)
_BUILD = select(BuildRow.tenant, BuildRow.agent_id, BuildRow.version, BuildRow.pack_digest, _LAST).where(
    BuildRow.id == bindparam("of")
)
_ADD = insert(Base.metadata.tables["transitions"])
