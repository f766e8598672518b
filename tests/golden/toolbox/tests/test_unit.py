"""Each calculation of each tool on each worked case: rounded as declared, it is what was expected."""

import json
from pathlib import Path

import pytest
from greenlang_sdk.decimals import round_output
from greenlang_sdk.errors import UnknownTool
from greenlang_sdk.testing import Case, agrees, calculate, read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {json.loads(f.read_text(encoding="utf-8"))["tool"]: read_cases(f) for f in FILES}
AGENTS = pack.AGENT.agents
TRIPLES = [
    pytest.param(tool, name, case, id=f"{tool}-{name}-{case}")
    for tool, cases in CASES.items()
    for name, calculation in AGENTS[tool].tools.items()
    for case in cases.answered
    if calculation.output in case.expect
]
PAIRS = [
    pytest.param(tool, name, id=f"{tool}-{name}") for tool in CASES for name in AGENTS[tool].tools
]


@pytest.mark.parametrize(("tool", "name", "case"), TRIPLES)
def test_calculation_gives_what_was_expected(tool: str, name: str, case: Case) -> None:
    calculation = AGENTS[tool].tools[name]
    value = calculate(AGENTS[tool], case.input)[calculation.output]
    if calculation.decimals is not None:
        value = round_output(value, calculation.decimals)
    expected = case.expect[calculation.output]
    assert agrees(value, expected, case.tolerances.get(calculation.output))


@pytest.mark.parametrize(("tool", "name"), PAIRS)
def test_calculation_says_what_it_is(tool: str, name: str) -> None:
    calculation = AGENTS[tool].tools[name]
    assert calculation.function.__doc__
    assert calculation.formula
    assert calculation.output in AGENTS[tool].output_model.model_json_schema()["properties"]


@pytest.mark.parametrize(("tool", "name"), PAIRS)
def test_calculation_refuses_arguments_that_it_does_not_take(tool: str, name: str) -> None:
    with pytest.raises(UnknownTool):
        AGENTS[tool].call_tool(name, no_such_argument=1)


def test_every_tool_of_the_agent_has_cases() -> None:
    assert set(CASES) == set(AGENTS)
