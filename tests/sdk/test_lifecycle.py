"""The lifecycle that every agent has: hooks, refusals, metrics, provenance."""

from __future__ import annotations

import json
import logging
import pickle
import threading
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext
from enum import Enum
from typing import Any

import pytest
from greenlang_sdk import errors
from greenlang_sdk.agent import EVENTS, ExecutionContext
from greenlang_sdk.canonical import digest
from greenlang_sdk.lifecycle import AgentSpecV2Base
from greenlang_sdk.logs import log_runs
from greenlang_sdk.models import AgentInput, AgentOutput, Number
from greenlang_sdk.results import AgentError, AgentResult
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.agents import TABLE, Share, ShareInput, ShareOutput

NAMES_OF_001 = [
    *("pre_initialize", "post_initialize", "pre_validate", "post_validate"),
    *("pre_execute", "post_execute"),
]


class Loose(AgentInput):
    """Takes anything."""

    value: Any


class Sum(AgentOutput):
    total: Number


class Loosely(AgentSpecV2Base[Loose, Sum]):
    agent_id = "test/loose"
    version = "1.0.0"
    input_model = Loose
    output_model = Sum

    def execute(self, given: Loose, context: ExecutionContext) -> Sum:
        return Sum(total=Decimal(1))


def watched(agent: AgentSpecV2Base[Any, Any]) -> list[str]:
    seen: list[str] = []
    for event in EVENTS:

        def note(_: ExecutionContext, event: str = event) -> None:
            seen.append(event)

        agent.add_lifecycle_hook(event, note)
    return seen


def test_hooks_fire_around_every_stage_and_initialize_once() -> None:
    agent = Share()
    seen = watched(agent)
    agent.run({"amount": 1})
    assert seen == list(EVENTS[:-1])
    assert seen[:6] == NAMES_OF_001
    seen.clear()
    agent.run({"amount": 1})
    assert seen == list(EVENTS[2:-1])


@pytest.mark.parametrize(
    ("payload", "last"),
    [({"amount": -1}, "pre_validate"), ({"amount": 1, "parts": 0}, "pre_execute")],
)
def test_a_refused_run_ends_with_its_own_hook(payload: dict[str, object], last: str) -> None:
    agent = Share()
    agent.initialize()
    seen = watched(agent)
    assert not agent.run(payload).success
    assert seen[-2:] == [last, "failed"]


def test_an_event_that_does_not_exist_is_told() -> None:
    with pytest.raises(ValueError, match="'midnight' is no lifecycle event; there are: pre_initialize"):
        Share().add_lifecycle_hook("midnight", print)  # type: ignore[arg-type]


def test_hooks_get_the_context_of_their_run() -> None:
    agent, told = Share(), dict[str, object]()
    agent.add_lifecycle_hook("pre_initialize", lambda context: told.update(agent=context.agent_id))
    agent.add_lifecycle_hook("post_validate", lambda context: told.update(given=context.given["amount"]))
    agent.add_lifecycle_hook("post_execute", lambda context: told.update(steps=[s.tool for s in context.steps]))
    agent.add_lifecycle_hook("post_finalize", lambda context: told.update(result=context.result))
    result = agent.run({"amount": 10})
    assert told == {"agent": "test/share", "given": 10, "steps": ["share"], "result": result}


def test_a_hook_may_refuse_a_run() -> None:
    def closed(context: ExecutionContext) -> None:
        raise errors.InvalidInput("the year is closed", field="year")

    agent = Share()
    agent.add_lifecycle_hook("pre_execute", closed)
    assert agent.run({"amount": 1}).errors == (AgentError("invalid_input", "year", "the year is closed"),)


def test_a_hook_that_refuses_a_refused_run_adds_its_error() -> None:
    def closed(context: ExecutionContext) -> None:
        raise errors.Unavailable("nobody could be told")

    agent = Share()
    agent.add_lifecycle_hook("failed", closed)
    assert [error.code for error in agent.run({"amount": -1}).errors] == ["invalid_input", "unavailable"]


