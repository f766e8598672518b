"""Each check with the real fault, which it names together with what mends it, and where all is well."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from greenlang.doctor import machine, orchestration, stores, work
from greenlang.doctor.examine import CHECKS, examine
from greenlang.doctor.result import Check, Found, ok
from greenlang.metrics import MetricsStore
from greenlang.settings import Settings
from greenlang.signing import Signer
from tests.cli.test_cli import filled
from tests.registry import old
from tests.registry.postgres import APP, OWNER, Postgres


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    var = filled(tmp_path_factory.mktemp("made") / "var")
    Signer(var / "keys").sign(b"")
    return var


@pytest.fixture
def settings(made: Path, tmp_path: Path) -> Settings:
    """A small factory in which all is well."""
    shutil.copytree(made, tmp_path / "var")
    found = Settings(var=tmp_path / "var", webserver_port=free_port(), api_port=free_port())
    MetricsStore(found).rebuild_catalogue()
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(check: Check, settings: Settings, state: str, says: str, mend: str) -> None:
    """The check finds this and nothing else that is not well."""
    results = [one for one in check(settings) if one.state != "ok"]
    assert [(one.state) for one in results] == [state], results
    assert says in results[0].message
    assert mend in results[0].mend


def well(check: Check, settings: Settings) -> None:
    results = list(check(settings))
    assert {one.state for one in results} == {"ok"}, results
    assert not any(one.mend for one in results)


@contextmanager
def serving(answer: Callable[[str], tuple[int, str]]) -> Iterator[int]:
    """A server on a free port that answers each path so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, text = answer(self.path)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


# --- the machine ------------------------------------------------------------------------------------------------------


def test_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    well(machine.disk, settings)
    usage = shutil.disk_usage(settings.var)
    monkeypatch.setattr(machine, "LITTLE_FREE", usage.free * 2)
    found(machine.disk, settings, "warning", "GB are free", "var/cache")
    monkeypatch.setattr(machine, "LEAST_FREE", usage.free * 2)
    found(machine.disk, settings, "fault", "GB are free", "larger disk")


def test_a_folder_that_cannot_be_written(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    new = settings.model_copy(update={"var": settings.var / "new"})
    found(machine.disk, new, "warning", "is not there yet", "greenlang demo")
    in_a_file = settings.model_copy(update={"var": settings.var / "registry.sqlite" / "var"})
    found(machine.disk, in_a_file, "fault", "cannot be made", "make it")

    def refused(**_: object) -> None:  # root, whom no mode stops, runs this too
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refused)
    found(machine.disk, settings, "fault", "Read-only file system", "chown")


