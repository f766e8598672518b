"""Rows go in once, come out once, whatever happens in between."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import MetricsStore, RunInfo, parts, query
from greenlang.metrics.fields import TABLES, VIEWS
from greenlang.settings import Settings

Make = Callable[..., AgentOutcome]
Run = Callable[..., RunInfo]


_CHILDREN = ("tests", "qa_dimensions", "qa_measures", "mutants", "differences", "repairs", "lineage")


def ask(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    return query(settings, sql).rows


def test_an_outcome_comes_back_as_it_went_in(store: MetricsStore, make: Make, run: Run) -> None:
    outcome = make()
    store.write([outcome], run())
    row = store.latest(outcome.key)
    assert row is not None
    for name in (
        "key",
        "file",
        "outcome",
        "agent_id",
        "score",
        "coverage",
        "tests_total",
        "consumed_digest",
        "summary",
    ):
        assert row[name] == getattr(outcome, name), name
    assert row["stage_seconds"] == outcome.stage_seconds
    assert json.loads(row["diagnostics"]) == [d.as_dict() for d in outcome.diagnostics]
    assert row["run_id"] == "run-1"


def test_a_key_that_was_never_written_has_no_outcome(store: MetricsStore, make: Make, run: Run) -> None:
    assert store.latest("x") is None
    assert store.outcomes() == []
    store.write([make()], run())
    assert store.latest("x") is None


def test_every_view_answers_before_the_first_batch(settings: Settings) -> None:
    for view in (*VIEWS, "factors"):
        assert ask(settings, f"select * from {view}") == []
    kinds = dict(ask(settings, "select column_name, column_type from (describe agents)"))
    assert kinds["score"] == "DOUBLE"
    assert kinds["stage_seconds"] == "MAP(VARCHAR, DOUBLE)"


def test_the_views_show_what_was_written(store: MetricsStore, settings: Settings, make: Make, run: Run) -> None:
    store.write([make(), make("grid/power", tests=3, outcome="quarantined", reason="coverage 40 %", state="")], run())
    assert ask(settings, "select agent_id, outcome, state, tests_passed, reason from agents order by 1") == [
        ("grid/power", "quarantined", None, 3, "coverage 40 %"),
        ("heat/boiler", "registered", "draft", 2, None),
    ]
    assert ask(settings, "select test, category, result from tests where agent_id = 'heat/boiler' order by 1") == [
        ("test_golden.py::test_0", "golden", "passed"),
        ("test_golden.py::test_1", "golden", "passed"),
    ]
    assert ask(settings, "select dimension, status, score from qa_dimensions where version = '1.0.0' order by all") == [
        ("security", "not_applicable", None),
        ("security", "not_applicable", None),
        ("tests", "passed", 100.0),
        ("tests", "passed", 100.0),
    ]
    assert ask(settings, "select agent_id from lineage where ref = 'ef://epa/x/2024/gas/co2' order by 1") == [
        ("grid/power",),
        ("heat/boiler",),
    ]
    assert ask(settings, "select registered, quarantined, agents, finished_at from runs") == [(1, 1, 2, None)]
    assert ask(settings, "select stage_seconds['packaging'] from agents limit 1") == [(1.25,)]


def test_measures_mutants_and_differences_are_there_to_be_asked(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make()], run())
    assert ask(settings, "select dimension, measure, share, met, found from qa_measures order by measure") == [
        ("tests", "coverage", 0.98, True, "98 %"),
        ("tests", "latency", None, False, "not run"),
    ]
    assert ask(settings, "select figures['coverage %'] from qa_measures where measure = 'coverage'") == [(98.25,)]
    ((details,),) = ask(settings, "select details from qa_measures where measure = 'latency'")
    assert json.loads(str(details)) == [
        {"message": "slow", "path": "a/tools.py", "line": 3, "rule": "L1", "mend": "cache", "level": "error"}
    ]
    assert ask(settings, "select mutant, operator, line, before, after, fate, killed_by from mutants order by 1") == [
        ("m1", "sign", 7, "a + b", "a - b", "killed", "test_golden.py::test_0"),
        ("m2", "rounding", 9, "6", "5", "survived", ""),
    ]
    assert ask(settings, "select case_name, output, sources['decimal'] from differences") == [
        ("golden one", "co2e", "1.1")
    ]
    assert ask(settings, "select rung, error_class, failures_before, failures_after, usd from repairs") == [
        ("quarantine", "mutants", 2, 1, 0.25)
    ]
    assert store.failed_repairs(make().key) == ["f" * 8]
    assert store.failed_repairs("another") == []
    told = "mutation_score, mutant_tier, latency_p95_ms, memory_mb, figures['calls'], report"
    assert ask(settings, f"select {told} from agents") == [(50.0, "20", 0.75, 2.5, 200.0, "reports/x")]


def test_only_the_last_outcome_of_a_key_and_its_rows_count(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make(tests=5)], run("night-1"))
    store.write([make(tests=1, score=80.0)], run("night-2"))
    assert ask(settings, "select score, run_id from agents") == [(80.0, "night-2")]
    assert ask(settings, "select count(*) from tests") == [(1,)]
    assert ask(settings, "select count(*) from lineage") == [(2,)]
    assert ask(settings, "select score, run_id from history order by finished_at") == [
        (91.5, "night-1"),
        (80.0, "night-2"),
    ]
    (standing,) = store.outcomes()
    assert standing["run_id"] == "night-2"


def test_the_same_run_may_write_a_key_again(store: MetricsStore, settings: Settings, make: Make, run: Run) -> None:
    store.write([make(tests=2)], run())
    store.write([make(tests=3)], run())
    assert ask(settings, "select tests_total from agents") == [(3,)]
    assert ask(settings, "select count(*) from tests") == [(3,)]
    assert ask(settings, "select registered from runs") == [(1,)]


def test_kept_outcomes_leave_the_standing_rows_alone(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make()], run("night-1"))
    store.write([make(rebuilt=False, tests=0, score=None)], run("night-2", kept=1))
    assert ask(settings, "select run_id, score from agents") == [("night-1", 91.5)]
    assert ask(settings, "select kept, registered from runs where run_id = 'night-2'") == [(1, 0)]


def test_the_end_of_a_run_is_recorded_by_writing_it_again(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make()], run())
    store.write([], run(finished_at=datetime(2026, 11, 21, 3, tzinfo=UTC)))
    assert ask(settings, "select run_id, started_at, finished_at from runs") == [
        ("run-1", datetime(2026, 11, 21, 2), datetime(2026, 11, 21, 3))  # noqa: DTZ001
    ]


def test_formulas_used_are_those_of_the_standing_outcomes(store: MetricsStore, make: Make, run: Run) -> None:
    assert store.formulas_used() == []
    old, new = ({"kind": "formula", "ref": ref, "digest": "e" * 64, "citation": ""} for ref in ("x/old", "x/new"))
    store.write([make(lineage=(old,))], run("night-1"))
    store.write([make(lineage=(new,))], run("night-2"))
    assert store.formulas_used() == [{"agent_id": "heat/boiler", "version": "1.0.0", "kind": "formula", "ref": "x/new"}]


def test_a_file_without_id_has_nulls(store: MetricsStore, settings: Settings, make: Make, run: Run) -> None:
    refused = AgentOutcome(key="file:x.yaml", file="x.yaml", outcome="refused", reason="not UTF-8")
    store.write([refused], run())
    assert ask(settings, "select agent_id, version, score, outcome, file, partition from agents") == [
        (None, None, None, "refused", "x.yaml", "file:x.yaml")
    ]


@pytest.mark.parametrize("table", TABLES)
def test_a_kill_before_the_outcomes_leaves_nothing_visible(
    store: MetricsStore, settings: Settings, make: Make, run: Run, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    store.write([make("old/agent")], run("old"))
    written = parts.write_rows

    def killed(target: Path, rows: list[parts.Row], name: str) -> None:
        if name == table:
            raise KeyboardInterrupt
        written(target, rows, name)

    monkeypatch.setattr("greenlang.metrics.store.write_rows", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write([make()], run("new"))
    assert ask(settings, "select agent_id from agents") == [("old/agent",)]
    for view in _CHILDREN:
        assert ask(settings, f"select distinct agent_id from {view}") == [("old/agent",)], view
    assert store.latest(make().key) is None


def test_a_half_written_part_is_not_read(store: MetricsStore, settings: Settings, make: Make, run: Run) -> None:
    store.write([make()], run())
    (settings.tables / "outcomes" / ".run-2-1.parquet.77-1.tmp").write_bytes(b"PAR1 half")
    assert len(store.outcomes()) == 1
    assert ask(settings, "select count(*) from agents") == [(1,)]


def test_a_failed_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    with pytest.raises(RuntimeError), parts.replacing(target) as temporary:
        temporary.write_bytes(b"half")
        temporary.with_name(f"{temporary.name}.wal").write_bytes(b"what DuckDB leaves on a full disk")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def state(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    views = ("agents", "history", "runs", *_CHILDREN)
    return {view: ask(settings, f"select * from {view} order by all") for view in views}


def test_compaction_changes_no_answer(store: MetricsStore, settings: Settings, make: Make, run: Run) -> None:
    for night in range(3):
        store.write([make(score=80.0 + night), make("grid/power")], run(f"night-{night}"))
    before = state(settings)
    assert store.compact(grace=1000, at_least=2) == 3 * len(TABLES)
    assert state(settings) == before, "old and merged parts together"
    assert store.compact(grace=0, at_least=2) == 0
    assert state(settings) == before, "merged parts alone"
    for table in TABLES:
        assert len(parts.parts_of(settings.tables / table)) == 1
    store.write([make(score=99.0)], run("night-9"))
    store.compact(grace=0, at_least=2)
    store.compact(grace=0, at_least=2)
    assert ask(settings, "select score from agents where agent_id = 'heat/boiler'") == [(99.0,)]
    assert [len(parts.parts_of(settings.tables / table)) for table in TABLES] == [1] * len(TABLES)


def test_few_or_large_parts_are_left_alone(
    store: MetricsStore, settings: Settings, make: Make, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for night in range(3):
        store.write([make()], run(f"night-{night}"))
    assert store.compact(at_least=4) == 0
    monkeypatch.setattr(parts, "_LARGE", 10)
    assert store.compact(at_least=2) == 0
    assert len(parts.parts_of(settings.tables / "outcomes")) == 3


def test_a_merged_part_holds_only_so_many_rows(
    store: MetricsStore, settings: Settings, make: Make, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for night in range(5):
        store.write([make(score=80.0 + night), make("grid/power")], run(f"night-{night}"))
    before = state(settings)
    monkeypatch.setattr(parts, "_MANY", 4)  # two parts of two outcomes each have enough
    store.compact(grace=0, at_least=2)
    assert state(settings) == before
    store.compact(grace=0, at_least=2)
    assert state(settings) == before
    held = [parts.pq.read_metadata(part).num_rows for part in parts.parts_of(settings.tables / "outcomes")]
    assert sorted(held) == [2, 4, 4], "what has enough is left alone, and the last of the small ones waits"


def test_a_compaction_that_was_killed_is_repaired_by_the_next(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    for night in range(2):
        store.write([make()], run(f"night-{night}"))
    before = state(settings)
    store.compact(grace=1000, at_least=2)
    for table in TABLES:  # the merged part lost its note, as if another process had merged at the same time
        (merged,) = (settings.tables / table).glob("merged-*.parquet")
        parts.write_arrow(merged, parts.pq.read_table(merged).replace_schema_metadata(None))
    assert state(settings) == before
    store.compact(grace=0, at_least=2)
    store.compact(grace=0, at_least=2)
    assert state(settings) == before
    assert [len(parts.parts_of(settings.tables / table)) for table in TABLES] == [1] * len(TABLES)


def test_what_killed_processes_left_is_removed_after_an_hour(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make()], run())
    old, young = (settings.tables / "tests" / f".{name}.parquet.1-1.tmp" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    store.compact()
    assert (old.exists(), young.exists()) == (False, True)


def test_a_column_that_came_later_is_null_in_old_parts(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    store.write([make()], run())
    (part,) = parts.parts_of(settings.tables / "outcomes")
    parts.write_arrow(part, parts.pq.read_table(part).drop_columns(["certificate_digest"]))
    store.write([make("grid/power")], run("run-2"))
    assert ask(settings, "select agent_id, certificate_digest is null from agents order by 1") == [
        ("grid/power", False),
        ("heat/boiler", True),
    ]
    assert store.compact(grace=0, at_least=2) > 0
    assert ask(settings, "select count(*) from agents where certificate_digest is null") == [(1,)]


def test_a_folder_with_glob_characters_is_read(tmp_path: Path, make: Make, run: Run) -> None:
    var = tmp_path / "it's [a] *folder"
    var.mkdir()
    settings = Settings(var=var)
    MetricsStore(settings).write([make()], run("odd/../run id"))
    assert ask(settings, "select count(*) from agents") == [(1,)]
    assert query(settings, "select run_id from agents").rows == [("odd/../run id",)]


def test_formulas_and_factors_appear_when_they_are_written(store: MetricsStore, settings: Settings) -> None:
    assert ask(settings, "select * from formulas") == []
    store.write_formulas(
        [
            {
                "id": "b",
                "domain": "heat",
                "name": "B",
                "outputs": ["x", "y"],
                "expression": "a * 2",
                "citation": "GHGP",
            },
            {"id": "a", "domain": "heat", "name": "A", "outputs": "z", "expression": "a", "citation": ""},
        ]
    )
    assert ask(settings, "select id, outputs from formulas") == [("a", "z"), ("b", "x, y")]


def test_the_built_factor_table_is_the_factors_view(settings: Settings) -> None:
    from greenlang.factors import build_tables

    assert ask(settings, "select count(*) from factors") == [(0,)]
    info = build_tables(settings.tables)
    assert ask(settings, "select count(*), typeof(any_value(value)) from factors") == [(info.rows, "DECIMAL(38,24)")]


def test_the_catalogue_holds_views_only_and_describes_them(store: MetricsStore, settings: Settings) -> None:
    store.rebuild_catalogue()
    with duckdb.connect(str(settings.catalogue), read_only=True) as connection:
        assert connection.execute("select count(*) from duckdb_tables()").fetchone() == (0,)
        bare = "select view_name from duckdb_views() where not internal and comment is null"
        assert connection.execute(bare).fetchall() == []
        bare = "select table_name, column_name from duckdb_columns() where not internal and coalesce(comment, '') = ''"
        assert connection.execute(bare).fetchall() == []


def test_the_work_of_reading_standing_outcomes_does_not_grow_with_their_texts(
    store: MetricsStore, make: Make, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand rows in one statement, of which no heavy column is asked for."""
    store.write([make(f"d/agent{n}", tests=1) for n in range(10_000)], run())
    asked: list[str] = []
    connect = duckdb.connect

    class Counted:
        def __init__(self) -> None:
            self.connection = connect()

        def __enter__(self) -> Counted:
            return self

        def __exit__(self, *_: object) -> None:
            self.connection.close()

        def execute(self, query: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
            asked.append(query)
            return self.connection.execute(query, parameters)

    monkeypatch.setattr("greenlang.metrics.store.duckdb.connect", Counted)
    rows = store.outcomes()
    assert len(asked) == 1
    assert len(rows) == 10_000
    assert "summary" not in rows[0]


def test_what_a_rung_yields_and_costs_is_summed_over_every_build(
    store: MetricsStore, settings: Settings, make: Make, run: Run
) -> None:
    """An attempt about two classes is one try of its rung, and one of each class."""

    def row(n: int, rung: str, kind: str, status: str, usd: float) -> dict[str, object]:
        told = {"n": n, "rung": rung, "error_class": kind, "status": status, "seconds": 0.5, "usd": usd}
        return {**make().repairs[0], **told}

    first = (row(0, "template", "lint", "repaired", 0), row(0, "template", "test", "repaired", 0))
    second = (row(0, "code", "test", "refused", 0.25), row(1, "code", "test", "no_answer", 0), *make().repairs)
    third = (row(0, "code", "test", "skipped", 0), row(1, "code", "test", "repaired", 0.5))
    for repairs in (first, second, third):
        store.write([make(repairs=repairs)], run())
    store.rebuild_catalogue()
    columns = "rung, error_class, tries, mended, improved, unanswered, yield, seconds, usd"
    assert ask(settings, f"select {columns} from repair_rungs order by 1, 2 nulls first") == [
        ("code", None, 2, 1, 0, 1, 0.5, 1.5, 0.75),
        ("code", "test", 2, 1, 0, 1, 0.5, 1.5, 0.75),
        ("template", None, 1, 1, 0, 0, 1.0, 1.0, 0.0),
        ("template", "lint", 1, 1, 0, 0, 1.0, 0.5, 0.0),
        ("template", "test", 1, 1, 0, 0, 1.0, 0.5, 0.0),
    ]
