"""`make up`: the Dagster webserver and daemon on 127.0.0.1, state in ``var/dagster``; `make down` ends them.

A supervisor process starts both in one process group and waits. However it is ended (Ctrl-C, SIGTERM, ``--stop``,
the death of one of the two), everything that came of it is ended: the group first, then on Linux every process
that carries this start's mark in its environment, which also finds grandchildren in groups of their own. A shell
that starts it in the background of a script hands down an ignored SIGINT, so the handlers are set anew here; the
children get the system's own, because a handler does not survive exec.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from greenlang.errors import GreenlangError
from greenlang.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
MARK = "GREENLANG_UP"
_GRACE = 15.0
_START = 120.0


class Stopped(BaseException):
    """A signal asked for the end."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    settings = Settings()
    parser = argparse.ArgumentParser(prog="python -m tools.up", description="Dagster webserver and daemon.")
    parser.add_argument("--port", type=int, default=settings.webserver_port, help="0 picks a free one")
    parser.add_argument("--stop", action="store_true", help="end what is running and leave")
    given = parser.parse_args(arguments)
    home = settings.var / "dagster"
    state = home / "up.json"
    if given.stop:
        return stop(state)
    running = read_state(state)
    if running is not None and alive(running):
        print(f"already up: http://127.0.0.1:{running['port']} (make down ends it)")
        return 1
    if running is not None:
        end_marked(str(running["mark"]))  # its supervisor was killed; take away what it left
    if given.port and taken(given.port):
        print(f"port {given.port} is taken; choose another: GREENLANG_WEBSERVER_PORT={given.port + 1} make up")
        return 1
    try:
        return Up(settings, home, state, given.port or free_port()).run()
    except GreenlangError as error:
        print(f"not up: {error}")
        return 1


