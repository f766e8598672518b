"""Answers from memory, and ETags.

Belongs here: keeping the bytes of an answer until something changed. Does not belong here: which routes may be kept
(they say so by `kept`).

An answer is kept for a tenant, roles, scopes and an address. Every write adds to the audit log of its tenant in its own
transaction, so the log tells what is stale: an event of an agent its answers and all lists, an event that changes no
answer nothing, any other event everything, as does one of the tenant `public`. What is known of the log's end counts
for `Settings.api_fresh_ms` and is read anew when half of that is over, so that nobody waits for it; a write through
this process is seen at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Depends
from sqlalchemy import select
from starlette.requests import Request
from starlette.types import Message, Scope, Send

from greenlang.registry import PUBLIC, Caller, Registry
from greenlang.registry.roles import Principal
from greenlang.registry.tables import AuditHeadRow, AuditRow

MOST_BYTES = 48_000_000  # of all answers about one agent that are kept
MOST_LISTS = 24_000_000  # of all lists: a flood of searches drops no agent
MOST_ANSWER = 1_000_000  # a longer answer has no ETag and is not kept
_BESIDE = 1000  # bytes that an answer that is kept takes beside its body and its address
_MOST_EVENTS = 5000  # between two looks; more make everything stale
QUIET = frozenset(
    {"access.denied", "agent.used", "audit.exported", "instance.joined", "instance.moved", "key.issued", "key.revoked"}
    | {"quota.set", "agent.promotion-refused"}
)
"""Events after which every answer that is kept is as it was."""
_OF_BODY = frozenset({b"content-length", b"content-type"})
_PIECE = 2000  # hashlib lets other threads in for more: one that computes gives the loop back only after a while
MARKS = "greenlang.marks"  # in a request's scope: what its route says about the answer

Pairs = list[tuple[bytes, bytes]]
Key = tuple[str, tuple[str, ...], tuple[str, ...], str, bytes]  # tenant, roles, scopes, path, query


async def _kept(request: Request) -> None:
    marks = request.scope[MARKS]
    marks["kept"] = True
    marks["agent"] = request.path_params.get("agent_id", "").partition("@")[0]


kept: Any = Depends(_kept)
"""A dependency of routes whose answer hangs on what the audit log tells of, and on nothing else."""


async def _quiet(request: Request) -> None:
    request.scope[MARKS]["quiet"] = True


quiet: Any = Depends(_quiet)
"""A dependency of routes that write often, and whose events are `QUIET`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered with 200. ``at`` is `Seen.now` before it was made; ``agent`` the one that it tells of."""

    at: int
    etag: bytes
    headers: tuple[tuple[bytes, bytes], ...]  # a tuple of bytes is nothing that the garbage collector looks through
    body: bytes
    agent: str = ""

    async def send(self, asked: bytes, send: Send) -> None:
        """Answer with it, or with 304 to whoever has it."""
        if matches(asked, self.etag):
            headers = [pair for pair in self.headers if pair[0] not in _OF_BODY]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(slots=True)
class Seen:
    """What is known of the logs that a tenant sees. Times are counted in changes: `now` of them were seen."""

    own: int = -1  # number of the last event of the tenant's log
    public: int = -1
    now: int = 0
    everything: int = 0  # when everything changed last
    lists: int = 0  # when any agent did
    agents: dict[str, int] = field(default_factory=dict)  # when this one did

    def learn(self, own: int, public: int, events: Iterable[tuple[str, str]] | None) -> None:
        """Take in where the logs end, and the (event, subject) in between of the own one; None: too many."""
        if own < self.own or public < self.public or (own, public) == (self.own, self.public):
            return
        self.now += 1
        if self.own < 0 or public != self.public or events is None or len(self.agents) > _MOST_EVENTS:
            self.everything = self.now
            self.agents.clear()
        for event, subject in events or ():
            if event in QUIET:
                continue
            if event.startswith("agent."):
                self.lists = self.agents[subject.partition("@")[0]] = self.now
            else:
                self.everything = self.now
        self.own, self.public = own, public

    def holds(self, answer: Answer) -> bool:
        """Whether the answer would be the same today."""
        changed = self.agents.get(answer.agent, 0) if answer.agent else self.lists
        return answer.at >= max(changed, self.everything)


class Fresh:
    """The ends of the audit logs, as this process knows them."""

    def __init__(self, registry: Registry, milliseconds: int) -> None:
        self._registry = registry
        self._seconds = milliseconds / 1000
        self._seen: dict[str, Seen] = {}
        self._until: dict[str, float] = {}
        self._asking: dict[str, asyncio.Future[None]] = {}

    def forget(self, tenant: str | None) -> None:
        """Something was written through this process, for a tenant or (None) nobody knows for whom."""
        if tenant is None or tenant == PUBLIC:
            self._until.clear()
            self._asking.clear()
        else:
            self._until.pop(tenant, None)
            self._asking.pop(tenant, None)  # whoever asks next must not be told what was read before the write

    async def seen(self, tenant: str) -> Seen:
        """What the tenant's logs say by now. Raises RegistryError."""
        found = self._seen.get(tenant)
        left = self._until.get(tenant, 0.0) - time.monotonic()
        if found is None:
            found = self._seen[tenant] = Seen()
        elif left > self._seconds / 2:
            return found
        asking = self._asking.get(tenant)
        if asking is None:
            asking = self._asking[tenant] = asyncio.ensure_future(self._ask(tenant, found))
            asking.add_done_callback(_failed)  # whoever waits is told; where nobody does, the next one asks again
        if left <= 0:
            await asyncio.shield(asking)
        return found

    async def _ask(self, tenant: str, seen: Seen) -> None:
        me = asyncio.current_task()
        started = time.monotonic()
        try:
            seen.learn(*await run_sync(self._read, Caller(tenant, "cache"), seen.own))
            if self._asking.get(tenant) is me:
                self._until[tenant] = started + self._seconds
        finally:
            if self._asking.get(tenant) is me:
                del self._asking[tenant]

    def _read(self, caller: Caller, known: int) -> tuple[int, int, list[tuple[str, str]] | None]:
        ends = select(AuditHeadRow.tenant, AuditHeadRow.number).where(AuditHeadRow.tenant.in_(caller.readable))
        since = (
            select(AuditRow.number, AuditRow.event, AuditRow.subject)
            .where(AuditRow.tenant == caller.tenant, AuditRow.number > known)
            .order_by(AuditRow.number)
            .limit(_MOST_EVENTS + 1)
        )
        with self._registry.as_caller(caller).transaction() as connection:
            heads = {row.tenant: row.number for row in connection.execute(ends)}
            own, public = heads.get(caller.tenant, 0), heads.get(PUBLIC, 0)
            if known < 0 or own <= known:
                return own, public, []
            events = connection.execute(since).all()
        if len(events) > _MOST_EVENTS:
            return own, public, None
        return own, public, [(row.event, row.subject) for row in events if row.number <= own]


