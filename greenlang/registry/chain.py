"""The chain of the audit log: each event's digest is over the event and the digest before it.

Belongs here: the event, its digest, walking along a chain, wherever its events lie. Does not belong here: databases
(`audit`), files (`audit_export`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from greenlang_sdk.errors import CanonicalError

from greenlang.provenance import bytes_digest, canonical
from greenlang.registry.finding import Finding

FIRST = "0" * 64  # what stands before a tenant's first event


def event_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over everything that an event says and the digest of the event before."""
    return bytes_digest(canonical({**row, "at": row["at"].astimezone(UTC).isoformat()}))


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event of a tenant's log, as it was written. ``detail`` is canonical JSON."""

    tenant: str
    number: int
    at: datetime
    actor: str
    event: str
    subject: str
    detail: str
    previous: str
    digest: str

    @property
    def content_digest(self) -> str:
        """The digest that the event ought to have."""
        return event_digest({name: getattr(self, name) for name in self.__slots__ if name != "digest"})

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the detail as what it stands for."""
        values = {name: getattr(self, name) for name in self.__slots__}
        try:
            detail = json.loads(self.detail)
        except ValueError:  # somebody changed it; whether so is for `verify` to say
            detail = self.detail
        return {**values, "at": self.at.isoformat(), "detail": detail}


class Chain:
    """Walks along a tenant's events in their order and says what does not fit.

    ``number`` and ``digest`` are those of the last event that was taken; at the start, of the one before the first.
    """

    def __init__(self, tenant: str, number: int = 0, digest: str = FIRST) -> None:
        self.tenant = tenant
        self.number = number
        self.digest = digest

    def take(self, event: AuditEvent) -> list[Finding]:
        """What does not fit about the next event; a mistake is named where it first shows, and once."""
        found = [
            Finding("audit-chain", f"{self.tenant}#{event.number}", message, MEND)
            for message in (self._place(event), self._content(event))
            if message
        ]
        self.number, self.digest = event.number, event.digest
        return found

    def _place(self, event: AuditEvent) -> str:
        if event.tenant != self.tenant:
            return f"event {event.number} belongs to the tenant {event.tenant}"
        if event.number > self.number + 1:
            last = event.number - 1
            missing = f"event {last} is" if last == self.number + 1 else f"events {self.number + 1} to {last} are"
            return f"{missing} missing"
        if event.number <= self.number:
            return f"event {event.number} stands after event {self.number}"
        if event.previous != self.digest:
            return f"event {event.number} does not continue event {self.number}: one of the two was changed"
        return ""

    @staticmethod
    def _content(event: AuditEvent) -> str:
        try:
            actual = event.content_digest
        except (CanonicalError, TypeError) as error:  # no event that we wrote
            actual = f"none: {error}"
        if actual == event.digest:
            return ""
        return f"event {event.number} was changed: its digest is {event.digest}, its content gives {actual}"


MEND = "find out who could write to the database since the last export, and restore the log from it"
