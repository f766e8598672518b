"""What a person or a program sees of `greenlang`, on real stores in a folder of its own."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.factory.outcome import AgentOutcome, DimensionResult
from greenlang.metrics import MetricsStore, RunInfo
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests.registry.entries import BOILER

ROOT = Path(__file__).resolve().parents[2]
Call = Callable[..., Result]


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A folder as the factory leaves it: one registered agent, one refused file."""
    return filled(tmp_path / "var")


def filled(folder: Path) -> Path:
    """The folder that ``var`` gives."""
    settings = Settings(var=folder)
    settings.var.mkdir()
    good = AgentOutcome(
        key="heat/boiler@1.0.0-aaaaaaaa",
        file="boiler.yaml",
        outcome="registered",
        reason="",
        agent_id="heat/boiler",
        version="1.0.0",
        name="Boiler",
        state="draft",
        score=91.5,
        coverage=98.25,
        tests_passed=12,
        tests_total=12,
        stage_seconds={"packaging": 0.5},
        dimensions=(DimensionResult("tests", "Tests", "passed", 100.0, 90.0, 2.0, True, "12 of 12 passed"),),
        lineage=({"kind": "factor", "ref": "ef://epa/gas/co2", "digest": "e" * 64, "citation": "EPA Hub, Table 1"},),
    )
    bad = AgentOutcome(
        key="heat/pump@1.0.0-bbbbbbbb",
        file="pump.yaml",
        outcome="incomplete",
        reason="no certain plan for `cop`",
        agent_id="heat/pump",
        version="1.0.0",
    )
    started = datetime(2026, 11, 21, 2, tzinfo=UTC)
    run = RunInfo("run-1", "cli", started, finished_at=started, agents=2)
    MetricsStore(settings).write([good, bad], run)
    with Registry(settings.registry) as registry:
        registry.register(replace(BOILER, pack="packs/heat.boiler@1.0.0-aaaaaaaa"))
    return settings.var


@pytest.fixture
def call(var: Path) -> Call:
    runner = CliRunner()

    def run(*arguments: str) -> Result:
        result = runner.invoke(app, ["--var", str(var), *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def test_query_shows_a_table(call: Call) -> None:
    result = call("query", "select agent_id, outcome, score from agents order by score")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert lines[0] == ["agent_id", "outcome", "score"]
    assert lines[2:] == [["heat/boiler", "registered", "91.5"], ["heat/pump", "incomplete"], ["2", "rows"]]


def test_query_shows_a_hundred_rows_unless_asked_for_more(call: Call) -> None:
    assert "150 rows, the first 100 shown" in call("query", "select * from range(150)").stdout
    assert call("query", "select * from range(150)", "--rows", "0").stdout.endswith("150 rows\n")
    assert "1 row\n" in call("query", "select 1").stdout


def test_query_gives_json_with_exact_values(call: Call) -> None:
    sql = (
        "select 1.10::decimal(10, 2) as a, 0.1::double as b, null as c, map {'x': 1} as d, 'é' as e, 1.0::double/0 as f"
    )
    result = call("query", sql, "--json")
    assert json.loads(result.stdout) == [{"a": "1.1", "b": 0.1, "c": None, "d": {"x": 1}, "e": "é", "f": "inf"}]
    times = call("query", "select started_at from runs", "--json")
    assert json.loads(times.stdout) == [{"started_at": "2026-11-21T02:00:00"}]


def test_query_gives_csv(call: Call) -> None:
    result = call("query", "select agent_id, score, 'a, \"b\"' as text from agents order by 1", "--csv")
    assert list(csv.reader(io.StringIO(result.stdout))) == [
        ["agent_id", "score", "text"],
        ["heat/boiler", "91.5", 'a, "b"'],
        ["heat/pump", "", 'a, "b"'],
    ]


def test_query_wants_one_format(call: Call) -> None:
    result = call("query", "select 1", "--csv", "--json")
    assert result.exit_code == 2
    assert "--json and --csv exclude each other" in result.stderr


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select nowhere from agents", 'Referenced column "nowhere" not found'),
        ("drop view agents", "this is a DROP statement; only a query is answered"),
        ("copy (select 1) to '/tmp/x.csv'", "this is a COPY statement; only a query is answered"),
    ],
)
def test_a_bad_query_is_wrong_use_and_says_why(call: Call, sql: str, message: str) -> None:
    result = call("query", sql)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_agent_list(call: Call) -> None:
    assert "heat/boiler" in call("agent", "list").stdout
    (entry,) = json.loads(call("agent", "list", "--json").stdout)
    assert (entry["agent_id"], entry["state"], entry["capabilities"]) == ("heat/boiler", "draft", ["co2e_kg", "scope1"])


