"""A request as a value: where it goes, what it carries, how its answer is read.

Belongs here: the value, and what the modules of requests share. Does not belong here: sending (`sending`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from greenlang.registry import RegistryEntry

T = TypeVar("T")
Document = dict[str, Any]

REGISTRY, FACTORY, API = "/api/v1/registry", "/api/v1/factory", "/api/v1"
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and how its answer is read.

    ``refused`` reads refusals that are an answer, too: the end of a problem's type -> the answer in the problem.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: bytes | None = None  # a zip, instead of a JSON body
    binary: bool = False  # the answer is bytes, not JSON
    refused: Mapping[str, Callable[[Document], T]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list; ``next`` is the cursor of the following page, empty for the last."""

    items: tuple[T, ...]
    next: str = ""

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def given(**params: str | int | bool | datetime | None) -> dict[str, str | int]:
    """Parameters without those that say nothing."""
    said: dict[str, str | int] = {}
    for name, value in params.items():
        if isinstance(value, bool):
            said |= {name: "true"} if value else {}
        elif isinstance(value, datetime):
            said[name] = value.isoformat()
        elif value not in ("", None):
            said[name] = value
    return said


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="@")


def named(ref: str, end: str = "", *, below: str = f"{REGISTRY}/agents") -> tuple[str, dict[str, str | int]]:
    """The path of an agent ``id@version``, and a build's ``#digest`` as a parameter."""
    name, _, digest = ref.partition("#")
    return f"{below}/{quote(name, safe='/@')}{end}", given(digest=digest)


def document(told: Any) -> Document:
    """An object, moments of UTC as Python writes them."""
    if not isinstance(told, dict):
        raise TypeError("an object was expected")
    return {name: _moments(value) for name, value in told.items()}


def listed(read: Callable[[Any], T], name: str = "items") -> Callable[[Any], Page[T]]:
    """How a page of such things is read."""
    return lambda told: Page(tuple(read(one) for one in told[name]), told.get("next") or "")


def entry(told: Any) -> RegistryEntry:
    """A version of an agent."""
    from greenlang.registry import RegistryEntry

    return RegistryEntry.of(told)


def _moments(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value[:-1]}+00:00" if value.endswith("Z") and _UTC.fullmatch(value) else value
    if isinstance(value, dict):
        return {name: _moments(one) for name, one in value.items()}
    return [_moments(one) for one in value] if isinstance(value, list) else value
