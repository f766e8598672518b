"""Small words of SQL that a batch writes: names, texts, and the one connection it works on.

Belongs here: quoting, the connection's limits. Does not belong here: what is computed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[str, float], None]  # what is being done, percent
_LOOK = 0.1  # seconds between two looks at how far a query is


def connect(threads: int, memory: str, folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection in memory that spills into ``folder``; it loads no settings, extensions or files of its own."""
    import duckdb

    connection = duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": memory,
            "temp_directory": str(folder),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar_print = false; SET enable_progress_bar = true")
    return connection


def run(connection: duckdb.DuckDBPyConnection, sql: str, what: str, progress: Progress | None) -> None:
    """Run a statement and tell how far it is. Ctrl-C ends it."""
    if progress is None:
        connection.execute(sql)
        return
    failed: list[BaseException] = []

    def work() -> None:
        try:
            connection.execute(sql)
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            failed.append(error)

    worker = threading.Thread(target=work, name=what)
    worker.start()
    try:
        while worker.is_alive():
            worker.join(_LOOK)
            progress(what, max(0.0, min(100.0, connection.query_progress())))
    except BaseException:
        connection.interrupt()
        worker.join()
        raise
    if failed:
        raise failed[0]
    progress(what, 100.0)
