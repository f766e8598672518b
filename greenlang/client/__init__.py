"""The HTTP client of the API, for programs on another machine: `Client`, and `AsyncClient` for an event loop.

    from greenlang.client import Client, registry

    with Client("https://factory.example.org", key="gl_...") as client:
        for entry in client.send(registry.search("boiler")):
            print(entry.agent_id, entry.state)

A function of `registry`, `lives`, `governance`, `factory` or `catalogue` is one request as a value, with the type of
its answer; either client sends it. Belongs here: the public face. Does not belong here: what the server does
(`greenlang.api`), printing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlang.client import catalogue, factory, governance, lives, registry
from greenlang.client.call import Call, Document, Page

if TYPE_CHECKING:
    from greenlang.client.sending import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "Document",
    "Page",
    "catalogue",
    "factory",
    "governance",
    "lives",
    "registry",
]


def __getattr__(name: str) -> Any:
    """What sends comes with httpx, which whoever only names a request does not wait for."""
    if name in ("AsyncClient", "Client"):
        from greenlang.client import sending

        return getattr(sending, name)
    raise AttributeError(name)
