"""Whether the log of a version's builds is what was signed: signatures, chain, table of steps, decisions, audit log.

Belongs here: looking. Does not belong here: writing steps (`steps`), the audit log's own chain (`audit`).

Each finding names the build and the step. A row that was changed differs from its statement; a statement that was
changed does not fit its signature; one that was taken out, or put in, breaks the chain; the newest ones taken away are
missed by the audit log, which holds the digest of each statement (`greenlang audit verify` tells whether that log is
whole). A decision that the policy would not have given is found by making it again.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from greenlang.provenance import bytes_digest
from greenlang.registry import policy_store
from greenlang.registry.caller import Caller
from greenlang.registry.chain import FIRST
from greenlang.registry.entry import Pin
from greenlang.registry.finding import Finding
from greenlang.registry.holds import HOLDS, holds
from greenlang.registry.ladder import standing
from greenlang.registry.named import Named, builds_of
from greenlang.registry.policy import Decision, decide
from greenlang.registry.tables import AuditRow, PinRow, TransitionRow
from greenlang.signing import fits, key_id, read_public_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_MANY = 500
_MEND = "find out who could write to the database, and restore these rows from a copy that verifies"
_SAID = ("tenant", "before", "after", "kind", "actor", "reason", "policy", "successor")


@dataclass(frozen=True)
class Recorded:
    """A row of the log of steps."""

    build_id: int
    tenant: str
    before: str
    after: str
    kind: str
    at: datetime
    actor: str
    reason: str
    policy: str
    successor: str
    statement: str
    signature: str
    key_id: str

    @cached_property
    def content(self) -> dict[str, Any]:
        """What the statement says; empty where it is no JSON object."""
        try:
            content = json.loads(self.statement)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def evidence(self) -> dict[str, Any]:
        """The evidence in the statement; empty where there is none."""
        found = self.content.get("evidence")
        return found if isinstance(found, dict) else {}

    @property
    def digest(self) -> str:
        """SHA-256 of the statement."""
        return bytes_digest(self.statement.encode())


def recorded(connection: Connection, builds: Sequence[int]) -> dict[int, list[Recorded]]:
    """Number of a build -> its steps, the oldest first."""
    found: dict[int, list[Recorded]] = defaultdict(list)
    columns = [getattr(TransitionRow, name) for name in Recorded.__dataclass_fields__]
    for start in range(0, len(builds), _MANY):
        some = TransitionRow.build_id.in_(builds[start : start + _MANY])
        for row in connection.execute(select(*columns).where(some).order_by(TransitionRow.id)):
            found[row.build_id].append(Recorded(**row._mapping))
    return found


def public_keys(folder: Path) -> dict[str, Ed25519PublicKey]:
    """Key id -> key of every ``*.pub.pem`` in a folder: that of today, and those of before. Raises PackError."""
    keys = [read_public_key(path) for path in sorted(folder.glob("*.pub.pem"))]
    return {key_id(key): key for key in keys}


def again(connection: Connection, caller: Caller, step: Recorded) -> Decision:
    """The decision on a promotion, made anew from what was signed. Raises PolicyError if its policy is not there."""
    policy = policy_store.find(connection, caller, step.policy)
    return decide(policy, step.content["evidence"], step.after, fast_track=step.kind == "fast-track")


def verify(connection: Connection, caller: Caller, build: Named, keys: Path) -> list[Finding]:
    """Everything that does not fit about the builds of this one's version; empty if all does. Raises PackError."""
    known = public_keys(keys)
    builds = builds_of(connection, build)
    steps = recorded(connection, [one.build.id for one in builds])
    findings: list[Finding] = []
    for one in builds:
        findings += _of_build(connection, caller, one, steps[one.build.id], known)
    kept = {step.digest for of_build in steps.values() for step in of_build}
    events = connection.execute(
        select(AuditRow.number, AuditRow.event, AuditRow.actor, AuditRow.detail)
        .where(AuditRow.tenant == build.tenant, AuditRow.subject == build.subject, AuditRow.event.startswith("agent."))
        .order_by(AuditRow.number)
    )
    logged = [(number, event, actor, _plain(detail)) for number, event, actor, detail in events]
    if build.tenant == caller.tenant:  # the log of another is not read
        findings += _unlogged(connection, build, steps, [(event, actor, told) for _, event, actor, told in logged])
    for number, event, _, told in logged:
        statement = told.get("statement")
        if statement is not None and statement not in kept:
            message = f"the audit log holds {event} as its event {number}, and the log of steps does not"
            findings.append(Finding("audit", build.subject, message, _MEND))
    return findings


