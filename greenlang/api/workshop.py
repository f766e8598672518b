"""Where code that callers send along is judged: one process beside the service, which runs it in the sandbox.

A crash or a greedy judgement harms that process alone, and requests wait for it without a thread. Belongs here: the
process, and how many may wait. Does not belong here: judging (`greenlang.factory.validators`).
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from greenlang.api.problems import Problem
from greenlang.settings import Settings

if TYPE_CHECKING:
    from greenlang.factory.determinism import Determinism
    from greenlang.factory.validators import QualityResult, QualityValidator

MOST_WAITING = 8
_SECONDS = 300.0  # the sandbox has limits of its own, far below this
_RETRY = {"Retry-After": "10"}
Given = TypeVar("Given")
Code = str | Mapping[str, str]


class Workshop:
    """Judges one thing at a time; at most `MOST_WAITING` callers wait. Closing it ends the process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._waiting = 0

    async def check(self, code: Code, tests: Code | None, spec: str | dict[str, Any]) -> QualityResult:
        """The twelve dimensions. Raises Problem, and what `QualityValidator` raises."""
        return await self._do(_check, code, tests, spec)

    async def determinism(self, code: Code, cases: Sequence[Mapping[str, Any]]) -> Determinism:
        """The same answers again and again? Raises Problem, PackError, SandboxUnavailable."""
        return await self._do(_determinism, code, list(cases))

    def close(self) -> None:
        """End the process, also where it is at work."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            _end(pool)

    async def _do(self, work: Callable[..., Given], *given: Any) -> Given:
        if self._waiting >= MOST_WAITING:
            raise Problem(429, f"{MOST_WAITING} judgements are waiting; try again", kind="busy", headers=_RETRY)
        self._waiting += 1
        try:
            with self._lock:
                if self._pool is None:
                    self._pool = ProcessPoolExecutor(
                        1, mp_context=get_context("spawn"), initializer=_open, initargs=(self._settings,)
                    )
                pool = self._pool
                future = pool.submit(work, *given)
            return await asyncio.wait_for(asyncio.wrap_future(future), _SECONDS)
        except (BrokenProcessPool, TimeoutError) as error:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            _end(pool)
            raise Problem(503, "the judging process ended; try again", kind="unavailable", headers=_RETRY) from error
        finally:
            self._waiting -= 1


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
