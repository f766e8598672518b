"""The SDK's own exception tree (it may not import greenlang).

SdkError
├── UserMistake                      becomes a failed AgentResult; carries a stable code and the field
│   ├── InvalidInput (ValueError)    a missing or unusable value
│   ├── UnknownTool (LookupError)    `call_tool` with a name that is no tool, or with wrong arguments
│   ├── NotCovered (LookupError)     no pinned factor row for these inputs; carries the recorded reason
│   └── DecimalError                 everything that exact arithmetic refuses
│       ├── NotANumber (ValueError)      NaN, infinity, a truth value, or text that is no number
│       └── CalculationError (ArithmeticError)  division by zero, domain error, overflow
├── CanonicalError (ValueError)      a value that canonical JSON cannot hold: a bug of the caller
└── PackDamaged (RuntimeError)       a file of the pack is not what it was when it was made
"""

from __future__ import annotations


class SdkError(Exception):
    """Base of everything that the SDK raises on purpose."""


class UserMistake(SdkError):
    """A mistake in what the agent was given. ``field`` names the input or output, "" if there is none."""

    code = "invalid"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidInput(UserMistake, ValueError):
    """A value that is missing or cannot be used."""

    code = "invalid_input"


class UnknownTool(UserMistake, LookupError):
    """A name that is no tool, or arguments that the tool does not take."""

    code = "unknown_tool"


class NotCovered(UserMistake, LookupError):
    """No pinned factor row for these inputs. The message is the reason recorded when the agent was made."""

    code = "not_covered"

    def __init__(self, message: str, *, field: str = "", candidates: tuple[str, ...] = ()) -> None:
        super().__init__(message, field=field)
        self.candidates = candidates


class DecimalError(UserMistake):
    """What exact arithmetic refuses."""

    code = "calculation"


class NotANumber(DecimalError, ValueError):
    """NaN, infinity, a truth value, or text that is no plain number."""

    code = "invalid_input"


class CalculationError(DecimalError, ArithmeticError):
    """A calculation without an answer: division by zero, a root of a negative number, overflow."""


class CanonicalError(SdkError, ValueError):
    """A value that canonical JSON cannot hold."""


class PackDamaged(SdkError, RuntimeError):
    """A file of the pack is not what it was when the pack was made."""
