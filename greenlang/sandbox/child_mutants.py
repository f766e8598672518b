"""The mutants of an agent against its tests, in one process: about three milliseconds each instead of a thousand.

Belongs here: running the tests on each mutant until one fails. Does not belong here: making mutants
(`greenlang.quality.mutation`), loading them (`greenlang.sandbox.child_modules`), judging. This process does not know
which mutants are controls, in which nothing is changed.

There is no run of the unchanged agent before them: a control is that run. Who survives therefore tells of every test
that it met, and the supervisor, who knows the controls, takes that for the second run of the tests.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox.child_modules import BrokenMutant, Modules
from greenlang.sandbox.child_retest import Collected, Loading, TestModule, Tests, file_of, function_of, name_of

_ORDER = ("golden", "unit", "boundary", "property", "determinism")
_FIGURES = 3  # the first of these
_SLOW = 64  # a test that takes more than this part of the time of all
_SECONDS = 2.0  # of CPU a mutant may take at least
_FACTOR = 10.0  # or so many times what all tests took in the first run
_REMEMBERED = 6
_NO_TESTS: list[dict[str, Any]] = []


class TimeUpError(BaseException):
    """A mutant takes too long. No test expects this."""


class Mutants(Loading):
    """Runs the mutants instead of the tests. A plugin of pytest too: it says how modules of tests are loaded.

    ``told``: the ids of the tests in the first run, and the seconds that each took. Without mutants it only loads.
    """

    def __init__(
        self,
        pack: Path,
        modules: Modules,
        mutants: Sequence[dict[str, Any]],
        told: Sequence[tuple[str, float]],
        tell: Callable[[str, Any], None],
    ) -> None:
        super().__init__(modules)
        self._mutants = mutants
        self._told = told
        self._tell = tell
        self._by_file: dict[str, dict[str, list[str]]] = {}
        for nodeid, _ in told:
            self._by_file.setdefault(file_of(nodeid), {}).setdefault(name_of(nodeid), []).append(nodeid)
        self._killers: dict[str, list[str]] = {}  # by the file that was changed, the last one first
        self._collected = Collected([], {}, [])
        self._order: list[str] = []
        self._names = {f"tests.{path.stem}" for path in (pack / "tests").glob("*.py")}

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> TestModule:
        module = super().pytest_pycollect_makemodule(module_path, parent)
        if self._mutants:
            module.told = self._by_file.get(module.nodeid, {})
        return module

    def run(self, session: pytest.Session, errors: Sequence[object]) -> bool:
        """Run every mutant; False without mutants. Where the tests are not those of the first run, none is run."""
        if not self._mutants:
            return False
        self._collected = Collected([nodeid for nodeid, _ in self._told], self.nodes, session.items)
        if errors or session.testsfailed or not self._collected.complete:
            return True
        self._order = in_turn(self._collected, dict(self._told))
        before = time.process_time()
        seconds = max(_SECONDS, _FACTOR * sum(seconds for _, seconds in self._told))
        for mutant in self._mutants:
            begun = time.process_time()
            path = mutant["path"]
            outcome, by, met = self._one(path, mutant["content"].encode("latin-1"), seconds)
            if by in self._collected.ids:
                earlier = self._killers.get(path, [])
                self._killers[path] = [by, *(k for k in earlier if k != by)][:_REMEMBERED]
            spent = before + time.process_time() - begun
            self._tell("mutant", {"outcome": outcome, "by": by, "tests": met, "cpu_seconds": spent})
        return True

    def _one(self, path: str, content: bytes, seconds: float) -> tuple[str, str, list[dict[str, Any]]]:
        try:
            with _limited(seconds), self._modules.with_file(path, content), self._same_tests():
                by, met = self._killer(path)
        except BrokenMutant as error:
            return "broken", str(error)[:500], _NO_TESTS
        except TimeUpError:
            return "timed_out", "", _NO_TESTS
        return ("killed", by, _NO_TESTS) if by else ("survived", "", met)

    def _killer(self, path: str) -> tuple[str, list[dict[str, Any]]]:
        """The id of the first test that fails, "" where none does, and what was asked."""
        tests = Tests(self._collected, self.module)
        met: dict[str, dict[str, Any]] = {}
        try:
            for name in self._in_order(path):
                begun = time.perf_counter()
                try:
                    outcome = tests.outcome(name)
                except (Exception, SystemExit):  # noqa: BLE001 - foreign code: tests that cannot be collected fail
                    return file_of(name), _NO_TESTS
                if outcome == "failed":
                    return name, _NO_TESTS
                met[name] = {"id": name, "outcome": outcome, "seconds": time.perf_counter() - begun}
            return next(tests.others(), ""), [met[name] for name in self._collected.told]
        finally:
            tests.forget()

    def _in_order(self, path: str) -> list[str]:
        """What killed a mutant of this file, then the rest."""
        return list(dict.fromkeys([*self._killers.get(path, []), *self._order]))

    @contextlib.contextmanager
    def _same_tests(self) -> Iterator[None]:
        """Modules of tests that were loaded inside are forgotten after it."""
        before = {name: sys.modules[name] for name in self._names if name in sys.modules}
        try:
            yield
        finally:
            for name in self._names - before.keys():
                sys.modules.pop(name, None)
            sys.modules.update(before)


def in_turn(tests: Collected, seconds: Mapping[str, float]) -> list[str]:
    """The most telling first: tests of figures, of these the quick ones, of each function in turn 1, then 1, 2, 4, 8.

    What one set of parameters does not notice the next of the same function seldom does. The last ones are asked first:
    they are the unusual cases. Tests that need pytest come last.
    """
    slow = sum(seconds.values()) / _SLOW
    left = Counter(map(function_of, tests.told))
    ranks: dict[str, tuple[object, ...]] = {}
    for nodeid in tests.told:
        left[function_of(nodeid)] -= 1
        behind = left[function_of(nodeid)]
        figures, category = _category(nodeid)
        turn = (seconds[nodeid] > slow, behind.bit_length(), category, behind)
        ranks[nodeid] = (nodeid not in tests.places, not figures, *turn)
    return sorted(tests.told, key=lambda nodeid: ranks[nodeid])


def _category(nodeid: str) -> tuple[bool, int]:
    """Whether a test is one of figures, and the place of its category."""
    stem = Path(file_of(nodeid)).stem.removeprefix("test_")
    place = _ORDER.index(stem) if stem in _ORDER else len(_ORDER)
    return place < _FIGURES, place


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
