"""The supervisor: it keeps the fork servers, decides on every verdict, and trusts neither of the other two processes.

Belongs here: starting and ending servers, retrying what was our own fault, verdicts. Does not belong here: foreign
code in any form; the pack's modules are never imported here.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from greenlang.errors import SandboxUnavailable
from greenlang.sandbox import bubblewrap, cache, claims, decisions, gate, sources, wire
from greenlang.sandbox.decisions import Ended, Run
from greenlang.sandbox.trial import Service, Trial, TrialRequest
from greenlang.sandbox.trials import Trying
from greenlang.sandbox.verdict import Evaluation, Profile, Verdict

if TYPE_CHECKING:
    from greenlang.settings import Settings

_LOG = logging.getLogger(__name__)
_START_SECONDS = 60
_GRACE_SECONDS = 15
_WEAKNESSES = (
    "files are refused only inside Python, not by the kernel",
    "native code may open sockets, start programs and signal other processes",
    "processes that leave the group outlive the run",
)

_proved: dict[str, Profile] = {}  # by mode: what the machine can do stands for as long as a process lives


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

    ``gated=False`` leaves out the look at the syntax trees: only tests of the jail itself do that, and the profile
    says so. ``proven``: what `prove` found, so that a trial which stands in the cache needs no server; whatever runs,
    runs under the profile of its own server. Raises SandboxUnavailable at the first use if the machine lacks what the
    strict profile needs.
    """

    def __init__(self, settings: Settings, *, gated: bool = True, proven: Profile | None = None) -> None:
        self._mode = settings.sandbox
        self._gated = gated
        self._packs = settings.packs
        self._folders: set[Path] = set()
        self._seconds = settings.test_seconds
        self._memory_mb = settings.test_memory_mb
        self._cache = cache.TrialCache(settings.var / "cache" / "trials")
        self._handles: dict[int, _Handle] = {}
        self._lock = threading.RLock()
        self._owner = os.getpid()
        self._profile = proven

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

    def prove(self) -> Profile:
        """The same, found out by a server that is not warmed and ends at once, the first time that this process asks.

        Raises SandboxUnavailable.
        """
        if self._mode not in _proved:
            handle = self._start(0, warm=False)
            try:
                _proved[self._mode] = decide(handle.hello, self._mode)
            finally:
                handle.close()
        return self._noted(_proved[self._mode])

    def run_tests(self, pack: Path, package: str) -> Verdict:
        """Run ``pack/tests`` with branch coverage of ``pack/<package>``."""
        trying = self._trying(pack, package)
        return trying if isinstance(trying, Verdict) else trying.tests()

    def evaluate(self, pack: Path, package: str, inputs: Sequence[Mapping[str, Any]], *, hash_seed: int) -> Evaluation:
        """The agent's answers, one line of canonical JSON an input.

        ``hash_seed`` 0 runs under UTC and UTF-8; any other seed also under another time zone, locale, clock and folder.
        """
        pack = pack.resolve()
        self._reach(pack)
        profile = self.profile
        if self._gated and (found := gate.check(pack, package)):
            status, detail, attempts = gate.outcome(found)
            return Evaluation(status, profile, detail=detail, attempts=attempts)
        request = {"op": "evaluate", "pack": str(pack), "package": package}
        try:
            return decisions.evaluation(self._run(hash_seed, request, {"inputs": list(inputs)}))
        except wire.Broken as error:
            return Evaluation("infrastructure", profile, detail=str(error))

    def serve(self, pack: Path, package: str, request: TrialRequest) -> Service:
        """The agent as one who operates it meets it, and nothing else of a trial."""
        trying = self._trying(pack, package)
        if isinstance(trying, Verdict):
            return Service(trying.status, detail=trying.detail)
        return trying.service(request)[2]

    def trial(self, pack: Path, package: str, request: TrialRequest, ready: sources.Sources | None = None) -> Trial:
        """Run everything of a pack that a judge needs: tests twice, answers three times, service, mutants.

        A mishap of ours is tried twice more before it is reported. What stands in the cache is not run again.
        ``ready``: files that were parsed before; they count only where they are still the same to the byte.
        """
        pack = pack.resolve()
        self._reach(pack)
        key = self._key(pack, package, request)  # before anything of the pack is read to be run
        trying = self._trying(pack, package, ready)
        if isinstance(trying, Verdict):
            return Trial(trying)
        found = self._cache.get(key) if key else None
        if found is None:
            found = trying.run(request)
            if key:
                self._keep(key, found, pack, package, request)
        return found

    def _key(self, pack: Path, package: str, request: TrialRequest) -> str | None:
        return cache.key(pack, package, request, self.profile, (self._seconds, self._memory_mb))

    def _keep(self, key: str, found: Trial, pack: Path, package: str, request: TrialRequest) -> None:
        """Into the cache, if the pack is still what it was when it was asked about."""
        try:
            if self._key(pack, package, request) == key:
                self._cache.put(key, found)
            else:
                _LOG.warning("a trial is not kept: %s changed while it was tried", pack)
        except (OSError, ValueError) as error:  # a full disk costs the next run time, not this one its result
            _LOG.warning("a trial could not be kept: %s", error)

    def _trying(self, pack: Path, package: str, ready: sources.Sources | None = None) -> Trying | Verdict:
        """What tries a pack; a verdict where it is refused before anything of it runs."""
        pack = pack.resolve()
        self._reach(pack)
        profile = self.profile
        try:
            found = sources.read(pack, package, ready)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Verdict("failed", profile, detail=f"the tests cannot be read: {error}")
        declared = claims.declared_tests(found.tests())
        if not declared:
            return Verdict("failed", profile, detail="there is no test")
        if package in sys.stdlib_module_names:
            return Verdict("failed", profile, detail=f"{package} is the name of a standard module")
        if self._gated and (refused := gate.check(pack, package, found.trees)):
            status, detail, attempts = gate.outcome(refused)
            return Verdict(status, profile, detail=detail, attempts=attempts)
        return Trying(self._run, pack, package, declared, profile, self._seconds, found.code())

    def _run(self, seed: int, request: dict[str, Any], payload: dict[str, Any]) -> Run:
        """One child. Raises wire.Broken."""
        report, ended = self._ask(seed, request, json.dumps(payload).encode())
        return Run(claims.parse(report), ended, self.profile, self._seconds, self._memory_mb)

    def _ask(self, seed: int, request: dict[str, Any], payload: bytes = b"") -> tuple[bytes, Ended]:
        """One request; a broken server is replaced once. Raises wire.Broken."""
        request = {**request, "seconds": self._seconds, "memory_mb": self._memory_mb, "seed": seed}
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
                    message, report = wire.receive(handle.sock)
                    ended = Ended.read(message)
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
                self._profile = self._noted(decide(handle.hello, self._mode))
            except SandboxUnavailable:
                handle.close()
                raise
            self._handles[seed] = handle
        return handle

    def _noted(self, profile: Profile) -> Profile:
        """With what is said beside the primitives: the outer layer that is not there, the gate that was left out."""
        outer = bubblewrap.layer()
        notes = (f"no outer layer: {outer.reason}",) if outer.reason else ()
        left_out = () if self._gated else ("the syntax trees are not looked at before the run",)
        return replace(profile, weaknesses=(*profile.weaknesses, *left_out), notes=notes)

    def _reach(self, pack: Path) -> None:
        """Have the pack's folder visible inside bubblewrap; servers that do not see it are started anew."""
        if bubblewrap.layer().reason:
            return
        with self._lock:
            if not any(pack.is_relative_to(folder) for folder in self._folders):
                inside = pack.is_relative_to(self._packs.resolve())
                self._folders.add(self._packs.resolve() if inside else bubblewrap.folder_of(pack))
                self.close()

    def _start(self, seed: int, *, warm: bool = True) -> _Handle:
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        server = ("greenlang.sandbox.server", str(theirs.fileno()), self._mode, "warm" if warm else "cold")
        command = [sys.executable, "-s", "-P", "-B", "-m", *server]
        outer = bubblewrap.layer()
        if not outer.reason:
            if self._packs.is_dir():
                self._folders.add(self._packs.resolve())
            command = [*bubblewrap.command(outer.program, sorted(self._folders)), *command, outer.primitive]

        def make() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment(seed),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd="/",
            )

        process = make() if outer.reason else bubblewrap.start(make)
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
