"""EU Monitoring and Reporting Regulation 2018/2066, Annex VI: reference values, as Markdown tables of the printed text.

Belongs here: the six tables, found by their headers. Does not belong here: formulas that use them.

Emission factors are CO2 (kind factor); net calorific values and carbon contents are properties beside them. A dash and
"n.a." are no values, and biomass fuels have no emission factor here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of values: where it stands, what its cells are."""

    at: int
    unit: str
    quantity: str
    gas: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the Annex: its segments in the key, its section, its columns of values."""

    path: tuple[str, ...]
    section: str
    columns: tuple[_Column, ...]


_PER_TONNE = _Column(1, "tCO2/t", "co2-per-t", "CO2")
_CARBON = (_Column(1, "t/t", "carbon-content"), _Column(2, "tCO2/t", "co2-per-t", "CO2"))
_TABLES = {
    ("Fuel type description", "Emission factor (t CO2/TJ)", "Net calorific value (TJ/Gg)", "Source"): _Table(
        ("fuels",),
        "1",
        (_Column(1, "tCO2/TJ", "co2-per-tj", "CO2"), _Column(2, "TJ/Gg", "net-calorific-value")),
    ),
    ("Carbonate", "Emission factor [t CO2/ t Carbonate]"): _Table(("process", "carbonates"), "2", (_PER_TONNE,)),
    ("Oxide", "Emission factor [t CO2/ t Oxide]"): _Table(("process", "oxides"), "2", (_PER_TONNE,)),
    ("Input or output material", "Carbon content (t C/t)", "Emission factor (t CO2/t)"): _Table(
        ("process", "materials"), "2", _CARBON
    ),
    ("Substance", "Carbon content (t C/t)", "Emission factor (t CO2 / t)"): _Table(
        ("process", "substances"), "2", _CARBON
    ),
    ("Gas", "Global warming potential"): _Table(("gwp",), "3", (_Column(1, "", "gwp-100"),)),
}
_ORIGINS = {"IPCC": "ipcc", "WBCSD": "wbcsd", "J. Falbe": "roempp-chemie-lexikon"}
_NO_VALUE = {"—", "n.a.", ""}
_FOOTNOTE = re.compile(r"\(<sup>(\d)</sup>\)")
_GWP = re.compile(r"([\d ]+) t CO2\(e\)/t (\w+)")


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """Every cell of the six tables. Raises LayoutError if one is missing, or one is there that is not known."""
    (file,) = (declared.name for declared in edition.files if declared.name.endswith(".md"))
    lines = files[file].read_text(encoding="utf-8").splitlines()
    footnotes = _footnotes(lines)
    rows, met = Rows(edition), []
    for number, header, cells in _records(lines):
        if header not in _TABLES:
            raise LayoutError(edition, file, wanted="one of the six tables of Annex VI", found=" | ".join(header))
        if header not in met:
            met.append(header)
        if len(cells) != len(header):
            raise LayoutError(edition, file, wanted=f"{len(header)} cells in line {number}", found=" | ".join(cells))
        for column in _TABLES[header].columns:
            _value(rows, file, number, header, cells, column, footnotes)
    if missing := [" | ".join(header) for header in _TABLES if header not in met]:
        raise LayoutError(edition, file, wanted=missing[0], found=f"{len(met)} tables")
    return rows.reading()


def _records(lines: list[str]) -> Iterator[tuple[int, tuple[str, ...], list[str]]]:
    """Line number, header and cells of every row of every Markdown table."""
    header: tuple[str, ...] = ()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("|"):
            header = ()
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not header:
            header = tuple(cells)
        elif set(line) - set("|- "):
            yield number, header, cells


def _footnotes(lines: list[str]) -> dict[str, str]:
    text = next((line for line in lines if line.startswith("(1) ")), "")
    return {n: words.strip() for n, words in re.findall(r"\((\d)\) (.*?)(?= \(\d\) |$)", text)}


def _value(
    rows: Rows,
    file: str,
    number: int,
    header: tuple[str, ...],
    cells: list[str],
    column: _Column,
    footnotes: dict[str, str],
) -> None:
    table, cell, item = _TABLES[header], cells[column.at], cells[0]
    place = f"line {number}, {header[column.at]}"
    if cell in _NO_VALUE:
        rows.refuse(file, place, "no value is printed", cell)
        return
    source = cells[3] if len(cells) > 3 else ""
    note = [f"source as printed: {source}"] if source else []
    if mark := _FOOTNOTE.search(cell):
        note.append(footnotes.get(mark[1], f"footnote {mark[1]}"))
    fields: dict[str, Any] = {
        "kind": "factor" if column.gas else "property",
        "gas": column.gas,
        "unit": column.unit,
        "name": item,
        "category": " > ".join(table.path),
        "calorific_basis": "LHV" if table.path == ("fuels",) else "",
        "scope": "1" if column.gas else "",
        "boundary": "TTW" if column.gas and table.path == ("fuels",) else "",
        "taken_from": next((who for start, who in _ORIGINS.items() if source.startswith(start)), ""),
    }
    text = _FOOTNOTE.sub("", cell).strip().replace(",", ".")
    if table.path == ("gwp",):
        text, fields = _gwp(rows.edition, file, number, cell, fields)
    rows.add(
        text,
        file=file,
        place=place,
        row=number,
        path=(*table.path, item, column.quantity),
        table=f"Annex VI, section {table.section}",
        cell_text=cell,
        note="; ".join(note),
        **fields,
    )


def _gwp(edition: Edition, file: str, number: int, cell: str, fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The number and the fields of a GWP, which is printed with its unit: 6 630 t CO2(e)/t CF4."""
    match = _GWP.fullmatch(cell)
    if match is None:
        raise LayoutError(edition, file, wanted=f"a figure in t CO2(e)/t in line {number}", found=cell)
    own = {
        "kind": "gwp",
        "gas": match[2],
        "unit": f"tCO2e/t{match[2]}",
        "gwp_set": edition.gwp_set,
        "taken_from": "ipcc",
    }
    return match[1].replace(" ", ""), fields | own
