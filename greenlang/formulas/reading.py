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
    """A parsed piece of YAML and the problems found in it. ``start`` is the line before the piece in its file."""

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

    @classmethod
    def open(cls, path: Path) -> Reader | None:
        """A reader of a whole file; ``value`` is None if it cannot be parsed."""
        reader = cls(parse(path.read_bytes()), path, subject=path.stem)
        if reader.problems:
            reader.value = None
        return reader

    def fail(self, place: Place, message: str) -> None:
        """Note a mistake."""
        line = self.document.place((*self.root, *place))[0] + self.start
        self.problems.append(Problem(message, self.path, line, self.subject, dotted(place)))

    def mapping(
        self, place: Place, value: object, *, needs: tuple[str, ...] = (), may: tuple[str, ...] = ()
    ) -> dict[str, Any] | None:
        """A mapping with those keys and no others; None if it is unusable."""
        if not isinstance(value, dict):
            self.fail(place, f"a mapping is needed here, not {value!r}")
            return None
        for key in value:
            if key not in needs and key not in may:
                hint = near(key, [*needs, *may]) or f"; there may be {', '.join((*needs, *may))}"
                self.fail((*place, key), f"unknown key `{key}`{hint}")
        missing = [key for key in needs if value.get(key) is None]
        if missing:
            self.fail(
                place, f"{' and '.join(f'`{key}`' for key in missing)} {'is' if len(missing) == 1 else 'are'} missing"
            )
            return None
        return value

    def entries(self, place: Place, value: object) -> Iterator[tuple[str, Any]]:
        """The entries of a mapping of names."""
        if not isinstance(value, dict) or not value:
            self.fail(place, "a mapping of names is needed here")
            return
        yield from value.items()

    def sequence(self, place: Place, value: object) -> list[Any]:
        """A list that is not empty."""
        if not isinstance(value, list) or not value:
            self.fail(place, "a list is needed here")
            return []
        return value

    def text(self, place: Place, value: object, *, empty: bool = False) -> str:
        """A text."""
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
