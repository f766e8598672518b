"""US EPA, GHG Emission Factors Hub, editions 2023 to 2025: twelve tables stacked on one sheet.

Belongs here: what the columns of the tables mean. Does not belong here: where they stand (``_hub_sheet``), GWPs
(``_hub_gwps``).

CO2 is in kg and CH4 and N2O in g on the same row; units change inside Table 1 with a row of their own; the vehicle type
stands on the first row of its block only. Table 6 carries an eGRID year that is older than the edition. Table 9 is on
AR4 in every edition. Table 12 leaves HCFCs and CFCs out of a blend's GWP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, cell_name, slug, workbook
from greenlang.factors.readers._hub_gwps import blends, gwps, gwps_above
from greenlang.factors.readers._hub_sheet import SHEET, Sheet, Table, find_tables

_C, _D, _E, _F, _G, _H, _K = 2, 3, 4, 5, 6, 7, 10
_PER = {
    "mmBtu": "mmBtu",
    "short ton": "short_ton",
    "scf": "scf",
    "gallon": "gallon",
    "mile": "vehicle_mile",  # the 2023 edition's word in the tables of vehicles; "vehicle-mile" since
    "vehicle-mile": "vehicle_mile",
    "passenger-mile": "passenger_mile",
    "ton-mile": "ton_mile",  # "short ton-mile" since the 2025 edition
    "short ton-mile": "ton_mile",
}
_FACTOR = re.compile(r"(CO2|CH4|N2O) Factor \((kg|g)(?: (CO2|CH4|N2O))? / ([\w-]+)\)")
_UNIT_ROW = re.compile(r"(mmBtu|(kg|g) (CO2|CH4|N2O)) per (mmBtu|short ton|scf|gallon)")
_BRACKET = re.compile(r" \((?:i\.e\.|[<>]).*\)$")  # (i.e. Subway, Tram), (< 300 miles)
_GASES = ("CO2", "CH4", "N2O")
_PEAT = (
    "printed under biomass fuels; its CO2 counts as that of a fossil fuel (2006 IPCC Guidelines, Volume 2, Table 1.1)"
)
_AIR = "EPA took the UK's figures of 2022 (Defra/DECC); equal to those without radiative forcing, per mile"
_BLOCKS = ("Total Output Emission Factors", "Non-Baseload Emission Factors")
_USE_OF_BLOCK = {
    "total-output": {"activity": "electricity", "scope": "2", "scope2_method": "location-based"},
    "non-baseload": {
        "activity": "electricity-non-baseload",
        "permitted_use": "project",
        "note": "not for inventories, by EPA's own note; for reductions of projects",
    },
}
_STRAY_HEADER = ("Material", "Recycled", "Landfilled", "Combusted", "Composted")


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """All rows of one edition of the Hub.

    Raises LayoutError where titles, headers or units are not those that the reader knows, and where a number on the
    sheet belongs to no table.
    """
    ((file, path),) = files.items()
    book = workbook(path)
    if SHEET not in book.sheet_names:
        raise LayoutError(edition, file, wanted=f"a sheet `{SHEET}`", found=book.sheet_names)
    sheet = Sheet(edition, file, book.get_sheet_by_name(SHEET).to_python(skip_empty_area=False))
    rows = Rows(edition)
    tables = find_tables(sheet)
    gwps_above(rows, sheet, tables[1])
    _stationary(rows, sheet, tables[1])
    _mobile_co2(rows, sheet, tables[2])
    _gasoline_vehicles(rows, sheet, tables[3])
    _other_vehicles(rows, sheet, tables[4])
    _non_road(rows, sheet, tables[5])
    _electricity(rows, sheet, tables[6])
    _steam(rows, sheet, tables[7])
    _distance(rows, sheet, tables[8], "transport", scope_category="3.4", note="also for category 9, downstream")
    _waste(rows, sheet, tables[9])
    _distance(rows, sheet, tables[10], "business-travel", scope_category="3.6", note="also for category 7, commuting")
    gwps(rows, sheet, tables[11])
    blends(rows, sheet, tables[12])
    sheet.all_read()
    for name in book.sheet_names:
        if name != SHEET:
            _stray_sheet(rows, edition, file, name, book.get_sheet_by_name(name).to_python(skip_empty_area=False))
    return rows.reading()


def _stationary(rows: Rows, sheet: Sheet, table: Table) -> None:
    """Table 1: heat content, then three gases per mmBtu and three per short ton, scf or gallon."""
    start = sheet.header(table, ("Fuel Type", "Heat Content (HHV)", *(f"{gas} Factor" for gas in _GASES * 2)))
    units: list[tuple[str, str, str]] = []
    category = ""
    for row in sheet.body(table, start + 1):
        fuel, texts = sheet.text(row, _C), [sheet.text(row, column) for column in range(_D, _K)]
        if not fuel:
            units = [_unit_of_row(sheet, row, column) for column in range(_D, _K)]
            continue
        if not any(texts):
            category = fuel
            continue
        if not units or not category:
            raise sheet.unknown(f"{table.citation}: units and a heading above every fuel", sheet.place(row, _C))
        biomass = category.startswith("Biomass Fuels") and fuel != "Peat"
        # Anthracite Coal of 2023 is Anthracite since
        activity = _plain(fuel.removesuffix(" Coal") if category == "Coal and Coke" else fuel)
        for column, (gas, unit, per) in enumerate(units, start=_D):
            sheet.add(
                rows,
                row,
                column,
                path=("stationary-combustion", activity, f"{gas or 'heat-content'}-per-{per}"),
                unit=unit,
                gas=gas,
                kind="factor" if gas else "property",
                table=table.citation,
                name=f"{category}, {fuel}" if gas else f"{category}, {fuel}, Heat Content (HHV)",
                category=slug(category),
                region="US",
                scope="1" if gas else "",
                boundary="TTW" if gas else "",
                calorific_basis="HHV" if per == "mmBtu" or not gas else "",
                biogenic=biomass and gas == "CO2",
                note=_PEAT if fuel == "Peat" and gas == "CO2" else "",
            )


def _unit_of_row(sheet: Sheet, row: int, column: int) -> tuple[str, str, str]:
    """``(gas, unit, per)`` of a cell such as "g CH4 per short ton"; the gas is empty for heat contents."""
    text = sheet.text(row, column)
    match = _UNIT_ROW.fullmatch(text)
    if not match:
        raise sheet.unknown("a unit such as `kg CO2 per mmBtu`", f"`{text}` in {sheet.place(row, column)}")
    numerator, prefix, gas, per = match.groups()
    return gas or "", f"{prefix}{gas}/{_PER[per]}" if gas else f"{numerator}/{_PER[per]}", per


def _gas_columns(sheet: Sheet, row: int, first: int, gases: tuple[str, ...]) -> list[tuple[int, str, str, str]]:
    """``(column, gas, prefix, per)`` of headers such as "CH4 Factor (g CH4 / gallon)"."""
    columns = []
    for column, gas in enumerate(gases, start=first):
        text = sheet.text(row, column)
        match = _FACTOR.fullmatch(text)
        if not match or match[1] != gas or (match[3] or gas) != gas or match[4] not in {*_PER, "unit"}:
            raise sheet.unknown(f"a header `{gas} Factor (... / ...)`", f"`{text}` in {sheet.place(row, column)}")
        columns.append((column, gas, match[2], match[4]))
    return columns


def _gases(
    rows: Rows,
    sheet: Sheet,
    row: int,
    columns: list[tuple[int, str, str, str]],
    path: tuple[str, ...],
    *,
    per: str = "",
    **fields: Any,
) -> None:
    """One value for every gas, each with its own unit. ``per`` is the row's where the header says "unit"."""
    for column, gas, prefix, of_header in columns:
        below = _PER[per or of_header]
        sheet.add(
            rows,
            row,
            column,
            path=(*path, f"{gas}-per-{below}"),
            unit=f"{prefix}{gas}/{below}",
            gas=gas,
            **{"region": "US", "boundary": "TTW", "name": ", ".join(path[1:]), **fields},
        )


