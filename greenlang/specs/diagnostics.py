"""A finding about a spec: a value with a stable code and a place in the author's file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``line`` and ``column`` are 1-based; 0 means the file as a whole. ``path`` is dotted.

    ``file`` is set where the finding is in another file than the spec itself: its overlay.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    file: str = ""

    def text(self, name: str = "spec") -> str:
        """``name:line:column: error GLS010: message`` with the hint on a line of its own."""
        name = self.file or name
        where = f"{name}:{self.line}:{self.column}" if self.line else name
        tail = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{where}: {self.severity} {self.code}: {self.message}{tail}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; ``file`` only where it is another one."""
        return {k: v for k, v in asdict(self).items() if k != "file" or v}


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any finding is an error."""
    return any(d.severity == "error" for d in diagnostics)
