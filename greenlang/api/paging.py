"""Pages of lists: an opaque cursor, and a `Link` header to the next page.

Belongs here: cursors. Does not belong here: what is listed.

A cursor holds the last item's place in the order, not a number of items: what is entered meanwhile neither repeats an
item nor hides one.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from greenlang.api.problems import Problem

Item = TypeVar("Item")
MOST = 1000  # items of a page


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a list that is asked for: how many items, behind which place."""

    request: Request
    response: Response
    cursor: str | None
    limit: int

    def texts(self, number: int) -> list[str] | None:
        """The place, where it is so many texts; None for the first page. Raises Problem 422."""
        if self.cursor is None:
            return None
        place = decoded(self.cursor)
        if len(place) != number or not all(isinstance(part, str) and part.isprintable() for part in place):
            raise _not_ours()
        return place

    def text(self) -> str:
        """The place, where it is one text; "" for the first page. Raises Problem 422."""
        return (self.texts(1) or [""])[0]

    def number(self) -> int | None:
        """The place, where it is one number; None for the first page. Raises Problem 422."""
        if self.cursor is None:
            return None
        place = decoded(self.cursor)
        if len(place) != 1 or type(place[0]) is not int or not 0 <= place[0] < 2**53:
            raise _not_ours()
        number: int = place[0]
        return number

    def cut(self, found: Iterable[Item], place: Callable[[Item], Sequence[Any]]) -> tuple[list[Item], str | None]:
        """The first of what was found behind the place, and the cursor of the next page if there is more."""
        items = list(islice(found, self.limit + 1))
        following = encoded(place(items[self.limit - 1])) if len(items) > self.limit else None
        self.link(following)
        return items[: self.limit], following

    def of(self, items: Sequence[Item], name: Callable[[Item], str]) -> tuple[list[Item], str | None]:
        """The same of a list that lies in memory, in whatever order, and of which nothing is ever taken away."""
        begin = 0
        if self.cursor is not None:
            last = self.text()
            begin = next((number for number, item in enumerate(items, 1) if name(item) == last), -1)
            if begin < 0:
                raise _not_ours()
        return self.cut(items[begin:], lambda item: [name(item)])

    def link(self, following: str | None) -> None:
        """Name the next page in the `Link` header (RFC 8288)."""
        if following is not None:
            query = [(name, value) for name, value in self.request.query_params.multi_items() if name != "cursor"]
            address = f"{self.request.url.path}?{urlencode([*query, ('cursor', following)])}"
            self.response.headers["Link"] = f'<{address}>; rel="next"'


def pages(items: int = MOST, most: int = MOST) -> Any:
    """A dependency that gives the `Page`: so many items unless the request says otherwise."""

    async def asked(
        request: Request,
        response: Response,
        cursor: str | None = Query(None, max_length=1000, description="`next` of the page before; none for the first."),
        limit: int = Query(items, ge=1, le=most, description="Items a page."),
    ) -> Page:
        return Page(request, response, cursor, limit)

    return Depends(asked)


Paged = Annotated[Page, pages()]
"""A page of a list that is short as a rule: a thousand items unless the request says otherwise."""


def encoded(place: Sequence[Any]) -> str:
    """A cursor for a place: texts and numbers."""
    return base64.urlsafe_b64encode(json.dumps(list(place), separators=(",", ":")).encode()).decode().rstrip("=")


def decoded(cursor: str) -> list[Any]:
    """The place of a cursor. Raises Problem 422 for one that is none of ours."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _not_ours() from error
    if not isinstance(place, list) or not all(isinstance(part, (str, int)) for part in place):
        raise _not_ours()
    return place


def _not_ours() -> Problem:
    return Problem(
        422,
        "the cursor is none of ours",
        kind="invalid-request",
        errors=[{"pointer": "/query/cursor", "detail": "take `next` of the page before, unchanged"}],
    )
