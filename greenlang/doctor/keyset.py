"""A key set as text (RFC 7517), looked at without the libraries of the API.

Belongs here: counting. Does not belong here: checking tokens (`greenlang.api.keyset`).
"""

from __future__ import annotations

import json


def count(text: str) -> int:
    """How many RSA keys with a name it holds. Raises ValueError for what is no key set."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list):
        raise ValueError("it is no key set: it has no list `keys`")
    return sum(1 for key in found["keys"] if isinstance(key, dict) and key.get("kty") == "RSA" and key.get("kid"))
