"""The factory's series over HTTP, or as a file, on a machine that has no API.

Belongs here: a small server for one reader, the file. Does not belong here: series (`greenlang.telemetry.factory`), the
API's own /metrics (`greenlang.api.routes.system`).
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import signal
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from greenlang.errors import SettingsError
from greenlang.settings import Settings
from greenlang.telemetry.exposition import CONTENT_TYPE
from greenlang.telemetry.factory import FactorySeries

_LEAST_TOKEN = 16
_SECONDS = 10.0  # a reader that sends or takes nothing for so long is let go


class Served:
    """A server for /metrics, bound when it is made. ``with Served(...) as served: served.run()``.

    Raises SettingsError where it would serve others than this machine without a token, and OSError for its address.
    """

    def __init__(self, settings: Settings, host: str, port: int, token_file: Path | None = None) -> None:
        token = _token(token_file)
        if not token and not _loopback(host):
            raise SettingsError(
                f"{host} can be reached from elsewhere: name a file with a token by --token-file, or use 127.0.0.1"
            )
        series = FactorySeries(settings)

        class Handler(_Handler):
            def text(self) -> str:
                return series.text()

            def may(self) -> bool:
                given = self.headers.get("Authorization", "")
                return not token or hmac.compare_digest(given.encode(), f"Bearer {token}".encode())

        self._server = (_Server6 if ":" in host else ThreadingHTTPServer)((host, port), Handler)
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._server.server_address[1]}"

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM, or until `stop`."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: self.stop())
        self._server.serve_forever(poll_interval=0.2)

    def stop(self) -> None:
        """End `run`, from a signal or another thread."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()


class _Server6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS
    server_version, sys_version = "greenlang", ""

    def do_GET(self) -> None:
        """One scrape."""
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, "only /metrics is here")
        elif not self.may():
            self.send_error(HTTPStatus.UNAUTHORIZED, "send the token: Authorization: Bearer ...")
        else:
            try:
                body = self.text().encode()
            except OSError:
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "the tables cannot be read now")
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def text(self) -> str:
        """The series."""
        raise NotImplementedError

    def may(self) -> bool:
        """Whether the reader may read."""
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not logged."""


def written(settings: Settings, file: Path) -> None:
    """Write the series to a file, which is replaced in one step. Raises OSError."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(FactorySeries(settings).text())
        temporary.chmod(0o644)  # node_exporter runs as somebody else
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the token cannot be read: {file}") from error
    if len(token) < _LEAST_TOKEN:
        raise SettingsError(f"the token in {file} is shorter than {_LEAST_TOKEN} characters")
    return token


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
