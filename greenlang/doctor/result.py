"""What a check found.

Belongs here: the value. Does not belong here: checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from greenlang.settings import Settings

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Result:
    """``check`` names the check, ``mend`` says what to do; it is empty where all is well."""

    check: str
    state: State
    message: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The same within a check: it does not know its name."""

    state: State
    message: str
    mend: str = ""


Check = Callable[[Settings], Iterable[Found]]


def ok(message: str) -> Found:
    """All is well."""
    return Found("ok", message)


def warning(message: str, mend: str) -> Found:
    """It works less well, or will fail later."""
    return Found("warning", message, mend)


def fault(message: str, mend: str) -> Found:
    """It does not work."""
    return Found("fault", message, mend)