class Up:
    """One start: the two processes, their marks, their end."""

    def __init__(self, settings: Settings, home: Path, state: Path, port: int) -> None:
        self.settings, self.home, self.state, self.port = settings, home, state, port
        self.mark = secrets.token_hex(8)
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> int:
        """Start, say where, wait; the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _raise_stopped)
        try:
            self.write_state()
            self.prepare()
            self.start("webserver", "dagster-webserver", "-h", "127.0.0.1", "-p", str(self.port))
            self.start("daemon", "dagster-daemon", "run")
            self.write_state()
            print("starting ...", flush=True)
            if self.wait_until_ready():
                print(f"GreenLang is up: http://127.0.0.1:{self.port}", flush=True)
                print(f"  drop specs in     {self.settings.bucket_address}/inbox", flush=True)
                print(f"  logs              {self.home / 'logs'}", flush=True)
                print("  end it with       Ctrl-C, or `make down`", flush=True)
            return self.watch()
        except Stopped:
            print("stopping ...", flush=True)
            return 0
        finally:
            # From here on another Ctrl-C must not stop the stopping.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self.end()

    def prepare(self) -> None:
        """The bucket's and the instance's folders, the latter with its tables."""
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "dagster.yaml", self.home / "dagster.yaml")
        from greenlang.bucket import Bucket

        Bucket.open(self.settings.bucket_address)
        open_instance(self.home)

    def environment(self) -> dict[str, str]:
        """What both processes get: the same var wherever they run, and the mark."""
        return {
            **os.environ,
            MARK: self.mark,
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "GREENLANG_VAR": str(self.settings.var),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, name: str, script: str, *arguments: str) -> None:
        """Start one process in the group of the first."""
        first = next(iter(self.children.values()), None)
        program = str(Path(sys.executable).with_name(script))
        command = [program, *arguments, "-w", str(ROOT / "workspace.yaml")]
        with (self.home / "logs" / f"{name}.log").open("wb") as log:
            self.children[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=first.pid if first else 0,
            )

    def write_state(self) -> None:
        """Who runs, for ``--stop``."""
        me = os.getpid()
        group = next((child.pid for child in self.children.values()), 0)
        body = {"pid": me, "started": started(me), "mark": self.mark, "group": group, "port": self.port}
        self.home.mkdir(parents=True, exist_ok=True)
        temporary = self.state.with_suffix(".tmp")
        temporary.write_text(json.dumps(body), encoding="utf-8")
        temporary.replace(self.state)

    def wait_until_ready(self) -> bool:
        """Until the webserver answers; False if one of the two has ended instead. Raises Stopped if it hangs."""
        end = time.monotonic() + _START
        while time.monotonic() < end:
            if self.dead() is not None:
                return False
            # URLError is an OSError.
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info", timeout=5),
            ):
                return True
            time.sleep(0.3)
        print(f"the webserver did not answer within {_START:.0f} s", flush=True)
        raise Stopped

    def dead(self) -> str | None:
        """The name of a process that has ended."""
        return next((name for name, child in self.children.items() if child.poll() is not None), None)

    def watch(self) -> int:
        """Wait for a signal, or for one of the two to end by itself."""
        while (name := self.dead()) is None:
            time.sleep(0.5)
        log = self.home / "logs" / f"{name}.log"
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        print(f"the {name} ended by itself; the end of {log}:", *tail, sep="\n  ", flush=True)
        return 1

    def end(self) -> None:
        """End the group, then whatever carries the mark; politely first."""
        group = next((child.pid for child in self.children.values()), None)
        if group is not None:
            _signal_group(group, signal.SIGTERM)
            end = time.monotonic() + _GRACE
            while time.monotonic() < end and any(child.poll() is None for child in self.children.values()):
                time.sleep(0.1)
            _signal_group(group, signal.SIGKILL)
            for child in self.children.values():
                child.wait()
        end_marked(self.mark)
        self.state.unlink(missing_ok=True)


def stop(state: Path) -> int:
    """End a running start, its supervisor dead or alive; 0 also if there was none."""
    running = read_state(state)
    if running is None:
        print("nothing is up")
        return 0
    pid = int(running["pid"])
    if alive(running):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + _GRACE + 10
        while time.monotonic() < end and alive(running):
            time.sleep(0.1)
        if alive(running):
            os.kill(pid, signal.SIGKILL)
    end_marked(str(running["mark"]))
    state.unlink(missing_ok=True)
    print("down")
    return 0


def read_state(state: Path) -> dict[str, int | str] | None:
    """What ``up.json`` says, or None."""
    try:
        body: dict[str, int | str] = json.loads(state.read_text(encoding="utf-8"))
        return body if {"pid", "started", "mark", "port"} <= body.keys() else None
    except (FileNotFoundError, ValueError):
        return None


def alive(running: dict[str, int | str]) -> bool:
    """Whether that very supervisor runs: a pid alone may belong to somebody else by now."""
    now = started(int(running["pid"]))
    return now is not None and now == running["started"]


def started(pid: int) -> str | None:
    """When a process was started, as the system tells it; None if there is no such process, or a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return None if fields[0] == "Z" else f"{boot}:{fields[19]}"
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def marked(mark: str) -> list[int]:
    """Pids of all living processes that carry the mark in their environment (Linux; elsewhere empty)."""
    needle = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if needle in (folder / "environ").read_bytes().split(b"\0") and started(int(folder.name)):
                found.append(int(folder.name))
    return found


def end_marked(mark: str) -> None:
    """End every process that carries the mark: asked first, then killed, until none is left."""
    for number, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0)):
        end = time.monotonic() + seconds
        told: set[int] = set()
        while (left := [pid for pid in marked(mark) if pid != os.getpid()]) and time.monotonic() < end:
            _signal_each((pid for pid in left if pid not in told), number)
            told.update(left)
            time.sleep(0.1)


def _signal_each(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped


def open_instance(home: Path) -> None:
    """Make the instance's SQLite tables, and put runs to rest that were in progress when everything was killed.

    Webserver and daemon would otherwise make the tables at the same time, and one of them fails. Nobody else ends
    such runs: Dagster's run monitoring cannot ask after runs of its default launcher, and the sensor would wait for
    them for ever. What they were building is finished by the next batch.
    """
    os.environ["DAGSTER_HOME"] = str(home)
    from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

    lost = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    with DagsterInstance.get() as instance:
        instance.get_dynamic_partitions("agents")  # the event log's tables
        instance.all_instigator_state()  # the schedules' tables
        for run in instance.get_runs(RunsFilter(statuses=lost)):
            instance.report_run_failed(run, "its process was killed; the next batch finishes its work")


def taken(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
