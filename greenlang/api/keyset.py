"""The public keys of an issuer of tokens, from a file or an address.

Belongs here: fetching the set within bounds, when it is fetched again, how long one that is gone is used. Does not
belong here: tokens (`tokens`).

The set is read by a thread of its own: whoever brings a token of a key that is known never waits for it. It is read
again after `FRESH`, and for a key that is new. While it cannot be had, the keys that were had go on for `STALE`.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from greenlang.errors import FetchError

FRESH = 600.0  # seconds for which a key set is used without asking again
STALE = 3600.0  # seconds for which it is used where it cannot be had again
RETRY = 15.0  # least seconds between two questions, however many unknown keys are named
SECONDS = 5.0  # for the whole answer: name, connection, headers, body
MOST_BYTES = 1_000_000
_LEAST_BITS = 2048


class KeySource:
    """The issuer's public keys."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._state = threading.Condition()
        self._keys: dict[str, RSAKey] = {}
        self._had = self._asked = float("-inf")
        self._reading = False
        self._failed = ""

    def key(self, kid: str) -> RSAKey | None:
        """The key of that id; waits for at most `SECONDS`, and only for one that is not known.

        Raises FetchError where the set cannot be had and none was had within `STALE`.
        """
        with self._state:
            known = self._known()
            now = time.monotonic()
            if not self._reading and now - self._asked > RETRY and (now - self._had > FRESH or kid not in known):
                self._reading, self._asked = True, now
                threading.Thread(target=self._read, name="key set", daemon=True).start()
            if kid not in known:
                self._state.wait_for(lambda: not self._reading, SECONDS)
                known = self._known()
            if not known and (self._failed or self._reading):  # told at once: strangers' tokens do not wait in a row
                raise FetchError(self._failed or f"the key set {self.where} does not answer")
            return known.get(kid)

    def _known(self) -> dict[str, RSAKey]:
        return self._keys if time.monotonic() - self._had <= STALE else {}

    def _read(self) -> None:
        keys, failed = {}, "it was broken off"
        try:
            found = KeySet.import_key_set(json.loads(self._bytes()))
            keys = {key.kid: key for key in found if isinstance(key, RSAKey) and key.kid and _good(key)}
            failed = ""
        except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
            failed = str(error) or type(error).__name__
        finally:
            with self._state:
                if not failed:
                    self._keys, self._had = keys, time.monotonic()
                self._failed = f"the key set {self.where} cannot be read: {failed}" if failed else ""
                self._reading = False
                self._state.notify_all()

    def _bytes(self) -> bytes:
        if "://" not in self.where:
            return Path(self.where).read_bytes()
        return asyncio.run(self._fetched())

    async def _fetched(self) -> bytes:
        """The answer; a server that sends a byte now and then is given up as one that sends none."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        body = bytearray()
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(timeout=SECONDS, headers=headers) as client,
            client.stream("GET", self.where) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_raw():
                body += part
                if len(body) > MOST_BYTES:
                    raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
        return bytes(body)


def _good(key: RSAKey) -> bool:
    return key.raw_value.key_size >= _LEAST_BITS and key.as_dict().get("use", "sig") == "sig"
