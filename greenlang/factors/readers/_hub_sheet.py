"""The one sheet of EPA's GHG Emission Factors Hub: where its twelve tables stand, and which cells were read.

Belongs here: finding tables by their titles and headers, the account of cells. Does not belong here: what a table's
columns mean (``epa_ghg_hub``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Rows, cell_name

SHEET = "Emission Factors Hub"
_B, _C = 1, 2
# Titles as EPA prints them, without plurals, which come and go between the editions.
_TITLES = {
    1: "Stationary Combustion",
    2: "Mobile Combustion CO2",
    3: "Mobile Combustion CH4 and N2O for On-Road Gasoline Vehicles",
    4: "Mobile Combustion CH4 and N2O for On-Road Diesel and Alternative Fuel Vehicles",
    5: "Mobile Combustion CH4 and N2O for Non-Road Vehicles",
    6: "Electricity",
    7: "Steam and Heat",
    8: (
        "Scope 3 Category 4: Upstream Transportation and Distribution "
        "and Category 9: Downstream Transportation and Distribution"
    ),
    9: "Scope 3 Category 5: Waste Generated in Operations and Category 12: End-of-Life Treatment of Sold Products",
    10: "Scope 3 Category 6: Business Travel and Category 7: Employee Commuting",
    11: "Global Warming Potential (GWP)",
    12: "Global Warming Potential (GWP) for Blended Refrigerants",
}
_PLURAL = (("Potentials", "Potential"), ("GWPs", "GWP"))
# A footnote mark that is printed high is a capital letter behind the word: "RecycledA", "Light-Duty Truck B".
_MARK = re.compile(r"(?<=[a-z)])\s?[A-E]$")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its number and title, and its rows [first, last) on the sheet, title left out, notes included."""

    number: int
    title: str
    first: int
    last: int

    @property
    def citation(self) -> str:
        """``Table 6 Electricity``."""
        return f"Table {self.number} {self.title}"


@dataclass(slots=True)
class Sheet:
    """The cells, counted from 0, and the account of numbers that were read."""

    edition: Edition
    file: str
    cells: list[list[Any]]
    read: set[tuple[int, int]] = field(default_factory=set)

    def text(self, row: int, column: int) -> str:
        """The cell's text with single blanks; whole numbers (model years) without the point."""
        if row >= len(self.cells) or column >= len(self.cells[row]):
            return ""
        value = self.cells[row][column]
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return " ".join(str(value).replace("\u00a0", " ").split())

    def label(self, row: int, column: int) -> str:
        """The same without the footnote mark."""
        return _MARK.sub("", self.text(row, column))

    def words(self, row: int, column: int) -> str:
        """The text of a cell that describes its row, a model year for one. It may be a number, and counts as read."""
        self.read.add((row, column))
        return self.text(row, column)

    def place(self, row: int, column: int) -> str:
        """``Emission Factors Hub!E39``."""
        return f"{SHEET}!{cell_name(row + 1, column + 1)}"

    def header(self, table: Table, wanted: tuple[str, ...], column: int = _C) -> int:
        """The row in which the texts from ``column`` on are ``wanted``. Raises LayoutError if there is none."""
        for row in range(table.first, table.last):
            found = tuple(self.label(row, column + shift) for shift in range(len(wanted)))
            if found == wanted:
                return row
        raise self.unknown(f"{table.citation}: a header {list(wanted)}", "no such row")

    def either(self, table: Table, headers: tuple[tuple[str, ...], ...]) -> int:
        """The row of whichever header the edition has. Raises LayoutError if it has none of them."""
        for header in headers[:-1]:
            try:
                return self.header(table, header)
            except LayoutError:
                continue
        return self.header(table, headers[-1])

    def body(self, table: Table, first: int) -> Iterator[int]:
        """Rows that are not empty, from ``first`` to the line that begins with Source or Notes."""
        for row in range(first, table.last):
            if self.text(row, _C).startswith(("Source", "Note")):
                return
            if any(cell != "" for cell in self.cells[row]):
                yield row
        raise self.unknown(f"{table.citation}: a last line that begins with Source or Notes", "none")

    def notes(self, table: Table) -> str:
        """Everything that is printed in column C of the table, in one text."""
        return " ".join(self.text(row, _C) for row in range(table.first, table.last))

    def add(self, rows: Rows, row: int, column: int, *, path: tuple[str, ...], **fields: Any) -> None:
        """One value of a table: a factor row, or a refusal with its reason."""
        text = self.words(row, column)
        place = self.place(row, column)
        if not text:
            rows.refuse(self.file, place, "empty cell")
        elif text == "NA":
            rows.refuse(self.file, place, "NA: the publisher has no figure", text)
        elif text.startswith(">"):
            rows.refuse(self.file, place, "a lower bound instead of a number", text)
        else:
            rows.add(self.cells[row][column], file=self.file, place=place, path=path, row=row + 1, **fields)

    def refuse(self, rows: Rows, row: int, column: int, reason: str) -> None:
        """One value that is no factor of the table."""
        rows.refuse(self.file, self.place(row, column), reason, self.words(row, column))

    def all_read(self) -> None:
        """Raises LayoutError if a number on the sheet belongs to no table that was read."""
        for row, cells in enumerate(self.cells):
            for column, value in enumerate(cells):
                if isinstance(value, int | float) and (row, column) not in self.read:
                    raise self.unknown("numbers in the columns of the twelve tables", self.place(row, column))

    def unknown(self, wanted: object, found: object) -> LayoutError:
        """The error that says what was looked for."""
        return LayoutError(self.edition, self.file, wanted=wanted, found=found)


def find_tables(sheet: Sheet) -> dict[int, Table]:
    """The twelve tables by number. Raises LayoutError if one is missing, doubled, out of order or called otherwise."""
    starts: list[tuple[int, int]] = []
    for row in range(len(sheet.cells)):
        if match := re.fullmatch(r"Table (\d+)", sheet.text(row, _B)):
            starts.append((int(match[1]), row))
    numbers = [number for number, _ in starts]
    if numbers != list(_TITLES):
        raise sheet.unknown("tables 1 to 12 in their order", f"tables {numbers}")
    ends = [row for _, row in starts[1:]] + [len(sheet.cells)]
    tables = {}
    for (number, row), end in zip(starts, ends, strict=True):
        title = sheet.text(row, _C)
        plain = title
        for plural, singular in _PLURAL:
            plain = plain.replace(plural, singular)
        if plain != _TITLES[number]:
            raise sheet.unknown(f"Table {number} {_TITLES[number]}", f"Table {number} {title}")
        tables[number] = Table(number, title, row + 1, end)
    return tables
