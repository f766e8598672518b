"""The tests of a pack, in the confined child: pytest collects them, and runs those that need anything of it.

Belongs here: running tests and recording outcomes, beside foreign code and so not to be trusted. Does not belong here:
coverage (`greenlang.sandbox.child_coverage`), mutants (`greenlang.sandbox.child_mutants`), verdicts.

A test that needs no fixture and no marker is a function with its parameters. It is called as such: to collect it and
to run it in three phases would cost pytest a millisecond, which is more than most of these tests take.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox import child_pytest
from greenlang.sandbox.child_coverage import Tracing
from greenlang.sandbox.child_retest import Loading, TestModule, file_of, name_of

MAX_TEXT = 4_000
_FIRST = "test_integration.py"  # command line, logs, health: files that no other test runs


@dataclass(frozen=True, slots=True)
class Test:
    """A test in its turn. Without a call it needs pytest's protocol; ``item`` gives what pytest has for it."""

    __test__ = False
    id: str
    item: Callable[[], pytest.Item]
    call: Callable[[], Any] | None


class Recorder:
    """A pytest plugin that keeps one record a test, and traces only inside fixtures and tests.

    Where there is tracing, the tests that meet most of an agent's files go first, so that tracing ends early. The
    records stand in the order of the files all the same.
    """

    def __init__(
        self, tracing: Tracing | None, loading: Loading | None, instead: Callable[[pytest.Session], bool]
    ) -> None:
        self._tracing = tracing
        self._loading = loading
        self._instead = instead
        self.tests: dict[str, dict[str, Any]] = {}
        self.errors: list[dict[str, str]] = []
        self.out_of_memory = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed:  # errors of collection: pytest says what it says of them
            return None
        if self._instead(session):
            return True
        tests = _in_turn(session.items, {} if self._loading is None else self._loading.nodes)
        session.testscollected = len(tests)
        first = _FIRST if self._tracing is not None else ""
        begun = sorted(tests, key=lambda test: file_of(test.id).rpartition("/")[2] != first)
        whole = [test.item() if test.call is None else None for test in begun]
        for test, item, following in zip(begun, whole, _following(whole), strict=True):
            if item is not None:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            elif test.call is not None:
                self._call(test, test.call)
        self.tests = {test.id: self.tests[test.id] for test in tests if test.id in self.tests}
        return True

    def _call(self, test: Test, call: Callable[[], Any]) -> None:
        traced = call if self._tracing is None else self._tracing.around(call)
        info = pytest.CallInfo.from_call(traced, when="call", reraise=(pytest.exit.Exception, KeyboardInterrupt))
        if info.excinfo is None:
            record = {"id": test.id, "outcome": "passed", "seconds": info.duration, "message": ""}
            self.tests.setdefault(test.id, record)
            return
        self.pytest_exception_interact(info)
        item = test.item()
        report = item.ihook.pytest_runtest_makereport(item=item, call=info)
        item.ihook.pytest_runtest_logreport(report=report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        record = self.tests.setdefault(
            report.nodeid, {"id": report.nodeid, "outcome": "passed", "seconds": 0.0, "message": ""}
        )
        record["seconds"] += report.duration
        if report.failed:
            record["outcome"] = "failed" if report.when == "call" else "error"
        elif report.skipped:
            record["outcome"] = "skipped"
        if not report.passed and not record["message"]:
            record["message"] = report.longreprtext[-MAX_TEXT:]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append({"id": report.nodeid, "message": report.longreprtext[-MAX_TEXT:]})

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        if call.excinfo is not None and call.excinfo.errisinstance(MemoryError):
            self.out_of_memory = True

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self) -> Iterator[None]:
        if self._tracing is None:
            return (yield)
        with self._tracing.on():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Iterator[None]:
        if self._tracing is None:
            return (yield)
        with self._tracing.on():
            return (yield)


def _in_turn(items: Sequence[pytest.Item], modules: Mapping[str, TestModule]) -> list[Test]:
    """All tests in the order in which their files have them: the direct ones of these modules, and pytest's."""
    direct = [
        Test(nodeid, functools.partial(module.item, nodeid), call)
        for module in modules.values()
        for calls in module.direct.values()
        for nodeid, call in calls.items()
    ]
    tests = [*direct, *(Test(item.nodeid, functools.partial(_itself, item), None) for item in items)]
    if not direct or not items:
        return tests
    names = ((file, name) for file, module in modules.items() for name in vars(module.loaded or module.obj))
    places = {place: number for number, place in enumerate(names)}
    return sorted(tests, key=lambda test: places.get((file_of(test.id), name_of(test.id)), len(places)))


def _itself(item: pytest.Item) -> pytest.Item:
    return item


def _following(items: Sequence[pytest.Item | None]) -> list[pytest.Item | None]:
    """For each place the next item behind it that is there: what pytest tears down is what that one does not need."""
    found: list[pytest.Item | None] = []
    following: pytest.Item | None = None
    for item in reversed(items):
        found.append(following)
        following = item or following
    return found[::-1]


def import_all(pack: Path, package: str, recorder: Recorder) -> None:
    """Import every module of the agent; what does not import is an error of the run."""
    for path in sorted((pack / package).rglob("*.py")):
        parts = path.relative_to(pack).with_suffix("").parts
        if parts[-1] == "__main__":
            continue
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            importlib.import_module(name)
        except MemoryError:
            recorder.out_of_memory = True
        except Exception as error:  # noqa: BLE001 - foreign code; what it raised is reported
            recorder.errors.append({"id": f"import {name}", "message": f"{type(error).__name__}: {error}"[:MAX_TEXT]})


def run_tests(
    pack: Path,
    package: str,
    *,
    traced: bool = True,
    rewrite: bool = False,
    plugin: Loading | None = None,
    instead: Callable[[pytest.Session, Sequence[dict[str, str]]], bool] | None = None,
) -> dict[str, Any]:
    """Import the agent, run its tests, and say what came of it.

    ``rewrite``: failed assertions tell their values, for a third of the time; pytest then has to load the modules of
    tests, otherwise ``plugin`` may. ``instead`` is called with pytest's session and the errors so far when the tests
    are collected; where it says so, they are not run.
    """
    tracing = Tracing(pack / package) if traced else None

    def done(session: pytest.Session) -> bool:
        return instead is not None and instead(session, recorder.errors)

    loading = None if rewrite else plugin
    recorder = Recorder(tracing, loading, done)
    import_all(pack, package, recorder)
    if tracing is not None:
        tracing.pause()
    plugins = [recorder] if loading is None else [recorder, loading]
    code = child_pytest.main(pack, plugins, rewrite=rewrite)
    return _result(recorder, code, tracing)


def _result(recorder: Recorder, code: int, tracing: Tracing | None) -> dict[str, Any]:
    return {
        "exit": int(code),
        "tests": list(recorder.tests.values()),
        "errors": recorder.errors,
        "out_of_memory": recorder.out_of_memory,
        "coverage": tracing.result() if tracing is not None else None,
    }
