"""The Compose file: Docker's own program reads it, and what it names is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from deploy.compose import make_secrets
from deploy.docker import entrypoint
from greenlang.registry import Registry, migrate
from greenlang.settings import Settings
from tests.registry.postgres import Postgres

COMPOSE = Path(make_secrets.__file__).parent
SETTINGS = {f"GREENLANG_{name}".upper() for name in Settings.model_fields}
OURS = ("migrate", "api", "webserver", "daemon", "home", "worker")


def tool(name: str) -> str:
    """A program of the development dependencies."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name}: make setup"
    return found


@cache
def config() -> dict[str, Any]:
    """What Docker Compose makes of the file, with every profile."""
    command = [tool("docker-compose"), "-f", str(COMPOSE / "compose.yaml"), "--profile", "*", "config"]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [*command, "--format", "json"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_the_published_schema_takes_it() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE / "compose.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_that_a_team_needs_is_there() -> None:
    assert config()["services"].keys() == {"postgres", "redis", "store", *OURS}
    without = {name for name, service in config()["services"].items() if service.get("profiles")}
    assert without == {"home", "worker"}


def test_images_are_pinned_and_ports_are_bound_to_loopback() -> None:
    for name, service in config()["services"].items():
        assert re.search(r":\d[\w.-]*$", service["image"]), name
        assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}, name


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_is_confined(name: str) -> None:
    service = config()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["command"][0] in entrypoint.PROCESSES


@pytest.mark.parametrize("name", OURS)
def test_variables_are_settings_and_secrets_are_files(name: str) -> None:
    service = config()["services"][name]
    mounted = {secret.get("target", secret["source"]).rpartition("/")[2] for secret in service["secrets"]}
    for variable, value in service["environment"].items():
        if variable.startswith("GREENLANG_"):
            assert variable.removesuffix("_FILE") in SETTINGS
        if "/run/secrets" in str(value):
            assert value.removeprefix("/run/secrets/") in mounted
        assert not re.search(r"PASSWORD|SECRET|_URL|BROKER", variable.removesuffix("_FILE")) or (
            variable.endswith("_FILE") or variable == "AWS_ENDPOINT_URL" or variable == "GREENLANG_DAGSTER_URL"
        )


def test_the_defaults_make_settings_that_hold() -> None:
    for name in OURS:
        told = {
            variable.removeprefix("GREENLANG_").lower(): value
            for variable, value in config()["services"][name]["environment"].items()
            if variable.startswith("GREENLANG_") and not variable.endswith("_FILE")
        }
        assert Settings(**told).bucket_address == "s3://greenlang"


def test_the_documentation_asks_for_the_docker_that_takes_it() -> None:
    text = (COMPOSE / "compose.yaml").read_text()
    assert "start_interval" in text, "of Docker Engine 25"
    docs = (COMPOSE.parents[1] / "docs" / "deploy.md").read_text()
    said = [int(number) for number in re.findall(r"^\|[^\n]*Docker (?:Engine |\| )(\d+) or newer", docs, re.MULTILINE)]
    assert said == [25, 25]


def test_nothing_waits_for_what_never_becomes_ready() -> None:
    services = config()["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"][0].startswith("CMD"), (name, other)
            else:
                assert (other, how["condition"]) == ("migrate", "service_completed_successfully")
    assert services["migrate"]["restart"] == "no"


def test_every_secret_is_made_once_and_is_nobody_elses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets.main(folder) == 0
    named = {Path(secret["file"]).name for secret in config()["secrets"].values()}
    assert named == {path.name for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert make_secrets.main(folder) == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not [word for word in before["store_config.json"].decode().split('"') if word in capsys.readouterr().out]
    assert make_secrets.made()["registry_url"] != before["registry_url"].decode()


def test_secrets_are_ignored_by_git_and_by_the_build() -> None:
    assert "secrets/" in (COMPOSE / ".gitignore").read_text().split()
    assert (COMPOSE.parents[1] / ".dockerignore").read_text().splitlines()[1] == "*"


def test_the_example_says_only_what_the_file_reads() -> None:
    read = set(re.findall(r"\$\{(\w+)", (COMPOSE / "compose.yaml").read_text()))
    told = set(re.findall(r"^(?:# )?([A-Z_]+)=", (COMPOSE / ".env.example").read_text(), re.MULTILINE))
    assert told == read | {"COMPOSE_PROFILES"}


def test_the_roles_that_it_makes_are_those_that_the_registry_wants(postgres: Postgres) -> None:
    made = {name: value.replace("greenlang", "composed").replace("dagster", "composed_d") for name, value in _made()}
    try:
        for statement in filter(None, made["postgres_init.sql"].splitlines()):
            postgres.sql(statement)
        migrate.upgrade(postgres.url("composed", "composed_owner"), "composed_app")
        with Registry(postgres.url("composed", "composed_app")) as registry, registry.transaction() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        with pytest.raises(DBAPIError, match="permission denied"), _connected(postgres, "composed_app"):
            pass
    finally:
        for name in ("composed", "composed_d"):
            postgres.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for name in ("composed_owner", "composed_app", "composed_d"):
            postgres.sql(f"DROP ROLE IF EXISTS {name}")


def _made() -> list[tuple[str, str]]:
    return list(make_secrets.made().items())


def _connected(postgres: Postgres, role: str) -> Any:
    return create_engine(postgres.url("composed_d", role)).connect()


def test_the_store_is_the_one_that_is_waited_for() -> None:
    text = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]["store"]
    assert "-bucket=greenlang" in text["command"]
    assert json.loads(make_secrets.made()["store_config.json"])["identities"][0]["actions"] == [
        f"{action}:greenlang" for action in ("Read", "Write", "List", "Tagging")
    ]
