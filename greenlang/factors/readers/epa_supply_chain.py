"""US EPA, Supply Chain Greenhouse Gas Emission Factors by NAICS-6: v1.2 (CO2e and by gas) and v1.3 (CO2e).

Belongs here: the three value columns and the names of the gases. Does not belong here: exchange rates and deflators.

Kilograms per US dollar at purchaser price. Without margins + margins = with margins: the first two are stages of the
third and never summed with it. Many NAICS codes share one model (1,016 codes, 410 models in v1.2); its code is in the
note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows
from greenlang.factors.readers._table import read_table

# The first two are called "NAICS Code 2017" in v1.2 and "2017 NAICS Code" in v1.3.
_HEADERS = (
    ("NAICS Code 2017", "NAICS Title 2017"),
    ("2017 NAICS Code", "2017 NAICS Title"),
)
_COLUMNS = (
    "GHG",
    "Unit",
    "Supply Chain Emission Factors without Margins",
    "Margins of Supply Chain Emission Factors",
    "Supply Chain Emission Factors with Margins",
    "Reference USEEIO Code",
)
_WHOLE, _WHOLE_COLUMN = "with-margins", 6
_STAGES = (("without-margins", 4), ("margins", 5))
_ALL = "All GHGs"
_UNSPECIFIED = "HFCs and PFCs, unspecified"
_GASES = {
    "Carbon dioxide": "CO2",
    "Methane": "CH4",
    "Nitrous oxide": "N2O",
    "Sulfur hexafluoride": "SF6",
    "Nitrogen trifluoride": "NF3",
    "Carbon tetrafluoride": "CF4",
    "Hexafluoroethane": "C2F6",
    "Perfluoropropane": "C3F8",
    "Perfluorocyclobutane": "c-C4F8",
    "HFC-23": "HFC-23",
    "HFC-32": "HFC-32",
    "HFC-125": "HFC-125",
    "HFC-134a": "HFC-134a",
    "HFC-143a": "HFC-143a",
    "HFC-236fa": "HFC-236fa",
}
_OWN_UNIT = frozenset({"CO2", "CH4", "N2O", "SF6", "NF3"})  # greenlang.units knows their kilograms
_KNOWN = frozenset({_ALL, _UNSPECIFIED, *_GASES})
_CATEGORY_NOTE = "also for category 2, capital goods"


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """All rows of one version.

    Raises LayoutError for other headers, units, gases or price years than the reader knows.
    """
    rows = Rows(edition)
    # the file of totals first: parts name the total that they belong to
    for file in sorted(files, key=lambda name: "_byGHG_" in name):
        _, lines = read_table(edition, file, files[file], [(*first, *_COLUMNS) for first in _HEADERS])
        for number, line in lines:
            _line(rows, file, number, line)
    return rows.reading()


def _line(rows: Rows, file: str, number: int, line: list[str]) -> None:
    """Three values of one NAICS code and gas: the whole, and its two stages."""
    edition = rows.edition
    code, title, words, unit_text, *_, model = line
    # the file by gas leaves CO2e out of every unit, also where it belongs (see _quantity)
    printed = f"kg{' CO2e' if words == _ALL else ''}/{edition.options['price_year']} USD, purchaser price"
    if not re.fullmatch(r"\d{6}", code) or words not in _KNOWN or unit_text != printed:
        found = f"line {number}: {line[:4]}"
        raise LayoutError(edition, file, wanted=f"a NAICS code, a known gas and `{printed}`", found=found)
    industry = f"naics-{code}"
    gas, unit, last = _quantity(words)
    fields: dict[str, Any] = {
        "file": file,
        "row": number,
        "unit": unit,
        "gas": gas,
        "region": "US",
        "scope": "3",
        "scope_category": "3.1",
        "boundary": "cradle-to-gate",
        "currency": "USD",
        "price_year": edition.options["price_year"],
        "price_basis": "purchaser",
        "note": _note(words, model),
    }
    total = f"{edition.name}/{industry}/{_WHOLE}/co2e-per-usd"
    whole = rows.add(
        line[_WHOLE_COLUMN],
        path=(industry, _WHOLE, *last),
        place=f"line {number}, column {_WHOLE_COLUMN + 1}",
        kind="gas-part" if words == _UNSPECIFIED else "factor",
        part_of=total if words == _UNSPECIFIED else "",
        table=_COLUMNS[4],
        name=f"{title}, {words}, {_COLUMNS[4]}",
        **fields,
    )
    for stage, column in _STAGES:
        rows.add(
            line[column],
            path=(industry, stage, *last),
            place=f"line {number}, column {column + 1}",
            kind="stage",
            part_of=whole or "",
            table=_COLUMNS[column - 2],
            name=f"{title}, {words}, {_COLUMNS[column - 2]}",
            **fields,
        )


def _quantity(words: str) -> tuple[str, str, tuple[str, ...]]:
    """``(gas, unit, end of the path)`` for a name of the column GHG."""
    if words == _ALL:
        return "CO2e", "kgCO2e/USD", ("co2e-per-usd",)
    if words == _UNSPECIFIED:  # printed as kg, meant as kg CO2e: USEPA/supply-chain-factors, issue 43
        return "CO2e", "kgCO2e/USD", ("of-hfcs-and-pfcs-unspecified", "co2e-per-usd")
    gas = _GASES[words]
    return gas, f"kg{gas}/USD" if gas in _OWN_UNIT else "kg/USD", (f"{gas}-per-usd",)


def _note(words: str, model: str) -> str:
    note = f"{_CATEGORY_NOTE}; USEEIO {model}"
    return f"{note}; printed as kg, in fact kg CO2e" if words == _UNSPECIFIED else note
