"""The limits of every input of every tool, from inside and from outside; what is not covered."""

from pathlib import Path

import pytest
from greenlang_sdk.testing import read_cases, taken

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {cases.tool: cases for cases in map(read_cases, FILES)}
LIMITED = [tool for tool, cases in CASES.items() if cases.accepted]
UNANSWERED = [tool for tool, cases in CASES.items() if any(case.code for case in cases.vectors)]


@pytest.mark.parametrize("tool", list(CASES))
def test_inputs_outside_their_limits_are_refused_by_name(tool: str) -> None:
    for case in CASES[tool].refused:
        result = pack.AGENT.call(tool, case.input)
        assert not result.success, case.name
        assert result.data is None, case.name
        fields = {error.field.partition(".")[0] for error in result.errors}
        assert (fields, {error.code for error in result.errors}) == ({case.field}, {case.code})


@pytest.mark.parametrize("tool", LIMITED)
def test_inputs_inside_their_limits_are_taken(tool: str) -> None:
    for case in CASES[tool].accepted:
        assert taken(pack.AGENT.agents[tool].input_model, case) == case.expect, case.name


@pytest.mark.parametrize("tool", UNANSWERED)
def test_what_has_no_answer_is_refused_with_a_reason(tool: str) -> None:
    for case in CASES[tool].vectors:
        if not case.code:
            continue
        result = pack.AGENT.call(tool, case.input)
        assert not result.success, case.name
        assert result.error is not None, case.name
        assert case.code in ("any", result.error.code), case.name
        assert result.error.message, case.name


@pytest.mark.parametrize("payload", [[], "text", 5, None], ids=repr)
def test_what_is_no_mapping_is_refused(payload: object) -> None:
    result = pack.AGENT.run(payload)  # type: ignore[arg-type]
    assert not result.success


def test_a_tool_that_does_not_exist_is_refused_with_the_list() -> None:
    result = pack.AGENT.call("no_such_tool", {})
    assert result.error is not None
    assert result.error.code == "unknown_tool"
    assert all(tool in result.error.message for tool in CASES)
