"""Agents of several tools: one dispatcher, one package a tool, and nothing mixed up between them."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from greenlang_sdk.testing import answers

from greenlang.factory import whole
from greenlang.factory.generate import generate, package_name
from greenlang.factory.naming import part_modules
from greenlang.factory.pack import write_pack
from greenlang.quality import Case, PackRef, asked, judge, prepare
from greenlang.quality.documents import blocks
from greenlang.quality.judge import difference, vector_inputs
from greenlang.resolution.plan import Missing, Resolution
from greenlang.sandbox import Sandbox
from greenlang.sandbox.trial import TrialRequest
from greenlang.settings import Settings


@pytest.fixture
def pack(toolbox: Resolution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    write_pack(generate(toolbox), tmp_path / "pack")
    monkeypatch.syspath_prepend(str(tmp_path / "pack"))
    name = package_name(toolbox.spec)
    yield importlib.import_module(name)
    for module in [m for m in sys.modules if m.partition(".")[0] == name]:
        del sys.modules[module]


def test_each_vector_of_each_tool_is_answered_as_expected(toolbox: Resolution, pack: Any) -> None:
    asked = whole.questions(toolbox)
    assert len(asked) == sum(len(part.vectors) for part in toolbox.parts)
    lines = answers(pack.__name__, vector_inputs(toolbox)).splitlines()
    for question, line in zip(asked, lines, strict=True):
        assert difference(question.vector, line) == "", question.vector.name


def test_run_and_call_are_the_same(pack: Any) -> None:
    given = {"a": "1.5"}
    called = pack.AGENT.call("Double", given)
    assert called.data.as_dict() == {"b": 3}
    assert pack.AGENT.run({"tool": "Double", "arguments": given}) == called
    assert pack.AGENT.call("Doubel", given).error.message.startswith("'Doubel' is no tool; did you mean 'Double'?")


def test_two_tools_keep_their_own_rows_under_one_name(toolbox: Resolution, pack: Any) -> None:
    given = {"fuel_type": "diesel", "consumption": 1000, "country": "US"}
    refs = {
        tool: {c.ref for c in pack.AGENT.call(tool, given).citations if "gwp" in c.ref}
        for tool in ("burn_fuel", "burn_fuel_ar5")
    }
    assert refs == {
        "burn_fuel": {"ef://epa/stationary-combustion/2024/gwp/ch4-per-mmbtu"},
        "burn_fuel_ar5": {"ef://ipcc/ar5/gwp/ch4"},
    }
    tables = json.loads(generate(toolbox)["gl_plant_toolbox/factors.json"])["tables"]
    names = [table["name"] for table in tables]
    assert names == ["burn_fuel.gwp_ch4", "burn_fuel_ar5.gwp_ch4", "ch4_factor", "co2_factor"]


def test_health_counts_every_row_once(toolbox: Resolution, pack: Any) -> None:
    assert pack.AGENT.health()["factor_rows"] == len(toolbox.pinned) == 6


def test_the_manifest_names_every_tool_with_its_ports(toolbox: Resolution) -> None:
    compute = yaml.safe_load(generate(toolbox)["pack.yaml"])["compute"]
    assert list(compute["tools"]) == ["burn_fuel", "burn_fuel_ar5", "heat_pump", "Double"]
    assert list(compute["tools"]["Double"]["inputs"]) == ["a"]
    assert "inputs" not in compute


def test_a_tool_without_a_plan_stops_the_whole(toolbox: Resolution) -> None:
    with pytest.raises(ValueError, match=r"no plan for Double\.b"):
        generate(replace(toolbox, missing=(Missing("Double.b", "nothing found"),)))


def test_modules_of_tools_differ_on_any_file_system() -> None:
    made = part_modules(["class", "Class", "a-b", "a_b", "A/B", "agent"])
    assert len({name.lower() for name in made}) == len(made)
    assert all(name.isidentifier() and name.islower() for name in made)


@pytest.mark.slow
def test_an_agent_of_several_tools_is_tested_and_judged_like_any_other(toolbox: Resolution, tmp_path: Path) -> None:
    """In the sandbox, by every dimension but that of the spec, which was written by hand here and has no file."""
    folder, package = tmp_path / "pack", package_name(toolbox.spec)
    write_pack(generate(toolbox), folder)
    request = TrialRequest(tuple(asked(toolbox)), blocks=blocks(folder))
    with Sandbox(Settings(var=tmp_path / "var")) as sandbox:
        trial = sandbox.trial(folder, package, request)
    assert trial.tests.status == "passed", trial.tests.detail
    findings = prepare([PackRef(folder, package)], tmp_path / "cache")[folder]
    judgement = judge(Case(toolbox, folder, package, trial, findings, inputs=request.inputs))
    for judged in judgement.dimensions:
        if judged.name not in {"specification", "business_impact", "continuous_improvement"}:
            assert judged.status == "passed", judged.reason
            assert judged.score == 100 or judged.name == "tests"
    refused = next(m for d in judgement.dimensions for m in d.measures if m.name == "input validation")
    assert refused.share == 1
