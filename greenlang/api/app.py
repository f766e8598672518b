"""The application: routers, and the layers that every request goes through.

Belongs here: putting it together. Does not belong here: any of the parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from greenlang import __version__
from greenlang.api import problems, schema
from greenlang.api.front import Front
from greenlang.api.principal import refuse_undeclared
from greenlang.api.routes import ROUTERS
from greenlang.api.services import Services
from greenlang.api.sharing import shared
from greenlang.api.signin import SignIn
from greenlang.api.warming import cooled, warmed
from greenlang.errors import SettingsError
from greenlang.registry import Registry
from greenlang.settings import Settings
from greenlang.telemetry.requests import Requests


def create_app(
    settings: Settings,
    *,
    registry: Registry | None = None,
    launcher: Any = None,
    sign_in: bool = True,
    warm: bool = False,
) -> FastAPI:
    """The service over the settings' registry, or over ``registry``, which the caller closes.

    ``sign_in=False`` serves the person at the machine as the tenant of an embedded registry; whoever runs it binds it
    to a loopback address. With ``warm`` it makes what the first requests would wait for, and is not ready before.
    Raises SettingsError where it is asked for another registry, and for half a setting.
    """
    own = registry is None
    store = registry or Registry(settings.registry, keys=settings.keys, resident=True)
    if not sign_in and not store.database.embedded:
        raise SettingsError("a registry that several use is not served without a sign-in")
    signin = SignIn(settings, store, required=sign_in)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(warmed(app))] if warm else []
        if (settings.api_workers or 1) > 1:
            tasks.append(asyncio.create_task(shared(app.state.requests)))
        yield
        for task in tasks:
            task.cancel()
        if warm:
            cooled()
        app.state.services.close()
        if own:
            store.close()

    app = FastAPI(
        title="GreenLang Agent Factory",
        version=__version__,
        lifespan=lifespan,
        routes=list(_routes()),
        openapi_url=None,  # `schema` gives it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings, app.state.registry, app.state.launcher = settings, store, launcher
    app.state.signin = signin
    app.state.requests = Requests(settings.var)
    app.state.warm = not warm
    app.state.services = Services(settings, store, launcher)
    problems.install(app)
    schema.install(app)
    refuse_undeclared(app)
    app.add_middleware(Front, settings=settings, registry=store, signin=signin, requests=app.state.requests)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Every route, made once: each costs a look at its signature."""
    every = APIRouter()
    for router in ROUTERS:
        every.include_router(router)
    return tuple(every.routes)
