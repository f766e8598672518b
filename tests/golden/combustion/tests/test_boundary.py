"""The limits of every input, from inside and from outside; what the references do not cover."""

from pathlib import Path

import pytest
from greenlang_sdk.testing import Case, read_cases, text_of

import gl_emissions_carbon_calculator_v1 as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))


@pytest.mark.parametrize("case", CASES.refused, ids=str)
def test_input_outside_its_limits_is_refused_by_name(case: Case) -> None:
    result = pack.AGENT.run(case.input)
    assert not result.success
    assert result.data is None
    assert {error.code for error in result.errors} == {case.code}
    assert {error.field.partition(".")[0] for error in result.errors} == {case.field}


@pytest.mark.parametrize("case", CASES.accepted, ids=str)
def test_input_inside_its_limits_is_taken(case: Case) -> None:
    given = pack.Input.model_validate(case.input).as_dict()
    assert {name: text_of(given[name]) for name in case.expect} == case.expect


@pytest.mark.parametrize("case", [c for c in CASES.vectors if c.code], ids=str)
def test_what_has_no_answer_is_refused_with_a_reason(case: Case) -> None:
    result = pack.AGENT.run(case.input)
    assert not result.success
    assert result.error is not None
    assert case.code in ("any", result.error.code)
    assert result.error.message


@pytest.mark.parametrize("payload", [[], "text", 5, None], ids=repr)
def test_what_is_no_mapping_is_refused(payload: object) -> None:
    result = pack.AGENT.run(payload)  # type: ignore[arg-type]
    assert not result.success
