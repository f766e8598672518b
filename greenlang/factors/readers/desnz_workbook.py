"""The workbooks of the UK conversion factors that are made for people, to check the flat file against.

Belongs here: the layout of their tables (2023 condensed set, 2025 full set) and the comparison with a flat file. Does
not belong here: factors of our own catalogue (the flat file gives them), what a line means (``desnz_lines``).

Every sheet with factors says its heading (B5) and scope (B6), and holds tables: a line ``Activity | <kinds> | Unit |
[Year] | <gases>``, above it, where a table has several, the column texts (Diesel, With RF, Landfill), and below it the
figures to the first line without a unit. An empty cell on the left repeats the one above. ``Activity`` is the flat
file's Level 2, the kinds are Levels 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import Edition
from greenlang.factors.model import Factor
from greenlang.factors.readers._base import LayoutError, Reading, Rows, cell_name, workbook
from greenlang.factors.readers.desnz_lines import LABELS, Line, add_line

__all__ = ["CrossCheck", "Difference", "cross_check", "read"]

_VINTAGES = ("2023", "2025")
_WITHOUT_FACTORS = frozenset(
    {"Introduction", "What's new", "Index", "Overseas electricity", "Conversions", "Fuel properties", "Haul definition"}
)
_PRINTED = Decimal("0.00001")  # the publisher prints five decimals
_SOURCE_CELL, _SCOPE_CELL = (5, "Emissions source:"), (6, "Scope:")


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that the flat file and the workbook print differently. ``path`` is the key after the vintage."""

    path: str
    flat: Decimal
    flat_cell: str
    workbook: Decimal
    workbook_cell: str


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """What a comparison found. ``rounded`` are pairs that are equal to the five decimals that the publisher prints."""

    equal: int
    rounded: tuple[Difference, ...]
    differences: tuple[Difference, ...]
    only_flat: tuple[str, ...]
    only_workbook: tuple[str, ...]

    @property
    def matched(self) -> int:
        """Figures that both have."""
        return self.equal + len(self.rounded) + len(self.differences)

    def sentence(self) -> str:
        """The account in one line, for people."""
        return (
            f"{self.matched} figures stand in both: {self.equal} equal, {len(self.rounded)} equal after rounding, "
            f"{len(self.differences)} different; {len(self.only_flat)} only in the flat file, "
            f"{len(self.only_workbook)} only in the workbook"
        )


def cross_check(flat_rows: Iterable[Factor], workbook_rows: Iterable[Factor]) -> CrossCheck:
    """Compare the rows of a flat file with those of a workbook of the same year, figure by figure.

    Rows match by their key after the vintage: activity, unit and gas.
    """
    left, right = ({_path(row): row for row in rows} for rows in (flat_rows, workbook_rows))
    equal = 0
    rounded: list[Difference] = []
    differences: list[Difference] = []
    for path in sorted(left.keys() & right.keys()):
        one, two = left[path], right[path]
        if one.value == two.value:
            equal += 1
            continue
        found = Difference(path, one.value, one.cell, two.value, two.cell)
        (rounded if _same_rounded(one.value, two.value) else differences).append(found)
    return CrossCheck(
        equal,
        tuple(rounded),
        tuple(differences),
        tuple(sorted(left.keys() - right.keys())),
        tuple(sorted(right.keys() - left.keys())),
    )


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """The figures of one workbook as rows, for comparison only. Raises LayoutError for a layout that is not known."""
    if edition.vintage not in _VINTAGES:
        raise LayoutError(edition, ", ".join(files), wanted="the vintage 2023 or 2025", found=edition.vintage)
    (file, path), *others = files.items()
    if others:
        raise FactorTableError(f"{edition.name}: {len(files)} files instead of one")
    book = workbook(path)
    rows = Rows(edition)
    for sheet in book.sheet_names:
        cells = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        tables = [n for n, line in enumerate(cells) if _text(line, 0) == "Activity" and "Unit" in _texts(line)]
        if sheet in _WITHOUT_FACTORS:
            if tables:
                raise LayoutError(edition, file, wanted=f"no table in {sheet}", found=f"one in line {tables[0] + 1}")
            continue
        if not tables:
            raise LayoutError(edition, file, wanted=f"a line Activity ... Unit in {sheet}", found="none")
        head = {"source": _head(edition, file, sheet, cells, *_SOURCE_CELL)}
        head["scope"] = _head(edition, file, sheet, cells, *_SCOPE_CELL)
        _check_year(edition, file, sheet, cells)
        for start in tables:
            for line in _table(edition, file, sheet, cells, start, head):
                add_line(rows, line, file=file, table=f"{sheet}: {line.levels[1]}")
    return rows.reading()


