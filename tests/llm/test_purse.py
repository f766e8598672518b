"""The purse of a night: one budget over agents, tenants and processes; what is short of it waits for another night."""

from __future__ import annotations

import multiprocessing
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.llm.accounts import Accounts, Reservation
from greenlang.llm.ask import Answer, NoAnswer
from greenlang.llm.calling import Ground
from greenlang.llm.gateway import Gateway
from greenlang.llm.purse import Purse, purse_of
from greenlang.llm.waiting import AtHand
from greenlang.llm.wire import Trouble
from greenlang.settings import Settings
from tests.llm.ground import GOOD, KEY, Clock, Script, gateway, question, settings

COST = Decimal("0.0006")  # 100 tokens at 3 and 20 at 15 US dollars a million


def by_night(folder: Path, budget: str | None, **more: Any) -> Settings:
    usd = None if budget is None else Decimal(budget)
    return settings(folder, night="2026-11-21T02:00+00:00", nightly_budget_usd=usd, **more)


def asker(chosen: Settings, wire: Script) -> Gateway:
    clock = Clock()
    made = gateway(chosen.var.parent, wire, clock=clock)
    ground = Ground(clock, clock.sleep, lambda: 1.0)
    return Gateway(chosen, config=made.config, environment={"KEY": KEY}, wire=wire, ground=ground)


def taken(chosen: Settings) -> Decimal:
    purse = purse_of(chosen)
    assert purse is not None
    return purse.taken()


def worst(folder: Path) -> Decimal:
    """What one question may cost at most, as it is told."""
    none = asker(by_night(folder, "0"), Script([GOOD])).ask(question())
    assert isinstance(none, NoAnswer)
    found = re.search(r"may cost ([\d.]+) USD", none.reason)
    assert found is not None
    return Decimal(found[1])


def test_a_night_without_money_asks_nobody_and_says_so(tmp_path: Path) -> None:
    wire = Script([GOOD])
    none = asker(by_night(tmp_path, "0"), wire).ask(question())
    assert isinstance(none, NoAnswer)
    assert none.why == "night_budget"
    assert none.reason.startswith("budget: gpt-4.1 may cost ")
    assert none.reason.endswith("and 0.000000 USD of the night's 0 are left")
    assert "GREENLANG_NIGHTLY_BUDGET_USD" in none.hint
    assert wire.calls == []
    own = Accounts(tmp_path / "var" / "llm").account(question().agent)
    assert (own.spent, own.reserved) == (0, 0), "what the night does not allow is no debt of the agent"


def test_all_tenants_pay_out_of_one_purse_until_it_is_empty(tmp_path: Path) -> None:
    budget = worst(tmp_path / "measured") + COST * 3 / 2
    root = by_night(tmp_path, str(budget))
    wire = Script([GOOD])
    told = [asker(root if n % 2 else root.of_tenant("acme"), wire).ask(question(f"{n:>8}")) for n in range(4)]
    assert [getattr(one, "why", "") for one in told] == ["", "", "night_budget", "night_budget"]
    assert taken(root) == taken(root.of_tenant("acme")) == 2 * COST
    another = root.model_copy(update={"night": "2026-11-22T02:00+00:00"})
    assert isinstance(asker(another, wire).ask(question("another")), Answer), "the next night has its own"


def test_recordings_cost_the_night_nothing_and_the_day_has_no_purse(tmp_path: Path) -> None:
    day = settings(tmp_path, nightly_budget_usd=Decimal(0))
    assert purse_of(day) is None
    assert isinstance(asker(day, Script([GOOD])).ask(question()), Answer)
    again = asker(by_night(tmp_path, "0"), Script(["never"])).ask(question())
    assert isinstance(again, Answer)
    assert again.disclosure.replayed


def test_without_a_limit_what_a_night_costs_is_counted_all_the_same(tmp_path: Path) -> None:
    free = by_night(tmp_path, None)
    asker(free, Script([GOOD])).ask(question())
    assert taken(free) == COST


def test_a_call_that_was_not_billed_gives_the_night_its_money_back(tmp_path: Path) -> None:
    chosen = by_night(tmp_path, "1")
    none = asker(chosen, Script([Trouble("denied", "401", billed=False)])).ask(question())
    assert isinstance(none, NoAnswer)
    assert taken(chosen) == 0


def _spend(folder: Path, number: int) -> bool:
    held = Purse(Accounts(folder), "n", Decimal(5)).reserve(Decimal(1))
    return isinstance(held, Reservation)


def test_processes_and_threads_share_a_purse(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(3) as pool:
        by_process = pool.starmap(_spend, [(tmp_path, n) for n in range(4)])
    with ThreadPoolExecutor(4) as threads:
        by_thread = list(threads.map(lambda n: _spend(tmp_path, n), range(4)))
    assert sum(by_process) + sum(by_thread) == 5


@pytest.mark.parametrize(("night", "came"), [("n1", False), ("n2", True), ("", True)])
def test_what_a_night_could_not_pay_for_waits_for_another_or_for_the_day(
    tmp_path: Path, night: str, came: bool
) -> None:
    mark = AtHand(settings(tmp_path, night="n1")).mark("night_budget")
    assert mark == "night n1"
    assert AtHand(settings(tmp_path, night=night)).came(mark) is came
