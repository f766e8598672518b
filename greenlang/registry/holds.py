"""What a build was entered with, as one digest: it is signed with the first step of its life.

Its row and its pins are evidence of every later decision; whoever changes them behind the registry's back would change
what was judged. Belongs here: that digest. Does not belong here: comparing it (`verify`), the step (`steps`).
"""

from __future__ import annotations

from collections.abc import Iterable

from greenlang.provenance import bytes_digest, canonical
from greenlang.registry.entry import Build, Pin, RegistryEntry
from greenlang.registry.rows import BUILD

HOLDS = "holds"  # its name in the evidence of the first step


def holds(build: Build | RegistryEntry, pins: Iterable[Pin]) -> str:
    """SHA-256 over what a build's row says, and what it pins."""
    pinned = sorted({(pin.kind, pin.ref, pin.digest) for pin in pins})
    said = {name: getattr(build, name) for name in BUILD}
    return bytes_digest(canonical({**said, "judgement": dict(build.judgement), "pins": [list(one) for one in pinned]}))
