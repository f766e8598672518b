"""Ids that stand on more than one row: such rows cannot be told apart, so none of them is computed.

Ten million ids are compared by a 64-bit hash each, sorted in memory (eight bytes a row); only those whose hashes meet
are looked at as they are.

Belongs here: finding them. Does not belong here: what a row is told about it (``batch_checks``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from greenlang.calc.batch_source import Source
from greenlang.sql import quoted

if TYPE_CHECKING:
    import duckdb


def find_doubled(connection: duckdb.DuckDBPyConnection, source: Source, ids: Sequence[str], prefix: str = "gl") -> str:
    """The table of the ids that stand on several rows, with ``gl_times``, how often; empty if there are none."""
    import numpy as np

    listed = ", ".join(map(quoted, ids))
    there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in ids)
    found = connection.execute(
        f"SELECT hash({listed}) AS h FROM {source.relation} WHERE {there}"  # noqa: S608 - names are quoted
    ).fetchnumpy()
    hashes = np.sort(np.asarray(found["h"]))
    if not len(alike := np.unique(hashes[1:][hashes[1:] == hashes[:-1]])):
        return ""
    table = f"{prefix}_doubled"
    connection.register("gl_alike", {"h": alike})
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {listed}, count(*) AS gl_times FROM {source.relation} "  # noqa: S608
        f"WHERE {there} AND hash({listed}) IN (SELECT h FROM gl_alike) GROUP BY ALL HAVING count(*) > 1"
    )
    connection.unregister("gl_alike")
    found_any = connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()  # noqa: S608
    return table if found_any else ""
