"""The asset `mirror_tables`: nothing without a setting, the mirror with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance

from greenlang.settings import Settings
from greenlang_pipelines.definitions import build_defs
from resources.factory import FactoryResource
from tests.metrics.nights import three_nights
from tests.registry.postgres import SUPERUSER, Postgres


def materialized(instance: DagsterInstance, factory: FactoryResource) -> dict[str, Any]:
    job = build_defs(resource_overrides={"factory": factory}).resolve_implicit_global_asset_job_def()
    subset = job.get_subset(asset_selection={AssetKey("mirror_tables")})
    assert subset.execute_in_process(instance=instance).success
    event = instance.get_latest_materialization_event(AssetKey("mirror_tables"))
    assert event is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.mark.slow
def test_the_mirror_follows_the_metrics_where_one_is_set_up(
    instance: DagsterInstance, tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = FactoryResource(var=str(tmp_path / "var"))
    assert materialized(instance, factory) == {"mirror": "none: GREENLANG_MIRROR_URL names no database"}
    assert not (tmp_path / "var").exists()
    three_nights(Settings(var=tmp_path / "var"))
    with postgres.database() as name:
        monkeypatch.setenv("GREENLANG_MIRROR_URL", postgres.url(name, SUPERUSER))
        told = materialized(instance, factory)
        days = postgres.sql("SELECT count(*) FROM factory.v_daily_metrics", database=name)
    assert (told["jobs"], told["calls"], days) == (6, 3, [(3,)])
