"""The words that people give for what they do: they are signed, kept, and read on terminals and pages years later.

Belongs here: what such words may be. Does not belong here: what they are for.
"""

from __future__ import annotations

from greenlang.errors import GreenlangError, LifecycleError

LONGEST = 20_000


def check(text: str, missing: str, error: type[GreenlangError] = LifecycleError) -> None:
    """Raises ``error`` for no words (``missing`` says what to write), for more than anybody reads, and for characters
    that databases refuse or that do something to a terminal."""
    if not text.strip():
        raise error(missing)
    if len(text) > LONGEST:
        raise error(f"{len(text):,} characters are no reason: {LONGEST:,} at most")
    odd = next((letter for letter in text if not letter.isprintable() and letter not in "\n\t"), None)
    if odd is not None:
        raise error(f"the words hold the character {odd!a}, which cannot be read: leave it out")
