"""What must hold whatever the figures are."""

import operator
from decimal import Decimal
from pathlib import Path

import pytest
from greenlang_sdk.decimals import CONTEXT, round_output
from greenlang_sdk.testing import agrees, calculate, read_cases

import gl_emissions_carbon_calculator_v1 as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@pytest.mark.parametrize("bound", CASES.bounds, ids=lambda bound: bound["name"])
def test_declared_property_holds(bound: dict[str, str]) -> None:
    for case in CASES.answered:
        values = calculate(pack.AGENT, case.input)
        right = values[bound["right"]] if bound["right"] in values else Decimal(bound["right"])
        assert SIGNS[bound["op"]](values[bound["left"]], right), f"{bound['rule']}: {case}"


@pytest.mark.parametrize("output", sorted({scaling["output"] for scaling in CASES.scaling}))
def test_output_scales_with_its_inputs(output: str) -> None:
    once = calculate(pack.AGENT, CASES.base)[output]
    for scaling in CASES.scaling:
        if scaling["output"] == output:
            scaled = calculate(pack.AGENT, CASES.base | {scaling["input"]: scaling["value"]})
            wanted = CONTEXT.multiply(once, Decimal(scaling["times"]))
            assert agrees(scaled[output], f"{wanted:f}", "1E-30"), scaling["input"]


def test_outputs_have_the_digits_that_are_declared() -> None:
    for case in CASES.sample:
        result = pack.AGENT.run(case.input)
        assert result.data is not None, case.name
        answer = result.data.as_dict()
        for tool in pack.TOOLS.values():
            value = answer[tool.output]
            if tool.decimals is not None:
                assert isinstance(value, Decimal), case.name
                assert round_output(value, tool.decimals) == value, case.name


def test_spelling_of_a_number_does_not_matter() -> None:
    for case in CASES.sample:
        numbers = pack.Input.model_validate(case.input).as_dict()
        respelled = {
            name: f"{value:.40f}" if isinstance(value, Decimal) else value
            for name, value in numbers.items()
            if value is not None
        }
        assert pack.AGENT.run(respelled).data == pack.AGENT.run(case.input).data, case.name
