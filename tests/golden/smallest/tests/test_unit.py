"""Each tool by itself on some of the worked cases; what tools and fields say of themselves."""

from pathlib import Path

import pytest
from greenlang_sdk.decimals import round_output
from greenlang_sdk.errors import UnknownTool
from greenlang_sdk.testing import agrees, calculate, fields_of, read_cases

import gl_x_smallest as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))


def test_tools_calculate_what_was_expected() -> None:
    for case in CASES.sample:
        values = calculate(pack.AGENT, case.input)
        for name, tool in pack.TOOLS.items():
            if tool.output in case.expect:
                value = values[tool.output]
                if tool.decimals is not None:
                    value = round_output(value, tool.decimals)
                expected, tolerance = case.expect[tool.output], case.tolerances.get(tool.output)
                assert agrees(value, expected, tolerance), f"{name}: {case}"


def test_tools_are_those_of_the_plan() -> None:
    keys = ("output", "unit", "formula", "citation", "decimals")
    said = [{key: getattr(tool, key) for key in keys} for tool in pack.TOOLS.values()]
    assert said == list(CASES.tools)


def test_tools_refuse_arguments_that_they_do_not_take() -> None:
    for name in pack.TOOLS:
        with pytest.raises(UnknownTool):
            pack.AGENT.call_tool(name, no_such_argument=1)


def test_fields_say_what_the_spec_says() -> None:
    assert fields_of(pack.AGENT) == list(CASES.fields)


def test_unknown_tool_is_refused_with_the_list_of_tools() -> None:
    with pytest.raises(UnknownTool, match="there are"):
        pack.AGENT.call_tool("no_such_tool")
