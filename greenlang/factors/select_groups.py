"""Rows that are alike in everything that never relaxes: they differ in region and year at most.

Belongs here: a group, its rows, its editions. Does not belong here: building them (``select_index``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

# columns that tell groups apart, in the order in which a group takes them
GROUPED = (
    "publisher",
    "dataset",
    "kind",
    "gas",
    "gwp_set",
    "boundary",
    "scope2_method",
    "calorific_basis",
    "radiative_forcing",
    "biogenic",
    "permitted_use",
    "price_basis",
    "per",
    "status",
)


class Row(NamedTuple):
    """One row of a group. ``own_year`` None is every year; ``after`` is how long it stands by the publisher's rule."""

    own_year: int | None
    after: int
    edition: tuple[int, tuple[tuple[int, str], ...]]  # publication year, and the vintage in natural order
    number: int
    vintage: str


class Group:
    """Rows of one activity of one dataset that differ in region and year at most."""

    __slots__ = (
        "activity",
        "biogenic",
        "boundary",
        "calorific_basis",
        "closed",
        "dataset",
        "editions",
        "gas",
        "gwp_set",
        "kind",
        "numbers",
        "per",
        "permitted_use",
        "price_basis",
        "publisher",
        "radiative_forcing",
        "regions",
        "scope2_method",
    )

    def __init__(self, activity: str, closed: str, values: tuple[Any, ...]) -> None:
        self.activity = activity
        self.closed = closed  # why the rows stand for nothing unless their key is named; or empty
        (
            self.publisher,
            dataset,
            self.kind,
            self.gas,
            self.gwp_set,
            self.boundary,
            self.scope2_method,
            self.calorific_basis,
            self.radiative_forcing,
            self.biogenic,
            self.permitted_use,
            self.price_basis,
            self.per,
            _,
        ) = values
        self.dataset = f"{self.publisher}/{dataset}"
        self.regions: dict[str, list[Row]] = {}
        self.numbers: list[int] = []
        self.editions: dict[str, Group] = {}

    def edition(self, vintage: str) -> Group:
        """The same group with the rows of one edition only; it may be left without any."""
        if not self.editions:
            for place, rows in self.regions.items():
                for row in rows:
                    if row.vintage not in self.editions:
                        self.editions[row.vintage] = self._empty()
                    self.editions[row.vintage].add(place, row)
        return self.editions.get(vintage) or self._empty()

    def add(self, place: str, row: Row) -> None:
        """Put a row into the group."""
        self.regions.setdefault(place, []).append(row)
        self.numbers.append(row.number)

    def _empty(self) -> Group:
        group = Group.__new__(Group)
        for name in SAID:
            setattr(group, name, getattr(self, name))
        group.closed = self.closed
        group.regions, group.numbers, group.editions = {}, [], {}
        return group

    def __len__(self) -> int:
        return len(self.numbers)


SAID = tuple(name for name in Group.__slots__ if name not in {"numbers", "regions", "closed", "editions"})
