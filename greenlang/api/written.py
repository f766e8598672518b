"""Waiting for writes that the registry carries out together.

Belongs here: from an asynchronous handler to `Registry.begin`. Does not belong here: what is written.
"""

from __future__ import annotations

import asyncio

from greenlang.registry import Registry
from greenlang.registry.together import Item, Kind, Result


async def written(store: Registry, kind: Kind[Item, Result], item: Item) -> Result:
    """Carry a write out with those that arrive at the same time; once it is committed, its result.

    No thread waits for it. Raises what the kind refuses with.
    """
    return await asyncio.wrap_future(store.begin(kind, item))
