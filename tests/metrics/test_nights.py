"""A past night stays what it was, for any DuckDB client, whatever came after and whatever was merged."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from greenlang.errors import QueryError
from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import MetricsStore, query
from greenlang.metrics.agents import run
from greenlang.metrics.catalogue import views_sql
from greenlang.metrics.nights import DATED
from greenlang.metrics.questions import question
from greenlang.metrics.totals import totals
from greenlang.settings import Settings
from greenlang.telemetry.factory import FactorySeries
from tests.metrics.conftest import outcome, run_info
from tests.metrics.nights import (
    BOILER,
    FIRST,
    POWER,
    PUMP,
    SECOND,
    THIRD,
    key_of,
    three_nights,
    write_night,
    write_release,
)

OUTCOMES = "select agent_id, outcome, score from agents{} order by agent_id nulls last"
AT_FIRST = [(POWER, "registered", 99.0), (BOILER, "registered", 91.5), (PUMP, "incomplete", None)]
AT_SECOND = [(POWER, "registered", 99.0), (BOILER, "quarantined", 60.0), (PUMP, "incomplete", None)]


def asked(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Every view as it stood at the second night."""
    return {view: query(settings, f"select * from {view} order by all", night="2026-11-19").rows for view in DATED}


def test_the_macro_gives_the_outcomes_of_the_end_of_a_day_or_of_a_moment(settings: Settings) -> None:
    three_nights(settings)
    for night, expected in (
        ("'2026-11-17'", []),
        ("'2026-11-18'", AT_FIRST),
        ("date '2026-11-18'", AT_FIRST),
        ("'2026-11-19 02:09:59'", AT_FIRST),
        ("timestamp '2026-11-19 02:11:00'", AT_SECOND),
        ("timestamptz '2026-11-19 03:11:00+01'", AT_SECOND),
        ("'2026-11-19'", AT_SECOND),
    ):
        assert query(settings, OUTCOMES.format(f"_at({night})")).rows == expected, night
    now = query(settings, OUTCOMES.format("")).rows
    assert query(settings, OUTCOMES.format("_at('2026-11-20')")).rows == now != AT_SECOND


def test_a_client_that_opens_the_file_itself_may_ask_for_a_night(settings: Settings) -> None:
    three_nights(settings)
    MetricsStore(settings).rebuild_catalogue()
    with duckdb.connect(str(settings.catalogue), read_only=True) as client:
        assert client.execute(OUTCOMES.format("_at(?)"), ["2026-11-18"]).fetchall() == AT_FIRST


def test_with_a_night_every_view_is_that_of_the_night(settings: Settings) -> None:
    three_nights(settings)
    assert query(settings, OUTCOMES.format(""), night="2026-11-18").rows == AT_FIRST
    counted = "select count(*) from {}"
    for view, first, last in (("history", 3, 6), ("runs", 1, 3), ("tests", 6, 6), ("llm_usage", 0, 3)):
        assert query(settings, counted.format(view), night="2026-11-18").rows == [(first,)], view
        assert query(settings, counted.format(view)).rows == [(last,)], view
    refused = "select tries + unanswered from repair_rungs"
    assert query(settings, refused, night="2026-11-17").rows == []
    runs = "select run_id, finished_at, registered from runs"
    assert query(settings, runs, night="2026-11-18T02:20").rows == [("night-11-18", None, 2)]


@pytest.mark.parametrize("name", ["metrics.agents", "metrics.main.agents", "main.agents", '"metrics"."main"."agents"'])
def test_a_qualified_name_is_of_the_night_too(settings: Settings, name: str) -> None:
    three_nights(settings)
    sql = OUTCOMES.replace("agents{}", name)
    assert query(settings, sql, night="2026-11-18").rows == AT_FIRST
    assert query(settings, sql).rows != AT_FIRST
    joined = f"select count(*) from {name} join metrics.runs using (run_id) join factor_changes on true"
    assert query(settings, joined, night="2026-11-18").rows == [(0,)]


def test_a_spec_that_a_corrected_one_has_followed_stands_in_history_alone(settings: Settings) -> None:
    """Before that night it stands, whatever came after."""
    old, new = key_of("heat/old"), "heat/old@1.0.0-cccccccc"
    bare = {"pack_digest": "", "dimensions": (), "tests": 0, "score": None, "coverage": None}
    write_night(settings, FIRST, [outcome("heat/old", outcome="incomplete", reason="no plan", **bare)])
    gone = AgentOutcome(old, "x.yaml", "refused", "another has taken its place", "heat/old", "1.0.0", replaced_by=new)
    write_night(settings, SECOND, [gone, outcome("heat/old", key=new)])
    told = "select partition, outcome from agents"
    assert query(settings, told).rows == [(new, "registered")]
    assert query(settings, told, night="2026-11-18").rows == [(old, "incomplete")]
    history = "select outcome, replaced_by from history order by all"
    assert query(settings, history).rows == [("incomplete", None), ("refused", new), ("registered", None)]
    assert (totals(settings).total_agents, totals(settings).success_rate) == (1, 1.0)
    asked = question("pass-rate-by-domain")
    assert query(settings, asked.sql).as_dicts()[0]["pass_percent"] == 100.0
    assert query(settings, "select registered, refused from runs order by started_at").rows == [(0, 0), (1, 0)]
    assert run(settings, "night-11-19")["failed"] == []
    changed = question("changed-between-nights")
    assert [(row["agent"], row["what"]) for row in query(settings, changed.sql, changed.filled({})).as_dicts()] == [
        ("heat/old", "mended")
    ]
    assert MetricsStore(settings).compact(at_least=2, grace=0) > 0
    assert query(settings, told).rows == [(new, "registered")]
    write_night(settings, THIRD, [outcome("heat/old", outcome="incomplete", reason="no plan", **bare)])
    assert len(query(settings, told).rows) == 2, "whoever drops the old one again has it again"