def _table(
    edition: Edition, file: str, sheet: str, cells: Sequence[Sequence[Any]], start: int, head: Mapping[str, str]
) -> Iterator[Line]:
    header = _texts(cells[start])
    at_unit = header.index("Unit")
    labels = {column: text for column, text in enumerate(header) if column > at_unit and text and text != "Year"}
    if not 1 <= at_unit <= 3 or not labels or {text.lower() for text in labels.values()} - LABELS.keys():
        raise LayoutError(edition, file, wanted=f"Activity | ... | Unit | kg CO2e in {sheet}", found=" | ".join(header))
    groups = _groups(cells[start - 1], at_unit, labels)
    carried = [""] * at_unit
    for number in range(start + 1, len(cells)):
        line = cells[number]
        if not _text(line, at_unit):
            return
        for column in range(at_unit):
            if text := _text(line, column):
                carried[column:] = [text, *[""] * (at_unit - column - 1)]
        level_2, level_3, level_4 = (*carried, "", "")[:3]
        for column, label in labels.items():
            yield Line(
                value=line[column],
                place=f"{sheet}!{cell_name(number + 1, column + 1)}",
                scope=head["scope"],
                levels=(head["source"], level_2, level_3, level_4),
                column=groups[column],
                uom=_text(line, at_unit),
                label=label,
                row=number + 1,
            )


def _groups(above: Sequence[Any], at_unit: int, labels: Mapping[int, str]) -> dict[int, str]:
    """The column text over each value column: the line above, where it holds nothing on the left; else nothing."""
    texts = _texts(above)
    if any(texts[: at_unit + 1]) or not any(texts):
        return dict.fromkeys(labels, "")
    groups, last = {}, ""
    for column in range(at_unit + 1, len(texts)):
        last = texts[column] or last
        if column in labels:
            groups[column] = last
    return groups


def _head(edition: Edition, file: str, sheet: str, cells: Sequence[Sequence[Any]], row: int, label: str) -> str:
    line = cells[row - 1]
    if _text(line, 0) != label or not _text(line, 1):
        raise LayoutError(edition, file, wanted=f"{label} in {sheet}!A{row}", found=f"`{_text(line, 0)}`")
    return _text(line, 1)


def _check_year(edition: Edition, file: str, sheet: str, cells: Sequence[Sequence[Any]]) -> None:
    texts = _texts(cells[_SCOPE_CELL[0] - 1])
    year = texts[texts.index("Year:") + 1].removesuffix(".0") if "Year:" in texts else ""
    if year != edition.vintage:
        raise LayoutError(edition, file, wanted=f"Year: {edition.vintage} in {sheet}", found=f"`{year}`")


def _same_rounded(one: Decimal, two: Decimal) -> bool:
    return one.quantize(_PRINTED, rounding=ROUND_HALF_UP) == two.quantize(_PRINTED, rounding=ROUND_HALF_UP)


def _path(row: Factor) -> str:
    return row.key.split("/", 3)[3]


def _texts(line: Sequence[Any]) -> list[str]:
    return [str(cell).strip() for cell in line]


def _text(line: Sequence[Any], column: int) -> str:
    return str(line[column]).strip()
