"""UK Government GHG Conversion Factors for Company Reporting, the flat file: one value a line.

Belongs here: the three layouts of the flat file (2019 to 2021, 2022, from 2024). Does not belong here: what a line
means (``desnz_lines``), the workbooks for people (``desnz_workbook``).

The sheet is "Factors by Category", or a CSV file (2022). Its header is found by its texts; it must be one of the
layouts exactly. A line "END" closes the list; blank lines are no lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, cell_name, csv_rows, workbook
from greenlang.factors.readers.desnz_lines import Line, add_line

SHEET = "Factors by Category"
_SCRATCH = "scratch sheet that is not the publisher's"

_ROLES_2019 = ("scope", "l1", "l2", "l3", "l4", "column", "", "uom", "label", "", "value")
_ROLES_2022 = ("scope", "l1", "l2", "l3", "l4", "column", "uom", "label", "value")
_ROLES_2024 = ("id", *_ROLES_2022)


@dataclass(frozen=True, slots=True)
class _Layout:
    header: tuple[str, ...]  # the texts, with {vintage} for the year
    roles: tuple[str, ...]  # what each column is; "" is not read

    def texts(self, vintage: str) -> tuple[str, ...]:
        return tuple(text.format(vintage=vintage) for text in self.header)

    def column(self, role: str) -> int | None:
        return self.roles.index(role) if role in self.roles else None


_LEVELS = ("Level 1", "Level 2", "Level 3", "Level 4")
_FROM_2019 = _Layout(
    ("Scope", *_LEVELS, "Column Text", "UOM (simple)", "UOM", "GHG", "Lookup", "GHG Conversion Factor {vintage}"),
    _ROLES_2019,
)
_OF_2022 = _Layout(
    (
        "Scope",
        *(level.replace(" ", "_") for level in _LEVELS),
        "Description",
        "UOM",
        "GHG_Unit",
        "GHG_Conversion_Factor_{vintage}",
    ),
    _ROLES_2022,
)
_FROM_2024 = _Layout(
    ("ID", "Scope", *_LEVELS, "Column Text", "UOM", "GHG/Unit", "GHG Conversion Factor {vintage}"), _ROLES_2024
)
_LAYOUTS = {
    "2019": _FROM_2019,
    "2020": _FROM_2019,
    "2021": _FROM_2019,
    "2022": _OF_2022,
    "2024": _FROM_2024,
    "2025": _FROM_2024,
}


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """All lines of one vintage. Raises LayoutError if its layout is not the vintage's."""
    layout = _LAYOUTS.get(edition.vintage)
    if layout is None:
        known = ", ".join(_LAYOUTS)
        raise LayoutError(edition, ", ".join(files), wanted=f"one of the vintages {known}", found=edition.vintage)
    (file, path), *others = files.items()
    if others:
        raise FactorTableError(f"{edition.name}: {len(files)} files instead of one")
    rows = Rows(edition)
    table = _csv(path) if path.suffix == ".csv" else _sheet(rows, file, path)
    _lines(rows, layout, file, table, is_sheet=path.suffix != ".csv")
    return rows.reading()


def _csv(path: Path) -> Sequence[Sequence[Any]]:
    return csv_rows(path)


def _sheet(rows: Rows, file: str, path: Path) -> Sequence[Sequence[Any]]:
    """The cells of the sheet, after the front page has said that it is the vintage's."""
    edition, book = rows.edition, workbook(path)
    scratch = tuple(edition.options.get("scratch_sheets", ()))
    wanted = ("Front page", SHEET)
    found = tuple(book.sheet_names)
    if found[:2] != wanted or set(found[2:]) - set(scratch):
        extra = f" and perhaps {', '.join(scratch)}" if scratch else ""
        raise LayoutError(edition, file, wanted=f"the sheets {', '.join(wanted)}{extra}", found=", ".join(found))
    _check_year(edition, file, book.get_sheet_by_name("Front page").to_python(skip_empty_area=False))
    for name in found[2:]:
        _refuse_numbers(rows, file, name, book.get_sheet_by_name(name).to_python(skip_empty_area=False))
    cells: Sequence[Sequence[Any]] = book.get_sheet_by_name(SHEET).to_python(skip_empty_area=False)
    return cells


def _check_year(edition: Edition, file: str, cells: Sequence[Sequence[Any]]) -> None:
    for line in cells:
        texts = [str(cell).strip() for cell in line]
        if "Year:" in texts:
            year = texts[texts.index("Year:") + 1].removesuffix(".0")
            if year == edition.vintage:
                return
            raise LayoutError(edition, file, wanted=f"Year: {edition.vintage} on the front page", found=f"Year: {year}")
    raise LayoutError(edition, file, wanted="Year: on the front page", found="none")


def _refuse_numbers(rows: Rows, file: str, sheet: str, cells: Sequence[Sequence[Any]]) -> None:
    """Sheets that somebody added to the file after it was published: their figures are counted, never read."""
    for number, line in enumerate(cells, 1):
        for column, cell in enumerate(line, 1):
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                rows.refuse(file, f"{sheet}!{cell_name(number, column)}", _SCRATCH, cell)


def _lines(rows: Rows, layout: _Layout, file: str, table: Sequence[Sequence[Any]], *, is_sheet: bool) -> None:
    start = _header(rows.edition, layout, file, table)
    at = {role: index for index, role in enumerate(layout.roles) if role}
    identity = layout.column("id")
    ended = False
    for number, cells in enumerate(table[start:], start + 1):
        if not any(str(cell).strip() for cell in cells):
            continue
        place = f"{SHEET}!{cell_name(number, at['value'] + 1)}" if is_sheet else f"line {number}"
        if len(cells) != len(layout.roles):
            raise LayoutError(rows.edition, file, wanted=f"{len(layout.roles)} columns in {place}", found=len(cells))
        if ended:
            raise LayoutError(rows.edition, file, wanted="nothing after the line END", found=place)
        texts = [str(cell) for cell in cells]
        if "END" in {texts[at["scope"]], texts[at["l1"]], texts[0]}:
            ended = True
            continue
        line = Line(
            value=cells[at["value"]],
            place=place,
            scope=texts[at["scope"]],
            levels=(texts[at["l1"]], texts[at["l2"]], texts[at["l3"]], texts[at["l4"]]),
            column=texts[at["column"]],
            uom=texts[at["uom"]],
            label=texts[at["label"]],
            row=number,
            identity="" if identity is None else texts[identity],
        )
        add_line(rows, line, file=file, table=f"{SHEET}: {line.levels[0].strip()}")
    if not ended:
        raise LayoutError(rows.edition, file, wanted="a line END that closes the list", found="none: is the file cut?")


def _header(edition: Edition, layout: _Layout, file: str, table: Sequence[Sequence[Any]]) -> int:
    """The number of the line after the header, from 0."""
    wanted = layout.texts(edition.vintage)
    nearest: tuple[str, ...] = ()
    for index, cells in enumerate(table[:20]):
        texts = tuple(str(cell).strip() for cell in cells)
        if texts == wanted:
            return index + 1
        if "Scope" in texts:
            nearest = texts
    raise LayoutError(
        edition, file, wanted=f"the header {' | '.join(wanted)}", found=" | ".join(nearest) or "no line with Scope"
    )
