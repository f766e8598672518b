"""Accounts: reserved before a call, settled after it, and right between threads and processes."""

from __future__ import annotations

import multiprocessing
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.llm.accounts import Accounts, Reservation, Short

FIVE = Decimal(5)


def reserved(outcome: Reservation | Short) -> Reservation:
    assert isinstance(outcome, Reservation)
    return outcome


def test_what_is_reserved_cannot_be_spent_twice(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    first = reserved(accounts.reserve("a", Decimal(3), FIVE))
    assert accounts.reserve("a", Decimal(3), FIVE) == Short(Decimal(2), Decimal(3))
    reserved(accounts.reserve("b", Decimal(3), FIVE))  # another agent's money
    accounts.settle(first, Decimal("0.5"))
    reserved(accounts.reserve("a", Decimal("4.5"), FIVE))
    assert isinstance(accounts.reserve("a", Decimal("0.000000001"), FIVE), Short)


def test_a_reservation_that_nobody_settles_stands(tmp_path: Path) -> None:
    reserved(Accounts(tmp_path).reserve("a", Decimal(3), FIVE))  # and its process is killed
    again = Accounts(tmp_path)
    assert isinstance(again.reserve("a", Decimal(3), FIVE), Short)
    assert again.account("a").reserved == 3


def test_what_a_killed_process_reserved_is_spent_and_told_once_its_call_must_be_over(tmp_path: Path) -> None:
    reserved(Accounts(tmp_path).reserve("a", Decimal(3), FIVE, until=100.0, call={"call": 1}))  # and it is killed
    living = reserved(Accounts(tmp_path).reserve("a", Decimal(1), FIVE, until=200.0, call={"call": 2}))
    again = Accounts(tmp_path)
    assert (again.overdue(99.0), again.account("a").reserved) == (0, 4)
    assert (again.overdue(100.0), again.overdue(100.0)) == (1, 0)
    account = again.account("a")
    assert (account.spent, account.reserved) == (3, 1)
    assert isinstance(again.reserve("a", Decimal("1.1"), FIVE), Short), "what may have been billed is not given back"
    again.settle(living, Decimal("0.5"), {"call": 3})
    assert [row for _, row in again.journal()] == [{"call": 1}, {"call": 3}]


def test_accounts_of_the_version_before_are_read_and_their_reservations_stand(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "accounts.sqlite") as old:
        old.executescript(
            "CREATE TABLE spent (agent TEXT PRIMARY KEY, nano INTEGER NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE reserved (id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, nano INTEGER NOT NULL);"
            "INSERT INTO spent VALUES ('a', 2000000000); INSERT INTO reserved VALUES (7, 'a', 1000000000);"
            "PRAGMA user_version = 1"
        )
    old.close()
    accounts = Accounts(tmp_path)
    assert accounts.overdue(1e12) == 0
    assert (accounts.account("a").spent, accounts.account("a").reserved) == (2, 1)
    accounts.settle(reserved(accounts.reserve("a", Decimal(2), FIVE, until=1.0)), Decimal(0))
    assert accounts.account("a").spent == 2


def test_settling_twice_counts_once(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    reservation = reserved(accounts.reserve("a", Decimal(3), FIVE))
    accounts.settle(reservation, Decimal(1))
    accounts.settle(reservation, Decimal(1))
    assert accounts.account("a").spent == 1


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000_000_000), st.integers(0, 100)), max_size=8))
def test_spent_and_reserved_never_exceed_the_limit(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    accounts = Accounts(tmp_path_factory.mktemp("accounts"))
    for nano, percent in steps:
        usd = Decimal(nano) / 10**9
        outcome = accounts.reserve("a", usd, FIVE)
        if isinstance(outcome, Reservation) and percent:
            accounts.settle(outcome, usd * percent / 100)
        account = accounts.account("a")
        assert account.spent + account.reserved <= FIVE


def test_threads_share_one_budget(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: accounts.reserve("a", Decimal(1), FIVE), range(12)))
    assert sum(isinstance(o, Reservation) for o in outcomes) == 5


def _reserve(folder: Path) -> bool:
    return isinstance(Accounts(folder).reserve("a", Decimal(1), FIVE), Reservation)


def test_processes_share_one_budget(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        assert sum(pool.map(_reserve, [tmp_path] * 12)) == 5


def test_rounds_are_counted_by_agent_and_stage_once_a_question(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    assert [accounts.begin_round("a", "refinement", q, 3) for q in "xyxzxw"] == [True, True, True, True, True, False]
    assert accounts.begin_round("a", "doc_generation", "w", 3)
    assert accounts.begin_round("b", "refinement", "w", 3)
    assert accounts.account("a").rounds == {"refinement": 3, "doc_generation": 1}


def test_a_minute_holds_so_many_requests(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)

    def admit(now: float, tokens: int = 1) -> float:
        return accounts.admit("p", tokens, requests=2, per_minute=100, now=now)[1]

    assert [admit(0), admit(10), admit(20)] == [0, 0, 40]
    assert admit(60.5) == 0  # the first has left
    assert admit(61) == 9.0


def test_a_minute_holds_so_many_tokens_and_what_was_used_counts(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)

    def admit(now: float, tokens: int) -> tuple[int, float]:
        return accounts.admit("p", tokens, requests=99, per_minute=100, now=now)

    number, _ = admit(0, 80)
    assert admit(1, 30)[1] == 59
    accounts.used(number, 20)  # the worst case did not come
    assert admit(1, 30)[1] == 0
    assert admit(2, 1_000)[1] == 59  # larger than the limit: alone in its minute, not never


def test_money_is_rounded_up(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    accounts.settle(reserved(accounts.reserve("a", Decimal(1), FIVE)), Decimal("0.0000000001"))
    assert accounts.account("a").spent == Decimal("0.000000001")
