"""The routers of the API: one module a subject, each with ``router``.

Belongs here: the list. Does not belong here: paths' logic.
"""

from __future__ import annotations

from fastapi import APIRouter

from greenlang.api.console import pages as console
from greenlang.api.routes import (
    audit,
    discovery,
    factors,
    factory,
    governance,
    lifecycle,
    outcomes,
    policies,
    progress,
    publish,
    quality,
    recorded,
    registry,
    sdk,
    system,
    templates,
)

ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    lifecycle.router,
    policies.router,
    discovery.router,
    publish.router,
    registry.router,  # its last route takes every path below /agents
    governance.router,
    audit.router,
    factory.router,
    outcomes.router,
    recorded.router,
    progress.router,
    quality.router,
    templates.router,
    factors.router,
    sdk.router,
    console.router,
)
"""Every router, in the order in which paths are tried."""