def test_a_hook_may_add_hooks() -> None:
    agent, seen = Share(), list[int]()

    def again(context: ExecutionContext) -> None:
        seen.append(1)
        agent.add_lifecycle_hook("pre_execute", again)

    agent.add_lifecycle_hook("pre_execute", again)
    assert agent.run({"amount": 1}).success
    assert len(seen) == 1


def test_a_hook_with_a_bug_is_not_swallowed() -> None:
    agent = Share()
    agent.add_lifecycle_hook("failed", lambda context: dict[str, str]()["nothing"])
    with pytest.raises(KeyError):
        agent.run({"amount": -1})
    assert agent.metrics.broken == 1


def test_an_agent_prepares_once_and_again_only_if_that_failed() -> None:
    class Prepared(Share):
        tries = 0

        def prepare(self) -> None:
            self.tries += 1
            if self.tries == 1:
                raise errors.Unavailable("not yet")

    agent = Prepared()
    first = agent.run({"amount": 1})
    assert first.error == AgentError("unavailable", "", "not yet")
    for _ in range(3):
        assert agent.run({"amount": 1}).success
    agent.initialize()
    assert agent.tries == 2


def test_an_agent_that_prepares_holds_up_no_other() -> None:
    class Warm(Share):
        def prepare(self) -> None:
            other = threading.Thread(target=Share().run, args=({"amount": 1},), daemon=True)
            other.start()
            other.join(60)
            self.done = not other.is_alive()

    agent = Warm()
    assert agent.run({"amount": 1}).success
    assert agent.done


def test_an_agent_that_does_not_say_what_it_is_is_told_when_it_is_made() -> None:
    class Nameless(AgentSpecV2Base[Loose, Sum]):
        version = "1.0.0"
        input_model = Loose

        def execute(self, given: Loose, context: ExecutionContext) -> Sum:
            return Sum(total=Decimal(1))

    with pytest.raises(TypeError, match="Nameless does not declare agent_id, output_model"):
        Nameless()


class Kind(Enum):
    COLD = "cold"


class Day(AgentInput):
    day: date
    kind: Kind
    share: Number = 0.5  # type: ignore[assignment]  # as people write it


class Seen(AgentOutput):
    day: date
    kinds: dict[str, Kind]
    share: Number


def test_dates_and_choices_are_values_like_others() -> None:
    class Dated(AgentSpecV2Base[Day, Seen]):
        agent_id = "test/dated"
        version = "1.0.0"
        input_model = Day
        output_model = Seen

        def execute(self, given: Day, context: ExecutionContext) -> Seen:
            return Seen(day=given.day, kinds={"one": given.kind}, share=given.share / 3)

    result = Dated().run({"day": "2024-02-29", "kind": "cold"})
    assert result.data is not None
    assert result.data.day == date(2024, 2, 29)
    expected = {"day": "2024-02-29", "kinds": {"one": "cold"}, "share": "0." + "1" + "6" * 32 + "7"}
    assert json.loads(result.canonical())["data"] == expected
    assert result == Dated().run(Day(day=date(2024, 2, 29), kind=Kind.COLD, share=Decimal("0.5")))
    assert {e.field for e in Dated().run({"day": "2024-02-30", "kind": "hot"}).errors} == {"day", "kind"}


class Quotient(Loosely):
    """Calculates in `execute` itself."""

    def execute(self, given: Loose, context: ExecutionContext) -> Sum:
        return Sum(total=1 / Decimal(given.value))


def test_arithmetic_anywhere_in_a_run_is_under_the_declared_context() -> None:
    with localcontext(prec=3):
        result = Quotient().run({"value": 3})
    assert result.data is not None
    assert result.data.total == Decimal("0." + "3" * 34)
    assert Quotient().run({"value": 0}).error == AgentError("calculation", "", "division by zero")


