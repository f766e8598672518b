"""A text for a pattern, so that an agent with a text input can be tried: ``^FAC-[0-9]{4}$`` gives ``FAC-0000``.

The way through the pattern is the simplest one: the first branch, the least number of repetitions, the first letter
that a class takes. What comes out counts only if the engine itself says that it matches.

Belongs here: finding a text. Does not belong here: what a pattern may hold (``patterns``).
"""

from __future__ import annotations

import re
import string
from functools import lru_cache

from greenlang.specs import patterns

MOST = 200
_LETTERS = f"{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}{string.punctuation} \t\nαЖé中"
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]])*\]|\\[pP](?:\{[^}]*\}|.)|\\.|\.", re.DOTALL)
_NOTHING = re.compile(r"[\^$]|\\[AbBzZ]|\(\?[a-zA-Z-]+\)")
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?")
_TIMES = re.compile(r"(?:([?*+])|\{([0-9]{1,4})(?:,[0-9]*)?\})[?+]?")
_LEAST = {"?": 0, "*": 1, "+": 1}


@lru_cache(maxsize=256)
def example(pattern: str) -> str | None:
    """A text that matches, None if none was found."""
    if patterns.problem(pattern):
        return None
    text = _Way(pattern).branches()
    return text if len(text) <= MOST and patterns.matches(pattern, text) else None


class _Way:
    """Reads a pattern once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def branches(self) -> str:
        """The first of several branches, up to the end of their group."""
        first = self.branch()
        while self.pattern.startswith("|", self.at):
            self.at += 1
            self.branch()
        return first

    def branch(self) -> str:
        """One piece after the other."""
        text = ""
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            piece = self.piece()
            times = self.taken(_TIMES)
            if times:
                piece *= _LEAST[times[1]] if times[1] else int(times[2])
            text += piece[:MOST]
        return text

    def piece(self) -> str:
        """What stands for the next anchor, group, class or letter."""
        if self.taken(_NOTHING):
            return ""
        if self.taken(_GROUP):
            text = self.branches()
            self.at += 1
            return text
        if kind := self.taken(_CLASS):
            one = f"^{kind[0]}$"
            return "" if patterns.problem(one) else next((c for c in _LETTERS if patterns.matches(one, c)), "")
        self.at += 1
        return self.pattern[self.at - 1]

    def taken(self, what: re.Pattern[str]) -> re.Match[str] | None:
        """The match at this place, behind which the reading goes on."""
        found = what.match(self.pattern, self.at)
        self.at = found.end() if found else self.at
        return found
