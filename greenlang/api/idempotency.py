"""`Idempotency-Key`: a POST that is sent again is answered again, not done again.

Belongs here: remembering what was answered (draft-ietf-httpapi-idempotency-key-header-07). Does not belong here: what
is done.

A key belongs to its tenant and actor, for a day. An answer of 5xx is not remembered: the request may be tried again.
One whose process died while it was done may be tried again after `LEASE`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.types import Message, Send

from greenlang.api.problems import MEDIA_TYPE, Problem
from greenlang.registry import Registry
from greenlang.registry.tables import IdempotencyRow

KEPT = timedelta(days=1)
LEASE = timedelta(minutes=2)
MOST_ANSWER = 1_000_000  # a longer answer is not remembered
_HEADERS = frozenset({b"content-type", b"location", b"etag"})


@dataclass(frozen=True, slots=True)
class Replay:
    """What was answered before."""

    status: int
    headers: dict[str, str]
    body: str

    async def send(self, send: Send) -> None:
        """Answer with it again; a header tells."""
        body = self.body.encode()
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        headers += [(b"content-length", str(len(body)).encode()), (b"idempotency-replayed", b"true")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def digest(method: str, path: str, query: bytes, content_type: str, permissions: str, body: bytes) -> str:
    """What makes two requests the same."""
    found = sha256()
    for part in (method.encode(), path.encode(), query, content_type.encode(), permissions.encode(), body):
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


class Once:
    """One request under its key. ``registry`` is the caller's."""

    def __init__(self, registry: Registry, key: str, request: str, *, sweep: bool = False) -> None:
        if not 0 < len(key) <= 200 or not key.isprintable():
            raise Problem(422, "an Idempotency-Key has 1 to 200 printable characters", kind="invalid-request")
        self._registry = registry
        self._request = request
        self._sweep = sweep  # drop the tenant's old keys on the way
        self._identity = {"tenant": registry.caller.tenant, "actor": registry.caller.actor, "key": key}

    def begin(self) -> Replay | None:
        """Take the key; or what was answered under it. Raises Problem 409 while it is done, 422 for another request."""
        now = datetime.now(UTC)
        values: dict[str, Any] = {"request": self._request, "status": None, "headers": {}, "body": "", "at": now}
        own = IdempotencyRow.tenant == self._identity["tenant"]
        try:
            with self._registry.transaction(write=True) as connection:
                if self._sweep:
                    connection.execute(delete(IdempotencyRow).where(own, IdempotencyRow.at < now - KEPT))
                connection.execute(insert(IdempotencyRow).values(**self._identity, **values))
            return None
        except IntegrityError:
            return self._standing(now)

    def _standing(self, now: datetime) -> Replay | None:
        with self._registry.transaction(write=True) as connection:
            row = connection.execute(
                select(IdempotencyRow.__table__).filter_by(**self._identity).with_for_update()
            ).one_or_none()
            if row is not None and row.request != self._request:
                raise Problem(422, "this Idempotency-Key was used for another request", kind="key-reused")
            if row is not None and row.status is not None:
                return Replay(row.status, row.headers, row.body)
            if row is not None and row.at < now - LEASE:
                connection.execute(update(IdempotencyRow).filter_by(**self._identity).values(at=now))
                return None
        raise Problem(409, "the request with this Idempotency-Key is being done", headers={"Retry-After": "1"})

    def end(self, replay: Replay | None) -> None:
        """Remember what was answered; None gives the key back."""
        with self._registry.transaction(write=True) as connection:
            if replay is None:
                connection.execute(delete(IdempotencyRow).filter_by(**self._identity))
            else:
                values = {"status": replay.status, "headers": replay.headers, "body": replay.body}
                connection.execute(update(IdempotencyRow).filter_by(**self._identity).values(**values))


_SECRET = Replay(
    409,
    {"content-type": MEDIA_TYPE},
    json.dumps(Problem(409, "this was done; its answer held a secret, which is kept nowhere").document()),
)


class Recorded:
    """Passes an answer on only when it was remembered: what a client was told is what it will be told again."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        """One message of the answer."""
        self._messages.append(message)

    def replay(self) -> Replay | None:
        """The answer as it is remembered; None for one that is not."""
        start, *rest = self._messages or [{}]
        body = b"".join(message.get("body", b"") for message in rest)
        if not start or start["status"] >= 500 or len(body) > MOST_ANSWER:
            return None
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return None
        if any(name == b"cache-control" and b"no-store" in value for name, value in start["headers"]):
            return _SECRET
        headers = {name.decode(): value.decode() for name, value in start["headers"] if name in _HEADERS}
        return Replay(start["status"], headers, text)

    async def send(self, send: Send) -> None:
        """Answer now."""
        for message in self._messages:
            await send(message)
