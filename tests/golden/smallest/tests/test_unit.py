"""Each tool on each worked case: what it calculates, rounded as declared, is what was expected."""

from pathlib import Path

import pytest
from greenlang_sdk.decimals import round_output
from greenlang_sdk.errors import UnknownTool
from greenlang_sdk.testing import agrees, calculate, read_cases

import gl_x_smallest as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))


@pytest.mark.parametrize("name", list(pack.TOOLS))
def test_tool_calculates_what_was_expected(name: str) -> None:
    tool = pack.TOOLS[name]
    for case in CASES.answered:
        if tool.output in case.expect:
            value = calculate(pack.AGENT, case.input)[tool.output]
            if tool.decimals is not None:
                value = round_output(value, tool.decimals)
            expected, tolerance = case.expect[tool.output], case.tolerances.get(tool.output)
            assert agrees(value, expected, tolerance), case.name


def test_tools_are_those_of_the_plan() -> None:
    keys = ("output", "unit", "formula", "citation", "decimals")
    said = [{key: getattr(tool, key) for key in keys} for tool in pack.TOOLS.values()]
    assert said == list(CASES.tools)


@pytest.mark.parametrize("name", list(pack.TOOLS))
def test_tool_refuses_arguments_that_it_does_not_take(name: str) -> None:
    with pytest.raises(UnknownTool):
        pack.AGENT.call_tool(name, no_such_argument=1)


def test_fields_say_what_the_spec_says() -> None:
    schemas = {"Input": pack.Input.model_json_schema(), "Output": pack.Output.model_json_schema()}
    said = [
        {"model": model, "name": name, "description": field.get("description", "")}
        for model, schema in schemas.items()
        for name, field in schema["properties"].items()
    ]
    assert said == list(CASES.fields)


def test_unknown_tool_is_refused_with_the_list_of_tools() -> None:
    with pytest.raises(UnknownTool, match="there are"):
        pack.AGENT.call_tool("no_such_tool")
