"""The whole agent on each worked case, to the digit or within the tolerance that the spec declares."""

from pathlib import Path

import pytest
from greenlang_sdk.testing import Case, agrees, read_cases, text_of

import gl_grid_odd_one as pack
from gl_grid_odd_one import factors

CASES = read_cases(Path(__file__).with_name("vectors.json"))


@pytest.mark.parametrize("case", CASES.answered, ids=str)
def test_agent_answers_what_was_expected(case: Case) -> None:
    result = pack.AGENT.run(case.input)
    assert result.errors == ()
    assert result.data is not None
    actual = result.data.as_dict()
    for name, expected in case.expect.items():
        assert agrees(actual[name], expected, case.tolerances.get(name)), name


def test_every_answer_names_its_sources() -> None:
    for case in CASES.sample:
        result = pack.AGENT.run(case.input)
        rows = {key for step in result.chain for key, _ in step.factors}
        used = {key if "://" in key else f"ef://{key}" for key in rows}
        assert {citation.ref for citation in result.citations} == used, case.name
        assert all(citation.text for citation in result.citations), case.name


def test_every_calculated_output_has_an_expected_value() -> None:
    expected = {name for case in CASES.answered for name in case.expect}
    assert {tool.output for tool in pack.TOOLS.values()} <= expected


def test_every_look_up_gives_the_published_figure() -> None:
    for figure in CASES.figures:
        row = factors.tables()[figure["table"]].row(*figure["when"])
        found = {"row": row.key, "value": text_of(row.value), "unit": row.unit}
        assert found == {key: figure[key] for key in found}
