"""What the engine answers: results, and what validation found.

Belongs here: shapes of answers. Does not belong here: computing them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from greenlang.calc.certificate import ResultCertificate, plain_values
from greenlang.calc.mistakes import Mistake
from greenlang.calc.records import Citation, OutputRecord, WorkedStep


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculationResult:
    """Outputs and a certificate if ``success``, else at least one error. Errors are values with place and mend."""

    formula_id: str
    success: bool
    outputs: tuple[OutputRecord, ...] = ()
    steps: tuple[WorkedStep, ...] = ()
    warnings: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    errors: tuple[Mistake, ...] = ()
    certificate: ResultCertificate | None = None

    def output(self, name: str) -> OutputRecord:
        """The output of that name. Raises KeyError."""
        found = {record.name: record for record in self.outputs}
        return found[name]

    def value(self, name: str) -> Decimal:
        """The rounded value of an output. Raises KeyError."""
        return self.output(name).value

    @property
    def provenance(self) -> str:
        """The digest of the hash chain; empty where there is no result."""
        return self.certificate.digest if self.certificate else ""

    @property
    def paper(self) -> str:
        """The steps, as lines."""
        return "\n".join(line for step in self.steps for line in step.lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "formula_id": self.formula_id,
            "success": self.success,
            "outputs": plain_values(self.outputs),
            "steps": plain_values(self.steps),
            "warnings": list(self.warnings),
            "citations": plain_values(self.citations),
            "errors": plain_values(self.errors),
            "provenance": self.provenance,
            "certificate": self.certificate.as_dict() if self.certificate else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """Whether a formula holds and the inputs suit it; ``outputs`` maps each output to its unit."""

    valid: bool
    mistakes: tuple[Mistake, ...] = ()
    outputs: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
