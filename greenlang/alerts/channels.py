"""The channels that the settings name, with their secrets: read from the environment or from files, and never shown.

Belongs here: from settings to channels, trying them out. Does not belong here: how each sends (`webhook`, `mail`).
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from greenlang.alerts.alert import Alert
from greenlang.alerts.mail import Mail
from greenlang.alerts.webhook import Webhook
from greenlang.errors import AlertError, SettingsError
from greenlang.settings import Settings


class Channel(Protocol):
    """A way for alerts to somebody. Its repr tells no secret."""

    @property
    def name(self) -> str:
        """What it is called where deliveries are told."""

    def send(self, alert: Alert) -> str:
        """Deliver an alert; what is to be mended although it was taken. Raises AlertRefused where it answers and takes
        this one not, AlertError where it takes none. Neither tells a secret.
        """


@dataclass(frozen=True)
class Broken:
    """A channel whose settings cannot be used: it takes nothing, and says why."""

    name: str
    why: str

    def send(self, alert: Alert) -> str:
        """Raises AlertError."""
        raise AlertError(self.why)


def channels(settings: Settings) -> list[Channel]:
    """The channels, none where none is set. Raises SettingsError for settings that cannot be used."""
    return [one for load in _KINDS.values() if (one := load(settings)) is not None]


def each_channel(settings: Settings) -> list[Channel]:
    """The channels, each read by itself: one whose settings cannot be used is `Broken`, and silences no other."""
    found: list[Channel] = []
    for name, load in _KINDS.items():
        try:
            one = load(settings)
        except SettingsError as error:
            one = Broken(name, str(error))
        if one is not None:
            found.append(one)
    return found


def _webhook(settings: Settings) -> Channel | None:
    url = _secret("GREENLANG_ALERT_WEBHOOK", settings.alert_webhook, settings.alert_webhook_file)
    if url is None:
        return None
    key = _secret("GREENLANG_ALERT_WEBHOOK_KEY", settings.alert_webhook_key, settings.alert_webhook_key_file)
    return Webhook.at(url, key)


def _mail(settings: Settings) -> Channel | None:
    if not settings.alert_email_to.strip():
        return None
    server = _secret("GREENLANG_SMTP_URL", settings.smtp_url, settings.smtp_url_file)
    if server is None:
        raise SettingsError("GREENLANG_ALERT_EMAIL_TO is set, and GREENLANG_SMTP_URL names no mail server")
    sender = settings.alert_email_from or f"greenlang@{socket.gethostname()}"
    return Mail.by(server, sender, settings.alert_email_to)


_KINDS: dict[str, Callable[[Settings], Channel | None]] = {"webhook": _webhook, "mail": _mail}


def try_out(settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dict[str, str]:
    """Send a test message on every channel, at once: channel -> why it failed, empty where it arrived.

    A channel whose settings cannot be used says so, and the others are tried. Raises SettingsError where none is set.
    """
    found = each_channel(settings)
    if not found:
        raise SettingsError(
            "no channel is set: GREENLANG_ALERT_WEBHOOK, or GREENLANG_ALERT_EMAIL_TO and GREENLANG_SMTP_URL"
        )
    alert = Alert(
        f"test-{secrets.token_hex(8)}",
        "test",
        "GreenLang: a test of the alerts",
        now(),
        facts={"machine": socket.gethostname()},
        detail="Somebody asked for this message by `greenlang factory alert-test`. Nothing is wrong.",
    )
    told: dict[str, str] = {}
    for channel in found:
        try:
            told[channel.name] = channel.send(alert)
        except AlertError as error:
            told[channel.name] = str(error)
    return told


def _secret(name: str, given: SecretStr | None, file: Path | None) -> SecretStr | None:
    """The secret itself, or what its file holds; None where neither is set."""
    if given is not None and given.get_secret_value().strip():
        return SecretStr(given.get_secret_value().strip())
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE names a file that cannot be read: {file}") from error
    return SecretStr(text) if text else None