def _failed(asking: asyncio.Future[None]) -> None:
    if not asking.cancelled():
        asking.exception()


class Answers:
    """Answers that are kept, the least used of them dropped first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0

    def find(self, key: Key, seen: Seen) -> Answer | None:
        """The answer, if nothing that it tells of was written since."""
        found = self._answers.get(key)
        if found is None or not seen.holds(found):
            return None
        self._answers.move_to_end(key)
        return found

    def keep(self, key: Key, answer: Answer) -> None:
        """Keep it in place of an older one."""
        old = self._answers.pop(key, None)
        self._bytes += _size(key, answer) - (_size(key, old) if old is not None else 0)
        self._answers[key] = answer
        while self._bytes > self._most:
            self._bytes -= _size(*self._answers.popitem(last=False))


def _size(key: Key, answer: Answer) -> int:
    *_, path, query = key
    return len(answer.body) + len(path) + len(query) + _BESIDE


def key_of(scope: Scope, principal: Principal) -> Key:
    """Two requests with the same key have the same answer."""
    return principal.caller.tenant, principal.roles, principal.scopes, scope["path"], scope["query_string"]


def etag_of(body: bytes) -> bytes:
    """A strong ETag."""
    digest = blake2b(digest_size=16)
    for begin in range(0, len(body), _PIECE):
        digest.update(body[begin : begin + _PIECE])
    return b'"' + digest.hexdigest().encode() + b'"'


def matches(asked: bytes, etag: bytes) -> bool:
    """Whether an If-None-Match names it (RFC 9110, section 13.1.2: compared weakly)."""
    return bool(asked) and any(one.strip().removeprefix(b"W/") in (etag, b"*") for one in asked.split(b","))


class Tagged:
    """Passes an answer on with an ETag, as 304 to whoever has it; ``answer`` is it where it may be kept.

    What is streamed or long passes as it is.
    """

    def __init__(self, send: Send, asked: bytes, at: int) -> None:
        self._send = send
        self._asked = asked
        self._at = at
        self._start: Message | None = None
        self.answer: Answer | None = None

    async def __call__(self, message: Message) -> None:
        """One message of the answer."""
        if message["type"] == "http.response.start" and message["status"] == 200:
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await self._send(message)
            return
        body = message.get("body", b"")
        headers: Pairs = list(start["headers"])
        names = {name for name, _ in headers}
        if message.get("more_body") or len(body) > MOST_ANSWER or names & {b"etag", b"set-cookie"}:
            await self._send(start)
            await self._send(message)
            return
        etag = etag_of(body)
        answer = Answer(self._at, etag, (*headers, (b"etag", etag)), body)
        if message["type"] == "http.response.body":
            self.answer = answer
            await answer.send(self._asked, self._send)
