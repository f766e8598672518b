"""Whose turn it is at the one process that judges what callers send along."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from greenlang.api import workshop
from greenlang.api.problems import Problem
from greenlang.api.workshop import MOST, MOST_OF_ONE, Turns, Workshop
from greenlang.settings import Settings
from tests.api.conftest import Signed


class Judgements:
    """Judgements that end when a test says so, and the order in which they began."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.begun: list[str] = []
        self.go_on = asyncio.Semaphore(0)
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, *tenants: str) -> None:
        for tenant in tenants:
            self.tasks.append(asyncio.ensure_future(self._judge(tenant)))
            await asyncio.sleep(0)

    async def _judge(self, tenant: str) -> None:
        async with self.turns.turn(tenant):
            self.begun.append(tenant)
            await self.go_on.acquire()

    async def end(self) -> None:
        for _ in self.tasks:
            self.go_on.release()
        await asyncio.wait_for(asyncio.gather(*self.tasks, return_exceptions=True), 10)

    async def refused(self, tenant: str) -> Problem:
        with pytest.raises(Problem) as refused:
            await self._judge(tenant)
        return refused.value


def played(play: Callable[[Judgements], Awaitable[None]]) -> list[str]:
    async def whole() -> list[str]:
        judgements = Judgements()
        await play(judgements)
        await judgements.end()
        return judgements.begun

    return asyncio.run(whole())


def test_tenants_take_turns_however_many_one_of_them_asked_for_first() -> None:
    assert played(lambda j: j.ask("acme", "acme", "acme", "rival", "third", "rival")) == [
        *("acme", "acme", "rival", "third", "acme", "rival")
    ]


def test_one_tenant_cannot_take_every_place() -> None:
    async def play(judgements: Judgements) -> None:
        await judgements.ask(*["acme"] * MOST_OF_ONE)
        refused = await judgements.refused("acme")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
        await judgements.ask(*["rival"] * MOST_OF_ONE)  # now all of them are taken
        await judgements.ask("third")  # and yet nobody is shut out by the others
        assert (await judgements.refused("third")).status == 503

    begun = played(play)
    assert (len(begun), begun.index("third")) == (MOST + 1, 3)


def test_who_gives_up_waiting_holds_nobody_up() -> None:
    async def play(judgements: Judgements) -> None:
        await judgements.ask("acme", "rival", "third")
        judgements.tasks[1].cancel()
        judgements.go_on.release()
        await asyncio.sleep(0)

    assert played(play) == ["acme", "third"]


def test_places_are_free_again_after_a_judgement_that_failed() -> None:
    async def play(judgements: Judgements) -> None:
        for _ in range(MOST + 1):
            with pytest.raises(ZeroDivisionError):
                async with judgements.turns.turn("acme"):
                    raise ZeroDivisionError

    assert played(play) == []


def test_a_process_that_takes_long_to_end_holds_no_request_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: Future[None] = Future()
    broken.set_exception(BrokenProcessPool())
    pool = SimpleNamespace(submit=lambda *_: broken)
    monkeypatch.setattr(workshop, "ProcessPoolExecutor", lambda *_, **__: pool)
    others, ended = threading.Event(), []
    monkeypatch.setattr(workshop, "_end", lambda pool: ended.append(others.wait(10)))

    async def run() -> None:
        judging = asyncio.create_task(Workshop(settings).determinism("acme", "x = 1", []))
        asyncio.get_running_loop().call_later(0.05, others.set)  # another request, while the process ends
        with pytest.raises(Problem, match="try again"):
            await judging

    asyncio.run(asyncio.wait_for(run(), 30))
    assert ended == [True]


def test_over_http_the_tenant_is_told_when_to_come_back(
    client: TestClient, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop, "MOST_OF_ONE", 0)
    body = {"agent_code": "x = 1", "test_cases": [{}]}
    answer = client.post("/api/v1/factory/quality/determinism", json=body, headers=signed("developer"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