def _plain(fuel: str) -> str:
    """The fuel as its part of the key: "Fuel Oil No. 2" and "Biodiesel (100%)" without point and percent sign."""
    return fuel.replace(".", " ").replace("%", " ")


def _mobile_co2(rows: Rows, sheet: Sheet, table: Table) -> None:
    start = sheet.header(table, ("Fuel Type", "kg CO2 per unit", "Unit"))
    for row in sheet.body(table, start + 1):
        fuel, per = sheet.text(row, _C), _per(sheet, row, _E)
        _gases(
            rows,
            sheet,
            row,
            [(_D, "CO2", "kg", per)],
            ("mobile-combustion-co2", _plain(fuel)),
            name=fuel,
            table=table.citation,
            scope="1",
            biogenic=fuel.startswith(("Biodiesel", "Ethanol")),
        )


def _per(sheet: Sheet, row: int, column: int) -> str:
    text = sheet.text(row, column)
    if text not in _PER:
        raise sheet.unknown(f"a unit out of {sorted(_PER)}", f"`{text}` in {sheet.place(row, column)}")
    return text


def _gasoline_vehicles(rows: Rows, sheet: Sheet, table: Table) -> None:
    """Table 3. A vehicle type may go on in brackets on its second row: (Vans, Pickup Trucks, SUVs)."""
    start = sheet.either(table, (("Vehicle Type", "Model Year"), ("Vehicle Type", "Year")))
    columns = _gas_columns(sheet, start, _E, ("CH4", "N2O"))
    body = list(sheet.body(table, start + 1))
    vehicle = words = ""
    for index, row in enumerate(body):
        label = sheet.text(row, _C)
        if label and not label.startswith("("):
            following = sheet.text(body[index + 1], _C) if index + 1 < len(body) else ""
            vehicle, words = label, f"{label} {following}" if following.startswith("(") else label
        year = sheet.words(row, _D)
        _gases(
            rows,
            sheet,
            row,
            columns,
            ("mobile-combustion", vehicle, year.replace("≤", "up to ")),
            name=f"{words}, {year}",
            table=table.citation,
            category="on-road-gasoline-vehicles",
            scope="1",
        )


