"""Texts without the secrets in them.

Belongs here: passwords and keys of addresses. Does not belong here: keys of language models, which are known
(`greenlang.llm.secrets`), where secrets come from (`greenlang.settings`).

Texts come from anybody, and lines of the log are masked where everybody waits: so the time grows with the length of a
text and not with its square. No quantifier gives back what it took, and no place is begun at twice.
"""

from __future__ import annotations

import re

MASK = "***"
_BEGIN = r"(?::/++|(?<!/)/{2,}+)"  # of an address, also of one that was mistyped
_USER = re.compile(_BEGIN + r"[^/@:\s]*+:")
_TOKEN = re.compile(f"({_BEGIN})" + r"[^/@:\s]++@")
_WORD = re.compile(r"\S++")
_NAME_OF_KEY = re.compile(r"[?&;]([^=&;\s]*+)=?+")
_KEY = re.compile("key|secret|token|password|passwd|sig|credential", re.IGNORECASE)
_VALUE_OF_KEY = re.compile(r"[^&;\s]*+")
_NAME = re.compile(r"(?<![\w?&;-])([\w-]++)\s*+=\s*+")  # as libpq has it
_SECRET = re.compile("password|passwd|secret|token(?!s)", re.IGNORECASE)
_VALUE = re.compile(r"'(?:[^'\\]|\\.)*+'|\S++")


def without_secrets(text: str) -> str:
    """A text without the passwords of addresses, keys in their queries, and `password=...` as libpq has it.

    It goes by what they look like: a setting that is a secret is not shown at all.
    """
    if "@" in text:
        text = _TOKEN.sub(rf"\1{MASK}@", _WORD.sub(_without_password, text))
    if "=" in text:
        text = _without_values(text, _NAME_OF_KEY, _KEY, _VALUE_OF_KEY)
        text = _without_values(text, _NAME, _SECRET, _VALUE)
    return text


def _without_password(word: re.Match[str]) -> str:
    """Up to the last @ of a word: a password may have / and @ in it."""
    head, at, tail = word[0].rpartition("@")
    user = _USER.search(head) if at else None
    return f"{head[: user.end()]}{MASK}@{tail}" if user else word[0]


def _without_values(text: str, names: re.Pattern[str], secret: re.Pattern[str], values: re.Pattern[str]) -> str:
    """Without the values behind those names that are named like secrets."""
    parts, done = [], 0
    for name in names.finditer(text):
        if name.start() < done or "=" not in name[0] or not secret.search(name[1]):
            continue
        value = values.match(text, name.end())
        if value is not None:
            parts += [text[done : name.end()], MASK]
            done = value.end()
    return "".join([*parts, text[done:]])
