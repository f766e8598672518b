"""Agents whose answers may be kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from greenlang_sdk.agent import EVENTS, ExecutionContext
from greenlang_sdk.models import AgentInput, AgentOutput
from greenlang_sdk.stateless import StatelessAgent

from tests.sdk.agents import Share, ShareInput, ShareOutput


class Words(AgentInput):
    words: list[Any]


class Sorted(AgentOutput):
    words: list[Any]


class Sorter(StatelessAgent[Words, Sorted]):
    agent_id = "test/sorter"
    version = "1.0.0"
    input_model = Words
    output_model = Sorted

    def __init__(self, *, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.executed = 0

    def execute(self, given: Words, context: ExecutionContext) -> Sorted:
        self.executed += 1
        return Sorted(words=sorted(given.words, key=str))


class KeptShare(StatelessAgent[ShareInput, ShareOutput], Share):
    """Both patterns at once."""


def test_without_a_cache_every_run_executes() -> None:
    agent = Sorter()
    assert agent.run({"words": ["b", "a"]}).canonical() == agent.run({"words": ["b", "a"]}).canonical()
    assert (agent.executed, agent.metrics.cached) == (2, 0)


def test_a_kept_answer_is_the_same_to_the_byte() -> None:
    agent = KeptShare(cache_size=2)
    first, second = agent.run({"amount": 10}), agent.run({"amount": "10.00", "fuel": "gas"})
    assert first == second
    assert first.canonical() == second.canonical() == Share().run({"amount": 10}).canonical()
    assert (agent.metrics.runs, agent.metrics.cached, agent.metrics.steps) == (2, 1, 1)


def test_the_least_recently_used_answer_goes_first() -> None:
    agent = Sorter(cache_size=2)
    for word in ("a", "b", "a", "c", "a", "b"):
        agent.run({"words": [word]})
    assert agent.executed == 4  # a, b, c, and b again
    agent.clear()
    agent.run({"words": ["a"]})
    assert agent.executed == 5


def test_a_caller_cannot_change_a_kept_answer() -> None:
    agent = Sorter(cache_size=1)
    for _ in range(3):
        data = agent.run({"words": ["b", "a"]}).data
        assert data is not None
        assert data.words == ["a", "b"]
        data.words.append("poison")
    assert agent.executed == 1


def test_a_number_and_its_text_are_different_inputs() -> None:
    agent = Sorter(cache_size=5)
    agent.run({"words": [Decimal(1)]})
    agent.run({"words": ["1"]})
    agent.run({"words": [True]})
    assert agent.executed == 3


def test_refusals_are_not_kept() -> None:
    agent = KeptShare(cache_size=5)
    for _ in range(2):
        assert agent.run({"amount": 1, "parts": 0}).error is not None
    assert (agent.metrics.refused, agent.metrics.cached) == (2, 0)
    with pytest.raises(KeyError):
        agent.run({"amount": 1, "fuel": "bug"})


def test_hooks_see_kept_answers_too() -> None:
    agent, seen = Sorter(cache_size=1), []
    agent.run({"words": []})
    for event in EVENTS:
        agent.add_lifecycle_hook(event, lambda context, event=event: seen.append((event, context.result is None)))  # type: ignore[misc]
    agent.run({"words": []})
    assert seen == [
        ("pre_validate", True),
        ("post_validate", True),
        ("pre_finalize", True),
        ("post_finalize", False),
    ]
