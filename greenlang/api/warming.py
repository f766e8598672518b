"""What is made before a process is ready: the search index, the OpenAPI document, the factors, a heap that stands.

Belongs here: what the first requests would wait for. Does not belong here: making these things.
"""

from __future__ import annotations

import gc
import logging

from anyio.to_thread import run_sync
from fastapi import FastAPI

from greenlang.errors import GreenlangError
from greenlang.registry import Caller, Registry
from greenlang.registry.tenants import Tenants

_log = logging.getLogger("greenlang.api")


async def warmed(app: FastAPI) -> None:
    """Make it all in a thread; then ``app.state.warm`` is true, also where the database did not answer."""
    try:
        await run_sync(_make, app, abandon_on_cancel=True)
    except GreenlangError as error:
        _log.warning("the first requests will wait: %s", error)
    finally:
        app.state.warm = True
    gc.collect()
    gc.freeze()  # what stands now stays: looking through it again and again stops every request for a fifth of a second


def cooled() -> None:
    """Undo the freezing: at the end of the process the heap is taken apart as ever."""
    gc.unfreeze()


def _make(app: FastAPI) -> None:
    app.openapi()
    registry: Registry = app.state.registry
    for tenant in Tenants(registry).all():
        registry.as_caller(Caller(tenant.tenant, "search")).search(limit=0)
    app.state.services.factors()
