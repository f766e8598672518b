"""What must hold whatever the figures are."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk.decimals import CONTEXT, round_output
from greenlang_sdk.testing import Case, agrees, calculate, read_cases

import gl_x_smallest as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))


@pytest.mark.parametrize(
    "scaling", CASES.scaling, ids=lambda scaling: f"{scaling['output']}-by-{scaling['input']}"
)
def test_output_scales_with_its_input(scaling: dict[str, Any]) -> None:
    once = calculate(pack.AGENT, CASES.base)[scaling["output"]]
    scaled = calculate(pack.AGENT, CASES.base | {scaling["input"]: scaling["value"]})
    wanted = CONTEXT.multiply(once, Decimal(scaling["times"]))
    assert agrees(scaled[scaling["output"]], f"{wanted:f}", "1E-30")


@pytest.mark.parametrize("case", CASES.sample, ids=str)
def test_outputs_have_the_digits_that_are_declared(case: Case) -> None:
    result = pack.AGENT.run(case.input)
    assert result.data is not None
    answer = result.data.as_dict()
    for tool in pack.TOOLS.values():
        value = answer[tool.output]
        if tool.decimals is not None:
            assert isinstance(value, Decimal)
            assert round_output(value, tool.decimals) == value


@pytest.mark.parametrize("case", CASES.sample, ids=str)
def test_spelling_of_a_number_does_not_matter(case: Case) -> None:
    numbers = pack.Input.model_validate(case.input).as_dict()
    respelled = {
        name: f"{value:.40f}" if isinstance(value, Decimal) else value
        for name, value in numbers.items()
        if value is not None
    }
    assert pack.AGENT.run(respelled).data == pack.AGENT.run(case.input).data
