"""A command says the same of this machine's registry and of a server's: the same table, JSON and exit code.

One folder, one server on loopback over it; every command that a server serves is called both ways.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from typer.main import get_command

from greenlang.api.app import create_app
from greenlang.catalogue import manager
from greenlang.cli.main import app
from greenlang.cli.remote import ANYWHERE, HERE, SERVED, below, commands
from greenlang.provenance import tree
from greenlang.quality.report import as_json
from greenlang.registry import Caller, Pin, Registry
from greenlang.registry.keys import Keys
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.pack_exchange import push
from greenlang.registry.tenants import Tenants
from greenlang.settings import Settings
from greenlang.specs.model import slug
from tests.api.loopback import served
from tests.api.packing import pack
from tests.cli.test_cli import filled
from tests.quality.report.example import OUTCOME, report
from tests.registry.lives import enter

APP = get_command(app)  # made once: it takes longer than most commands
COMMANDS = dict(commands(APP))
shipped = cache(manager.TemplateManager)  # every call reads them anew
LIVE = "heat/live@1.0.0"
NATURAL_GAS = "ef://epa/stationary-combustion/2024/natural-gas"

# What changes nothing, or only tries: called as it is both ways, as text and, where it has it, as JSON.
ALIKE: dict[str, list[list[str]]] = {
    "agent approve": [
        [LIVE, "--to", "experimental", "--comment", "x", "--dry-run"],
        [LIVE, "--to", "certified", "--comment", "x"],
    ],
    "agent check": [["heat/boiler"], ["heat/boiler", "--environment", "dev", "--tenant", "default"]],
    "agent deprecate": [[LIVE, "--reason", "x", "--no-successor", "--dry-run"], [LIVE, "--reason", "x"]],
    "agent health": [["heat/boiler"], ["heat/live"], ["heat/none"]],
    "agent history": [["heat/live"]],
    "agent inspect": [["heat/boiler"], ["heat/pump"], ["heat/none"]],
    "agent list": [[]],
    "agent metrics": [[LIVE], [LIVE, "--window", "7d"], [LIVE, "--window", "month"]],
    "agent promote": [
        [LIVE, "--to", "experimental", "--reason", "x", "--dry-run"],
        [LIVE, "--to", "certified", "--reason", "x"],
        ["heat/none@1.0.0", "--to", "certified", "--reason", "x"],
    ],
    "agent promotion-status": [[LIVE], [LIVE, "--to", "certified", "--fast-track"]],
    "agent quality": [["heat/none"]],
    "agent report-usage": [[LIVE, "--calls", "7", "--dry-run"], [LIVE, "--calls", "1", "--errors", "2"]],
    "agent retire": [[LIVE, "--reason", "x", "--dry-run"]],
    "agent rollback": [[LIVE, "--reason", "x", "--dry-run"]],
    "agent search": [["gas"]],
    "audit query": [["--subject", "heat/boiler@1.0.0"], ["--event-type", "nothing.such"]],
    "calc once": [
        ["energy/heat-pumps/carnot-cop", "-i", "t_hot=308.15 K", "-i", "t_cold=278.15 K"],
        ["energy/heat-pumps/carnot-cop"],
    ],
    "factors explain": [
        ["electricity-generated", "--region", "GB", "--year", "2025", "--per", "kWh"],
        ["electricity-generated"],
        ["no such thing"],
    ],
    "factors search": [["natural", "gas"], ["zzzz"]],
    "factors show": [[f"{NATURAL_GAS}/co2-per-mmbtu"], [NATURAL_GAS], ["ef://epa/none"]],
    "factory logs": [[], ["--outcome", "incomplete"], ["--run", "zzz"]],
    "factory metrics": [[]],
    "factory status": [[]],
    "formulas list": [["carnot"]],
    "formulas show": [["energy/heat-pumps/carnot-cop"], ["energy/none"]],
    "key issue": [["me", "--role", "nobody"]],
    "key list": [[]],
    "key revoke": [["default.none", "--reason", "x"]],
    "policy diff": [["v1", "v2"], ["v1", "v1"]],
    "policy list": [[]],
    "policy show": [[], ["v1"]],
    "policy use": [["v2", "--dry-run"]],
    "registry as-of": [["2100-01-01"], ["2100-01-01", "--state", "draft"], ["2100-01-01", "--environment", "mars"]],
    "registry decay": [["--dry-run"]],
    "registry discover": [["co2e_kg"], ["co2e_kg", "--min-health", "0"]],
    "registry emit": [["heat/kiln", "--as", "mcp"], ["heat/kiln", "--as", "vsa"], ["heat/kiln", "--as", "a2a"]],
    "registry info": [["heat/boiler"], ["heat/kiln@1.0.0"], ["heat/none"]],
    "registry resolve": [["heat/boiler", ">=1"], ["heat/boiler", ">=9"]],
    "registry search": [["gas"], ["zzzz"], ["--domain", "heat", "--limit", "2"], ["--all-versions"]],
    "registry verify": [["heat/live"]],
    "registry yank": [
        ["heat/boiler@1.0.0", "--reason", "x", "--dry-run"],
        ["heat/boiler@1.0.0", "--reason", "x", "--undo"],
    ],
    "template list": [["heat"]],
    "template show": [["industrial-heat-pump"], ["heat-pomp"]],
    "tenant allow": [["default", "a/*", "--reason", "x", "--dry-run"]],
    "tenant create": [["acme"]],
    "tenant deny": [["default", "a b", "--reason", "x"]],
    "tenant environment": [["default", "dev", "draft", "--dry-run"], ["default", "mars", "draft"]],
    "tenant list": [[]],
    "tenant quota": [["default", "versions", "5", "--dry-run"]],
    "tenant residency": [["default", "e u", "--reason", "x"], ["default", "eu", "--reason", "x", "--dry-run"]],
    "tenant resume": [["default", "--reason", "x"]],
    "tenant show": [["default"]],
    "tenant suspend": [["default", "--reason", "x"]],
    "tenant withdraw": [["default", "77", "--reason", "x"], ["default", "1", "--reason", "x", "--dry-run"]],
}

# What the tests further below, or others, call on a server.
ELSEWHERE = {
    "agent batch": "api/test_follow.py",
    "agent batch-status": "api/test_follow.py",
    "agent coverage": "cli/test_both_ways.py",
    "agent create": "api/test_follow.py",
    "agent determinism": "cli/test_both_ways.py",
    "agent heartbeat": "cli/test_both_ways.py",
    "agent publish": "cli/test_agents.py",
    "agent security": "cli/test_both_ways.py",
    "audit export": "cli/test_both_ways.py",
    "audit verify": "cli/test_both_ways.py",
    "factory follow": "api/test_follow.py",
    "quality report": "cli/test_both_ways.py",
    "registry pull": "cli/test_both_ways.py",
    "registry push": "cli/test_both_ways.py",
}

Ways = Callable[..., tuple[Result, Result]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A folder as the factory leaves it, with lives, a pack, a yank, lists and a key."""
    var = filled(tmp_path_factory.mktemp("both") / "var")
    made = Settings(var=var, api_fresh_ms=0, api_remember_seconds=0)
    with Registry(made.registry, keys=made.keys) as registry:
        enter(registry, Pin("factor", "ef://epa/none/2020/x", "1" * 64), agent_id="heat/live", pack="d")
        Lifecycle(registry.as_caller(Caller(actor="bob"))).approve(LIVE, "experimental", comment="read it")
        enter(registry, agent_id="heat/live", version="0.9.0", spec_digest="e" * 64, pack="e")
        registry.yank("heat/live", "0.9.0", "e" * 64, "wrong")
        push(registry, pack(var.parent, made.keys), var)
        Tenants(registry).deny("cold/*", reason="not ours")
        Keys(registry).issue("anna", ["viewer"])
    return made


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[tuple[str, str]]:
    """The server over that folder, and a key of an administrator."""
    with Registry(settings.registry, keys=settings.keys) as registry:
        key = Keys(registry).issue("admin", ["super_admin"]).plain
        with served(create_app(settings, registry=registry)) as url:
            yield url, key


