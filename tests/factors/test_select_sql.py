"""The look-up through SQL gives the very rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from greenlang.factors import FactorTable, build_tables
from greenlang.factors.select_sql import attach, lookup_sql, query_sql
from greenlang.factors.table import FILE_NAME

TABLE = FactorTable.load()


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("it's a folder")
    build_tables(folder)
    return folder / FILE_NAME


def test_the_same_rows_from_file_table_and_view(parquet: Path) -> None:
    with duckdb.connect() as con:
        name = attach(con, parquet)
        con.execute(f"CREATE VIEW seen AS SELECT * FROM {name}")
        for key in TABLE.keys[::97]:
            for relation in (parquet, name, "seen"):
                assert lookup_sql(con, relation, key) == TABLE.get(key)


def test_a_key_that_is_not_there_gives_none(parquet: Path) -> None:
    with duckdb.connect() as con:
        attach(con, parquet, 'a "quoted" name')
        for key in ("", "epa/egrid", "x' OR '1'='1"):
            assert lookup_sql(con, 'a "quoted" name', key) is None


def test_the_key_is_a_parameter() -> None:
    assert query_sql("factors").endswith('FROM "factors" WHERE key = ?')
