"""What the confined child does: watch itself, run the tests of a pack or ask its agent, and report.

Belongs here: code that runs beside foreign code, so nothing here is trusted by the supervisor. Does not belong here:
secrets, expected answers, confinement (`greenlang.sandbox.confine`).

A report is a line of JSON. ``attempt`` lines come first: a thing the foreign code tried that no agent does. They are
written before the call is made, so they are there even if the call is the last. One ``result`` line ends the report.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

MAX_TEXT = 4_000
_MAX_ATTEMPTS = 20
_ATTEMPTS = {
    "socket.__new__": "opened a socket",
    "socket.getaddrinfo": "looked up a host",
    "os.fork": "forked",
    "os.forkpty": "forked",
    "os.exec": "started a program",
    "os.system": "started a program",
    "os.posix_spawn": "started a program",
    "subprocess.Popen": "started a program",
    "os.kill": "sent a signal",
    "os.killpg": "sent a signal",
    "ctypes.dlopen": "loaded a native library",
    "os.remove": "deleted a file",
    "os.rename": "renamed a file",
    "os.rmdir": "removed a folder",
    "os.mkdir": "made a folder",
    "os.link": "made a link",
    "os.symlink": "made a link",
    "os.truncate": "cut a file",
    "os.chmod": "changed a file's mode",
    "os.chown": "changed a file's owner",
    "os.utime": "changed a file's time",
    "shutil.rmtree": "removed a folder",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Report:
    """Writes lines to the pipe; an attempt to escape is written at once."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._attempts = 0

    def line(self, **values: Any) -> None:
        data = memoryview(json.dumps(values).encode() + b"\n")
        while data:
            data = data[os.write(self._handle, data) :]

    def attempt(self, text: str) -> None:
        self._attempts += 1
        if self._attempts <= _MAX_ATTEMPTS:
            self.line(attempt=text[:300])


def watch(report: Report, readable: tuple[Path, ...], *, refuse: bool) -> None:
    """Report what the foreign code tries; with ``refuse`` (the weak profile) also raise PermissionError.

    An audit hook is no wall: it cannot be taken out, but native code goes past it. It tells what was tried.
    """
    roots = tuple(f"{root}{os.sep}" for root in readable)

    def opened(path: object, flags: object) -> str | None:
        if isinstance(path, int):
            return None
        name = os.path.realpath(os.path.abspath(os.fsdecode(path)))  # type: ignore[arg-type]  # noqa: PTH100
        if name == os.devnull:
            return None
        if isinstance(flags, int) and flags & _WRITING:
            return f"wrote {name}"
        return None if f"{name}{os.sep}".startswith(roots) else f"read {name}"

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        text: str | None = None
        if event == "open":
            with contextlib.suppress(TypeError, ValueError):
                text = opened(arguments[0], arguments[2])
        elif event in _ATTEMPTS:
            what = ", ".join(repr(a)[:80] for a in arguments)
            text = f"{_ATTEMPTS[event]}: {event}({what})"
        if text is not None:
            report.attempt(text)
            if refuse:
                raise PermissionError(f"the sandbox refuses this: {text}")

    sys.addaudithook(hook)


class _Tracing:
    """Branch coverage of one folder, switched on only where the agent's own code runs: a third of the time is saved.

    ``pause`` and ``resume`` of the collector are not public. Where they are gone, tracing stays on throughout and the
    counts are the same.
    """

    def __init__(self, folder: Path) -> None:
        self._coverage = coverage.Coverage(
            data_file=None, branch=True, config_file=False, source=[str(folder)], messages=False
        )
        self._coverage._warn_no_data = False
        self._coverage.start()
        collector = getattr(self._coverage, "_collector", None)
        self._pause: Callable[[], None] = getattr(collector, "pause", lambda: None)
        self._resume: Callable[[], None] = getattr(collector, "resume", lambda: None)
        if not (hasattr(collector, "pause") and hasattr(collector, "resume")):
            self._pause = self._resume = lambda: None
        self._depth = 1

    def pause(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._pause()

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        if self._depth == 0:
            self._resume()
        self._depth += 1
        try:
            yield
        finally:
            self.pause()

    def result(self) -> dict[str, Any]:
        with self.on():
            pass  # the collector must run while it is stopped
        self._resume()
        self._coverage.stop()
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            try:
                self._coverage.json_report(outfile="-")
            except coverage.exceptions.NoDataError:
                return {"lines": [0, 0], "branches": [0, 0], "missing": {}}
        report = json.loads(text.getvalue())
        totals = report["totals"]
        return {
            "lines": [totals["covered_lines"], totals["num_statements"]],
            "branches": [totals["covered_branches"], totals["num_branches"]],
            "missing": {name: f["missing_lines"] for name, f in report["files"].items() if f["missing_lines"]},
        }


class _Recorder:
    """A pytest plugin that keeps one record a test, and traces only inside fixtures and tests."""

    def __init__(self, tracing: _Tracing | None) -> None:
        self._tracing = tracing
        self.tests: dict[str, dict[str, Any]] = {}
        self.errors: list[dict[str, str]] = []
        self.out_of_memory = False

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


def pytest_arguments(pack: Path) -> list[str]:
    """The command line of pytest: nothing is read from, or left in, a folder of anyone."""
    off = (
        "cacheprovider",
        "faulthandler",
        "junitxml",
        "pastebin",
        "stepwise",
        "doctest",
        "debugging",
        "logging",
    )
    return [
        str(pack / "tests"),
        "-q",
        "--tb=short",
        "--capture=sys",
        "--noconftest",
        "--import-mode=importlib",
        f"--rootdir={pack}",
        f"--confcutdir={pack}",
        "-c",
        os.devnull,
        *(part for name in off for part in ("-p", f"no:{name}")),
    ]


def _modules(pack: Path, package: str) -> list[str]:
    names = []
    for path in sorted((pack / package).rglob("*.py")):
        parts = path.relative_to(pack).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def enter(pack: Path) -> None:
    """Make the pack the place where modules are looked for first."""
    os.chdir(pack)
    sys.path.insert(0, str(pack))
    importlib.invalidate_caches()


def run_tests(pack: Path, package: str, *, traced: bool = True) -> dict[str, Any]:
    """Import the agent, run its tests, and say what came of it."""
    enter(pack)
    tracing = _Tracing(pack / package) if traced else None
    recorder = _Recorder(tracing)
    for name in _modules(pack, package):
        try:
            importlib.import_module(name)
        except MemoryError:
            recorder.out_of_memory = True
        except Exception as error:  # noqa: BLE001 - foreign code; what it raised is reported
            recorder.errors.append({"id": f"import {name}", "message": f"{type(error).__name__}: {error}"[:MAX_TEXT]})
    if tracing is not None:
        tracing.pause()
    code = pytest.main(pytest_arguments(pack), plugins=[recorder])
    return {
        "exit": int(code),
        "tests": list(recorder.tests.values()),
        "errors": recorder.errors,
        "out_of_memory": recorder.out_of_memory,
        "coverage": tracing.result() if tracing is not None else None,
    }


def evaluate(pack: Path, package: str, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask the agent for its answers through the SDK's own door."""
    enter(pack)
    try:
        testing = importlib.import_module("greenlang_sdk.testing")
        output = testing.answers(package, inputs)
        return {"output": bytes(output).decode()}
    except MemoryError:
        return {"out_of_memory": True}
    except Exception as error:  # noqa: BLE001 - foreign code; what it raised is reported
        return {"error": f"{type(error).__name__}: {error}"[:MAX_TEXT]}
