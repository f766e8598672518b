"""European Environment Agency, CO2 emission intensity of electricity generation, 1990 to 2019: two files of its charts.

Belongs here: the long tables date, country, index. Does not belong here: the EEA's later indicator in CO2e.

Headers are "name:type". Grams of CO2 per kilowatt-hour. Columns of indicative levels belong to a line in the chart from
2019 to the year 2030: the year 2030 is a projection, the beginning of the line is no observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows
from greenlang.factors.readers._regions import iso2
from greenlang.factors.readers._table import read_table

_INDEX = "index:number"
_LEVELS = {
    "Indicative level - high:number": "indicative-level-high",
    "Indicative level - low:number": "indicative-level-low",
}
_HEADERS = {
    "co2-emission-intensity-6": ["Date:year", "Member State:text", _INDEX, *_LEVELS],
    "electricity-generation-5": ["date:number", "ugeo:text", _INDEX],
}
# the EEA's own aggregates: the Union of 27 (from 2020) and of 28 (2013 to 2020), which is the 27 and the United Kingdom
_UNIONS = {
    "European Union - 27 countries (from 2020)": "EU27",
    "European Union - 28 countries (2013-2020)": "EU28",
    "EU-27": "EU27",
    "EU-27 + UK": "EU28",
}
_LAST_OBSERVED = 2019


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """One row a country and year. Raises LayoutError for another header, and for a country that is not known."""
    ((file, path),) = files.items()
    if edition.vintage not in _HEADERS:
        raise LayoutError(edition, file, wanted=f"one of the editions {list(_HEADERS)}", found=edition.vintage)
    header, lines = read_table(edition, file, path, [_HEADERS[edition.vintage]])
    rows = Rows(edition)
    for number, line in lines:
        year, words = line[0], line[1]
        region = _UNIONS.get(words) or iso2(words)
        if not region or not year.isdigit():
            raise LayoutError(edition, file, wanted="a year and a country or the EU", found=f"line {number}: {line}")
        for title, text in zip(header[2:], line[2:], strict=True):
            _value(rows, file, number, title, text, int(year), region, words)
    return rows.reading()


def _value(rows: Rows, file: str, number: int, title: str, text: str, year: int, region: str, words: str) -> None:
    place = f"line {number}, column {title.partition(':')[0]}"
    level = _LEVELS.get(title)
    if not text.strip():
        rows.refuse(file, place, "empty cell")
    elif text == "None":
        rows.refuse(file, place, "None instead of a number", text)
    elif level and year <= _LAST_OBSERVED:
        rows.refuse(file, place, "beginning of the line of indicative levels, not an observation", text)
    else:
        fields: dict[str, Any] = {"scope": "2", "scope2_method": "location-based"}
        if level:
            fields = {"status": "projection", "note": "indicative level for the year, not an observation"}
        rows.add(
            text,
            file=file,
            place=place,
            row=number,
            path=("electricity", region, str(year), *([level] if level else []), "co2-per-kwh"),
            unit="gCO2/kWh",
            gas="CO2",
            activity="electricity",
            table=title.partition(":")[0],
            name=f"CO2 emission intensity of electricity generation, {words}, {year}",
            region=region,
            region_name=words,
            data_year=year,
            boundary="TTW",
            **fields,
        )
