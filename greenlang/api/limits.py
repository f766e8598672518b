"""How much a caller may ask: requests a minute, bytes of a body, seconds for it to arrive.

Belongs here: counting, and reading a body within bounds. Does not belong here: quotas of a tenant
(`greenlang.registry.tenants`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Receive

from greenlang.api.problems import Problem

BURST_SECONDS = 10  # a bucket holds what may be asked in so long
_MOST = 100_000  # callers that are counted at once


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """A token bucket for each name, filled evenly; a full one holds ten seconds' worth.

    Each process counts for itself, so a rate is divided by the number of processes.
    """

    def __init__(self, *, processes: int = 1) -> None:
        self._processes = processes
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, per_minute: int) -> int:
        """Count one request; how many more there may be at once. Raises Problem 429."""
        rate = per_minute / 60 / self._processes
        size = max(1.0, rate * BURST_SECONDS)
        now = time.monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(size, now)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        bucket.tokens = min(size, bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.tokens < 1 or not per_minute:
            seconds = math.ceil((1 - bucket.tokens) / rate) if rate else 60
            raise Problem(
                429,
                f"more than {per_minute:,} requests a minute",
                kind="rate-limited",
                headers={"Retry-After": str(seconds), **told(per_minute, 0)},
            )
        bucket.tokens -= 1
        return int(bucket.tokens)

    def give_back(self, name: str) -> None:
        """What was taken last did not count."""
        if (bucket := self._buckets.get(name)) is not None:
            bucket.tokens += 1  # `take` holds it to its size


def told(per_minute: int, left: int) -> dict[str, str]:
    """What tells the caller (draft-ietf-httpapi-ratelimit-headers-10)."""
    return {"RateLimit-Policy": f'"requests";q={per_minute};w=60', "RateLimit": f'"requests";r={left}'}


async def whole_body(headers: Headers, receive: Receive, *, most: int, seconds: float) -> bytes | None:
    """The body of a request; None where the client went away. Raises Problem 413 and 408."""
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise _too_large(most)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError as error:
        raise Problem(408, f"the body did not arrive within {seconds:g} seconds", headers=_CLOSE) from error


_CLOSE = {"Connection": "close"}


def _too_large(most: int) -> Problem:
    return Problem(413, f"a request may have {most:,} bytes", headers=_CLOSE)
