"""The processes of a bench, watched from outside: memory, processor time, bytes written.

Belongs here: reading /proc (by psutil) of a process and its descendants. Does not belong here: what they do.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

_EVERY = 0.5  # seconds between two looks


@dataclass
class Watch:
    """What was seen of a process and everything that it started. Memory is resident, in MB, of one process.

    ``processor`` are seconds of user and system time of all of them, those that ended included; ``written`` are bytes
    handed to the disk by those that lived until a look.
    """

    most: float = 0.0
    whose: str = ""
    together: float = 0.0
    processor: float = 0.0
    written: int = 0
    _written: dict[int, int] = field(default_factory=dict)
    each: dict[int, tuple[str, float, int]] = field(default_factory=dict)

    def look(self, root: psutil.Process) -> None:
        """One look."""
        together = processor = 0.0
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                resident = process.memory_info().rss / 1e6
                together += resident
                if resident > self.most:
                    self.most, self.whose = resident, " ".join(process.cmdline()[:6])[-80:]
                processor += sum(process.cpu_times()[:4])  # its own, and of the children that it has waited for
                self._written[process.pid] = process.io_counters().write_bytes
                self.each[process.pid] = (_name(process), sum(process.cpu_times()[:2]), self._written[process.pid])
        self.together = max(self.together, together)
        self.processor = max(self.processor, processor)
        self.written = sum(self._written.values())


def _name(process: psutil.Process) -> str:
    return " ".join(process.cmdline())[-60:]


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Look twice a second until the block ends."""
    told, over = Watch(), threading.Event()

    def run() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            while not over.wait(_EVERY):
                told.look(root)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()
