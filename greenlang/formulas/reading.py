"""Reading declarations from YAML with every mistake collected: file, line, where and what to write instead.

Belongs here: checks of shape (keys that are needed or unknown, texts, numbers, units). Does not belong here: what a
formula or a table means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from greenlang.specs.source import Document, dotted, parse

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """Where something is published."""

    document: str
    locator: str

    def __str__(self) -> str:
        return f"{self.document}, {self.locator}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file. ``where`` is the dotted place in the formula or table."""

    message: str
    path: Path | None = None
    line: int = 0
    subject: str = ""  # the formula's id or the table's name
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.path and self.line else str(self.path or "")
        return ": ".join(part for part in (place, self.subject, self.where, self.message) if part)


def near(name: str, known: list[str]) -> str:
    """``; did you mean `x`?`` where something known is close."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


class Reader:
    """A parsed piece of YAML and the problems found in it. ``start`` is the line before the piece in its file.

    Reading goes on after a mistake: what is missing or unusable is told once, where it stands, and is read as an empty
    text, zero, or nothing. `told` says where, so that no later check complains about the same thing again.
    """

    def __init__(self, document: Document, path: Path | None, *, subject: str = "", start: int = 0) -> None:
        self.document = document
        self.value: Any = document.value
        self.path = path
        self.subject = subject
        self.start = start
        self.root: Place = ()
        self.problems: list[Problem] = [
            Problem(d.message, path, d.line + start if d.line else 0, subject, d.path) for d in document.diagnostics
        ]
        self._told: set[str] = {d.path for d in document.diagnostics if d.path}

    @classmethod
    def open(cls, path: Path) -> Reader:
        """A reader of a whole file; ``value`` is None if it cannot be parsed."""
        return cls(parse(path.read_bytes()), path, subject=path.stem)

    def fail(self, place: Place, message: str) -> None:
        """Note a mistake."""
        self._note(place, message)
        self._told.add(dotted((*self.root, *place)))

    def _note(self, place: Place, message: str) -> None:
        line = self.document.place((*self.root, *place))[0] + self.start
        self.problems.append(Problem(message, self.path, line, self.subject, dotted(place)))

    def told(self, place: Place, *, below: bool = False) -> bool:
        """Whether a mistake was noted at a place; ``below``: there, or in anything that it holds."""
        here = dotted((*self.root, *place))
        return here in self._told or (below and any(t.startswith((f"{here}.", f"{here}[")) for t in self._told))

    def _silent(self, place: Place, value: object) -> bool:
        """Nothing stands there, and that was told already."""
        return value is None and self.told(place)

    def mapping(
        self, place: Place, value: object, *, needs: tuple[str, ...] = (), may: tuple[str, ...] = ()
    ) -> dict[str, Any] | None:
        """A mapping with those keys and no others; a needed one that is missing is told, and None. None for another
        value than a mapping."""
        if self._silent(place, value):
            return None
        if not isinstance(value, dict):
            self.fail(place, f"a mapping is needed here, not {value!r}")
            return None
        for key in value:
            if key not in needs and key not in may:
                hint = near(key, [*needs, *may]) or f"; there may be {', '.join((*needs, *may))}"
                self.fail((*place, key), f"unknown key `{key}`{hint}")
        missing = [key for key in needs if value.get(key) is None and not self.told((*place, key))]
        if missing:
            words = " and ".join(f"`{key}`" for key in missing)
            self._note(place, f"{words} {'is' if len(missing) == 1 else 'are'} missing")
            self._told |= {dotted((*self.root, *place, key)) for key in missing}
        return dict.fromkeys(needs) | value

    def entries(self, place: Place, value: object) -> Iterator[tuple[str, Any]]:
        """The entries of a mapping of names."""
        if self._silent(place, value):
            return
        if not isinstance(value, dict) or not value:
            self.fail(place, "a mapping of names is needed here")
            return
        yield from value.items()

    def sequence(self, place: Place, value: object) -> list[Any]:
        """A list that is not empty."""
        if self._silent(place, value):
            return []
        if not isinstance(value, list) or not value:
            self.fail(place, "a list is needed here")
            return []
        return value

    def text(self, place: Place, value: object, *, empty: bool = False) -> str:
        """A text."""
        if self._silent(place, value):
            return ""
        if not isinstance(value, str) or not (empty or value.strip()):
            self.fail(place, f"a text is needed here, not {value!r}" + ("; put it in quotes" if value else ""))
            return ""
        return value

    def texts(self, place: Place, value: object) -> tuple[str, ...]:
        """A list of different texts."""
        out = tuple(self.text((*place, i), v) for i, v in enumerate(self.sequence(place, value)))
        if len(set(out)) != len(out):
            self.fail(place, "an entry stands twice")
        return out

    def number(self, place: Place, value: object) -> Decimal:
        """A number as written."""
        if self._silent(place, value):
            return Decimal(0)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            hint = "; write it without quotes" if isinstance(value, str) else ""
            self.fail(place, f"a number is needed here, not {value!r}{hint}")
            return Decimal(0)
        return Decimal(value)

    def unit(self, place: Place, value: object) -> str:
        """A unit that parses. A bare 1 is the pure number."""
        return "1" if value == 1 and not isinstance(value, bool) else self.text(place, value)

    def citation(self, place: Place, value: object) -> Citation:
        """Document and locator."""
        fields = self.mapping(place, value, needs=("document", "locator"))
        if fields is None:
            return Citation("", "")
        return Citation(
            self.text((*place, "document"), fields["document"]), self.text((*place, "locator"), fields["locator"])
        )

    def within(self, root: Place, subject: str) -> None:
        """From now on, places are below ``root`` and problems name ``subject``."""
        self.root, self.subject = root, subject
