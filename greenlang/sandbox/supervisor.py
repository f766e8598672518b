"""The supervisor: it keeps the fork servers, decides on every verdict, and trusts neither of the other two processes.

Belongs here: starting and ending servers, retrying what was our own fault, verdicts. Does not belong here: foreign
code in any form; the pack's modules are never imported here.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from greenlang.errors import SandboxUnavailable
from greenlang.sandbox import claims, wire
from greenlang.sandbox.verdict import Evaluation, Profile, Status, Verdict

if TYPE_CHECKING:
    from greenlang.settings import Settings

_START_SECONDS = 60
_GRACE_SECONDS = 15
_WEAKNESSES = (
    "files are refused only inside Python, not by the kernel",
    "native code may open sockets, start programs and signal other processes",
    "processes that leave the group outlive the run",
)


@dataclass(slots=True)
class _Handle:
    process: subprocess.Popen[bytes]
    sock: socket.socket
    errors: Any  # the temporary file that takes the server's stderr
    hello: dict[str, Any]

    def close(self) -> None:
        self.sock.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def abandon(self) -> None:
        """Let go of what belongs to the process that forked this one."""
        self.sock.close()
        self.errors.close()
        self.process.returncode = 0  # not ours to wait for

    def last_words(self) -> str:
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, self.errors.tell() - 2000))
        return str(self.errors.read().decode(errors="replace")).strip()


def decide(hello: dict[str, Any], mode: str) -> Profile:
    """The profile for what a server found on this machine. Raises SandboxUnavailable; never weakens by itself."""
    if mode == "weak":
        report = claims.parse(str(hello["trial"].get("report", "")).encode())
        if not report.confined:
            raise SandboxUnavailable(f"even the weak sandbox does not start: {hello['trial']}")
        limits = tuple(f"{p}" for p in report.confined if p.startswith("rlimits without"))
        return Profile("weak", report.confined, (*_WEAKNESSES, *limits))
    advice = "Set GREENLANG_SANDBOX=weak to run generated code with resource limits only."
    missing = [str(m) for m in hello["missing"]]
    if not missing:
        report = claims.parse(str(hello["trial"].get("report", "")).encode())
        if report.unconfined:
            missing = [report.unconfined]
        elif "proved" not in report.confined:
            missing = ["a confinement that holds (a trial child could read /, or ended early)"]
        else:
            return Profile("strict", tuple(p for p in report.confined if p != "proved"))
    raise SandboxUnavailable(
        f"the strict sandbox is not possible on this machine; missing: {'; '.join(missing)}. {advice}"
    )


class Sandbox:
    """Runs foreign code. A context manager; every process (and every fork of it) keeps servers of its own.

    Raises SandboxUnavailable at the first use if the machine lacks what the strict profile needs.
    """

    def __init__(self, settings: Settings) -> None:
        self._mode = settings.sandbox
        self._seconds = settings.test_seconds
        self._memory_mb = settings.test_memory_mb
        self._handles: dict[int, _Handle] = {}
        self._lock = threading.RLock()
        self._owner = os.getpid()
        self._profile: Profile | None = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the servers. Using the sandbox again starts new ones."""
        with self._lock:
            self._own()
            for handle in self._handles.values():
                handle.close()
            self._handles.clear()

    @property
    def profile(self) -> Profile:
        """The confinement in force. Raises SandboxUnavailable."""
        with self._lock:
            if self._profile is None:
                self._server(0)
            assert self._profile is not None
            return self._profile

    def run_tests(self, pack: Path, package: str) -> Verdict:
        """Run ``pack/tests`` with branch coverage of ``pack/<package>``."""
        pack = pack.resolve()
        profile = self.profile
        try:
            declared = claims.declared_tests(pack)
        except (SyntaxError, ValueError) as error:
            return Verdict("failed", profile, detail=f"the tests cannot be read: {error}")
        if not declared:
            return Verdict("failed", profile, detail="there is no test")
        if package in sys.stdlib_module_names:
            return Verdict("failed", profile, detail=f"{package} is the name of a standard module")
        request = {"op": "tests", "pack": str(pack), "package": package}
        try:
            report, ended = self._ask(0, request)
        except wire.Broken as error:
            return Verdict("infrastructure", profile, detail=str(error))
        claim = claims.parse(report)
        status, detail = self._status(claim, ended)
        results, problem = claims.tests(claim.result, declared) if claim.ended else ((), "")
        coverage = claims.coverage(claim.result) if claim.ended else None
        if status == "passed":
            bad = [t for t in results if t.outcome != "passed"]
            if problem:
                status, detail = "failed", problem
            elif bad:
                status, detail = "failed", f"{len(bad)} of {len(results)} tests did not pass: {bad[0].id}"
            elif claim.result.get("exit") != 0:
                status, detail = "failed", f"the test run ended with code {claim.result.get('exit')}"
            elif coverage is None:
                status, detail = "failed", "its coverage is malformed"
        return Verdict(
            status,
            profile,
            results,
            coverage,
            seconds=ended["seconds"],
            detail=detail,
            cpu_seconds=ended["cpu_seconds"],
            peak_memory_mb=ended["peak_kb"] / 1024,
            attempts=claim.attempts,
        )

    def evaluate(self, pack: Path, package: str, inputs: Sequence[dict[str, Any]], *, hash_seed: int) -> Evaluation:
        """The agent's answers, one line of canonical JSON an input.

        ``hash_seed`` 0 runs under UTC and UTF-8; any other seed also under another time zone and locale.
        """
        profile = self.profile
        payload = json.dumps(list(inputs)).encode()
        request = {"op": "evaluate", "pack": str(pack.resolve()), "package": package}
        try:
            report, ended = self._ask(hash_seed, request, payload)
        except wire.Broken as error:
            return Evaluation("infrastructure", profile, detail=str(error))
        claim = claims.parse(report)
        status, detail = self._status(claim, ended)
        output = claim.result.get("output", "")
        if status == "passed" and (claim.result.get("error") or not isinstance(output, str)):
            status, detail = "failed", str(claim.result.get("error", "its answer is malformed"))
        data = output.encode() if status == "passed" else b""
        return Evaluation(status, profile, data, detail, seconds=ended["seconds"], attempts=claim.attempts)

    def _status(self, claim: claims.Claims, ended: dict[str, Any]) -> tuple[Status, str]:
        """What the manner of its end says of a child; ``passed`` here means that the result may be looked at."""
        if claim.unconfined:
            return "infrastructure", f"the child could not be confined: {claim.unconfined}"
        if claim.confined and self._profile is not None and claim.confined != self._profile.primitives:
            return "infrastructure", f"the child was confined by {', '.join(claim.confined)} only"
        if claim.attempts:
            return "escaped", f"it {claim.attempts[0]}"
        if ended["signal"] == getattr(signal, "SIGSYS", -1):
            return "escaped", "it made a system call that is forbidden, and was killed"
        if ended["problem"] == "timed out" or ended["signal"] == signal.SIGXCPU:
            return "timed_out", f"stopped after {self._seconds} s"
        if ended["problem"]:
            return "failed", str(ended["problem"])
        if claim.result.get("out_of_memory") or "MemoryError" in claim.problem:
            return "out_of_memory", f"it asked for more than {self._memory_mb} MB"
        if ended["signal"] == signal.SIGKILL:
            return "out_of_memory", "killed by the system, which does that when memory runs out"
        if claim.problem:
            return "failed", claim.problem
        if not claim.ended:
            how = f"signal {ended['signal']}" if ended["signal"] else f"exit code {ended['code']}"
            return "failed", f"the process ended without a result ({how})"
        return "passed", ""

    def _ask(self, seed: int, request: dict[str, Any], payload: bytes = b"") -> tuple[bytes, dict[str, Any]]:
        """One request; a broken server is replaced once. Raises wire.Broken."""
        request = {**request, "seconds": self._seconds, "memory_mb": self._memory_mb}
        with self._lock:
            for last in (False, True):
                try:
                    handle = self._server(seed)
                except SandboxUnavailable as error:  # it was available before, so this is a mishap
                    if last:
                        raise wire.Broken(str(error)) from error
                    continue
                try:
                    handle.sock.settimeout(self._seconds + _GRACE_SECONDS)
                    wire.send(handle.sock, request, payload)
                    ended, report = wire.receive(handle.sock)
                    ended = {
                        "code": ended["code"],
                        "signal": ended["signal"],
                        "problem": str(ended["problem"]),
                        "seconds": float(ended["seconds"]),
                        "cpu_seconds": float(ended["cpu_seconds"]),
                        "peak_kb": int(ended["peak_kb"]),
                    }
                    if b'"unconfined"' not in report[:200] or last:
                        return report, ended
                except (wire.Broken, KeyError, TypeError, ValueError) as error:
                    words = handle.last_words()
                    self._drop(seed)
                    if last:
                        raise wire.Broken(f"the fork server failed twice: {error}; {words}") from error
                else:
                    self._drop(seed)
        raise AssertionError("unreachable")

    def _own(self) -> None:
        """In a fork of the process that made this object: forget its servers, they are the parent's."""
        if self._owner != os.getpid():
            for handle in self._handles.values():
                handle.abandon()
            self._handles.clear()
            self._owner = os.getpid()

    def _drop(self, seed: int) -> None:
        handle = self._handles.pop(seed)
        handle.process.kill()
        handle.close()

    def _server(self, seed: int) -> _Handle:
        self._own()
        handle = self._handles.get(seed)
        if handle is None or handle.process.poll() is not None:
            if handle is not None:
                self._drop(seed)
            handle = self._start(seed)
            try:
                self._profile = decide(handle.hello, self._mode)
            except SandboxUnavailable:
                handle.close()
                raise
            self._handles[seed] = handle
        return handle

    def _start(self, seed: int) -> _Handle:
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        command = [sys.executable, "-s", "-P", "-B", "-m", "greenlang.sandbox.server", str(theirs.fileno()), self._mode]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment(seed),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            cwd="/",
        )
        theirs.close()
        ours.settimeout(_START_SECONDS)
        handle = _Handle(process, ours, errors, {})
        try:
            handle.hello, _ = wire.receive(ours)
        except wire.Broken as error:
            process.kill()
            process.wait()
            words = handle.last_words()
            handle.close()
            raise SandboxUnavailable(f"the sandbox's fork server does not start: {error}\n{words}") from error
        return handle


def environment(seed: int) -> dict[str, str]:
    """The whole environment of a fork server: nothing of the caller's is in it."""
    base = {
        "PYTHONHASHSEED": str(seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
        "COVERAGE_CORE": "ctrace",
    }
    if seed == 0:
        return {**base, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    # Half an hour off the hour, and a locale whose files are not UTF-8: code that forgot either shows it.
    return {**base, "TZ": "GLT-12:45", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