def _other_vehicles(rows: Rows, sheet: Sheet, table: Table) -> None:
    """Table 4. Vehicle and fuel stand on the first row of their blocks; only diesel has model years."""
    start = sheet.either(table, tuple(("Vehicle Type", "Fuel Type", y) for y in ("Model Year", "Vehicle Year")))
    columns = _gas_columns(sheet, start, _F, ("CH4", "N2O"))
    vehicle = fuel = ""
    for row in sheet.body(table, start + 1):
        vehicle, fuel = sheet.text(row, _C) or vehicle, sheet.text(row, _D) or fuel
        path = ("mobile-combustion", vehicle, fuel, *filter(None, [sheet.words(row, _E)]))
        category = "on-road-diesel-and-alternative-fuel-vehicles"
        _gases(rows, sheet, row, columns, path, table=table.citation, category=category, scope="1")


def _non_road(rows: Rows, sheet: Sheet, table: Table) -> None:
    start = sheet.header(table, ("Vehicle Type", "Fuel Type"))
    columns = _gas_columns(sheet, start, _E, ("CH4", "N2O"))
    vehicle = ""
    for row in sheet.body(table, start + 1):
        vehicle = sheet.label(row, _C) or vehicle
        path = ("mobile-combustion", vehicle, sheet.text(row, _D))
        _gases(rows, sheet, row, columns, path, table=table.citation, category="non-road-vehicles", scope="1")


def _electricity(rows: Rows, sheet: Sheet, table: Table) -> None:
    """Table 6: total output rates serve inventories; non-baseload rates and gross losses do not (EPA's notes)."""
    start, year, losses = _egrid_header(sheet, table)
    for row in sheet.body(table, start + 2):
        acronym, words = sheet.text(row, _C), sheet.text(row, _D)
        if words.startswith(f"{acronym} ("):  # AKGD (ASCC Alaska Grid) in 2023
            words = words.removeprefix(f"{acronym} (").removesuffix(")")
        region = "US" if acronym == "US Average" else acronym
        for column, gas in enumerate(_GASES * 2, start=_E):
            block = "total-output" if column < _H else "non-baseload"
            sheet.add(
                rows,
                row,
                column,
                path=("electricity", block, region, f"{gas}-per-mwh"),
                unit=f"lb{gas}/MWh",
                gas=gas,
                name=f"{_BLOCKS[column >= _H]}, {words}",
                category=slug(_BLOCKS[column >= _H]),
                region=region,
                region_name=words,
                data_year=year,
                boundary="TTW",
                table=f"{table.citation}, eGRID{year}",
                **_USE_OF_BLOCK[block],
            )
        if losses:
            sheet.refuse(rows, row, _K, "grid gross loss, not a factor")


