"""The HTTP client of the API, for programs on another machine: `Client`, and `AsyncClient` for an event loop.

    with Client("https://factory.example.org", key="gl_...") as client:
        for entry in client.send(search("boiler")):
            print(entry.agent_id, entry.state)

Each function here is one request as a value, with the type of its answer; either client sends it. Belongs here:
requests, sending, trying again, errors. Does not belong here: what the server does (`greenlang.api`), printing.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from greenlang.errors import RemoteError, RemoteRefused, SettingsError

if TYPE_CHECKING:
    from greenlang.registry import RegistryEntry

T = TypeVar("T")
Document = dict[str, Any]

SECONDS = 30.0
TRIES = 4
LONGEST_PAUSE = 10.0  # a server that asks for a longer one is not waited for
_PAUSE = 0.2
_BUSY = frozenset({429, 502, 503, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_REGISTRY, _FACTORY = "/api/v1/registry", "/api/v1/factory"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and how its answer is read."""

    method: Literal["GET", "POST"]
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: bytes | None = None  # a zip, instead of a JSON body
    binary: bool = False  # the answer is bytes, not JSON


@dataclass(frozen=True, slots=True)
class Page:
    """Some agents by id; ``next`` is the cursor of the following page, None for the last."""

    items: tuple[RegistryEntry, ...]
    next: str | None = None


# --- the registry -------------------------------------------------------------------------------------------------


def agents(
    *, domain: str = "", capability: str = "", state: str = "", cursor: str = "", limit: int = 200
) -> Call[Page]:
    """The latest version of each agent, by id."""
    params = _given(domain=domain, capability=capability, state=state, cursor=cursor, limit=limit)
    return Call("GET", f"{_REGISTRY}/agents", lambda told: Page(_entries(told), told.get("next")), params)


def search(
    text: str = "",
    *,
    domain: str = "",
    capability: str = "",
    unit: str = "",
    regulation: str = "",
    state: str = "",
    all_versions: bool = False,
    limit: int = 50,
) -> Call[tuple[RegistryEntry, ...]]:
    """Agents by words and by what they are, the best first."""
    params = _given(
        q=text, domain=domain, capability=capability, unit=unit, regulation=regulation, state=state, limit=limit
    )
    if all_versions:
        params["all_versions"] = "true"
    return Call("GET", f"{_REGISTRY}/search", _entries, params)


def agent(ref: str) -> Call[RegistryEntry]:
    """``id``, ``id@version`` or ``id@version#digest``: one version as the build in force, or that one, is."""
    return Call("GET", *_named(ref, "", _entry))


def versions(ref: str) -> Call[tuple[RegistryEntry, ...]]:
    """Every version of an agent, the highest first."""
    return Call("GET", *_named(ref, "/versions", _entries))


def builds(ref: str) -> Call[list[Document]]:
    """Every build of a version, the one that came last first."""
    return Call("GET", *_named(ref, "/builds", _items))


def transitions(ref: str) -> Call[list[Document]]:
    """The signed steps of a version's builds, the oldest first."""
    return Call("GET", *_named(ref, "/transitions", _items))


def publish(pack: Path) -> Call[RegistryEntry]:
    """Publish a finished pack, with the signature beside it. Raises PackError where it is not as it was certified."""
    from greenlang.registry.packs import certified

    return Call("POST", f"{_REGISTRY}/agents", _entry, content=certified(pack.absolute()).zip())


def pack(ref: str) -> Call[bytes]:
    """The pack of the build that is in force, or of that with the digest, as `publish` takes it: a zip.

    `greenlang.registry.pack_exchange.unpack` makes a folder of it, if it is what was registered.
    """
    return Call("GET", *_named(ref, "/pack", bytes), binary=True)


def promotion_status(ref: str, to: str = "", *, fast_track: bool = False) -> Call[Document]:
    """What a build lacks for its next step: to, policy, allowed, checks."""
    path, read, params = _named(ref, "/promotion-status", _document)
    return Call("GET", path, read, {**params, **_given(to=to, fast_track="true" if fast_track else "")})


def promote(ref: str, to: str, reason: str, *, fast_track: bool = False, dry_run: bool = False) -> Call[Document]:
    """A step up: ref, taken, policy, steps, checks. A refusal is RemoteRefused with status 409 and the checks."""
    return _step(ref, "promote", to=to, reason=reason, fast_track=fast_track, dry_run=dry_run)


def approve(ref: str, to: str, comment: str, *, approved: bool = True, dry_run: bool = False) -> Call[Document]:
    """One's word on a step; what it still lacks."""
    return _step(ref, "approve", to=to, comment=comment, approved=approved, dry_run=dry_run)


def deprecate(ref: str, successor: str, reason: str, *, dry_run: bool = False) -> Call[Document]:
    """End the use of a version, naming what to use instead."""
    return _step(ref, "deprecate", successor=successor, reason=reason, dry_run=dry_run)


def retire(ref: str, reason: str, *, dry_run: bool = False) -> Call[Document]:
    """Retire a version."""
    return _step(ref, "retire", reason=reason, dry_run=dry_run)


def rollback(ref: str, reason: str, *, dry_run: bool = False) -> Call[Document]:
    """Undo a build's last step."""
    return _step(ref, "rollback", reason=reason, dry_run=dry_run)


