"""How people name an agent, a version, a build: ``id``, ``id@version``, ``id@version#1a2b3c``.

Belongs here: reading and writing such names. Does not belong here: what bears one (`named`), ranges of versions
(`versions`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from greenlang.errors import ReferenceInvalid

_FORM = re.compile(
    r"(?P<agent>[A-Za-z0-9_][A-Za-z0-9_./-]*)"
    r"(?:@(?P<version>[0-9A-Za-z][0-9A-Za-z.+-]*))?"
    r"(?:#(?P<digest>[0-9a-f]{6,64}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """``agent_id``; where they are said, ``version`` and the first 6 to 64 digits of the pack's digest, else empty."""

    agent_id: str
    version: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``id``, ``id@version`` or ``id@version#digest``. Raises ReferenceInvalid, which tells the form."""
        match = _FORM.fullmatch(text.strip())
        if match is None or (match["digest"] and not match["version"]):
            raise ReferenceInvalid(
                f"`{text}` names no agent version: write id@version as in heat/boiler@1.2.0, and #1a2b3c (6 or more "
                "digits of the pack's digest) behind it for one build of that version"
            )
        return cls(match["agent"], match["version"] or "", match["digest"] or "")

    def __str__(self) -> str:
        version = f"@{self.version}" if self.version else ""
        return f"{self.agent_id}{version}{f'#{self.digest}' if self.digest else ''}"
