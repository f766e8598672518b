"""Where code that callers send along is judged: one process beside the service, which runs it in the sandbox.

A crash or a greedy judgement harms that process alone, and requests wait for it without a thread: tenant after tenant,
so that none waits for all of another's. Belongs here: the process, whose turn it is, how many may wait. Does not belong
here: judging (`greenlang.factory.validators`).
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anyio.to_thread import run_sync

from greenlang.api.problems import Problem
from greenlang.settings import Settings

if TYPE_CHECKING:
    from greenlang.factory.determinism import Determinism
    from greenlang.factory.validators import QualityResult, QualityValidator

MOST_OF_ONE = 4  # judgements of one tenant, the one that is made included
MOST = 8  # of all together; then only a tenant that has none yet is taken
MOST_TENANTS = 64
_SECONDS = 300.0  # the sandbox has limits of its own, far below this
_RETRY = {"Retry-After": "10"}
Given = TypeVar("Given")
Code = str | Mapping[str, str]


class Turns:
    """One at a time, tenant after tenant. For one event loop.

    A tenant may have `MOST_OF_ONE` in it, all together `MOST`, but for a tenant's first.
    """

    def __init__(self) -> None:
        self._there: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._busy = False

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """The tenant's turn, as long as the block lasts. Raises Problem 429 or 503 where too many wait."""
        self._refuse_more(tenant)
        self._there[tenant] += 1
        try:
            if self._busy:
                await self._wait(tenant)
            self._busy = True
            try:
                yield
            finally:
                self._next()
        finally:
            self._there[tenant] -= 1
            self._there += Counter()  # without those that have none

    def _refuse_more(self, tenant: str) -> None:
        if self._there[tenant] >= MOST_OF_ONE:
            raise Problem(429, f"{MOST_OF_ONE} judgements of yours are waiting", kind="busy", headers=_RETRY)
        full = self._there.total() >= MOST
        if full and (self._there[tenant] or len(self._there) >= MOST_TENANTS):
            raise Problem(503, f"{self._there.total()} judgements are waiting", kind="busy", headers=_RETRY)

    async def _wait(self, tenant: str) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._queues.setdefault(tenant, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was this one's turn already
                self._next()
            raise

    def _next(self) -> None:
        while self._queues:
            tenant, queue = self._queues.popitem(last=False)
            first = queue.popleft()
            if queue:
                self._queues[tenant] = queue  # behind the others
            if not first.done():
                first.set_result(None)
                return
        self._busy = False


class Workshop:
    """Judges one thing at a time, for tenants in turn. Closing it ends the process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._turns = Turns()

    async def check(self, tenant: str, code: Code, tests: Code | None, spec: str | dict[str, Any]) -> QualityResult:
        """The twelve dimensions. Raises Problem, and what `QualityValidator` raises."""
        return await self._do(tenant, _check, code, tests, spec)

    async def determinism(self, tenant: str, code: Code, cases: Sequence[Mapping[str, Any]]) -> Determinism:
        """The same answers again and again? Raises Problem, PackError, SandboxUnavailable."""
        return await self._do(tenant, _determinism, code, list(cases))

    def close(self) -> None:
        """End the process, also where it is at work."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            _end(pool)

    async def _do(self, tenant: str, work: Callable[..., Given], *given: Any) -> Given:
        async with self._turns.turn(tenant):
            with self._lock:
                if self._pool is None:
                    self._pool = ProcessPoolExecutor(
                        1, mp_context=get_context("spawn"), initializer=_open, initargs=(self._settings,)
                    )
                pool = self._pool
            try:
                return await asyncio.wait_for(asyncio.wrap_future(pool.submit(work, *given)), _SECONDS)
            except (BrokenProcessPool, TimeoutError) as error:
                with self._lock:
                    if self._pool is pool:
                        self._pool = None
                await run_sync(_end, pool)
                said = "the judging process ended; try again"
                raise Problem(503, said, kind="unavailable", headers=_RETRY) from error


def _end(pool: ProcessPoolExecutor) -> None:
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(10)


# --- in the process -------------------------------------------------------------------------------------------------

_validators: list[QualityValidator] = []  # one, made when the process starts


def _open(settings: Settings) -> None:
    from greenlang.factory.validators import QualityValidator

    _validators[:] = [QualityValidator(settings)]


def _check(code: Code, tests: Code | None, spec: str | dict[str, Any]) -> QualityResult:
    return _validators[0].validate_12_dimensions(agent_code=code, test_code=tests, spec=spec)


def _determinism(code: Code, cases: list[Mapping[str, Any]]) -> Determinism:
    from greenlang.factory.determinism import determinism
    from greenlang.sandbox import Sandbox

    with tempfile.TemporaryDirectory(prefix="greenlang-workshop-") as folder, Sandbox(_validators[0].settings) as box:
        return determinism(box, code, cases, folder=Path(folder))
