"""Steps in the life of a build: each is a signed statement that names the one before.

Belongs here: writing a step. Does not belong here: whether it may be taken (`lifecycle`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import bindparam, insert, select
from sqlalchemy.engine import Connection

from greenlang.provenance import bytes_digest, canonical
from greenlang.registry.caller import Caller
from greenlang.registry.chain import FIRST
from greenlang.registry.entry import RegistryEntry
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


@dataclass(frozen=True, slots=True)
class _Of:
    """Whose step it is, and what its last one said."""

    build: int
    tenant: str
    agent_id: str
    version: str
    pack_digest: str
    last: str | None = None


def write_step(connection: Connection, caller: Caller, signer: Signer, build: int, step: Step) -> int:
    """Add a step to a build's life; the number of its row."""
    of = _Of(build, *connection.execute(_BUILD, {"of": build}).one())
    added = connection.execute(_ADD, _row(caller, signer, of, step))
    row: int = added.inserted_primary_key[0]  # type: ignore[index]
    return row


def first_steps(connection: Connection, steps: Sequence[tuple[Caller, Signer, RegistryEntry, int, str]]) -> None:
    """Begin the lives of builds that were added in this transaction, each with the digest of what it `holds`."""
    first = Step("", "draft", "registered", "registered")
    rows = [
        _row(
            caller,
            signer,
            _Of(build, caller.tenant, entry.agent_id, entry.version, entry.pack_digest),
            replace(first, evidence={"holds": held}),
        )
        for caller, signer, entry, build, held in steps
    ]
    connection.execute(_ADD, rows)


def _row(caller: Caller, signer: Signer, of: _Of, step: Step) -> dict[str, Any]:
    now = datetime.now(UTC)
    statement = canonical(
        {
            "tenant": of.tenant,
            "agent_id": of.agent_id,
            "version": of.version,
            "pack_digest": of.pack_digest,
            "before": step.before,
            "after": step.after,
            "kind": step.kind,
            "at": now.isoformat(),
            "actor": caller.actor,
            "reason": step.reason,
            "policy": step.policy,
            "evidence": dict(step.evidence or {}),
            "successor": step.successor,
            "previous": FIRST if of.last is None else bytes_digest(of.last.encode()),
        }
    )
    signed = signer.sign(statement)
    values: dict[str, Any] = {
        name: getattr(step, name) for name in ("before", "after", "kind", "reason", "policy", "successor")
    }
    values |= {"tenant": caller.tenant, "build_id": of.build, "at": now, "actor": caller.actor}
    return values | {"statement": statement.decode(), "signature": signed.signature, "key_id": signed.key_id}


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
