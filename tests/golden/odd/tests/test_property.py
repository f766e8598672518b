"""What must hold whatever the figures are."""

from decimal import Decimal
from pathlib import Path

from greenlang_sdk.decimals import CONTEXT, round_output
from greenlang_sdk.testing import agrees, calculate, read_cases

import gl_grid_odd_one as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))


def test_outputs_scale_with_their_inputs() -> None:
    once = calculate(pack.AGENT, CASES.base)
    for name, value in {scaling["input"]: scaling["value"] for scaling in CASES.scaling}.items():
        scaled = calculate(pack.AGENT, CASES.base | {name: value})
        for scaling in CASES.scaling:
            if scaling["input"] == name:
                output = scaling["output"]
                wanted = CONTEXT.multiply(once[output], Decimal(scaling["times"]))
                assert agrees(scaled[output], f"{wanted:f}", "1E-30"), (output, name)


def test_outputs_have_the_digits_that_are_declared() -> None:
    for case in CASES.sample[::2]:
        result = pack.AGENT.run(case.input)
        assert result.data is not None, case.name
        answer = result.data.as_dict()
        for tool in pack.TOOLS.values():
            value = answer[tool.output]
            if tool.decimals is not None:
                assert isinstance(value, Decimal), case.name
                assert round_output(value, tool.decimals) == value, case.name


def test_spelling_of_a_number_does_not_matter() -> None:
    for case in CASES.sample[::2]:
        numbers = pack.Input.model_validate(case.input).as_dict()
        respelled = {
            name: f"{value:.40f}" if isinstance(value, Decimal) else value
            for name, value in numbers.items()
            if value is not None
        }
        assert pack.AGENT.run(respelled).data == pack.AGENT.run(case.input).data, case.name
