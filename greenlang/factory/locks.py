"""The locks of those who work in a ``var``: batches of every tenant, and the process of the local launcher.

Belongs here: which files they are, whether somebody holds one. Does not belong here: taking them for a batch (`line`).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

BATCH, LAUNCHES = "batch.lock", "launches/lock"


def lock_files(var: Path) -> list[Path]:
    """Those that are there: the factory's own first, the launcher's last."""
    found = [var / BATCH, *sorted((var / "tenants").glob(f"*/{BATCH}")), var / LAUNCHES]
    return [path for path in found if path.is_file()]


@contextmanager
def all_held(files: list[Path]) -> Iterator[Path | None]:
    """Hold them all through the block; yields the first that somebody else holds, with which none is held."""
    with ExitStack() as held:
        for path in files:
            file = held.enter_context(path.open("r"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.close()
                yield path
                return
        yield None