def test_a_typed_input_is_checked_like_a_mapping() -> None:
    changed = ShareInput(amount=Decimal(1)).model_copy(update={"amount": Decimal(-1)})
    (error,) = Share().run(changed).errors
    assert (error.code, error.field) == ("invalid_input", "amount")


@pytest.mark.parametrize("answer", [None, 5, Loose(value=1)])
def test_an_answer_of_another_type_is_a_bug(answer: Any) -> None:
    class Careless(Loosely):
        def execute(self, given: Loose, context: ExecutionContext) -> Sum:
            return answer  # type: ignore[no-any-return]

    with pytest.raises(ValueError, match="for Sum"):
        Careless().run({"value": 1})


@pytest.mark.parametrize(
    "value",
    [float("nan"), 2**60, object(), [{"x": b"bytes"}], "\ud800"],
    ids=["nan", "too-large", "object", "bytes", "surrogate"],
)
def test_an_input_that_json_cannot_hold_is_the_user_s_mistake(value: object) -> None:
    result = Loosely().run({"value": value})
    assert result.error is not None
    assert result.error.code == "invalid_input"


def test_an_output_that_does_not_fit_its_model_is_a_bug() -> None:
    class Unchecked(Loosely):
        def execute(self, given: Loose, context: ExecutionContext) -> Sum:
            return Sum.model_construct(total="much")  # type: ignore[arg-type]

    agent = Unchecked()
    with pytest.raises(ValueError, match="no plain number"):
        agent.run({"value": 1})
    assert (agent.metrics.runs, agent.metrics.broken) == (1, 1)


def test_a_bug_in_the_answer_s_own_model_is_not_called_an_input_mistake() -> None:
    class Wrong(Share):
        def execute(self, given: ShareInput, context: ExecutionContext) -> ShareOutput:
            return ShareOutput.model_validate({"share": "much"})

    with pytest.raises(ValueError, match="no plain number"):
        Wrong().run({"amount": 1})


def test_several_errors_are_all_told() -> None:
    several = errors.Several((AgentError("a", "x", "first"), AgentError("b", "y", "second")))
    assert str(several) == "first; second"
    assert [e.code for e in several.as_errors()] == ["a", "b"]
    assert pickle.loads(pickle.dumps(several)).as_errors() == several.errors


def test_metrics_count_what_became_of_runs() -> None:
    agent = Share()
    agent.run({"amount": 1})
    agent.run({"amount": 1, "parts": 0})
    agent.run({"amount": -1})
    with pytest.raises(KeyError):
        agent.run({"amount": 1, "fuel": "bug"})
    told = agent.metrics.as_dict()
    seconds, slowest = told.pop("seconds"), told.pop("slowest")
    assert told == {
        "runs": 4,
        "succeeded": 1,
        "refused": 2,
        "broken": 1,
        "cached": 0,
        "steps": 1,
        "refusals": {"calculation": 1, "invalid_input": 1},
    }
    assert isinstance(seconds, float)
    assert isinstance(slowest, float)
    assert 0 < slowest < seconds


def test_no_time_enters_the_canonical_result() -> None:
    def earlier(context: ExecutionContext) -> None:
        context.started -= 1000

    slow = Share()
    slow.add_lifecycle_hook("post_execute", earlier)
    first, second = slow.run({"amount": 1}), Share().run({"amount": 1, "parts": "3.0"})
    assert first.seconds > 1000 > second.seconds > 0
    assert slow.metrics.slowest > 1000
    assert first == second
    assert first.canonical() == second.canonical()
    assert first.provenance == second.provenance


