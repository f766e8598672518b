"""What must hold whatever the figures are."""

import json
import operator
from decimal import Decimal
from pathlib import Path

import pytest
from greenlang_sdk.decimals import CONTEXT, round_output
from greenlang_sdk.testing import agrees, calculate, read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {json.loads(f.read_text(encoding="utf-8"))["tool"]: read_cases(f) for f in FILES}
AGENTS = pack.AGENT.agents
BOUNDS = [
    pytest.param(tool, bound, id=f"{tool}-{bound['name']}")
    for tool, cases in CASES.items()
    for bound in cases.bounds
]
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@pytest.mark.parametrize(("tool", "bound"), BOUNDS)
def test_declared_property_holds(tool: str, bound: dict[str, str]) -> None:
    for case in CASES[tool].answered:
        values = calculate(AGENTS[tool], case.input)
        right = values[bound["right"]] if bound["right"] in values else Decimal(bound["right"])
        assert SIGNS[bound["op"]](values[bound["left"]], right), f"{bound['rule']}: {case}"


SCALING = [tool for tool, cases in CASES.items() if cases.scaling]


@pytest.mark.parametrize("tool", SCALING)
def test_output_scales_with_its_inputs(tool: str) -> None:
    base = CASES[tool].base
    once = calculate(AGENTS[tool], base)
    for scaling in CASES[tool].scaling:
        output = scaling["output"]
        scaled = calculate(AGENTS[tool], base | {scaling["input"]: scaling["value"]})
        wanted = CONTEXT.multiply(once[output], Decimal(scaling["times"]))
        assert agrees(scaled[output], f"{wanted:f}", "1E-30"), (output, scaling["input"])


@pytest.mark.parametrize("tool", list(CASES))
def test_outputs_have_the_digits_that_are_declared(tool: str) -> None:
    for case in CASES[tool].sample:
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
    for case in CASES[tool].sample:
        numbers = AGENTS[tool].input_model.model_validate(case.input).as_dict()
        respelled = {
            name: f"{value:.40f}" if isinstance(value, Decimal) else value
            for name, value in numbers.items()
            if value is not None
        }
        assert AGENTS[tool].run(respelled).data == AGENTS[tool].run(case.input).data, case.name
