"""Plain functions as agents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import partial
from inspect import signature
from typing import Annotated, Any, Literal, Optional

import pytest
from greenlang_sdk.agent import CalculatorAgent
from greenlang_sdk.command import usage
from greenlang_sdk.models import AgentInput, AgentOutput, Number, Rows
from greenlang_sdk.results import AgentError
from greenlang_sdk.toolbox import ToolboxAgent
from greenlang_sdk.wrapper import AgentV2Wrapper, as_agent, wrap
from pydantic import Field

from tests.sdk.agents import TABLE, Load, ShareInput, ShareOutput


class Fuel(Enum):
    GAS = "gas"


@dataclass
class Row:
    fuel: Fuel
    year: int


def energy(amount: Decimal, fuel: str = "gas") -> Decimal:
    """Amount × factor."""
    return amount * TABLE.value(fuel, "US")


def legacy(kwh: float, factor: float = 0.4, *, round_to: int = 2) -> float:
    if kwh < 0:
        raise ValueError("kwh is zero or more")
    return round(kwh * factor, round_to)


def data(agent: AgentV2Wrapper[Any, Any], **payload: object) -> object:
    result = agent.run(payload)
    assert result.success, result.errors
    assert result.data is not None
    return result.as_dict()["data"]


def test_a_function_of_decimals_is_an_agent_without_a_line_of_change() -> None:
    agent = wrap(energy, agent_id="legacy/energy", version="3.0.0")
    result = agent.run({"amount": 0.1})
    assert result.as_dict()["data"] == {"result": Decimal("0.05")}
    assert result.metadata == {"agent": "legacy/energy", "version": "3.0.0"}
    (step,) = result.chain
    assert step.as_dict() == {
        "tool": "energy",
        "arguments": {"amount": Decimal("0.1"), "fuel": "gas"},
        "factors": [{"key": "epa/x", "digest": "aa"}],
        "result": Decimal("0.05"),
    }
    assert result.canonical() == agent.run({"fuel": "gas", "amount": "0.10"}).canonical()


def test_the_function_itself_is_still_there() -> None:
    agent = wrap(legacy)
    assert agent(100.0, round_to=1) == 40.0
    assert agent.agent_id.endswith("test_wrapper/legacy")
    with pytest.raises(ValueError, match="zero or more"):
        agent(-1.0)


def test_a_function_of_floats_stays_one() -> None:
    assert data(wrap(legacy), kwh="0.1", factor=Decimal(3), round_to="3") == {"result": 0.3}


@pytest.mark.parametrize(
    ("payload", "field", "message"),
    [
        ({}, "amount", "Field required"),
        ({"amount": "x"}, "amount", "no plain number"),
        ({"amount": True}, "amount", "truth value"),
        ({"amount": 1, "fuel": 7}, "fuel", "valid string"),
        ({"amount": 1, "other": 7}, "other", "not permitted"),
        ({"amount": 1, "fuel": "coal"}, "fuel", "coal is ambiguous"),
        ({"amount": "9e6144"}, "energy", "too large"),
    ],
)
def test_a_user_s_mistake_is_a_result(payload: dict[str, object], field: str, message: str) -> None:
    def large(amount: Decimal, fuel: str = "gas") -> Decimal:
        return energy(amount, fuel) * 10

    large.__name__ = "energy"
    result = wrap(large).run(payload)
    assert result.error is not None
    assert result.error.field == field
    assert message in result.error.message


@pytest.mark.parametrize("value", [1.5, "x", 2**60, float("nan")])
def test_whole_numbers_are_whole(value: object) -> None:
    result = wrap(legacy).run({"kwh": 1, "round_to": value})
    assert result.error is not None
    assert result.error.code == "invalid_input"


def test_an_exception_is_a_mistake_only_if_it_is_declared_one() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        wrap(legacy).run({"kwh": -1})
    result = wrap(legacy, mistakes=(ValueError,)).run({"kwh": -1})
    assert result.errors == (AgentError("invalid_input", "", "kwh is zero or more"),)
    refused = wrap(energy, mistakes=(ArithmeticError, LookupError)).run({"amount": 1, "fuel": "coal"})
    assert refused.error is not None
    assert refused.error.code == "not_covered"


def test_types_inside_types_are_read_as_the_sdk_reads_them() -> None:
    def many(
        a: float | None,
        b: Optional[Decimal],  # noqa: UP045 - old code writes it so
        c: list[Decimal],
        d: dict[str, Sequence[float]],
        e: Literal["x", "y"],
        f: Annotated[Decimal, Field(ge=0)],
        g: tuple[Decimal, ...],
        h: Rows[Load],
        i: bool,
        j: Any,
    ) -> dict[str, list[Decimal]]:
        assert isinstance(h[0], Load)
        return {e: [*c, f, *g, h[0].mass, b or Decimal(0), Decimal(str(a or 0)), Decimal(str(d["k"][0]))]}

    agent = wrap(many)
    given = {"a": "0.5", "b": None, "c": ["1", 2.5], "d": {"k": ["0.1"]}, "e": "x", "f": "1e1", "g": [7], "i": True}
    answer = data(agent, **given, h=[{"mass": 3}], j="anything")
    assert answer == {"result": {"x": [Decimal(n) for n in ("1", "2.5", "10", "7", "3", "0", "0.5", "0.1")]}}
    bad = given | {"e": "z", "f": -1, "h": [{"mass": -1}], "j": 1}
    assert {error.field for error in agent.run(bad).errors} == {"e", "f", "h.0.mass"}


def test_parameters_of_any_name_and_kind() -> None:
    def odd(model_config: Decimal, _hidden: Decimal, /, copy: Decimal, *, json: str = "j") -> str:
        return f"{model_config}{_hidden}{copy}{json}"

    assert data(wrap(odd), model_config=1, _hidden=2, copy=3) == {"result": "123j"}
    assert [error.field for error in wrap(odd).run({"json": 1}).errors] == ["model_config", "_hidden", "copy", "json"]
    told = [line.split()[0] for line in usage(wrap(odd)).splitlines() if line.startswith("  ")]
    assert told == ["model_config", "_hidden", "copy", "json", "result"]


def test_parameters_whose_names_are_alike_stay_apart() -> None:
    def apart(p_: Decimal, _p: Decimal, copy: Decimal, copy_: Decimal) -> str:
        return f"{p_}{_p}{copy}{copy_}"

    assert data(wrap(apart), p_=1, _p=2, copy=3, copy_=4) == {"result": "1234"}


def test_defaults_are_read_as_what_is_given() -> None:
    def scaled(a: Decimal, by: Decimal = 0.5, at_most: Decimal = None) -> Decimal:  # type: ignore[assignment]  # noqa: RUF013
        return a * by if at_most is None else min(a * by, at_most)

    assert data(wrap(scaled), a=3) == {"result": Decimal("1.5")}
    assert data(wrap(scaled), a=3, at_most=1) == {"result": Decimal(1)}


def test_choices_dates_and_dataclasses_pass_through() -> None:
    def told(fuel: Fuel, day: date) -> Row:
        return Row(fuel, day.year)

    (step,) = wrap(told).run({"fuel": "gas", "day": "2024-02-29"}).chain
    assert step.as_dict()["arguments"] == {"fuel": "gas", "day": "2024-02-29"}
    assert step.as_dict()["result"] == {"fuel": "gas", "year": 2024}


def test_the_function_s_own_words_stay() -> None:
    assert wrap(energy).__doc__ == "Amount × factor."
    assert [*signature(wrap(energy)).parameters] == ["amount", "fuel"]


def test_a_function_of_nothing() -> None:
    def always() -> str:
        return "yes"

    assert data(wrap(always)) == {"result": "yes"}


def test_models_of_one_s_own() -> None:
    def typed(given: ShareInput) -> ShareOutput:
        return ShareOutput(share=given.amount)

    def untyped(given):  # type: ignore[no-untyped-def]
        return {"share": given.amount}

    expected = {"share": Decimal(7)}
    assert data(wrap(typed), amount=7) == expected
    assert data(wrap(untyped, input_model=ShareInput, output_model=ShareOutput), amount=7) == expected
    assert wrap(typed).run({"amount": -1}).error is not None


def test_an_answer_that_does_not_fit_is_a_bug() -> None:
    def wrong(a: Decimal) -> Decimal:
        return "much"  # type: ignore[return-value]

    with pytest.raises(ValueError, match="no plain number"):
        wrap(wrong).run({"a": 1})


def test_the_decorator_says_the_same() -> None:
    @as_agent("legacy/double", "2.0.0", mistakes=(ValueError,))
    def double(a: Decimal) -> Decimal:
        if a > 100:
            raise ValueError("too much")
        return 2 * a

    assert isinstance(double, AgentV2Wrapper)
    assert double(Decimal(3)) == 6
    assert double.run({"a": 3}).metadata == {"agent": "legacy/double", "version": "2.0.0"}
    assert double.run({"a": 101}).error is not None


async def later(a: Decimal) -> Decimal:
    return a


def each(a: Decimal) -> Iterator[Decimal]:
    yield a


def unknown(a: Nowhere) -> Decimal:  # type: ignore[name-defined]  # noqa: F821
    return Decimal(a)


def misfit(a: Decimal = "much") -> Decimal:  # type: ignore[assignment]
    return a


def opaque(a: Iterator[Decimal]) -> Decimal:
    return next(a)


def two(a: AgentInput, b: Decimal) -> Decimal:
    return b


def unsaid(a, b: Decimal) -> Decimal:  # type: ignore[no-untyped-def]
    return b


def rest(*a: Decimal) -> Decimal:
    return a[0]


def silent(a: Decimal):  # type: ignore[no-untyped-def]
    return a


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (later, "no plain function"),
        (each, "each is no plain function"),
        (partial(energy, fuel="gas"), "partial is no plain function"),
        (unknown, "unknown: name 'Nowhere' is not defined"),
        (misfit, "misfit: .*no plain number"),
        (opaque, "opaque: Unable to generate"),
        (two, "two takes an input model, so it takes nothing else"),
        (unsaid, "unsaid: the parameter a has no annotation of its own"),
        (rest, r"rest: the parameter \*a"),
        (silent, "silent: what is returned has no annotation"),
    ],
)
def test_a_function_whose_annotations_do_not_say_enough_is_refused(function: Any, message: str) -> None:
    with pytest.raises(TypeError, match=re.compile(message, re.S)):
        wrap(function)


def test_a_wrapped_function_may_be_a_tool_of_a_toolbox() -> None:
    class Legacy(ToolboxAgent):
        agent_id = "legacy/all"
        version = "1.0.0"

    toolbox = Legacy({"energy": wrap(energy), "legacy": wrap(legacy)})
    assert toolbox.call("energy", {"amount": 1}).as_dict()["data"] == {"result": Decimal("0.5")}
    assert not isinstance(toolbox.parts["energy"], CalculatorAgent)
    assert toolbox.health()["factor_rows"] == 0


def test_an_output_model_may_be_stated_for_a_typed_function() -> None:
    class Named(AgentOutput):
        kg: Number

    def plain(a: Decimal) -> dict[str, Decimal]:
        return {"kg": a}

    assert data(wrap(plain, output_model=Named), a=1) == {"kg": Decimal(1)}
