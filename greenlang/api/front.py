"""What every request goes through before it is routed, as plain ASGI: it is the way of ten thousand reads a second.

Belongs here: the order of the layers. Does not belong here: the layers (`signin`, `limits`, `caching`, `idempotency`).
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from random import getrandbits

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenlang.api.caching import MARKS, MOST_BYTES, MOST_LISTS, Answers, Fresh, Pairs, Seen, Tagged, key_of
from greenlang.api.console.render import HOME, failure
from greenlang.api.idempotency import Once, Recorded, digest
from greenlang.api.limits import Buckets, told, whole_body
from greenlang.api.problems import SECURITY_HEADERS, Problem, problem_of
from greenlang.api.signin import TENANT_HEADER, SignIn
from greenlang.api.watching import known, route_of, watched, watching
from greenlang.errors import GreenlangError, RegistryError
from greenlang.registry import Caller, Registry
from greenlang.registry.roles import Principal
from greenlang.settings import Settings
from greenlang.telemetry.requests import Requests

KEPT_PATHS = "/api/v1/registry/"
STRANGERS_BYTES = 65_536  # a larger body of somebody who did not sign in is refused unread
SWEEP_SECONDS = 600.0
_LARGE = 262_144  # bytes that are hashed on a thread

_log = logging.getLogger("greenlang.api")
_SECURITY = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_REQUEST_ID = re.compile(r"[\w.-]{8,64}")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Front:
    """Signs in, counts, reads the body within bounds, answers what it can from memory, and passes the rest on."""

    def __init__(
        self, app: ASGIApp, *, settings: Settings, registry: Registry, signin: SignIn, requests: Requests
    ) -> None:
        self._app = app
        self._registry = registry
        self._fresh = Fresh(registry, settings.api_fresh_ms)
        self._agents = Answers(MOST_BYTES)
        self._lists = Answers(MOST_LISTS)
        self.requests = requests
        self._swept: dict[str, float] = {}
        self._settings = settings
        self._signin = signin
        self._buckets = Buckets(processes=settings.api_workers or 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif watching():
            await watched(self._answer, scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        asked = headers.get("x-request-id", "")
        request = asked if _REQUEST_ID.fullmatch(asked) else f"{getrandbits(64):016x}"
        own: Pairs = [(b"x-request-id", request.encode())]
        send = _with_headers(send, own, self.requests, scope)
        try:
            if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
                raise Problem(422, "the address holds a NUL", kind="invalid-request")
            principal = await self._principal(scope, own)
            tenant = headers.get(TENANT_HEADER)
            if principal is not None and tenant is not None:
                principal = await run_sync(self._signin.acting, principal, tenant, scope["path"])
            if scope["type"] == "http" and scope["method"] in _WITH_BODY:
                receive = await self._buffered(headers, receive, known=principal is not None)
            scope[MARKS] = {}
            known(principal)
            if principal is not None and scope["type"] == "http" and scope["method"] == "GET":
                await self._read(principal, request, scope, receive, send)
                return
            if principal is not None:
                scope["principal"] = _of_request(principal, request)
            if principal is None or scope["type"] != "http":
                await self._app(scope, receive, send)
            else:
                await self._write(scope, receive, send)
        except (Problem, GreenlangError) as error:  # before the application was asked: it answers its own
            problem = error if isinstance(error, Problem) else problem_of(error)
            await _refuse(problem, scope, receive, send)

    async def _read(self, principal: Principal, request: str, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope).get("if-none-match", "").encode("latin-1")
        key = key_of(scope, principal)
        seen: Seen | None = None
        if scope["path"].startswith(KEPT_PATHS):
            self.requests.reads += 1
            seen = await self._fresh.seen(principal.caller.tenant)
            answer = self._agents.find(key, seen) or self._lists.find(key, seen)
            if answer is not None:
                self.requests.kept += 1
                scope[MARKS]["memory"] = True
                await answer.send(asked, send)
                return
        scope["principal"] = _of_request(principal, request)
        tagged = Tagged(send, asked, seen.now if seen is not None else 0)
        await self._app(scope, receive, tagged)
        marks = scope[MARKS]
        if tagged.answer is not None and seen is not None and marks.get("kept"):
            shelf = self._agents if marks["agent"] else self._lists
            shelf.keep(key, replace(tagged.answer, agent=marks["agent"]))

    async def _write(self, scope: Scope, receive: Receive, answer: Send) -> None:
        principal = scope["principal"]
        forgotten = False

        def forget() -> None:
            nonlocal forgotten
            if not forgotten and not scope[MARKS].get("quiet"):  # who manages tenants may have written for any
                self._fresh.forget(None if principal.may("manage_tenants") else principal.caller.tenant)
            forgotten = True

        async def send(message: Message) -> None:
            forget()  # before the client can know, and ask
            await answer(message)

        try:
            headers = Headers(scope=scope)
            key = headers.get("idempotency-key")
            if key is None or scope["method"] != "POST":
                await self._app(scope, receive, send)
                return
            message = await receive()
            body = message.get("body", b"")
            content = headers.get("content-type", "")
            may = ",".join(sorted(principal.permissions))  # two keys of one person may not the same
            parts = (scope["method"], scope["path"], scope["query_string"], content, may, body)
            request = await run_sync(digest, *parts) if len(body) > _LARGE else digest(*parts)
            once = self._once(principal.caller, key, request)
            replay = await once.begin()
            if replay is not None:
                await replay.send(send)
                return
            await self._done_once(once, scope, _replayed(body, receive), send)
        finally:
            forget()

    async def _done_once(self, once: Once, scope: Scope, receive: Receive, send: Send) -> None:
        recorded = Recorded()
        try:
            await self._app(scope, receive, recorded)
        except Exception:  # what was cancelled may yet be done, by a thread: it is answered 409 until its lease is over
            await once.end(None)
            raise
        try:
            if not scope[MARKS].get("unclear"):
                await once.end(recorded.replay())
        except RegistryError as error:  # it was done; sent again within the lease it is answered 409
            _log.error("an answer cannot be remembered: %s", error)
        await recorded.send(send)

    def _once(self, caller: Caller, key: str, request: str) -> Once:
        now = time.monotonic()
        sweep = now - self._swept.get(caller.tenant, 0.0) > SWEEP_SECONDS
        if sweep:
            self._swept[caller.tenant] = now
        return Once(self._registry.as_caller(caller), key, request, sweep=sweep)

    async def _principal(self, scope: Scope, own: Pairs) -> Principal | None:
        """Who asks, counted: those who signed in by their key, all others by their address.

        A key that is not remembered counts for its address until it is verified: guessing costs no look at the database
        and no line of the log beyond that.
        """
        address = _network((scope.get("client") or ("unknown",))[0])
        counted: Pairs = []

        def unverified() -> None:
            self._take(address, self._settings.api_anonymous_per_minute, counted)

        try:
            principal = await self._signin.principal(scope, unverified)
            if principal is None:
                unverified()
        except Problem:
            if not counted:
                unverified()
            own += counted
            raise
        if principal is None:
            own += counted
            return None
        if counted:
            self._buckets.give_back(address)
        tenant = principal.caller.tenant
        name = f"{tenant} {principal.key_id or principal.caller.actor}"
        self._take(name, self._settings.api_requests_per_minute, own)
        quota = self._signin.quotas.get(tenant)
        if quota is not None:
            self._buckets.take(f"{tenant} ", quota)
        return principal

    def _take(self, name: str, per_minute: int, own: Pairs) -> None:
        if per_minute:
            left = self._buckets.take(name, per_minute)
            own += [(key.lower().encode(), value.encode()) for key, value in told(per_minute, left).items()]

    async def _buffered(self, headers: Headers, receive: Receive, *, known: bool) -> Receive:
        settings = self._settings
        most = settings.api_max_body_bytes if known else min(settings.api_max_body_bytes, STRANGERS_BYTES)
        body = await whole_body(headers, receive, most=most, seconds=settings.api_body_seconds)
        return _replayed(body, receive)


@lru_cache(10_000)
def _network(address: str) -> str:
    """What is counted as one address: of IPv6 the /64, which is one subscriber's."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address) or parsed.ipv4_mapped is not None:
        return address
    return str(IPv6Network((parsed.packed, 64), strict=False))


def _of_request(principal: Principal, request: str) -> Principal:
    """The principal whose log entries name the request."""
    return replace(principal, caller=replace(principal.caller, request=request))


def _replayed(body: bytes | None, receive: Receive) -> Receive:
    """The body in one message, then what comes after it."""
    first: list[Message] = [
        {"type": "http.disconnect"} if body is None else {"type": "http.request", "body": body, "more_body": False}
    ]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":  # before it is accepted, so that the handshake is refused
        await send({"type": "websocket.close", "code": 1008, "reason": problem.detail[:120]})
        return
    if scope["path"].startswith(HOME):
        await failure(Request(scope), problem)(scope, receive, send)
        return
    await problem.response(scope["path"])(scope, receive, send)


def _with_headers(send: Send, own: Pairs, requests: Requests, scope: Scope) -> Send:
    begun = time.perf_counter()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            requests.answered(scope["method"], route_of(scope), message["status"], time.perf_counter() - begun)
            said = message["headers"] = list(message["headers"])
            names = {name for name, _ in said}
            said += [pair for pair in _SECURITY if pair[0] not in names]
            said += own
        await send(message)

    return sending