@pytest.fixture
def ways(settings: Settings, address: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Ways:
    url, key = address
    monkeypatch.setattr(manager, "TemplateManager", shipped)
    monkeypatch.setenv("GREENLANG_API_KEY", key)
    monkeypatch.setenv("GREENLANG_VAR", str(settings.var))

    def run(*words: str) -> tuple[Result, Result]:
        here, there = CliRunner().invoke(APP, list(words)), CliRunner().invoke(APP, ["--server", url, *words])
        for result in (here, there):
            assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        return here, there

    return run


def settled(result: Result) -> object:
    """What is printed as JSON, without who asked and when."""
    told = json.loads(result.stdout)
    for one in ("at", "until", "actor") if isinstance(told, dict) else ():
        told.pop(one, None)
    return told


@pytest.mark.parametrize("name", sorted(ALIKE))
def test_a_command_says_the_same_here_and_there(name: str, ways: Ways) -> None:
    with_json = any("--json" in parameter.opts for parameter in COMMANDS[name].params)
    for number, words in enumerate(ALIKE[name]):
        here, there = ways(*name.split(), *words)
        assert there.exit_code == here.exit_code, (words, here.output, there.output)
        assert there.stdout == here.stdout, words
        assert bool(there.stderr) == bool(here.stderr), (words, here.stderr, there.stderr)
        if with_json and here.stdout and number == 0:
            here, there = ways(*name.split(), *words, "--json")
            assert there.exit_code == here.exit_code, words
            assert settled(there) == settled(here), words


def test_every_command_has_its_place() -> None:
    """Served, or without a factory, or here alone with the reason; what is served is called in a test."""
    for name in COMMANDS:
        places = [name in SERVED, any(below(name, one) for one in ANYWHERE), any(below(name, one) for one in HERE)]
        assert places.count(True) == 1, (name, places)
    for one in (*ANYWHERE, *HERE):
        assert any(below(name, one) for name in COMMANDS), one
    assert sorted(SERVED.keys() - ALIKE.keys() - ELSEWHERE.keys()) == []
    for name, file in ELSEWHERE.items():
        assert f'"{name.split()[-1]}"' in (Path(__file__).parents[1] / file).read_text(encoding="utf-8"), name
    for name, options in SERVED.items():
        assert set(options) <= {parameter.name for parameter in COMMANDS[name].params}, name


def test_the_documentation_names_what_a_server_does_not_do() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    _, _, part = page.partition("## On a server")
    for one in HERE:
        assert f"`{one}`" in part, one


def test_a_life_is_led_there_as_here(settings: Settings, ways: Ways, address: tuple[str, str]) -> None:
    """Two agents alike, one led from here, one through the server: each step says the same."""
    url, _ = address
    with Registry(settings.registry, keys=settings.keys) as registry:
        for name, pack_digit in (("twin/here", "7"), ("twin/there", "8")):
            enter(registry, agent_id=name, pack=pack_digit)

    def steps(of: str) -> Iterator[list[str]]:
        ref = f"{of}@1.0.0"
        yield ["agent", "promote", ref, "--to", "experimental", "--reason", "judged"]
        yield ["agent", "promote", ref, "--to", "certified", "--reason", "early"]
        yield ["agent", "report-usage", ref, "--calls", "200", "--errors", "1", "--user", "ann"]
        yield ["agent", "metrics", ref]
        yield ["agent", "rollback", ref, "--reason", "wrong"]
        yield ["agent", "retire", ref, "--reason", "gone"]
        yield ["registry", "yank", ref, "--reason", "gone"]
        yield ["agent", "heartbeat", ref, "one", "--endpoint", "https://one.example.org"]
        yield ["agent", "list"]

    digits = {"here": "7" * 12, "there": "8" * 12}
    for here, there in zip(steps("twin/here"), steps("twin/there"), strict=True):
        done, done_there = CliRunner().invoke(APP, here), CliRunner().invoke(APP, ["--server", url, *there])
        assert done_there.exit_code == done.exit_code, (there, done.output, done_there.output)
        said = done_there.stdout.replace("twin/there", "twin/here").replace(digits["there"], digits["here"])
        lines = [line.split() for line in done.stdout.splitlines() if "twin/" not in line or "list" not in here]
        assert [line.split() for line in said.splitlines() if "twin/" not in line or "list" not in here] == lines


def test_policies_lists_keys_and_the_log_are_kept_there_as_here(
    settings: Settings, ways: Ways, address: tuple[str, str], tmp_path: Path
) -> None:
    url, _ = address

    def there(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(APP, ["--server", url, *words])
        assert done.exit_code == code, done.output
        return done

    assert "in force: v2" in there("policy", "use", "v2").stdout
    assert "in force: v1" in there("policy", "use", "v1").stdout
    line = json.loads(there("tenant", "allow", "default", "heat/*", "--reason", "ours", "--json").stdout)
    assert line["changed"] is True
    assert "no more allow" in there("tenant", "withdraw", "default", str(line["id"]), "--reason", "no").stdout
    assert "5 for versions" in there("tenant", "quota", "default", "versions", "5").stdout
    assert "no limit" in there("tenant", "quota", "default", "versions", "none").stdout
    assert "served by eu" in there("tenant", "residency", "default", "eu", "--reason", "moved").stdout
    assert json.loads(there("tenant", "residency", "default", "none", "--reason", "x", "--json").stdout)["changed"]
    assert "dev asks for draft" in there("tenant", "environment", "default", "dev", "draft").stdout
    issued = there("key", "issue", "bob", "--role", "viewer", "--scope", "read_registry", "--days", "2")
    plain = issued.stdout.strip()
    identity = plain.removeprefix("gl_").rpartition("_")[0].split("_")[0]
    with Registry(settings.registry, keys=settings.keys) as registry:
        assert Keys(registry).verify(plain).caller.actor == "bob"
    assert "revoked: the key" in there("key", "revoke", identity, "--reason", "lost").stdout
    events = json.loads(there("audit", "query", "--limit", "2", "--json").stdout)
    assert [event["event"] for event in events] == ["key.revoked", "key.issued"]
    assert events[0]["actor"] == "admin"
    assert "as they were written" in there("audit", "verify").stdout
    file = tmp_path / "log.parquet"
    assert json.loads(there("audit", "export", str(file), "--json").stdout)["events"] == events[0]["number"]
    there("audit", "export", str(file), code=2)
    here = CliRunner().invoke(APP, ["audit", "verify", str(file), "--keys", str(settings.keys)])
    assert "as they were written" in here.stdout, here.output


def test_a_pack_goes_in_and_out_there_as_here(
    settings: Settings, ways: Ways, address: tuple[str, str], tmp_path: Path
) -> None:
    (made,) = [path for path in settings.var.parent.glob("heat.kiln@*") if path.is_dir()]
    for words in (["--dry-run"], [], ["--json"]):
        here, there = ways("registry", "push", str(made), *words)
        assert (there.exit_code, there.stdout) == (here.exit_code, here.stdout) == (0, here.stdout), there.output
    folders = tmp_path / "here", tmp_path / "there"
    for folder, server in zip(folders, ([], ["--server", address[0]]), strict=True):
        done = CliRunner().invoke(APP, [*server, "registry", "pull", "heat/kiln", str(folder)])
        assert done.exit_code == 0, done.output
    assert tree(folders[0]) == tree(folders[1])


def test_a_report_says_the_same_here_and_there(settings: Settings, ways: Ways) -> None:
    made = report()
    folder = settings.var / "reports" / slug(OUTCOME.key)
    folder.mkdir(parents=True)
    (folder / "quality.json").write_text(as_json(made))
    for command in ("quality", "coverage", "security", "determinism"):
        for words in ([], ["--json"]):
            here, there = ways("agent", command, made.agent_id, *words)
            assert (there.exit_code, there.stdout) == (here.exit_code, here.stdout), command
            assert here.stdout, command
    here, there = ways("quality", "report", OUTCOME.key, "--json")
    assert (there.exit_code, there.stdout) == (0, here.stdout)
    _, there = ways("agent", "quality", "heat/none", "--again")
    assert (there.exit_code, "has no --again with --server" in there.stderr) == (2, True)


def test_what_acts_here_alone_says_so_and_what_one_does_instead(ways: Ways) -> None:
    said = {
        ("query", "select 1"): "free SQL is not served",
        ("policy", "check", __file__): "reads files of this machine",
        ("registry", "migrate"): "only who owns the database",
        ("agent", "test", "heat/boiler"): "`registry pull ID FOLDER` brings one",
        ("agent", "history", LIVE, "--tenant", "acme"): "has no --tenant with --server: one asks as the tenant",
        ("audit", "verify", __file__): "has no FILE with --server: it acts on this machine alone",
    }
    for words, why in said.items():
        _, there = ways(*words)
        assert (there.exit_code, why in there.stderr) == (2, True), there.output
