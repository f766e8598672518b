"""`Idempotency-Key`: a POST that is sent again is answered again, not done again.

Belongs here: remembering what was answered (draft-ietf-httpapi-idempotency-key-header-07). Does not belong here: what
is done.

A key belongs to its tenant and actor, for a day. An answer of 5xx is not remembered: the request may be tried again.
One of which nobody knows whether it was done (its process ended, the database went away as it committed) may be tried
again after `LEASE`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from starlette.types import Message, Send

from greenlang.api.problems import MEDIA_TYPE, Problem
from greenlang.api.written import written
from greenlang.registry import Caller, Registry
from greenlang.registry.tables import IdempotencyRow

KEPT = timedelta(days=1)
LEASE = timedelta(minutes=2)
MOST_ANSWER = 1_000_000  # a longer answer is not remembered
_Name = tuple[str, str]  # actor, key
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
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


class Once:
    """One request under its key. ``registry`` is the caller's."""

    def __init__(self, registry: Registry, key: str, request: str, *, sweep: bool = False) -> None:
        if not 0 < len(key) <= 200 or not key.isprintable():
            raise Problem(422, "an Idempotency-Key has 1 to 200 printable characters", kind="invalid-request")
        self._registry = registry
        self.request = request
        self.sweep = sweep  # drop the tenant's old keys on the way
        self._identity = {"tenant": registry.caller.tenant, "actor": registry.caller.actor, "key": key}

    async def begin(self) -> Replay | None:
        """Take the key; or what was answered under it. Raises Problem 409 while it is done, 422 for another request."""
        return await written(self._registry, _begun, self)

    async def end(self, replay: Replay | None) -> None:
        """Remember what was answered; None gives the key back."""
        await written(self._registry, _ended, (self, replay))

    @property
    def name(self) -> _Name:
        """What the key is found by among those of its tenant."""
        return self._identity["actor"], self._identity["key"]

    def row(self, replay: Replay | None, now: datetime) -> dict[str, Any]:
        """Its row: with the answer, or being done."""
        told: dict[str, Any] = {"status": None, "headers": {}, "body": ""}
        if replay is not None:
            told = {"status": replay.status, "headers": replay.headers, "body": replay.body}
        return {**self._identity, "request": self.request, **told, "at": now}


def _begun(connection: Connection, asked: Sequence[tuple[Caller, Once]]) -> list[Replay | Exception | None]:
    """Take keys of one tenant (see `greenlang.registry.together`)."""
    tenant, now = asked[0][0].tenant, datetime.now(UTC)
    if any(once.sweep for _, once in asked):
        connection.execute(_SWEEP, {"of": tenant, "last": now - KEPT})
    first = {once.name: once for _, once in reversed(asked)}
    rows = [once.row(None, now) for once in first.values()]
    taken = {tuple(row) for row in connection.execute(_TAKE[connection.dialect.name], rows)}
    takers = {id(once) for name, once in first.items() if name in taken}
    others = {once.name for _, once in asked if id(once) not in takers}
    standing: dict[_Name, dict[str, Any]] = {}
    if others:
        found = connection.execute(_STANDING, {"of": tenant, "names": sorted(others)})
        standing = {(row.actor, row.key): dict(row._mapping) for row in found}
    results: list[Replay | Exception | None] = []
    for _, once in asked:
        row = standing.get(once.name)
        if id(once) in takers:
            results.append(None)
        elif row is not None and row["request"] != once.request:
            results.append(Problem(422, "this Idempotency-Key was used for another request", kind="key-reused"))
        elif row is not None and row["status"] is not None:
            results.append(Replay(row["status"], row["headers"], row["body"]))
        elif row is not None and row["at"] < now - LEASE:
            row["at"] = now
            connection.execute(_KEEP[connection.dialect.name], [once.row(None, now)])
            results.append(None)
        else:
            said = "the request with this Idempotency-Key is being done"
            results.append(Problem(409, said, headers={"Retry-After": "1"}))
    return results


def _ended(connection: Connection, done: Sequence[tuple[Caller, tuple[Once, Replay | None]]]) -> list[None]:
    """Remember what was answered under keys of one tenant, or give them back."""
    now = datetime.now(UTC)
    answers = {once.name: once.row(replay, now) for _, (once, replay) in done if replay is not None}
    if answers:
        connection.execute(_KEEP[connection.dialect.name], list(answers.values()))
    for caller, (once, replay) in done:
        if replay is None:
            connection.execute(_GIVE_BACK, {"of": caller.tenant, "names": [once.name]})
    return [None] * len(done)


_ROWS = cast(Table, IdempotencyRow.__table__)
_OF = _ROWS.c.tenant == bindparam("of")
_NAMED = tuple_(_ROWS.c.actor, _ROWS.c.key).in_(bindparam("names", expanding=True))
_SWEEP = delete(_ROWS).where(_OF, _ROWS.c.at < bindparam("last"))
_STANDING = select(_ROWS).where(_OF, _NAMED).with_for_update()
_GIVE_BACK = delete(_ROWS).where(_OF, _NAMED)


def _take(dialect: Any) -> Any:
    return dialect.insert(_ROWS).on_conflict_do_nothing().returning(_ROWS.c.actor, _ROWS.c.key)


def _keep(dialect: Any) -> Any:
    keeping = dialect.insert(_ROWS)
    told = {name: keeping.excluded[name] for name in ("status", "headers", "body", "at")}
    return keeping.on_conflict_do_update(index_elements=list(_ROWS.primary_key), set_=told)


_TAKE = {"postgresql": _take(postgresql), "sqlite": _take(sqlite)}
_KEEP = {"postgresql": _keep(postgresql), "sqlite": _keep(sqlite)}


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
