"""The words of the UK conversion factors: one path for an activity in every vintage, and the units of its column UOM.

Belongs here: which of the publisher's words are the same activity after he changed them, and what his units are called
in `greenlang.units`. Does not belong here: scope, boundary, gases, layouts.

Where the publisher kept his words, the path is these words. Where he changed them, it is the later ones, and only for
changes that are evident: by his ID (2024 to 2025: "Combustion" became "Incineration with Energy Recovery", What's new
in 2025, point 3.0), by a heading that moved as a whole, or by a country's name. "Biodiesel" (to 2020) and "Biodiesel
ME" (from 2021), "Municipal waste" (2019) and "Household residual waste" (from 2020) stay apart: nothing says that they
are one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from greenlang.factors.readers._base import slug

REFRIGERANTS = "refrigerant-other"
ENERGY = frozenset({"secr-kwh-pass-delivery-vehs", "secr-kwh-uk-electricity-for-evs"})

_LEVEL_1 = {
    "passenger-and-delivery-vehicles-kwh-factors": "secr-kwh-pass-delivery-vehs",  # 2022
}
_LEVELS_1_AND_2 = {
    # to 2022 UK and overseas electricity stood under one heading; from 2024 the UK stands alone
    ("wtt-uk-overseas-elec", "wtt-uk-electricity-generation"): ("wtt-uk-electricity", "wtt-uk-electricity-generation"),
    ("wtt-uk-overseas-elec", "wtt-uk-electricity-t-d"): ("wtt-uk-electricity", "wtt-uk-electricity-t-d"),
    # to 2021
    ("wtt-fuels", "wtt-gaseous-fuels"): ("wtt-fuels", "gaseous-fuels"),
    ("wtt-fuels", "wtt-liquid-fuels"): ("wtt-fuels", "liquid-fuels"),
    ("wtt-fuels", "wtt-solid-fuels"): ("wtt-fuels", "solid-fuels"),
    ("managed-assets-electricity", "uk-electricity-generated-managed-assets"): (
        "managed-assets-electricity",
        "electricity-generated",
    ),
}
_COUNTRIES = {  # under Hotel stay, to 2020
    "china-hong-kong": "hong-kong-china",
    "south-korea": "korea",
    "taiwan": "taiwan-china",
}
# Column texts that only repeat the unit (2019 to 2021)
_UNITS_AGAIN = frozenset({"energy-gross-cv", "energy-net-cv", "tonnes", "volume"})
# What stands under Level 4 by mistake: 0.0 (Managed cars, 2019 to 2021), 2020 (electricity and heat, 2022), kWh (the
# same, from 2024)
_STRAY_LEVEL_4 = re.compile(r"0(\.0)?|kwh|20\d\d")
# From 2022 refrigerants have three figures each: parts, and the total, which is what stood alone to 2021
_REFRIGERANT_PARTS = {
    "emissions-including-only-kyoto-products": "kyoto-products",
    "emissions-including-only-non-kyoto-products": "non-kyoto-products",
    "total-emissions-including-non-kyoto-products": "",
    "": "",
}
_SUBSTANCES = {  # the workbook of 2025 has other names than its flat file
    "r1270-propylene": "r1270-propene",
    "r601-n-pentane": "r601-pentane",
}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")


@dataclass(frozen=True, slots=True)
class Unit:
    """What a text of the column UOM means: unit under the fraction line, its word in keys, calorific basis."""

    per: str
    word: str
    calorific_basis: str = ""


UNITS = {
    "cubic metres": Unit("m^3", "m3"),
    "gj": Unit("GJ", "gj"),
    "kg": Unit("kg", "kg"),
    "km": Unit("vehicle_km", "vehicle-km"),
    "kwh": Unit("kWh", "kwh"),
    "kwh (gross cv)": Unit("kWh", "kwh-gross", "HHV"),
    "kwh (net cv)": Unit("kWh", "kwh-net", "LHV"),
    "litres": Unit("litre", "litre"),
    "miles": Unit("vehicle_mile", "vehicle-mile"),
    "million litres": Unit("megalitre", "million-litres"),
    "passenger.km": Unit("passenger_km", "passenger-km"),
    "per fte working hour": Unit("person_hour", "fte-working-hour"),
    "room per night": Unit("room_night", "room-night"),
    "tonne.km": Unit("tonne_km", "tonne-km"),
    "tonnes": Unit("t", "tonne"),
}


def unit(text: str) -> Unit | None:
    """The unit that a text of the column UOM means; None if it is not known. "Litres" of 2021 is "litres"."""
    return UNITS.get(text.strip().lower())


def words(cell: object) -> str:
    """A cell's text, without blanks around it, thousands' commas and the sign of a footnote."""
    return _THOUSANDS.sub("", str(cell).replace("\u2013", "-").replace("\u00a0", " ")).strip().rstrip("*").rstrip()


@lru_cache(maxsize=50_000)
def activity_path(level_1: str, level_2: str, level_3: str, level_4: str, column: str) -> tuple[str, ...]:
    """The activity's segments, the same in every vintage; the texts are those of the file.

    A refrigerant's path is its name alone: the headings above it changed in 2022 (R403A moved from "Kyoto protocol-
    blends" to "Blends"), and a name stands under one heading only.
    """
    one, two, three, four, five = (slug(words(text)) for text in (level_1, level_2, level_3, level_4, column))
    one = _LEVEL_1.get(one, one)
    one, two = _LEVELS_1_AND_2.get((one, two), (one, two))
    if one == REFRIGERANTS:
        substance = _SUBSTANCES.get(three, three)
        return tuple(part for part in (one, substance, _REFRIGERANT_PARTS.get(five, five)) if part)
    if one == "hotel-stay":
        three = _COUNTRIES.get(three, three)
    if one == "waste-disposal" and five == "combustion":
        five = "incineration-with-energy-recovery"
    if _STRAY_LEVEL_4.fullmatch(four):
        four = ""
    if five in _UNITS_AGAIN:
        five = ""
    path: list[str] = []
    for segment in (one, two, three, four, five):
        if segment and segment != (path[-1] if path else ""):  # Hotel stay, Hotel stay, Argentina
            path.append(segment)
    return tuple(path)


@lru_cache(maxsize=50_000)
def printed_name(*cells: str) -> str:
    """The publisher's words of a row, joined; what stands under Level 4 by mistake is left out."""
    found = [text.strip() for text in cells]
    if len(found) > 3 and _STRAY_LEVEL_4.fullmatch(found[3].lower()):
        found[3] = ""
    return ", ".join(text for text in found if text)
