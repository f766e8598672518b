"""The twelve questions on three nights whose every figure is known."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from greenlang.errors import QueryError
from greenlang.metrics import MetricsStore, query
from greenlang.metrics.questions import question, questions
from greenlang.settings import Settings
from tests.metrics.conftest import outcome
from tests.metrics.nights import BOILER, FIRST, POWER, PUMP, SECOND, three_nights, write_night, write_release

GAS = "epa/x/2024/gas/co2"


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Read by every test here, changed by none."""
    var = tmp_path_factory.mktemp("nights") / "var"
    var.mkdir()
    settings = Settings(var=var)
    three_nights(settings)
    changed = ("changed", GAS, Decimal("2"), Decimal("2.5"))
    write_release(settings, "factors-1.9.0", [("changed", GAS, Decimal("3"), Decimal("2"))])
    write_release(settings, "factors-1.10.0", [changed, ("added", "epa/y", Decimal(1), Decimal(1))])
    MetricsStore(settings).rebuild_catalogue()
    return settings


def ask(settings: Settings, name: str, *columns: str, night: str = "", **given: str) -> list[tuple[object, ...]]:
    found = question(name)
    rows = query(settings, found.sql, found.filled(given), night=night).as_dicts()
    return [tuple(row[column] for column in columns or row) for row in rows]


def test_there_are_twelve_each_with_a_sentence_that_asks() -> None:
    found = questions()
    assert len(found) == 12
    for name, one in found.items():
        assert re.fullmatch("[a-z]+(-[a-z]+)*", name)
        assert one.sentence.endswith("?"), name
        assert set(re.findall(r"\$([a-z_]+)", one.sql)) == set(one.parameters), name


@pytest.mark.parametrize("name", questions())
def test_a_file_runs_in_any_duckdb_client(nights: Settings, name: str) -> None:
    one = question(name)
    with duckdb.connect(str(nights.catalogue), read_only=True) as client:
        rows = client.execute(one.sql, one.filled({}) or None).fetchall()
    assert rows == query(nights, one.sql, one.filled({})).rows
    assert rows, name


def test_without_any_row_there_is_no_answer_and_no_mistake(settings: Settings) -> None:
    assert {name: ask(settings, name) for name in questions()} == {name: [] for name in questions()}


def test_pass_rate_by_domain(nights: Settings) -> None:
    assert ask(nights, "pass-rate-by-domain") == [("heat", 50.0, 2, 1, 92.0), ("grid", 100.0, 1, 1, 99.0)]
    assert ask(nights, "pass-rate-by-domain", "domain", "pass_percent", night="2026-11-19") == [
        ("heat", 0.0),
        ("grid", 100.0),
    ]


def test_slowest_agents(nights: Settings) -> None:
    columns = ("agent", "seconds", "longest_stage", "longest_stage_percent")
    assert ask(nights, "slowest-agents", *columns, rows="2") == [
        (POWER, 3.5, "packaging", 35.7),
        (BOILER, 1.5, "packaging", 83.3),
    ]
    assert len(ask(nights, "slowest-agents")) == 3, "what was refused unread was in no stage"


def test_model_cost(nights: Settings) -> None:
    columns = ("provider", "domain", "cost_usd", "calls", "replayed", "tokens", "usd_per_agent")
    assert ask(nights, "model-cost", *columns) == [
        ("acme", "heat", Decimal("0.112345678"), 2, 0, 240, 0.112346),
        ("other", "grid", Decimal(0), 0, 1, 120, 0.0),
    ]


def test_touched_by_release_takes_the_newest_by_its_numbers(nights: Settings) -> None:
    columns = ("agent_id", "factor", "change_percent", "old_value", "new_value", "release")
    assert ask(nights, "touched-by-release", *columns) == [
        (agent, GAS, 25.0, Decimal("2"), Decimal("2.5"), "factors-1.10.0") for agent in (POWER, BOILER, PUMP)
    ]
    assert {row[2] for row in ask(nights, "touched-by-release", *columns, release="factors-1.9.0")} == {-33.33}
    assert ask(nights, "touched-by-release", release="factors-7.0.0") == []


