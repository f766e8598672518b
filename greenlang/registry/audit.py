"""The audit log: every write, access decision and transition, as a chain in which nothing can be changed unseen.

Belongs here: adding to the chain, asking it, verifying it, removing what is past its retention. Does not belong here:
who may read it (`roles`), what is decided, files (`audit_export`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Select, Table, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from greenlang.errors import RegistryError, SettingsError
from greenlang.provenance import canonical
from greenlang.registry.caller import Caller
from greenlang.registry.chain import FIRST, MEND, AuditEvent, Chain, event_digest
from greenlang.registry.finding import Finding
from greenlang.registry.tables import AuditAnchorRow, AuditHeadRow, AuditRow

if TYPE_CHECKING:
    from greenlang.registry.audit_export import Exported
    from greenlang.registry.store import Registry

RETENTION_DAYS = 2555  # seven years: 002, "Audit Trail"
MOST_FINDINGS = 100  # a log with more is not looked through to its end
EVENTS = "greenlang_events"  # execution option: what was recorded in a transaction, until it ends
_CHUNK = 2000


def record(connection: Connection, caller: Caller, event: str, subject: str, **detail: Any) -> None:
    """Add an event to the chain of the caller's tenant, in the transaction of what it tells of.

    It is written when that transaction ends (`write`): whoever adds to the same chain waits for its end alone, not for
    what is done before. What is in the chain has happened: a part that may be undone is `undone_if_it_fails`, for an
    undone savepoint of SQLAlchemy's (`begin_nested`) leaves its events standing.
    """
    if caller.request:
        detail["request"] = caller.request
    told = canonical(detail).decode()
    _pending(connection).append(
        {"tenant": caller.tenant, "actor": caller.actor, "event": event, "subject": subject, "detail": told}
    )


def write(connection: Connection) -> None:
    """Write the events that were recorded in this transaction, at its end. The next writer waits until it has ended."""
    pending = _pending(connection)
    for tenant in sorted({one["tenant"] for one in pending}):
        _add(connection, tenant, [one for one in pending if one["tenant"] == tenant])
    pending.clear()


@contextmanager
def undone_if_it_fails(connection: Connection) -> Iterator[None]:
    """A part of a transaction: if it fails nothing of it is written, and the transaction goes on.

    Where the part cannot be undone the connection is invalidated: the whole transaction has failed.
    """
    pending = _pending(connection)
    before = len(pending)
    connection.exec_driver_sql("SAVEPOINT part")  # SQLAlchemy's own costs four times as much
    try:
        yield
        connection.exec_driver_sql("RELEASE SAVEPOINT part")
    except BaseException as error:
        del pending[before:]
        if not connection.invalidated:
            try:
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
                connection.exec_driver_sql("RELEASE SAVEPOINT part")
            except DBAPIError:  # SQLite, on a full disk, has undone the whole transaction, savepoints and all
                connection.invalidate()
                if not isinstance(error, DBAPIError):
                    raise
        raise


def _pending(connection: Connection) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = connection.get_execution_options()[EVENTS]
    return events


def _add(connection: Connection, tenant: str, events: Sequence[dict[str, Any]]) -> None:
    head = connection.execute(_LOCK, {"of": tenant}).one_or_none()
    if head is None and connection.execute(_ANY, {"of": tenant}).first() is not None:
        head = connection.execute(_LOCK, {"of": tenant}).one_or_none()  # the first event may just have been written
        if head is None:
            raise RegistryError(
                f"the log of {tenant} has events and no end, nothing is written: `greenlang audit verify` says what is "
                "wrong, `greenlang audit export` keeps what is there"
            )
    if head is None:
        kind = sqlite if connection.dialect.name == "sqlite" else postgresql
        first = kind.insert(AuditHeadRow).values(tenant=tenant, number=0, digest=FIRST)
        connection.execute(first.on_conflict_do_nothing())
        head = connection.execute(_LOCK, {"of": tenant}).one()
    number, digest, now = head.number, head.digest, datetime.now(UTC)  # later than that of the event before
    rows = []
    for event in events:
        number += 1
        row = {**event, "number": number, "at": now, "previous": digest}
        digest = event_digest(row)
        rows.append({**row, "digest": digest})
    connection.execute(_ADD, rows)
    connection.execute(_MOVE, {"of": tenant, "number": number, "digest": digest})


# made once, of plain tables: every write of the registry comes by here, and this is six times faster
_HEAD = select(AuditHeadRow.number, AuditHeadRow.digest).where(AuditHeadRow.tenant == bindparam("of"))
_LOCK = _HEAD.with_for_update()
_ANY = select(AuditRow.number).where(AuditRow.tenant == bindparam("of")).limit(1)
_ADD = insert(cast(Table, AuditRow.__table__))
_MOVE = update(cast(Table, AuditHeadRow.__table__)).where(AuditHeadRow.tenant == bindparam("of"))


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look through the whole log gave. It holds the events ``first`` to ``last``, older ones were removed."""

    tenant: str
    first: int
    last: int
    digest: str  # of the last event: whoever notes it down can tell later that the log continues from there
    findings: tuple[Finding, ...]

    @property
    def events(self) -> int:
        """How many events that is."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be."""

    tenant: str
    events: int
    until: int  # the number of the last one
    older_than: datetime


