"""What must hold whatever the figures are."""

from decimal import Decimal
from pathlib import Path

from greenlang_sdk.decimals import round_output
from greenlang_sdk.testing import read_cases

import gl_buildings_heat_pump_e58fff as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))


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
