"""The audit log: every write, access decision and transition, as a chain in which nothing can be changed unseen.

Belongs here: adding to the chain. Does not belong here: who may read it, what is decided.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from greenlang.provenance import bytes_digest, canonical
from greenlang.registry.caller import Caller
from greenlang.registry.tables import AuditHeadRow, AuditRow

FIRST = "0" * 64  # what stands before a tenant's first event


def record(connection: Connection, caller: Caller, event: str, subject: str, **detail: Any) -> int:
    """Add an event to the chain of the caller's tenant, in the transaction of what it tells of; its number.

    Whoever adds next waits until that transaction ends: what is in the chain has happened.
    """
    head = connection.execute(
        select(AuditHeadRow.number, AuditHeadRow.digest).where(AuditHeadRow.tenant == caller.tenant).with_for_update()
    ).one_or_none()
    number, previous = (head.number + 1, head.digest) if head is not None else (1, FIRST)
    if caller.request:
        detail["request"] = caller.request
    row = {
        "tenant": caller.tenant,
        "number": number,
        "at": datetime.now(UTC),
        "actor": caller.actor,
        "event": event,
        "subject": subject,
        "detail": canonical(detail).decode(),
        "previous": previous,
    }
    digest = event_digest(row)
    connection.execute(insert(AuditRow).values(**row, digest=digest))
    values = {"number": number, "digest": digest}
    if head is None:
        connection.execute(insert(AuditHeadRow).values(tenant=caller.tenant, **values))
    else:
        connection.execute(update(AuditHeadRow).where(AuditHeadRow.tenant == caller.tenant).values(**values))
    return number


def event_digest(row: dict[str, Any]) -> str:
    """SHA-256 over everything that a row says and the digest of the row before."""
    return bytes_digest(canonical({**row, "at": row["at"].astimezone(UTC).isoformat()}))
