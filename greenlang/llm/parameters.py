"""Which parameters a model takes: litellm's table, a table of our own where that is too kind, and what a 400 tells.

Belongs here: what is sent, what is dropped and why. Does not belong here: sending.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

OPTIONAL = ("seed", "temperature")  # without these a call still makes sense; max_tokens bounds its cost and stays

# litellm says that these take it, or drops it in silence; the providers' own pages say that they do not.
_REFUSED: tuple[tuple[str, re.Pattern[str], str, str], ...] = (
    ("openai", re.compile(r"(o\d|gpt-5)"), "temperature", "reasoning models take no temperature"),
    ("openai", re.compile(r"(o\d|gpt-5)"), "seed", "reasoning models promise nothing about a seed"),
    ("anthropic", re.compile(r""), "seed", "Anthropic's models take no seed"),
    ("anthropic", re.compile(r"claude-opus-4-[7-9]"), "temperature", "this model takes no temperature"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes out, and what was dropped: parameter -> why."""

    accepted: Mapping[str, Any]
    dropped: Mapping[str, str] = field(default_factory=dict)

    def without(self, name: str, why: str) -> Sent:
        """The same without one parameter."""
        kept = {key: value for key, value in self.accepted.items() if key != name}
        return Sent(kept, {**self.dropped, name: why})


def chosen(
    requested: Mapping[str, Any],
    *,
    kind: str,
    model: str,
    supported: Collection[str] | None,
    drop: Collection[str] = (),
) -> Sent:
    """What of the requested parameters is sent to a model.

    ``supported`` is litellm's list, None where it does not know the model: then all is tried.
    """
    sent = Sent(dict(requested))
    for name in requested:
        if name not in OPTIONAL:
            continue
        known = next((why for k, models, p, why in _REFUSED if (k, p) == (kind, name) and models.match(model)), "")
        if name in drop:
            sent = sent.without(name, "the configuration drops it")
        elif known:
            sent = sent.without(name, known)
        elif supported is not None and name not in supported:
            sent = sent.without(name, "litellm's table says that the model does not take it")
    return sent


def named_in(message: str, sent: Sent) -> str | None:
    """The optional parameter that a refusal (HTTP 400 or 422) names, if it was sent."""
    for name in OPTIONAL:
        if name in sent.accepted and re.search(rf"(?<![\w-]){name}(?![\w-])", message):
            return name
    return None
