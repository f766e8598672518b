"""Slots: how many calls a provider gets at once, over all processes and threads of this machine.

A slot is a locked file. The system unlocks it when its process ends, however it ends, so no slot is ever lost.

Belongs here: taking and giving back a slot. Does not belong here: limits per minute (``greenlang.llm.accounts``), how
many slots there are (``greenlang.llm.config``).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_STEP = 0.05  # seconds between two looks; doubled up to the next
_LONGEST_STEP = 1.0


class NoSlot(Exception):
    """All slots of a provider are taken, for as long as a call may wait."""


class Slots:
    """The slots in ``folder``, which may be shared between processes. A provider's name is safe as a file's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def taken(
        self, provider: str, number: int, *, longest_wait: float, sleep: Callable[[float], None]
    ) -> Iterator[None]:
        """Hold one of ``number`` slots. Raises NoSlot after ``longest_wait`` seconds, OSError for a bad folder."""
        waited, step = 0.0, _STEP
        while (slot := self._free(provider, number)) is None:
            if waited >= longest_wait:
                raise NoSlot(f"all its {number} calls at once are taken")
            step = min(step, longest_wait - waited)
            sleep(step)
            waited, step = waited + step, min(step * 2, _LONGEST_STEP)
        try:
            yield
        finally:
            fcntl.flock(
                slot, fcntl.LOCK_UN
            )  # a process that was forked meanwhile holds the file open, and not the slot
            os.close(slot)

    def _free(self, provider: str, number: int) -> int | None:
        """The open and locked file of a free slot."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for one in range(number):
            file = os.open(self.folder / f"{provider}.{one}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
            except BaseException:
                os.close(file)
                raise
            else:
                return file
        return None
