"""The outbox: alerts are kept before they are sent, so that neither a dead server nor a killed process loses one.

``var/alerts/waiting/<id>.json`` is an alert that some channel has not taken; ``var/alerts/taken/<id>.<channel>`` says
that a channel has, for a month: it is not sent there again. What was not taken in a week goes to ``var/alerts/lost/``.

Belongs here: keeping, and trying again. Does not belong here: the channels, noticing that something is wrong.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greenlang.alerts.alert import Alert
from greenlang.alerts.channels import Channel, channels
from greenlang.errors import AlertError
from greenlang.settings import Settings

_log = logging.getLogger(__name__)
_WEEK = 7 * 86_400.0
_MONTH = 30 * 86_400.0
_AT_ONCE = 20.0  # seconds: who delivers is a sensor, which Dagster gives a minute
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,120}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an alert on a channel; ``why`` it was not taken, empty where it was."""

    alert: str
    channel: str
    why: str = ""


def send(settings: Settings, alert: Alert, *, through: Sequence[Channel] | None = None) -> list[Delivery]:
    """Keep an alert, then deliver all that waits. Nothing is kept where no channel is set.

    Raises SettingsError for channels that cannot be used, OSError where nothing can be kept.
    """
    found = channels(settings) if through is None else through
    box = _Box(settings.var / "alerts")
    if not found or all(box.taken(alert.id, one.name) for one in found):
        return []
    box.keep(alert)
    return deliver(settings, through=found)


def deliver(
    settings: Settings, *, through: Sequence[Channel] | None = None, clock: Callable[[], float] = time.time
) -> list[Delivery]:
    """Try everything that waits, the oldest first, once; one process at a time, others return at once.

    A channel that failed is left alone until the next time. Raises SettingsError, OSError.
    """
    box = _Box(settings.var / "alerts")
    waiting = box.waiting()
    if not waiting:
        return []
    found = channels(settings) if through is None else through
    names = [one.name for one in found]
    working = list(found)
    done: list[Delivery] = []
    with box.alone() as mine:
        begin = time.monotonic()
        for file in box.waiting() if mine else ():
            alert = box.read(file)
            if alert is None:
                continue
            for channel in [one for one in working if not box.taken(alert.id, one.name)]:
                if time.monotonic() - begin > _AT_ONCE:
                    return done
                try:
                    remark = channel.send(alert)
                except AlertError as error:
                    _log.warning("an alert waits: %s", error)
                    done.append(Delivery(alert.id, channel.name, str(error)))
                    working.remove(channel)
                else:
                    if remark:
                        _log.warning("an alert was taken: %s", remark)
                    box.mark(alert.id, channel.name)
                    done.append(Delivery(alert.id, channel.name))
            box.settle(file, alert.id, names, clock())
        box.forget(clock())
    return done


class _Box:
    """The folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, alert: Alert) -> None:
        """Write it whole, or not at all."""
        target = self.folder / "waiting" / f"{_file(alert.id)}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_bytes(alert.body())
        temporary.replace(target)

    def waiting(self) -> list[Path]:
        """The alerts that wait, the oldest first."""
        found = [(file.stat().st_mtime, file) for file in (self.folder / "waiting").glob("*.json")]
        return [file for _, file in sorted(found)]

    def read(self, file: Path) -> Alert | None:
        """The alert; None for a file that holds none, which is put aside."""
        try:
            return Alert.load(file.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            _log.warning("%s holds no alert", file)
            self._lose(file)
            return None

    def taken(self, alert: str, channel: str) -> bool:
        """Whether a channel took the alert."""
        return (self.folder / "taken" / f"{_file(alert)}.{channel}").exists()

    def mark(self, alert: str, channel: str) -> None:
        """A channel took it."""
        folder = self.folder / "taken"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{_file(alert)}.{channel}").touch()

    def settle(self, file: Path, alert: str, names: Sequence[str], now: float) -> None:
        """Remove what every channel took; put aside what waited too long."""
        if all(self.taken(alert, name) for name in names):
            file.unlink(missing_ok=True)
        elif now - file.stat().st_mtime > _WEEK:
            _log.error("an alert was delivered to nobody in a week: %s", alert)
            self._lose(file)

    def forget(self, now: float) -> None:
        """Forget what was taken long ago."""
        for file in (self.folder / "taken").glob("*"):
            if now - file.stat().st_mtime > _MONTH:
                file.unlink(missing_ok=True)

    def _lose(self, file: Path) -> None:
        lost = self.folder / "lost"
        lost.mkdir(parents=True, exist_ok=True)
        file.replace(lost / file.name)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else delivers now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def _file(alert: str) -> str:
    """A name of a file for an id, whatever the id holds."""
    return alert if _PLAIN.fullmatch(alert) else hashlib.sha256(alert.encode()).hexdigest()
