"""How good an agent is, what a batch did, what the factory did: on one agent that was really made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.api.app import create_app
from greenlang.cli.main import app
from greenlang.factory import AgentFactory, AgentSpec
from greenlang.masking import without_secrets
from greenlang.registry import Registry
from greenlang.settings import Settings
from greenlang.signing import PUBLIC
from tests import libraries
from tests.api.conftest import key_for
from tests.api.loopback import served
from tests.factory.bare_agent import SPEC

AGENT = "heat/pump_cop"
Call = Callable[..., Result]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one registered agent, and one spec without a plan."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "var").mkdir()
    libraries.tell(folder / "var")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    vague = SPEC.replace("heat/pump_cop", "heat/vague_cop").replace("    cop: heat / electricity\n", "    {}\n")
    (folder / "vague.yaml").write_text(vague, encoding="utf-8")
    specs = [AgentSpec.from_yaml(folder / name) for name in ("spec.yaml", "vague.yaml")]
    factory = AgentFactory(settings=Settings(var=folder / "var", workers=1, mutants=1))
    made, _ = factory.generate_batch_sync(specs)
    assert made.registered, made.error
    return folder / "var"


@pytest.fixture
def call(var: Path) -> Call:
    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, ["--var", str(var), *arguments], env={"GREENLANG_MUTANTS": "1"})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("made_agent")]


def test_its_tests_run_in_the_sandbox(call: Call) -> None:
    shown = call("agent", "test", AGENT)
    assert shown.exit_code == 0
    assert "boundary" in shown.stdout
    assert "coverage  100.0 %" in shown.stdout
    told = json.loads(call("agent", "test", AGENT, "--json").stdout)
    assert told["passed"] == len(told["tests"]) >= 40
    assert (told["status"], told["coverage"]) == ("passed", 100.0)
    assert "tests/test_unit.py::" in call("agent", "test", AGENT, "--all").stdout


def test_a_changed_agent_fails_its_tests_with_their_words(call: Call, var: Path, tmp_path: Path) -> None:
    pack = next(path for path in (var / "packs").iterdir() if path.is_dir())
    copy = tmp_path / "copy"
    shutil.copytree(pack, copy)
    (tools,) = copy.glob("gl_*/tools.py")
    code = tools.read_text(encoding="utf-8")
    changed = code.replace("heat / electricity", "heat * electricity")
    assert changed != code
    tools.write_text(changed, encoding="utf-8")
    failed = call("agent", "test", str(copy))
    assert failed.exit_code == 1
    assert "failed" in failed.stdout
    nothing = call("agent", "test", str(tmp_path))
    assert nothing.exit_code == 2
    assert "is no finished pack" in nothing.stderr


@pytest.mark.parametrize("view", ["quality", "coverage", "security", "determinism"])
def test_the_judgement_is_told_and_made_again(call: Call, view: str) -> None:
    shown = call("agent", view, AGENT)
    assert shown.exit_code == 0
    words = {
        "quality": "Every required dimension",
        "coverage": "85 %",
        "security": "secrets",
        "determinism": "pinned rows",
    }
    assert words[view] in shown.stdout
    told = json.loads(call("agent", view, AGENT, "--json").stdout)
    assert told["agent_id"] == AGENT
    missing = call("agent", view, "heat/none")
    assert missing.exit_code == 1
    assert "heat/none" in missing.stderr
    unmade = call("agent", view, "heat/vague_cop")
    assert unmade.exit_code == 1
    assert "no certain plan for cop" in unmade.stderr


def test_again_judges_the_pack_as_it_lies_there_now(call: Call) -> None:
    again = call("agent", "coverage", AGENT, "--again", "--json")
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["coverage"] == 100.0
    assert "judging" in again.stderr


def test_speed_and_memory_are_measured(call: Call) -> None:
    speed = json.loads(call("agent", "benchmark", AGENT, "--calls", "100", "--json").stdout)
    assert speed["calls"] == 100
    assert 0 < speed["p50_ms"] <= speed["p95_ms"] <= speed["worst_ms"]
    assert "per second" in call("agent", "benchmark", AGENT, "--calls", "100").stdout
    memory = json.loads(call("agent", "profile", AGENT, "--calls", "200", "--json").stdout)
    assert memory["many_mb"] > 0
    assert "MB a thousand calls" in call("agent", "profile", AGENT, "--calls", "200").stdout


def test_what_a_batch_and_the_factory_did(call: Call) -> None:
    batch = json.loads(call("agent", "batch-status", "--json").stdout)
    assert (batch["agents"], batch["registered"], batch["incomplete"], batch["status"]) == (2, 1, 1, "finished")
    assert [row["spec"] for row in batch["failed"]] == ["heat/vague_cop 1.0.0"]
    assert "heat/vague_cop" in call("agent", "batch-status", batch["batch"][:8]).stdout
    none = call("agent", "batch-status", "zzz")
    assert (none.exit_code, none.stderr) == (
        1,
        "greenlang: no batch is called zzz; `greenlang factory logs` names them\n",
    )
    figures = json.loads(call("factory", "metrics", "--json").stdout)
    assert (figures["total_agents"], figures["registered"], figures["success_rate"]) == (2, 1, 0.5)
    assert "success rate         50.00 %" in call("factory", "metrics").stdout
    lines = json.loads(call("factory", "logs", "--json").stdout)
    assert {line["outcome"] for line in lines} == {"registered", "incomplete"}
    assert {line["run_id"] for line in lines} == {batch["batch"]}
    only = json.loads(call("factory", "logs", "--outcome", "incomplete", "--rows", "1", "--json").stdout)
    assert [line["spec"] for line in only] == ["heat/vague_cop 1.0.0"]
    assert "heat/pump_cop 1.0.0" in call("factory", "logs", "--run", batch["batch"]).stdout


def test_deploying_is_not_done_and_says_what_there_is(call: Call, var: Path) -> None:
    said = call("agent", "deploy", AGENT)
    assert said.exit_code == 1
    assert "nothing was deployed" in said.stderr
    assert "agent export heat/pump_cop --as oci" in said.stdout
    (line,) = [line for line in said.stdout.splitlines() if "kubectl" in line]
    assert Path(line.split()[3]).is_dir()


def test_a_scaffold_is_a_spec_that_reads(call: Call, tmp_path: Path) -> None:
    for options in ((), ("--template", "industrial-heat-pump")):
        out = tmp_path / f"{len(options)}.yaml"
        assert call("agent", "scaffold", "industrial/my_boiler_v1", *options, "-o", str(out)).exit_code == 0
        spec = AgentSpec.from_yaml(out)
        assert (spec.agent_id, spec.name) == ("industrial/my_boiler_v1", "My Boiler V1")


def test_the_configuration_is_told_without_secrets(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANG_REGISTRY_URL", "postgresql://me:hunter2@db/registry?sslkey=abc&x=1")
    rows = {row["setting"]: row for row in json.loads(call("factory", "config", "--json").stdout)}
    assert rows["registry_url"] == {
        "setting": "registry_url",
        "value": "***",
        "from": "GREENLANG_REGISTRY_URL",
    }
    assert rows["var"]["from"] == "--var"
    assert rows["max_spec_bytes"]["from"] == "default"
    assert "hunter2" not in call("factory", "config").stdout
    assert (
        without_secrets("s3://bucket/a@b?secret_access_key=x;token=y")
        == "s3://bucket/a@b?secret_access_key=***;token=***"
    )
    assert without_secrets("redis://:pa:ss@host/0") == "redis://:***@host/0"
    sslkey = "postgresql://me:hunter2@db/registry?sslkey=abc&x=1"
    assert without_secrets(sslkey) == "postgresql://me:***@db/registry?sslkey=***&x=1"


def test_publishing_refuses_what_contradicts_the_certificate(call: Call, var: Path, tmp_path: Path) -> None:
    """Document 002's command, on what the pack says; and on what it does not say."""
    said = ("agent", "publish", "--name", "COP of a heat pump", "--version", "1.0.0", "--domain", "heat")
    done = call(*said, "--type", "calculator")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith("is published already\n")
    assert json.loads(call(*said, "--dry-run", "--json").stdout)["agent_id"] == AGENT
    wrong = call("agent", "publish", AGENT, "--version", "2.3.1", "--domain", "sustainability.cbam", "--type", "oracle")
    assert wrong.exit_code == 2
    for part in ("--version '2.3.1': it is '1.0.0'", "--domain 'sustainability.cbam'", "--type 'oracle': it is 'calc"):
        assert part in wrong.stderr
    nobody = call("agent", "publish", "--name", "CBAM Carbon Calculator")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (pack,) = [path for path in (var / "packs").iterdir() if path.is_dir()]
    other = CliRunner().invoke(app, ["--var", str(elsewhere), "agent", "publish", str(pack)])
    assert other.exit_code == 0, other.output
    assert other.stdout.endswith("was published\n")


def test_a_pack_is_published_on_a_server(var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Settings(var=tmp_path / "theirs", api_fresh_ms=0)
    (theirs.keys / "trusted").mkdir(parents=True)
    shutil.copyfile(var / "keys" / PUBLIC, theirs.keys / "trusted" / "ours.pem")
    with Registry(theirs.registry, keys=theirs.keys) as registry, served(create_app(theirs, registry=registry)) as url:
        monkeypatch.setenv("GREENLANG_API_KEY", key_for(registry, "super_admin"))
        asked = ["--var", str(var), "--server", url, "agent", "publish", AGENT]
        trial = CliRunner().invoke(app, [*asked, "--dry-run"])
        assert trial.exit_code == 0, trial.output
        assert registry.count() == 0
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 0, done.output
        assert done.stdout.endswith("was published\n")
        assert registry.get(AGENT).version == "1.0.0"