def test_rows_of_before_that_column_stand(settings: Settings) -> None:
    three_nights(settings)
    before = query(settings, "select * exclude (diagnostics) from agents order by all").rows
    series = FactorySeries(settings).text()
    for path in (settings.tables / "outcomes").glob("*.parquet"):
        old = pq.read_table(path).drop_columns(["replaced_by"])
        pq.write_table(old, path)
    assert FactorySeries(settings).text() == series, "it looks without changing anything"
    MetricsStore(settings).rebuild_catalogue()
    assert query(settings, "select * exclude (diagnostics) from agents order by all").rows == before
    assert totals(settings).total_agents == 4


def test_a_night_stays_the_same_after_later_nights_and_after_merging(settings: Settings) -> None:
    three_nights(settings)
    before = asked(settings)
    assert all(rows for view, rows in before.items() if view != "llm_usage"), before
    for day in (21, 22):
        write_night(settings, datetime(2026, 11, day, 2, tzinfo=UTC), [outcome(BOILER, score=10.0), outcome(POWER)])
    assert asked(settings) == before
    store = MetricsStore(settings)
    assert store.compact(grace=1000, at_least=2) > 0
    assert asked(settings) == before, "old and merged parts together"
    store.compact(grace=0, at_least=2)
    assert asked(settings) == before, "merged parts alone"


def test_formulas_have_no_past_and_say_so(settings: Settings) -> None:
    three_nights(settings)
    with pytest.raises(QueryError, match="lineage_at"):
        query(settings, "from formulas", night="2026-11-18")


@pytest.mark.parametrize("night", ["yesterday", "2026-13-01", "2026-11-18'; drop", "20261118T99"])
def test_what_is_no_night_is_refused(settings: Settings, night: str) -> None:
    with pytest.raises(QueryError, match="is no night"):
        query(settings, "select 1", night=night)


def test_every_view_with_a_past_is_there(settings: Settings) -> None:
    assert set(views_sql(Path("x"))) - set(DATED) == {"formulas", "factors", "factor_changes"}


def test_the_factors_of_a_release_are_kept_and_those_of_a_night_are_its_release_s(settings: Settings) -> None:
    from greenlang.factors import build_tables

    store = MetricsStore(settings)
    write_night(settings, THIRD, [outcome(BOILER)], factor_release="factors-1.0.0")
    assert query(settings, "select count(*) from factors_of('factors-1.0.0')").rows == [(0,)]
    info = build_tables(settings.tables)
    counted = "select count(*) from factors_of($release)"
    assert query(settings, counted, {"release": info.release}).rows == [(info.rows,)]
    folder = settings.var / "factors" / "releases" / "factors-1.0.0"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:  # a release holds the declared columns: ten rows of the embedded ones
        source = f"select * from read_parquet('{settings.tables}/factors.parquet') limit 10"
        connection.execute(f"copy ({source}) to '{folder}/factors.parquet'")
    store.rebuild_catalogue()
    assert query(settings, counted, {"release": "factors-1.0.0"}).rows == [(10,)]
    assert query(settings, counted, {"release": info.release}).rows == [(info.rows,)]
    assert query(settings, "select count(*) from factors", night="2026-11-20").rows == [(10,)]
    assert query(settings, "select count(*) from factors").rows == [(info.rows,)]
    shutil.copyfile(folder / "factors.parquet", settings.tables / "factors.parquet")  # the release comes into force
    assert query(settings, counted, {"release": "factors-1.0.0"}).rows == [(10,)]


def test_what_releases_changed_is_a_view(settings: Settings) -> None:
    assert query(settings, "from factor_changes").rows == []
    changed = ("changed", "epa/x/2024/gas/co2", Decimal("2"), Decimal("2.5"))
    write_release(settings, "factors-1.1.0", [changed])
    columns = "release, change, factor_key, old_value, new_value, relative_change, changed_fields"
    assert query(settings, f"select {columns} from factor_changes").rows == [
        ("factors-1.1.0", "changed", "epa/x/2024/gas/co2", Decimal("2"), Decimal("2.5"), 0.25, "value")
    ]


def test_a_run_that_is_written_twice_stands_in_its_night_as_it_was_then(settings: Settings) -> None:
    three_nights(settings)
    store = MetricsStore(settings)
    store.write((), run_info("night-11-18", started_at=THIRD, agents=99))
    assert query(settings, "select agents from runs where run_id = 'night-11-18'").rows == [(99,)]
    assert query(settings, "select agents from runs_at('2026-11-18')").rows == [(3,)]
