"""The agent as a person meets it: installed, on the command line, in the demos, as files."""

import io
import json
import runpy
import tomllib
from pathlib import Path

import pytest
from greenlang_sdk.canonical import digest
from greenlang_sdk.errors import PackDamaged
from greenlang_sdk.testing import answers, calculate, command_line, read_cases, reading_as

import gl_emissions_carbon_calculator_v1 as pack
from gl_emissions_carbon_calculator_v1 import factors
from gl_emissions_carbon_calculator_v1.logs import RUN_ID, log_runs

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "gl_emissions_carbon_calculator_v1"
CASES = read_cases(Path(__file__).with_name("vectors.json"))
OUTPUTS = [field["name"] for field in CASES.fields if field["model"] == "Output"]


def test_run_gives_data_provenance_and_chain() -> None:
    result = pack.AGENT.run(CASES.base)
    assert result.success
    assert pack.Agent.agent_id == "emissions/carbon_calculator_v1"
    assert pack.Agent.version == "1.0.0"
    assert len(result.provenance) == 64
    assert [step.tool for step in result.chain] == list(pack.TOOLS)


def test_provenance_is_the_digest_of_the_chain() -> None:
    result = pack.AGENT.run(CASES.base)
    chain = {
        "agent": pack.Agent.agent_id,
        "version": pack.Agent.version,
        "inputs": pack.Input.model_validate(CASES.base).as_dict(),
        "steps": [step.as_dict() for step in result.chain],
    }
    assert digest(chain) == result.provenance


def test_tools_called_one_by_one_agree_with_the_run() -> None:
    result = pack.AGENT.run(CASES.base)
    values = calculate(pack.AGENT, CASES.base)
    called = [values[tool.output] for tool in pack.TOOLS.values()]
    assert [step.result for step in result.chain] == called


def test_typed_input_and_mapping_agree() -> None:
    typed = pack.Input.model_validate(CASES.base)
    assert pack.AGENT.run(typed).canonical() == pack.AGENT.run(CASES.base).canonical()


def test_command_line_answers() -> None:
    with command_line(PACKAGE, json.dumps(CASES.base)) as program:
        runpy.run_module(PACKAGE, run_name="__main__")
    assert program.code == 0
    assert json.loads(program.out)["success"] is True


def test_command_line_reads_standard_input() -> None:
    with command_line(PACKAGE, stdin=json.dumps(CASES.base)) as program:
        runpy.run_module(PACKAGE, run_name="__main__")
    assert program.code == 0
    assert json.loads(program.out)["success"] is True


def test_command_line_tells_a_refused_input_by_its_exit_code() -> None:
    with command_line(PACKAGE, '{"no_such_input": 1}') as program:
        runpy.run_module(PACKAGE, run_name="__main__")
    assert program.code == 1
    assert json.loads(program.out)["success"] is False


@pytest.mark.parametrize("text", ["{", "[]", '{"a": NaN}'])
def test_command_line_refuses_what_is_no_json_object(text: str) -> None:
    with command_line(PACKAGE, text) as program:
        runpy.run_module(PACKAGE, run_name="__main__")
    assert program.code == 2
    assert "JSON" in program.err


def test_command_line_logs_where_it_is_asked_to() -> None:
    with command_line(PACKAGE, json.dumps(CASES.base), logs="json") as program:
        runpy.run_module(PACKAGE, run_name="__main__")
    assert program.code == 0
    line = json.loads(program.err)
    assert line["message"] == "answered"
    assert line["agent"] == pack.Agent.agent_id


def test_log_lines_tell_the_run_and_never_the_figures() -> None:
    agent, stream = pack.Agent(), io.StringIO()
    log_runs(agent, stream)
    token = RUN_ID.set("request-7")
    answered = agent.run(CASES.base)
    RUN_ID.reset(token)
    agent.run({"no_such_input": 1})
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["run_id"] == "request-7" != second["run_id"]
    assert (first["version"], first["level"]) == (pack.Agent.version, "info")
    assert first["provenance"] == answered.provenance
    assert (second["message"], second["level"]) == ("refused", "warning")
    assert second["errors"][0]["code"] == "invalid_input"
    assert first["seconds"] >= 0
    assert first["time"].endswith("+00:00")
    assert "data" not in first


def test_logging_changes_no_result() -> None:
    agent = pack.Agent()
    log_runs(agent, io.StringIO())
    assert agent.run(CASES.base).canonical() == pack.AGENT.run(CASES.base).canonical()


def test_command_line_demo_prints_every_output() -> None:
    with command_line("command_line.py") as program:
        runpy.run_path(str(ROOT / "demos" / "command_line.py"), run_name="__main__")
    assert program.code == 0
    assert all(f"{name} = " in program.out for name in OUTPUTS)


def test_notebook_prints_every_output() -> None:
    with command_line("notebook.py") as program:
        runpy.run_path(str(ROOT / "demos" / "notebook.py"), run_name="__main__")
    assert all(f"{name} = " in program.out for name in OUTPUTS)


def test_demo_tells_a_refused_input_by_its_exit_code() -> None:
    with command_line("command_line.py", "no_such_input=true") as program:
        runpy.run_path(str(ROOT / "demos" / "command_line.py"), run_name="__main__")
    assert program.code == 1
    assert "refused: no_such_input" in program.out


def test_answers_for_a_judge_are_one_line_each() -> None:
    lines = answers(PACKAGE, [CASES.base, {"no_such_input": 1}]).splitlines()
    assert [json.loads(line)["ok"] for line in lines] == [True, False]


def test_health_proves_the_pinned_rows() -> None:
    health = pack.AGENT.health()
    assert health["status"] == "ok"
    assert health["factor_rows"] == 5


def test_every_pinned_row_is_cited_and_fits_its_digest() -> None:
    data = json.loads((ROOT / PACKAGE / "factors.json").read_text(encoding="utf-8"))
    for row in data["factors"]:
        assert row["document"]
        assert digest({k: v for k, v in row.items() if k != "digest"}) == row["digest"]


def test_health_notices_a_changed_factor() -> None:
    path = ROOT / PACKAGE / "factors.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["factors"][0]["value"] += "1"
    factors.tables.cache_clear()
    with reading_as(path, json.dumps(data)), pytest.raises(PackDamaged, match="was changed"):
        pack.Agent().health()


def test_project_file_names_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["flit"]["module"]["name"] == PACKAGE
    assert project["project"]["dependencies"] == ["greenlang-sdk==0.1.0", "pydantic>=2.11"]


def test_changelog_begins_with_this_version() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("\\", "").splitlines()
    heads = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert heads[0] == pack.Agent.version


@pytest.mark.parametrize("name", ["pack.yaml", "README.md", "docs/api.md"])
def test_documents_speak_of_every_output(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\_", "_")
    assert all(output in text for output in OUTPUTS)
