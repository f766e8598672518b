"""What must hold whatever the figures are."""

import json
import operator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk.decimals import CONTEXT, round_output
from greenlang_sdk.testing import Case, agrees, calculate, read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {json.loads(f.read_text(encoding="utf-8"))["tool"]: read_cases(f) for f in FILES}
AGENTS = pack.AGENT.agents
SAMPLE = [
    pytest.param(tool, case, id=f"{tool}-{case}")
    for tool, cases in CASES.items()
    for case in cases.sample
]
BOUNDS = [
    pytest.param(tool, bound, case, id=f"{tool}-{bound['name']}-{case}")
    for tool, cases in CASES.items()
    for bound in cases.bounds
    for case in cases.answered
]
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@pytest.mark.parametrize(("tool", "bound", "case"), BOUNDS)
def test_declared_property_holds(tool: str, bound: dict[str, str], case: Case) -> None:
    values = calculate(AGENTS[tool], case.input)
    right = values[bound["right"]] if bound["right"] in values else Decimal(bound["right"])
    assert SIGNS[bound["op"]](values[bound["left"]], right), bound["rule"]


SCALING = [
    pytest.param(tool, scaling, id=f"{tool}-{scaling['output']}-by-{scaling['input']}")
    for tool, cases in CASES.items()
    for scaling in cases.scaling
]


@pytest.mark.parametrize(("tool", "scaling"), SCALING)
def test_output_scales_with_its_input(tool: str, scaling: dict[str, Any]) -> None:
    base = CASES[tool].base
    once = calculate(AGENTS[tool], base)[scaling["output"]]
    scaled = calculate(AGENTS[tool], base | {scaling["input"]: scaling["value"]})
    wanted = CONTEXT.multiply(once, Decimal(scaling["times"]))
    assert agrees(scaled[scaling["output"]], f"{wanted:f}", "1E-30")


@pytest.mark.parametrize(("tool", "case"), SAMPLE)
def test_outputs_have_the_digits_that_are_declared(tool: str, case: Case) -> None:
    result = AGENTS[tool].run(case.input)
    assert result.data is not None
    answer = result.data.as_dict()
    for calculation in AGENTS[tool].tools.values():
        value = answer[calculation.output]
        if calculation.decimals is not None:
            assert isinstance(value, Decimal)
            assert round_output(value, calculation.decimals) == value


@pytest.mark.parametrize(("tool", "case"), SAMPLE)
def test_spelling_of_a_number_does_not_matter(tool: str, case: Case) -> None:
    numbers = AGENTS[tool].input_model.model_validate(case.input).as_dict()
    respelled = {
        name: f"{value:.40f}" if isinstance(value, Decimal) else value
        for name, value in numbers.items()
        if value is not None
    }
    assert AGENTS[tool].run(respelled).data == AGENTS[tool].run(case.input).data
