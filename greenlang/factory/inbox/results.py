"""What became of the files that one intake looked at.

Belongs here: plain values. Does not belong here: deciding, storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from greenlang.specs.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Accepted:
    """A spec that stands in ``specs/`` now. ``name`` is what its author called the file."""

    key: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that stands in ``rejected/<stored>`` now, beside ``<stored>.report.md`` and ``.json``.

    ``digest`` is empty for a file that was too large to read.
    """

    name: str
    stored: str
    digest: str
    diagnostics: tuple[Diagnostic, ...]

    @property
    def reason(self) -> str:
        """The first error, in one line."""
        errors = [d for d in self.diagnostics if d.severity == "error"]
        return errors[0].message if errors else "refused"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file whose very bytes had been accepted before."""

    key: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """An accepted spec that never was registered, and that a corrected file of its version has followed: it stands in
    ``rejected/`` now. ``by``: the key of the corrected one.
    """

    key: str
    by: str
    refused: Refused


@dataclass(frozen=True, slots=True)
class OverlayTaken:
    """An overlay that stands in ``specs/`` now. ``key`` is that of the spec it is in force for; empty: it ``waits``.

    ``changed`` is False where these very bytes stood there before.
    """

    name: str
    digest: str
    key: str
    changed: bool
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """What one call did, with what it finished of a call that was killed.

    ``waiting``: files that were not touched (still being written, or changed under our hands).
    ``journals`` stay on disk only with ``hold=True``; `close` takes them away.
    """

    accepted: tuple[Accepted, ...] = ()
    refused: tuple[Refused, ...] = ()
    unchanged: tuple[Unchanged, ...] = ()
    replaced: tuple[Replaced, ...] = ()
    overlays: tuple[OverlayTaken, ...] = ()
    waiting: tuple[str, ...] = ()
    journals: tuple[Path, ...] = ()

    def close(self) -> None:
        """Forget the journals: everything that came of these files has been recorded elsewhere."""
        for journal in self.journals:
            journal.unlink(missing_ok=True)
