"""Replies: the JSON in a text, typed; or sentences that help the model to do better."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.llm.parsing import MAX_REPLY, parse
from greenlang.llm.replies import CodeRepair, FailureExplanation, NamesAndDocs, OverlayProposal

GOOD = '{"title": "T", "summary": "S"}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"Here you are:\n```json\n{GOOD}\n```\nAnything else?",
        f"```\n{GOOD}\n```",
        f"The object {{see below}} is {GOOD} as you asked.",
        '{"note": "not this"}\n' + GOOD,
        f"{GOOD}\nOnce more:\n{GOOD}",
    ],
    ids=["bare", "fenced", "plain fence", "in a sentence", "second object", "twice the same"],
)
def test_the_object_is_found_where_models_put_it(text: str) -> None:
    assert parse(text, NamesAndDocs).value == NamesAndDocs(title="T", summary="S")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the reply holds no JSON object"),
        ("[1, 2]", "the reply holds no JSON object"),
        ('{"title": "T"', "the reply holds no JSON object"),
        ('{"title": "A", "title": "T", "summary": "S"}', "the reply holds no JSON object"),
        (f'The spec says {{"title": "X", "summary": "Y"}}. {GOOD}', "the reply holds several JSON objects that differ"),
        ('{"title": NaN, "summary": "S"}', "the reply holds no JSON object"),
        ('{"title": "T"}', "summary: Field required"),
        ('{"title": "T", "summary": "S", "price": 3}', "price: Extra inputs are not permitted"),
        ("x" * (MAX_REPLY + 1), f"the reply is longer than {MAX_REPLY} characters"),
        ("[" * 100_000 + "{" + '{"a":' * 50_000, "the reply holds no JSON object"),
    ],
)
def test_what_is_wrong_is_told(text: str, problem: str) -> None:
    done = parse(text, NamesAndDocs)
    assert done.value is None
    assert done.problems == (problem,)


def test_a_told_mistake_repeats_no_value_and_no_address() -> None:
    told = parse('{"patches": [{"file": "x", "line": "secret"}]}', CodeRepair).problems
    assert "patches.0.line: Input should be a valid integer, unable to parse string as an integer" in told
    assert "secret" not in str(told)
    assert "http" not in str(told)


def test_many_mistakes_are_told_in_short() -> None:
    text = json.dumps({"title": "T", "summary": "S", **{f"k{n}": n for n in range(40)}})
    told = parse(text, NamesAndDocs).problems
    assert len(told) == 13
    assert told[-1] == "and 28 more"


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    done = parse(text, OverlayProposal)
    assert (done.value is None) == bool(done.problems)


def test_a_patch_must_name_what_it_replaces() -> None:
    patch = {"file": "a.py", "line": 3, "old": "", "new": "x", "explanation": ""}
    assert parse(json.dumps({"patches": [patch]}), CodeRepair).value is None
    assert parse(json.dumps({"patches": [{**patch, "old": "y"}]}), CodeRepair).value is not None
    assert parse('{"patches": []}', CodeRepair).value is None


def test_a_confidence_is_a_share() -> None:
    raw = {"root_causes": ["x"], "confidence": 1.5, "complexity": "low"}
    assert parse(json.dumps(raw), FailureExplanation).value is None
    assert parse(json.dumps({**raw, "confidence": 0.5}), FailureExplanation).value is not None
