"""What must hold whatever the figures are."""

import operator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk.decimals import CONTEXT, round_output
from greenlang_sdk.testing import Case, agrees, calculate, read_cases

import gl_emissions_carbon_calculator_v1 as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@pytest.mark.parametrize("bound", CASES.bounds, ids=lambda bound: bound["name"])
@pytest.mark.parametrize("case", CASES.answered, ids=str)
def test_declared_property_holds(bound: dict[str, str], case: Case) -> None:
    values = calculate(pack.AGENT, case.input)
    right = values[bound["right"]] if bound["right"] in values else Decimal(bound["right"])
    assert SIGNS[bound["op"]](values[bound["left"]], right), bound["rule"]


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
