"""UNFCCC, Harmonized IFI Default Grid Factors 2021 v3.1: four combined margins and an operating margin a territory.

Belongs here: the table below its three header rows, and the codes of its territories. Does not belong here: build
margins and weights behind a combined margin (AHG-001).

CO2 alone. A combined margin is for accounting of projects, by kind of project; only the operating margin is for
financed emissions (PCAF). Neither is for inventories. It loads only when it is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, csv_rows
from greenlang.factors.readers._regions import iso2

_COMBINED = "Combined Margin Grid Emission Factor, gCO2/kWh"
_OPERATING = "Operating Margin Grid Emission Factor, gCO2/kWh (including for use in PCAF GHG accounting)"
_USES = (
    "Firm Energy (e.g., Hydro, Geothermal)",
    "Intermittent Energy (e.g., Solar, Wind, Tidal)",
    "Energy Efficiency",
    "Electricity Consumption",
)
_HEADER = (
    ("", _COMBINED, "", "", "", _OPERATING),
    ("", *_USES, ""),
    ("Country / Territory / Island", "", "", "", "", ""),
)
_EUROPEAN_UNION = "Memo: EU 27"
# What is no country of ISO 3166-1: 3166-2 codes, or (Channel Islands) a name of the publisher's own.
_PARTS = {
    "Azores (Portugal)": "PT-20",
    "Madeira (Portugal)": "PT-30",
    "Canary Islands (Spain)": "ES-CN",
    "Bonaire (Netherland)": "BQ-BO",
    "Channel Islands (U.K)": "CHANNEL-ISLANDS",
    "China (PRC and Hong Kong)": "CN",
    "Curacao/Netherlands Antilles": "CW",
    _EUROPEAN_UNION: "EU27",
}
_SOVEREIGN = re.compile(r" \((?:U\.K\.|U\.S\.|France|Denmark|Netherlands)\)$")
_ZERO = "printed as 0"


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """Five rows a territory. Raises LayoutError for other headers, and for a territory that is not known."""
    ((file, path),) = files.items()
    lines = csv_rows(path)
    header = tuple(tuple(" ".join(cell.split()) for cell in line) for line in lines[: len(_HEADER)])
    if header != _HEADER:
        raise LayoutError(edition, file, wanted=_HEADER, found=header)
    rows = Rows(edition)
    for number, line in enumerate(lines[len(_HEADER) :], start=len(_HEADER) + 1):
        words = " ".join(line[0].split())
        if not any(line[1:]) and (not words or words.startswith("Note ")):
            continue
        region = _PARTS.get(words) or iso2(words) or iso2(_SOVEREIGN.sub("", words))
        if not region or len(line) != len(_HEADER[0]):
            raise LayoutError(edition, file, wanted="a territory and five values", found=f"record {number}: {line}")
        for column, text in enumerate(line[1:], start=1):
            _value(rows, file, number, column, text, region, words)
    return rows.reading()


def _value(rows: Rows, file: str, number: int, column: int, text: str, region: str, words: str) -> None:
    place = f"record {number}, column {column + 1}"
    if not text.strip():
        rows.refuse(file, place, "empty cell")
        return
    combined = column <= len(_USES)
    use = _USES[column - 1] if combined else ""
    rows.add(
        text,
        file=file,
        place=place,
        row=number,
        path=(
            "electricity",
            region,
            *(["combined-margin", use.partition(" (")[0]] if combined else ["operating-margin"]),
            "co2-per-kwh",
        ),
        unit="gCO2/kWh",
        gas="CO2",
        activity=f"electricity/combined-margin/{use.partition(' (')[0].lower().replace(' ', '-')}"
        if combined
        else "electricity/operating-margin",
        table=_COMBINED if combined else _OPERATING,
        name=f"Combined margin, {use}, {words}" if combined else f"Operating margin, {words}",
        region=region,
        region_name=words,
        boundary="TTW",
        permitted_use="project" if combined else "finance",
        note=_ZERO if text.strip() == "0" else "",
    )
