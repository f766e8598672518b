"""Streams of progress: server-sent events, and WebSockets.

Events: ``progress`` with a `JobStatus` or `BatchStatus`, ``end`` with the last one. The event's id is its number:
`Last-Event-ID` (a header that browsers send by themselves), or ``after`` where headers cannot be set, goes on behind
it. Who comes back behind the end gets 204, which tells a browser not to come again. A WebSocket carries ``{"event",
"id", "data"}`` and is closed with 1000 after the end. When the key or token that opened it holds no longer, a stream
ends; a WebSocket is closed with 1008.

Belongs here: the two protocols. Does not belong here: when there is something new (`greenlang.api.streams`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Response, WebSocket
from sse_starlette import EventSourceResponse, JSONServerSentEvent
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from greenlang.api.job_models import BatchStatus, JobStatus
from greenlang.api.principal import Store, Who, need
from greenlang.api.problems import WS_POLICY, documented
from greenlang.api.routes.factory import Identity, batch_named, job_named
from greenlang.api.services import Services, Shared
from greenlang.api.signin import SignIn
from greenlang.api.streams import SignedOut, State, Still, Watched, states
from greenlang.launcher import ENDED, SpecProgress
from greenlang.registry import Registry

router = APIRouter(prefix="/api/v1/factory", tags=["progress"], dependencies=[need("read_jobs")])

HEARTBEAT_SECONDS = 15
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "A stream of events", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "The last event was seen already"},
    **documented(404),
}
After = Annotated[int | None, Query(ge=0, le=2**53, description="Go on behind this number.")]
LastEvent = Annotated[str | None, Header(max_length=20, description="The id of the last event that was seen.")]
Look = Callable[[], State]


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who watches: of which tenant, counted where, and whether they are still let in."""

    tenant: str
    watched: Watched
    still: Still


async def watcher(connection: HTTPConnection, who: Who, services: Shared) -> Watcher:
    """The watcher of a stream."""
    signin: SignIn = connection.app.state.signin
    return Watcher(who.caller.tenant, services.watched, partial(signin.still, connection.scope))


Watching = Annotated[Watcher, Depends(watcher)]


@router.get("/jobs/{job_id}/events", response_class=EventSourceResponse, responses=_STREAM)
async def job_events(
    job_id: Identity,
    who: Watching,
    store: Store,
    services: Shared,
    after: After = None,
    last_event_id: LastEvent = None,
) -> Response:
    """A job's progress as server-sent events."""
    look = await run_sync(_job, services, store, who.tenant, job_id)
    return await _events(who, look, after, last_event_id)


@router.get("/batch/{batch_id}/events", response_class=EventSourceResponse, responses=_STREAM)
async def batch_events(
    batch_id: Identity,
    who: Watching,
    store: Store,
    services: Shared,
    after: After = None,
    last_event_id: LastEvent = None,
) -> Response:
    """A batch's progress as server-sent events."""
    look = await run_sync(_batch, services, store, who.tenant, batch_id)
    return await _events(who, look, after, last_event_id)


@router.websocket("/jobs/{job_id}/ws")
async def job_socket(
    socket: WebSocket, job_id: Identity, who: Watching, store: Store, services: Shared, after: After = None
) -> None:
    """A job's progress over a WebSocket."""
    look = await run_sync(_job, services, store, who.tenant, job_id)
    await _over_socket(who, socket, look, after)


@router.websocket("/batch/{batch_id}/ws")
async def batch_socket(
    socket: WebSocket, batch_id: Identity, who: Watching, store: Store, services: Shared, after: After = None
) -> None:
    """A batch's progress over a WebSocket."""
    look = await run_sync(_batch, services, store, who.tenant, batch_id)
    await _over_socket(who, socket, look, after)


# --- what is watched --------------------------------------------------------------------------------------------------


def _job(services: Services, store: Registry, tenant: str, job_id: str) -> Look:
    found, batch = job_named(store, job_id)

    def look() -> State:
        spec = services.progress(batch, tenant).specs.get(found.key, SpecProgress())
        return State(spec.number, JobStatus.of(found, spec).model_dump(mode="json"), spec.status in ENDED)

    return look


def _batch(services: Services, store: Registry, tenant: str, batch_id: str) -> Look:
    batch = batch_named(store, batch_id)

    def look() -> State:
        progress = services.progress(batch, tenant)
        body = BatchStatus.of(batch, progress).model_dump(mode="json")
        return State(progress.number, body, progress.status in ENDED)

    return look


# --- the protocols ----------------------------------------------------------------------------------------------------


async def _events(who: Watcher, look: Look, after: int | None, last: str | None) -> Response:
    who.watched.refuse_more(who.tenant)
    seen = int(last) if last and last.isdecimal() else after
    now = await run_sync(look)  # what fails now is answered with a problem, and not in the middle of a stream
    if now.ended and now.number == seen:
        return Response(status_code=204)
    return EventSourceResponse(_sent(who, look, seen), ping=HEARTBEAT_SECONDS)


async def _sent(who: Watcher, look: Look, after: int | None) -> AsyncIterator[JSONServerSentEvent]:
    with who.watched.one(who.tenant), suppress(SignedOut):  # whoever comes back is told 401
        async for state in states(look, after, who.still):
            yield JSONServerSentEvent(state.body, event="end" if state.ended else "progress", id=str(state.number))


async def _over_socket(who: Watcher, socket: WebSocket, look: Look, after: int | None) -> None:
    who.watched.refuse_more(who.tenant)
    await socket.accept()
    with who.watched.one(who.tenant):
        await _told(who, socket, look, after)


async def _told(who: Watcher, socket: WebSocket, look: Look, after: int | None) -> None:
    async with anyio.create_task_group() as group:

        async def listening() -> None:
            """What a client says is nothing to us, but that it is gone ends the stream."""
            try:
                while (await socket.receive())["type"] != "websocket.disconnect":
                    pass
            except WebSocketDisconnect:
                pass
            group.cancel_scope.cancel()

        group.start_soon(listening)
        try:
            async for state in states(look, after, who.still):
                event = "end" if state.ended else "progress"
                await socket.send_json({"event": event, "id": state.number, "data": state.body})
            await socket.close(1000)
        except SignedOut:
            await socket.close(WS_POLICY, "signed out")
        except (WebSocketDisconnect, RuntimeError):
            pass  # it was gone while we spoke
        group.cancel_scope.cancel()
