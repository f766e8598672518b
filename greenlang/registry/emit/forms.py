"""What every form shares: what it refuses, addresses, lines, JSON.

Belongs here: that. Does not belong here: any one form, packs (`greenlang.registry.packs`).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from greenlang.errors import GreenlangError


class NotEmitted(GreenlangError, LookupError):
    """There is nothing true to say in that form: nothing certified, or what was certified is not what lies there."""


class UrlNeeded(GreenlangError, ValueError):
    """A form that names an address, and none was given, or one that is no address."""


def address(url: str) -> str:
    """The URL, if it is one that a client can call. Raises UrlNeeded."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in url):
        raise UrlNeeded(f"{url!r} is no address: give one as https://agents.example.org/boiler")
    return url


def line(text: str, most: int) -> str:
    """A text on one line, of at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"


def pretty(content: Any) -> bytes:
    """JSON as people keep it in files: indented, in the order given, with a line's end."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
