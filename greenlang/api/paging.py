"""Pages of lists: an opaque cursor, and a `Link` header to the next page.

Belongs here: cursors. Does not belong here: what is listed.

A cursor holds the last item's place in the order, not a number of items: what is entered meanwhile neither repeats an
item nor hides one.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from greenlang.api.problems import Problem

Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before; nothing for the first.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Items a page.")]


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


def decoded_text(cursor: str | None) -> str:
    """The place of a cursor that is one text; "" for none. Raises Problem 422."""
    place = decoded(cursor) if cursor is not None else [""]
    if len(place) != 1 or not isinstance(place[0], str) or not place[0].isprintable():
        raise _not_ours()
    return place[0]


def decoded_number(cursor: str | None) -> int | None:
    """The place of a cursor that is one number; None for none. Raises Problem 422."""
    place = decoded(cursor) if cursor is not None else [None]
    if cursor is not None and (len(place) != 1 or type(place[0]) is not int or not 0 <= place[0] < 2**53):
        raise _not_ours()
    number: int | None = place[0]
    return number


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Name the next page in the `Link` header (RFC 8288)."""
    if cursor is None:
        return
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    response.headers["Link"] = f'<{request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'


def _not_ours() -> Problem:
    return Problem(
        422,
        "the cursor is none of ours",
        kind="invalid-request",
        errors=[{"pointer": "/query/cursor", "detail": "take `next` of the page before, unchanged"}],
    )
