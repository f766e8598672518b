"""Where a log begins whose older events were removed: a signed statement of what stood before.

Belongs here: writing and checking anchors, removing what lies before one. Does not belong here: when that may be done
(`audit`).
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import delete, insert, select, text
from sqlalchemy.engine import Connection

from greenlang.errors import PackError, SettingsError
from greenlang.provenance import bytes_digest, canonical
from greenlang.registry import audit, definition
from greenlang.registry.chain import FIRST, MEND
from greenlang.registry.finding import Finding
from greenlang.registry.tables import AuditAnchorRow, AuditRow
from greenlang.signing import fits, key_id, read_public_key

if TYPE_CHECKING:
    from greenlang.registry.store import Registry

KIND = "audit.anchor"  # the same key signs other things


def signed(folder: Path, statement: bytes, signature: str, key: str) -> str:
    """Why a statement does not count as signed by a key of this folder; empty if it does.

    Keys that were replaced stay valid while their public half (``*.pub.pem``) stays in the folder.
    """
    for path in sorted(folder.glob("*.pub.pem")):
        try:
            public = read_public_key(path)
        except PackError:
            continue
        if key_id(public) == key:
            good = _fits(public, signature, statement)
            return "" if good else f"its signature does not fit the public key {path.name}"
    return f"it is signed with the key {key[:12]}…, whose public half is not in the folder of keys"


def _fits(public: Ed25519PublicKey, signature: str, statement: bytes) -> bool:
    try:
        return fits(public, base64.b64decode(signature, validate=True), statement)
    except binascii.Error:
        return False


def start(connection: Connection, registry: Registry, findings: list[Finding]) -> tuple[int, str]:
    """Number and digest of the event before the first that is still there; what is wrong goes into ``findings``."""
    tenant = registry.caller.tenant
    row = connection.execute(
        select(AuditAnchorRow).where(AuditAnchorRow.tenant == tenant).order_by(AuditAnchorRow.number.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return 0, FIRST
    why = signed(registry.signer.folder, row.statement.encode(), row.signature, row.key_id)
    said: dict[str, Any] = {}
    if not why:
        said = json.loads(row.statement)
        if (said.get("kind"), said.get("tenant"), said.get("until")) != (KIND, tenant, row.number):
            why = "it speaks of other events"
    if why:
        place = f"{tenant}#{row.number}"
        findings.append(Finding("audit-anchor", place, f"the anchor at event {row.number} does not count: {why}", MEND))
    return row.number, str(said.get("digest", FIRST))


def statement(registry: Registry, export: Path, first: int, last: int, digest: str) -> dict[str, Any]:
    """What is to be signed when the events ``first`` to ``last`` go. Raises SettingsError if ``export`` lacks one."""
    from greenlang.registry.audit_export import look

    found = look(export, keys=registry.signer.folder, mark=last)
    if found.findings:
        raise SettingsError(f"{export} does not verify, nothing is removed: {found.findings[0].message}")
    if found.tenant != registry.caller.tenant or found.first > first or found.last < last:
        raise SettingsError(
            f"{export} holds the events {found.first} to {found.last} of {found.tenant}; {first} to {last} of "
            f"{registry.caller.tenant} would be removed: export those first"
        )
    if found.mark_digest != digest:
        raise SettingsError(f"{export} is of another log: its event {last} is not the one that stands here")
    return {
        "kind": KIND,
        "tenant": found.tenant,
        "first": first,
        "until": last,
        "digest": digest,
        "export": found.digest,
    }


def may_prune(connection: Connection) -> None:
    """Raises SettingsError where the connected role cannot remove events: that of the application cannot."""
    if connection.dialect.name == "sqlite":
        return
    if not connection.execute(text("SELECT has_table_privilege('audit_events', 'DELETE')")).scalar_one():
        raise SettingsError(
            "only the role that owns the registry's tables removes events: name it in GREENLANG_REGISTRY_ADMIN_URL"
        )


def prune(connection: Connection, registry: Registry, said: dict[str, Any]) -> None:
    """Sign the statement, remove what it speaks of, and record it, in this transaction."""
    data = canonical(said)
    mark = registry.signer.sign(data)
    names = {"statement": data.decode(), "signature": mark.signature, "key_id": mark.key_id}
    connection.execute(insert(AuditAnchorRow).values(tenant=said["tenant"], number=said["until"], **names))
    audit.record(connection, registry.caller, "audit.pruned", said["tenant"], **said, anchor=bytes_digest(data))
    removing = delete(AuditRow).where(AuditRow.tenant == said["tenant"], AuditRow.number <= said["until"])
    guard = "audit_events_delete"
    if connection.dialect.name == "sqlite":  # both statements roll back with the transaction
        connection.execute(text(f"DROP TRIGGER IF EXISTS {guard}"))
        connection.execute(removing)
        again = [made for made in definition.append_only("sqlite") if f" {guard} " in made]
        connection.execute(text(*again))
    else:
        connection.execute(removing)
