"""The protocol between supervisor and fork server: a length, a JSON object, and raw bytes where announced.

Belongs here: framing with bounded sizes. Does not belong here: what the messages mean.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

MAX_MESSAGE = 64 * 1024 * 1024
_LENGTH = struct.Struct("!I")


class Broken(Exception):
    """The other side has gone or does not speak the protocol."""


def send(sock: socket.socket, message: dict[str, Any], payload: bytes = b"") -> None:
    """Send one message; ``payload`` travels behind it and is announced as ``payload``. Raises Broken."""
    body = json.dumps({**message, "payload": len(payload)}).encode()
    try:
        sock.sendall(_LENGTH.pack(len(body)) + body + payload)
    except OSError as error:
        raise Broken(f"send failed: {error}") from error


def receive(sock: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Receive one message and its payload. Raises Broken on EOF, on a time-out and on nonsense."""
    size = _LENGTH.unpack(_exactly(sock, _LENGTH.size))[0]
    if size > MAX_MESSAGE:
        raise Broken(f"a message of {size} bytes")
    try:
        message = json.loads(_exactly(sock, size))
    except ValueError as error:
        raise Broken(f"not JSON: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("payload"), int):
        raise Broken("not a message")
    length = message.pop("payload")
    if not 0 <= length <= MAX_MESSAGE:
        raise Broken(f"a payload of {length} bytes")
    return message, _exactly(sock, length)


def _exactly(sock: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        try:
            part = sock.recv(min(1 << 20, count - len(parts)))
        except OSError as error:
            raise Broken(f"receive failed: {error}") from error
        if not part:
            raise Broken("the other side closed the connection")
        parts += part
    return bytes(parts)
