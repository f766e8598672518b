"""What holds for every command: help, a row in docs/cli.md, JSON where it is offered, a hint for an unknown name.

A new command fails here until it stands in the tables below.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.cli.remote import commands
from tests.cli.test_cli import Call, filled

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = str(ROOT / "templates" / "specs" / "examples" / "boiler.pack.yaml")
TEMPLATE = str(ROOT / "templates" / "specs" / "industrial" / "industrial-heat-pump.yaml")
COMMANDS = dict(commands(get_command(app)))
WITH_JSON = sorted(name for name, one in COMMANDS.items() if any("--json" in p.opts for p in one.params))

# Commands that are run here, on a small folder `var`, and the exit codes that are right for it.
RUN: dict[str, tuple[list[str], int]] = {
    "agent approve": (["heat/boiler@1.0.0", "--to", "experimental", "--comment", "x", "--dry-run"], 0),
    "agent batch-status": ([], 0),
    "agent check": (["heat/boiler"], 1),
    "agent deprecate": (["heat/boiler@1.0.0", "--reason", "x", "--no-successor", "--dry-run"], 1),
    "agent diff": ([EXAMPLE, EXAMPLE], 0),
    "agent explain": ([EXAMPLE], 0),
    "agent health": (["heat/boiler"], 1),
    "agent history": (["heat/boiler"], 0),
    "agent inspect": (["heat/boiler"], 0),
    "agent list": ([], 0),
    "agent metrics": (["heat/boiler@1.0.0"], 0),
    "agent promote": (["heat/boiler@1.0.0", "--to", "experimental", "--reason", "x", "--dry-run"], 1),
    "agent promotion-status": (["heat/boiler@1.0.0"], 1),
    "agent retire": (["heat/boiler@1.0.0", "--reason", "x", "--dry-run"], 0),
    "agent rollback": (["heat/boiler@1.0.0", "--reason", "x", "--dry-run"], 1),
    "agent search": (["gas"], 0),
    "agent validate": ([EXAMPLE], 0),
    "audit query": ([], 0),
    "audit verify": ([], 0),
    "factors explain": (["electricity-generated", "--region", "GB", "--year", "2025", "--per", "kWh"], 0),
    "factors release list": ([], 0),
    "factors search": (["hotel"], 0),
    "factors show": (["ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu"], 0),
    "factors stats": ([], 0),
    "factory config": ([], 0),
    "factory logs": ([], 0),
    "factory metrics": ([], 0),
    "factory status": ([], 0),
    "formulas list": (["carnot"], 0),
    "formulas show": (["energy/heat-pumps/carnot-cop"], 0),
    "formulas stats": ([], 0),
    "key issue": (["me", "--role", "viewer", "--dry-run"], 0),
    "key list": ([], 0),
    "llm status": ([], 0),
    "llm usage": ([], 0),
    "policy diff": (["v1", "v2"], 0),
    "policy list": ([], 0),
    "policy show": (["v1"], 0),
    "policy use": (["v1", "--dry-run"], 0),
    "quality dimensions": ([], 0),
    "quality repairs": ([], 0),
    "query": (["select 1 as one"], 0),
    "registry as-of": (["2030-01-01T00:00:00Z"], 1),
    "registry decay": ([], 0),
    "registry discover": (["co2e_kg"], 1),
    "registry info": (["heat/boiler"], 0),
    "registry migrate": (["--dry-run"], 0),
    "registry resolve": (["heat/boiler", ">=1"], 0),
    "registry search": (["gas"], 0),
    "registry verify": (["heat/boiler"], 0),
    "template list": (["heat"], 0),
    "template show": (["industrial-heat-pump"], 0),
    "template validate": ([TEMPLATE, "--quick"], 0),
    "tenant allow": (["default", "a/*", "--reason", "x", "--dry-run"], 0),
    "tenant deny": (["default", "a/*", "--reason", "x", "--dry-run"], 0),
    "tenant environment": (["default", "dev", "draft", "--dry-run"], 0),
    "tenant list": ([], 0),
    "tenant residency": (["default", "eu", "--reason", "x", "--dry-run"], 0),
    "tenant quota": (["default", "versions", "5", "--dry-run"], 0),
    "tenant resume": (["default", "--reason", "x"], 0),
    "tenant show": (["default"], 0),
}

# Commands that need more than that: the tests that read their JSON.
ELSEWHERE = {
    "agent batch": "line/test_command_line.py",
    "agent benchmark": "cli/test_agents.py",
    "agent coverage": "cli/test_agents.py",
    "agent create": "line/test_command_line.py",
    "agent determinism": "cli/test_agents.py",
    "agent heartbeat": "cli/test_registry_find.py",
    "agent profile": "cli/test_agents.py",
    "agent publish": "cli/test_agents.py",
    "agent quality": "cli/test_agents.py",
    "agent refine": "line/test_refine.py",
    "agent regenerate": "factory/test_cli_packs.py",
    "agent security": "cli/test_agents.py",
    "agent test": "cli/test_agents.py",
    "audit export": "cli/test_governance.py",
    "audit prune": "cli/test_governance.py",
    "backup create": "backup/test_round_trip.py",
    "backup verify": "backup/test_round_trip.py",
    "calc check": "calc/test_batch_cli.py",
    "calc once": "calc/test_calc_cli.py",
    "calc overlaps": "calc/test_accounting_cli.py",
    "calc prove": "calc/test_batch_cli.py",
    "calc restate": "calc/test_batch_cli.py",
    "calc run": "calc/test_batch_cli.py",
    "calc scope2": "calc/test_accounting_cli.py",
    "calc spend": "calc/test_accounting_cli.py",
    "calc uncertainty": "calc/test_accounting_cli.py",
    "catalogue build": "templates/test_cli.py",
    "catalogue report": "templates/test_cli.py",
    "factory alert-test": "alerts/test_alerts.py",
    "telemetry serve": "telemetry/test_serving.py",
    "telemetry write": "telemetry/test_serving.py",
    "doctor": "doctor/test_checks.py",
    "factors refused": "factors/test_sync.py",
    "factors release diff": "factors/test_sync.py",
    "factors release show": "factors/test_sync.py",
    "factors sync": "factors/test_sync.py",
    "factory follow": "api/test_follow.py",
    "factory mirror": "metrics/test_mirror.py",
    "llm describe": "llm/test_cli.py",
    "policy check": "cli/test_lifecycle.py",
    "quality advisories": "cli/test_quality.py",
    "quality report": "cli/test_quality.py",
    "quality validate": "cli/test_quality.py",
    "registry push": "registry/test_exchange.py",
    "registry scan": "registry/test_scans.py",
    "restore": "backup/test_round_trip.py",
    "tenant create": "cli/test_governance.py",
    "tenant suspend": "cli/test_governance.py",
    "tenant withdraw": "cli/test_governance.py",
    "verify": "calc/test_calc_cli.py",
}

# A name that there is not: exit code 1, and what to do is said.
UNKNOWN: dict[str, list[str]] = {
    "agent batch-status": ["zzz"],
    "agent benchmark": ["heat/none"],
    "agent coverage": ["heat/none"],
    "agent deploy": ["heat/none"],
    "agent determinism": ["heat/none"],
    "agent export": ["heat/none", "--as", "zip"],
    "agent inspect": ["heat/none"],
    "agent profile": ["heat/none"],
    "agent publish": ["--name", "CBAM Carbon Calculator"],
    "agent quality": ["heat/none"],
    "agent security": ["heat/none"],
    "agent test": ["heat/none"],
    "agent verify": ["heat/none"],
    "factors show": ["ef://epa/none"],
    "formulas show": ["energy/none"],
    "quality report": ["heat/none"],
    "registry emit": ["heat/none", "--as", "mcp"],
    "registry info": ["heat/none"],
    "template show": ["heat-pomp"],
}


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """What is called here changes nothing: one folder for all."""
    var = filled(tmp_path_factory.mktemp("every") / "var")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--var", str(var), *arguments])

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does_and_what_it_takes(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    silent = [p.name for p in command.params if p.name != "help" and not getattr(p, "help", None)]
    assert not silent, f"without help: {silent}"


def test_every_command_has_a_row_in_the_documentation_and_no_row_is_of_none() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `greenlang ((?:[a-z0-9][a-z0-9-]*)(?: [a-z0-9][a-z0-9-]*)*)(?: [^`a-z][^`]*)?` \|", page, re.M
    )
    named = {row.strip() for row in rows}
    assert sorted(COMMANDS.keys() - named) == []
    assert sorted(named - COMMANDS.keys()) == []


def test_every_command_with_json_is_tested_for_it() -> None:
    assert sorted(set(WITH_JSON) - RUN.keys() - ELSEWHERE.keys()) == []
    for name, file in ELSEWHERE.items():
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert name.split()[-1] in text, name
        assert "json" in text, name


@pytest.mark.parametrize("name", sorted(RUN))
def test_json_is_json_and_nothing_else(name: str, call: Call) -> None:
    arguments, code = RUN[name]
    done = call(*name.split(), *arguments, "--json")
    assert done.exit_code == code, done.output
    json.loads(done.stdout)


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_an_unknown_name_is_a_no_with_a_hint(name: str, call: Call) -> None:
    done = call(*name.split(), *UNKNOWN[name])
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.search(r"`greenlang |nearest|its versions|did you mean", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
