"""Publishers' editions in Dagster: partitions, the candidate, gates that block, the release with its pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult

from greenlang import sync
from greenlang.factors.gates.report import Finding, Report
from greenlang_pipelines.definitions import build_defs
from resources.factory import FactoryResource
from tests.factors.gates.plant import times

RELEASE = ("factors", "factor_release")


@pytest.fixture
def instance(tmp_path: Path) -> DagsterInstance:
    return DagsterInstance.ephemeral(tempdir=str(tmp_path))


@pytest.fixture
def real(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FactoryResource:
    """A factory whose publishers' files are those of one small publisher."""
    shutil.copytree(shared / "data" / "eea_electricity", tmp_path / "files" / "eea_electricity")
    monkeypatch.setenv("GREENLANG_SOURCES", str(tmp_path / "files"))
    return FactoryResource(var=str(tmp_path / "var"), workers=1)


def run(
    instance: DagsterInstance, factory: FactoryResource, *selection: str, partition: str | None = None
) -> ExecuteInProcessResult:
    job = build_defs(resource_overrides={"factory": factory}).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        partition_key=partition,
        asset_selection=[AssetKey(name) for name in selection],
        raise_on_error=False,
    )


def reference_tables(instance: DagsterInstance, factory: FactoryResource) -> ExecuteInProcessResult:
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("reference_tables")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def shown(instance: DagsterInstance, asset: str) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(AssetKey(asset))
    assert event is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.mark.slow
def test_an_edition_is_a_partition_with_the_account_of_its_values(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    partition = "electricity@electricity-generation-5"
    assert run(instance, real, "raw_eea", partition=partition).success
    account = shown(instance, "raw_eea")
    assert account["values_read"] == account["values_kept"] + account["values_refused"] == 990
    assert "| " in account["refused"]
    assert instance.get_materialized_partitions(AssetKey("raw_eea")) == {partition}


@pytest.mark.slow
def test_an_edition_whose_files_are_not_there_fails_and_says_what_to_do(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    result = run(instance, real, "raw_owid", partition="electricity@2026")
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "is not there; fetch it from" in str(failure.step_failure_data.error)


@pytest.mark.slow
def test_the_editions_that_are_there_become_a_release_in_force_with_its_pictures(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    assert reference_tables(instance, real).success
    assert len(instance.get_materialized_partitions(AssetKey("raw_eea"))) == 2
    release = shown(instance, "factor_release")
    assert release["release"] == real.factor_table().release == "factors-1.0.0"
    assert Path(release["value_distribution"]).read_text().startswith("<?xml"), "a path that an operator can open"
    assert "data:image" not in str(release), "the UI's Markdown drops pictures at such addresses"
    # once more: nothing changed, nothing is read again, and it is the same release
    assert reference_tables(instance, real).success
    assert shown(instance, "factor_release")["digest"] == release["digest"]


@pytest.mark.slow
def test_the_gates_run_once_for_the_checks_and_the_release(
    instance: DagsterInstance, real: FactoryResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, run_gates = [], sync.run_gates
    monkeypatch.setattr(sync, "run_gates", lambda *given: runs.append(1) or run_gates(*given))
    assert reference_tables(instance, real).success
    assert len(runs) == 1
    assert real.judge_factors().kept is False, "the release that was made is the one before now"


def planted(factory: FactoryResource) -> None:
    """A factor-1000 slip in the candidate's file."""
    from greenlang.factors.storage import arrow_table, write_arrow

    candidate = sync.releases(factory.settings).candidate()
    rows = times(candidate.table(), 1000, "desnz/fuels/2025/natural-gas/co2e-per-kwh-gross")
    write_arrow(arrow_table(list(rows)), candidate.parquet, release="candidate", digest=candidate.digest)


@pytest.mark.slow
def test_a_planted_fault_fails_its_gates_and_holds_up_the_release(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    class Planted(FactoryResource):
        def prepare_factors(self) -> Any:
            done = super().prepare_factors()
            planted(self)
            return done

    result = run(instance, Planted(var=real.var), *RELEASE)
    assert not result.success
    failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    assert failed >= {"unit_scale", "against_other_publishers"}
    assert not (real.settings.var / "factors" / "releases").exists()


@pytest.mark.slow
def test_a_fault_that_is_planted_after_the_checks_holds_up_the_release(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    class Late(FactoryResource):
        def publish_factors(self) -> Any:
            planted(self)
            return super().publish_factors()

    result = run(instance, Late(var=real.var), *RELEASE)
    assert not result.success
    assert all(e.passed for e in result.get_asset_check_evaluations())
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "findings that nobody has reviewed" in str(failure.step_failure_data.error)
    assert not (real.settings.var / "factors" / "releases").exists()


@pytest.mark.slow
def test_a_finding_that_nobody_has_reviewed_blocks_the_release(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    class Suspicious(FactoryResource):
        def judge_factors(self) -> Report:
            return Report((Finding("gwp_label", "eea/x", "methane is 250"),))

    result = run(instance, Suspicious(var=real.var), *RELEASE)
    assert not result.success
    failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    assert failed == {"gwp_label"}
    assert instance.get_latest_materialization_event(AssetKey("factor_release")) is None
    assert not (real.settings.var / "factors" / "releases").exists()
