"""Progress as a stream: each new state of a job or batch, until it has ended.

A stream's events are whole states with a growing number, so whoever comes back with the last number that it saw misses
nothing that counts. Belongs here: looking again and again. Does not belong here: SSE and WebSocket (`routes.progress`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.to_thread import run_sync

from greenlang.api.problems import Problem

LOOK_SECONDS = 0.5
MOST_WATCHED = 100  # streams of one tenant at once, in each process
CHECK_SECONDS = 15.0  # as often as a stream shows that it lives
LONGEST_SECONDS = 3600.0  # then whoever watches signs in again, and goes on where it was


@dataclass(frozen=True, slots=True)
class State:
    """A state of what is watched: its number, its body as plain JSON values, whether it is the last."""

    number: int
    body: dict[str, Any]
    ended: bool


class Watched:
    """How many streams each tenant watches: every one asks again and again, in a thread."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def refuse_more(self, tenant: str) -> None:
        """Raise Problem 429 where the tenant watches as many as it may."""
        if self._count[tenant] >= MOST_WATCHED:
            raise Problem(429, f"{MOST_WATCHED} streams are open", kind="busy", headers={"Retry-After": "10"})

    @contextmanager
    def one(self, tenant: str) -> Iterator[None]:
        """One more, for as long as the block lasts."""
        self._count[tenant] += 1
        try:
            yield
        finally:
            self._count[tenant] -= 1


class SignedOut(Exception):
    """The key or token of whoever watches holds no longer."""


Still = Callable[[], Awaitable[bool]]


async def _always() -> bool:
    return True


async def states(look: Callable[[], State], after: int | None, still: Still = _always) -> AsyncIterator[State]:
    """Each state that is another than the one numbered ``after``; ends with the last one, or after an hour.

    ``look`` runs in a thread. A database or a Dagster that does not answer for a while ends no stream; whatever else it
    raises does. ``still`` says every `CHECK_SECONDS` whether the watcher is still let in. Raises SignedOut.
    """
    begin = checked = time.monotonic()
    while time.monotonic() - begin < LONGEST_SECONDS:
        if time.monotonic() - checked >= CHECK_SECONDS:
            checked = time.monotonic()
            if not await still():
                raise SignedOut
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
