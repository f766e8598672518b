"""Other people's clients read while a batch writes: a second process, one that stays connected, a JDBC tool."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from greenlang.metrics import MetricsStore
from greenlang.metrics.catalogue import table_macros_sql
from greenlang.metrics.fields import VIEWS
from greenlang.settings import Settings
from greenlang.sql import literal
from tests.metrics.conftest import outcome, run_info

# What a client of a tool sends when it connects and draws its tree: DuckDB's JDBC driver asks these.
TREE = (
    "SELECT current_database(), current_schema()",
    "SELECT DISTINCT catalog_name AS TABLE_CAT FROM information_schema.schemata ORDER BY TABLE_CAT",
    "SELECT schema_name AS TABLE_SCHEM, catalog_name AS TABLE_CATALOG FROM information_schema.schemata "
    "WHERE catalog_name = current_database() ORDER BY ALL",
    "SELECT table_catalog AS TABLE_CAT, table_schema AS TABLE_SCHEM, table_name AS TABLE_NAME, "
    "table_type AS TABLE_TYPE, TABLE_COMMENT AS REMARKS FROM information_schema.tables "
    "WHERE table_name LIKE '%' ESCAPE '\\' "
    "ORDER BY TABLE_TYPE, TABLE_CAT, TABLE_SCHEM, TABLE_NAME",
    "SELECT table_name, column_name, data_type, ordinal_position, is_nullable, COLUMN_COMMENT AS REMARKS "
    "FROM information_schema.columns WHERE table_name LIKE 'agents' ESCAPE '\\' ORDER BY ordinal_position",
    "SELECT * FROM duckdb_constraints()",
    "SELECT * FROM duckdb_indexes()",
    "SELECT function_name FROM duckdb_functions() WHERE NOT internal",
    "PRAGMA database_list",
)
READER = """
import sys, duckdb
seen = []
while len(seen) < 4 or (seen[-1] < seen[0] + 2 and len(seen) < 400):
    with duckdb.connect(sys.argv[1], read_only=True) as client:
        agents, ids = client.execute("SELECT count(*), count(DISTINCT agent_id) FROM agents").fetchone()
        tests, = client.execute("SELECT count(*) FROM tests").fetchone()
        assert agents == ids and tests >= 2 * agents, (agents, ids, tests)
        client.execute("SELECT count(*) FROM agents_at('2030-01-01')").fetchone()
    seen.append(agents)
print(*seen)
"""


@contextmanager
def writing(settings: Settings) -> Iterator[list[int]]:
    """A batch that writes parts, merges them and swaps the catalogue, until the block ends; how much it wrote."""
    store, ended, written, failed = MetricsStore(settings), threading.Event(), [1], []

    def work() -> None:
        try:
            while not ended.is_set():
                number = written[0]
                store.write([outcome(f"d/agent{number}")], run_info(f"run-{number}"))
                written[0] += 1
                store.rebuild_catalogue()
                store.compact(grace=300, at_least=8)
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    store.write([outcome("d/agent0")], run_info("run-0"))
    store.rebuild_catalogue()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield written
    finally:
        ended.set()
        thread.join(timeout=120)
    assert not failed, failed
    assert written[0] > 1


@pytest.mark.slow
def test_a_client_in_another_process_reads_while_a_batch_writes(settings: Settings) -> None:
    with writing(settings) as written:
        command = [sys.executable, "-c", READER, str(settings.catalogue)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    counts = [int(line) for line in done.stdout.split()]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] <= written[0], "nothing was written meanwhile"


def test_duckdbs_command_line_reads_every_view_and_night_while_a_batch_writes(settings: Settings) -> None:
    """Its newest release is older than the library that writes the file."""
    program = Path(sys.executable).with_name("duckdb")
    views = [*VIEWS, "factors"]
    nights = [name for name in table_macros_sql(settings.tables) if name.partition("(")[2].startswith("night)")]
    asked = [*views, *(f"{name.partition('(')[0]}('2030-01-01')" for name in nights)]
    statement = " UNION ALL ".join(f"SELECT {literal(one)} AS name, count(*) AS rows FROM {one}" for one in asked)
    with writing(settings) as written:
        while written[0] < 3:
            time.sleep(0.05)
        command = [program, "-readonly", "-json", str(settings.catalogue), "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    counted = {row["name"]: row["rows"] for row in json.loads(done.stdout)}
    assert counted.keys() == set(asked)
    assert nights
    assert counted["agents"] >= 2
    assert counted["agents_at('2030-01-01')"] >= counted["agents"]


def test_a_client_that_stays_connected_sees_new_rows_after_each_swap(settings: Settings) -> None:
    seen: list[int] = []
    MetricsStore(settings).rebuild_catalogue()
    with duckdb.connect(str(settings.catalogue), read_only=True) as client, writing(settings) as written:
        first = settings.catalogue.stat().st_mtime_ns  # not the inode: the next file but one may have it again
        while written[0] < 4:
            seen.append(client.execute("SELECT count(*) FROM agents").fetchall()[0][0])
        swapped = settings.catalogue.stat().st_mtime_ns != first
        last = client.execute("SELECT count(*) FROM agents").fetchall()[0][0]
    assert swapped
    assert seen == sorted(seen)
    assert last >= 4


def test_a_tool_that_draws_the_tree_of_tables_is_answered_while_a_batch_writes(settings: Settings) -> None:
    answers: dict[str, list[Any]] = {}
    with writing(settings), duckdb.connect(str(settings.catalogue), config={"access_mode": "READ_ONLY"}) as client:
        for statement in TREE:
            answers[statement] = client.execute(statement).fetchall()
        preview = client.execute("SELECT * FROM agents LIMIT 200").fetchall()
    tables = {row[2]: row for row in answers[TREE[3]]}
    assert tables["agents"][3:] == ("VIEW", VIEWS["agents"].description)
    assert answers[TREE[4]][0][:3] == ("agents", "agent_id", "VARCHAR")
    assert all(row[5] for row in answers[TREE[4]]), "every column is described in the tool"
    assert ("agents_at",) in answers[TREE[7]]
    assert preview


def test_a_client_that_writes_holds_up_no_batch(settings: Settings) -> None:
    """One that forgets to open it read-only locks the file that it has; the next swap puts another one there."""
    store = MetricsStore(settings)
    store.write([outcome("d/agent0")], run_info("run-0"))
    store.rebuild_catalogue()
    script = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(settings.catalogue)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        store.write([outcome("d/agent1")], run_info("run-1"))
        store.rebuild_catalogue()
        with duckdb.connect(str(settings.catalogue), read_only=True) as client:
            assert client.execute("SELECT count(*) FROM agents").fetchall() == [(2,)]
        other.communicate("", timeout=60)
    assert other.returncode == 0
