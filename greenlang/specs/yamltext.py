"""Plain values -> YAML as a person writes it: one mapping a line where it fits, numbers digit for digit.

Belongs here: layout. Does not belong here: what is written. The same values always give the same text.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from textwrap import wrap
from typing import Any

WIDTH = 118
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./()*+<>^-]*(?: [A-Za-z0-9_./()*+<>^=&%-]+)*\Z", re.ASCII)
_WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})  # of YAML 1.1 as well


def block(value: dict[str, Any], depth: int = 0) -> str:
    """A mapping, a key a line; ends with a line break."""
    return "".join(f"{line}\n" for line in _mapping(value, depth, top=depth == 0))


def scalar(value: Any) -> str:
    """One value on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value).lower()
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no value of a spec")
    if _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    return quoted(value)


def quoted(text: str) -> str:
    """A text in JSON's quotes, with YAML's own escapes for signs that it refuses or breaks lines at."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in written)


def flow(value: Any) -> str:
    """A value on one line, whatever it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return scalar(value)


def _mapping(value: dict[str, Any], depth: int, *, top: bool) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    for key, item in value.items():
        start = f"{pad}{scalar(key)}:"
        if not isinstance(item, dict | list | tuple) or not item:
            lines += _line(start, item, depth + 1)
            continue
        short = f"{start} {flow(item)}"
        if len(short) <= WIDTH and not (top and isinstance(item, dict)) and _shallow(item):
            lines.append(short)
        elif isinstance(item, dict):
            lines += [start, *_mapping(item, depth + 1, top=False)]
        else:
            lines += [start, *_sequence(item, depth + 1)]
    return lines


def _line(start: str, item: Any, depth: int) -> list[str]:
    """One value behind its key; a long text is folded over several lines."""
    short = f"{start} {flow(item)}"
    if len(short) <= WIDTH or not isinstance(item, str) or not _foldable(item):
        return [short]
    pad = "  " * depth
    return [f"{start} >-", *wrap(item, WIDTH, initial_indent=pad, subsequent_indent=pad, **_WHOLE_WORDS)]


def _foldable(text: str) -> bool:
    """Whether folding gives the very text back: single spaces, nothing that is no printed character."""
    return text == " ".join(text.split()) and text.isprintable()


def _sequence(values: Any, depth: int) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    for item in values:
        short = f"{pad}- {flow(item)}"
        if not isinstance(item, dict) or (len(short) <= WIDTH and _shallow(item)):
            lines.append(short)
            continue
        inner = _mapping(item, depth + 1, top=False)
        lines += [f"{pad}- {inner[0].lstrip()}", *inner[1:]]
    return lines


def _shallow(value: Any) -> bool:
    """Whether a mapping or list holds single values, or mappings of such, only: then one line can be read."""
    inside = value.values() if isinstance(value, dict) else value
    return not any(isinstance(v, dict | list) and _deep(v) for v in inside)


def _deep(value: Any) -> bool:
    return any(isinstance(v, dict) for v in (value.values() if isinstance(value, dict) else value))
