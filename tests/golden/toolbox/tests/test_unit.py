"""Each calculation of each tool on each worked case: rounded as declared, it is what was expected."""

import json
from pathlib import Path

import pytest
from greenlang_sdk.decimals import round_output
from greenlang_sdk.errors import UnknownTool
from greenlang_sdk.testing import agrees, calculate, read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {json.loads(f.read_text(encoding="utf-8"))["tool"]: read_cases(f) for f in FILES}
AGENTS = pack.AGENT.agents
PAIRS = [
    pytest.param(tool, name, id=f"{tool}-{name}") for tool in CASES for name in AGENTS[tool].tools
]


@pytest.mark.parametrize(("tool", "name"), PAIRS)
def test_calculation_gives_what_was_expected(tool: str, name: str) -> None:
    calculation = AGENTS[tool].tools[name]
    for case in CASES[tool].answered:
        if calculation.output in case.expect:
            value = calculate(AGENTS[tool], case.input)[calculation.output]
            if calculation.decimals is not None:
                value = round_output(value, calculation.decimals)
            tolerance = case.tolerances.get(calculation.output)
            assert agrees(value, case.expect[calculation.output], tolerance), case.name


@pytest.mark.parametrize("tool", list(CASES))
def test_calculations_are_those_of_the_plan(tool: str) -> None:
    keys = ("output", "unit", "formula", "citation", "decimals")
    found = AGENTS[tool].tools.values()
    assert [{key: getattr(one, key) for key in keys} for one in found] == list(CASES[tool].tools)


@pytest.mark.parametrize("tool", list(CASES))
def test_fields_say_what_the_spec_says(tool: str) -> None:
    models = {"Input": AGENTS[tool].input_model, "Output": AGENTS[tool].output_model}
    said = [
        {"model": model, "name": name, "description": field.get("description", "")}
        for model, found in models.items()
        for name, field in found.model_json_schema()["properties"].items()
    ]
    assert said == list(CASES[tool].fields)


@pytest.mark.parametrize(("tool", "name"), PAIRS)
def test_calculation_refuses_arguments_that_it_does_not_take(tool: str, name: str) -> None:
    with pytest.raises(UnknownTool):
        AGENTS[tool].call_tool(name, no_such_argument=1)


def test_every_tool_of_the_agent_has_cases() -> None:
    assert set(CASES) == set(AGENTS)
