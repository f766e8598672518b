"""Mail: an alert as a message, handed to a mail server by SMTP over TLS.

``smtp://name:password@host:587`` begins in the clear and turns to TLS (STARTTLS) before it signs in; a server that has
no TLS is refused. ``smtps://host:465`` is TLS from the first byte. ``smtp://host:25?tls=no`` is for a relay on this
machine that knows no TLS; there is no signing in over it. Certificates are verified; ``SSL_CERT_FILE`` names other
authorities.

Belongs here: the message and its way to the server. Does not belong here: what an alert says.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import SecretStr

from greenlang.alerts.alert import Alert
from greenlang.errors import AlertError, AlertRefused, SettingsError

_SECONDS = 10.0
_FORM = "write smtp://name:password@host:587, smtps://name:password@host:465, or smtp://localhost:25?tls=no"
_PORTS = {"smtp": 587, "smtps": 465}
_TOO_LONG = 552  # also to MAIL FROM, which tells the size (RFC 1870)


@dataclass(frozen=True)
class Mail:
    """Mails alerts to addresses by one server."""

    host: str
    port: int
    tls: Literal["starttls", "always", "no"]
    user: str
    password: SecretStr
    sender: str
    to: tuple[str, ...]
    name: str = field(default="mail")

    @classmethod
    def by(cls, server: SecretStr, sender: str, to: str) -> Mail:
        """The channel of a server's address, a sender and addressees. Raises SettingsError, which tells no password."""
        addresses = [one.strip() for one in to.split(",") if one.strip()]
        for name, address in (("FROM", sender), *(("TO", one) for one in addresses)):
            _checked(name, address)
        try:
            parts = urlsplit(server.get_secret_value())
            port = parts.port
        except ValueError:
            raise _wrong() from None  # its words hold the address
        asked = parse_qs(parts.query, keep_blank_values=True)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.fragment:
            raise _wrong()
        if asked not in ({}, {"tls": ["no"]}) or (asked and parts.scheme == "smtps"):
            raise _wrong()
        if asked and (parts.username or parts.password):
            raise SettingsError("GREENLANG_SMTP_URL signs in without TLS: a password is never sent in the clear")
        return cls(
            parts.hostname,
            port or _PORTS[parts.scheme],
            "no" if asked else "always" if parts.scheme == "smtps" else "starttls",
            unquote(parts.username or ""),
            SecretStr(unquote(parts.password or "")),
            sender,
            tuple(addresses),
        )

    def send(self, alert: Alert) -> str:
        """Hand it to the server; which addresses it refused, where it took others.

        Raises AlertRefused where it refuses this message for good, AlertError where it takes none.
        """
        message = self._message(alert)
        try:
            context = None if self.tls == "no" else ssl.create_default_context()
            if self.tls == "always":
                client: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_SECONDS, context=context)
            else:
                client = smtplib.SMTP(self.host, self.port, timeout=_SECONDS)
            with client:
                if self.tls == "starttls":
                    client.starttls(context=context)
                if self.user:
                    client.login(self.user, self.password.get_secret_value())
                refused = client.send_message(message)
        except smtplib.SMTPResponseException as error:
            told = self._failed(f"it answers {error.smtp_code}")  # its words may hold what was sent
            this = error.smtp_code == _TOO_LONG or (isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500)
            raise (AlertRefused if this else AlertError)(told) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:  # ValueError: letters that no login can carry
            raise AlertError(self._failed(_plain(error))) from None
        return f"the mail server refuses {', '.join(refused)}" if refused else ""

    def _message(self, alert: Alert) -> EmailMessage:
        message = EmailMessage()
        try:
            message["Subject"] = alert.title
            message["From"] = self.sender
            message["To"] = ", ".join(self.to)
            message["Date"] = format_datetime(alert.at)
            message["Message-ID"] = f"<{alert.id}@{Address(addr_spec=self.sender).domain}>"
            message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is to answer it
            message["X-GreenLang-Alert"] = alert.kind
            message.set_content(alert.text())
        except (MessageError, ValueError) as error:
            raise AlertRefused(self._failed(f"the alert {alert.id} makes no message: {error}")) from error
        return message

    def _failed(self, why: str) -> str:
        return f"the mail server {self.host}:{self.port} takes no alert: {why}"


def _plain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it has no STARTTLS, or no way to sign in; `?tls=no` is for a relay on this machine"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it refuses {', '.join(error.recipients)}"
    return type(error).__name__


def _checked(name: str, address: str) -> None:
    try:
        Address(addr_spec=address)
    except (MessageError, ValueError, IndexError) as error:
        raise SettingsError(f"GREENLANG_ALERT_EMAIL_{name}: {address!r} is no address of mail") from error
    if "@" not in address:
        raise SettingsError(f"GREENLANG_ALERT_EMAIL_{name}: {address!r} is no address of mail")


def _wrong() -> SettingsError:
    return SettingsError(f"GREENLANG_SMTP_URL is no address of a mail server: {_FORM}")
