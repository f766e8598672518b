"""The calculation engine: results that can be replayed to the last digit, each with its certificate.

Belongs here: deterministic arithmetic over factors and formulas, and the proof of it. Does not belong here: language
models, chance, clocks, networks, files and settings (``greenlang.cli``, ``assets``).
"""

from greenlang.calc.certificate import CertificateUnreadable, ResultCertificate
from greenlang.calc.context import CalculationContext
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.given import Override
from greenlang.calc.mistakes import Mistake
from greenlang.calc.quantity import Quantity
from greenlang.calc.result import CalculationResult, ValidationResult
from greenlang.calc.verify import Verification, verify

__all__ = [
    "CalculationContext",
    "CalculationEngine",
    "CalculationResult",
    "CertificateUnreadable",
    "Mistake",
    "Override",
    "Quantity",
    "ResultCertificate",
    "ValidationResult",
    "Verification",
    "verify",
]
