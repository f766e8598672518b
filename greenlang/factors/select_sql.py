"""One factor by its key through DuckDB SQL: from the Parquet file of a release, or from a view or table over it.

    SELECT * FROM 'var/factors/releases/factors-1.0.0/factors.parquet' WHERE key = 'epa/...'

The file is sorted by key, so DuckDB reads the one row group that can hold it.

Belongs here: that look-up. Does not belong here: choosing a factor (``select``), which no single WHERE can do.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from greenlang.factors.embedded import plain
from greenlang.factors.fields import declared_fields
from greenlang.factors.model import Factor

if TYPE_CHECKING:
    import duckdb


def lookup_sql(con: duckdb.DuckDBPyConnection, relation: str | Path, key: str) -> Factor | None:
    """The factor with this key, or None.

    ``relation`` is a Parquet file (`Path`) in the declared columns, or the name of a view or table over one.
    Raises duckdb.Error if there is no such relation.
    """
    row = con.execute(query_sql(relation), [key]).fetchone()
    if row is None:
        return None
    return Factor(*(plain(value) if isinstance(value, Decimal) else value for value in row))


def query_sql(relation: str | Path) -> str:
    """The query with one parameter, the key."""
    columns = ", ".join(f'"{field.name}"' for field in declared_fields())
    if isinstance(relation, Path):
        name = "read_parquet('" + str(relation).replace("'", "''") + "')"
    else:
        name = '"' + relation.replace('"', '""') + '"'
    return f"SELECT {columns} FROM {name} WHERE key = ?"  # noqa: S608 - names are quoted, the key is a parameter
