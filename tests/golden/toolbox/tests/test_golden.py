"""The whole agent on each worked case of each tool, within the tolerance that the spec declares."""

from pathlib import Path

import pytest
from greenlang_sdk.testing import Case, agrees, read_cases, text_of

import gl_plant_toolbox as pack
from gl_plant_toolbox import factors

FILES = sorted(Path(__file__).parent.glob("vectors/*.json"))
CASES = {cases.tool: cases for cases in map(read_cases, FILES)}
ANSWERED = [
    pytest.param(tool, case, id=f"{tool}-{case}")
    for tool, cases in CASES.items()
    for case in cases.answered
]


@pytest.mark.parametrize(("tool", "case"), ANSWERED)
def test_agent_answers_what_was_expected(tool: str, case: Case) -> None:
    result = pack.AGENT.call(tool, case.input)
    assert result.errors == ()
    assert result.data is not None
    actual = result.data.as_dict()
    for name, expected in case.expect.items():
        assert agrees(actual[name], expected, case.tolerances.get(name)), name


@pytest.mark.parametrize("tool", list(CASES))
def test_every_answer_names_its_sources(tool: str) -> None:
    for case in CASES[tool].sample:
        result = pack.AGENT.call(tool, case.input)
        rows = {key for step in result.chain for key, _ in step.factors}
        used = {key if "://" in key else f"ef://{key}" for key in rows}
        assert {citation.ref for citation in result.citations} == used, case.name
        assert all(citation.text for citation in result.citations), case.name


@pytest.mark.parametrize("tool", list(CASES))
def test_every_calculated_output_has_an_expected_value(tool: str) -> None:
    expected = {name for case in CASES[tool].answered for name in case.expect}
    calculations = pack.AGENT.agents[tool].tools.values()
    assert {calculation.output for calculation in calculations} <= expected


@pytest.mark.parametrize("tool", list(CASES))
def test_every_look_up_gives_the_published_figure(tool: str) -> None:
    for figure in CASES[tool].figures:
        row = factors.tables()[figure["table"]].row(*figure["when"])
        found = {"row": row.key, "value": text_of(row.value), "unit": row.unit}
        assert found == {key: figure[key] for key in found}