def test_sandbox(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    well(machine.sandbox, settings)
    from greenlang.sandbox import supervisor

    decide = supervisor.decide
    monkeypatch.setattr(supervisor, "_proved", {})
    monkeypatch.setattr(supervisor, "decide", lambda hello, mode: decide({**hello, "missing": ["Landlock"]}, mode))
    found(machine.sandbox, settings, "fault", "missing: Landlock", "5.13")
    weak = settings.model_copy(update={"sandbox": "weak"})
    found(machine.sandbox, weak, "warning", "limits only", "GREENLANG_SANDBOX")


def test_clock(settings: Settings) -> None:
    well(machine.clock, settings)
    found(machine.clock, settings.model_copy(update={"timezone": "Europe/Atlantis"}), "fault", "Atlantis", "IANA")
    part = next(settings.tables.glob("outcomes/*.parquet"))
    os.utime(part, (time.time() + 86_400, time.time() + 86_400))
    found(machine.clock, settings, "fault", "outcomes were written at", "set-ntp")


def test_open_files(settings: Settings) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, before[1]))
        well(machine.open_files, settings)
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        found(machine.open_files, settings, "warning", "512", "ulimit -n")
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
        found(machine.open_files, settings, "fault", "200", "LimitNOFILE")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_packages(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    monkeypatch.setattr(machine._paths, "data", lambda: tmp_path)
    well(machine.packages, settings)  # without a lock, as in a wheel
    (tmp_path / "requirements.lock").write_text(
        f"# made\npydantic=={metadata.version('pydantic')} \\\n    --hash=sha256:00\n"
        "colorama==9.9 ; sys_platform == 'win32' --hash=sha256:00\n"
    )
    well(machine.packages, settings)
    (tmp_path / "requirements.lock").write_text("pydantic==1.0 \\\n    --hash=sha256:00\nno-such-package==1\n")
    found(machine.packages, settings, "warning", "pydantic is 2.", "make setup")
    asked = metadata.requires("greenlang") or []
    monkeypatch.setattr(machine.metadata, "requires", lambda _: [*asked, "duckdb>=99"])
    results = [one for one in machine.packages(settings) if one.state == "fault"]
    assert "duckdb is" in results[0].message


def test_the_real_lock_is_read() -> None:
    from greenlang import _paths

    lines = machine.locked(_paths.data() / "requirements.lock")
    assert len(lines) > 100
    assert any(line.startswith("duckdb==") for line in lines)
    assert len(list(machine._unmet(lines))) < len(lines) / 4


def test_ports(settings: Settings) -> None:
    well(machine.ports, settings)
    with serving(lambda path: (200, '{"dagster_webserver_version": "1"}')) as port:
        well(machine.ports, settings.model_copy(update={"webserver_port": port}))
        other = settings.model_copy(update={"api_port": port})
        found(machine.ports, other, "fault", f"port {port}, meant for the API", "GREENLANG_API_PORT")


# --- stores -----------------------------------------------------------------------------------------------------------


def test_a_registry_in_a_file(settings: Settings, tmp_path: Path) -> None:
    well(stores.registry, settings)
    well(stores.registry, Settings(var=tmp_path / "none"))
    file = settings.var / "registry.sqlite"
    file.unlink()
    old.make(settings.registry)
    found(stores.registry, settings, "warning", "revision 0001", "registry migrate")
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
        database.commit()
    found(stores.registry, settings, "fault", "revision 9999", "--to")
    file.with_name("registry.sqlite-wal").unlink(missing_ok=True)
    file.write_bytes(b"no database " * 1000)
    found(stores.registry, settings, "fault", "not a database", "greenlang restore")


def test_a_registry_in_postgresql(
    settings: Settings, postgres: Postgres, postgres_url: str, postgres_owner_url: str
) -> None:
    def at(url: str) -> Settings:
        return settings.model_copy(update={"registry_url": url})

    well(stores.registry, at(postgres_url))
    found(stores.registry, at(postgres_owner_url), "fault", "owns its tables", "see the message")
    with postgres.database() as name:
        found(stores.registry, at(postgres.url(name)), "fault", "no tables", "--app-role")
        old.make(postgres.url(name, OWNER), empty=True)
        postgres.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {APP}", database=name)
        found(stores.registry, at(postgres.url(name)), "fault", "revision 0001", "docs/upgrades.md")
    away = f"postgresql+psycopg2://greenlang:planted-secret@127.0.0.1:{free_port()}/x"
    found(stores.registry, at(away), "fault", "refused", "see that the server runs")
    assert "planted-secret" not in str(list(examine(at(away), checks={"registry": stores.registry})))


def test_signing_key(settings: Settings, tmp_path: Path) -> None:
    well(stores.signing_key, settings)
    well(stores.signing_key, Settings(var=tmp_path / "none"))
    private, public = settings.keys / "signing-key.pem", settings.keys / "signing-key.pub.pem"
    private.chmod(0o644)
    found(stores.signing_key, settings, "fault", "read by others (0644)", "chmod 600")
    private.chmod(0o600)
    Signer(tmp_path / "other").sign(b"")
    shutil.copyfile(tmp_path / "other" / "signing-key.pub.pem", public)
    found(stores.signing_key, settings, "fault", "not the public half", ".pub.pem")
    private.write_text("no key")
    found(stores.signing_key, settings, "fault", "cannot be used", "backup")
    private.unlink()
    settings.packs.mkdir(exist_ok=True)
    (settings.packs / "a.dsse.json").touch()
    found(stores.signing_key, settings, "fault", "is missing", "--keys")


def test_bucket(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    well(stores.bucket, settings)
    assert not list((settings.var / "bucket" / "reports").iterdir())
    file = settings.var / "registry.sqlite"
    found(stores.bucket, settings.model_copy(update={"bucket": str(file)}), "fault", "cannot be made", "right to read")
    for name, value in {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "AWS_ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    away = settings.model_copy(update={"bucket": "s3://none/here"})
    results = list(examine(away, checks={"bucket": stores.bucket}, seconds=60))
    assert results[0].state == "fault"
    assert "AWS_ENDPOINT_URL" in results[0].mend
    assert "planted-secret" not in str(results)


def test_factors(settings: Settings, tmp_path: Path) -> None:
    from greenlang.factors import build_tables

    build_tables(settings.tables)
    well(stores.factors, settings)
    well(stores.factors, Settings(var=tmp_path / "none"))
    file = settings.tables / "factors.parquet"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    found(stores.factors, settings, "fault", "cannot be used", "factors sync")
    file.unlink()
    settings.packs.mkdir(exist_ok=True)
    (settings.packs / "a.dsse.json").touch()
    found(stores.factors, settings, "fault", "is missing", "factors sync")


def test_factors_that_are_older_than_the_declarations(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of an earlier greenlang: some rows fewer, and another digest."""
    from greenlang.factors import FactorTable, build_tables

    build_tables(settings.tables)
    newer = FactorTable.load(None)

    class Newer:
        digest = "0" * 64

    load = FactorTable.load
    monkeypatch.setattr(FactorTable, "load", lambda file=None: Newer() if file is None else load(file))
    found(stores.factors, settings, "warning", newer.release, "run a batch")


def test_catalogue(settings: Settings, tmp_path: Path) -> None:
    well(stores.catalogue, settings)
    well(stores.catalogue, Settings(var=tmp_path / "none"))
    moved = settings.model_copy(update={"var": tmp_path / "moved"})
    shutil.copytree(settings.var, moved.var)
    shutil.rmtree(settings.tables)
    found(stores.catalogue, moved, "fault", "cannot be opened", "remove it")  # its views look where tables were
    moved.catalogue.unlink()
    found(stores.catalogue, moved, "warning", "is missing", "greenlang query")
    MetricsStore(moved).rebuild_catalogue()
    well(stores.catalogue, moved)
    moved.catalogue.write_bytes(b"torn" * 5000)
    found(stores.catalogue, moved, "fault", "cannot be opened", "builds it anew")


# --- work -------------------------------------------------------------------------------------------------------------


def test_models(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    well(work.models, settings)
    settings = settings.model_copy(update={"llm": "record"})  # CI replays, and then no key is asked for
    live = settings.model_copy(update={"llm": "live"})
    found(work.models, live, "fault", "no provider has a key", "ANTHROPIC_API_KEY")
    key = tmp_path / "key"
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(key))
    found(work.models, settings, "fault", "cannot be read", "unset")
    key.write_text("planted-secret-key")
    key.chmod(0o644)
    found(work.models, settings, "fault", "read by others (0644)", "chmod 600")
    assert "planted" not in str(list(work.models(settings)))
    key.chmod(0o600)
    well(work.models, live)
    (tmp_path / "llm.yaml").write_text("providers: 7")
    found(
        work.models, settings.model_copy(update={"llm_config": tmp_path / "llm.yaml"}), "fault", "llm.yaml", "models.md"
    )


def test_tokens(settings: Settings, tmp_path: Path) -> None:
    well(work.tokens, settings)

    def at(where: str) -> Settings:
        return settings.model_copy(update={"api_jwks": where, "api_issuer": "https://issuer.example"})

    file = tmp_path / "jwks.json"
    found(work.tokens, at(str(file)), "fault", "cannot be had", "jwks_uri")
    file.write_text(json.dumps({"keys": [{"kty": "RSA", "kid": "one"}]}))
    well(work.tokens, at(str(file)))
    file.write_text("{}")
    found(work.tokens, at(str(file)), "fault", "no list `keys`", "jwks_uri")
    file.write_text('{"keys": []}')
    found(work.tokens, at(str(file)), "fault", "no RSA key", "jwks_uri")
    found(work.tokens, settings.model_copy(update={"api_jwks": str(file)}), "fault", "API_ISSUER", "iss")
    with serving(lambda path: (503, "down")) as port:
        found(work.tokens, at(f"http://127.0.0.1:{port}/keys"), "fault", "503", "jwks_uri")


def test_inbox(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = settings.var / "bucket" / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.yaml").touch()
    well(work.inbox, settings)
    monkeypatch.setattr(work, "WAITING", -1)  # the kernel's change time cannot be set back
    found(work.inbox, settings, "warning", "a.yaml has been in the inbox", "inbox_sensor")
    (folder / "a.yaml").rename(folder / "a.yaml.part")
    found(work.inbox, settings, "warning", "a.yaml.part", "rename it")


def test_batches(settings: Settings, tmp_path: Path) -> None:
    well(work.batches, Settings(var=tmp_path / "none"))
    (settings.var / "batch.lock").touch()
    well(work.batches, settings)
    (settings.var / "intake").mkdir()
    (settings.var / "intake" / "0123.json").write_text("{}")
    found(work.batches, settings, "warning", "1 intakes were killed", "run it again")
    with (settings.var / "batch.lock").open("w") as lock:  # somebody is at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        well(work.batches, settings)
    (settings.var / "intake" / "0123.json").unlink()
    settings.packs.mkdir(exist_ok=True)
    (settings.packs / ".boiler@1.new").mkdir()
    found(work.batches, settings, "warning", ".boiler@1.new", "run it again")


def test_batches_of_tenants_and_of_the_api(settings: Settings) -> None:
    lock = settings.var / "tenants" / "acme" / "batch.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    well(work.batches, settings)
    (lock.parent / "intake").mkdir()
    (lock.parent / "intake" / "0123.json").write_text("{}")
    found(work.batches, settings, "warning", "acme: 1 intakes were killed", "run it again")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [one.message for one in work.batches(settings)] == ["one is running for acme"]
    (lock.parent / "intake" / "0123.json").unlink()
    queue = settings.var / "launches" / "queue"
    queue.mkdir(parents=True)
    (queue / "1-run").touch()
    (queue.parent / "lock").touch()
    found(work.batches, settings, "warning", "1 runs of the API wait", "starts the process")
    with (queue.parent / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        well(work.batches, settings)


def test_a_run_that_was_killed(settings: Settings) -> None:
    from datetime import UTC, datetime

    from greenlang.metrics import RunInfo

    (settings.var / "batch.lock").touch()
    MetricsStore(settings).write([], RunInfo("lost", "test", datetime.now(UTC), None))
    found(work.batches, settings, "warning", "run lost", "goes on where")


# --- Dagster ----------------------------------------------------------------------------------------------------------


def told(**changes: Any) -> str:
    """What a webserver says of an instance in which all is well."""
    healthy = {"daemonType": "SENSOR", "required": True, "healthy": True}
    location = {"name": "greenlang", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
    node = {
        "schedules": [{"name": "nightly", "scheduleState": {"status": changes.get("nightly", "RUNNING")}}],
        "sensors": [{"name": "inbox_sensor", "sensorState": {"status": "RUNNING"}}],
    }
    return json.dumps(
        {
            "data": {
                "instance": {"daemonHealth": {"allDaemonStatuses": [{**healthy, **changes.get("daemon", {})}]}},
                "workspaceOrError": {
                    "__typename": "Workspace",
                    "locationEntries": [{**location, **changes.get("location", {})}],
                },
                "repositoriesOrError": {"nodes": [node]},
            }
        }
    )


@pytest.mark.parametrize(
    ("changes", "state", "says", "mend"),
    [
        ({"daemon": {"healthy": False}}, "fault", "the daemon does not run (sensor", "dagster-daemon run"),
        ({"nightly": "STOPPED"}, "warning", "switched off: nightly", "Automation"),
        (
            {"location": {"locationOrLoadError": {"__typename": "PythonError", "message": "a\nNameError: x"}}},
            "fault",
            "does not load: NameError: x",
            "reload",
        ),
    ],
)
def test_dagster(
    changes: dict[str, Any], state: str, says: str, mend: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    well(orchestration.dagster, settings)  # not used
    (settings.var / "dagster").mkdir()
    found(orchestration.dagster, settings, "warning", "no webserver answers", "make up")
    answer = [told()]
    with serving(lambda path: (200, answer[0])) as port:
        (settings.var / "dagster" / "up.json").write_text(json.dumps({"port": port}))
        well(orchestration.dagster, settings)
        answer[0] = told(**changes)
        found(orchestration.dagster, settings, state, says, mend)
    asked = settings.model_copy(update={"launcher": "dagster", "dagster_url": f"http://127.0.0.1:{free_port()}"})
    found(orchestration.dagster, asked, "fault", "no webserver answers", "make up")


def test_what_is_asked_is_what_dagster_knows() -> None:
    from dagster_graphql.schema import create_schema
    from graphql import parse, validate

    assert validate(create_schema().graphql_schema, parse(orchestration._ASK)) == []


def test_a_home_that_is_not_ours(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda path: (200, told())) as port:
        found_at = settings.model_copy(update={"webserver_port": port})
        (settings.var / "dagster").mkdir()
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "none"))
        found(orchestration.dagster, found_at, "fault", "no dagster.yaml", "deploy/dagster.yaml")
        (tmp_path / "none").mkdir()
        (tmp_path / "none" / "dagster.yaml").touch()
        found(orchestration.dagster, found_at, "warning", "make up", "unset it")


def test_tables_of_another_dagster(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real instance, and one whose tables are set back to an earlier revision."""
    from dagster import DagsterInstance

    home = settings.var / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with DagsterInstance.from_config(str(home)) as instance:
        instance.all_instigator_state()
        instance.get_dynamic_partitions("agents")
        instance.get_runs_count()
    with serving(lambda path: (200, told())) as port:
        at = settings.model_copy(update={"webserver_port": port})
        well(orchestration.dagster, at)
        with closing(sqlite3.connect(home / "history" / "runs.db")) as database:
            database.execute("UPDATE alembic_version SET version_num = '567bc23fd1ac'")
            database.commit()
        found(orchestration.dagster, at, "fault", "history/runs.db", "dagster instance migrate")


def test_dagster_on_postgresql(settings: Settings, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables that the installed Dagster makes there, and those of an earlier release."""
    from dagster import DagsterInstance

    for name in ("DAGSTER_PG_URL", "DAGSTER_PG_URL_FILE", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = settings.var / "dagster"
    home.mkdir()
    shutil.copyfile(Path(__file__).resolve().parents[2] / "deploy" / "dagster.yaml", home / "dagster.yaml")
    with serving(lambda path: (200, told())) as port, postgres.database() as name:
        at = settings.model_copy(update={"webserver_port": port})
        found(orchestration.dagster, at, "warning", "were not checked", "DAGSTER_PG_URL")
        url = postgres.url(name, OWNER)
        monkeypatch.setenv("DAGSTER_PG_URL", url)
        found(orchestration.dagster, at, "warning", "no tables yet", "first start")
        with DagsterInstance.from_config(str(home)) as instance:
            instance.get_runs_count()
        well(orchestration.dagster, at)
        postgres.sql("UPDATE alembic_version SET version_num = '567bc23fd1ac'", database=name)
        found(orchestration.dagster, at, "fault", "revision 567bc23fd1ac", "dagster instance migrate")
        lost = f"postgresql://me:planted-secret@127.0.0.1:{free_port()}/x"
        monkeypatch.setenv("DAGSTER_PG_URL", lost)
        found(orchestration.dagster, at, "fault", "cannot be read", "server runs")
        assert "planted" not in str(list(orchestration.dagster(at)))
        monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://me:planted/secret@host/x")
        found(orchestration.dagster, at, "fault", "cannot be read", "DAGSTER_PG_URL")
        assert "planted" not in str(list(orchestration.dagster(at)))


# --- all of them ------------------------------------------------------------------------------------------------------


def test_a_check_that_fails_or_hangs_hides_no_other(settings: Settings) -> None:
    def breaks(_: Settings) -> Iterator[Found]:
        raise ZeroDivisionError("oh")

    def hangs(_: Settings) -> Iterator[Found]:
        time.sleep(30)
        yield ok("late")

    def leaks(_: Settings) -> Iterator[Found]:
        raise OSError("cannot reach postgresql://me:planted@host/x")

    checks: dict[str, Check] = {"breaks": breaks, "hangs": hangs, "leaks": leaks, "well": lambda _: [ok("fine")]}
    results = list(examine(settings, checks=checks, seconds=0.2))
    assert [(one.check, one.state) for one in results] == [
        *(("breaks", "fault"), ("hangs", "fault"), ("leaks", "fault"), ("well", "ok"))
    ]
    assert "ZeroDivisionError: oh" in results[0].message
    assert "planted" not in results[2].message


def test_every_check_is_well_in_a_factory_that_works(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    results = list(examine(settings, seconds=60))
    assert [one.check for one in results] == list(CHECKS)
    assert not [one for one in results if one.state == "fault"], results


def test_the_command(settings: Settings) -> None:
    from typer.testing import CliRunner

    from greenlang.cli.main import app

    (settings.keys / "signing-key.pem").chmod(0o644)
    names = ("--check", "signing key", "--check", "clock")
    result = CliRunner().invoke(app, ["--var", str(settings.var), "doctor", *names])
    assert result.exit_code == 1
    assert "chmod 600" in result.output
    assert "1 faults, 0 warnings, 2 checks" in result.output
    result = CliRunner().invoke(app, ["--var", str(settings.var), "doctor", *names, "--json"])
    assert {one["check"]: one["state"] for one in json.loads(result.output)} == {"signing key": "fault", "clock": "ok"}
    result = CliRunner().invoke(app, ["--var", str(settings.var), "doctor", "--check", "zzz"])
    assert result.exit_code == 2
    assert "there are: disk" in result.output
