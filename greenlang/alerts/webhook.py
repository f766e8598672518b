"""Webhook: an alert as a POST of JSON, signed as Standard Webhooks says.

Headers ``webhook-id`` (the alert's id), ``webhook-timestamp`` and, with a key, ``webhook-signature``: ``v1,`` and the
base64 of HMAC-SHA256 over ``<id>.<timestamp>.<body>`` (https://github.com/standard-webhooks/standard-webhooks). The
body has a ``text``, which is what Slack's and Mattermost's incoming webhooks show.

Belongs here: that request, and trying it again. Does not belong here: what an alert says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from greenlang.alerts.alert import Alert
from greenlang.errors import AlertError, AlertRefused, SettingsError

_WAITS = (0.5, 2.0)  # seconds between the three attempts; what fails then waits in the outbox
_TIMEOUT = httpx.Timeout(4.0)
_PREFIX = "whsec_"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOO_LONG = 413


@dataclass(frozen=True)
class Webhook:
    """Posts alerts to one address, which is a secret itself: many services put their key into it."""

    url: SecretStr
    key: bytes = field(repr=False)
    host: str
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    name: str = "webhook"

    @classmethod
    def at(cls, url: SecretStr, key: SecretStr | None) -> Webhook:
        """The channel of an address and a key (``whsec_`` and base64, or any text). Raises SettingsError."""
        try:
            parts = urlsplit(url.get_secret_value())
            host = parts.hostname if parts.scheme in {"http", "https"} else None
            port = parts.port
        except ValueError:
            host, port = None, None
        if not host:
            raise SettingsError("GREENLANG_ALERT_WEBHOOK is no address: it begins with https:// or http://, and a host")
        return cls(url, _key(key), f"{host}:{port}" if port else host)

    def send(self, alert: Alert) -> str:
        """Post it, three times at most, and shortened where it is too long; that it was. Redirects are not followed.

        Raises AlertRefused for an answer that is about this alert, AlertError for no answer, 5xx, 408, 425 and 429.
        """
        remark = ""
        with _unsaid(self.url), httpx.Client(timeout=_TIMEOUT, follow_redirects=False) as client:
            status = self._post(client, alert)
            if status == _TOO_LONG and (short := alert.shortened()) != alert:
                status = self._post(client, short)
                remark = f"it was too long for the webhook at {self.host}, and went shortened"
        if 200 <= status < 300:
            return remark
        wrong = AlertError if status >= 500 else AlertRefused
        raise wrong(self._failed(f"it answers {status}"))

    def _post(self, client: httpx.Client, alert: Alert) -> int:
        """The status of the answer, once it is one that another attempt would not change."""
        body = alert.body()
        why = ""
        for wait in (*_WAITS, None):
            try:
                headers = self._headers(alert, body)
                status = client.post(self.url.get_secret_value(), content=body, headers=headers).status_code
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                why = type(error).__name__  # its own words may hold the address
            else:
                if status not in _AGAIN:
                    return status
                why = f"it answers {status}"
            if wait is not None:
                self.sleep(wait)
        raise AlertError(self._failed(why))

    def _failed(self, why: str) -> str:
        return f"the webhook at {self.host} takes no alert: {why}"

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        moment = str(int(self.clock()))
        headers = {"content-type": "application/json", "webhook-id": alert.id, "webhook-timestamp": moment}
        if self.key:
            signed = hmac.new(self.key, f"{alert.id}.{moment}.".encode() + body, hashlib.sha256).digest()
            headers["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
        return headers


@contextmanager
def _unsaid(url: SecretStr) -> Iterator[None]:
    """httpx logs each request with its address: meanwhile not those of ours."""

    def other(record: logging.LogRecord) -> bool:
        return url.get_secret_value() not in record.getMessage()

    logger = logging.getLogger("httpx")
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def _key(key: SecretStr | None) -> bytes:
    text = key.get_secret_value() if key else ""
    if not text.startswith(_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise SettingsError("GREENLANG_ALERT_WEBHOOK_KEY begins with whsec_, and what follows is no base64") from error
