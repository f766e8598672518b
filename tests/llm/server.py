"""A server on loopback that speaks the language of OpenAI's API, and misbehaves as it is told.

Its base URLs carry the provider's name, so that one server plays several: ``http://127.0.0.1:port/<provider>/v1``.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Heard:
    """A request as it came in."""

    provider: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return "\n".join(m["content"] for m in self.body["messages"])


Act = Callable[["_Handler", Heard], None]


def says(text: str, *, prompt: int | None = 100, completion: int = 20, finish: str = "stop", model: str = "") -> Act:
    """A good answer with this text."""

    def act(handler: _Handler, heard: Heard) -> None:
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": (prompt or 0) + completion}
        body = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model or f"{heard.body['model']}-2026-01-01",
            "system_fingerprint": "fp_test",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": finish,
                    "logprobs": None,
                }
            ],
        }
        handler.answer(200, json.dumps(body if prompt is None else {**body, "usage": usage}).encode())

    return act


def fails(status: int, message: str = "no", *, param: str | None = None, **headers: str) -> Act:
    """An error as OpenAI tells it."""

    def act(handler: _Handler, heard: Heard) -> None:
        error = {"error": {"message": message, "type": "error", "param": param, "code": None}}
        handler.answer(status, json.dumps(error).encode(), **headers)

    return act


def garbles(data: bytes = b"<html>maintenance</html>") -> Act:
    """A body that is no answer."""
    return lambda handler, heard: handler.answer(200, data)


def cuts(handler: _Handler, heard: Heard) -> None:
    """Begins an answer and closes the connection."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "4000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "chatcmpl-1", "choices"')
    handler.wfile.flush()
    handler.close_connection = True


def drips(handler: _Handler, heard: Heard) -> None:
    """Sends a byte now and then, so that no single read ever times out."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "4000")
    handler.end_headers()
    until = time.monotonic() + 10  # a bound for the test's sake
    while time.monotonic() < until and not handler.server.stopping.is_set():  # type: ignore[attr-defined]
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            break
        time.sleep(0.05)
    handler.close_connection = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        provider = self.path.strip("/").split("/")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        heard = Heard(provider, self.path, json.loads(self.rfile.read(length)), headers)
        act = self.server.owner.next(heard)  # type: ignore[attr-defined]
        act(self, heard)

    def answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: Provider
    stopping: threading.Event

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hung up is what some tests are about


@dataclass
class Provider:
    """The server: what each provider answers next, and what was asked."""

    script: dict[str, deque[Act]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Act] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._server.stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def base_url(self, provider: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{provider}/v1"

    def then(self, provider: str, *acts: Act) -> None:
        """What the provider does with its next calls; after them, what it does always."""
        self.script[provider].extend(acts)

    def next(self, heard: Heard) -> Act:
        with self._lock:
            self.heard.append(heard)
            if self.script[heard.provider]:
                return self.script[heard.provider].popleft()
            return self.always.get(heard.provider, fails(500, "nothing is scripted"))

    def calls(self, provider: str) -> int:
        return sum(h.provider == provider for h in self.heard)
