"""Dagster's own instance lives on the server that holds the registry, as deploy/dagster.yaml says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from sqlalchemy import inspect

from greenlang.registry import Registry
from greenlang.registry.schema import engine_for
from tests.registry.postgres import OWNER, Postgres
from tests.registry.test_registry import entry

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ROOT / "deploy" / "dagster.yaml"


def test_it_differs_from_the_one_on_files_by_its_storage_alone() -> None:
    deployed, local = (yaml.safe_load(path.read_text()) for path in (DEPLOYED, ROOT / "dagster.yaml"))
    assert deployed.pop("storage") == {"postgres": {"postgres_url": {"env": "DAGSTER_PG_URL"}}}
    assert deployed == local


@pytest.mark.slow
def test_runs_and_events_are_kept_beside_the_registry(
    postgres: Postgres, postgres_url: str, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster import DagsterInstance, job, op

    @op
    def look() -> None:
        with Registry(postgres_url, keys=keys) as registry:
            registry.register(entry())

    @job
    def looking() -> None:
        look()

    shutil.copyfile(DEPLOYED, tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with postgres.database() as name:
        url = postgres.url(name, OWNER).replace("postgresql+psycopg2", "postgresql")
        monkeypatch.setenv("DAGSTER_PG_URL", url)
        with DagsterInstance.from_config(str(tmp_path)) as instance:
            done = looking.execute_in_process(instance=instance)
            assert done.success
        with DagsterInstance.from_config(str(tmp_path)) as instance:  # another process would see the same
            assert [run.job_name for run in instance.get_runs()] == ["looking"]
            events = [found.dagster_event for found in instance.all_logs(done.run_id)]
            assert "PIPELINE_SUCCESS" in {event.event_type_value for event in events if event is not None}
        engine = engine_for(url)
        tables = set(inspect(engine).get_table_names())
        engine.dispose()
    assert {"runs", "event_logs", "instigators"} <= tables
    assert "agent_versions" not in tables
    assert not list(tmp_path.glob("**/*.db"))
    with Registry(postgres_url) as registry:
        assert registry.count() == 1
