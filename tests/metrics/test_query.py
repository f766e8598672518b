"""Questions are answered, confined and while others write."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from greenlang.errors import QueryError
from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import MetricsStore, RunInfo, query
from greenlang.settings import Settings

Make = Callable[..., AgentOutcome]
Run = Callable[..., RunInfo]


def test_parameters_are_bound(store: MetricsStore, settings: Settings, make: Make, run: Run) -> None:
    store.write([make(), make("grid/power")], run())
    sql = "select agent_id from agents where agent_id = $id"
    assert query(settings, sql, {"id": "grid/power"}).rows == [("grid/power",)]
    assert query(settings, "select ?::int + 1", [41]).rows == [(42,)]


def test_the_answer_has_names_types_and_exact_values(settings: Settings) -> None:
    result = query(settings, "select 1.10::decimal(10, 2) as a, 'x' as b, null as c")
    assert result.columns == ("a", "b", "c")
    assert result.types == ("DECIMAL(10,2)", "VARCHAR", "NULL")
    assert result.rows == [(Decimal("1.10"), "x", None)]
    assert result.as_dicts() == [{"a": Decimal("1.10"), "b": "x", "c": None}]


@pytest.mark.parametrize(
    "sql",
    [
        "from agents",
        "with a as (select 1 as x) select * from a",
        "describe agents",
        "show tables",
        "summarize agents",
        "values (1), (2)",
        "explain select 1",
        "explain analyze select * from agents",
        "pivot agents on outcome using count(*)",
        "select 1; ",
    ],
)
def test_every_kind_of_question_is_answered(settings: Settings, sql: str) -> None:
    assert query(settings, sql).columns


@pytest.mark.parametrize("sql", ["selec 1", "select * from nowhere", "select nowhere from agents", "select ("])
def test_bad_sql_is_refused_in_duckdbs_own_words(settings: Settings, sql: str) -> None:
    with pytest.raises(QueryError) as caught:
        query(settings, sql)
    assert "Error: " in str(caught.value)


def test_a_folder_without_anything_is_named(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=f"nothing has been built in {tmp_path}/none yet"):
        query(Settings(var=tmp_path / "none"), "select 1")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{tables}/outcomes/evil.parquet'",
        "copy (select 1) to '{outside}/evil.csv'",
        "explain analyze copy (select 1) to '{tables}/outcomes/evil.parquet'",
        "EXPLAIN  copy (select 1) to '{tables}/outcomes/evil.parquet'",
        "/* x */ explain analyze copy (select 1) to '{tables}/outcomes/evil.parquet'",
        "with x as (copy (select 1) to '{tables}/outcomes/evil.parquet') select * from x",
        "with x as (insert into agents values (1) returning *) select * from x",
        "select 1; copy (select 1) to '{tables}/outcomes/evil.parquet'",
        "prepare p as copy (select 1) to '{tables}/outcomes/evil.parquet'",
        "create table t (a int)",
        "create or replace view agents as select 1",
        "create temp table t as select 1",
        "drop view agents",
        "export database '{outside}/evil'",
        "attach '{outside}/evil.duckdb'",
        "set enable_external_access = true",
        "reset lock_configuration",
        "install httpfs",
        "load httpfs",
        "call pragma_version()",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('{outside}/secret.txt')",
        "select * from read_text('{tables}/../../secret.txt')",
        "select * from '{outside}/secret.csv'",
        "select * from glob('{outside}/*')",
        "from read_parquet('{outside}/*.parquet')",
        "with x as (copy (select 1) to '{tables}/outcomes/evil.parquet'), y as (select 1) from y",
        "with x as (copy (select 1) to '{tables}/outcomes/evil.parquet') select * from x union all select 1",
        "with x as (copy (select 1) to '{tables}/outcomes/evil.parquet') pivot agents on outcome using count(*)",
        "explain analyze with x as (copy (select 1) to '{tables}/outcomes/evil.parquet') select * from x",
        "select * from query('with x as (co' || 'py (select 1) to ''{tables}/evil.csv'') select * from x')",
        "select * from enable_logging(storage = 'file', storage_path = '{tables}/evil')",
        "select * from enable_profiling(format = 'json', save_location = '{tables}/evil.json')",
        "select * from query('copy (select 1) to ''{tables}/outcomes/evil.parquet''')",
        "",
        "-- nothing",
    ],
)
def test_nothing_is_written_and_no_other_file_is_read(
    store: MetricsStore, settings: Settings, make: Make, run: Run, tmp_path: Path, sql: str
) -> None:
    store.write([make()], run())
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    store.rebuild_catalogue()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(QueryError):
        query(settings, sql.format(tables=settings.tables, outside=tmp_path))
    assert sorted(tmp_path.rglob("*")) == before
    assert query(settings, "select count(*) from agents").rows == [(1,)]


def test_a_serialized_plan_cannot_write_either(store: MetricsStore, settings: Settings) -> None:
    store.rebuild_catalogue()
    copy = f"with x as (copy (select 1) to '{settings.tables}/evil.csv') select * from x"
    with duckdb.connect() as connection:
        plan = connection.execute("select json_serialize_sql(?)", [copy]).fetchall()[0][0].replace("'", "''")
    inner = f"select * from json_execute_serialized_sql('{plan}')".replace("'", "''").replace(
        "json_exec", "json_'||'exec"
    )
    for sql in (f"select * from json_execute_serialized_sql('{plan}')", f"select * from query('{inner}')"):
        with pytest.raises(QueryError):
            query(settings, sql)
    assert not (settings.tables / "evil.csv").exists()


def test_a_catalogue_of_an_older_release_or_another_folder_is_built_anew(
    store: MetricsStore, settings: Settings, make: Make, run: Run, tmp_path: Path
) -> None:
    store.write([make()], run())
    with duckdb.connect(str(settings.catalogue)) as old:
        old.execute("create view agents as select 1 as other")
    assert query(settings, "select agent_id from agents").rows == [("heat/boiler",)]
    moved = settings.var.rename(tmp_path / "moved")
    assert query(Settings(var=moved), "select agent_id from agents").rows == [("heat/boiler",)]


def test_a_client_that_holds_the_old_catalogue_open_reads_on(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make()], run())
    store.rebuild_catalogue()
    with duckdb.connect(str(settings.catalogue), read_only=True) as client:
        store.write([make("grid/power")], run("run-2"))
        store.rebuild_catalogue()
        assert client.execute("select count(*) from agents").fetchone() == (2,)
    assert query(settings, "select count(*) from agents").rows == [(2,)]


def test_threads_of_one_process_may_ask_at_once(store: MetricsStore, settings: Settings, make: Make, run: Run) -> None:
    store.write([make()], run())
    answers: list[object] = []

    def ask() -> None:
        answers.extend(query(settings, "select agent_id from agents").rows for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[("heat/boiler",)]] * 20


def _write_for(var: Path, seconds: float, make: Make, run: Run) -> None:
    """A writing process: parts, catalogue and compaction in a loop, for a bounded time."""
    store = MetricsStore(Settings(var=var))
    end = time.monotonic() + seconds
    written = 0
    while time.monotonic() < end:
        batch = [make(f"d/agent{written + n}", tests=2) for n in range(5)]
        store.write(batch, run(f"run-{written % 3}"))
        written += 5
        store.rebuild_catalogue()
        if written % 25 == 0:
            store.compact(grace=1.0, at_least=4)
    (var / "written").write_text(str(written))


@pytest.mark.slow
def test_questions_are_answered_while_another_process_writes(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make()], run("first"))
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_write_for, args=(settings.var, 6.0, make, run))
    writer.start()
    asked, last = 0, 0
    try:
        while writer.is_alive():
            rows, agents = query(settings, "select count(*), count(distinct agent_id) from agents").rows[0]
            assert rows == agents, "a row twice"
            assert rows >= last, "a row vanished"
            tests, ids = query(settings, "select count(*), count(distinct (agent_id, test)) from tests").rows[0]
            assert tests == ids, "a test twice"
            assert tests >= 2 * rows, "an agent without its tests"
            asked, last = asked + 1, rows
    finally:
        writer.join(timeout=60)
        if writer.is_alive():
            writer.kill()
    assert writer.exitcode == 0
    written = int((settings.var / "written").read_text())
    assert asked > 5
    assert query(settings, "select count(*) from agents").rows == [(written + 1,)]
    assert query(settings, "select count(*) from tests").rows == [(2 * (written + 1),)]
