"""One factor by its key through DuckDB SQL.

    CREATE TABLE factors AS SELECT * FROM read_parquet('var/tables/factors.parquet');  -- once: `attach`
    CREATE UNIQUE INDEX factors_by_key ON factors (key);
    SELECT * FROM factors WHERE key = 'epa/ghg-hub/2025/electricity/total-output/us/co2-per-mwh';

Straight from the Parquet file the same query decodes a block of every column, which takes some milliseconds more.

Belongs here: that look-up. Does not belong here: choosing a factor (``select``), which no single WHERE can do.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang.factors.embedded import plain
from greenlang.factors.fields import declared_fields
from greenlang.factors.model import Factor

if TYPE_CHECKING:
    import duckdb


def attach(con: duckdb.DuckDBPyConnection, parquet: Path, name: str = "factors") -> str:
    """Load a release's rows into the connection as a table with an index, and give its name.

    Raises duckdb.Error if it cannot.
    """
    source = str(parquet).replace("'", "''")
    quoted = name.replace('"', '""')
    con.execute(f"""CREATE TABLE "{quoted}" AS SELECT * FROM read_parquet('{source}')""")  # noqa: S608 - quoted names
    con.execute(f'CREATE UNIQUE INDEX "{quoted}_by_key" ON "{quoted}" (key)')
    return name


def lookup_sql(con: duckdb.DuckDBPyConnection, relation: str | Path, key: str) -> Factor | None:
    """The factor with this key, or None.

    ``relation`` is a Parquet file (`Path`) in the declared columns, or the name of a view or table over one.
    Raises duckdb.Error if there is no such relation.
    """
    row = con.execute(query_sql(relation), [key]).fetchone()
    if row is None:
        return None
    values: list[Any] = [plain(value) if isinstance(value, Decimal) else value for value in row]
    return Factor(*values)


def query_sql(relation: str | Path) -> str:
    """The query with one parameter, the key."""
    columns = ", ".join(f'"{field.name}"' for field in declared_fields())
    if isinstance(relation, Path):
        name = "read_parquet('" + str(relation).replace("'", "''") + "')"
    else:
        name = '"' + relation.replace('"', '""') + '"'
    return f"SELECT {columns} FROM {name} WHERE key = ?"  # noqa: S608 - names are quoted, the key is a parameter
