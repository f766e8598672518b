"""Patterns of text inputs, through the engine that also checks them in a generated agent.

Pydantic's regular expressions (Rust's ``regex``) take time linear in the text, whatever the pattern: ``^(a+)+$`` from
a stranger's spec cannot hang the line. The price is that look-around and back-references do not exist.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError


@lru_cache(maxsize=64)  # a compiled pattern may hold 10 MB
def _compiled(pattern: str) -> TypeAdapter[Any] | str:
    """The pattern ready for use, or why it is not."""
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    except SchemaError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        reason = reason.removeprefix("SchemaError: ").removeprefix("error: ").rstrip(".")
        return (reason[0].lower() + reason[1:]) if reason else "it does not compile"


def problem(pattern: str) -> str:
    """Why a pattern cannot be used, or an empty text if it can."""
    found = _compiled(pattern)
    return found if isinstance(found, str) else ""


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text; write ``^`` and ``$`` to mean the whole of it.

    Raises ValueError for a pattern that has a ``problem``.
    """
    found = _compiled(pattern)
    if isinstance(found, str):
        raise ValueError(f"pattern {pattern!r} cannot be used: {found}")
    try:
        found.validate_python(text, strict=True)
    except ValidationError:
        return False
    return True