class AuditLog:
    """The log of the tenant that the registry's caller belongs to."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.tenant = registry.caller.tenant

    def query(
        self,
        *,
        event: str = "",
        actor: str = "",
        subject: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[AuditEvent]:
        """Events, the newest first, from ``since`` on and before ``until``.

        ``event``, ``actor`` and ``subject`` are exact, or a beginning with ``*`` behind it. The next page is the one
        ``before`` the number of the last event of this one.
        """
        statement = events_of(self.tenant).order_by(AuditRow.number.desc()).limit(limit)
        for column, asked in ((AuditRow.event, event), (AuditRow.actor, actor), (AuditRow.subject, subject)):
            if asked.endswith("*"):
                beginning = asked[:-1]  # not LIKE, to which case means nothing on SQLite
                statement = statement.where(func.substr(column, 1, len(beginning)) == beginning)
            elif asked:
                statement = statement.where(column == asked)
        if since is not None:
            statement = statement.where(AuditRow.at >= since)
        if until is not None:
            statement = statement.where(AuditRow.at < until)
        if before is not None:
            statement = statement.where(AuditRow.number < before)
        with self.registry.transaction() as connection:
            return [AuditEvent(*row) for row in connection.execute(statement)]

    def verify(self) -> Verified:
        """Look through the whole log: every event, their order, its beginning and its end."""
        with self.registry.transaction() as connection:
            return self._verified(connection)

    def _verified(self, connection: Connection) -> Verified:
        from greenlang.registry import anchors

        findings: list[Finding] = []
        found = connection.execute(_HEAD, {"of": self.tenant}).one_or_none()
        head = (found.number, found.digest) if found is not None else None
        start, digest = anchors.start(connection, self.registry, findings)
        chain = Chain(self.tenant, start, digest)
        # the head is read in the same statement as the events: others go on writing
        rows = connection.execute(
            events_of(self.tenant)
            .add_columns(AuditHeadRow.number.label("head"), AuditHeadRow.digest.label("head_digest"))
            .outerjoin(AuditHeadRow, AuditHeadRow.tenant == AuditRow.tenant)
            .order_by(AuditRow.number),
            execution_options={"yield_per": _CHUNK},
        )
        try:
            for *event, number, last in rows:
                findings += chain.take(AuditEvent(*event))
                head = (number, last) if number is not None else None
                if len(findings) >= MOST_FINDINGS:
                    break
            else:
                findings += _end(chain, head)
        except (ValueError, TypeError) as error:  # SQLite lets anything stand in a column
            message = f"an event after {chain.number} cannot be read: {error}"
            findings.append(Finding("audit-chain", f"{self.tenant}#{chain.number}", message, MEND))
        return Verified(self.tenant, start + 1, chain.number, chain.digest, tuple(findings))

    def export(
        self, path: Path, *, since: datetime | None = None, until: datetime | None = None, dry_run: bool = False
    ) -> Exported:
        """Write a part of the log as Parquet; see `audit_export.write`."""
        from greenlang.registry.audit_export import write

        return write(self.registry, path, since=since, until=until, dry_run=dry_run)

    def continues(self, export: Exported) -> list[Finding]:
        """Whether the log is the one that an exported file is of: it holds the file's last event, or went on from it.

        That is how a log is found out that was written anew as a whole, digests and all.
        """
        last = select(AuditRow.digest).where(AuditRow.tenant == self.tenant, AuditRow.number == export.last)
        with self.registry.transaction() as connection:
            digest = connection.execute(last).scalar_one_or_none()
            pruned = connection.execute(
                select(func.max(AuditAnchorRow.number)).where(AuditAnchorRow.tenant == self.tenant)
            ).scalar_one()
        if export.tenant == self.tenant and (digest == export.last_digest or (pruned or 0) >= export.last):
            return []
        place = f"{self.tenant}#{export.last}"
        message = f"event {export.last} of the exported file is not that of the log: the log was written anew, or cut"
        return [Finding("audit-export", place, message, MEND)]

    def prune(self, export: Path, *, days: int = RETENTION_DAYS, dry_run: bool = False) -> Pruned:
        """Remove the events that are older than ``days`` and that the file ``export`` holds.

        What is left still verifies: a signed anchor says what stood before it. On PostgreSQL it takes the role that
        owns the tables; the one of the application cannot remove events. Raises SettingsError, and changes nothing,
        where the log or the file do not verify, the file lacks an event that would be removed, or ``days`` is less
        than the retention.
        """
        from greenlang.registry import anchors

        if days < RETENTION_DAYS:
            raise SettingsError(f"events are kept for {RETENTION_DAYS} days: {days} is less")
        older_than = datetime.now(UTC) - timedelta(days=days)
        with self.registry.transaction(write=not dry_run) as connection:
            anchors.may_prune(connection)
            state = self._verified(connection)
            if state.findings:
                raise SettingsError(f"the log does not verify, nothing is removed: {state.findings[0].message}")
            kept = connection.execute(
                select(func.min(AuditRow.number)).where(AuditRow.tenant == self.tenant, AuditRow.at >= older_than)
            ).scalar_one()
            last = state.last if kept is None else kept - 1
            pruned = Pruned(self.tenant, max(0, last - state.first + 1), last, older_than)
            if pruned.events == 0:
                return pruned
            digest = connection.execute(
                select(AuditRow.digest).where(AuditRow.tenant == self.tenant, AuditRow.number == last)
            ).scalar_one()
            anchor = anchors.statement(self.registry, export, state.first, last, digest)
            if not dry_run:
                anchors.prune(connection, self.registry, anchor)
        return pruned


def events_of(tenant: str) -> Select[Any]:
    """The events of a tenant, as `AuditEvent` takes them."""
    return select(*(getattr(AuditRow, name) for name in AuditEvent.__slots__)).where(AuditRow.tenant == tenant)


def cut(connection: Connection, tenant: str) -> list[Finding]:
    """What does not fit between the last event that is there and what `audit_heads` says, without the way there."""
    row = connection.execute(  # one statement: others go on writing
        select(AuditRow.number, AuditRow.digest, AuditHeadRow.number, AuditHeadRow.digest)
        .outerjoin(AuditHeadRow, AuditHeadRow.tenant == AuditRow.tenant)
        .where(AuditRow.tenant == tenant)
        .order_by(AuditRow.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return []
    number, digest, head, head_digest = row
    return _end(Chain(tenant, number, digest), (head, head_digest) if head is not None else None)


def _end(chain: Chain, head: tuple[int, str] | None) -> list[Finding]:
    """What does not fit between the last event and what `audit_heads` says about it."""
    if head is None and chain.number == 0:
        return []
    if head is None:
        message = f"the log has {chain.number} events and no end: its row of audit_heads is missing"
    elif head[0] > chain.number:
        message = f"the events {chain.number + 1} to {head[0]} at the end are missing"
    elif head[0] < chain.number:
        message = f"the log ends with event {head[0]}, and there are events up to {chain.number}"
    elif head[1] != chain.digest:
        message = f"the last event {chain.number} is another than the one that the log ends with: it was changed"
    else:
        return []
    return [Finding("audit-chain", f"{chain.tenant}#{chain.number}", message, MEND)]
