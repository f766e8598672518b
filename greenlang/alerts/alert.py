"""An alert as a value: what happened, where to look, as JSON and as text.

Belongs here: the form of an alert. Does not belong here: how it travels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Kind = Literal["run_failed", "overdue", "mended", "morning", "test"]
_LONGEST = 20_000  # characters of the detail: a mail that somebody reads, and a body that a webhook takes
_SHORT = 1_000  # of one for which that was too long
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

    def shortened(self) -> Alert:
        """With the beginning of its detail alone."""
        return self if len(self.detail) <= _SHORT else replace(self, detail=f"{self.detail[:_SHORT]}\n\n(cut off)")

    def text(self) -> str:
        """For people."""
        facts = "\n".join(f"{name}: {value}" for name, value in self.facts.items())
        look = "\n".join(f"- {one}" for one in self.look)
        parts = (self.title, facts, self.detail.strip(), f"Where to look:\n{look}" if look else "")
        return "\n\n".join(part for part in parts if part) + "\n"

    def body(self) -> bytes:
        """For programs: JSON in UTF-8, the same bytes for the same alert.

        ``text`` is what chat services show. The detail is in it, and not once more: some services take little.
        """
        told = self._fields()
        del told["detail"]
        return _json({**told, "text": self.text()})

    def kept(self) -> bytes:
        """The whole alert, as JSON in UTF-8."""
        return _json(self._fields())

    def _fields(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}

    @classmethod
    def load(cls, kept: bytes) -> Alert:
        """From `kept`. Raises ValueError, KeyError or TypeError for what is none."""
        told = json.loads(kept)
        told.pop("text", None)  # older files have it
        return cls(**{**told, "at": datetime.fromisoformat(told["at"]), "look": tuple(told["look"])})


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
