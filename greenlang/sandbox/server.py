"""The fork server: a process that has imported everything once and forks a confined child for each request.

Belongs here: start-up, warming, forking, the wall clock, limits on what a child may say. Does not belong here: any
judgement of what a child says, and any secret or expected answer (a fork inherits the memory of its parent).

Started by the supervisor as ``python -s -P -B -m greenlang.sandbox.server FD PROFILE warm|cold [PRIMITIVE]`` with an
environment of its own; a cold one is not warmed, for it is only asked what this machine can do.
It ends when the supervisor ends: its socket closes, or its parent is another process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import json
import linecache
import os
import pkgutil
import select
import shutil
import signal
import socket
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from greenlang.sandbox import bubblewrap, confine, pages, wire

MAX_REPORT = 48 * 1024 * 1024
_WORTH_IT = 5  # the child before which memory is gathered into huge pages (80 ms): a single agent has four
_PRELOAD = (
    *("decimal", "fractions", "datetime", "zoneinfo", "json", "hashlib", "hmac", "uuid", "math", "statistics"),
    *("random", "re", "string", "textwrap", "enum", "dataclasses", "typing", "inspect", "csv", "itertools"),
    *("functools", "pathlib", "importlib.resources", "importlib.metadata", "unicodedata", "ast", "copy", "operator"),
    *("threading", "logging", "argparse", "tomllib", "runpy", "pydantic", "pydantic_core", "greenlang_sdk"),
    *("greenlang_sdk.testing", "time_machine", "pkgutil", "encodings.unicode_escape"),
)
_PRELOAD_IF_THERE = ("fastapi",)  # the demo server of a pack needs it
_WARM_AGENT = """\
from decimal import Decimal
from pydantic import BaseModel, ConfigDict, Field

class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    amount: Decimal = Field(ge=0)

def double(amount: Decimal) -> Decimal:
    return amount * 2 if amount else Decimal(0)
"""
_WARM_TESTS = """\
from decimal import Decimal
import pytest
from gl_sandbox_warm import Input, double

@pytest.fixture
def two():
    return Decimal(2)

@pytest.mark.parametrize("n", [0, 1, 2])
def test_double(n, two):
    assert double(Decimal(n)) == two * n

def test_refuses():
    with pytest.raises(ValueError):
        Input(amount="-1")
    assert Input.model_json_schema()

def test_fails():
    assert {"a": double(Decimal(1))} == {"a": Decimal(3)}
"""


_WARM_API = """\
from typing import Any
from fastapi import FastAPI, Request, Response

app = FastAPI()

@app.post("/run", openapi_extra={"requestBody": {"content": {"application/json": {}}}})
async def run(request: Request) -> Response:
    return Response(await request.body(), 200, {"X-Request-ID": "1"}, "application/json")

@app.get("/health")
async def health() -> dict[str, object]:
    return {"status": "ok"}

@app.get("/schema")
async def schema() -> dict[str, Any]:
    return {}
