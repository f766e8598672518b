"""What a process of the API leaves for the others every few seconds: how it answered.

Belongs here: when. Does not belong here: what (`greenlang.telemetry.requests`).
"""

from __future__ import annotations

import asyncio
import logging

from anyio.to_thread import run_sync

from greenlang.telemetry.requests import SHARE_SECONDS, Requests

_log = logging.getLogger("greenlang.api")


async def shared(requests: Requests) -> None:
    """Share the figures until this is cancelled; then take them back."""
    try:
        while True:
            await asyncio.sleep(SHARE_SECONDS)
            try:
                await run_sync(requests.share, requests.taken())
            except OSError as error:  # a full disk: the figures of this process are told by itself alone
                _log.warning("the figures of the API cannot be shared: %s", error)
            except Exception:  # noqa: BLE001 - it is in the log, and the next time may do
                _log.exception("the figures of the API cannot be shared")
    finally:
        requests.leave()
