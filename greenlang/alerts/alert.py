"""An alert as a value: what happened, where to look, as JSON and as text.

Belongs here: the form of an alert. Does not belong here: how it travels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["run_failed", "overdue", "mended", "morning", "test"]
_LONGEST = 20_000  # characters of the detail: a mail that somebody reads, and a body that a webhook takes
_TITLE = 200


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``id`` names what happened: it is delivered once on each channel, whoever sends it again.

    ``facts`` are short (run, job, night); ``detail`` is Markdown, as which agents failed and why; ``look`` says where
    to look, each an address or a command.
    """

    id: str
    kind: Kind
    title: str
    at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    look: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", " ".join(self.title.split())[:_TITLE])
        if len(self.detail) > _LONGEST:
            object.__setattr__(self, "detail", f"{self.detail[:_LONGEST]}\n\n(cut off)")

    def text(self) -> str:
        """For people."""
        facts = "\n".join(f"{name}: {value}" for name, value in self.facts.items())
        look = "\n".join(f"- {one}" for one in self.look)
        parts = (self.title, facts, self.detail.strip(), f"Where to look:\n{look}" if look else "")
        return "\n\n".join(part for part in parts if part) + "\n"

    def body(self) -> bytes:
        """For programs: JSON in UTF-8, the same bytes for the same alert. ``text`` is what chat services show."""
        told: dict[str, Any] = {**asdict(self), "at": self.at.isoformat(), "text": self.text()}
        return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def load(cls, body: bytes) -> Alert:
        """From `body`. Raises ValueError, KeyError or TypeError for what is none."""
        told = json.loads(body)
        told.pop("text")
        return cls(**{**told, "at": datetime.fromisoformat(told["at"]), "look": tuple(told["look"])})