def test_weakest_dimension(nights: Settings) -> None:
    columns = ("dimension", "average_margin", "judged", "failed", "required")
    assert ask(nights, "weakest-dimension", *columns) == [("Tests", 10.0, 2, 0, True)]


def test_changed_between_nights(nights: Settings) -> None:
    columns = ("agent", "what", "outcome_before", "outcome_now", "same_inputs", "night_before", "night")
    mended = (BOILER, "mended", "quarantined", "registered", True, date(2026, 11, 19), date(2026, 11, 20))
    assert ask(nights, "changed-between-nights", *columns) == [mended]
    fell = (BOILER, "fell", "registered", "quarantined", True, date(2026, 11, 18), date(2026, 11, 19))
    assert ask(nights, "changed-between-nights", *columns, after="2026-11-19") == [fell]
    between = {"before": "2026-11-18", "after": "2026-11-20"}
    assert ask(nights, "changed-between-nights", "agent", **between) == []
    assert ask(nights, "changed-between-nights", "agent", "what", **between, points="0.5") == [(BOILER, "better")]


def test_an_agent_whose_spec_was_changed_is_compared_with_itself(settings: Settings) -> None:
    """Each content of a spec is a partition of its own; its last in each night counts."""
    other = "heat/boiler@1.0.0-cccccccc"
    write_night(settings, FIRST, [outcome(BOILER), outcome(PUMP)])
    write_night(settings, SECOND, [outcome(PUMP), outcome(BOILER, key=other, outcome="quarantined", score=50.0)])
    columns = ("agent", "version", "what", "outcome_before", "outcome_now", "score_before", "score_now")
    (fell,) = ask(settings, "changed-between-nights", *columns)
    assert fell == (BOILER, outcome().version, "fell", "registered", "quarantined", 91.5, 50.0)


def test_failures_by_reason(nights: Settings) -> None:
    assert ask(nights, "failures-by-reason") == [
        ("incomplete", "no certain plan for … of #", 1, "heat/pump 1.0.0"),
        ("refused", "not UTF-#", 1, "x.yaml"),
    ]


def test_coverage_and_mutation(nights: Settings) -> None:
    assert ask(nights, "coverage-and-mutation") == [("95-100 %", 2, 0), ("50-55 %", 0, 2)]


def test_repair_yield(nights: Settings) -> None:
    columns = ("rung", "failures", "tries", "mended", "yield_percent", "seconds_per_try", "usd_per_mended")
    assert ask(nights, "repair-yield", *columns) == [
        ("template", "all", 1, 0, 0.0, 0.5, None),
        ("template", "lint", 1, 0, 0.0, 0.5, None),
    ]


def test_stages_over_nights(nights: Settings) -> None:
    columns = ("night", "stage", "builds", "average_seconds", "total_seconds")
    assert ask(nights, "stages-over-nights", *columns, nights="1") == [
        (date(2026, 11, 20), "packaging", 1, 1.25, 1.3),
        (date(2026, 11, 20), "spec_validation", 1, 0.25, 0.3),
    ]
    assert len(ask(nights, "stages-over-nights")) == 3 + 2 + 2


def test_dialect_mix(nights: Settings) -> None:
    assert ask(nights, "dialect-mix") == [
        ("pack_compute", 2, 50.0, 2, 100.0),
        ("none", 1, 25.0, 0, 0.0),
        ("plain", 1, 25.0, 0, 0.0),
    ]


def test_most_used_factors(nights: Settings) -> None:
    assert ask(nights, "most-used-factors", "factor", "agents", "citation") == [(GAS, 3, "EPA Hub, Table 1")]
    assert ask(nights, "most-used-factors", rows="0") == []


def test_an_unknown_question_or_parameter_is_named() -> None:
    with pytest.raises(QueryError, match="did you mean dialect-mix"):
        question("dialect-mics")
    with pytest.raises(QueryError, match="it has: rows"):
        question("slowest-agents").filled({"row": "1"})
