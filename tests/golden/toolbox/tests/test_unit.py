"""Each calculation of each tool on some of the worked cases; what calculations and fields say of themselves."""

from pathlib import Path

import pytest
from greenlang_sdk.decimals import round_output
from greenlang_sdk.errors import UnknownTool
from greenlang_sdk.testing import agrees, calculate, fields_of, read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {cases.tool: cases for cases in map(read_cases, FILES)}
AGENTS = pack.AGENT.agents


@pytest.mark.parametrize("tool", list(CASES))
def test_calculations_give_what_was_expected(tool: str) -> None:
    for case in CASES[tool].sample:
        values = calculate(AGENTS[tool], case.input)
        for name, found in AGENTS[tool].tools.items():
            if found.output in case.expect:
                value = values[found.output]
                if found.decimals is not None:
                    value = round_output(value, found.decimals)
                tolerance = case.tolerances.get(found.output)
                assert agrees(value, case.expect[found.output], tolerance), f"{name}: {case}"


@pytest.mark.parametrize("tool", list(CASES))
def test_calculations_are_those_of_the_plan(tool: str) -> None:
    keys = ("output", "unit", "formula", "citation", "decimals")
    found = AGENTS[tool].tools.values()
    assert [{key: getattr(one, key) for key in keys} for one in found] == list(CASES[tool].tools)


@pytest.mark.parametrize("tool", list(CASES))
def test_fields_say_what_the_spec_says(tool: str) -> None:
    assert fields_of(AGENTS[tool]) == list(CASES[tool].fields)


@pytest.mark.parametrize("tool", list(CASES))
def test_calculations_refuse_arguments_that_they_do_not_take(tool: str) -> None:
    for name in AGENTS[tool].tools:
        with pytest.raises(UnknownTool):
            AGENTS[tool].call_tool(name, no_such_argument=1)


def test_every_tool_of_the_agent_has_cases() -> None:
    assert set(CASES) == set(AGENTS)