def test_agent_inspect_shows_what_it_is_made_of(call: Call) -> None:
    shown = call("agent", "inspect", "heat/boiler@1.0.0").stdout
    for text in ("gas burnt", "co2e_kg", "kgCO2e", "12 of 12 passed", "ef://epa/gas/co2", "EPA Hub, Table 1", "b" * 64):
        assert text in shown, text
    found = json.loads(call("agent", "inspect", "heat/boiler", "--json").stdout)
    assert found["qa_dimensions"][0]["evidence"] == "12 of 12 passed"
    assert found["lineage"][0]["ref"] == "ef://epa/gas/co2"


def test_quality_report_says_why_an_agent_has_none(call: Call) -> None:
    result = call("quality", "report", "heat/pump")
    assert result.exit_code == 1
    assert "heat/pump 1.0.0 has no quality report: it is incomplete: no certain plan for `cop`" in result.stderr


def test_agent_inspect_says_why_an_agent_is_not_registered(call: Call) -> None:
    result = call("agent", "inspect", "heat/pump")
    assert result.exit_code == 1
    assert result.stderr == "greenlang: heat/pump 1.0.0 from pump.yaml is incomplete: no certain plan for `cop`\n"


@pytest.mark.parametrize(
    ("agent", "near"),
    [
        ("heat/none", "`greenlang agent list` shows what is"),
        ("heat/boiler@2.0.0", "its versions are 1.0.0"),
    ],
)
def test_an_unknown_agent_is_a_negative_answer(call: Call, agent: str, near: str) -> None:
    for command in (("agent", "inspect"), ("registry", "info")):
        result = call(*command, agent)
        assert result.exit_code == 1
        assert result.stderr == f"greenlang: {agent} is not registered; {near}\n"


def test_registry_search(call: Call) -> None:
    assert "heat/boiler" in call("registry", "search", "gas boiler").stdout
    found = call("registry", "search", "--capability", "scope1", "--domain", "heat", "--json")
    assert [entry["agent_id"] for entry in json.loads(found.stdout)] == ["heat/boiler"]
    nothing = call("registry", "search", "freight")
    assert (nothing.exit_code, nothing.stdout) == (1, "no agent\n")
    assert json.loads(call("registry", "search", "freight", "--json").stdout) == []


def test_registry_info(call: Call) -> None:
    shown = call("registry", "info", "heat/boiler").stdout
    for text in ("a" * 64, "c" * 64, "embedded-1.1.0", "draft", "registered", "packs/heat.boiler@1.0.0-aaaaaaaa"):
        assert text in shown, text
    found = json.loads(call("registry", "info", "heat/boiler", "--json").stdout)
    assert found["versions"] == ["1.0.0"]
    assert [build["pack_digest"] for build in found["builds"]] == ["b" * 64]
    assert [step["after"] for step in found["transitions"]] == ["draft"]


def test_factory_status(call: Call) -> None:
    shown = call("factory", "status").stdout
    assert "no certain plan for `cop`" in shown
    assert "last run run-1 (cli): started 2026-11-21 02:00, finished 2026-11-21 02:00" in shown
    found = json.loads(call("factory", "status", "--json").stdout)
    assert found["outcomes"] == {"incomplete": 1, "registered": 1}
    assert found["last_run"]["run_id"] == "run-1"
    assert [row["spec"] for row in found["failed"]] == ["heat/pump 1.0.0"]


