"""Our World in Data, carbon intensity of electricity generation (Ember; Energy Institute): editions 2024 and 2026.

Belongs here: the long table entity, code, year, value. Does not belong here: combustion-only rates of other publishers.

The figures are life-cycle emissions in grams of CO2e (Ember names no GWP set); the title of the value column changes
from edition to edition and names neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, number, slug
from greenlang.factors.readers._regions import iso2
from greenlang.factors.readers._table import read_table

_KEYS = ["Entity", "Code", "Year"]
_TITLES = {
    "2024": "Carbon intensity of electricity - gCO2/kWh",
    "2026": "Carbon intensity of electricity per kWh",
}
_OWN_CODE = "OWID_"  # Our World in Data's own codes: OWID_WRL; the 2026 edition has them for twelve entities more
_EUROPEAN_UNION = {"European Union (27)": "EU27"}
_LIFE_CYCLE = "life-cycle basis: not comparable with rates of combustion alone"
_ZERO = f"printed as 0, though no electricity has a life-cycle intensity of zero; {_LIFE_CYCLE}"


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """One row an entity and year. Raises LayoutError for another header, and for a code that is no country's."""
    ((file, path),) = files.items()
    if edition.vintage not in _TITLES:
        raise LayoutError(edition, file, wanted=f"one of the editions {list(_TITLES)}", found=edition.vintage)
    title = _TITLES[edition.vintage]
    _, lines = read_table(edition, file, path, [(*_KEYS, title)])
    rows = Rows(edition)
    for line_number, (entity, code, year, value) in lines:
        region = _region(entity, code)
        if not region or not year.isdigit():
            raise LayoutError(
                edition,
                file,
                wanted="an ISO 3166 code and a year",
                found=f"line {line_number}: {entity}, {code}, {year}",
            )
        rows.add(
            value,
            file=file,
            place=f"line {line_number}",
            row=line_number,
            path=("electricity", region, year, "co2e-per-kwh"),
            unit="gCO2e/kWh",
            gas="CO2e",
            activity="electricity",
            table=title,
            name=f"Carbon intensity of electricity, {entity}, {year}",
            region=region,
            region_name=entity,
            data_year=int(year),
            boundary="life-cycle",
            taken_from="Ember",
            note=_ZERO if number(value) == Decimal(0) else _LIFE_CYCLE,
        )
    return rows.reading()


@cache
def _region(entity: str, code: str) -> str:
    """The country's ISO code; for aggregates the entity in capitals: WORLD, AFRICA-EMBER, EU27; empty if unknown."""
    if code and not code.startswith(_OWN_CODE):
        return iso2(code) or ""
    return iso2(entity) or _EUROPEAN_UNION.get(entity) or slug(entity).upper()
