"""The same input gives the same bytes: again, from another agent, in another order, in another context."""

import decimal
from pathlib import Path

import pytest
from greenlang_sdk.testing import read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {cases.tool: cases for cases in map(read_cases, FILES)}
SAMPLE = {
    tool: [*cases.sample[::3], *[case for case in cases.vectors if case.code][:1]]
    for tool, cases in CASES.items()
}


@pytest.mark.parametrize("tool", list(CASES))
def test_same_input_gives_same_bytes(tool: str) -> None:
    for case in SAMPLE[tool]:
        first = pack.AGENT.call(tool, case.input).canonical()
        assert pack.AGENT.call(tool, case.input).canonical() == first, case.name
        assert pack.Agent().call(tool, case.input).canonical() == first, case.name


@pytest.mark.parametrize("tool", list(CASES))
def test_order_of_the_input_does_not_matter(tool: str) -> None:
    for case in SAMPLE[tool]:
        turned = dict(reversed(case.input.items()))
        wanted = pack.AGENT.call(tool, case.input).canonical()
        assert pack.AGENT.call(tool, turned).canonical() == wanted, case.name


@pytest.mark.parametrize("tool", list(CASES))
def test_the_caller_s_decimal_context_does_not_matter(tool: str) -> None:
    for case in SAMPLE[tool]:
        wanted = pack.AGENT.call(tool, case.input).canonical()
        with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP):
            assert pack.AGENT.call(tool, case.input).canonical() == wanted, case.name


@pytest.mark.parametrize("tool", list(CASES))
def test_refusals_are_deterministic_too(tool: str) -> None:
    for case in {case.field: case for case in CASES[tool].refused}.values():
        first = pack.AGENT.call(tool, case.input).canonical()
        assert pack.AGENT.call(tool, case.input).canonical() == first
