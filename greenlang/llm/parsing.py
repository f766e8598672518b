"""A reply's text -> a typed value, or sentences that say what is wrong with it.

Belongs here: finding the JSON in a text, validation, and telling its errors. Does not belong here: asking again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

Reply = TypeVar("Reply", bound=BaseModel)

MAX_REPLY = 400_000  # characters; longer ones are not read
_FENCE = re.compile(r"^[ \t]*```[\w-]*[ \t]*\n(?P<body>.*?)\n[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_MOST = 12


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Reply]):
    """A value, or why there is none."""

    value: Reply | None
    problems: tuple[str, ...] = ()


def parse(text: str, reply: type[Reply]) -> Parsed[Reply]:
    """The JSON object in the text that is of the type; else the problems of the first JSON object.

    Two that differ are no answer: a reply that repeats a text of the spec must not let that text answer.
    """
    if len(text) > MAX_REPLY:
        return Parsed(None, (f"the reply is longer than {MAX_REPLY} characters",))
    problems: tuple[str, ...] = ()
    value: Reply | None = None
    for found in _objects(text):
        try:
            read = reply.model_validate_json(json.dumps(found))
        except ValidationError as error:
            problems = problems or _told(error)
            continue
        if value is not None and read != value:
            return Parsed(None, ("the reply holds several JSON objects that differ",))
        value = read
    if value is not None:
        return Parsed(value)
    return Parsed(None, problems or ("the reply holds no JSON object",))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects: the whole text, what stands in fences, then what begins at the first braces."""
    candidates = [text, *(m["body"] for m in _FENCE.finditer(text))]
    decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_once)
    for candidate in candidates:
        stripped = candidate.strip()
        if stripped.startswith("{"):
            found = _decoded(decoder, stripped)
            if found is not None and found[1] == len(stripped):
                yield found[0]
                if candidate is text:
                    return
    at = text.find("{")
    for _ in range(_MOST):
        if at < 0:
            return
        found = _decoded(decoder, text[at:])
        if found is not None:
            yield found[0]
        at = text.find("{", at + (found[1] if found else 1))


def _decoded(decoder: json.JSONDecoder, text: str) -> tuple[dict[str, Any], int] | None:
    try:
        value, end = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return (value, end) if isinstance(value, dict) else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _told(error: ValidationError) -> tuple[str, ...]:
    """Sentences without the value (it may be long) and without the library's address."""
    sentences = [
        f"{'.'.join(str(part) for part in e['loc']) or 'the reply'}: {e['msg']}"
        for e in error.errors(include_url=False, include_input=False)
    ]
    rest = len(sentences) - _MOST
    return tuple(sentences[:_MOST]) + ((f"and {rest} more",) if rest > 0 else ())
