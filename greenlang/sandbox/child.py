"""What the confined child does: watch itself, do what it is asked for, and report.

Belongs here: the report, the watch and the list of what may be asked for. All of it, and all of the modules `child_*`,
runs beside foreign code, so nothing here is trusted by the supervisor. Does not belong here: secrets, expected answers,
confinement (`greenlang.sandbox.confine`).

A report is lines of JSON. An ``attempt`` is a thing the foreign code tried that no agent does; it is written before the
call is made, so it is there even if the call is the last. A ``part`` is a piece of the result that is ready: what comes
after it may hang or crash without it being lost. One ``result`` line ends the report.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import dataclasses
import dis
import functools
import gc
import io
import json
import logging
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from greenlang.sandbox import child_agent, child_blocks, child_mutants, child_service, child_tests, gate_rules, sources
from greenlang.sandbox.child_modules import Modules
from greenlang.sandbox.child_retest import Loading

_MAX_ATTEMPTS = 20
_CLOCK_OFF = 411 * 86_400 + 5 * 3_600 + 7  # seconds: year, month, day and hour all change
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
# Text that becomes code goes past the gate: annotations, conditions of marks, names of a dataclass's fields.
_FORBIDDEN = frozenset(dir(builtins)) - gate_rules.BUILTINS
_GENERATED = ("<string>", "<frozen ", "<attrs generated ")
_WRITERS = (collections.__file__, dataclasses.__file__)
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

    def part(self, name: str, value: Any) -> None:
        """A piece of the result that is ready."""
        self.line(part=name, value=value)

    def attempt(self, text: str) -> None:
        self._attempts += 1
        if self._attempts <= _MAX_ATTEMPTS:
            self.line(attempt=text[:300])


class _Nowhere(io.RawIOBase):
    """Takes what is written to it."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return 0

    def write(self, data: Any) -> int:
        return len(data)


def without_streams() -> None:
    """Put streams without a file in the place of the process's own: their class would open the report's pipe."""
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(_Nowhere()), "utf-8")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.BufferedWriter(_Nowhere()), "utf-8")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(io.BufferedWriter(_Nowhere()), "utf-8")  # type: ignore[misc]


def text_as_code(code: object, *, written: bool = True) -> str | None:
    """What a text that was made into code reaches for and may not; None for code of files, and where it may.

    ``written``: Python wrote the text itself (a dataclass, a named tuple). Any other is a foreign expression.
    """
    if not isinstance(code, CodeType) or not code.co_filename.startswith("<"):
        return None
    if not code.co_filename.startswith(_GENERATED):
        return f"ran a text: {code.co_filename}"
    left = [code]
    while left:
        part = left.pop()
        inside = [constant for constant in part.co_consts if isinstance(constant, CodeType)]
        left += inside
        if part.co_filename == "<string>" and (name := _reaches(part)):
            return f"ran a text that reaches for {name}"
        if part.co_filename == "<string>" and not written and (name := _leads_on(part) or ("code" if inside else "")):
            return f"ran a text that reaches for {name}"
    return None


def _leads_on(code: CodeType) -> str:
    """An attribute that an expression asks for, if no file of a pack may take a thing of that name from a module."""
    asked = {str(s.argval) for s in dis.get_instructions(code) if s.opname in ("LOAD_ATTR", "LOAD_METHOD")}
    return min(asked - gate_rules.TAKEN, default="")


def _is_written_by_python() -> bool:
    """Whether the frame that runs a text is one of those modules of Python that make classes so."""
    return sys._getframe(2).f_code.co_filename in _WRITERS


