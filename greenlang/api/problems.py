"""Errors as RFC 9457 problem documents: one shape for everything that is refused or fails.

Belongs here: `Problem`, which exception gives which status, how the schema documents them. Does not belong here:
deciding that something is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from greenlang.api.caching import MARKS
from greenlang.errors import (
    GreenlangError,
    KeyRefused,
    PolicyError,
    QuotaExceeded,
    RegistryConflict,
    RegistryError,
    SandboxUnavailable,
    VersionConflict,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2  # after which a database that was restarted is usually there again
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-cache",
}
"""On every answer that does not say otherwise itself."""

WS_POLICY = 1008
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="greenlang"'}
LOGGED_PATH = 1000  # characters of a path that a line of the log has
_LATER = {"Retry-After": str(RETRY_SECONDS)}
_log = logging.getLogger("greenlang.api")


class Problem(Exception):
    """Refuse a request. ``more`` joins the document's members; ``kind`` is the end of its type, as "rate-limited"."""

    def __init__(
        self, status: int, detail: str = "", *, kind: str = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.headers = dict(headers or {})
        self.more = more

    def document(self, instance: str = "") -> dict[str, Any]:
        """The members of the problem document."""
        title = HTTPStatus(self.status).phrase
        kind = self.kind or title.lower().replace(" ", "-")
        members = {"type": f"urn:greenlang:problem:{kind}", "title": title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        if instance:
            members["instance"] = instance
        return {**members, **self.more}

    def response(self, instance: str = "") -> Response:
        """The answer."""
        return JSONResponse(
            self.document(instance), status_code=self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


class Mistake(BaseModel):
    """One thing that is wrong with a request: where, and what."""

    pointer: str = Field(description="JSON pointer into the request: /body/..., /query/..., /path/..., /header/...")
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    errors: list[Mistake] | None = None


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer with beside its success, for ``responses=``."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def trial(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """What a route that makes things answers to a `dry_run`, for ``responses=``."""
    return {200: {"description": "A trial: nothing was changed", "model": model}}


def problem_of(error: GreenlangError) -> Problem:
    """The problem that an error of ours is to a caller."""
    said = str(error)
    if isinstance(error, (RegistryConflict, VersionConflict)):
        return Problem(409, said, kind="conflict")
    if isinstance(error, KeyRefused):
        return Problem(401, said, kind="key-refused", headers=CHALLENGE)
    if isinstance(error, QuotaExceeded):
        return Problem(429, said, kind="quota-exceeded")
    if isinstance(error, PolicyError):
        return Problem(422, said, kind="policy-refused", findings=[one.as_dict() for one in error.findings])
    if isinstance(error, SandboxUnavailable):
        return Problem(501, said, kind="no-sandbox")
    if isinstance(error, PermissionError):
        return Problem(403, said)
    if isinstance(error, RegistryError):  # whose text names the database
        _log.error("%s", said)
        return Problem(503, "the registry's database does not answer", kind="unavailable", headers=_LATER)
    if isinstance(error, OSError):  # the registry's database, the bucket, a publisher's server
        return Problem(503, said, kind="unavailable", headers=_LATER)
    if isinstance(error, LookupError):
        return Problem(404, said)
    if isinstance(error, (ValueError, ArithmeticError)):
        return Problem(422, said)
    return Problem(500, said)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(GreenlangError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(RecursionError, _on_unreadable)
    app.add_exception_handler(UnicodeEncodeError, _on_unreadable)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(request: Any, error: Any) -> Any:
    if isinstance(request, WebSocket):
        await request.close(code=WS_POLICY, reason=error.detail[:120])
        return None
    return error.response(request.url.path)


async def _on_error(request: Any, error: Any) -> Any:
    lost = error.__cause__
    if isinstance(lost, DBAPIError) and lost.connection_invalidated and lost.statement is None:
        request.scope[MARKS]["unclear"] = True  # the connection broke at COMMIT: nobody knows whether it was done
    return await _on_problem(request, problem_of(error))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = "" if error.detail == phrase else str(error.detail)
    return Problem(error.status_code, detail, headers=error.headers).response(request.url.path)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = [
        {"pointer": "/" + "/".join(_escaped(part) for part in one["loc"]), "detail": one["msg"]}
        for one in error.errors()
    ]
    return Problem(422, "the request is not as it should be", kind="invalid-request", errors=mistakes).response(
        request.url.path
    )


async def _on_unreadable(request: Request, error: Exception) -> Response:
    """JSON that is well-formed, and more than any reader behind it takes."""
    deep = isinstance(error, RecursionError)
    said = "is nested too deeply" if deep else "holds half of a character (a lone surrogate)"
    _log.warning("%s %s: the request %s", request.method, request.url.path[:LOGGED_PATH], said)
    return Problem(422, f"the request {said}", kind="invalid-request").response(request.url.path)


async def _on_bug(request: Request, error: Exception) -> Response:
    """A bug of ours: its traceback is in the log (whoever runs the application raises it again), not in the answer."""
    _log.error("%s %s failed: %r", request.method, request.url.path[:LOGGED_PATH], error)
    problem = Problem(500, "something failed here; the log says what", headers=SECURITY_HEADERS)
    return problem.response(request.url.path)


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
