"""Something that is not as it should be, as a value: where, what, and what mends it.

Belongs here: the value. Does not belong here: checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """``rule`` names what was asked, ``place`` where it was not met, ``mend`` what to do."""

    rule: str
    place: str
    message: str
    mend: str = ""
    severity: Literal["error", "warning"] = "error"

    def as_dict(self) -> dict[str, str]:
        """Plain values for JSON."""
        names = ("rule", "place", "message", "mend", "severity")
        return {name: getattr(self, name) for name in names}
