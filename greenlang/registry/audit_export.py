"""The audit log as a Parquet file that proves itself: the events with their digests, and a signed header.

The header (``greenlang.audit`` of the file's key-value metadata, canonical JSON) names tenant, first and last event,
the digest before the first and that of the last. Whoever has the public key can verify the file with nothing else.

A log that does not verify is exported as well, as it stands: it is the evidence of what was done to it. Its header says
so (``broken``, what did not fit at that moment), and no such file verifies.

Belongs here: writing such a file, verifying it. Does not belong here: the log in the database (`audit`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from greenlang.errors import RegistryConflict, RegistryError, SettingsError
from greenlang.factors.storage import replace_file
from greenlang.provenance import canonical, file_digest
from greenlang.registry import audit
from greenlang.registry.anchors import signed, start
from greenlang.registry.chain import FIRST, AuditEvent, Chain
from greenlang.registry.finding import Finding
from greenlang.registry.tables import AuditRow

if TYPE_CHECKING:
    from greenlang.registry.store import Registry

HEADER = b"greenlang.audit"
SIGNATURE = b"greenlang.audit.signature"
KEY = b"greenlang.audit.key"
SCHEMA = pa.schema(
    [
        pa.field(name, pa.int64() if name == "number" else pa.timestamp("us", "UTC") if name == "at" else pa.string())
        for name in AuditEvent.__slots__
    ]
)
KIND = "audit.export"  # the same key signs other things
_ROWS = 20_000  # events a row group
_MEND = "take another copy of the export"


class AuditUnreadable(RegistryConflict):
    """A row of the log that cannot be read as an event: nothing is exported."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported file: the events ``first`` to ``last`` of a tenant, and what is wrong with it.

    ``digest`` is the SHA-256 of the file, ``last_digest`` that of its last event, ``mark_digest`` that of the event
    that was asked for. ``broken``: what did not fit about the log when it was exported.
    """

    tenant: str
    first: int
    last: int
    digest: str
    last_digest: str
    findings: tuple[Finding, ...] = ()
    mark_digest: str = ""
    broken: tuple[str, ...] = ()

    @property
    def events(self) -> int:
        """How many events the file holds."""
        return self.last - self.first + 1


def write(
    registry: Registry,
    path: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    dry_run: bool = False,
) -> Exported:
    """Write the events from ``since`` on and before ``until``, with all that lie between them; record that it was done.

    What does not fit about the log stands in ``broken`` and, signed, in the file. The file is there whole or not at
    all. Raises SettingsError where it exists already and where there is no such event, AuditUnreadable where a row
    holds what no event can.
    """
    if path.exists():
        raise SettingsError(f"{path} is there already; an export may be the only copy of its events: name another file")
    tenant = registry.caller.tenant
    with registry.transaction() as connection:
        first, last = _range(connection, tenant, since, until)
        findings: list[Finding] = []
        before, digest = start(connection, registry, findings)
        if first > before + 1:
            digest = connection.execute(
                select(AuditRow.previous).where(AuditRow.tenant == tenant, AuditRow.number == first)
            ).scalar_one()
        if until is None:
            findings += audit.cut(connection, tenant)
        if dry_run:
            return Exported(tenant, first, last, "", "", broken=tuple(one.message for one in findings))
        rows = connection.execute(
            audit.events_of(tenant).where(AuditRow.number.between(first, last)).order_by(AuditRow.number),
            execution_options={"yield_per": _ROWS},
        )
        groups = ([AuditEvent(*row) for row in rows_] for rows_ in rows.partitions(_ROWS))
        chain = Chain(tenant, first - 1, digest)
        try:
            replace_file(path, lambda target: _write(registry, target, chain, groups, findings))
        except (ValueError, TypeError) as error:  # SQLite lets anything stand in a column
            raise AuditUnreadable(
                f"an event of {tenant} after {chain.number} cannot be read: {error}. Export what is before it by "
                "--end-time, and keep a copy of the database file"
            ) from error
    broken = tuple(one.message for one in findings)
    exported = Exported(tenant, first, last, file_digest(path), chain.digest, broken=broken)
    try:
        _recorded(registry, exported)
    except RegistryError as error:  # a log that takes nothing more is what was to be exported
        if not broken:
            raise
        return replace(exported, broken=(*broken, str(error)))
    return exported


def _recorded(registry: Registry, exported: Exported) -> None:
    with registry.transaction(write=True) as connection:
        told: dict[str, Any] = {"first": exported.first, "last": exported.last, "file": exported.digest}
        if exported.broken:
            told["broken"] = exported.broken[0]
        audit.record(connection, registry.caller, "audit.exported", exported.tenant, **told)


def _range(connection: Connection, tenant: str, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    statement = select(func.min(AuditRow.number), func.max(AuditRow.number)).where(AuditRow.tenant == tenant)
    if since is not None:
        statement = statement.where(AuditRow.at >= since)
    if until is not None:
        statement = statement.where(AuditRow.at < until)
    first, last = connection.execute(statement).one()
    if first is None:
        raise SettingsError(f"the log of {tenant} has no event in that time")
    return first, last


def _write(
    registry: Registry,
    target: Path,
    chain: Chain,
    groups: Iterator[Sequence[AuditEvent]],
    findings: list[Finding],
) -> None:
    header: dict[str, Any] = {"kind": KIND, "tenant": chain.tenant, "first": chain.number + 1, "previous": chain.digest}
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        for events in groups:
            for event in events:
                findings += chain.take(event)[: audit.MOST_FINDINGS - len(findings)]
            columns = [[getattr(event, name) for event in events] for name in AuditEvent.__slots__]
            arrays = [pa.array(c, field.type) for c, field in zip(columns, SCHEMA, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        if findings:
            header["broken"] = [finding.message for finding in findings]
        data = canonical({**header, "last": chain.number, "digest": chain.digest, "at": datetime.now(UTC).isoformat()})
        mark = registry.signer.sign(data)
        writer.add_key_value_metadata({HEADER: data, SIGNATURE: mark.signature, KEY: mark.key_id})


def look(path: Path, *, keys: Path, mark: int = 0) -> Exported:
    """Verify an exported file by the public keys (``*.pub.pem``) of a folder; what is wrong stands in ``findings``.

    Raises SettingsError where it is no such file, OSError where it cannot be read.
    """
    digest = file_digest(path)
    try:
        with pq.ParquetFile(path) as file:
            told = file.metadata.metadata or {}
            if HEADER not in told or not file.schema_arrow.equals(SCHEMA):
                raise SettingsError(f"{path} is no export of an audit log")
            return replace(_looked(file, told, keys, mark), digest=digest)
    except SettingsError:
        raise
    except (pa.ArrowException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} cannot be read as an export of an audit log: {error}") from error


def _looked(file: pq.ParquetFile, told: dict[bytes, bytes], keys: Path, mark: int) -> Exported:
    header: dict[str, Any] = json.loads(told[HEADER])
    tenant, first, last = header["tenant"], header["first"], header["last"]
    findings: list[Finding] = []

    def wrong(message: str) -> None:
        findings.append(Finding("audit-export", str(tenant), message, _MEND))

    if why := signed(keys, told[HEADER], told.get(SIGNATURE, b"").decode(), told.get(KEY, b"").decode()):
        wrong(f"the header does not count: {why}")
    if header.get("kind") != KIND:
        wrong("the header is that of something else")
    broken = tuple(map(str, header.get("broken", ())))
    for message in broken:
        wrong(f"the log was broken when it was exported: {message}")
    chain = Chain(tenant, first - 1, header["previous"])
    mark_digest = ""
    for batch in file.iter_batches(_ROWS):
        for row in batch.to_pylist():
            event = AuditEvent(**row)
            findings += chain.take(event)
            mark_digest = event.digest if event.number == mark else mark_digest
        if len(findings) >= audit.MOST_FINDINGS:
            break
    else:
        if (chain.number, chain.digest) != (last, header["digest"]):
            wrong(f"the file ends with event {chain.number}; its header says {last}, with another digest")
    if first == 1 and header["previous"] != FIRST:
        wrong("something stands before the first event")
    return Exported(tenant, first, last, "", str(header["digest"]), tuple(findings), mark_digest, broken)
