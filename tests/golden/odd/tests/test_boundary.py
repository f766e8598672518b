"""The limits of every input, from inside and from outside; what the references do not cover."""

from pathlib import Path

import pytest
from greenlang_sdk.testing import read_cases, taken

import gl_grid_odd_one as pack

CASES = read_cases(Path(__file__).with_name("vectors.json"))


def test_inputs_outside_their_limits_are_refused_by_name() -> None:
    for case in CASES.refused:
        result = pack.AGENT.run(case.input)
        assert not result.success, case.name
        assert result.data is None, case.name
        fields = {error.field.partition(".")[0] for error in result.errors}
        assert (fields, {error.code for error in result.errors}) == ({case.field}, {case.code})


def test_inputs_inside_their_limits_are_taken() -> None:
    for case in CASES.accepted:
        assert taken(pack.Input, case) == case.expect, case.name


def test_what_has_no_answer_is_refused_with_a_reason() -> None:
    for case in CASES.vectors:
        if not case.code:
            continue
        result = pack.AGENT.run(case.input)
        assert not result.success, case.name
        assert result.error is not None, case.name
        assert case.code in ("any", result.error.code), case.name
        assert result.error.message, case.name


@pytest.mark.parametrize("payload", [[], "text", 5, None], ids=repr)
def test_what_is_no_mapping_is_refused(payload: object) -> None:
    result = pack.AGENT.run(payload)  # type: ignore[arg-type]
    assert not result.success
