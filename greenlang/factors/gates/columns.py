"""The columns of a table as the gates read them: each made once, however many gates ask.

Belongs here: columns, editions and their order, ranges of keys. Does not belong here: any check.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import cache, cached_property
from typing import Any
from weakref import WeakKeyDictionary

from greenlang.factors.catalogue import catalogue
from greenlang.factors.table import FactorTable

ZERO = Decimal(0)


class Columns:
    """One table, by column. Rows are known by their place in the order of the keys."""

    def __init__(self, table: FactorTable) -> None:
        # no link back to the table: `columns` keeps these for as long as the table lives, not longer
        self._kept = {name: table.column(name) for name in _TEXTS}
        self.values: list[Decimal] = table.column("value")
        self.data_years: list[int | None] = table.column("data_year")
        self.publication_years: list[int] = table.column("publication_year")
        self.reporting_years: list[int | None] = table.column("reporting_year")
        self.biogenic: list[bool] = table.column("biogenic")
        self.keys: list[str] = self._kept["key"]
        self.places = {key: place for place, key in enumerate(self.keys)}
        self.memo: dict[str, Any] = {}  # what several gates compute from the same rows

    def text(self, name: str) -> list[str]:
        """A column of texts."""
        return self._kept[name]

    @cached_property
    def editions(self) -> dict[str, tuple[int, int]]:
        """Edition (publisher/dataset/vintage) -> where its rows begin and end: sorted keys lie together."""
        found: dict[str, tuple[int, int]] = {}
        start = 0
        while start < len(self.keys):
            edition = "/".join(self.keys[start].split("/", 3)[:3])
            stop = bisect_left(self.keys, f"{edition}0", start)  # "0" is the character after "/"
            found[edition] = (start, stop)
            start = stop
        return found

    @cached_property
    def edition(self) -> list[str]:
        """The edition of every row."""
        return [name for name, (start, stop) in self.editions.items() for _ in range(start, stop)]

    @cached_property
    def earlier(self) -> dict[str, tuple[str, ...]]:
        """Edition -> the editions of its dataset before it, the nearest first, declared or in the table."""
        order: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
        for edition, (place, _) in self.editions.items():
            year = self.reporting_years[place] or self.publication_years[place]
            dataset, _, vintage = edition.rpartition("/")
            order[dataset][edition] = (year, vintage)
        for declared in catalogue():
            if not declared.cross_check:
                year = declared.reporting_year or declared.publication_year
                order[f"{declared.publisher}/{declared.dataset}"][declared.name] = (year, declared.vintage)
        before: dict[str, tuple[str, ...]] = {}
        for editions in order.values():
            ordered = sorted(editions, key=editions.__getitem__)
            for number, edition in enumerate(ordered):
                before[edition] = tuple(reversed(ordered[:number]))
        return before

    def whole(self, dataset: str) -> bool:
        """Whether every vintage of that dataset that the catalogue declares is in the table."""
        return all(edition in self.editions for edition in _declared().get(dataset, ()))

    def has(self, dataset: str) -> bool:
        """Whether the table has that dataset, with every vintage that the catalogue declares."""
        return self.whole(dataset) and any(edition.startswith(f"{dataset}/") for edition in self.editions)

    @cached_property
    def parts(self) -> dict[int, list[int]]:
        """Whole -> its parts, where both are there."""
        found: dict[int, list[int]] = defaultdict(list)
        for place, whole in enumerate(self.text("part_of")):
            if whole and whole in self.places:
                found[self.places[whole]].append(place)
        return dict(found)

    def matching(self, pattern: Pattern) -> Iterator[tuple[int, re.Match[str]]]:
        """The rows whose keys fit, over all vintages of the pattern's dataset."""
        for edition in self.editions:
            if not edition.startswith(f"{pattern.dataset}/"):
                continue
            prefix = f"{edition}/{pattern.prefix}"
            start = bisect_left(self.keys, prefix)
            stop = bisect_left(self.keys, f"{prefix}\U0010ffff")
            offset = len(edition) + 1
            for place in range(start, stop):
                match = pattern.path.fullmatch(self.keys[place], offset)
                if match:
                    yield place, match


class Pattern:
    """Keys of one dataset: ``publisher/dataset/path`` without the vintage.

    In the path ``*`` stands for anything in one segment, ``**`` for anything, ``(*)`` for what tells siblings apart,
    ``{a,b}`` for one of several.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        publisher, dataset, path = text.split("/", 2)
        self.dataset = f"{publisher}/{dataset}"
        self.prefix = re.split(r"[*({]", path, maxsplit=1)[0]
        self.path = re.compile(_regex(path))

    def group(self, key: str, match: re.Match[str]) -> str:
        """The key without what tells siblings apart."""
        kept, place = [], 0
        for number in range(1, (match.re.groups or 0) + 1):
            start, stop = match.span(number)
            kept.append(key[place:start])
            place = stop
        return "*".join([*kept, key[place:]])


@cache
def _declared() -> dict[str, tuple[str, ...]]:
    """Dataset -> the editions that the catalogue declares."""
    found: dict[str, list[str]] = defaultdict(list)
    for edition in catalogue():
        if not edition.cross_check:
            found[f"{edition.publisher}/{edition.dataset}"].append(edition.name)
    return {dataset: tuple(editions) for dataset, editions in found.items()}


def columns(table: FactorTable) -> Columns:
    """The columns of that table, made on first use and kept while the table lives."""
    if table not in _MADE:
        _MADE[table] = Columns(table)
    return _MADE[table]


def _regex(path: str) -> str:
    parts = re.split(r"(\(#\)|\(\*\)|\*\*|\*|\{[^}]*\})", path)
    made = []
    for part in parts:
        if part == "(#)":
            made.append("([0-9]+)")
        elif part == "(*)":
            made.append("([^/]*)")
        elif part == "**":
            made.append(".*")
        elif part == "*":
            made.append("[^/]*")
        elif part.startswith("{"):
            made.append("(?:" + "|".join(re.escape(choice) for choice in part[1:-1].split(",")) + ")")
        else:
            made.append(re.escape(part))
    return "".join(made)


_TEXTS = (
    "key",
    "kind",
    "gas",
    "gwp_set",
    "region",
    "unit",
    "per",
    "calorific_basis",
    "part_of",
    "taken_from",
    "status",
    "permitted_use",
    "publisher",
    "name",
    "note",
    "table",
    "document",
    "category",
    "cell_text",
)
_MADE: WeakKeyDictionary[FactorTable, Columns] = WeakKeyDictionary()
