"""Worker processes of a batch. Each has a pipe of its own, so that the death of one harms no other.

They are forks of one process that has imported the factory and done nothing else (`multiprocessing`'s fork server), so
that a batch, and all batches of a process, pay for the imports once.

Belongs here: starting and ending workers, handing out chunks, what becomes of a dead worker's tasks. Does not belong
here: the work (``greenlang.factory.chunk``), what becomes of the results (``greenlang.factory.line``).
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import TYPE_CHECKING

from greenlang.factory.build import Builder, Built, Task
from greenlang.factory.chunk import TOGETHER, build_chunk, chunks, lost
from greenlang.factory.outcome import Ended
from greenlang.settings import Settings
from greenlang.telemetry import process

if TYPE_CHECKING:
    from greenlang.sandbox.verdict import Profile

_READY, _AT, _STAGE, _BUILT, _DONE = "ready", "at", "stage", "built", "done"
_FALSE_STARTS = 3
_IMPORTED = ("greenlang.factory.workers", "greenlang.factory.warm")  # before the first fork


@dataclass(eq=False)
class _Worker:
    """A process as its parent sees it. ``open``: tasks of its chunk without a result; ``at``: what it works on.

    It is idle when it has said that it is done, and not when the last result is there: what it says next would be taken
    for a word on its next chunk.
    """

    process: ForkServerProcess
    pipe: Connection
    ready: bool = False
    busy: bool = False
    open: dict[str, Task] = field(default_factory=dict)
    at: str = TOGETHER

    def give(self, chunk: Sequence[Task]) -> None:
        self.open, self.at, self.busy = {task.key: task for task in chunk}, TOGETHER, True
        with contextlib.suppress(OSError):  # it has died: `_Crew.bury` finds the chunk here
            self.pipe.send(list(chunk))

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()  # a kill at any moment loses nothing, so nobody waits for what is under way
        self.process.join()
        self.process.close()


def build_all(
    settings: Settings,
    tasks: Sequence[Task],
    workers: int,
    on_stage: Ended | None = None,
    *,
    profile: Profile | None = None,
) -> Iterator[Built]:
    """Results as they come, of every task one; ``on_stage`` is told of each stage as it ends. ``profile`` is what the
    sandbox was found to be on this machine, where somebody has asked.

    When a worker dies, the agent that it was at is tried again at the end, alone; the one that kills its worker again
    is `infrastructure`. The rest of its chunk goes to the others; where all of it was under way, in halves.
    """
    crew = _Crew(settings, chunks(tasks, workers), workers, on_stage, profile)
    yield from crew.run()
    for suspect in crew.suspects:
        alone = _Crew(settings, [[suspect]], 1, on_stage, profile)
        yield from alone.run()
        for task in alone.suspects:
            yield lost(task.key, task.source.name, "its build killed the worker process; the next batch tries again")


class _Crew:
    def __init__(
        self,
        settings: Settings,
        waiting: Sequence[Sequence[Task]],
        workers: int,
        on_stage: Ended | None,
        profile: Profile | None,
    ) -> None:
        self.settings = settings
        self.on_stage = on_stage
        self.profile = profile
        self.waiting = deque(list(chunk) for chunk in waiting)
        self.size = max(1, min(workers, len(self.waiting)))
        self.workers: list[_Worker] = []
        self.false_starts = 0
        self.suspects: list[Task] = []

    def run(self) -> Iterator[Built]:
        try:
            while self.waiting or any(worker.busy for worker in self.workers):
                if self.waiting and self.false_starts >= _FALSE_STARTS:
                    yield from self.give_up()
                    continue
                self.fill()
                for worker in self.heard():
                    yield from self.listen(worker)
        finally:
            for worker in self.workers:
                worker.end()
            self.workers.clear()

    def fill(self) -> None:
        """Start workers, and give each idle one a chunk."""
        for worker in self.workers:
            if worker.ready and not worker.busy and self.waiting:
                worker.give(self.waiting.popleft())
        idle = sum(not worker.busy for worker in self.workers)
        while len(self.workers) < self.size and idle < len(self.waiting) and self.false_starts < _FALSE_STARTS:
            try:
                self.workers.append(_start(self.settings, self.profile, tell=self.on_stage is not None))
                idle += 1
            except (EOFError, OSError):  # the process that forks them has died: the next try starts another one
                self.false_starts += 1

    def heard(self) -> list[_Worker]:
        """Workers that said something or died."""
        ready = set(connection.wait([h for w in self.workers for h in (w.pipe, w.process.sentinel)]))
        return [w for w in self.workers if w.pipe in ready or w.process.sentinel in ready]

    def listen(self, worker: _Worker) -> Iterator[Built]:
        """Take all that a worker has said; bury it if it is dead."""
        try:
            while worker.pipe.poll():
                kind, content = worker.pipe.recv()
                if kind == _READY:
                    worker.ready, self.false_starts = True, 0
                elif kind == _AT:
                    worker.at = content
                elif kind == _STAGE and self.on_stage is not None:
                    self.on_stage(*content)
                elif kind == _BUILT:
                    if worker.open.pop(content.outcome.key, None) is not None:
                        yield content
                else:
                    left, worker.open, worker.busy = list(worker.open.values()), {}, False
                    for task in left:  # done, though not with all: a fault of ours, and never an endless one
                        yield lost(task.key, task.source.name, "its worker gave no result; the next batch tries again")
            if worker.process.exitcode is None or worker.pipe.poll():
                return
        except (EOFError, OSError):
            pass  # it is dead, or as good as dead
        self.bury(worker)

    def bury(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        worker.end()
        if not worker.ready:
            self.false_starts += 1
            return
        left = list(worker.open.values())
        if worker.at in worker.open:
            self.suspects.append(worker.open.pop(worker.at))
            left = list(worker.open.values())
        elif len(left) == 1:
            self.suspects += left
            return
        elif left and worker.at == TOGETHER:
            half = len(left) // 2
            self.waiting.append(left[:half])
            left = left[half:]
        if left:
            self.waiting.append(left)

    def give_up(self) -> Iterator[Built]:
        """Workers end before they begin: it has nothing to do with any spec."""
        left = [task for chunk in self.waiting for task in chunk]
        self.waiting.clear()
        for task in left:
            yield lost(task.key, task.source.name, "worker processes do not start; the next batch tries again")


# --- in the worker --------------------------------------------------------------------------------------------------


def _start(settings: Settings, profile: Profile | None, *, tell: bool) -> _Worker:
    """Raises EOFError or OSError where no process can be had."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    ours, theirs = context.Pipe()
    worker = context.Process(target=_work, args=(settings, profile, theirs, tell, process.environment()), daemon=True)
    try:
        worker.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return _Worker(worker, ours)


def _work(
    settings: Settings, profile: Profile | None, pipe: Connection, tell: bool, environment: dict[str, str]
) -> None:
    """The life of a worker: tables and sandbox once, then chunk after chunk, until the parent goes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches the whole group: end without a traceback
    os.environ.clear()  # as it was when the first worker of this process was forked
    os.environ.update(environment)
    process.start_worker(settings)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()
    builder = Builder(settings, profile)
    if tell:
        builder.on_stage = lambda key, stage: pipe.send((_STAGE, (key, stage)))
    settle()
    gc.freeze()  # tables and tools: they stay
    pipe.send((_READY, None))
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            chunk = pipe.recv()
            for built in build_chunk(builder, chunk, partial(_at, pipe)):
                pipe.send((_BUILT, built))
            pipe.send((_DONE, None))
            settle()


def _at(pipe: Connection, key: str) -> None:
    process.works_on(key)
    pipe.send((_AT, key))


def settle() -> None:
    """Between chunks: look for garbage once.

    Inside a chunk nobody looks: looking through syntax trees again and again took a fifth of the time of judging. What
    is left of a chunk is not frozen: once the caches have dropped it, nobody would ever find it.
    """
    gc.disable()
    gc.collect()


def _die_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
