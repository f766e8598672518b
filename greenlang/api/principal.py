"""Who calls, and whether a route lets them: `Who`, `Store`, `need`.

Belongs here: what handlers ask for. Does not belong here: how somebody proves who they are (`signin`), which role is
permitted what (`greenlang.registry.roles`).

    @router.get("/things", dependencies=[need("agent:read")])
    def things(store: Store) -> list[Thing]: ...

What asks no database is a coroutine: a thread for each costs a read more than its database does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection

from greenlang.api.problems import CHALLENGE, Problem
from greenlang.registry import Registry
from greenlang.registry.access import authorise
from greenlang.registry.roles import PERMISSIONS, Permission, Principal

PUBLIC_PATHS = frozenset(
    {
        "/",
        "/health",
        "/ready",
        "/openapi.json",
        "/api/v1/factory/health",
        "/console/sign-in",
        "/console/style.css",
    }
)
"""What answers without a sign-in."""

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key `gl_...`, or a JWT (RS256).")
_key = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key", description="An API key `gl_...`.")


async def signed_in(
    connection: HTTPConnection, _b: Annotated[Any, Depends(_bearer)], _k: Annotated[Any, Depends(_key)]
) -> Principal:
    """Whoever signed in; refuses with 401 where nobody did."""
    principal = connection.scope.get("principal")
    if not isinstance(principal, Principal):
        raise Problem(
            401,
            "sign in with an API key (`Authorization: Bearer gl_...`, `X-API-Key: gl_...`) or a token",
            headers=CHALLENGE,
        )
    return principal


Who = Annotated[Principal, Depends(signed_in)]


def need(permission: Permission) -> Any:
    """A dependency that refuses with 403 whoever is not permitted this; it gives the Principal."""
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission!r} is no permission of greenlang.registry.roles")

    async def checked(connection: HTTPConnection, who: Who) -> Principal:
        if not who.may(permission):  # which is written down
            await run_sync(authorise, connection.app.state.registry, who, permission, connection.url.path)
        _refuse_strangers(connection)
        return who

    checked.permission = permission  # type: ignore[attr-defined]
    return Depends(checked)


def _refuse_strangers(connection: HTTPConnection) -> None:
    """A parameter that an endpoint does not know is a mistake: without it the answer would be to another question."""
    if not connection.url.query or not connection.url.path.startswith("/api/"):
        return
    known = _parameters(connection.scope["route"].dependant)
    if strangers := sorted(set(connection.query_params) - known):
        takes = f"takes {', '.join(sorted(known))}" if known else "takes none"
        raise Problem(
            422, f"there is no parameter {', '.join(strangers)[:200]}; this endpoint {takes}", kind="invalid-request"
        )


def _parameters(dependant: Any) -> frozenset[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return frozenset(own).union(*(_parameters(inner) for inner in dependant.dependencies))


async def registry_of(connection: HTTPConnection, who: Who) -> Registry:
    """The registry as the caller sees it."""
    registry: Registry = connection.app.state.registry
    return registry.as_caller(who.caller)


Store = Annotated[Registry, Depends(registry_of)]


def permissions(app: FastAPI) -> dict[tuple[str, str], str]:
    """(method, path) of every route -> the permission that it asks for; "" for one that asks for none."""
    found: dict[tuple[str, str], str] = {}
    for route in iter_route_contexts(app.routes):
        asked = set(_asked(getattr(route, "dependant", None)))
        for method in getattr(route, "methods", None) or {"WEBSOCKET"}:
            if method != "HEAD":
                found[method, route.path_format or route.path or ""] = ", ".join(sorted(asked))
    return found


def refuse_undeclared(app: FastAPI) -> None:
    """Deny by default. Raises RuntimeError naming the routes that are neither public by name nor ask for something."""
    bare = [f"{method} {path}" for (method, path), asked in permissions(app).items() if not asked]
    open_routes = [one for one in bare if one.partition(" ")[2] not in PUBLIC_PATHS]
    if open_routes:
        raise RuntimeError(f"routes without a permission: {', '.join(sorted(open_routes))}")


def _asked(dependant: Any) -> Iterable[str]:
    if dependant is None:
        return
    permission = getattr(dependant.call, "permission", "")
    if permission:
        yield permission
    for inner in dependant.dependencies:
        yield from _asked(inner)