def test_threads_count_every_run_and_prepare_once() -> None:
    class Once(Share):
        prepared = 0

        def prepare(self) -> None:
            self.prepared += 1

    agent = Once()
    threads = [threading.Thread(target=lambda: [agent.run({"amount": 1}) for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (agent.prepared, agent.metrics.runs, agent.metrics.steps) == (1, 100, 100)


def test_an_agent_can_be_sent_to_another_process() -> None:
    agent = pickle.loads(pickle.dumps(Share()))
    assert agent.run({"amount": 1}).canonical() == Share().run({"amount": 1}).canonical()


def test_what_is_cited_stands_in_the_result_once() -> None:
    class Cites(Share):
        def execute(self, given: ShareInput, context: ExecutionContext) -> ShareOutput:
            for _ in range(2):
                context.cite("doc://guide", "the guide, page 3", "ab" * 32)
            return super().execute(given, context)

    refs = [(c.ref, c.text) for c in Cites().run({"amount": 1}).citations]
    assert refs == [("doc://guide", "the guide, page 3"), ("ef://epa/x", "Table 1")]


def test_a_row_that_is_read_twice_stands_once_in_the_chain() -> None:
    def twice() -> Decimal:
        return TABLE.value("gas", "US") + TABLE.value("gas", "US")

    context = ExecutionContext("a", "1")
    assert context.step(twice) == 1
    assert context.steps[0].factors == (("epa/x", "aa"),)


def test_a_step_that_failed_is_not_in_the_chain() -> None:
    context = ExecutionContext("a", "1")
    with pytest.raises(errors.CalculationError) as told, context.link("half", {}):
        Decimal(1) / Decimal(0)
    assert told.value.field == "half"
    assert context.steps == []


@settings(deadline=None)
@given(st.decimals(0, 10**9, allow_nan=False, places=4), st.decimals(1, 100, allow_nan=False, places=2))
def test_provenance_is_the_digest_of_the_chain(amount: Decimal, parts: Decimal) -> None:
    result = Share().run({"amount": amount, "parts": parts})
    chain: Mapping[str, object] = {
        "agent": "test/share",
        "version": "1.0.0",
        "inputs": {"amount": amount, "parts": parts, "fuel": "gas", "limit": None},
        "steps": [step.as_dict() for step in result.chain],
    }
    assert result.provenance == digest(chain)


def test_runs_of_the_same_input_have_the_same_key() -> None:
    agent = Share()
    key = agent.idempotency_key(ShareInput(amount=Decimal("1.0")))
    assert key == agent.idempotency_key(ShareInput(amount=Decimal(1)))
    assert key != agent.idempotency_key(ShareInput(amount=Decimal(2)))
    loose = Loosely()
    assert loose.idempotency_key(Loose(value=["1"])) != loose.idempotency_key(Loose(value=[Decimal(1)]))


def test_a_result_of_no_record_is_plain_too() -> None:
    assert AgentResult(success=True, data=(1, {"a": (2,)})).as_dict()["data"] == [1, {"a": [2]}]


def test_health_says_who_it_is() -> None:
    assert Loosely().health() == {"status": "ok", "agent": "test/loose", "version": "1.0.0"}
    assert Share().health()["factor_rows"] == 1


def test_runs_are_logged_without_their_values(caplog: pytest.LogCaptureFixture) -> None:
    agent = Share()
    log_runs(agent)
    with caplog.at_level(logging.INFO, "greenlang_sdk"):
        result = agent.run({"amount": "123456789"})
        agent.run({"amount": "-123456789"})
    assert "123456789" not in caplog.text
    answered, refused = (json.loads(record.getMessage()) for record in caplog.records)
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert (answered["agent"], answered["steps"], answered["provenance"]) == ("test/share", 1, result.provenance)
    assert refused["errors"] == [{"code": "invalid_input", "field": "amount"}]
    assert answered["milliseconds"] >= 0


def test_runs_are_logged_where_it_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    agent = Share()
    log_runs(agent, logging.getLogger("mine"))
    with caplog.at_level(logging.INFO, "mine"):
        agent.run({"amount": 1})
    assert [record.name for record in caplog.records] == ["mine"]
