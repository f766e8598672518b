"""What `run()` returns: data or typed errors, citations, and the digest of the calculation chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from greenlang_sdk.canonical import canonical
from greenlang_sdk.errors import AgentError
from greenlang_sdk.models import plain

__all__ = ["AgentError", "AgentResult", "Citation", "Step"]

OutT = TypeVar("OutT")


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a figure or a rule comes from: its reference and digest, document, table and place."""

    ref: str
    text: str
    digest: str

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"ref": self.ref, "text": self.text, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the calculation chain: a tool, what it was given, the pinned rows it read, what it gave."""

    tool: str
    arguments: dict[str, object]
    factors: tuple[tuple[str, str], ...]  # (key, digest)
    result: object

    def as_dict(self) -> dict[str, object]:
        """Plain values."""
        return {
            "tool": self.tool,
            "arguments": plain(self.arguments),
            "factors": [{"key": key, "digest": digest} for key, digest in self.factors],
            "result": plain(self.result),
        }


@dataclass(frozen=True, slots=True)
class AgentResult(Generic[OutT]):
    """Data if ``success``, else at least one error, with data where a part of the work was done.

    ``provenance`` is the SHA-256 of the calculation chain. ``seconds`` is how long the run took by a monotonic clock;
    it is no part of the canonical result, and two results that differ only in it are equal.
    """

    success: bool
    data: OutT | None = None
    errors: tuple[AgentError, ...] = ()
    citations: tuple[Citation, ...] = ()
    provenance: str = ""
    chain: tuple[Step, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False, repr=False)

    @property
    def error(self) -> AgentError | None:
        """The first error, None on success."""
        return self.errors[0] if self.errors else None

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "success": self.success,
            "data": plain(self.data),
            "errors": [error.as_dict() for error in self.errors],
            "citations": [citation.as_dict() for citation in self.citations],
            "provenance": self.provenance,
            "metadata": self.metadata,
        }

    def canonical(self) -> bytes:
        """RFC 8785 JSON of `as_dict`."""
        return canonical(self.as_dict())
