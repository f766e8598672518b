"""The routers of the API: one module a subject, each with ``router``.

Belongs here: the list. Does not belong here: paths' logic.
"""

from __future__ import annotations

from fastapi import APIRouter

from greenlang.api.console import pages as console
from greenlang.api.routes import (
    discovery,
    factors,
    factory,
    governance,
    lifecycle,
    progress,
    publish,
    quality,
    registry,
    sdk,
    system,
    templates,
)

ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    lifecycle.router,
    discovery.router,
    publish.router,
    registry.router,  # its last route takes every path below /agents
    governance.router,
    factory.router,
    progress.router,
    quality.router,
    templates.router,
    factors.router,
    sdk.router,
    console.router,
)
"""Every router, in the order in which paths are tried."""