def _unlogged(
    connection: Connection,
    build: Named,
    steps: Mapping[int, Sequence[Recorded]],
    logged: Sequence[tuple[str, str, Mapping[str, Any]]],
) -> Iterator[Finding]:
    """Policies and approvals that steps were decided by and that the audit log never saw; where it was pruned, from its
    first event on."""
    first = connection.execute(
        select(AuditRow.number, AuditRow.at).where(AuditRow.tenant == build.tenant).order_by(AuditRow.number).limit(1)
    ).one_or_none()
    used = select(AuditRow.subject, AuditRow.detail).where(
        AuditRow.tenant == build.tenant, AuditRow.event == "policy.used"
    )
    known = {f"{name}@{_plain(detail).get('digest')}" for name, detail in connection.execute(used)}
    heard = {(event, actor, told.get("to"), told.get("comment"), told.get("pack")) for event, actor, told in logged}
    for step in (step for of_build in steps.values() for step in of_build if step.policy):
        place = f"{build.subject}, {step.kind} to {step.after}, {step.at.isoformat(timespec='seconds')}"
        if step.policy not in known and first is not None and first.number == 1:
            yield Finding("policy", place, f"the audit log never saw that {step.policy} came into force", _MEND)
        for at, *said in _words(step):
            if (*said, step.content.get("pack_digest")) not in heard and first is not None and at >= first.at:
                yield Finding("approval", place, f"the audit log never saw the word of {said[1]}", _MEND)


def _words(step: Recorded) -> Iterator[tuple[datetime, str, str, str, str]]:
    """The approvals in a step's evidence: when, as which event, by whom, for what, in which words."""
    listed = step.evidence.get("approvals")
    for one in listed if isinstance(listed, list) else ():
        try:
            event = "agent.approved" if one["approved"] else "agent.rejected"
            yield datetime.fromisoformat(one["at"]), event, one["actor"], one["after"], one["comment"]
        except (KeyError, TypeError, ValueError):  # none that we wrote, so the signature does not fit either
            continue


def _plain(detail: str) -> dict[str, Any]:
    """The detail of an event; empty where somebody made it something else, which `audit verify` says."""
    try:
        told = json.loads(detail)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _of_build(
    connection: Connection,
    caller: Caller,
    build: Named,
    steps: Sequence[Recorded],
    keys: Mapping[str, Ed25519PublicKey],
) -> Iterator[Finding]:
    identity = {
        "agent_id": build.entry.agent_id,
        "version": build.entry.version,
        "pack_digest": build.build.pack_digest,
    }
    pinned = select(PinRow.kind, PinRow.ref, PinRow.digest).where(PinRow.build_id == build.build.id)
    held = steps[0].evidence.get(HOLDS) if steps else None
    if held is not None and held != holds(build.build, [Pin(*row) for row in connection.execute(pinned)]):
        message = "its judgement, its pack or its pins are not those that it was entered with"
        yield Finding("build", build.ref, message, _MEND)
    previous = FIRST
    for number, step in enumerate(steps, 1):
        place = f"{build.ref}, step {number} ({step.kind}, {step.at.isoformat(timespec='seconds')})"
        key = keys.get(step.key_id)
        if key is None:
            mend = "name the folder that holds it by --keys"
            yield Finding("signature", place, f"the public key {step.key_id[:12]} is not there", mend)
        elif not _signed(key, step):
            yield Finding("signature", place, "the signature does not fit the statement: one was changed", _MEND)
        said = {**{name: getattr(step, name) for name in _SAID}, **identity, "at": step.at.isoformat()}
        for name, value in said.items():
            if step.content.get(name) != value:
                message = f"`{name}` is {value!r}, the statement says {step.content.get(name)!r}"
                yield Finding("row", place, message, _MEND)
        if step.content.get("previous") != previous:
            yield Finding("chain", place, "does not name the step before it: one is missing, or was changed", _MEND)
        previous = step.digest
        if step.policy:
            yield from _decided(connection, caller, step, place)
    try:
        stack = standing(steps)
    except ValueError as error:
        yield Finding("steps", build.ref, str(error), _MEND)
    else:
        if not stack or stack[-1].after != build.build.state:
            yield Finding("state", build.ref, f"its state is {build.build.state}, its steps give another", _MEND)


def _signed(key: Ed25519PublicKey, step: Recorded) -> bool:
    try:
        return fits(key, base64.b64decode(step.signature, validate=True), step.statement.encode())
    except (binascii.Error, ValueError):
        return False


def _decided(connection: Connection, caller: Caller, step: Recorded, place: str) -> Iterator[Finding]:
    try:
        decision = again(connection, caller, step)
    except (KeyError, TypeError, ValueError) as error:  # PolicyError is a ValueError
        yield Finding("decision", place, f"cannot be made again: {error}", "bring the policy back under its name")
        return
    if not decision.allowed:
        lacking = ", ".join(check.name for check in decision.lacking)
        yield Finding("decision", place, f"the policy would have refused it for {lacking}", _MEND)
