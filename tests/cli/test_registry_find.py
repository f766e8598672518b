"""`greenlang registry search | discover`, `greenlang agent heartbeat | health` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.registry import Port, Registry
from tests.registry.test_registry import entry

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on an embedded registry with two agents in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("GREENLANG_REGISTRY_URL", "GREENLANG_TENANT"):
        monkeypatch.delenv(name, raising=False)
    with Registry(f"sqlite:///{tmp_path / 'var' / 'registry.sqlite'}") as registry:
        for version in ("1.0.0", "1.1.0"):
            registry.register(entry(version=version))
        outputs = (Port("work", "float64", "tonne_km"),)
        said = {"name": "Lorry", "summary": "Work of a lorry", "inputs": (), "outputs": outputs}
        registry.register(entry("transport/lorry", tags=("iso-14083", "scope3"), **said))
    return lambda *words: CliRunner().invoke(app, ["--var", str(tmp_path / "var"), *words])


def _found(told: Result) -> list[tuple[str, str]]:
    return [(one["agent_id"], one["version"]) for one in json.loads(told.stdout)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("truck",), [("transport/lorry", "1.0.0")]),
        (("boiler",), [("heat/boiler", "1.1.0")]),
        (("boiler", "--all-versions"), [("heat/boiler", "1.1.0"), ("heat/boiler", "1.0.0")]),
        (("--unit", "t km"), [("transport/lorry", "1.0.0")]),
        (("--regulation", "ISO 14083"), [("transport/lorry", "1.0.0")]),
        (("--capability", "Scope1", "--state", "draft"), [("heat/boiler", "1.1.0")]),
        (("--state", "certified"), []),
    ],
)
def test_search(run: Run, words: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    told = run("registry", "search", *words, "--json")
    assert told.exit_code == (0 if expected else 1), told.output
    assert _found(told) == expected


def test_an_instance_that_reports_is_discovered(run: Run) -> None:
    nothing = run("registry", "discover", "scope1")
    assert nothing.exit_code == 1
    assert "no agent with that capability runs" in nothing.stdout
    unknown = run("agent", "health", "heat/boiler")
    assert unknown.exit_code == 1
    assert "unknown" in unknown.stdout
    beat = run("agent", "heartbeat", "heat/boiler", "host-1", "--endpoint", "http://host-1/", "--metric", "calls=9")
    assert beat.exit_code == 0, beat.output
    (found,) = json.loads(run("registry", "discover", "scope1", "--version", ">=1", "--json").stdout)
    assert (found["agent"]["version"], found["status"]) == ("1.1.0", "healthy")
    assert found["instances"][0]["endpoint"] == "http://host-1/"
    assert "http://host-1/" in run("registry", "discover", "scope1").stdout
    assert run("agent", "health", "heat/boiler").exit_code == 0
    told = run("agent", "heartbeat", "heat/boiler", "host-1", "--metric", "calls=9", "--metric", "errors=9", "--json")
    assert json.loads(told.stdout)["health"] == 0
    ill = run("agent", "health", "heat/boiler", "--json")
    assert ill.exit_code == 1
    assert json.loads(ill.stdout)["reason"] == "100.0% of 9 calls failed"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("agent", "heartbeat", "heat/boiler", "a", "--metric", "calls=many"), 2),
        (("agent", "heartbeat", "heat/boiler", "a", "--metric", "joy=1"), 2),
        (("agent", "heartbeat", "no/such", "a"), 1),
        (("agent", "health", "no/such"), 1),
        (("registry", "discover", "scope1", "--version", "about one"), 2),
    ],
)
def test_mistakes_have_their_exit_codes(run: Run, words: tuple[str, ...], code: int) -> None:
    told = run(*words)
    assert told.exit_code == code, told.output
