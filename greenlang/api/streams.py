"""Progress as a stream: each new state of a job or batch, until it has ended.

A stream's events are whole states with a growing number, so whoever comes back with the last number that it saw misses
nothing that counts. Belongs here: looking again and again. Does not belong here: SSE and WebSocket (`routes.progress`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.to_thread import run_sync

LOOK_SECONDS = 0.5
LONGEST_SECONDS = 3600.0  # then whoever watches signs in again, and goes on where it was


@dataclass(frozen=True, slots=True)
class State:
    """A state of what is watched: its number, its body as plain JSON values, whether it is the last."""

    number: int
    body: dict[str, Any]
    ended: bool


async def states(look: Callable[[], State], after: int | None) -> AsyncIterator[State]:
    """Each state that is another than the one numbered ``after``; ends with the last one, or after an hour.

    ``look`` runs in a thread. A database or a Dagster that does not answer for a while ends no stream; whatever else it
    raises does.
    """
    begin = time.monotonic()
    while time.monotonic() - begin < LONGEST_SECONDS:
        try:
            state = await run_sync(look)
        except OSError:
            await anyio.sleep(LOOK_SECONDS)
            continue
        if state.number != after or state.ended:
            yield state
            after = state.number
        if state.ended:
            return
        await anyio.sleep(LOOK_SECONDS)
