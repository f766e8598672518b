"""Sending requests: the two clients, what is tried again, what an answer means, streams of events.

Belongs here: HTTP. Does not belong here: requests (`registry`, `lives`, `governance`, `factory`, `catalogue`).
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from greenlang.client.call import Call, Document, Page, document
from greenlang.errors import RemoteError, RemoteRefused, SettingsError

T = TypeVar("T")

SECONDS = 30.0
TRIES = 4
LONGEST_PAUSE = 10.0  # a server that asks for a longer one is not waited for
_PAUSE = 0.2
_BUSY = frozenset({429, 502, 503, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_QUIET = 60.0  # a stream says at least every 15 seconds that it lives


class _Sender:
    """What both clients share: the address, the key, which errors are tried again, what an answer means.

    ``key`` is sent to a server on this machine, or over TLS; anywhere else it would be read by others: SettingsError.
    ``tenant`` is the one that the key names; empty where it names none, as a token of somebody else's claims.
    """

    def __init__(self, server: str, *, key: str = "", seconds: float = SECONDS) -> None:
        found = urlsplit(server)
        if found.scheme not in ("http", "https") or not found.hostname:
            raise SettingsError(f"{server!r} is no server: write it as https://factory.example.org")
        if key and found.scheme == "http" and found.hostname not in _LOOPBACK:
            raise SettingsError(f"the key is not sent to {found.hostname} in the clear: use https")
        self.server = server.rstrip("/")
        self.tenant = _tenant_of(key)
        self._options: dict[str, Any] = {
            "base_url": self.server,
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "timeout": seconds,
            "verify": found.scheme == "https",  # reading the certificates of authorities takes longer than a request
            "trust_env": found.scheme == "https" or found.hostname not in _LOOPBACK,  # no proxy reads the key
        }

    def _request(self, call: Call[T]) -> dict[str, Any]:
        """How httpx is asked; a key that makes a POST that is sent twice done once."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} if call.method == "POST" else {}
        if call.content is not None:
            return {"content": call.content, "headers": {**headers, "Content-Type": "application/zip"}}
        return {"params": dict(call.params), "json": call.body, "headers": headers}

    def _read(self, call: Call[T], response: httpx.Response) -> T:
        """The answer. Raises RemoteRefused, RemoteError."""
        if response.is_success:
            try:
                return call.read(response.content if call.binary else response.json())
            except (ValueError, KeyError, TypeError) as error:
                raise RemoteError(f"{self.server} answers {call.path} in a form that is not known: {error}") from error
        problem: Document = {}
        with suppress(ValueError):
            told = response.json()
            problem = told if isinstance(told, dict) else {}
        answers = call.refused.get(str(problem.get("type", "")).rpartition(":")[2])
        if answers is not None:
            return answers(problem)
        said = str(problem.get("detail") or problem.get("title") or response.reason_phrase)
        places = [f"{one.get('pointer', '')}: {one.get('detail', '')}" for one in problem.get("errors") or []]
        message = "; ".join([f"{self.server} says {response.status_code}: {said}", *places])
        if response.is_client_error:
            raise RemoteRefused(message, status=response.status_code, problem=problem)
        raise RemoteError(message)

    def _unreachable(self, call: Call[T], error: httpx.TransportError) -> RemoteError:
        return RemoteError(f"{self.server}{call.path} cannot be reached: {error or type(error).__name__}")


class Client(_Sender):
    """Sends requests and waits. A context manager."""

    def __init__(self, server: str, *, key: str = "", seconds: float = SECONDS, **options: Any) -> None:
        super().__init__(server, key=key, seconds=seconds)
        self._http = httpx.Client(**self._options, **options)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def every(self, call: Call[Page[T]], most: int | None = None) -> list[T]:
        """The items of a list, page by page; with ``most`` at most so many. Raises as `send`."""
        found: list[T] = []
        while True:
            page = self.send(call)
            found += page.items
            if not page.next or (most is not None and len(found) >= most):
                return found[:most]
            call = replace(call, params={**call.params, "cursor": page.next})

    def events(self, path: str) -> Iterator[Document]:
        """Each state that a stream of server-sent events tells, the last one last.

        A stream that breaks off is taken up where it was. Raises RemoteRefused, RemoteError.
        """
        seen, broken = "", 0
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": seen} if seen else {})
            try:
                with self._http.stream("GET", path, headers=headers, timeout=_QUIET) as response:
                    if response.status_code == 204:
                        return  # the end was seen
                    if response.status_code != 200:
                        response.read()
                        self._read(Call("GET", path, document), response)
                    for kind, number, told in _events(response.iter_lines()):
                        seen, broken = number, 0
                        yield told
                        if kind == "end":
                            return
            except httpx.TransportError as error:
                broken += 1
                if broken >= TRIES:
                    raise self._unreachable(Call("GET", path, document), error) from error
            time.sleep(_PAUSE * 2.0**broken)

    def send(self, call: Call[T]) -> T:
        """The answer. A server that is busy or away is asked again, as long as that does nothing twice.

        Raises RemoteRefused (what was asked for is refused), RemoteError (no answer that can be used).
        """
        request = self._request(call)
        for number in range(1, TRIES + 1):
            try:
                response = self._http.request(call.method, call.path, **request)
            except httpx.TransportError as error:
                pause = _after(number, error)
                if pause is None:
                    raise self._unreachable(call, error) from error
            else:
                pause = _after(number, response)
                if pause is None:
                    return self._read(call, response)
            time.sleep(pause)
        raise AssertionError("unreachable")


class AsyncClient(_Sender):
    """As `Client`, for an event loop. An async context manager."""

    def __init__(self, server: str, *, key: str = "", seconds: float = SECONDS, **options: Any) -> None:
        super().__init__(server, key=key, seconds=seconds)
        self._http = httpx.AsyncClient(**self._options, **options)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """As `Client.send`."""
        request = self._request(call)
        for number in range(1, TRIES + 1):
            try:
                response = await self._http.request(call.method, call.path, **request)
            except httpx.TransportError as error:
                pause = _after(number, error)
                if pause is None:
                    raise self._unreachable(call, error) from error
            else:
                pause = _after(number, response)
                if pause is None:
                    return self._read(call, response)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")


def _after(number: int, came: httpx.Response | httpx.TransportError) -> float | None:
    """Seconds until the same is sent again; None: it is not."""
    if number >= TRIES or isinstance(came, (httpx.UnsupportedProtocol, httpx.ProxyError)):
        return None
    pause = _PAUSE * 2.0 ** (number - 1)
    if isinstance(came, httpx.TransportError):
        return pause
    asked = came.headers.get("Retry-After", "")
    if came.status_code not in _BUSY and not (came.status_code == 409 and asked):  # what was sent before is being done
        return None
    if asked.isdigit():
        pause = max(pause, float(asked))
    return pause if pause <= LONGEST_PAUSE else None


def _tenant_of(key: str) -> str:
    """The tenant that an API key names (`greenlang.registry.keys`), or a token in the claim `tenant`."""
    if key.startswith("gl_"):
        return key[3:].partition(".")[0]
    with suppress(ValueError, IndexError):
        claims = key.split(".")[1]
        told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return str(told.get("tenant", "")) if isinstance(told, dict) else ""
    return ""


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str, Document]]:
    """Kind, id and data of each event (HTML Standard, 9.2.6)."""
    said: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if line and name:
            said[name] = value.removeprefix(" ")
        elif not line and "data" in said:
            yield said.get("event", ""), said.get("id", ""), document(json.loads(said["data"]))
            said = {}
