"""Texts without the secrets in them.

Belongs here: passwords and keys of addresses. Does not belong here: keys of language models, which are known
(`greenlang.llm.secrets`), where secrets come from (`greenlang.settings`).
"""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/\s]*@")
_KEY = re.compile(
    r"([?&;][^=&;\s]*(?:key|secret|token|password|passwd|sig|credential)[^=&;\s]*)=[^&;\s]*", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """A text without the passwords of addresses and without keys in their queries."""
    text = _PASSWORD.sub(r"\1:***@", text)
    return _KEY.sub(r"\1=***", text)
