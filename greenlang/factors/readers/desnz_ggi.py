"""UK greenhouse gas inventory: carbon emission factors and calorific values for the UK emissions trading scheme.

Belongs here: the layout of the workbook "Carbon Emission Factors and Calorific Values", editions 2024 and 2025 (one
table a sheet). Does not belong here: the conversion factors for company reporting (``desnz_flat``).

A fuel's path is industry and fuel; the sector is left out of keys, since its code changed from IPCC to CRT categories
in 2025 (note 18). Factors are CO2 alone, oxidation already in them (note 2). ``kt C per Mt`` is kilograms of carbon a
tonne, ``kt C per Mtherm`` kilograms a therm, on gross calorific value; the therm is the EC one of 105.5056 MJ, as the
workbook's own CO2 per TJ shows. Cubic metres of the regional table are at 15 degC and 1.01325 bar (note 14).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, cell_name, slug, workbook

NOTE = "a note instead of a number"
_FUELS, _REGIONS, _OXIDATION = (
    "Emission_Factors_&_CVs",
    "Regional_Natural_Gas_Data",
    "Oxidation_Factors,Fuel_Density",
)
_SHEETS = (
    "Cover",
    "Contents",
    "Notes&Terminology",
    _FUELS,
    _REGIONS,
    "LDZ_and_postcode_areas",
    _OXIDATION,
    "References",
)
_SECTOR = {"2024": "IPCC 2006 Sector", "2025": "CRT Category [note 18]"}
_FUEL_HEADER = (
    "Industry",
    "UK GHG fuel",
    "CEF (Gross) [note 1]",
    "CO2 EF (Gross)",
    "CEF Units",
    "CO2 tCO2/TJ (net)",
    "GCV",
    "GCV Units",
    "Conversion factors for gross to net energy consumption",
    "NCV",
    "NCV Units",
    "Oxidation factor used in the UK GHGI [note 2]",
)
_REGION_HEADER = (
    "Local Distribution Zone (LDZ)",
    "LDZ abbreviation",
    "CEF(g) tCO2/TJ",
    "CEF(n) tCO2/TJ",
    "CEF(g) gCO2/m3",
    "GCV MJ/m3",
    "NCV MJ/m3",
)
_OXIDATION_HEADER = ("Fuel", "Source", "Unburnt C Correction (%)", "Reference")
# unit of the CEF column -> unit under the line, its word in keys, calorific basis
_PER_FUEL = {
    "kt C per Mt fuel consumed": ("t", "tonne", ""),
    "kt C per Mtherm fuel consumed": ("EC_therm", "therm", "HHV"),
}
_PER_HEAT = {"GJ/tonne": ("GJ/t", "tonne"), "MJ/m3": ("MJ/m^3", "m3")}
_FOOTNOTE = re.compile(r"\s*\[note \d+\]")
_NOTES = {
    "3": "adjusted for the biomass in the tyres",
    "7": "from a very small dataset, quite uncertain",
    "10": "from a carbon balance of integrated steelworks: may not be the best default",
    "19": "to 2024 one fuel, MSW",
}
_NO_OTHER_OXIDATION = "oxidation is in the emission factors already: never correct them again"


@dataclass(frozen=True, slots=True)
class _Quantity:
    column: int
    word: str
    unit: str
    gas: str = ""
    basis: str = ""
    note: str = ""


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """All figures of one edition. Raises LayoutError if sheets, headers or units are not those of the edition."""
    if edition.vintage not in _SECTOR:
        raise LayoutError(edition, ", ".join(files), wanted="edition 2024 or 2025", found=edition.vintage)
    (file, path), *others = files.items()
    if others:
        raise FactorTableError(f"{edition.name}: {len(files)} files instead of one")
    book = workbook(path)
    if tuple(book.sheet_names) != _SHEETS:
        raise LayoutError(edition, file, wanted=f"the sheets {', '.join(_SHEETS)}", found=", ".join(book.sheet_names))
    rows = Rows(edition)
    _fuels(rows, file, book.get_sheet_by_name(_FUELS).to_python(skip_empty_area=False))
    _regions(rows, file, book.get_sheet_by_name(_REGIONS).to_python(skip_empty_area=False))
    _oxidation(rows, file, book.get_sheet_by_name(_OXIDATION).to_python(skip_empty_area=False))
    return rows.reading()


def _fuels(rows: Rows, file: str, table: Sequence[Sequence[Any]]) -> None:
    start = _header(rows.edition, file, _FUELS, table, (_SECTOR[rows.edition.vintage], *_FUEL_HEADER))
    sector = ""
    for number, cells in enumerate(table[start:], start + 1):
        sector = str(cells[0]).strip() or sector
        industry, fuel = _plain(cells[1]), _plain(cells[2])
        if not fuel:
            continue
        if industry == "All":  # all of agriculture, forestry and fishing: the sector says so
            industry = f"{sector.partition(' ')[2]}, all"
        for quantity in _quantities(rows.edition, file, number, cells):
            _add(
                rows,
                cells[quantity.column],
                quantity,
                file=file,
                sheet=_FUELS,
                row=number,
                path=(industry, fuel),
                name=f"{sector}, {_plain(cells[1])}, {fuel}",
                category=slug(sector),
                region="GB",
                note="; ".join(filter(None, (quantity.note, *_footnotes(cells[2])))),
            )


def _quantities(edition: Edition, file: str, number: int, cells: Sequence[Any]) -> tuple[_Quantity, ...]:
    """The value columns of a fuel, in its own units; a row of notes has none, and its cells are refused one by one."""
    text = str(cells[5]).strip()
    per, word, basis = _PER_FUEL.get(text, ("t", "tonne", ""))
    heat, volume = _PER_HEAT.get(str(cells[8]).strip(), ("GJ/t", "tonne"))
    known = text in _PER_FUEL and str(cells[8]).strip() in _PER_HEAT and cells[8] == cells[11]
    if not known and not str(cells[3]).strip().startswith("[note"):
        found = f"`{text}`, `{cells[8]}`, `{cells[11]}` in row {number}"
        raise LayoutError(edition, file, wanted="kt C per Mt or Mtherm, GJ/tonne or MJ/m3", found=found)
    return (
        _Quantity(3, f"carbon-per-{word}", f"kg/{per}", basis=basis, note="carbon, not CO2"),
        _Quantity(4, f"co2-per-{word}", f"kgCO2/{per}", "CO2", basis),
        _Quantity(6, "co2-per-tj-net", "tCO2/TJ", "CO2", "LHV"),
        _Quantity(7, f"heat-content-gross-per-{volume}", heat, basis="HHV"),
        _Quantity(9, "net-per-gross-energy", "1"),
        _Quantity(10, f"heat-content-net-per-{volume}", heat, basis="LHV"),
        _Quantity(12, "oxidation-factor", "1", note=_NO_OTHER_OXIDATION),
    )


def _regions(rows: Rows, file: str, table: Sequence[Sequence[Any]]) -> None:
    start = _header(rows.edition, file, _REGIONS, table, _REGION_HEADER)
    year = re.fullmatch(r"Carbon dioxide emission factors for UK natural gas (20\d\d) .*", str(table[0][0]).strip())
    if year is None:
        raise LayoutError(rows.edition, file, wanted=f"the year in {_REGIONS}!A1", found=f"`{table[0][0]}`")
    quantities = (
        _Quantity(2, "co2-per-tj-gross", "tCO2/TJ", "CO2", "HHV"),
        _Quantity(3, "co2-per-tj-net", "tCO2/TJ", "CO2", "LHV"),
        _Quantity(4, "co2-per-sm3", "gCO2/Sm3", "CO2"),
        _Quantity(5, "heat-content-gross-per-sm3", "MJ/Sm3", basis="HHV"),
        _Quantity(6, "heat-content-net-per-sm3", "MJ/Sm3", basis="LHV"),
    )
    for number, cells in enumerate(table[start:], start + 1):
        zone, code = str(cells[0]).strip(), str(cells[1]).strip()
        if not code:  # the notes below the table stand in the first column alone
            if any(str(cell).strip() for cell in cells[1:]):
                raise LayoutError(rows.edition, file, wanted=f"an abbreviation in row {number}", found=f"`{zone}`")
            continue
        for quantity in quantities:
            _add(
                rows,
                cells[quantity.column],
                quantity,
                file=file,
                sheet=_REGIONS,
                row=number,
                path=("natural-gas", code),
                name=f"Natural gas, {zone}",
                category="regional-natural-gas-data",
                # the bare abbreviations are ISO codes of other places: NO, SE, NE, SO, SC
                region=f"GB-LDZ-{code.upper()}",
                region_name=zone,
                data_year=int(year[1]),
            )


def _oxidation(rows: Rows, file: str, table: Sequence[Sequence[Any]]) -> None:
    """Unburnt carbon. The header says percent; the cells hold shares: 1 - oxidation factor of the first sheet."""
    start = _header(rows.edition, file, _OXIDATION, table, _OXIDATION_HEADER)
    fuel = ""
    quantity = _Quantity(2, "unburnt-carbon-share", "1", note=_NO_OTHER_OXIDATION)
    for number, cells in enumerate(table[start:], start + 1):
        fuel, source = str(cells[0]).strip() or fuel, str(cells[1]).strip()
        if not source:  # below: where fuel densities are to be found, without figures
            break
        _add(
            rows,
            cells[2],
            quantity,
            file=file,
            sheet=_OXIDATION,
            row=number,
            path=("unburnt-carbon", fuel, source),
            name=f"Unburnt carbon correction, {fuel}, {source}",
            category="unburnt-carbon-fractions",
            region="GB",
            note=f"{quantity.note}; {str(cells[3]).strip()}",
        )


def _add(
    rows: Rows,
    cell: object,
    quantity: _Quantity,
    *,
    file: str,
    sheet: str,
    row: int,
    path: tuple[str, ...],
    **fields: Any,
) -> None:
    place = f"{sheet}!{cell_name(row, quantity.column + 1)}"
    if str(cell).strip().startswith("[note"):
        rows.refuse(file, place, NOTE, cell)
        return
    factor = bool(quantity.gas)
    rows.add(
        cell,
        file=file,
        place=place,
        path=(*path, quantity.word),
        unit=quantity.unit,
        gas=quantity.gas,
        table=sheet,
        row=row,
        kind="factor" if factor else "property",
        scope="1" if factor else "",
        boundary="TTW" if factor else "",
        calorific_basis=quantity.basis,
        **fields,
    )


def _plain(cell: object) -> str:
    return _FOOTNOTE.sub("", str(cell)).strip()


def _footnotes(cell: object) -> list[str]:
    return [_NOTES[number] for number in re.findall(r"\[note (\d+)\]", str(cell)) if number in _NOTES]


def _header(edition: Edition, file: str, sheet: str, table: Sequence[Sequence[Any]], wanted: tuple[str, ...]) -> int:
    """The number of the line after the header, from 0."""
    nearest: tuple[str, ...] = ()
    for index, cells in enumerate(table[:20]):
        texts = tuple(re.sub(r"\s+", " ", str(cell)).strip() for cell in cells)
        if texts == wanted:
            return index + 1
        if wanted[1] in texts:
            nearest = texts
    found = " | ".join(nearest) or f"no line with {wanted[1]}"
    raise LayoutError(edition, file, wanted=f"{sheet} with the header {' | '.join(wanted)}", found=found)
