"""The mutants of an agent against its tests, in one process: about three milliseconds each instead of a thousand.

Belongs here: running the tests on each mutant until one fails. Does not belong here: making mutants
(`greenlang.quality.mutation`), loading them (`greenlang.sandbox.child_modules`), judging. This process does not know
which mutants are controls, in which nothing is changed.

The tests were collected and have passed before the first mutant comes.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox.child_modules import BrokenMutant, Modules
from greenlang.sandbox.child_retest import Collected, TestModule, Tests, file_of
from greenlang.sandbox.child_tests import plain_call

_ORDER = ("golden", "unit", "boundary", "property", "determinism")
_SECONDS = 2.0  # of CPU a mutant may take at least
_FACTOR = 10.0  # or so many times what all tests took
_REMEMBERED = 6


class TimeUpError(BaseException):
    """A mutant takes too long. No test expects this."""


class Mutants:
    """Runs the mutants. A plugin of pytest too: it says how modules of tests are loaded."""

    def __init__(
        self, pack: Path, package: str, mutants: Sequence[dict[str, Any]], tell: Callable[[str, Any], None]
    ) -> None:
        self._mutants = mutants
        self._tell = tell
        self._modules = Modules(pack, package)
        self._killers: dict[str, list[str]] = {}  # by the file that was changed, the last one first
        self._collected = Collected([])
        self._told = False

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> TestModule:
        return self._module(parent, module_path)

    def _module(self, parent: pytest.Collector, path: Path) -> TestModule:
        module: TestModule = TestModule.from_parent(parent, path=path)
        module.modules = self._modules
        return module

    def run(self, session: pytest.Session, result: dict[str, Any]) -> None:
        """Tell the result of the unmutated run, then run every mutant unless a test failed."""
        self.tell_tests(result)
        if session.testsfailed or any(test["outcome"] != "passed" for test in result["tests"]):
            return
        if self._mutants:
            self._collected = Collected(_in_turn(session.items))
        seconds = max(_SECONDS, _FACTOR * sum(test["seconds"] for test in result["tests"]))
        for mutant in self._mutants:
            path = mutant["path"]
            outcome, by = self._one(path, mutant["content"].encode("latin-1"), seconds)
            if outcome == "killed":
                before = self._killers.get(path, [])
                self._killers[path] = [by, *(k for k in before if k != by)][:_REMEMBERED]
            self._tell("mutant", {"outcome": outcome, "by": by})

    def tell_tests(self, result: dict[str, Any]) -> None:
        """Tell the result of the unmutated run, once."""
        if not self._told:
            self._told = True
            self._tell("tests", {**result, "cpu_seconds": time.process_time()})

    def _one(self, path: str, content: bytes, seconds: float) -> tuple[str, str]:
        try:
            with _limited(seconds), self._modules.with_file(path, content), _same_tests():
                by = self._killer(path)
        except BrokenMutant as error:
            return "broken", str(error)[:500]
        except TimeUpError:
            return "timed_out", ""
        return ("killed", by) if by else ("survived", "")

    def _killer(self, path: str) -> str:
        """The id of the first test that fails, "" where none does. What killed before is asked first."""
        tests = Tests(self._collected, self._module)
        try:
            for name in self._in_order(path):
                try:
                    passes = tests.passes(name)
                except (Exception, SystemExit):  # noqa: BLE001 - foreign code: tests that cannot be collected fail
                    return file_of(name)
                if not passes:
                    return name
            return next(tests.others(), "")
        finally:
            tests.forget()

    def _in_order(self, path: str) -> list[str]:
        """What killed a mutant of this file, its neighbours in the same function, then the rest."""
        names = self._collected.items
        killers = [name for name in self._killers.get(path, []) if name in names]
        functions = {name.partition("[")[0] for name in killers}
        near = [name for name in names if name.partition("[")[0] in functions]
        return list(dict.fromkeys([*killers, *near, *names]))


def _in_turn(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """File by file, of each function in turn 1 test, then 1, 2, 4, 8 and so on.

    What one set of parameters does not notice the next of the same function seldom does: another function is asked
    first. Another file is not: loading it costs more. Tests that need fixtures are slow and come last.
    """
    seen: Counter[str] = Counter()
    ranked: list[tuple[tuple[bool, int, int], pytest.Item]] = []
    for item in items:
        function = item.nodeid.partition("[")[0]
        ranked.append(((plain_call(item) is None, _category(item), seen[function].bit_length()), item))
        seen[function] += 1
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]


def _category(item: pytest.Item) -> int:
    """Tests of figures come first; those of files and demos are slow and come last."""
    stem = item.path.stem.removeprefix("test_")
    return _ORDER.index(stem) if stem in _ORDER else len(_ORDER)


@contextlib.contextmanager
def _same_tests() -> Iterator[None]:
    """Modules of tests that were loaded inside are forgotten after it."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("tests.")}
    try:
        yield
    finally:
        sys.modules.update(before)


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise TimeUpError after so many seconds of CPU; and again, should the code swallow it."""

    def up(*_: object) -> None:
        raise TimeUpError

    old = signal.signal(signal.SIGPROF, up)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
