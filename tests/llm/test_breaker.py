"""The circuit breaker, with a clock in hand."""

from __future__ import annotations

from greenlang.llm.breaker import Breaker
from greenlang.llm.config import Breaking
from tests.llm.ground import Clock

RULE = Breaking()  # half of the last ten, four at least; 30 s open, 60 s until it is trusted again


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(RULE, clock)
    for _ in range(4):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_few_failures_prove_nothing() -> None:
    breaker = Breaker(RULE, Clock())
    for _ in range(3):
        breaker.failed()
    assert breaker.state == "closed"


def test_half_of_the_last_calls_opens_it() -> None:
    breaker = Breaker(RULE, Clock())
    for _ in range(4):
        breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    assert breaker.state == "closed"
    breaker.failed()
    assert breaker.state == "open"
    assert not breaker.admit()


def test_old_calls_are_forgotten() -> None:
    breaker = Breaker(RULE, Clock())
    for _ in range(3):
        breaker.failed()
    for _ in range(10):
        breaker.succeeded()
    for _ in range(4):
        breaker.failed()
    assert breaker.state == "closed"


def test_after_thirty_seconds_one_call_at_a_time_may_probe() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 29.9
    assert not breaker.admit()
    clock.now += 0.2
    assert breaker.state == "half open"
    assert [breaker.admit(), breaker.admit()] == [True, False]
    breaker.left()  # it was not made after all
    assert breaker.admit()


def test_a_probe_that_reports_nothing_is_not_waited_for_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 31
    assert breaker.admit()
    clock.now += 601
    assert breaker.admit()


def test_a_failed_probe_opens_it_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 31
    assert breaker.admit()
    breaker.failed()
    assert breaker.state == "open"
    clock.now += 29
    assert not breaker.admit()


def test_it_is_trusted_again_after_a_good_call_past_the_recovery_time() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 31
    assert breaker.admit()
    breaker.succeeded()
    assert breaker.state == "half open"  # one good call is no recovery yet
    clock.now += 30
    assert breaker.admit()
    breaker.succeeded()
    assert breaker.state == "closed"
    breaker.failed()
    assert breaker.state == "closed"  # with an empty history


def test_a_clock_that_is_put_back_does_not_hold_it_open() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now -= 7200
    assert breaker.state == "half open"
    assert breaker.admit()
    clock.now -= 7200
    assert breaker.admit(), "the probe of an earlier time is not waited for"
    breaker.succeeded()
    assert breaker.state == "closed"
