"""The SDK's own exception tree (it may not import greenlang).

SdkError
├── Refusal                          becomes a failed AgentResult; carries a stable code and the field
│   ├── UserMistake                  a mistake in what the agent was given
│   │   ├── InvalidInput (ValueError)    a missing or unusable value
│   │   ├── UnknownTool (LookupError)    a name that is no tool, or arguments that the tool does not take
│   │   ├── NotCovered (LookupError)     no pinned row for these inputs; carries the recorded reason
│   │   └── DecimalError                 everything that exact arithmetic refuses
│   │       ├── NotANumber (ValueError)      NaN, infinity, a truth value, or text that is no number
│   │       └── CalculationError (ArithmeticError)  division by zero, domain error, overflow
│   ├── Several                      several errors at once
│   ├── Unavailable (RuntimeError)   a source or sink that does not answer now: try again later
│   ├── StateConflict (RuntimeError) another run went on from the same checkpoint first
│   └── StateMismatch (RuntimeError) a checkpoint that was written in another form
├── CanonicalError (ValueError)      a value that canonical JSON cannot hold: a bug of the caller
└── PackDamaged (RuntimeError)       a file of the pack is not what it was when it was made

`AgentError` is a refusal as a value, as it stands in an `AgentResult`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgentError:
    """Why a run was refused: a stable code, the field (dotted, "" for none) and a sentence."""

    code: str
    field: str
    message: str

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"code": self.code, "field": self.field, "message": self.message}


class SdkError(Exception):
    """Base of everything that the SDK raises on purpose."""


class Refusal(SdkError):
    """What makes a run fail without being a bug. ``field`` names the input or output, "" if there is none."""

    code = "refused"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return self.message

    def as_errors(self) -> tuple[AgentError, ...]:
        """The refusal as values."""
        return (AgentError(self.code, self.field, self.message),)


class UserMistake(Refusal):
    """A mistake in what the agent was given."""

    code = "invalid"


class InvalidInput(UserMistake, ValueError):
    """A value that is missing or cannot be used."""

    code = "invalid_input"


class UnknownTool(UserMistake, LookupError):
    """A name that is no tool, or arguments that the tool does not take."""

    code = "unknown_tool"

    @classmethod
    def named(cls, name: str, names: Iterable[str], *, field: str) -> UnknownTool:
        """The refusal of a name, with the nearest one and the list."""
        from difflib import get_close_matches

        known = list(names)
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return cls(f"{name!r} is no tool; {hint}there are: {', '.join(known)}", field=field)


class NotCovered(UserMistake, LookupError):
    """No pinned row for these inputs. The message is the reason recorded when the agent was made."""

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


class Several(Refusal):
    """Several errors at once; at least one."""

    def __init__(self, errors: Sequence[AgentError]) -> None:
        super().__init__("; ".join(error.message for error in errors), field=errors[0].field)
        self.errors = tuple(errors)
        self.args = (self.errors,)  # what it is made of again when it comes from another process

    def as_errors(self) -> tuple[AgentError, ...]:
        """All of them."""
        return self.errors


class Unavailable(Refusal, RuntimeError):
    """A source or a sink that does not answer now. Whether and when to try again is the caller's to decide."""

    code = "unavailable"


class StateConflict(Refusal, RuntimeError):
    """Another run went on from the same checkpoint first; nothing was written."""

    code = "conflict"


class StateMismatch(Refusal, RuntimeError):
    """A checkpoint, or its file, that was written in a form which this agent does not read."""

    code = "state_version"


class CanonicalError(SdkError, ValueError):
    """A value that canonical JSON cannot hold."""


class PackDamaged(SdkError, RuntimeError):
    """A file of the pack is not what it was when the pack was made."""