def _without_modules(run: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`runpy` hands out all that a file holds: what it defined is the test's to call, what it imported leads out."""

    def found(*arguments: Any, **words: Any) -> dict[str, Any]:
        names = run(*arguments, **words)
        return {n: v for n, v in names.items() if not isinstance(v, ModuleType) and not n.startswith("__")}

    return found


def _reaches(code: CodeType) -> str:
    doubtful = {n for n in code.co_names if n in _FORBIDDEN or n in gate_rules.INTERPRETER or n.startswith("__")}
    if not doubtful - gate_rules.OF_CLASSES:
        return ""
    for step in dis.get_instructions(code):
        name = step.argval
        if name not in doubtful or name in gate_rules.OF_CLASSES or str(name).startswith("__dataclass_"):
            continue
        attribute = step.opname in ("LOAD_ATTR", "LOAD_METHOD")
        if step.opname.startswith("LOAD_") and (name not in _FORBIDDEN or str(name).startswith("__") or not attribute):
            return str(name)
    return ""


def watch(report: Report, readable: tuple[Path, ...], *, refuse: bool) -> None:
    """Report what the foreign code tries; with ``refuse`` (the weak profile) also raise PermissionError.

    An audit hook is no wall: it cannot be taken out, but native code goes past it. It tells what was tried.
    """
    roots = tuple(f"{root}{os.sep}" for root in readable)
    without_streams()
    logging._STYLES.pop("{", None)  # it reads attributes of what is logged
    runpy.run_path, runpy.run_module = _without_modules(runpy.run_path), _without_modules(runpy.run_module)

    @functools.lru_cache(maxsize=1000)
    def real(path: str) -> str:
        return os.path.realpath(path)

    def opened(path: object, flags: object) -> str | None:
        # what a path leads to stays: to put a link in its place is an attempt by itself
        name = real(os.path.abspath(os.fsdecode(path)))  # type: ignore[arg-type]  # noqa: PTH100
        if name == os.devnull:
            return None
        if isinstance(flags, int) and flags & _WRITING:
            return f"wrote {name}"
        return None if f"{name}{os.sep}".startswith(roots) else f"read {name}"

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        text: str | None = None
        bad = False
        if event == "exec":
            text = text_as_code(arguments[0], written=_is_written_by_python())
            bad = text is not None
        elif event == "pickle.find_class":
            text, bad = f"unpickled {arguments[0]}.{arguments[1]}", True
        elif event == "open" and isinstance(arguments[0], int):
            text, bad = f"opened the file descriptor {arguments[0]}", True  # the report's is among them
        elif event == "open":
            with contextlib.suppress(TypeError, ValueError):
                text = opened(arguments[0], arguments[2])
        elif event in _ATTEMPTS:
            what = ", ".join(repr(a)[:80] for a in arguments)
            text = f"{_ATTEMPTS[event]}: {event}({what})"
        if text is not None:
            report.attempt(text)
            if refuse or bad:
                raise PermissionError(f"the sandbox refuses this: {text}")

    sys.addaudithook(hook)


def perform(report: Report, request: dict[str, Any], payload: dict[str, Any], elsewhere: Path) -> dict[str, Any]:
    """Do what the supervisor asks for; the value is the ``result`` line.

    ``tests``: the tests with coverage. ``evaluate``: the answers alone. ``service``: the answers, and the agent as one
    who operates it meets it. ``again``: the answers, and the mutants or the tests without coverage. All but ``tests``
    ask for the answers first, while no code of a test is in the process.

    With another seed than 0 the clock is off and the process stands ``elsewhere``, in a folder that it may read.
    """
    gc.set_threshold(50_000, 20, 20)  # a child is short-lived: it need not look for cycles all the time
    pack, package, what = Path(request["pack"]), request["package"], request["op"]
    tested = what in ("tests", "again")
    modules = Modules(pack, package, sources.received(payload.get("code", ""), pack, tests=tested))
    if what == "tests":
        child_agent.enter(pack)
        loading = Loading(modules)
        return child_tests.run_tests(pack, package, rewrite=bool(request.get("rewrite", True)), plugin=loading)
    inputs = payload["inputs"]
    if request["seed"]:
        child_agent.shift_clock(_CLOCK_OFF)
    child_agent.enter(pack, elsewhere=str(elsewhere) if request["seed"] else None)
    if what == "evaluate":
        return child_agent.evaluate(package, inputs)
    if what == "again":
        wanted = payload["mutants"]
        mutants = child_mutants.Mutants(pack, modules, wanted, payload.get("tests", ()), report.part)
        report.part("evaluation", child_agent.evaluate(package, inputs))
        result = child_tests.run_tests(pack, package, traced=False, rewrite=False, instead=mutants.run, plugin=mutants)
        if not wanted:
            report.part("tests", result)
        return {}
    base = child_service.peak_kb()
    report.part("evaluation", child_agent.evaluate(package, inputs))
    result = {"base_kb": base, **child_service.measure(pack, package, inputs, payload["calls"])}
    result["blocks"] = child_blocks.run(pack, payload["blocks"])
    report.part("service", result)
    report.part("threads", child_agent.evaluate(package, inputs, threads=request["threads"]))
    return {}
