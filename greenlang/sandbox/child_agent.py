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


def enter(pack: Path, *, elsewhere: str | None = None) -> None:
    """Make the pack the place where modules are looked for first; ``elsewhere``: but stand in another folder."""
    os.chdir(elsewhere or pack)
    sys.path.insert(0, str(pack))
    importlib.invalidate_caches()


def shift_clock(seconds: int) -> None:
    """Let every clock of the process that tells the date be off by so much, for good; it goes on ticking."""
    import time_machine

    time_machine.travel(datetime.timedelta(seconds=seconds), tick=True).start()


def evaluate(package: str, inputs: list[dict[str, Any]], *, threads: int = 1) -> dict[str, Any]:
    """The answers through the SDK's own door, a line each; with ``threads``, one agent is asked by so many at once.

    Each thread begins with another input, so that what an agent keeps of one answer shows in the next.
    """
    if threads <= 1:
        return _safely(lambda: bytes(importlib.import_module("greenlang_sdk.testing").answers(package, inputs)))
    outputs: list[dict[str, Any]] = []
    barrier = threading.Barrier(threads, timeout=10)
    module = importlib.import_module(package)
    agent = getattr(module, "AGENT", None) or module.Agent()

    def one(first: int) -> None:
        barrier.wait()
        outputs.append(_safely(lambda: _turned(agent, inputs, first)))

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
    bad = [output for output in outputs if "output" not in output]
    if bad or len(outputs) != threads:
        return bad[0] if bad else {"error": "a thread ended without an answer"}
    distinct = {output["output"] for output in outputs}
    if len(distinct) > 1:
        return {"error": f"{threads} threads at once got {len(distinct)} different answers"}
    return outputs[0]


def _turned(agent: Any, inputs: list[dict[str, Any]], first: int) -> bytes:
    """The lines in the order of the inputs, asked for from ``first`` on and round."""
    testing = importlib.import_module("greenlang_sdk.testing")
    lines = {}
    for number in [*range(first, len(inputs)), *range(first)]:
        lines[number] = testing.canonical(testing._answer(agent, inputs[number])) + b"\n"
    return b"".join(lines[number] for number in range(len(inputs)))


def _safely(ask: Callable[[], bytes]) -> dict[str, Any]:
    try:
        return {"output": ask().decode()}
    except MemoryError:
        return {"out_of_memory": True}
    except Exception as error:  # noqa: BLE001 - foreign code; what it raised is reported
        return {"error": f"{type(error).__name__}: {error}"[:MAX_TEXT]}
