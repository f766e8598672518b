"""Keys: who may hold them, and that no text leaves the gateway with one in it.

Belongs here: redaction. Does not belong here: where keys come from (``greenlang.llm.config``).
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import SecretStr

MARK = "[key]"
_LEAST = 8  # a shorter key would take ordinary words out of texts


class Redactor:
    """Takes known keys out of texts. Its own repr tells nothing."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[SecretStr | None]) -> None:
        values = {key.get_secret_value() for key in keys if key is not None}
        self._keys = tuple(sorted((v for v in values if len(v) >= _LEAST), key=lambda v: (-len(v), v)))

    def __repr__(self) -> str:
        return "Redactor()"

    def __call__(self, text: str) -> str:
        """The text without any key."""
        for key in self._keys:
            text = text.replace(key, MARK)
        return text