def _egrid_header(sheet: Sheet, table: Table) -> tuple[int, int, bool]:
    """The row of the header, the eGRID year of the source line, and whether there is a column of losses."""
    wanted = ("eGRID Subregion Acronym", "eGRID Subregion Name", *(f"{gas} Factor" for gas in _GASES * 2))
    start = sheet.header(table, wanted)
    if (sheet.text(start - 1, _E), sheet.text(start - 1, _H)) != _BLOCKS:
        raise sheet.unknown(f"{table.citation}: {_BLOCKS}", [sheet.text(start - 1, c) for c in range(_E, _K)])
    for column, gas in enumerate(_GASES * 2, start=_E):
        if sheet.text(start + 1, column) not in {f"(lb {gas} / MWh)", "(lb / MWh)"}:
            raise sheet.unknown(f"(lb {gas} / MWh)", sheet.text(start + 1, column))
    year = re.search(r"Source: EPA eGRID(20\d\d)\b", sheet.notes(table))
    if not year:
        raise sheet.unknown(f"{table.citation}: Source: EPA eGRID and its year", "none")
    return start, int(year[1]), sheet.text(start, _K) == "Grid Gross Loss (%)"


def _steam(rows: Rows, sheet: Sheet, table: Table) -> None:
    start = next((row for row in range(table.first, table.last) if sheet.text(row, _D)), table.first)
    columns = _gas_columns(sheet, start, _D, _GASES)
    for row in sheet.body(table, start + 1):
        path = ("steam-and-heat", sheet.text(row, _C))
        note = "natural gas at 80 percent thermal efficiency"
        fields = {"scope": "2", "scope2_method": "location-based", "note": note}
        _gases(rows, sheet, row, columns, path, table=table.citation, **fields)


def _distance(rows: Rows, sheet: Sheet, table: Table, group: str, *, scope_category: str, note: str) -> None:
    """Tables 8 and 10: three gases per unit, and the unit in the last column."""
    start = sheet.header(table, ("Vehicle Type",))
    columns = _gas_columns(sheet, start, _D, _GASES)
    if sheet.text(start, _G) != "Units":
        raise sheet.unknown(f"{table.citation}: Units in column G", sheet.text(start, _G))
    for row in sheet.body(table, start + 1):
        vehicle = sheet.label(row, _C)
        air = vehicle.startswith("Air Travel")
        _gases(
            rows,
            sheet,
            row,
            columns,
            (group, _BRACKET.sub("", vehicle)),
            name=vehicle,
            per=_per(sheet, row, _G),
            table=table.citation,
            category=group,
            scope="3",
            scope_category=scope_category,
            radiative_forcing="without" if air else "",
            taken_from="desnz" if air else "",
            note=f"{note}; {_AIR}" if air else note,
        )


def _waste(rows: Rows, sheet: Sheet, table: Table) -> None:
    """Table 9: CO2e on AR4 in every edition, by treatment, transport to the plant included, avoided emissions not."""
    start = sheet.header(table, ("Material", "Recycled", "Landfilled", "Combusted", "Composted"))
    unit = sheet.text(start - 1, _D)
    if unit != "Metric Tons CO2e / Short Ton Material":
        raise sheet.unknown("Metric Tons CO2e / Short Ton Material", unit)
    if "AR4 GWP" not in sheet.notes(table):
        raise sheet.unknown(f"{table.citation}: a note that says AR4 GWP", "none")
    treatments = [sheet.label(start, column) for column in range(_D, _K - 1)]
    for row in sheet.body(table, start + 1):
        material = sheet.text(row, _C)
        for column, treatment in enumerate(treatments, start=_D):
            sheet.add(
                rows,
                row,
                column,
                path=("waste", material, treatment, "co2e-per-short-ton"),
                unit="tCO2e/short_ton",
                gas="CO2e",
                gwp_set="AR4GWP100",
                name=f"{material}, {treatment}",
                category="waste",
                region="US",
                scope="3",
                scope_category="3.5",
                table=table.citation,
                note="also for category 12, end of life; on AR4 in every edition",
            )


def _stray_sheet(rows: Rows, edition: Edition, file: str, name: str, cells: list[list[Any]]) -> None:
    """A sheet that is not EPA's: the copy of Table 9 in the 2025 file. Anything else is not known."""
    header = tuple(str(cell) for cell in cells[0][: len(_STRAY_HEADER)]) if cells else ()
    if header != _STRAY_HEADER:
        raise LayoutError(edition, file, wanted=f"the sheet `{SHEET}` alone", found=f"a sheet `{name}` with {header}")
    for row, values in enumerate(cells[1:], start=2):
        for column, value in enumerate(values[1:], start=2):
            rows.refuse(file, f"{name}!{cell_name(row, column)}", "stray sheet, not EPA's", value)
