"""US EPA, eGRID: total output rates in CO2e by subregion and state (data years 2018 to 2021), and an old fuel table.

Belongs here: the two wide tables of rates, one column a data year, and the fuel table of the production model. Does not
belong here: the rates by gas (``epa_ghg_hub``, Table 6).

The fuel table holds 40 CFR 98 Tables C-1 and C-2 as they stood before November 2013: every row is superseded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, slug
from greenlang.factors.readers._table import read_table

_YEARS = ("2018", "2019", "2020", "2021")
_FUEL_HEADER = (
    "fuel_type",
    "fuel_category",
    "eia_fuel_code",
    "co2_ef",
    "co2_units",
    "ch4_ef",
    "ch4_units",
    "n2o_ef",
    "n2o_units",
    "source",
)
_FUEL_UNITS = (
    (3, "CO2", "ton CO2/mmBtu", "short_tonCO2/mmBtu"),
    (5, "CH4", "lbs CH4/mmBtu", "lbCH4/mmBtu"),
    (7, "N2O", "lbs N2O/mmBtu", "lbN2O/mmBtu"),
)
# Fuels without a category that are biomass by their EIA code (Form EIA-923, fuel type codes): black liquor, other
# biomass solids, liquids and gas, landfill gas, wood waste liquids, sludge waste, the biogenic part of municipal waste.
_BIOMASS_CODES = frozenset({"BLQ", "OBS", "OBL", "OBG", "LFG", "WDL", "SLW", "MSB"})
_SOURCES = {
    "EPA GHG MRR": "40 CFR 98 Tables C-1 and C-2 before November 2013",
    "IPCC": "IPCC 2006 Guidelines, by EPA's column source",
    "use OBL": "EPA uses the factor of other biomass liquids",
    "use NG": "EPA uses the factor of natural gas",
}
_NO_FACTOR = "no EF"


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """The rates of the edition's data year, or the fuel table.

    Raises LayoutError for other columns, units or sources than the reader knows.
    """
    rows = Rows(edition)
    rates = edition.vintage in _YEARS
    headers = [("subregion", *_YEARS), ("state", *_YEARS)] if rates else [_FUEL_HEADER]
    for file, path in files.items():
        header, lines = read_table(edition, file, path, headers)
        if rates:
            _rates(rows, file, header, lines)
        else:
            _fuels(rows, file, lines)
    return rows.reading()


def _rates(rows: Rows, file: str, header: list[str], lines: list[tuple[int, list[str]]]) -> None:
    kind, column = header[0], header.index(rows.edition.vintage)
    for number, line in lines:
        code, value = line[0], line[column]
        place = f"line {number}, column {rows.edition.vintage}"
        if not value.strip():
            rows.refuse(file, place, "empty cell")
            continue
        # Puerto Rico came into eGRID with 2019; the extract fills 2018 with the next year's figure
        if code in {"PR", "PRMS"} and rows.edition.vintage == "2018" and value == line[column + 1]:
            rows.refuse(file, place, "Puerto Rico 2018 repeats 2019", value)
            continue
        region = f"US-{code}" if kind == "state" and code != "PR" else code
        rows.add(
            value,
            file=file,
            place=place,
            row=number,
            path=("electricity", "total-output", region, "co2e-per-mwh"),
            unit="lbCO2e/MWh",
            gas="CO2e",
            activity="electricity",
            table=f"eGRID total output emission rates by {kind}",
            name=f"Total output emission rate, {code}",
            category=f"total-output-by-{kind}",
            region=region,
            region_name=code,
            scope="2",
            scope2_method="location-based",
            boundary="TTW",
            note="New York State as one: no eGRID subregion, the state's rate" if code == "NYST" else "",
        )


def _fuels(rows: Rows, file: str, lines: list[tuple[int, list[str]]]) -> None:
    for number, line in lines:
        fuel, category, code, source = line[0], line[1], line[2], line[-1]
        units = tuple(line[column + 1] for column, *_ in _FUEL_UNITS)
        if units != tuple(printed for _, _, printed, _ in _FUEL_UNITS) or source not in {*_SOURCES, _NO_FACTOR}:
            found = f"line {number}: {units}, {source}"
            raise LayoutError(rows.edition, file, wanted="the known units and sources of fuel factors", found=found)
        biomass = (category.startswith("Biomass") and fuel != "Peat") or code in _BIOMASS_CODES
        for column, gas, _, unit in _FUEL_UNITS:
            place = f"line {number}, column {_FUEL_HEADER[column]}"
            if source == _NO_FACTOR:
                rows.refuse(file, place, "zero that stands for no factor (source: no EF)", line[column])
                continue
            rows.add(
                line[column],
                file=file,
                place=place,
                row=number,
                path=("fuel-combustion", fuel, *([] if code == "NA" else [code]), f"{gas}-per-mmbtu"),
                unit=unit,
                gas=gas,
                table="static table co2_ch4_n2o_ef",
                name=fuel if code == "NA" else f"{fuel}, {code}",
                category="" if category == "NA" else slug(category.replace("—", "-")),
                region="US",
                scope="1",
                boundary="TTW",
                calorific_basis="HHV",
                biogenic=biomass and gas == "CO2",
                taken_from="ipcc" if source == "IPCC" else "",
                status="superseded",
                note=_SOURCES[source],
            )
