"""The launcher of one machine: runs queue up as files, and one process works through them, tenant after tenant.

``var/launches/<run>/order.json`` is what was asked, ``events.jsonl`` what happened, ``cancelled`` a wish;
``var/launches/queue/<time>-<run>`` stands until the run has ended. The process holds a lock for as long as it lives, so
nobody has to trust a process id; it outlives whoever started it, and a run that it died over is begun anew by the next
one: building is deterministic, and what has an outcome is not built again.

Belongs here: the queue, the process. Does not belong here: what the events mean (`greenlang.launcher`), the line.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from greenlang.errors import GreenlangError, SettingsError
from greenlang.launcher import ENDED, Event, Fold, Order, RunProgress, of_run
from greenlang.settings import SECRETS, Settings
from greenlang.telemetry import process

TRIES = 3  # a run that the process died over so often has failed
_LOOK = 0.3  # seconds between two looks for a wish to end
_REMEMBERED = 256  # runs whose events are not read from the beginning each time
_CANCELLED = "cancelled by its owner"


@dataclass
class _Read:
    """How far a run's events have been read."""

    fold: Fold
    offset: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class LocalLauncher:
    """Runs batches in a process beside this one; see the module. One for each ``var`` is enough, several do no harm."""

    name = "local"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.var / "launches"
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._reads: OrderedDict[str, _Read] = OrderedDict()

    def start(self, order: Order) -> str:
        """Queue a run up; the process is started if none lives. Raises SettingsError where it cannot be started."""
        run = uuid.uuid4().hex
        (self.folder / run).mkdir(parents=True)
        (self.folder / "queue").mkdir(exist_ok=True)
        (self.folder / run / "order.json").write_text(json.dumps(asdict(order)))
        (self.folder / "queue" / f"{time.time_ns():020d}-{run}").touch()
        self.ensure()
        return run

    def progress(self, run: str) -> RunProgress:
        """How far a run is; a process that has died over its queue is started anew by the way."""
        read = self._read(run)
        with read.lock:
            events, read.offset = _events(self.folder / run, read.offset)
            read.fold.add(events)
            told = read.fold.told()
        if told.status not in ENDED:
            self.ensure()
        return told

    def cancel(self, run: str) -> bool:
        """Wish that a run ends. One that is under way ends within a second; a later one is never begun."""
        if self.progress(run).status in ENDED:
            return False
        (self.folder / run / "cancelled").touch()
        self.ensure()
        return True

    def ensure(self) -> None:
        """Start the process if something is queued and none lives."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]
            if not _queue(self.folder):
                return
            with _locked(self.folder) as lock:
                if lock is not None:
                    self._children.append(self._started(lock))

    def wait(self, seconds: float) -> None:
        """Wait for the processes that this launcher started to end. Raises subprocess.TimeoutExpired."""
        for child in self._children:
            child.wait(seconds)

    def _started(self, lock: int) -> subprocess.Popen[bytes]:
        settings = self.settings.model_dump_json(exclude_defaults=True, exclude=set(SECRETS), context={"plain": True})
        command = [sys.executable, "-m", "greenlang.launcher_local", str(lock), str(self.settings.var)]
        try:
            with (self.folder / "log").open("ab") as log:
                started = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),
                    start_new_session=True,  # what ends the API does not end a batch
                )
            assert started.stdin is not None
            with contextlib.suppress(BrokenPipeError), started.stdin as given:
                given.write(settings.encode())  # not an argument: passwords are in it, and everybody can read those
            return started
        except OSError as error:
            raise SettingsError(f"no process can be started for the factory: {error.strerror}") from error

    def _read(self, run: str) -> _Read:
        with self._lock:
            found = self._reads.get(run)
            if found is None:
                found = _Read(Fold(_order(self.folder, run).keys))
                self._reads[run] = found
                while len(self._reads) > _REMEMBERED:
                    self._reads.popitem(last=False)
            self._reads.move_to_end(run)
            return found


def _order(folder: Path, run: str) -> Order:
    """Raises LookupError for a run that is not known."""
    if not run.isalnum():
        raise LookupError(f"there is no run {run}")
    try:
        told: dict[str, Any] = json.loads((folder / run / "order.json").read_bytes())
    except FileNotFoundError:
        raise LookupError(f"there is no run {run}") from None
    return Order(**{**told, "keys": tuple(told["keys"])})


def _events(folder: Path, offset: int) -> tuple[list[Event], int]:
    """Whole lines from ``offset`` on, and where the next begins."""
    try:
        with (folder / "events.jsonl").open("rb") as file:
            file.seek(offset)
            whole, _, _ = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return [], offset
    if not whole:
        return [], offset
    return [json.loads(line) for line in whole.split(b"\n") if line], offset + len(whole) + 1


def _queue(folder: Path) -> list[Path]:
    """What has not ended, the oldest first."""
    try:
        return sorted((folder / "queue").iterdir())
    except FileNotFoundError:
        return []


def ordered(folder: Path, tenant: str) -> int:
    """How many specs of a tenant's orders in ``folder`` have no outcome yet. Starts nothing."""
    left = 0
    for entry in _queue(folder):
        with contextlib.suppress(LookupError, ValueError):  # it ends just now, or was never written whole
            order = _order(folder, _run_of(entry))
            if order.tenant == tenant:
                events, _ = _events(folder / _run_of(entry), 0)
                left += len(set(order.keys) - {event["key"] for event in events if "outcome" in event})
    return left


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int | None]:
    """The lock that the process holds; None where one lives. It passes on to whoever inherits the descriptor."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


# --- the process ----------------------------------------------------------------------------------------------------


class _Runner:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.var / "launches"
        self.last_tenant = ""

    def work(self, lock: int) -> None:
        """Work through the queue; ends when it is empty, and never with something in it that nobody will take up."""
        os.set_inheritable(lock, False)
        while True:
            while waiting := _queue(self.folder):
                self.run(self.next(waiting))
            fcntl.flock(lock, fcntl.LOCK_UN)
            if not _queue(self.folder):
                return
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another process has taken it up

    def next(self, waiting: list[Path]) -> Path:
        """The oldest of a tenant whose turn it was not, or else the oldest."""
        for entry in waiting:
            with contextlib.suppress(LookupError):
                if _order(self.folder, _run_of(entry)).tenant != self.last_tenant:
                    return entry
        return waiting[0]

    def run(self, entry: Path) -> None:
        run = _run_of(entry)
        try:
            order = _order(self.folder, run)
        except (LookupError, ValueError):
            entry.unlink()  # it was never written whole
            return
        self.last_tenant = order.tenant
        begun = sum(event.get("run") == "running" for event in _events(self.folder / run, 0)[0])
        with (self.folder / run / "events.jsonl").open("ab", buffering=0) as file:
            told = _Teller(file.fileno())
            if (self.folder / run / "cancelled").exists():
                told.tell(of_run("cancelled", _CANCELLED))
            elif begun >= TRIES:
                told.tell(of_run("failed", f"the process of the factory died over it {begun} times"))
            else:
                told.tell(of_run("running"))
                watch = threading.Thread(target=self.watch, args=(entry, told), daemon=True)
                watch.start()
                self.build(order, told)
                told.over.set()
                watch.join()
        entry.unlink(missing_ok=True)

    def build(self, order: Order, told: _Teller) -> None:
        from greenlang.factory.orders import carry_out

        try:
            for _ in carry_out(self.settings, order, told.tell):
                pass
            told.tell(of_run("completed"))
        except GreenlangError as error:
            told.tell(of_run("failed", str(error)))
        except Exception as error:  # noqa: BLE001 - a bug of ours ends this run, and the next one is still taken up
            traceback.print_exc()
            told.tell(of_run("failed", f"a fault of GreenLang: {type(error).__name__}: {error}"))

    def watch(self, entry: Path, told: _Teller) -> None:
        """End the process where somebody wishes that its run ends: a kill at any moment loses nothing."""
        wish = self.folder / _run_of(entry) / "cancelled"
        while not told.over.wait(_LOOK):
            if wish.exists() and told.close(of_run("cancelled", _CANCELLED)):
                entry.unlink(missing_ok=True)
                os._exit(0)


class _Teller:
    """Writes events, each in one call, so that whoever reads sees whole lines."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.over = threading.Event()
        self._closed = False

    def tell(self, event: Event) -> None:
        with self._lock:
            if not self._closed:
                self._closed = event.get("run") in ENDED
                os.write(self._descriptor, json.dumps(event, ensure_ascii=False).encode() + b"\n")

    def close(self, event: Event) -> bool:
        """Tell the end, if nobody has told it."""
        with self._lock:
            if self._closed:
                return False
            self._closed = True
            os.write(self._descriptor, json.dumps(event, ensure_ascii=False).encode() + b"\n")
            return True


def _run_of(entry: Path) -> str:
    return entry.name.partition("-")[2]


if __name__ == "__main__":
    _settings = Settings(**json.load(sys.stdin))
    process.start(_settings)
    _Runner(_settings).work(int(sys.argv[1]))
