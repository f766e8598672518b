"""The limits of every input of every tool, from inside and from outside; what is not covered."""

import json
from pathlib import Path

import pytest
from greenlang_sdk.testing import read_cases, text_of

import gl_plant_toolbox as pack

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {json.loads(f.read_text(encoding="utf-8"))["tool"]: read_cases(f) for f in FILES}
FIELDS = [
    pytest.param(tool, field, id=f"{tool}-{field}")
    for tool, cases in CASES.items()
    for field in sorted({case.field for case in cases.refused})
]
LIMITED = [tool for tool, cases in CASES.items() if cases.accepted]
UNANSWERED = [tool for tool, cases in CASES.items() if any(case.code for case in cases.vectors)]


@pytest.mark.parametrize(("tool", "field"), FIELDS)
def test_input_outside_its_limits_is_refused_by_name(tool: str, field: str) -> None:
    for case in CASES[tool].refused:
        if case.field == field:
            result = pack.AGENT.call(tool, case.input)
            assert not result.success, case.name
            assert result.data is None, case.name
            assert {error.code for error in result.errors} == {case.code}, case.name
            assert {error.field.partition(".")[0] for error in result.errors} == {field}, case.name


@pytest.mark.parametrize("tool", LIMITED)
def test_input_inside_its_limits_is_taken(tool: str) -> None:
    for case in CASES[tool].accepted:
        given = pack.AGENT.agents[tool].input_model.model_validate(case.input).as_dict()
        assert {name: text_of(given[name]) for name in case.expect} == case.expect, case.name


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
