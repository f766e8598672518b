"""The same input gives the same bytes: again, from another agent, in another order, in another context."""

import decimal
from pathlib import Path

import pytest
from greenlang_sdk.testing import Case, read_cases

import gl_x_smallest as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))
SAMPLE = [*CASES.sample, *(case for case in CASES.vectors if case.code)]


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_same_input_gives_same_bytes(case: Case) -> None:
    first = pack.AGENT.run(case.input).canonical()
    assert pack.AGENT.run(case.input).canonical() == first
    assert pack.Agent().run(case.input).canonical() == first


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_order_of_the_input_does_not_matter(case: Case) -> None:
    turned = dict(reversed(case.input.items()))
    assert pack.AGENT.run(turned).canonical() == pack.AGENT.run(case.input).canonical()


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_the_caller_s_decimal_context_does_not_matter(case: Case) -> None:
    wanted = pack.AGENT.run(case.input).canonical()
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP):
        assert pack.AGENT.run(case.input).canonical() == wanted


def test_refusals_are_deterministic_too() -> None:
    for case in CASES.refused:
        assert pack.AGENT.run(case.input).canonical() == pack.AGENT.run(case.input).canonical()
