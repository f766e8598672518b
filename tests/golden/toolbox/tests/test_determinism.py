"""The same input gives the same bytes: again, from another agent, in another order, in another context."""

import decimal
import json
from pathlib import Path

import pytest
from greenlang_sdk.testing import Case, read_cases

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {json.loads(f.read_text(encoding="utf-8"))["tool"]: read_cases(f) for f in FILES}
SAMPLE = [
    pytest.param(tool, case, id=f"{tool}-{case}")
    for tool, cases in CASES.items()
    for case in [*cases.sample[:4], *(case for case in cases.vectors if case.code)][:6]
]


@pytest.mark.parametrize(("tool", "case"), SAMPLE)
def test_same_input_gives_same_bytes(tool: str, case: Case) -> None:
    first = pack.AGENT.call(tool, case.input).canonical()
    assert pack.AGENT.call(tool, case.input).canonical() == first
    assert pack.Agent().call(tool, case.input).canonical() == first


@pytest.mark.parametrize(("tool", "case"), SAMPLE)
def test_order_of_the_input_does_not_matter(tool: str, case: Case) -> None:
    turned = dict(reversed(case.input.items()))
    wanted = pack.AGENT.call(tool, case.input).canonical()
    assert pack.AGENT.call(tool, turned).canonical() == wanted


@pytest.mark.parametrize(("tool", "case"), SAMPLE)
def test_the_caller_s_decimal_context_does_not_matter(tool: str, case: Case) -> None:
    wanted = pack.AGENT.call(tool, case.input).canonical()
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP):
        assert pack.AGENT.call(tool, case.input).canonical() == wanted


@pytest.mark.parametrize("tool", list(CASES))
def test_refusals_are_deterministic_too(tool: str) -> None:
    for case in CASES[tool].refused:
        first = pack.AGENT.call(tool, case.input).canonical()
        assert pack.AGENT.call(tool, case.input).canonical() == first