"""


def _roots() -> tuple[Path, ...]:
    """What a child may read beside its pack: the standard library, installed packages, the SDK."""
    sdk = importlib.import_module("greenlang_sdk")
    names = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    names |= set(sdk.__path__)
    names.add("/usr/share/zoneinfo")
    return tuple(sorted({Path(n).resolve() for n in names if n and Path(n).is_dir()}))


def _warm_up() -> None:
    """Run a small suite in this very process, so that children find every cache filled."""
    from greenlang.sandbox import child, child_pytest, child_service

    for name in _PRELOAD:
        importlib.import_module(name)
    for module in pkgutil.iter_modules(importlib.import_module("greenlang_sdk").__path__):
        importlib.import_module(f"greenlang_sdk.{module.name}")
    for name in _PRELOAD_IF_THERE:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    _pin_our_lines()
    folder = Path(tempfile.mkdtemp(prefix="gl-warm-")).resolve()
    path, here = list(sys.path), Path.cwd()
    try:
        (folder / "gl_sandbox_warm").mkdir()
        (folder / "gl_sandbox_warm/__init__.py").write_text(_WARM_AGENT)
        (folder / "tests").mkdir()
        (folder / "tests/test_unit.py").write_text(_WARM_TESTS)
        (folder / "demos").mkdir()
        (folder / "demos/api.py").write_text(_WARM_API)
        before = set(sys.modules)
        request = {"op": "tests", "pack": str(folder), "package": "gl_sandbox_warm"}
        result = child.perform(child.Report(1), request, {}, folder)
        outcomes = [t["outcome"] for t in result["tests"]]
        if outcomes != ["passed"] * 4 + ["failed"] or result["coverage"]["lines"][0] == 0:
            raise RuntimeError(f"the warm-up suite ended as {json.dumps(result)[:2000]}")
        child_service.http(folder, [{"amount": "1"}])
        child_pytest.prepare(child.without_streams, folder)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ("gl_sandbox_warm", "tests"):
                del sys.modules[name]
    finally:
        os.chdir(here)
        sys.path[:] = path
        shutil.rmtree(folder, ignore_errors=True)


def _pin_our_lines() -> None:
    """Keep the lines of our own modules: tracebacks tell them, and a child may not read the files.

    An entry without a time is never looked at again, whatever becomes of the file.
    """
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and (name == "__main__" or name.partition(".")[0] == "greenlang"):
            lines = linecache.getlines(file)
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def _address_space() -> int | None:
    """Bytes of address space of this process; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _our_modules() -> dict[str, ModuleType]:
    """The factory's modules that are loaded: foreign code does not get them by an import."""
    return {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "greenlang"}


