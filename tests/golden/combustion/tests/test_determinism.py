"""The same input gives the same bytes: again, from another agent, in another order, in another context."""

import decimal
from pathlib import Path

from greenlang_sdk.testing import read_cases

import gl_emissions_carbon_calculator_v1 as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))
SAMPLE = [*CASES.sample[::3], *[case for case in CASES.vectors if case.code][:1]]


def test_same_input_gives_same_bytes() -> None:
    for case in SAMPLE:
        first = pack.AGENT.run(case.input).canonical()
        assert pack.AGENT.run(case.input).canonical() == first, case.name


def test_another_agent_gives_the_same_bytes() -> None:
    for case in SAMPLE:
        first = pack.AGENT.run(case.input).canonical()
        assert pack.Agent().run(case.input).canonical() == first, case.name


def test_order_of_the_input_does_not_matter() -> None:
    for case in SAMPLE:
        turned = dict(reversed(case.input.items()))
        wanted = pack.AGENT.run(case.input).canonical()
        assert pack.AGENT.run(turned).canonical() == wanted, case.name


def test_the_caller_s_decimal_context_does_not_matter() -> None:
    for case in SAMPLE:
        wanted = pack.AGENT.run(case.input).canonical()
        with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP):
            assert pack.AGENT.run(case.input).canonical() == wanted, case.name


def test_refusals_are_deterministic_too() -> None:
    for case in {case.field: case for case in CASES.refused}.values():
        first = pack.AGENT.run(case.input).canonical()
        assert pack.AGENT.run(case.input).canonical() == first, case.name
