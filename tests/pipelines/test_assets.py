"""The assets that are not agents', on the real factory: they build, and their checks can tell right from wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult

from greenlang.factors.gates.all import GATES
from greenlang.factors.gates.run import gate_name
from greenlang_pipelines.definitions import build_defs
from resources.factory import FactoryResource

SPEC = b"""\
schema_version: "2.0.0"
id: "buildings/boiler"
name: "Boiler"
version: "1.0.0"
compute:
  entrypoint: "python://a.b:c"
  inputs: {fuel: {dtype: float64, unit: "MMBtu"}}
  outputs: {energy: {dtype: float64, unit: "MMBtu"}}
  formulas: {energy: "fuel * 2"}
"""


@pytest.fixture
def real(tmp_path: Path) -> FactoryResource:
    return FactoryResource(var=str(tmp_path / "var"))


def run(instance: DagsterInstance, factory: FactoryResource, *assets: str) -> ExecuteInProcessResult:
    job = build_defs(resource_overrides={"factory": factory}).resolve_implicit_global_asset_job_def()
    subset = job.get_subset(asset_selection={AssetKey(a) for a in assets})
    return subset.execute_in_process(instance=instance, raise_on_error=False)


def checks(result: ExecuteInProcessResult) -> dict[str, bool]:
    return {e.check_name: e.passed for e in result.get_asset_check_evaluations()}


def reference_tables(instance: DagsterInstance, factory: FactoryResource) -> ExecuteInProcessResult:
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("reference_tables")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def shown(instance: DagsterInstance, asset: str) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(AssetKey(asset))
    assert event is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.mark.slow
def test_the_reference_tables_are_built_released_and_checked(instance: DagsterInstance, real: FactoryResource) -> None:
    result = reference_tables(instance, real)
    assert result.success
    assert checks(result) == {
        "embedded_files_are_there": True,
        "factor_keys_are_unique": True,
        "parquet_holds_the_embedded_figures": True,
        "formulas_are_cited_and_worked": True,
        **{gate_name(gate): True for gate in GATES},
    }
    assert shown(instance, "factors")["dagster/row_count"] > 100
    assert shown(instance, "factor_release")["release"] == real.factor_table(embedded=True).release
    assert "epa/stationary-combustion/2024" in shown(instance, "factor_release")["tables"]
    assert shown(instance, "formulas")["dagster/row_count"] > 0


@pytest.mark.slow
def test_the_back_ends_are_held_against_each_other_on_the_inputs_of_the_day(
    instance: DagsterInstance, real: FactoryResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenlang.formulas.library import FormulaLibrary, library

    few = library()
    monkeypatch.setattr(FormulaLibrary, "__iter__", lambda self: iter([few.get("carbon/energy-by-gas")]))
    job = build_defs(resource_overrides={"factory": real}).resolve_job_def("daily_agreement")
    result = job.execute_in_process(instance=instance, tags={"greenlang/seed": "2026-11-21"})
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("back_ends_agree", True)
    assert check.metadata["seed"].value == "2026-11-21"
    assert check.metadata["inputs"].value > 50

    class Differing(FactoryResource):
        def back_ends(self, seed: str, inputs: int) -> list[Any]:
            rows = super().back_ends(seed, inputs)
            return [replace(rows[0], differences=1, example="1 against 2"), *rows[1:]]

    job = build_defs(resource_overrides={"factory": Differing(var=real.var)}).resolve_job_def("daily_agreement")
    (check,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert not check.passed
    assert "1 against 2" in str(check.metadata["differences"].value)


@pytest.mark.slow
def test_a_factor_table_that_is_not_the_embedded_one_fails_its_check_and_holds_up_the_release(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    class Tampered(FactoryResource):
        def prepare_factors(self) -> Any:
            import pyarrow.parquet as parquet

            done = super().prepare_factors()
            file = self.settings.tables / "factors.parquet"
            table = parquet.read_table(file)
            parquet.write_table(table.slice(1), file)
            return done

    result = run(instance, Tampered(var=real.var), "factors", "factor_release")
    assert not result.success
    assert instance.get_latest_materialization_event(AssetKey("factor_release")) is None


@pytest.mark.slow
def test_the_catalogue_is_built_and_compared_with_the_registry(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    result = run(instance, real, "factory_metrics")
    assert result.success
    assert checks(result) == {"metrics_agree_with_the_registry": True}
    assert shown(instance, "factory_metrics")["agents"] == 0
    assert real.settings.catalogue.exists()


@pytest.mark.slow
def test_the_inbox_asset_takes_files_in_and_leaves_the_building_to_the_batch(
    instance: DagsterInstance, real: FactoryResource
) -> None:
    inbox = real.settings.var / "bucket" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "good.yaml").write_bytes(SPEC)
    (inbox / "bad.yaml").write_bytes(b"[")
    assert run(instance, real, "spec_inbox").success
    (key,) = instance.get_dynamic_partitions("agents")
    assert key.startswith("buildings/boiler@1.0.0-")
    inbox_shown = shown(instance, "spec_inbox")
    assert (inbox_shown["accepted"], inbox_shown["refused"]) == (1, 1)
    assert "bad.yaml" in inbox_shown["why"]
    assert real.unfinished() == 1, "the next batch is told what was taken in"
    # Looking again takes in nothing and loses nothing.
    assert run(instance, real, "spec_inbox").success
    assert real.unfinished() == 1


def test_a_check_that_finds_a_key_twice_fails(real: FactoryResource, monkeypatch: pytest.MonkeyPatch) -> None:
    from assets.emission_factors import factor_keys_are_unique

    class Table:
        def column(self, name: str) -> list[str]:
            assert name == "key"
            return ["epa/x/1/y/z"] * 2

    table: Callable[..., Any] = lambda self, embedded=False: Table()  # noqa: E731
    monkeypatch.setattr(FactoryResource, "factor_table", table)
    result = factor_keys_are_unique(factory=real)
    assert not result.passed
    assert result.metadata["twice"].value == "epa/x/1/y/z"
