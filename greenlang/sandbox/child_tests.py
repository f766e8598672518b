"""The tests of a pack, in the confined child: pytest collects them, and runs those that need anything of it.

Belongs here: running tests and recording outcomes, beside foreign code and so not to be trusted. Does not belong here:
coverage (`greenlang.sandbox.child_coverage`), mutants (`greenlang.sandbox.child_mutants`), verdicts.

A test that needs no fixture and no marker is a function with its parameters. It is called as such: pytest's protocol of
three phases costs a millisecond a test, which is more than most of these tests take.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from greenlang.sandbox import child_pytest
from greenlang.sandbox.child_coverage import Tracing
from greenlang.sandbox.child_modules import Modules
from greenlang.sandbox.child_retest import TestModule

MAX_TEXT = 4_000
_FIRST = "test_integration.py"  # command line, logs, health: files that no other test runs


def plain_call(item: pytest.Item) -> Callable[[], Any] | None:
    """The call of a test that is nothing but a function with parameters; None for one that needs pytest's protocol.

    What pytest does not promise is asked for with care: where it looks different, the protocol is used.
    """
    if type(item) is not pytest.Function or item.cls is not None:
        return None
    if any(mark.name != "parametrize" for mark in item.iter_markers()):
        return None
    function = item.obj
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return None
    definitions = getattr(item, "_fixtureinfo", None)
    params = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    names = getattr(definitions, "name2fixturedefs", None)
    if names is None or set(item.fixturenames) != set(params):
        return None
    for name in params:
        found = names.get(name)
        if not found or getattr(found[-1].func, "__name__", "") != "get_direct_param_fixture_func":
            return None  # a fixture by that name, which takes the parameter
    return lambda: function(**params)


class Recorder:
    """A pytest plugin that keeps one record a test, and traces only inside fixtures and tests.

    Where there is tracing, the tests that meet most of an agent's files go first, so that tracing ends early. The
    records stand in the order of the files all the same.
    """

    def __init__(self, tracing: Tracing | None, instead: Callable[[pytest.Session], bool] | None = None) -> None:
        self._tracing = tracing
        self._instead = instead
        self.tests: dict[str, dict[str, Any]] = {}
        self.errors: list[dict[str, str]] = []
        self.out_of_memory = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed:  # errors of collection: pytest says what it says of them
            return None
        if self._instead is not None and self._instead(session):
            return True
        first = _FIRST if self._tracing is not None else ""
        items = sorted(session.items, key=lambda item: item.path.name != first)
        calls = [(item, plain_call(item)) for item in items]
        later = _following([item if call is None else None for item, call in calls])
        for (item, call), following in zip(calls, later, strict=True):
            if call is None:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            else:
                self._call(item, call)
        self.tests = {item.nodeid: self.tests[item.nodeid] for item in session.items if item.nodeid in self.tests}
        return True

    def _call(self, item: pytest.Item, call: Callable[[], Any]) -> None:
        traced = call if self._tracing is None else self._tracing.around(call)
        info = pytest.CallInfo.from_call(traced, when="call", reraise=(pytest.exit.Exception, KeyboardInterrupt))
        if info.excinfo is None:
            record = {"id": item.nodeid, "outcome": "passed", "seconds": info.duration, "message": ""}
            self.tests.setdefault(item.nodeid, record)
            return
        self.pytest_exception_interact(info)
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


class Loading:
    """A pytest plugin: modules of tests are loaded from code that is there already."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> TestModule:
        module: TestModule = TestModule.from_parent(parent, path=module_path)
        module.modules = self._modules
        return module


def run_tests(
    pack: Path,
    package: str,
    *,
    traced: bool = True,
    rewrite: bool = False,
    plugin: object = None,
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

    recorder = Recorder(tracing, done)
    import_all(pack, package, recorder)
    if tracing is not None:
        tracing.pause()
    plugins = [recorder] if rewrite or plugin is None else [recorder, plugin]
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