def usage(ref: str, window: int = 30) -> Call[Document]:
    """Calls, errors and users of a build in the last days."""
    path, read, params = _named(ref, "/metrics", _document)
    return Call("GET", path, read, {**params, "window": window})


# --- the factory --------------------------------------------------------------------------------------------------


def generate(
    spec: str, *, name: str = "spec.yaml", overlay: str = "", max_refinements: int | None = None
) -> Call[Document]:
    """Have an agent built from a spec (YAML): job_id, batch_id, status. `job` tells how far it is."""
    return Call("POST", f"{_FACTORY}/generate", _document, body=_spec(spec, name, overlay) | _options(max_refinements))


def generate_batch(
    specs: Sequence[tuple[str, str, str]], *, max_concurrent: int | None = None, max_refinements: int | None = None
) -> Call[Document]:
    """Have several built, each (name, spec, overlay or empty): batch_id, job_ids, status."""
    body: Document = {"specs": [_spec(spec, name, overlay) for name, spec, overlay in specs]}
    more = {} if max_concurrent is None else {"max_concurrent": max_concurrent}
    return Call("POST", f"{_FACTORY}/batch", _document, body=body | more | _options(max_refinements))


def job(job_id: str) -> Call[Document]:
    """How far a job is: status, progress, stage, outcome, reason, errors."""
    return Call("GET", f"{_FACTORY}/jobs/{quote(job_id, safe='')}", _document)


def batch(batch_id: str) -> Call[Document]:
    """How far a batch is, and each of its jobs."""
    return Call("GET", f"{_FACTORY}/batch/{quote(batch_id, safe='')}", _document)


def artifacts(job_id: str) -> Call[Document]:
    """Code, tests and documents that a job made, as path -> text."""
    return Call("GET", f"{_FACTORY}/jobs/{quote(job_id, safe='')}/artifacts", _document)


def factory_metrics() -> Call[Document]:
    """The factory in a few figures."""
    return Call("GET", f"{_FACTORY}/metrics", _document)


def factory_health() -> Call[Document]:
    """Whether the factory can work: status, llm_providers, dependencies."""
    return Call("GET", f"{_FACTORY}/health", _document)


# --- sending ------------------------------------------------------------------------------------------------------


class _Sender:
    """What both clients share: the address, the key, which errors are tried again, what an answer means.

    ``key`` is sent to a server on this machine, or over TLS; anywhere else it would be read by others: SettingsError.
    """

    def __init__(self, server: str, *, key: str = "", seconds: float = SECONDS) -> None:
        found = urlsplit(server)
        if found.scheme not in ("http", "https") or not found.hostname:
            raise SettingsError(f"{server!r} is no server: write it as https://factory.example.org")
        if key and found.scheme == "http" and found.hostname not in _LOOPBACK:
            raise SettingsError(f"the key is not sent to {found.hostname} in the clear: use https")
        self.server = server.rstrip("/")
        self._options: dict[str, Any] = {
            "base_url": self.server,
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "timeout": seconds,
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
    if came.status_code not in _BUSY:
        return None
    asked = came.headers.get("Retry-After", "")
    if asked.isdigit():
        pause = max(pause, float(asked))
    return pause if pause <= LONGEST_PAUSE else None


# --- forms --------------------------------------------------------------------------------------------------------


def _given(**params: str | int) -> dict[str, str | int]:
    return {name: value for name, value in params.items() if value != ""}


def _named(ref: str, end: str, read: Callable[[Any], T]) -> tuple[str, Callable[[Any], T], dict[str, str | int]]:
    """The path of an agent, how its answer is read, and a build's digest as a parameter."""
    name, _, digest = ref.partition("#")
    return f"{_REGISTRY}/agents/{quote(name, safe='/@')}{end}", read, _given(digest=digest)


def _step(ref: str, step: str, **body: Any) -> Call[Document]:
    path, read, params = _named(ref, f"/{step}", _document)
    return Call("POST", path, read, params, body)


def _spec(text: str, name: str, overlay: str) -> Document:
    return {"spec": text, "name": name} | ({"overlay": overlay} if overlay else {})


def _options(max_refinements: int | None) -> Document:
    return {} if max_refinements is None else {"options": {"max_refinements": max_refinements}}


def _document(told: Any) -> Document:
    if not isinstance(told, dict):
        raise TypeError("an object was expected")
    return told


def _items(told: Any) -> list[Document]:
    return [_document(item) for item in told["items"]]


def _entries(told: Any) -> tuple[RegistryEntry, ...]:
    return tuple(_entry(item) for item in told["items"])


def _entry(told: Any) -> RegistryEntry:
    from greenlang.registry import Port, RegistryEntry

    known = {one.name for one in fields(RegistryEntry)}
    values = {name: value for name, value in told.items() if name in known}  # a newer server may tell more
    for texts in ("tags", "regulations"):
        values[texts] = tuple(values[texts])
    for ports in ("inputs", "outputs"):
        values[ports] = tuple(Port(**{name: port[name] for name in Port.__slots__}) for port in values[ports])
    for moment in ("created_at", "built_at"):
        values[moment] = datetime.fromisoformat(values[moment]) if values.get(moment) else None
    return RegistryEntry(**values)