class Server:
    """Serves one supervisor over one socket."""

    def __init__(self, sock: socket.socket, *, strict: bool, outer: str = "") -> None:
        self._sock = sock
        self._outer = [outer] if outer and bubblewrap.inside() else []
        self._strict = strict
        self._served = 0
        self._parent = os.getppid()
        self._probe = confine.probe()
        self._roots = _roots()
        self._path = [p for p in sys.path if p and any(Path(p).is_relative_to(root) for root in self._roots)]
        self._ours, self._loaded = _our_modules(), len(sys.modules)
        for threads in (False, True) if strict and self._probe.seccomp else ():
            confine.seccomp_ready(self._probe.landlock_abi, threads=threads)  # once, for all children

    def serve(self) -> None:
        """Say hello, then answer until the supervisor goes."""
        wire.send(self._sock, self._hello())
        while True:
            if not self._readable(None):
                return
            request, payload = wire.receive(self._sock)
            if "pack" in request:  # names of files are bytes: a locale without UTF-8 spells them otherwise
                request["pack"] = os.fsdecode(str(request["pack"]).encode("utf-8", "surrogateescape"))
            self._served += 1
            if self._served == _WORTH_IT:
                pages.collapse()
            report, ended = self._fork(request, payload)
            del payload
            wire.send(self._sock, ended, report)

    def _hello(self) -> dict[str, Any]:
        trial: dict[str, Any] = {"tried": False}
        if not (self._strict and self._probe.missing):
            report, ended = self._fork({"op": "nothing", "seconds": 10, "memory_mb": 1024}, b"")
            trial = {"tried": True, "report": report.decode(errors="replace"), "ended": ended}
        return {
            "landlock_abi": self._probe.landlock_abi,
            "seccomp": self._probe.seccomp,
            "missing": list(self._probe.missing),
            "trial": trial,
        }

    def _readable(self, handle: int | None, timeout: float = 1.0) -> bool:
        """Wait for the supervisor (handle None) or for a child's pipe. False: the supervisor has gone."""
        while True:
            wanted: list[Any] = [self._sock] if handle is None else [handle, self._sock]
            ready, _, _ = select.select(wanted, [], [], timeout)
            if os.getppid() != self._parent:
                return False
            if self._sock in ready and not self._sock.recv(1, socket.MSG_PEEK):
                return False
            if ready or handle is not None:
                return True

    def _fork(self, request: dict[str, Any], payload: bytes) -> tuple[bytes, dict[str, Any]]:
        inner, outer = os.pipe()
        space = _address_space()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._child(outer, request, payload, space)
        os.close(outer)
        deadline = started + float(request["seconds"])
        report, problem = self._listen(pid, inner, deadline)
        os.close(inner)
        status, usage, late = self._reap(pid, deadline)
        ended = {
            "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "problem": problem or ("timed out" if late else ""),
            "seconds": time.monotonic() - started,
            "cpu_seconds": usage[0],
            "peak_kb": usage[1],
        }
        return report, ended

    def _listen(self, pid: int, inner: int, deadline: float) -> tuple[bytes, str]:
        """Collect the child's report until it closes the pipe, says too much, or runs late."""
        report = bytearray()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                _kill(pid)
                return bytes(report), "timed out"
            if not self._readable(inner, min(left, 1.0)):
                _kill(pid)
                os._exit(0)
            ready, _, _ = select.select([inner], [], [], 0)
            if not ready:
                continue
            part = os.read(inner, 1 << 16)
            if not part:
                return bytes(report), ""
            report += part
            if len(report) > MAX_REPORT:
                _kill(pid)
                return b"", "said too much"

    def _reap(self, pid: int, deadline: float) -> tuple[int, tuple[float, int], bool]:
        pause, late = 0.0002, False
        while True:
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)  # what it may have left behind (weak profile only)
                peak = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
                return status, (usage.ru_utime + usage.ru_stime, peak), late
            if time.monotonic() > deadline and not late:
                late = True
                _kill(pid)
            time.sleep(pause)
            pause = min(pause * 2, 0.02)

    def _child(self, outer: int, request: dict[str, Any], payload: bytes, space: int | None) -> None:
        """The life of a child; never returns."""
        code = 70
        try:
            os.setsid()
            confine.die_with_parent()
            if outer != 3:
                os.dup2(outer, 3)
            os.dup2(0, 2)
            os.closerange(4, 65_536)
            from greenlang.sandbox import child

            report = child.Report(3)
            pack = Path(request.get("pack", self._roots[0]))
            self._confine(report, request, pack, space)
            asked = json.loads(payload) if payload else {}
            result = {} if request["op"] == "nothing" else child.perform(report, request, asked, self._roots[0])
            report.line(result=result)
            code = 0
        except confine.ConfinementError as error:
            os.write(3, json.dumps({"unconfined": str(error)}).encode() + b"\n")
            code = 71
        except BaseException as error:  # noqa: BLE001
            # The last word of a process that ends here in any case: nothing is left to handle it.
            os.write(3, json.dumps({"crashed": f"{type(error).__name__}: {error}"[:2000]}).encode() + b"\n")
        finally:
            os._exit(code)

    def _confine(self, report: Any, request: dict[str, Any], pack: Path, space: int | None) -> None:
        from greenlang.sandbox import child

        memory = None if space is None else space + int(request["memory_mb"]) * 1024 * 1024
        threads = int(request.get("threads", 1)) > 1
        refused = confine.rlimits(seconds=int(request["seconds"]) + 1, memory_bytes=memory, threads=threads)
        unlimited = [*refused, *([] if memory is not None else ["AS"])]
        readable = (*self._roots, pack)
        in_force = ["rlimits" if not unlimited else f"rlimits without {', '.join(unlimited)}", *self._outer]
        if self._strict:
            confine.no_new_privileges()
            confine.landlock(self._probe.landlock_abi, readable)
            confine.seccomp(self._probe.landlock_abi, threads=threads)
            in_force = [f"landlock abi {self._probe.landlock_abi}", "seccomp", *in_force]
        sys.path[:] = self._path
        if request["op"] == "nothing" and self._strict:
            try:
                os.listdir("/")  # noqa: PTH208
            except PermissionError:
                in_force.append("proved")
        report.line(confined=in_force)
        # To look at the names of all modules, or to free one, would have the kernel copy the memory that holds them.
        for name in self._ours if len(sys.modules) == self._loaded else _our_modules():
            del sys.modules[name]
        child.watch(report, readable, refuse=not self._strict)


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def main(arguments: list[str]) -> None:
    """Entry point of the process."""
    handle, profile, warm = int(arguments[0]), arguments[1], arguments[2] == "warm"
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    sys.dont_write_bytecode = True
    os.chdir("/")
    sock = socket.socket(fileno=handle)
    sock.set_inheritable(False)
    try:
        ctypes.CDLL(None)
        if warm:
            _warm_up()
            gc.collect()
            gc.freeze()
        Server(sock, strict=profile == "strict", outer=arguments[3] if len(arguments) > 3 else "").serve()
    except wire.Broken:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
