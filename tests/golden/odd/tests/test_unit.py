"""Each tool on each worked case: what it calculates, rounded as declared, is what was expected."""

from pathlib import Path

import pytest
from greenlang_sdk.decimals import round_output
from greenlang_sdk.errors import UnknownTool
from greenlang_sdk.testing import Case, agrees, calculate, read_cases

import gl_grid_odd_one as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))
PAIRS = [
    pytest.param(name, case, id=f"{name}-{case}")
    for name, tool in pack.TOOLS.items()
    for case in CASES.answered
    if tool.output in case.expect
]


@pytest.mark.parametrize(("name", "case"), PAIRS)
def test_tool_calculates_what_was_expected(name: str, case: Case) -> None:
    tool = pack.TOOLS[name]
    value = calculate(pack.AGENT, case.input)[tool.output]
    if tool.decimals is not None:
        value = round_output(value, tool.decimals)
    assert agrees(value, case.expect[tool.output], case.tolerances.get(tool.output))


@pytest.mark.parametrize("name", list(pack.TOOLS))
def test_tool_says_what_it_is(name: str) -> None:
    tool = pack.TOOLS[name]
    assert tool.function.__doc__
    assert tool.formula
    assert tool.output in pack.Output.model_json_schema()["properties"]


@pytest.mark.parametrize("name", list(pack.TOOLS))
def test_tool_refuses_arguments_that_it_does_not_take(name: str) -> None:
    with pytest.raises(UnknownTool):
        pack.AGENT.call_tool(name, no_such_argument=1)


def test_unknown_tool_is_refused_with_the_list_of_tools() -> None:
    with pytest.raises(UnknownTool, match="there are"):
        pack.AGENT.call_tool("no_such_tool")
