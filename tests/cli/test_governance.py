"""`greenlang audit`, `tenant`, `key` and `agent check` do what they say and leave traces."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.registry import Registry
from greenlang.registry.audit import RETENTION_DAYS
from greenlang.registry.keys import Keys
from tests.registry.test_registry import entry

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on an embedded registry with one draft in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("GREENLANG_REGISTRY_URL", "GREENLANG_TENANT", "GREENLANG_REGION"):
        monkeypatch.delenv(name, raising=False)
    with Registry(url(tmp_path)) as registry:
        registry.register(entry())
    return lambda *words: CliRunner().invoke(app, ["--var", str(tmp_path / "var"), *words])


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'var' / 'registry.sqlite'}"


def test_a_key_is_printed_once_and_works_until_it_is_revoked(run: Run, tmp_path: Path) -> None:
    issued = run("key", "issue", "anna", "--role", "developer", "--days", "90")
    assert issued.exit_code == 0, issued.output
    plain = issued.stdout.strip()
    with Registry(url(tmp_path)) as registry:
        key = Keys(registry).verify(plain).key_id
    listed = run("key", "list", "--json")
    assert plain.split("_", 2)[2] not in listed.stdout
    assert [(k["id"], k["state"]) for k in json.loads(listed.stdout)] == [(key, "valid")]
    assert run("key", "revoke", key, "--reason", "lost", "--dry-run").exit_code == 0
    assert json.loads(run("key", "list", "--json").stdout)[0]["state"] == "valid"
    assert run("key", "revoke", key, "--reason", "lost").exit_code == 0
    assert json.loads(run("key", "list", "--json").stdout)[0]["state"] == "revoked"
    assert run("key", "revoke", "default.none", "--reason", "lost").exit_code == 1


def test_a_dry_run_issues_no_key(run: Run) -> None:
    told = run("key", "issue", "anna", "--role", "viewer", "--dry-run", "--json")
    assert json.loads(told.stdout)["key"] is None
    assert "no key" in run("key", "list").stdout
    wrong = run("key", "issue", "anna", "--role", "root")
    assert wrong.exit_code == 2
    assert "'root' is no role; the roles are super_admin, " in wrong.stderr


def test_a_draft_is_for_dev_and_what_is_denied_for_nobody(run: Run) -> None:
    assert run("agent", "check", "heat/boiler", "--environment", "dev").exit_code == 0
    refused = run("agent", "check", "heat/boiler@1.0.0", "--environment", "production", "--json")
    assert refused.exit_code == 1
    assert [finding["rule"] for finding in json.loads(refused.stdout)] == ["state"]
    assert run("tenant", "deny", "default", "heat/*", "--reason", "wrong figures").exit_code == 0
    denied = run("agent", "check", "heat/boiler", "--environment", "dev")
    assert denied.exit_code == 1
    assert "wrong figures" in denied.stdout
    assert run("tenant", "withdraw", "default", "1", "--reason", "mended").exit_code == 0
    assert run("agent", "check", "heat/boiler", "--environment", "dev").exit_code == 0
    assert run("agent", "check", "heat/pump").exit_code == 1
    assert run("agent", "check", "heat pump").exit_code == 2


def test_what_a_tenant_may_is_set_and_shown(run: Run) -> None:
    assert run("tenant", "allow", "default", "heat/*", "--reason", "ours", "--environment", "dev").exit_code == 0
    assert run("tenant", "quota", "default", "versions", "5").exit_code == 0
    assert run("tenant", "quota", "default", "jobs_per_day", "7").exit_code == 0
    assert run("tenant", "quota", "default", "jobs_per_day", "none").exit_code == 0
    assert run("tenant", "environment", "default", "production", "experimental").exit_code == 0
    dry = run("tenant", "environment", "default", "dev", "certified", "--dry-run", "--json")
    assert json.loads(dry.stdout)["changed"] is False
    line = json.loads(run("tenant", "deny", "default", "x/*", "--reason", "no", "--json", "--dry-run").stdout)
    assert (line["kind"], line["pattern"], line["changed"]) == ("deny", "x/*", False)
    shown = json.loads(run("tenant", "show", "default", "--json").stdout)
    assert shown["quotas"] == {"versions": 5, "jobs_per_day": None, "requests_per_minute": None}
    assert shown["environments"] == {"dev": "draft", "staging": "experimental", "production": "experimental"}
    assert [(line["kind"], line["pattern"], line["environment"]) for line in shown["lists"]] == [
        ("allow", "heat/*", "dev")
    ]
    assert "quota versions" in run("tenant", "show", "default").stdout
    assert "default" in run("tenant", "list").stdout
    for wrong in (("quota", "default", "versions", "many"), ("environment", "default", "prod", "draft")):
        assert run("tenant", *wrong).exit_code == 2
    lacking = run("tenant", "create", "acme")
    assert lacking.exit_code == 2
    assert "needs a registry on PostgreSQL" in lacking.stderr
    assert "GREENLANG_REGISTRY_URL" in lacking.stderr


def test_the_log_is_asked_verified_and_exported(run: Run, tmp_path: Path) -> None:
    run("key", "issue", "anna", "--role", "viewer")
    found = json.loads(run("audit", "query", "--event-type", "key.*", "--json").stdout)
    assert [(event["event"], event["detail"]["name"]) for event in found] == [("key.issued", "anna")]
    assert found[0]["actor"].startswith("cli/")
    assert run("audit", "query", "--start-time", "2999-01-01").exit_code == 1
    assert run("audit", "query", "--start-time", "yesterday").exit_code == 2
    assert "2 events of default as they were written" in run("audit", "verify").stdout
    file = tmp_path / "log.parquet"
    assert "would hold the events 1 to 2" in run("audit", "export", str(file), "--dry-run").stdout
    assert not file.exists()
    assert json.loads(run("audit", "export", str(file), "--json").stdout)["events"] == 2
    assert run("audit", "export", str(file)).exit_code == 2
    assert "the log goes on" in run("audit", "verify", str(file)).stdout
    assert run("audit", "verify", str(file), "--keys", str(tmp_path / "var" / "keys")).exit_code == 0
    assert "no event of default is older than" in run("audit", "prune", "--export", str(file)).stdout
    assert run("audit", "prune", "--export", str(file), "--days", "30").exit_code == 2


def test_on_a_team_registry_each_tenant_has_its_own(
    postgres_url: str, postgres_owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_REGISTRY_URL", postgres_url)
    monkeypatch.setenv("GREENLANG_VAR", str(tmp_path / "var"))

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    with time_machine.travel(datetime.now(UTC) - timedelta(days=RETENTION_DAYS + 1)):
        assert run("tenant", "create", "acme", "--residency", "eu").exit_code == 0
    assert run("key", "issue", "anna", "--role", "developer", "--tenant", "acme").stdout.startswith("gl_acme.")
    assert run("key", "issue", "anna", "--role", "developer", "--tenant", "nobody").exit_code == 1
    assert [tenant["tenant"] for tenant in json.loads(run("tenant", "list", "--json").stdout)] == ["acme", "default"]
    assert run("audit", "query").exit_code == 1, "the tenant default has no event"
    told = json.loads(run("audit", "query", "--tenant", "acme", "--json").stdout)
    assert [event["event"] for event in told] == ["key.issued", "tenant.created"]
    file = str(tmp_path / "log.parquet")
    assert run("audit", "export", file, "--tenant", "acme").exit_code == 0
    refused = run("audit", "prune", "--export", file, "--tenant", "acme")
    assert refused.exit_code == 2
    assert "GREENLANG_REGISTRY_ADMIN_URL" in refused.stderr
    monkeypatch.setenv("GREENLANG_REGISTRY_ADMIN_URL", postgres_owner_url)
    assert (
        "1 events of acme, up to number 1, removed"
        in run("audit", "prune", "--export", file, "--tenant", "acme").stdout
    )
    assert "as they were written" in run("audit", "verify", "--tenant", "acme").stdout

    suspension = ("suspend", "acme", "--reason", "not paid")
    assert "nobody is let in" in run("tenant", *suspension, "--dry-run").stdout
    assert ("suspended", "no") in facts(run("tenant", "show", "acme"))
    since = json.loads(run("tenant", *suspension, "--json").stdout)["suspended_at"]
    assert since[:10] in dict(facts(run("tenant", "show", "acme")))["suspended"]
    assert {one["tenant"]: one["suspended_at"] for one in json.loads(run("tenant", "list", "--json").stdout)} == {
        "acme": since,
        "default": None,
    }
    assert "is let in" in run("tenant", "resume", "acme", "--reason", "paid").stdout
    assert ("suspended", "no") in facts(run("tenant", "show", "acme"))


def facts(result: Result) -> list[tuple[str, str]]:
    """The lines that name one value."""
    return [(name, value.strip()) for name, _, value in (line.partition("  ") for line in result.stdout.splitlines())]


def test_a_changed_log_fails_the_command(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "var" / "registry.sqlite") as connection:
        connection.execute("DROP TRIGGER audit_events_update")
        connection.execute("UPDATE audit_events SET actor = 'nobody'")
    connection.close()
    told = run("audit", "verify", "--json")
    assert told.exit_code == 1
    assert "event 1 was changed" in json.loads(told.stdout)[0]["message"]
