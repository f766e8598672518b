"""What gates find, and how it stands against the reviewed list.

Belongs here: the shapes. Does not belong here: any check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Decision = Literal["keep", "exclude", ""]


@dataclass(frozen=True, slots=True)
class Finding:
    """One suspicion about one row. ``gate`` and ``key`` identify it; ``decision`` comes from the reviewed list.

    keep: the publisher's figure is right, or harmless; exclude: the row stays catalogued, and is never eligible.
    """

    gate: str
    key: str
    message: str
    decision: Decision = ""
    reason: str = ""
    seen: str = ""  # the figures that the finding is about: a decision holds for these only
    against: str = ""  # the editions it was compared with, where these may be missing
    also: str = ""  # keys of rows that stand or fall with this one, such as the whole of a part

    @property
    def id(self) -> str:
        """``gate key``."""
        return f"{self.gate} {self.key}"

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Report:
    """All findings; ``compared`` are the keys that some gate could compare with something."""

    findings: tuple[Finding, ...]
    compared: frozenset[str] = frozenset()
    vanished: tuple[str, ...] = ()  # reviewed findings that ought to be found here, and are not
    examined: Mapping[str, int] = field(default_factory=dict)  # gate -> rows that it compared
    kept: bool = field(default=False, compare=False)  # found before about the same rows by the same rules, and kept

    @property
    def open(self) -> tuple[Finding, ...]:
        """Findings that nobody has decided on: they block a release."""
        return tuple(finding for finding in self.findings if not finding.decision)

    @property
    def excluded(self) -> dict[str, str]:
        """Key -> finding, of the rows that are kept out, those included that fall with another."""
        out = [f for f in self.findings if f.decision == "exclude"]
        fallen = {key: f.id for f in out for key in f.also.split(", ") if key}
        return fallen | {f.key: f.id for f in out}

    def sentence(self) -> str:
        """Why a release is blocked, for people."""
        parts = []
        if self.open:
            shown = "; ".join(f"{f.gate}: {f.key}: {f.message}" for f in self.open[:5])
            parts.append(f"{len(self.open)} findings that nobody has reviewed: {shown}")
        if self.vanished:
            parts.append(f"{len(self.vanished)} reviewed findings are gone: {'; '.join(self.vanished[:5])}")
        return ". ".join(parts)
