"""What must hold whatever the figures are."""

import operator
from decimal import Decimal
from pathlib import Path

import pytest
from greenlang_sdk.decimals import CONTEXT, round_output
from greenlang_sdk.testing import agrees, calculate, read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {cases.tool: cases for cases in map(read_cases, FILES)}
AGENTS = pack.AGENT.agents
BOUND = [tool for tool, cases in CASES.items() if cases.bounds]
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@pytest.mark.parametrize("tool", BOUND)
def test_declared_properties_hold(tool: str) -> None:
    for case in CASES[tool].answered:
        values = calculate(AGENTS[tool], case.input)
        for bound in CASES[tool].bounds:
            name = bound["right"]
            right = values[name] if name in values else Decimal(name)
            assert SIGNS[bound["op"]](values[bound["left"]], right), f"{bound['rule']}: {case}"


SCALING = [tool for tool, cases in CASES.items() if cases.scaling]


@pytest.mark.parametrize("tool", SCALING)
def test_outputs_scale_with_their_inputs(tool: str) -> None:
    base, scalings = CASES[tool].base, CASES[tool].scaling
    once = calculate(AGENTS[tool], base)
    for name, value in {scaling["input"]: scaling["value"] for scaling in scalings}.items():
        scaled = calculate(AGENTS[tool], base | {name: value})
        for scaling in scalings:
            if scaling["input"] == name:
                output = scaling["output"]
                wanted = CONTEXT.multiply(once[output], Decimal(scaling["times"]))
                assert agrees(scaled[output], f"{wanted:f}", "1E-30"), (output, name)


@pytest.mark.parametrize("tool", list(CASES))
def test_outputs_have_the_digits_that_are_declared(tool: str) -> None:
    for case in CASES[tool].sample[::2]:
        result = AGENTS[tool].run(case.input)
        assert result.data is not None, case.name
        answer = result.data.as_dict()
        for calculation in AGENTS[tool].tools.values():
            value = answer[calculation.output]
            if calculation.decimals is not None:
                assert isinstance(value, Decimal), case.name
                assert round_output(value, calculation.decimals) == value, case.name


@pytest.mark.parametrize("tool", list(CASES))
def test_spelling_of_a_number_does_not_matter(tool: str) -> None:
    for case in CASES[tool].sample[::2]:
        numbers = AGENTS[tool].input_model.model_validate(case.input).as_dict()
        respelled = {
            name: f"{value:.40f}" if isinstance(value, Decimal) else value
            for name, value in numbers.items()
            if value is not None
        }
        assert AGENTS[tool].run(respelled).data == AGENTS[tool].run(case.input).data, case.name
