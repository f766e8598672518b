"""One file of the inbox: a spec, an overlay, neither, or not ready.

Belongs here: telling which, and reading it. Does not belong here: what becomes of it (``desk``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from greenlang.bucket import Bucket, Entry
from greenlang.errors import BucketError
from greenlang.factory.inbox import reports
from greenlang.specs import reader
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.overlay import Meant, addressee, is_overlay


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A spec whose form is right."""

    entry: Entry
    data: bytes
    digest: str
    spec: AgentSpec


@dataclass(frozen=True, slots=True)
class OverlayFile:
    """An overlay whose form is right."""

    entry: Entry
    data: bytes
    digest: str
    meant: Meant


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that is refused whatever else there is. ``digest`` is empty where it was too large to be read.

    ``draft``: a spec as far as it could be read.
    """

    entry: Entry
    digest: str
    findings: tuple[Diagnostic, ...]
    outcome: str = "refused"
    overlay: bool = False
    draft: AgentSpec | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """A file that could not be read now: its name, and why if that is known."""

    name: str


def read_file(bucket: Bucket, entry: Entry, limit: int) -> SpecFile | OverlayFile | BadFile | Waits | None:
    """Read a file of at most ``limit`` bytes; None if its owner took it away again."""
    is_yaml = entry.name.lower().endswith((".yaml", ".yml"))
    if entry.size > limit:
        return BadFile(entry, "", (reports.too_large(entry, limit) if is_yaml else reports.no_spec_file(entry),))
    try:
        data = bucket.read(f"inbox/{entry.name}", limit + 1)
    except FileNotFoundError:
        return None
    except BucketError as error:  # other files may be readable; this one is named and waits for its owner
        return Waits(f"{entry.name} ({error})")
    if len(data) != entry.size:
        return Waits(entry.name)
    digest = hashlib.sha256(data).hexdigest()
    if not is_yaml or reports.is_archive(data):
        return BadFile(entry, digest, (reports.no_spec_file(entry, data),))
    try:
        return _parsed(entry, data, digest, limit)
    except Exception as error:  # noqa: BLE001 - one file must not stop the others
        return BadFile(entry, digest, (reports.our_fault(error),), outcome="quarantined")


def _parsed(entry: Entry, data: bytes, digest: str, limit: int) -> SpecFile | OverlayFile | BadFile:
    """What the bytes say it is; the name decides only about a file that is neither."""
    named = is_overlay(entry.name.lower())
    done = None if named else reader.report(data, entry.name, max_bytes=limit)
    if done is not None and done.spec is not None:
        return SpecFile(entry, data, digest, done.spec)
    meant, told = addressee(data, max_bytes=limit)
    if meant is not None:
        return OverlayFile(entry, data, digest, meant)
    if done is None:
        return BadFile(entry, digest, told, overlay=True)
    return BadFile(entry, digest, done.diagnostics, draft=done.draft)
