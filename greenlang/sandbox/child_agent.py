"""The agent's answers, in the confined child, under the conditions that the request names.

Belongs here: asking the agent, and the conditions: clock, folder, threads. Does not belong here: tests, measuring.
"""

from __future__ import annotations

import datetime
import importlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAX_TEXT = 4_000
_EACH = 24  # inputs that a thread answers at least, if there are as many


def enter(pack: Path, *, elsewhere: str | None = None) -> None:
    """Make the pack the place where modules are looked for first; ``elsewhere``: but stand in another folder."""
    os.chdir(elsewhere or pack)
    sys.path.insert(0, str(pack))


def shift_clock(seconds: int) -> None:
    """Let every clock of the process that tells the date be off by so much, for good; it goes on ticking."""
    import time_machine

    time_machine.travel(datetime.timedelta(seconds=seconds), tick=True).start()


def evaluate(package: str, inputs: list[dict[str, Any]], *, threads: int = 1) -> dict[str, Any]:
    """The answers through the SDK's own door, a line each; with ``threads``, one agent is asked by so many at once."""
    if threads <= 1:
        return _safely(lambda: bytes(importlib.import_module("greenlang_sdk.testing").answers(package, inputs)))
    module = importlib.import_module(package)
    agent = getattr(module, "AGENT", None) or module.Agent()
    return _at_once(agent, inputs, threads)


def _at_once(agent: Any, inputs: list[dict[str, Any]], threads: int) -> dict[str, Any]:
    """The answers to several threads, where they agree.

    Each thread begins with another input, so that what an agent keeps of one answer shows in the next. Of many inputs
    each thread answers as many as it takes for every input to be answered by two of them.
    """
    many = min(len(inputs), max(_EACH, -(-2 * len(inputs) // threads)))
    lines: list[dict[int, bytes]] = []
    problems: list[dict[str, Any]] = []
    barrier = threading.Barrier(threads, timeout=10)

    def one(first: int) -> None:
        barrier.wait()
        ended = _safely(lambda: lines.append(_lines(agent, inputs, first, many)))
        problems.extend([ended] if ended else [])

    workers = [threading.Thread(target=one, args=(n * len(inputs) // threads,)) for n in range(threads)]
    pause = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns five hundred times as often: what they share shows
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    except RuntimeError as error:
        return {"error": f"threads could not be started: {error}"}
    finally:
        sys.setswitchinterval(pause)
    if problems or len(lines) != threads:
        return problems[0] if problems else {"error": "a thread ended without an answer"}
    for place in range(len(inputs)):
        distinct = {found[place] for found in lines if place in found}
        if len(distinct) != 1:
            return {"error": f"{threads} threads at once got {len(distinct)} different answers to one input"}
    whole: dict[int, bytes] = {place: line for found in lines for place, line in found.items()}
    return {"output": b"".join(whole[place] for place in range(len(inputs))).decode()}


def _lines(agent: Any, inputs: list[dict[str, Any]], first: int, many: int) -> dict[int, bytes]:
    """So many lines by the place of their input, asked for from ``first`` on and round."""
    testing = importlib.import_module("greenlang_sdk.testing")
    places = [(first + n) % len(inputs) for n in range(many)]
    return {place: testing.canonical(testing._answer(agent, inputs[place])) + b"\n" for place in places}


def _safely(ask: Callable[[], bytes | None]) -> dict[str, Any]:
    """The output, nothing where there is none, or what came in between."""
    try:
        output = ask()
    except MemoryError:
        return {"out_of_memory": True}
    except Exception as error:  # noqa: BLE001 - foreign code; what it raised is reported
        return {"error": f"{type(error).__name__}: {error}"[:MAX_TEXT]}
    return {} if output is None else {"output": output.decode()}
