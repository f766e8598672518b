"""The factory's series: exact, the same for every process, each row counted once, cheap when nothing is new."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.factory.outcome import AgentOutcome, DimensionResult
from greenlang.metrics import MetricsStore
from greenlang.settings import Settings
from greenlang.telemetry.declared import DOCUMENTED, OWN
from greenlang.telemetry.factory import FactorySeries
from tests.metrics.conftest import outcome, run_info
from tests.telemetry.reading import program, samples

G = "greenlang_factory_generations_total"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var")


@pytest.fixture
def store(settings: Settings) -> MetricsStore:
    return MetricsStore(settings)


def read(settings: Settings | FactorySeries) -> dict[str, float]:
    series = settings if isinstance(settings, FactorySeries) else FactorySeries(settings)
    return samples(series.text())


def call(number: int, key: str, result: str = "answered", **changes: Any) -> dict[str, Any]:
    row = {
        "call_id": f"{number}-x",
        "created_at": datetime.now(UTC).replace(tzinfo=None),
        "key": key,
        "stage": "refinement",
        "prompt": "p@1",
        "request_digest": f"d{number}",
        "sample": 0,
        "reask": 0,
        "provider": "anthropic",
        "model": "opus",
        "call": result,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "cost_usd": Decimal("0.75"),
        "estimated": False,
        "latency_ms": 1500.0,
    }
    return {**row, **changes}


def test_the_names_types_labels_and_buckets_are_those_of_the_document() -> None:
    said: Mapping[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
        "greenlang_factory_generations_total": ("counter", ("status", "domain", "category"), ()),
        "greenlang_factory_generation_duration_seconds": (
            *("histogram", ("stage",)),
            (10, 30, 60, 120, 300, 600, 1200),
        ),
        "greenlang_factory_generation_cost_usd": ("histogram", ("llm_provider",), (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)),
        "greenlang_factory_validation_score": ("gauge", ("agent_id", "dimension"), ()),
        "greenlang_factory_test_coverage_percent": ("gauge", ("agent_id",), ()),
        "greenlang_factory_refinement_attempts": ("histogram", ("success",), (1, 2, 3, 4, 5)),
        "greenlang_factory_queue_size": ("gauge", ("priority",), ()),
        "greenlang_factory_llm_tokens_used": ("counter", ("provider", "model"), ()),
        "greenlang_factory_cache_hit_ratio": ("gauge", ("cache_layer",), ()),
        "greenlang_factory_validation_failures_total": ("counter", ("dimension",), ()),
    }
    assert {m.name: (m.kind, m.labels, m.buckets) for m in DOCUMENTED} == said
    assert not {m.name for m in DOCUMENTED} & {m.name for m in OWN}


def test_a_build_is_counted_by_outcome_domain_and_category(settings: Settings, store: MetricsStore) -> None:
    store.write([outcome(), outcome("heat/pumps/air")], run_info())
    store.write([outcome("water/pump", outcome="quarantined", stage_seconds={"spec_validation": 10.0})], run_info())
    store.write([outcome(rebuilt=False)], run_info())  # kept: nothing was built
    found = read(settings)
    assert found[f'{G}{{status="registered",domain="heat",category=""}}'] == 1
    assert found[f'{G}{{status="registered",domain="heat",category="pumps"}}'] == 1
    assert found[f'{G}{{status="quarantined",domain="water",category=""}}'] == 1
    duration = "greenlang_factory_generation_duration_seconds"
    assert found[f'{duration}_bucket{{stage="spec_validation",le="10"}}'] == 3, "a value on a bound is inside"
    assert found[f'{duration}_sum{{stage="spec_validation"}}'] == 10.5
    assert found[f'{duration}_count{{stage="total"}}'] == 3
    assert found['greenlang_factory_agents{outcome="registered"}'] == 2
    assert found['greenlang_factory_validation_score{agent_id="heat/boiler",dimension="tests"}'] == 100
    assert found['greenlang_factory_test_coverage_percent{agent_id="water/pump"}'] == 98.25
    assert found['greenlang_factory_dimension_agents{dimension="security",status="not_applicable"}'] == 3
    assert found[f'{G}{{status="refused",domain="water",category=""}}'] == 0
    assert not [name for name in found if "validation_failures_total" in name]


def test_a_spec_that_a_corrected_one_has_followed_is_no_build_and_stands_no_more(
    settings: Settings, store: MetricsStore
) -> None:
    first = outcome(outcome="incomplete", state="", pack_digest="")
    store.write([first], run_info("run-1"))
    series = FactorySeries(settings)
    assert read(series)['greenlang_factory_agents{outcome="incomplete"}'] == 1
    gone = AgentOutcome(first.key, "x", "refused", "replaced", first.agent_id, first.version, replaced_by="k")
    store.write([gone], run_info("run-2"))
    read(series)
    store.write([outcome(key="heat/boiler@1.0.0-cccccccc")], run_info("run-2"))
    store.write((), run_info("run-2", finished_at=datetime.now(UTC)))
    store.write((), run_info("run-1", finished_at=datetime.now(UTC)))
    for found in (read(series), read(settings)):
        agents = {name: n for name, n in found.items() if name.startswith("greenlang_factory_agents")}
        assert agents == {'greenlang_factory_agents{outcome="registered"}': 1}
        assert found[f'{G}{{status="refused",domain="heat",category=""}}'] == 0
        assert found['greenlang_factory_generation_cost_usd_count{llm_provider="none"}'] == 2
        assert found['greenlang_factory_generation_duration_seconds_count{stage="total"}'] == 2


def test_every_row_counts_once_however_its_parts_are_merged(settings: Settings, store: MetricsStore) -> None:
    failing = DimensionResult("docs", "Docs", "failed", 40.0, 90.0, 1.0, True, "none")
    late = FactorySeries(settings)
    for n in range(5):
        store.write([outcome(f"heat/a{n}", dimensions=(failing,))], run_info(f"run-{n}"))
    early = FactorySeries(settings)
    expected = read(early)
    assert expected[f'{G}{{status="registered",domain="heat",category=""}}'] == 5
    assert expected['greenlang_factory_validation_failures_total{dimension="docs"}'] == 5
    assert store.compact(at_least=2) > 0  # old parts stay beside the merged one
    assert read(early) == read(late) == expected
    store.write([outcome("heat/a9", dimensions=(failing,))], run_info("run-9"))
    store.compact(at_least=2, grace=0)  # a merged part of merged parts, whose rows were in part counted
    again = {
        f'{G}{{status="registered",domain="heat",category=""}}': 6,
        'greenlang_factory_validation_failures_total{dimension="docs"}': 6,
    }
    for series in (early, late, FactorySeries(settings)):
        assert read(series).items() >= again.items()
    attempts = FactorySeries(settings)
    read(attempts)
    (row,) = outcome().repairs
    tried = ({**row, "rung": "mechanical", "status": "repaired"},)
    store.write([outcome("heat/tried", repairs=tried)], run_info("run-10"))
    store.write([outcome("heat/untried", repairs=())], run_info("run-11"))  # a write without a part of attempts
    store.compact(at_least=2, grace=0)
    assert read(attempts)['greenlang_factory_refinement_attempts_count{success="true"}'] == 1


def test_what_stands_in_few_parts_is_found_when_the_outcomes_are_merged(
    settings: Settings, store: MetricsStore
) -> None:
    """Each table is merged when it has so many parts itself: of attempts there are fewer."""
    failing = DimensionResult("docs", "Docs", "failed", 40.0, 90.0, 1.0, True, "none")
    (row,) = outcome().repairs
    tried = ({**row, "rung": "mechanical", "status": "repaired"},)
    for n in range(16):
        told = {"dimensions": (failing,), "repairs": tried} if n < 3 else {"dimensions": (), "repairs": ()}
        store.write([outcome(f"heat/a{n}", **told)], run_info(f"run-{n}"))
    before = {name: value for name, value in read(settings).items() if "workers" not in name}
    assert before['greenlang_factory_validation_failures_total{dimension="docs"}'] == 3
    assert before['greenlang_factory_refinement_attempts_count{success="true"}'] == 3
    assert before['greenlang_factory_validation_score{agent_id="heat/a1",dimension="docs"}'] == 40
    assert store.compact(grace=0) > 0
    store.compact(grace=0)  # takes the merged parts away
    assert not list((settings.tables / "qa_dimensions").glob("merged-*"))
    assert read(settings).items() >= before.items()


def test_a_write_that_was_killed_before_its_outcomes_counts_nothing(settings: Settings, store: MetricsStore) -> None:
    failing = DimensionResult("docs", "Docs", "failed", 40.0, 90.0, 1.0, True, "none")
    store.write([outcome(dimensions=(failing,))], run_info())
    (part,) = [p for p in (settings.tables / "outcomes").glob("*.parquet") if p.name != "_schema.parquet"]
    part.unlink()
    found = read(settings)
    assert not [name for name in found if "validation_failures" in name or name.startswith(G)]


def test_what_a_build_cost_is_counted_when_its_run_has_ended(settings: Settings, store: MetricsStore) -> None:
    series, cost = FactorySeries(settings), "greenlang_factory_generation_cost_usd"
    run, agent = run_info("run-1"), outcome()
    rows = [
        call(1, agent.key, "failed", request_digest="q", provider="openai", model="gpt", cost_usd=Decimal(0)),
        call(2, agent.key, request_digest="q"),
        call(3, agent.key, cost_usd=Decimal("0.50")),
        call(4, agent.key, "replayed", request_digest="q", total_tokens=0, cost_usd=Decimal(0)),
    ]
    store.write([agent, outcome("heat/other")], run)
    assert not [name for name in read(series) if name.startswith(cost)], "its calls may still be on their way"
    store.write_calls([*rows, rows[0]], "calls-1")
    store.write_calls(rows, "calls-2")  # a killed process wrote them twice
    store.write((), replace(run, finished_at=datetime.now(UTC)))
    found = read(series)
    assert found[f'{cost}_sum{{llm_provider="anthropic"}}'] == 1.25
    assert found[f'{cost}_bucket{{llm_provider="anthropic",le="1"}}'] == 0
    assert found[f'{cost}_bucket{{llm_provider="anthropic",le="2"}}'] == 1
    assert found[f'{cost}_count{{llm_provider="none"}}'] == 1
    assert found['greenlang_factory_llm_tokens_used{provider="anthropic",model="opus"}'] == 240
    assert found['greenlang_factory_llm_calls_total{provider="openai",model="gpt",result="failed"}'] == 1
    assert found['greenlang_factory_llm_fallbacks_total{provider="anthropic"}'] == 1
    assert found['greenlang_factory_llm_saved_usd_total{provider="anthropic"}'] == 0.75
    assert found['greenlang_factory_domain_cost_usd_total{domain="heat"}'] == 1.25
    assert found['greenlang_factory_cache_hit_ratio{cache_layer="cassettes"}'] == pytest.approx(1 / 3)
    assert read(FactorySeries(settings)) == found, "whoever starts later says the same"


def test_builds_of_long_ago_count_without_their_run(
    settings: Settings, store: MetricsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import greenlang.metrics.store as module

    class Past(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - timedelta(days=2)

    with monkeypatch.context() as patched:
        patched.setattr(module, "datetime", Past)
        store.write([outcome()], run_info("killed"))
    found = read(settings)
    assert found['greenlang_factory_generation_cost_usd_count{llm_provider="none"}'] == 1
    assert found["greenlang_factory_workers"] == 0, "a run without an end that nobody writes to was killed"


def test_attempts_count_for_builds_that_needed_some(settings: Settings, store: MetricsStore) -> None:
    (row,) = outcome().repairs
    tried = [{**row, "n": n, "rung": "mechanical", "status": "improved"} for n in range(2)]
    store.write([outcome(repairs=(*tried, {**tried[1], "error_class": "lint"})), outcome("heat/none")], run_info())
    found = read(settings)
    attempts = "greenlang_factory_refinement_attempts"
    assert found[f'{attempts}_bucket{{success="true",le="1"}}'] == 0
    assert found[f'{attempts}_bucket{{success="true",le="2"}}'] == 1
    assert found[f'{attempts}_count{{success="true"}}'] == 1


def test_few_agents_are_shown_one_by_one_and_the_poor_ones_first(settings: Settings, store: MetricsStore) -> None:
    few = settings.model_copy(update={"telemetry_agents": 2})
    store.write([outcome("heat/low", coverage=40.0)], run_info())
    for n in range(4):
        store.write([outcome(f"heat/good{n}")], run_info())
    found = read(few)
    shown = {name.split('"')[1] for name in found if name.startswith("greenlang_factory_test_coverage_percent")}
    assert shown == {"heat/low", "heat/good3"}
    assert found['greenlang_factory_dimension_agents{dimension="tests",status="passed"}'] == 5, "all of them"
    store.write([outcome("heat/low", outcome="infrastructure", coverage=None, score=None, dimensions=())], run_info())
    assert read(few)['greenlang_factory_test_coverage_percent{agent_id="heat/low"}'] == 40, "a mishap judges nobody"


def test_runs_under_way_and_ended_and_what_was_kept(settings: Settings, store: MetricsStore) -> None:
    store.write([outcome()], run_info("run-1", workers=2))
    assert read(settings)["greenlang_factory_workers"] == 2
    ended = datetime(2026, 11, 22, 3, tzinfo=UTC)
    store.write((), run_info("run-1", workers=2, agents=4, kept=3, finished_at=ended, entrance="nightly"))
    found = read(settings)
    assert found["greenlang_factory_workers"] == 0
    assert found['greenlang_factory_last_run_timestamp_seconds{entrance="nightly"}'] == ended.timestamp()
    assert found['greenlang_factory_cache_hit_ratio{cache_layer="outcomes"}'] == 0.75


def test_what_waits_is_counted_in_inbox_and_orders(settings: Settings) -> None:
    from greenlang.launcher import Order
    from greenlang.launcher_local import LocalLauncher

    assert read(settings)['greenlang_factory_queue_size{priority="inbox"}'] == 0
    assert not settings.var.exists(), "looking makes nothing"
    inbox = settings.var / "bucket" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "a.yaml").write_text("x")
    (inbox / ".hidden").write_text("x")

    class Queued(LocalLauncher):
        def ensure(self) -> None: ...

    launcher = Queued(settings)
    run = launcher.start(Order("default", ("a", "b", "c")))
    launcher.start(Order("other", ("a",)))
    (settings.var / "launches" / run / "events.jsonl").write_text('{"key": "a", "outcome": "registered"}\n')
    found = read(settings)
    assert found['greenlang_factory_queue_size{priority="inbox"}'] == 1
    assert found['greenlang_factory_queue_size{priority="0"}'] == 2


def test_nothing_new_reads_no_row(settings: Settings, store: MetricsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write([outcome()], run_info())
    series = FactorySeries(settings)
    first = series.text()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("DuckDB was opened for nothing")

    monkeypatch.setattr("greenlang.telemetry.reading.duckdb.connect", refuse)
    assert series.text() == first


def test_labels_of_any_text_are_one_line_that_promtool_reads(settings: Settings, store: MetricsStore) -> None:
    promtool = program("promtool")
    store.write([outcome('heat/"quo\\ted"\nname')], run_info())
    text = FactorySeries(settings).text()
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    # Its one complaint is about a name that the document gives.
    assert [line for line in done.stderr.splitlines() if "llm_tokens_used" not in line] == []
    shutil.rmtree(settings.tables)
    assert FactorySeries(settings).text().count("# TYPE") > 15, "an empty factory names its metrics"
