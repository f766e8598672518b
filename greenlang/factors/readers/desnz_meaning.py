"""What a heading of the UK conversion factors says about the figures below it: boundary, category, region, years.

Belongs here: fields of `Factor` that follow from the publisher's headings. Does not belong here: paths, units, layouts.

Sources: the guidance above the tables of the 2025 full set, sheet by sheet (named below), and for scope 3
the GHG Protocol, Technical Guidance for Calculating Scope 3 Emissions (version 1.0, 2013), chapters 1 to 8. Where a
heading serves two categories (WTT of cars: 3.3 for own cars, 3.6 for business travel), the category stays empty.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from greenlang.errors import FactorTableError
from greenlang.factors.readers._regions import iso2
from greenlang.factors.readers.desnz_words import ENERGY, REFRIGERANTS

__all__ = ["meaning"]

_COMBUSTION = frozenset({"fuels", "bioenergy", "passenger-vehicles", "delivery-vehicles"})
_TRAVEL = frozenset({"business-travel-air", "business-travel-sea", "business-travel-land", "freighting-goods"})
# rail runs on electricity and diesel: the fuel alone is not its boundary
_RAIL = frozenset({"rail"})
# "Sum of Scope 1 and Scope 2, plus Scope 3 electricity T&D losses" (Business travel- land, Freighting goods, Managed
# assets- vehicles, table of elements); under Passenger and Delivery vehicles the same words mean fuel alone
_THIRD_PARTY_VEHICLES = frozenset({"business-travel-land", "freighting-goods", "managed-assets-vehicles"})
_PLUGGED = frozenset({"plug-in-hybrid-electric-vehicle", "battery-electric-vehicle"})
_OWN_VEHICLES = frozenset({"passenger-vehicles", "delivery-vehicles"})
_EXTRA_GRID = "holds electricity and its T&D losses beside the fuel: do not add `UK electricity for EVs` or its T&D"
_FUEL_ALONE = "fuel alone: the electricity stands under `UK electricity for EVs` and `UK electricity T&D for EVs`"
_NO_BIOGENIC = "CH4 and N2O alone: the CO2 of biomass stands under `Outside of scopes`"

_CATEGORY = {
    "business-travel-air": "3.6",
    "business-travel-sea": "3.6",
    "business-travel-land": "3.6",
    "wtt-business-travel-air": "3.6",  # fuel of carriers, not the reporter's own: stays with the journey
    "wtt-business-travel-sea": "3.6",
    "hotel-stay": "3.6",
    "homeworking": "3.7",
    "freighting-goods": "3.4",
    "managed-assets-electricity": "3.8",
    "managed-assets-vehicles": "3.8",
    "material-use": "3.1",
    "water-supply": "3.1",
    "water-treatment": "3.5",  # waste water: category 5 names it
    "waste-disposal": "3.5",
    "wtt-fuels": "3.3",
    "wtt-bioenergy": "3.3",
    "wtt-heat-and-steam": "3.3",
    "wtt-uk-electricity": "3.3",
    "wtt-uk-overseas-elec": "3.3",
    "transmission-and-distribution": "3.3",
    "uk-electricity-t-d-for-evs": "3.3",
}
_CATEGORY_BY_LEVEL_2 = {
    ("wtt-pass-vehs-travel-land", "wtt-taxis"): "3.6",
    ("wtt-pass-vehs-travel-land", "wtt-bus"): "3.6",
    ("wtt-pass-vehs-travel-land", "wtt-rail"): "3.6",
    ("wtt-delivery-vehs-freight", "wtt-freight-flights"): "3.4",
    ("wtt-delivery-vehs-freight", "wtt-rail"): "3.4",
    ("wtt-delivery-vehs-freight", "wtt-sea-tanker"): "3.4",
    ("wtt-delivery-vehs-freight", "wtt-cargo-ship"): "3.4",
}
_BY_OTHERS = frozenset(two for _, two in _CATEGORY_BY_LEVEL_2)
_AMBIGUOUS = {
    "wtt-pass-vehs-travel-land": "category 3.3 for own vehicles, 3.6 for business travel",
    "wtt-delivery-vehs-freight": "category 3.3 for own vehicles, 3.4 (or 3.9) for freight by others",
}
# Index of the 2025 full set: these, and all WTT, are not made anew each year ("Factors last updated in 2021
# publication", 2022, 2023, 2024), or come from studies of several years. A year of data is not stated for them.
_NO_DATA_YEAR = frozenset(
    {
        REFRIGERANTS,
        "business-travel-sea",
        "homeworking",
        "hotel-stay",
        "material-use",
        "outside-of-scopes",
        "waste-disposal",
    }
)
# Hotel stay, FAQ: "taken from the Hotel Footprinting Tool, produced by the International Tourism Partnership and
# Greenview"
_HOTELS = "Hotel Footprinting Tool (International Tourism Partnership, Greenview)"
# "All factors are on a net calorific value basis" (Bioenergy, Outside of scopes); under WTT- bioenergy the figures per
# GJ and per kg stand in the ratio of the net calorific value (bioethanol: 0.77476 / 28.909 = 0.0268 GJ/kg)
_NET_ENERGY = frozenset({"bioenergy", "outside-of-scopes", "wtt-bioenergy"})

# regions of the publisher's own, and countries that he names in a way of his own
_REGIONS = {
    "Africa (average)": "AFRICA",
    "Caribbean Region": "CARIBBEAN",
    "China (Hong Kong)": "HK",
    "Chinese Taipei": "TW",
    "EU (average)": "EU",
    "Hong Kong, China": "HK",
    "Korea": "KR",  # South Korea to 2020
    "Latin America (average)": "LATIN-AMERICA",
    "Macau, China": "MO",
    "Middle East (average)": "MIDDLE-EAST",
    "Non-OECD Europe and Eurasia (average)": "NON-OECD-EUROPE-EURASIA",
    "People's Rep. of China": "CN",
    "Taiwan, China": "TW",
    "UK": "GB",
    "UK (London)": "GB-LONDON",
}


@lru_cache(maxsize=50_000)
def meaning(path: tuple[str, ...], level_3: str, scope: str) -> dict[str, Any]:
    """Fields of `Factor` for an activity's path (``activity_path``); shared, so it must not be changed.

    ``level_3`` is the file's text, ``scope`` is 1, 2, 3 or empty. Raises FactorTableError for a country that is not
    known.
    """
    one, rest = path[0], frozenset(path[1:])
    fields: dict[str, Any] = {
        "category": one,
        "scope": scope,
        "scope_category": _category(path) if scope == "3" else "",
        "boundary": "" if one in ENERGY else _boundary(one, path, rest),
        "region": "GB",
    }
    if one in {"uk-electricity", "uk-electricity-for-evs"}:
        fields["scope2_method"] = "location-based"
    if rest & {"with-rf", "without-rf"}:
        fields["radiative_forcing"] = "with" if "with-rf" in rest else "without"
    if one.startswith("wtt-") or one in _NO_DATA_YEAR:
        fields["data_year"] = None
    if one == "hotel-stay":
        fields["taken_from"] = _HOTELS
    return {**fields, **_place(one, level_3), "note": _note(one, rest)}


def net_basis(path: tuple[str, ...]) -> bool:
    """Whether figures per unit of energy are on net calorific value because the sheet says so, not the unit."""
    return path[0] in _NET_ENERGY and "electricity-generated" not in path


def _boundary(one: str, path: tuple[str, ...], rest: frozenset[str]) -> str:
    if one in {"transmission-and-distribution", "uk-electricity-t-d-for-evs"}:
        return "T&D"
    if one.startswith("wtt-"):
        losses = any(segment.endswith(("-t-d", "steam-distribution")) for segment in path)
        return "WTT-T&D" if losses else "WTT"
    if one == "material-use":
        return "cradle-to-gate"  # guidance of the sheet: "They account for 'cradle-to-gate' emissions"
    if (one in _THIRD_PARTY_VEHICLES and rest & _PLUGGED) or rest & _RAIL:
        return ""
    if one in _COMBUSTION or one in _TRAVEL or one == "managed-assets-vehicles":
        return "TTW"
    return "TTW" if one == "outside-of-scopes" and "electricity-generated" not in rest else ""


def _category(path: tuple[str, ...]) -> str:
    return _CATEGORY.get(path[0], "") or _CATEGORY_BY_LEVEL_2.get((path[0], path[1]), "")


def _place(one: str, level_3: str) -> dict[str, str]:
    if one == REFRIGERANTS:
        return {"region": ""}  # a GWP holds everywhere
    if one not in {"hotel-stay", "wtt-uk-overseas-elec"}:
        return {}
    name = level_3.strip().removeprefix("Electricity: ")
    code = _REGIONS.get(name) or iso2(name)
    if code is None:
        raise FactorTableError(f"{level_3}: no country or region of that name is known")
    return {"region": code, "region_name": name}


def _note(one: str, rest: frozenset[str]) -> str:
    if one in _THIRD_PARTY_VEHICLES and rest & _PLUGGED:
        return _EXTRA_GRID
    if one in _OWN_VEHICLES and rest & _PLUGGED:
        return _FUEL_ALONE
    if one == "bioenergy":
        return _NO_BIOGENIC
    return "" if rest & _BY_OTHERS else _AMBIGUOUS.get(one, "")
