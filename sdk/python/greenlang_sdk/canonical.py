"""Canonical JSON (RFC 8785) and SHA-256, with decimals as strings in their normal form.

Two values are the same if and only if their bytes are.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from decimal import Decimal

from greenlang_sdk.decimals import normal_text
from greenlang_sdk.errors import CanonicalError

_SAFE = 2**53 - 1
_MOST = 1000  # orders of keys that are kept, and characters of the keys of one
_orders: dict[tuple[object, ...], tuple[tuple[str, str], ...]] = {}
_quote = json.encoder.encode_basestring


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of None, bool, int, float, str, Decimal, lists, tuples and mappings with text keys.

    Raises CanonicalError for anything else, for NaN and infinity, and for integers beyond 2**53 - 1 (which JSON
    readers would change).
    """
    try:
        return _text(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError("text with a lone surrogate") from error


def digest(value: object) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _text(value: object) -> str:
    # what most values are is asked for first: much of a run goes into this function
    kind = type(value)
    if kind is str:
        return _quote(value)  # type: ignore[arg-type]
    if kind is Decimal:
        return f'"{normal_text(value)}"'  # type: ignore[arg-type]
    if kind is dict:
        return _mapping(value)  # type: ignore[arg-type]
    if kind is list or kind is tuple:
        return "[" + ",".join(map(_text, value)) + "]"  # type: ignore[call-overload]
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _quote(value)
        case Decimal():
            return f'"{normal_text(value)}"'
        case int():
            if abs(value) > _SAFE:
                raise CanonicalError(f"{value} is beyond the whole numbers that JSON keeps")
            return str(int(value))
        case float():
            return _number(value)
        case Mapping():
            return _mapping(value)
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
    raise CanonicalError(f"{type(value).__name__} has no canonical JSON")


def _mapping(value: Mapping[str, object]) -> str:
    names = tuple(value)
    parts = []
    for key, name in _orders.get(names) or _order(names):
        part = value[key]
        kind = type(part)
        if kind is str:
            parts.append(name + _quote(part))  # type: ignore[arg-type]
        elif kind is Decimal:
            parts.append(f'{name}"{normal_text(part)}"')  # type: ignore[arg-type]
        else:
            parts.append(name + _text(part))
    return "{" + ",".join(parts) + "}"


def _order(names: tuple[object, ...]) -> tuple[tuple[str, str], ...]:
    """Keys as RFC 8785 sorts them, each with its text. The same few sets of keys come again and again: they stay."""
    keys = [name for name in names if isinstance(name, str)]
    if len(keys) != len(names):
        raise CanonicalError("keys of a mapping are text")
    # RFC 8785 sorts by UTF-16 code units, which differs from code points beyond the basic plane
    keys.sort(key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    order = tuple((key, f"{_quote(key)}:") for key in keys)
    if len(_orders) < _MOST and sum(map(len, keys)) <= _MOST:
        _orders[names] = order
    return order


def _number(value: float) -> str:
    """A double as ECMAScript prints it."""
    if not math.isfinite(value):
        raise CanonicalError("NaN and infinity have no JSON")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if 0 < point <= 21:
        body = text.ljust(point, "0") if exponent >= 0 else f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = "0." + "0" * -point + text
    else:
        tail = f".{text[1:]}" if len(text) > 1 else ""
        body = f"{text[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return ("-" if sign else "") + body
