"""The op job and the multi-asset: exactly the agents that reached the registry become green."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    DagsterRunStatus,
    ExecuteInProcessResult,
    RunConfig,
)
from fake_factory import CALLS, FakeFactory

from assets import heed, names
from greenlang.factory.outcome import StageOutcome
from greenlang_pipelines.definitions import build_defs
from greenlang_pipelines.jobs import LineBatch


def batch(instance: DagsterInstance, factory: FakeFactory, **config: object) -> ExecuteInProcessResult:
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("line_batch")
    run_config = RunConfig(ops={"run_line": LineBatch(**config)})  # type: ignore[arg-type]
    return job.execute_in_process(instance=instance, run_config=run_config, raise_on_error=False)


def green(instance: DagsterInstance, asset: str) -> set[str]:
    return instance.get_materialized_partitions(AssetKey(asset))


def test_the_batch_materializes_the_keys_that_succeeded_and_no_other(
    instance: DagsterInstance, factory: FakeFactory
) -> None:
    result = batch(instance, factory, files=["one.yaml", "two.yaml", "bad.yaml", "incomplete.yaml"])
    assert result.success
    assert CALLS == [
        {
            "keys": None,
            "files": ["one.yaml", "two.yaml", "bad.yaml", "incomplete.yaml"],
            "force": False,
            "entrance": "batch",
        }
    ]
    expected = {"buildings/one@1.0.0-01234567", "buildings/two@1.0.0-01234567"}
    for asset in names.AGENT_ASSETS:
        assert green(instance, asset) == expected
    # The incomplete one is a partition that somebody can run again; the refused file has no key at all.
    assert set(instance.get_dynamic_partitions("agents")) == {
        *expected,
        "buildings/incomplete@1.0.0-01234567",
    }
    inbox = instance.get_latest_materialization_event(AssetKey("spec_inbox"))
    assert inbox is not None
    shown = inbox.asset_materialization.metadata
    assert shown["registered"].value == 2
    assert "bad.yaml" in shown["not registered"].value
    assert "it is incomplete" in shown["not registered"].value
    planned = [e for e in result.all_events if e.event_type_value == "ASSET_MATERIALIZATION_PLANNED"]
    assert planned == [], "planned events would cost as much again"


@pytest.mark.parametrize("whose", [{}, {"tenant": "acme", "entrance": "nightly", "night": "2026-11-21"}])
def test_a_run_that_is_ended_ends_even_if_the_signal_is_lost(
    instance: DagsterInstance, factory: FakeFactory, monkeypatch: pytest.MonkeyPatch, whose: dict[str, str]
) -> None:
    told: list[str] = []
    whole = FakeFactory.run_batch

    def ended_after_one(self: FakeFactory, **given: Any) -> Iterator[StageOutcome]:
        for stage in whole(self, **given):
            told.append(stage.key)
            yield stage
            if stage.agent is not None:
                (run,) = instance.get_runs()
                instance.report_run_canceling(run)

    monkeypatch.setattr(FakeFactory, "run_batch", ended_after_one)
    monkeypatch.setattr(heed, "_SECONDS_BETWEEN_LOOKS", 0)
    keys = [f"a/{name}@1.0.0-01234567" for name in "bcd"]
    assert not batch(instance, factory, agent_keys=keys, **whose).success
    (run,) = instance.get_runs()
    assert run.status is DagsterRunStatus.CANCELED
    assert told == [keys[0], keys[0], keys[1]], "it ends at the next that it is told"
    assert green(instance, names.AGENT_ASSETS[-1]) == (set() if whose else {keys[0]}), "what is done stays"


def test_each_materialization_shows_what_a_person_wants_to_see(instance: DagsterInstance, factory: FakeFactory) -> None:
    batch(instance, factory, files=["one.yaml"])

    def shown(asset: str) -> dict[str, object]:
        event = instance.get_latest_materialization_event(AssetKey(asset))
        assert event is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}

    assert "energy = fuel × 2" in str(shown("agent_spec")["plan"])
    assert "golden" in str(shown("agent_tests")["tests"])
    assert shown("agent_tests")["coverage percent"] == 99.0
    assert "types" in str(shown("qa_report")["quality"])
    qa = shown("qa_report")
    assert (qa["score"], qa["mutation score percent"]) == (97.5, 50.0)
    assert (qa["mutants"], qa["survivors"], qa["differences"]) == (2, 1, 0)
    for name, file in {"report": "index.html", "JSON": "quality.json", "SARIF": "quality.sarif"}.items():
        assert str(qa[name]).endswith(f"reports/buildings.one@1.0.0-01234567/{file}")
    assert str(qa["score wheel"]).endswith("wheel.svg")
    assert shown("agent_pack")["certificate digest"] == "cd" * 32
    assert str(shown("agent_pack")["files"]).endswith("packs/buildings.one@1.0.0-01234567")
    assert {"plan", "tests", "quality", "pack"} <= set(shown("registry_entry"))
    for asset in names.AGENT_ASSETS:
        assert shown(asset)["spec file"] == "one.yaml"
        assert shown(asset)["spec digest"] == "01234567" * 8


def test_an_agent_that_was_not_rebuilt_gets_no_new_event(instance: DagsterInstance, factory: FakeFactory) -> None:
    key = "buildings/one@1.0.0-01234567"
    batch(instance, factory, files=["one.yaml"])
    first = instance.get_latest_materialization_event(AssetKey("agent_pack"))
    standing = FakeFactory(var=factory.var, rebuilt=False)
    assert batch(instance, standing, agent_keys=[key]).success
    assert instance.get_latest_materialization_event(AssetKey("agent_pack")) == first
    # But one that Dagster never heard of (the last run was killed before it told) is told now.
    other = "buildings/other@1.0.0-01234567"
    batch(instance, standing, agent_keys=[other])
    assert green(instance, "registry_entry") == {key, other}


def test_a_rebuild_that_fails_fails_the_run_and_says_which(instance: DagsterInstance, factory: FakeFactory) -> None:
    key = "buildings/refused_later@1.0.0-01234567"
    instance.add_dynamic_partitions("agents", [key])
    instance.report_runless_asset_event(AssetMaterialization("registry_entry", partition=key))
    result = batch(instance, factory, agent_keys=[key, "buildings/fine@1.0.0-01234567"])
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert key in str(failure.event_specific_data)
    assert green(instance, "agent_pack") == {"buildings/fine@1.0.0-01234567"}


def test_a_fault_of_the_machine_fails_the_run(instance: DagsterInstance, factory: FakeFactory) -> None:
    assert not batch(instance, factory, files=["infrastructure.yaml"]).success


def test_the_log_says_how_far_a_batch_is_and_how_long_it_takes_yet(
    instance: DagsterInstance, factory: FakeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assets.record._SECONDS_BETWEEN_LINES", 0.0)
    result = batch(instance, factory, files=["one.yaml", "two.yaml", "incomplete.yaml"])
    said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    paces = [re.fullmatch(r"(.*); (\d) of 3, [\d,]+ a minute, some \d+ min left", text) for text in said]
    told = [(found[1], found[2]) for found in paces if found]
    assert told == [("1 registered", "1"), ("2 registered", "2"), ("1 incomplete, 2 registered", "3")]
    assert any(re.fullmatch(r"telling Dagster of 2 agents took \d+\.\d ms of processor each", text) for text in said)


def test_a_batch_with_nothing_to_do_succeeds(instance: DagsterInstance, factory: FakeFactory) -> None:
    assert batch(instance, factory, files=[]).success
    assert instance.get_latest_materialization_event(AssetKey("spec_inbox")) is None


def materialize_in_ui(
    instance: DagsterInstance, factory: FakeFactory, keys: list[str], assets: tuple[str, ...] = names.AGENT_ASSETS
) -> ExecuteInProcessResult:
    """What the UI's button starts: one run of the implicit asset job, for one key or for a range."""
    instance.add_dynamic_partitions("agents", keys)
    defs = build_defs(resource_overrides={"factory": factory})
    job = defs.resolve_implicit_global_asset_job_def()
    tags = (
        {"dagster/partition": keys[0]}
        if len(keys) == 1
        else {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    )
    return job.get_subset(asset_selection={AssetKey(a) for a in assets}).execute_in_process(
        instance=instance, tags=tags, raise_on_error=False, partition_key=keys[0] if len(keys) == 1 else None
    )


def test_a_run_from_the_ui_builds_one_agent(instance: DagsterInstance, factory: FakeFactory) -> None:
    key = "buildings/one@1.0.0-01234567"
    assert materialize_in_ui(instance, factory, [key]).success
    assert [{"keys": [key], "files": (), "force": False, "entrance": "ui"}] == CALLS
    for asset in names.AGENT_ASSETS:
        assert green(instance, asset) == {key}


def test_a_run_of_one_asset_of_one_agent_materializes_that_asset_only(
    instance: DagsterInstance, factory: FakeFactory
) -> None:
    key = "buildings/one@1.0.0-01234567"
    assert materialize_in_ui(instance, factory, [key], ("qa_report",)).success
    assert green(instance, "qa_report") == {key}
    assert green(instance, "agent_code") == set()


def test_a_run_whose_only_agent_fails_is_red(instance: DagsterInstance, factory: FakeFactory) -> None:
    key = "buildings/incomplete@1.0.0-01234567"
    result = materialize_in_ui(instance, factory, [key])
    assert not result.success
    assert green(instance, "registry_entry") == set()


def test_a_run_whose_only_agent_was_quarantined_shows_its_report(
    instance: DagsterInstance, factory: FakeFactory
) -> None:
    result = materialize_in_ui(instance, factory, ["buildings/quarantined@1.0.0-01234567"])
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    shown = {name: value.value for name, value in told.metadata.items()}
    page = str(shown["report"])
    assert page.endswith("reports/buildings.quarantined@1.0.0-01234567/index.html")
    assert page in str(shown["not registered"])
    assert "types" in str(shown["quality"])
    assert (shown["score"], shown["survivors"]) == (97.5, 1)


def test_of_a_batch_the_table_names_the_reports_and_no_figure_of_one_agent(
    instance: DagsterInstance, factory: FakeFactory
) -> None:
    batch(instance, factory, files=["one.yaml", "quarantined.yaml", "incomplete.yaml"])
    inbox = instance.get_latest_materialization_event(AssetKey("spec_inbox"))
    assert inbox is not None
    shown = {name: value.value for name, value in inbox.asset_materialization.metadata.items()}
    rows = {line.split("|")[3].strip(): line for line in str(shown["not registered"]).splitlines()[2:]}
    assert "index.html" in rows["quarantined"]
    assert "index.html" not in rows["incomplete"], "it was never judged"
    assert not {"score", "quality", "report"} & set(shown)


def test_a_range_marks_only_the_keys_that_succeeded(instance: DagsterInstance, factory: FakeFactory) -> None:
    keys = [f"buildings/{n}@1.0.0-01234567" for n in ("a", "incomplete", "z")]
    assert materialize_in_ui(instance, factory, keys).success
    assert green(instance, "agent_pack") == {keys[0], keys[2]}


@pytest.mark.parametrize("outcome", ["incomplete", "refused"])
def test_a_new_spec_that_does_not_make_it_leaves_the_batch_green(
    instance: DagsterInstance, factory: FakeFactory, outcome: str
) -> None:
    assert batch(instance, factory, files=[f"{outcome}.yaml", "fine.yaml"]).success
