"""The OpenAPI 3.1 document: what FastAPI finds, with what every route may answer beside.

Belongs here: completing the document. Does not belong here: what a route itself answers.
"""

from __future__ import annotations

import threading
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse

from greenlang.api import preconditions
from greenlang.api.principal import PUBLIC_PATHS, permissions
from greenlang.api.problems import ProblemDocument, documented

_METHODS = ("get", "put", "post", "delete", "patch")
_NOT_PUBLIC = (401, 403, 503)
_WITH_BODY = (400, 408, 413)
_DESCRIPTION = """Agents, their versions and lives; the factory; factors and formulas.

Sign in with an API key or a token. Errors are problem documents (RFC 9457). Lists are paged by an opaque cursor and a
`Link` header. Reads carry an `ETag`. A POST with an `Idempotency-Key` is done once."""


def install(app: FastAPI) -> None:
    """Have the application give the completed document at `/openapi.json`, made once."""
    making = threading.Lock()

    def openapi() -> dict[str, Any]:
        with making:
            if app.openapi_schema is None:
                app.openapi_schema = _completed(app)
            return app.openapi_schema

    def document() -> JSONResponse:  # in a thread: making it takes a second
        return JSONResponse(app.openapi())

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_api_route("/openapi.json", document, include_in_schema=False)


def _completed(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    asked = permissions(app)
    for path, item in found["paths"].items():
        for method in _METHODS:
            if method in item:
                _complete(item[method], path, method, asked.get((method.upper(), path), ""))
    return found


def _complete(operation: dict[str, Any], path: str, method: str, permission: str) -> None:
    public = path in PUBLIC_PATHS
    statuses = {422, 429, *(() if public else _NOT_PUBLIC), *(() if method == "get" else _WITH_BODY)}
    if method == "get" and not public:
        operation["responses"]["304"] = {"description": "Not Modified"}
    if method == "post":
        statuses.add(409)
    if any(parameter["name"] == preconditions.NAME for parameter in operation.get("parameters", [])):
        statuses.add(412)
    if permission:
        operation["x-permission"] = permission
    for status, answer in documented(*statuses).items():
        own = operation["responses"].get(str(status))
        if own is None or "HTTPValidationError" in str(own):
            operation["responses"][str(status)] = answer
