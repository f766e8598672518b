"""What `run()` returns: data or typed errors, citations, and the digest of the calculation chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from greenlang_sdk.canonical import canonical
from greenlang_sdk.models import AgentOutput

OutT = TypeVar("OutT")


@dataclass(frozen=True, slots=True)
class AgentError:
    """One mistake in the input: a stable code, the field (dotted, "" for none) and a sentence."""

    code: str
    field: str
    message: str

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"code": self.code, "field": self.field, "message": self.message}


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a figure comes from: the factor's reference and digest, document, table and place."""

    ref: str
    text: str
    digest: str

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"ref": self.ref, "text": self.text, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the calculation chain: a tool, what it was given, the factor rows it read, what it gave."""

    tool: str
    arguments: dict[str, object]
    factors: tuple[tuple[str, str], ...]  # (key, digest)
    result: object

    def as_dict(self) -> dict[str, object]:
        """Plain values."""
        return {
            "tool": self.tool,
            "arguments": self.arguments,
            "factors": [{"key": key, "digest": digest} for key, digest in self.factors],
            "result": self.result,
        }


@dataclass(frozen=True, slots=True)
class AgentResult(Generic[OutT]):
    """Data if ``success``, else at least one error. ``provenance`` is the SHA-256 of the calculation chain."""

    success: bool
    data: OutT | None = None
    errors: tuple[AgentError, ...] = ()
    citations: tuple[Citation, ...] = ()
    provenance: str = ""
    chain: tuple[Step, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def error(self) -> AgentError | None:
        """The first error, None on success."""
        return self.errors[0] if self.errors else None

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        data = self.data.as_dict() if isinstance(self.data, AgentOutput) else self.data
        return {
            "success": self.success,
            "data": data,
            "errors": [error.as_dict() for error in self.errors],
            "citations": [citation.as_dict() for citation in self.citations],
            "provenance": self.provenance,
            "metadata": self.metadata,
        }

    def canonical(self) -> bytes:
        """RFC 8785 JSON of `as_dict`."""
        return canonical(self.as_dict())