def test_factory_status_before_the_first_batch(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--var", str(tmp_path), "factory", "status"])
    assert (result.exit_code, result.stdout) == (0, "no spec has been through the factory yet\n")


def test_factors_stats(call: Call) -> None:
    found = json.loads(call("factors", "stats", "--json").stdout)
    assert found["release"].startswith("embedded-")
    assert found["factors"] == sum(row["factors"] for row in found["datasets"]) > 0
    assert f"{found['factors']:,} factors in release {found['release']}" in call("factors", "stats").stdout


def test_factors_show_gives_one_figure_with_its_citation(call: Call) -> None:
    ref = "ef://epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu"
    shown = call("factors", "show", ref).stdout
    assert re.search(r"^value +53\.06$", shown, re.MULTILINE)
    assert re.search(r"^citation +EPA GHG Emission Factors Hub", shown, re.MULTILINE)
    (found,) = json.loads(call("factors", "show", ref.removeprefix("ef://"), "--json").stdout)
    assert (found["ref"], found["value"], found["unit"]) == (ref, "53.06", "kgCO2/mmBtu")


def test_factors_show_gives_every_row_of_a_table(call: Call) -> None:
    result = call("factors", "show", "ef://epa/stationary-combustion/2024/natural-gas")
    assert result.exit_code == 0
    assert "co2-per-mmbtu" in result.stdout
    assert re.search(r"^\d+ factors$", result.stdout, re.MULTILINE)


def test_factors_show_names_the_nearest_three(call: Call) -> None:
    result = call("factors", "show", "ef://epa/stationary/2024")
    assert result.exit_code == 1
    assert "no factor `ef://epa/stationary/2024`" in result.stderr
    assert result.stderr.partition("nearest")[2].count("ef://") == 3


@pytest.mark.parametrize(
    "command",
    [("query", "select 1"), ("agent", "list"), ("registry", "search", "x"), ("factory", "status")],
)
def test_a_folder_that_is_not_there_is_said_and_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    missing = tmp_path / "none"
    result = CliRunner().invoke(app, ["--var", str(missing), *command])
    assert result.exit_code == 2
    assert f"nothing has been built in {missing} yet" in result.stderr
    assert "--var" in result.stderr
    assert not missing.exists()


def test_var_comes_from_the_environment_too(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANG_VAR", str(var))
    assert "heat/boiler" in CliRunner().invoke(app, ["agent", "list"]).stdout


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANG_WORKERS", "many")
    result = CliRunner().invoke(app, ["agent", "list"])
    assert result.exit_code == 2
    assert "GREENLANG_WORKERS is 'many'" in result.stderr


def test_a_broken_registry_is_an_infrastructure_error(var: Path, call: Call) -> None:
    for path in var.glob("registry.sqlite*"):
        path.unlink()
    (var / "registry.sqlite").write_bytes(b"no database " * 100)
    result = call("agent", "list")
    assert result.exit_code == 3
    assert "cannot be used: file is not a database" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("query",), ("query", "select 1", "--nonsense"), ("agent", "none")]
)
def test_wrong_use_exits_two(call: Call, arguments: tuple[str, ...]) -> None:
    assert call(*arguments).exit_code == 2


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom greenlang.cli.main import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'duckdb', 'pyarrow', 'polars', 'pandas', 'sqlalchemy', 'pydantic', 'pint'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert re.fullmatch(r"greenlang \d+\.\d+\.\d+\n", CliRunner().invoke(app, ["--version"]).stdout)


def test_a_reader_that_goes_away_is_no_error(var: Path) -> None:
    command = f"{sys.executable} -m greenlang.cli.main --var {var} query 'select * from range(200000)' --csv | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.stdout == "range\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_factors_are_found_by_words_in_any_order() -> None:
    for words in (("london", "hotel"), ("hotel", "london")):
        done = CliRunner().invoke(app, ["factors", "search", *words, "--json"])
        assert done.exit_code == 0
        best, *_ = [row["ref"] for row in json.loads(done.stdout)]
        assert best == "ef://desnz/business-travel/2025/hotel-stay-uk-london/co2e-per-room-night"
    assert CliRunner().invoke(app, ["factors", "search", "zzqqxx"]).exit_code == 1


def test_explain_shows_the_steps_and_exits_1_for_a_refusal() -> None:
    asked = ["factors", "explain", "electricity-generated", "--region", "GB", "--year", "2025", "--per", "kWh"]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["value"] == "0.177"
    assert "rows left" in CliRunner().invoke(app, asked).stdout
    refused = CliRunner().invoke(app, ["factors", "explain", "unobtainium", "--json"])
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["refused"]
