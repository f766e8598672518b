"""A spec as it was found, with its overlay: names and bytes, and reading them.

Belongs here: the two files as one thing. Does not belong here: where they were found (``greenlang.factory.inbox``).
"""

from __future__ import annotations

from dataclasses import dataclass

from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read


@dataclass(frozen=True, slots=True)
class SpecSource:
    """A spec file's name and bytes, and those of the reviewed overlay in force for it, if there is one."""

    name: str
    data: bytes
    overlay: bytes | None = None
    overlay_name: str = ""

    def read(self, max_bytes: int) -> tuple[AgentSpec | None, tuple[Diagnostic, ...]]:
        """The spec, merged with its overlay, and all findings; None if any is an error."""
        return read(self.data, self.name, overlay=self.overlay, overlay_name=self.overlay_name, max_bytes=max_bytes)
