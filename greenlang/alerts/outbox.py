"""The outbox: alerts are kept before they are sent, so that neither a dead server nor a killed process loses one.

``var/alerts/waiting/<id>.json`` is an alert that some channel has not taken; ``var/alerts/taken/<id>.<channel>`` says
that a channel has, for a month: it is not sent there again. What was not taken in a week goes to ``var/alerts/lost/``.

Belongs here: keeping, and trying again. Does not belong here: the channels, noticing that something is wrong.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greenlang.alerts.alert import Alert
from greenlang.alerts.channels import Channel, each_channel
from greenlang.errors import AlertError, AlertRefused
from greenlang.replacing import replacing
from greenlang.settings import Settings

_log = logging.getLogger(__name__)
_WEEK = 7 * 86_400.0
_MONTH = 30 * 86_400.0
_AT_ONCE = 20.0  # seconds: who delivers is a sensor, which Dagster gives a minute
_REFUSALS = 10  # in a row: then it is not the alerts, as where an address is no longer one
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,120}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an alert on a channel; ``why`` it was not taken, empty where it was."""

    alert: str
    channel: str
    why: str = ""


def send(settings: Settings, alert: Alert, *, through: Sequence[Channel] | None = None) -> list[Delivery]:
    """Keep an alert, then deliver all that waits. Nothing is kept where no channel is set.

    Where it cannot be kept, as on a full disk, it is sent all the same. Raises OSError if nobody took it then.
    """
    found = each_channel(settings) if through is None else through
    box = _Box(settings.var / "alerts")
    if not found or all(box.taken(alert.id, one.name) for one in found):
        return []
    try:
        box.keep(alert)
    except OSError as error:
        _log.error("an alert cannot be kept, and is sent at once: %s", error)
        done = [_hand(box, alert, one)[0] for one in found if not box.taken(alert.id, one.name)]
        if all(one.why for one in done):
            raise
        return done
    return deliver(settings, through=found)


def deliver(
    settings: Settings, *, through: Sequence[Channel] | None = None, clock: Callable[[], float] = time.time
) -> list[Delivery]:
    """Try everything that waits, the oldest first, once; one process at a time, others return at once.

    A channel that takes no alert is left alone until the next time; one that refuses an alert is handed the next, until
    it has refused ten in a row. What waits stays where no channel is set. Raises OSError.
    """
    box = _Box(settings.var / "alerts")
    if not box.waiting():
        return []
    found = each_channel(settings) if through is None else through
    if not found:
        return []
    working = list(found)
    refused: Counter[str] = Counter()
    done: list[Delivery] = []
    with box.alone() as mine:
        begin = time.monotonic()
        for file in box.waiting() if mine else ():
            alert = box.read(file)
            if alert is None:
                continue
            missing = {one.name for one in found if not box.taken(alert.id, one.name)}
            for channel in [one for one in working if one.name in missing]:
                if time.monotonic() - begin > _AT_ONCE:
                    return done
                delivery, again = _hand(box, alert, channel)
                done.append(delivery)
                if delivery.why:
                    refused[channel.name] += 1
                else:
                    refused[channel.name] = 0
                    missing.remove(channel.name)
                if not again or refused[channel.name] == _REFUSALS:
                    working.remove(channel)
            box.settle(file, alert.id, missing, clock())
        if mine:
            box.forget(clock())
    return done


def _hand(box: _Box, alert: Alert, channel: Channel) -> tuple[Delivery, bool]:
    """Send an alert on a channel; what became of it, and whether the channel may take another."""
    try:
        remark = channel.send(alert)
    except AlertError as error:
        _log.warning("an alert was not taken: %s", error)
        return Delivery(alert.id, channel.name, str(error)), isinstance(error, AlertRefused)
    if remark:
        _log.warning("an alert was taken: %s", remark)
    box.mark(alert.id, channel.name)
    return Delivery(alert.id, channel.name), True


class _Box:
    """The folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, alert: Alert) -> None:
        """Write it whole, or not at all."""
        target = self.folder / "waiting" / f"{_file(alert.id)}.json"
        with replacing(target) as temporary:
            temporary.write_bytes(alert.kept())

    def waiting(self) -> list[Path]:
        """The alerts that wait, the oldest first."""
        found = [(_written(file), file) for file in (self.folder / "waiting").glob("*.json")]
        return [file for when, file in sorted(found, key=lambda one: (one[0] or 0.0, one[1])) if when is not None]

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
        """A channel took it. Where that cannot be written down it may be sent again, and is not held up."""
        folder = self.folder / "taken"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{_file(alert)}.{channel}").touch()
        except OSError as error:
            _log.error("an alert was taken, and that cannot be noted: %s", error)

    def settle(self, file: Path, alert: str, missing: Collection[str], now: float) -> None:
        """Remove what no channel is missing; put aside what waited too long."""
        if not missing:
            file.unlink(missing_ok=True)
        elif (when := _written(file)) is not None and now - when > _WEEK:
            _log.error("an alert was delivered to nobody in a week: %s", alert)
            self._lose(file)

    def forget(self, now: float) -> None:
        """Forget what was taken long ago."""
        for file in (self.folder / "taken").glob("*"):
            if (when := _written(file)) is not None and now - when > _MONTH:
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


def _written(file: Path) -> float | None:
    """When; None for a file that another process has removed meanwhile."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None


def _file(alert: str) -> str:
    """A name of a file for an id, whatever the id holds."""
    return alert if _PLAIN.fullmatch(alert) else hashlib.sha256(alert.encode()).hexdigest()
