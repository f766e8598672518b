"""Slots: calls at once, over threads and processes; a killed process gives its slot back."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from greenlang.llm.ask import Answer
from greenlang.llm.calling import Ground
from greenlang.llm.config import Gateways
from greenlang.llm.gateway import Gateway
from greenlang.llm.slots import NoSlot, Slots
from greenlang.llm.wire import Call, Said
from tests.llm.ground import GOOD, KEY, Clock, Script, gateway, provider, question, settings

FORK = multiprocessing.get_context("fork")


def never(seconds: float) -> None:
    raise AssertionError("nobody waits here")


def _hold(folder: Path, pipe: Connection) -> None:
    with Slots(folder).taken("p", 1, longest_wait=0, sleep=never):
        pipe.send("held")
        pipe.recv()


def test_so_many_at_once_and_the_next_waits_for_one_that_is_free(tmp_path: Path) -> None:
    clock = Clock()
    slots = Slots(tmp_path)
    with slots.taken("p", 2, longest_wait=0, sleep=never):
        with slots.taken("p", 2, longest_wait=0, sleep=never):
            with slots.taken("q", 1, longest_wait=0, sleep=never):
                pass  # another provider's
            with (
                pytest.raises(NoSlot, match="all its 2 calls at once are taken"),
                slots.taken("p", 2, longest_wait=3, sleep=clock.sleep),
            ):
                pass
        with slots.taken("p", 2, longest_wait=0, sleep=never):
            pass
    assert sum(clock.waits) == pytest.approx(3)
    assert clock.waits[:4] == [0.05, 0.1, 0.2, 0.4]


def test_a_process_holds_its_slot_until_it_ends_however_it_ends(tmp_path: Path) -> None:
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=_hold, args=(tmp_path, theirs))
    process.start()
    try:
        assert ours.poll(30)
        assert ours.recv() == "held"
        with pytest.raises(NoSlot), Slots(tmp_path).taken("p", 1, longest_wait=0, sleep=never):
            pass
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(30)
        with Slots(tmp_path).taken("p", 1, longest_wait=0, sleep=never):
            pass
    finally:
        process.kill()
        process.join(30)


def test_a_fork_that_outlives_the_call_does_not_keep_its_slot(tmp_path: Path) -> None:
    ours, theirs = FORK.Pipe()
    with Slots(tmp_path).taken("p", 1, longest_wait=0, sleep=never):
        child = FORK.Process(target=theirs.recv)  # it has the open file, too
        child.start()
    try:
        with Slots(tmp_path).taken("p", 1, longest_wait=0, sleep=never):
            pass
    finally:
        ours.send("end")
        child.join(30)


class Counting(Script):
    """Counts how many calls are under way together, and lets them meet."""

    def __init__(self) -> None:
        super().__init__([GOOD])
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.met = threading.Event()

    def call(self, call: Call) -> Said:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now == 2:
                self.met.set()
        self.met.wait(5)
        said = super().call(call)
        with self.lock:
            self.now -= 1
        return said


def test_gateways_of_one_machine_share_a_provider_s_slots(tmp_path: Path) -> None:
    """Two tenants with a gateway each, as two workers have: never more than two calls at once."""
    wire = Counting()
    config = Gateways(providers=(provider(max_concurrent=2),))
    ground = Ground(sleep=lambda seconds: time.sleep(seconds / 10))
    root = settings(tmp_path)
    made = [
        Gateway(one, config=config, environment={"KEY": KEY}, wire=wire, ground=ground)
        for one in (root, root.of_tenant("acme"))
    ]
    assert made[0].settings.var != made[1].settings.var
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: made[n % 2].ask(question(f"boiler {n}")), range(8)))
    assert all(isinstance(answer, Answer) for answer in answers)
    assert (len(wire.calls), wire.most) == (8, 2)


def test_a_provider_that_is_full_hands_over_to_the_next(tmp_path: Path) -> None:
    config = Gateways(providers=(provider("first", max_concurrent=1), provider("second")), longest_wait=1)
    wire = Script([GOOD])
    model = gateway(tmp_path, wire, config=config)
    with Slots(model.settings.llm_shared / "slots").taken("first", 1, longest_wait=0, sleep=never):
        answer = model.ask(question())
    assert [call[0] for call in wire.calls] == ["second"]
    assert "first/gpt-4.1: all its 1 calls at once are taken" in str(answer)
