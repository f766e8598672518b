"""A day of a factory, in a process of its own: a batch through Dagster, and everything that can fail with a secret in
its hands. What it prints is what operators see.

Belongs here: what is done. Does not belong here: looking for secrets (`test_planted`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from greenlang.settings import Settings
from tests import libraries
from tests.line import line_tools

PROSE = b"""\
schema_version: "2.0.0"
id: "demo/prose_v1"
name: "Prose"
version: "1.0.0"
summary: "canary-of-the-spec: emissions of a boiler, of which nobody says how."
tags: [boiler]
owners: ["@energy"]
license: "Apache-2.0"
compute:
  inputs:
    fuel: {dtype: float64, unit: kWh, ge: 0}
    rate: {dtype: float64, unit: kgCO2/kWh, ge: 0}
  outputs:
    co2: {dtype: float64, unit: kgCO2}
"""
PATHS = (
    *(
        "/api/v1/registry/agents",
        "/api/v1/registry/agents/none",
        "/api/v1/registry/tenants/none",
        "/api/v1/factory/status",
    ),
    *("/metrics", "/health", "/ready", "/nowhere"),
    *("/console", "/console/sign-in", "/console/agents/buildings/gas_boiler_uk_v1", "/console/nowhere"),
)
QUERY = """{
  repositoriesOrError { ... on RepositoryConnection { nodes {
    allTopLevelResourceDetails { name configFields { name configTypeKey description defaultValueAsJson }
      configuredValues { key value type } }
    schedules { name cronSchedule } sensors { name } jobs { name metadataEntries { label description } } } } }
  runsOrError { ... on Runs { results { runId status runConfigYaml tags { key value } } } }
  assetsOrError { ... on AssetConnection { nodes { key { path } assetMaterializations(limit: 50) {
    metadataEntries { label description ... on TextMetadataEntry { text } ... on PathMetadataEntry { path }
      ... on MarkdownMetadataEntry { mdStr } ... on JsonMetadataEntry { jsonString } } } } } }
  instance { info daemonHealth { allDaemonStatuses { daemonType } } }
  utilized: repositoriesOrError { ... on RepositoryConnection { nodes { name } } }
}"""


DEFAULTS = """{ runConfigSchemaOrError(selector: {repositoryName: "__repository__",
    repositoryLocationName: "greenlang_pipelines.definitions", pipelineName: "line_machines"}) {
  __typename ... on RunConfigSchema { rootDefaultYaml allConfigTypes { key
    ... on CompositeConfigType { fields { name defaultValueAsJson } } } } } }"""


def batches(settings: Settings, lost: str) -> None:
    """One that works, and one whose registry is gone: Dagster keeps its traceback."""
    from dagster import DagsterInstance

    from greenlang_pipelines.definitions import build_defs

    libraries.tell(settings.var)
    boiler = line_tools.example("boiler").replace(b'summary: "Fuel', b'summary: "canary-of-the-spec: fuel')
    line_tools.drop(settings, **{"canary-of-the-spec__pack__yaml": boiler, "prose__yaml": PROSE})
    with DagsterInstance.get() as instance:
        job = build_defs().resolve_job_def("line_batch")
        print("batch", job.execute_in_process(instance=instance, raise_on_error=False).success)
        right = os.environ["GREENLANG_REGISTRY_URL"]
        os.environ["GREENLANG_REGISTRY_URL"] = lost
        failed = build_defs().resolve_job_def("line_batch").execute_in_process(instance=instance, raise_on_error=False)
        os.environ["GREENLANG_REGISTRY_URL"] = right
        print("batch without a database", failed.success)


def api(settings: Settings, lost: str, key: str) -> None:
    """Calls that fail for each reason, and the service without its database."""
    from starlette.testclient import TestClient

    from greenlang.api.app import create_app
    from greenlang.api.signin import COOKIE

    told = (
        {"X-API-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"X-API-Key": f"{key}x"},
        {"Cookie": f"{COOKIE}={key}"},
    )
    for url in (settings.registry, lost):
        with TestClient(
            create_app(settings.model_copy(update={"registry_url": url})), raise_server_exceptions=False
        ) as one:
            for path in PATHS:
                for headers in told:
                    answer = one.get(path, headers=headers, follow_redirects=False)
                    print(path, answer.status_code, answer.text, dict(answer.headers))
            answer = one.post("/api/v1/factory/batch", headers={"X-API-Key": key}, content=b'{"specs": [{')
            print(answer.status_code, answer.text)


def launched(settings: Settings) -> None:
    """A run by a process of its own; what every process of the machine is called with meanwhile."""
    from greenlang.launcher import Order
    from greenlang.launcher_local import LocalLauncher

    launcher = LocalLauncher(settings)
    run = launcher.start(Order("default", ("none/none@1.0.0",)))
    seen: set[bytes] = set()
    while any(child.poll() is None for child in launcher._children):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it has ended
                seen.add(path.read_bytes())
        time.sleep(0.02)
    print("launched", launcher.progress(run).status)
    for line in sorted(seen):
        print("called", line.replace(b"\0", b" ").decode(errors="replace"))


def commands(var: Path, lost: str) -> None:
    """What people type when something is wrong."""
    from typer.testing import CliRunner

    from greenlang.cli.main import app

    typed: list[tuple[list[str], dict[str, str]]] = [
        (["factory", "config"], {}),
        (["factory", "config", "--json"], {}),
        (["factory", "alert-test"], {}),
        (["factory", "status"], {}),
        (["factory", "mirror"], {}),
        (["factory", "mirror"], {"GREENLANG_MIRROR_URL": lost.replace("me:", "db:").replace("@", "/")}),
        (["doctor"], {}),
        (["llm", "status"], {}),
        (["llm", "usage"], {}),
        (["registry", "search", "boiler"], {"GREENLANG_REGISTRY_URL": lost}),
        (["registry", "migrate"], {"GREENLANG_REGISTRY_ADMIN_URL": lost}),
        (["doctor", "--check", "registry", "--json"], {"GREENLANG_REGISTRY_URL": lost}),
        (["audit", "verify"], {"GREENLANG_REGISTRY_URL": lost.replace("@", "@[")}),
        (["backup", str(var.parent / "b.tar.zst"), "--keys", "--no-dagster"], {}),
        (["backup", str(var.parent / "2.tar.zst")], {}),  # Dagster's database cannot be reached
        (["backup", "s3://no-such-bucket/b.tar.zst"], {}),
        (["--server", os.environ["ECHO"], "agent", "list"], {}),
    ]
    for words, environment in typed:
        result = CliRunner().invoke(app, words, env=environment)
        print(words, result.exit_code, result.output)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            print("".join(traceback.format_exception(result.exception)))


def told_by_dagster() -> None:
    """What the UI can ask for."""
    command = [str(Path(sys.executable).with_name("dagster-graphql")), "-m", "greenlang_pipelines.definitions", "-t"]
    for query, more in ((QUERY, {}), (DEFAULTS, {"GREENLANG_EXECUTOR": "celery"})):
        environment = {**os.environ, **more}
        done = subprocess.run([*command, query], capture_output=True, text=True, check=False, env=environment)
        print("graphql", done.returncode, done.stdout, done.stderr)


def attempt(what: Callable[[], None]) -> None:
    try:
        what()
    except Exception:  # noqa: BLE001 - a traceback is what an operator would see
        traceback.print_exc()


def main() -> None:
    logging.basicConfig(level=logging.DEBUG)
    given = json.loads(sys.stdin.read())  # not the environment: the factory does not know it
    settings = Settings()
    print(repr(settings))
    attempt(lambda: batches(settings, given["lost"]))
    attempt(lambda: api(settings, given["lost"], given["key"]))
    attempt(lambda: launched(settings))
    attempt(lambda: commands(settings.var, given["lost"]))
    attempt(told_by_dagster)


if __name__ == "__main__":
    main()
