"""The life of builds from the command line: what is taken, what is refused, what a program reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.registry import Caller, Pin, Registry
from greenlang.registry.lifecycle import Lifecycle
from greenlang.settings import Settings
from tests.registry.lives import BOILER, enter

Call = Callable[..., Result]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(var=tmp_path / "var")
    with Registry(found.registry, keys=found.keys) as registry:
        enter(registry, Pin("factor", "ef://epa/none/2020/x", "1" * 64))
        enter(registry, version="1.1.0", spec_digest="e" * 64, pack="d")
    return found


@pytest.fixture
def call(settings: Settings) -> Call:
    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["--var", str(settings.var), *arguments])
        assert result.exit_code == code, result.output
        return result

    return run


def approve(settings: Settings, ref: str = BOILER) -> None:
    with Registry(settings.registry, keys=settings.keys) as registry:
        for name in ("bob", "eve"):
            Lifecycle(registry.as_caller(Caller(actor=name))).approve(ref, "certified", comment="read it")


def test_the_way_up_and_down(call: Call, settings: Settings) -> None:
    told = call("agent", "promotion-status", BOILER).stdout
    assert "ready for experimental" in told
    trial = call("agent", "promote", BOILER, "--to", "experimental", "--reason", "judged", "--dry-run").stdout
    assert "would be promoted" in trial
    assert (
        "promoted: heat/boiler@1.0.0#bbbbbbbbbbbb from draft to experimental"
        in call("agent", "promote", BOILER, "--to", "experimental", "--reason", "judged").stdout
    )
    refused = call("agent", "promote", BOILER, "--to", "certified", "--reason", "now", code=1).stdout
    assert "calls_at_least" in refused
    assert "let it be used" in refused
    approve(settings)
    up = ("--to", "certified", "--reason", "patch", "--fast-track", "--json")
    answer = json.loads(call("agent", "promote", BOILER, *up).stdout)
    assert (answer["taken"], answer["steps"][0]["after"]) == (True, "certified")
    assert all(check["met"] for check in answer["checks"])
    assert "from certified to experimental" in call("agent", "rollback", BOILER, "--reason", "wrong").stdout
    call("agent", "retire", BOILER, "--reason", "gone", code=1)
    call("agent", "promote", "heat/boiler@1.1.0", "--to", "experimental", "--reason", "next")
    call("agent", "deprecate", BOILER, "--reason", "old", code=2)
    call("agent", "deprecate", BOILER, "--reason", "old", "--successor", "heat/boiler@>=9", code=1)
    call("agent", "deprecate", BOILER, "--reason", "old", "--successor", "heat/boiler@>=1.1,<2")
    assert "heat/boiler@>=1.1,<2" in call("registry", "info", BOILER).stdout
    assert "from deprecated to retired" in call("agent", "retire", BOILER, "--reason", "gone").stdout
    life = json.loads(call("agent", "history", BOILER, "--json").stdout)
    assert [step["after"] for step in life] == [
        "draft",
        "experimental",
        "certified",
        "experimental",
        "deprecated",
        "retired",
    ]
    assert "as it was signed" in call("registry", "verify", BOILER).stdout


def test_what_was_changed_is_named(call: Call, settings: Settings) -> None:
    import sqlite3

    with sqlite3.connect(settings.registry.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TRIGGER transitions_update")
        connection.execute("UPDATE transitions SET reason = 'other' WHERE id = 1")
    told = call("registry", "verify", BOILER, code=1).stdout
    assert "`reason` is 'other', the statement says 'registered'" in told
    assert "step 1" in told


def test_approval_and_rejection(call: Call) -> None:
    call("agent", "promote", BOILER, "--to", "experimental", "--reason", "first")
    said = ("agent", "approve", BOILER, "--to", "certified", "--comment", "old table", "--reject")
    assert "would be rejected" in call(*said, "--dry-run").stdout
    decision = json.loads(call(*said, "--json").stdout)
    assert [check["name"] for check in decision["checks"] if not check["met"]][-1] == "rejections"
    call("agent", "approve", BOILER, "--to", "experimental", "--comment", "late", code=2)


def test_use_is_reported_and_read(call: Call) -> None:
    call("agent", "report-usage", BOILER, "--calls", "200", "--errors", "1", "--user", "ann", "--user", "bob")
    call("agent", "report-usage", BOILER, "--calls", "7", "--dry-run")
    found = json.loads(call("agent", "metrics", BOILER, "--window", "7d", "--json").stdout)
    assert (found["calls"], found["errors"], found["users"], found["error_rate"]) == (200, 1, 2, 0.5)
    assert "0.5 %" in call("agent", "metrics", BOILER).stdout
    call("agent", "metrics", BOILER, "--window", "month", code=2)
    call("agent", "report-usage", BOILER, "--calls", "1", "--errors", "2", code=2)


def test_policies(call: Call, tmp_path: Path) -> None:
    standing = [one["standing"] for one in json.loads(call("policy", "list", "--json").stdout)]
    assert (standing.count("in force"), standing.count("")) == (1, len(standing) - 1)
    assert "calls_at_least" in call("policy", "show").stdout
    assert json.loads(call("policy", "show", "v2", "--json").stdout)["superseded_gwp_sets"]["AR4GWP100"] == "AR5GWP100"
    call("policy", "show", "v99", code=2)
    own = tmp_path / "ours.yaml"
    own.write_text("name: ours\npromotions: {experimental: {score_at_least: 99}, certified: {}}\n")
    assert "can be used" in call("policy", "check", str(own)).stdout
    changes = json.loads(call("policy", "diff", "v1", str(own), "--json", code=1).stdout)
    assert [(one["before"], one["after"]) for one in changes] == [
        ("ready for experimental", "not ready for experimental")
    ] * 2
    call("policy", "diff", "v1", "v1")
    assert "would be in force" in call("policy", "use", str(own), "--dry-run").stdout
    call("policy", "use", str(own))
    assert json.loads(call("policy", "show", "--json").stdout)["name"] == "ours"
    call("agent", "promote", BOILER, "--to", "experimental", "--reason", "now", code=1)
    own.write_text("name: ours\npromotions: {experimental: {scor: 99}}\n")
    told = call("policy", "check", str(own), code=1).stdout
    assert "ours.yaml:2:" in told
    call("policy", "use", str(own), code=2)


def test_what_was_certified_then(call: Call, settings: Settings) -> None:
    call("registry", "as-of", "2100-01-01", code=1)
    call("agent", "promote", BOILER, "--to", "experimental", "--reason", "first")
    approve(settings)
    call("agent", "promote", BOILER, "--to", "certified", "--reason", "patch", "--fast-track")
    (found,) = json.loads(call("registry", "as-of", "2100-01-01", "--json").stdout)
    assert (found["agent_id"], found["evidence"]["score"]) == ("heat/boiler", 97.5)
    assert "patch" in call("registry", "as-of", "2100-01-01").stdout
    call("registry", "as-of", "2020-01-01", code=1)
    call("registry", "as-of", "yesterday", code=2)


def test_decay_and_the_release_that_brings_it(call: Call, settings: Settings) -> None:
    assert "1 builds would be flagged anew" in call("registry", "decay", "--dry-run").stdout
    assert "1 builds flagged" in call("factors", "release", "pin", "embedded").stdout
    again = json.loads(call("registry", "decay", "--json").stdout)
    assert (again["flagged"], [one["ref"] for one in again["superseded"]]) == ([], ["ef://epa/none/2020/x"])
    status = json.loads(call("agent", "promotion-status", BOILER, "--json", code=1).stdout)
    (flag,) = status["flags"]
    assert (flag["ref"], flag["before"], flag["after"]) == ("ef://epa/none/2020/x", "1" * 64, "")
    assert flag["release"].startswith("embedded-")
    assert "ef://epa/none/2020/x" in call("agent", "promotion-status", BOILER, code=1).stdout
    assert "superseded pins" in call("registry", "info", BOILER).stdout
