"""What the words of ADEME's Base Carbone mean: units, places, periods of validity, categories, postes.

Belongs here: reviewed tables (`emission_factors/aliases/base_carbone_*.yaml`) and rules on its texts. Does not belong
here: the layout of the file (``ademe_base_carbone``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from greenlang._paths import data
from greenlang.factors._yaml import read_yaml
from greenlang.factors.readers._regions import iso2

_MONTH = re.compile(r"(?:\d{1,2}-)?(?:janv|févr|mars|avr|mai|juin|juil|août|sept|oct|nov|déc)\.?-(\d{2})")
_DAY = re.compile(r"\d{2}/\d{2}/(20\d{2})(?: \d{2}:\d{2})?")
_FARM_GATE = re.compile(
    r"sortie (?:de ferme|atelier|champ|verger|de bateau|serre|de vigne|carrière)|au (?:verger|vignoble|port)",
    re.IGNORECASE,
)
_WASTE_AVOIDED = "Emissions évitées"
_FUEL = {"Amont", "Combustion"}
_GRID = {"Amont", "Combustion à la centrale"}


@dataclass(frozen=True, slots=True)
class Unit:
    """A spelling of the unit column: the Pint unit, what the key ends with, and the heating value behind it."""

    unit: str
    quantity: str
    basis: str


@dataclass(frozen=True, slots=True)
class Place:
    """A region code; ``within`` is the name of a smaller place in it, which the figure is for."""

    region: str
    within: str


@cache
def factor_units() -> dict[str, Unit]:
    """Units of emission factors by the publisher's spelling; the quantity lacks its ``co2e-``."""
    entries: Any = _table("base_carbone_units")["factors"]
    return {
        written: Unit(entry["unit"], f"per-{entry['per']}", entry.get("basis", ""))
        for entry in entries
        for written in entry["written"]
    }


@cache
def property_units() -> dict[str, Unit]:
    """Units of the rows "Données source" that are properties, by the publisher's spelling."""
    entries: Any = _table("base_carbone_units")["properties"]
    return {
        written: Unit(entry["unit"], entry["quantity"], entry.get("basis", ""))
        for entry in entries
        for written in entry["written"]
    }


@lru_cache(maxsize=4096)
def place(wide: str, narrow: str) -> Place | None:
    """Where a row applies, of its two columns of place; None if it is not in the table."""
    table = _table("base_carbone_regions")
    if wide not in table["wide"]:
        return None
    if not narrow:
        return Place(table["wide"][wide], "")
    if code := table["places"].get(narrow) or iso2(narrow):
        return Place(code, "")
    if code := table["within"].get(narrow):
        return Place(code, narrow)
    return Place("FR", narrow) if wide == "France continentale" else None


@lru_cache(maxsize=512)
def validity_year(text: str) -> int | None:
    """The year in which a row's validity ends, from the 65 spellings of the column; None where it names no year.

    Dates (31/12/2023), months (déc-17, 31-mars-21), years, and the day numbers that Excel leaves (43070, from 30
    December 1899). "3 ans" and the reports of the IPCC end in no year.
    """
    if re.fullmatch(r"20\d{2}", text):
        return int(text)
    if match := _DAY.fullmatch(text):
        return int(match[1])
    if match := _MONTH.fullmatch(text):
        return 2000 + int(match[1])
    if match := re.fullmatch(r"Année (20\d{2})", text):
        return int(match[1])
    if re.fullmatch(r"4\d{4}", text):
        return _excel_year(int(text))
    return None


def _excel_year(serial: int) -> int:
    days, year = serial - 2, 1900  # day 2 is 1 January 1900 when one counts from 30 December 1899
    while True:
        length = 366 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 365
        if days < length:
            return year
        days, year = days - length, year + 1


def data_year(text: str) -> int | None:
    """The year that a figure describes: only "Année 2012" says so."""
    match = re.fullmatch(r"Année (20\d{2})", text)
    return int(match[1]) if match else None


def whole(category: str, frontier: str, postes: Collection[str], *, iea: bool) -> dict[str, Any]:
    """Boundary, scope, use and radiative forcing of an Elément, where its category, frontier or postes are plain."""
    top = category.partition(" > ")[0]
    held = set(postes)
    fields: dict[str, Any] = {}
    if top == "Combustibles" and held == _FUEL:
        fields["boundary"] = "WTW"
    elif top.startswith("Transport de"):
        fields |= _transport(held, frontier)
    elif top == "Electricité":
        fields |= {"boundary": "life-cycle"} if held >= _GRID else {}
        fields |= {"scope": "2", "scope2_method": "location-based"} if iea else {}
    elif top == "Réseaux de chaleur / froid":
        fields["scope"] = "2"
    elif top == "Process et émissions fugitives":
        fields["scope"] = "1"
    elif top == "Achats de services":
        fields |= {"scope": "3", "scope_category": "3.1"}
    elif top == "Achats de biens":
        fields["scope"] = "3"
        if category.startswith("Achats de biens > Produits"):
            fields["scope_category"] = "3.1"
        if _FARM_GATE.search(frontier):
            fields["boundary"] = "cradle-to-gate"
    if _WASTE_AVOIDED in frontier:
        fields["permitted_use"] = "project"
    return fields


def _transport(postes: set[str], frontier: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if postes >= _FUEL:
        fields["boundary"] = "life-cycle" if "Fabrication" in postes else "WTW"
    if "AVEC trainées" in frontier or "Emissions fugitives" in postes:
        fields["radiative_forcing"] = "with"
    elif "SANS trainées" in frontier:
        fields["radiative_forcing"] = "without"
    return fields


def part(category: str, kind: str, name: str) -> dict[str, Any]:
    """Boundary and scope of a Poste, where they are evident."""
    top = category.partition(" > ")[0]
    if top == "Electricité":
        if kind == "Combustion à la centrale":
            return {"scope": "2", "scope2_method": "location-based"}
        if kind == "Amont":
            return {"boundary": "WTT", "scope": "3", "scope_category": "3.3"}
        if kind == "Transport et distribution" and name == "Pertes":
            return {"boundary": "T&D", "scope": "3", "scope_category": "3.3"}
    if top == "Combustibles":
        if kind == "Combustion":
            return {"boundary": "TTW", "scope": "1"}
        if kind == "Amont":
            return {"boundary": "WTT", "scope": "3", "scope_category": "3.3"}
    if top.startswith("Transport de"):
        if kind == "Combustion":
            return {"boundary": "TTW"}
        if kind == "Amont" and "Fabrication" not in name:
            return {"boundary": "WTT"}
    return {}


@cache
def _table(name: str) -> dict[str, Any]:
    content: dict[str, Any] = read_yaml(data() / "emission_factors" / "aliases" / f"{name}.yaml")
    return content
