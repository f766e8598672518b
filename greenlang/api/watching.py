"""Each request as a span and a line of the log, where either is on.

Belongs here: what is told of a request. Does not belong here: counting (`greenlang.telemetry.requests`), the form of
spans and lines.
"""

from __future__ import annotations

import logging
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenlang.api.caching import MARKS
from greenlang.api.problems import LOGGED_PATH
from greenlang.registry.roles import Principal
from greenlang.telemetry import logs
from greenlang.telemetry.requests import MEMORY, NOWHERE
from greenlang.telemetry.trace import TRACEPARENT, begun, current, ended, exported, taken, within

_log = logging.getLogger("greenlang.api")
_SERVER_FAILED = 500
_LOGGED_METHOD = 20  # of characters: HTTP allows any word of any length


def watching() -> bool:
    """Whether anybody wants to know of single requests."""
    return logs.on() or exported()


async def watched(answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer within a span, which goes on the one that the client names, and log it."""
    method, path = scope.get("method", "WEBSOCKET")[:_LOGGED_METHOD], scope["path"][:LOGGED_PATH]
    span = begun(method, parent=taken(Headers(scope=scope).get(TRACEPARENT)), kind="server")
    status = 0

    async def sending(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    try:
        with within(span):
            await answer(scope, receive, sending)
    except BaseException as error:
        span.failed = type(error).__name__
        raise
    finally:
        route = route_of(scope)
        span.name = f"{method} {route}"
        span.attributes |= {"http.request.method": method, "http.route": route, "url.path": path}
        if status:
            span.attributes["http.response.status_code"] = status
        ended(span, failed=str(status) if status >= _SERVER_FAILED else "")
        said: dict[str, Any] = {"method": method, "path": path, "duration_ms": round((span.end - span.start) / 1e6, 3)}
        if status:
            said["status"] = status
        _log.info("%s %s", method, route, extra={"span": span, "fields": said})


def known(principal: Principal | None) -> None:
    """Have the span that is current name who asks."""
    span = current()
    if principal is not None and span is not None:
        span.fields["user_id"] = principal.caller.actor
        span.attributes["enduser.id"] = principal.caller.actor


def route_of(scope: Scope) -> str:
    """The template of the route that a request went to; a word in parentheses where it went to none."""
    if scope.get(MARKS, {}).get("memory"):
        return MEMORY
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or NOWHERE
