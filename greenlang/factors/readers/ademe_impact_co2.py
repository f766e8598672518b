"""ADEME Impact CO2: one line an object or habit, kg CO2e of one of it; what one is depends on the theme.

Belongs here: the five columns and the unit of each theme. Does not belong here: the figures of "Cas pratiques" (a
flight of a rugby team, a year of French aviation), which are no factors.

The key is made of the theme and the publisher's own ID (column ID), which his addresses carry too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, Reading, Rows, csv_rows

_HEADER = ["Nom de l'objet ou du geste", "kg CO2e", "Thématique", "ID", "URL"]
_EXAMPLES = "Cas pratiques"
_KG, _ITEM = ("kgCO2e/kg", "co2e-per-kg"), ("kgCO2e/item", "co2e-per-item")
_PASSENGER, _VEHICLE = ("kgCO2e/passenger_km", "co2e-per-passenger-km"), ("kgCO2e/vehicle_km", "co2e-per-vehicle-km")
_HOUR, _GIGABYTE = ("kgCO2e/hour", "co2e-per-hour"), ("kgCO2e/gigabyte", "co2e-per-gigabyte")
_UNITS = {
    "Alimentation": _KG,
    "Fruits et légumes": _KG,
    "Boisson": ("kgCO2e/L", "co2e-per-litre"),
    "Chauffage": ("kgCO2e/(m**2*year)", "co2e-per-m2-year"),
    "Habillement": _ITEM,
    "Livraison": _ITEM,
    "Mobilier": _ITEM,
    "Numérique": _ITEM,
    "Transport": _PASSENGER,
    "Usage numérique": _ITEM,
    "Électroménager": _ITEM,
}
_OF_ONE = {  # units of single lines that differ from their theme's
    "streamingvideo": _HOUR,
    "visioconference": _HOUR,
    "telechargement": _GIGABYTE,
    "stockagedonnee": ("kgCO2e/(gigabyte*year)", "co2e-per-gigabyte-year"),
}
_OWN_VEHICLES = ("voiture", "moto", "scooter", "van", "campingcar")
_WHOLE_LIFE = ("Habillement", "Mobilier", "Numérique", "Électroménager")


def read(edition: Edition, files: Mapping[str, Path]) -> Reading:
    """Every line of the file. Raises LayoutError for other columns or a theme whose unit is not known."""
    (file,) = (declared.name for declared in edition.files)
    records = csv_rows(files[file])
    if not records or records[0] != _HEADER:
        raise LayoutError(edition, file, wanted=", ".join(_HEADER), found=", ".join(records[0] if records else []))
    rows = Rows(edition)
    for line, (name, value, theme, identifier, _) in enumerate(records[1:], start=2):
        place = f"record {line}, {_HEADER[1]}"
        if theme == _EXAMPLES:
            rows.refuse(file, place, "worked example or national total, not a factor", value)
            continue
        if theme not in _UNITS:
            raise LayoutError(edition, file, wanted=f"a theme of {', '.join(_UNITS)} in record {line}", found=theme)
        unit, quantity = _unit(theme, identifier, name)
        rows.add(
            value,
            file=file,
            place=place,
            row=line,
            path=(theme, identifier, quantity),
            unit=unit,
            gas="CO2e",
            table="Impact CO2",
            category=theme,
            name=name.strip(),
            language="fr",
            region="FR",
            boundary="life-cycle" if theme in _WHOLE_LIFE else "",
            note="the file prints no unit; it is the theme's",
        )
    return rows.reading()


def _unit(theme: str, identifier: str, name: str) -> tuple[str, str]:
    """Unit and quantity of a line. A car is counted per vehicle, a seat in a shared one per passenger."""
    if identifier in _OF_ONE:
        return _OF_ONE[identifier]
    if theme == "Alimentation" and name.startswith("Repas "):
        return _ITEM
    shared = "+" in identifier  # voitureelectrique+1: the driver and one more
    if theme == "Transport" and identifier.startswith(_OWN_VEHICLES) and not shared:
        return _VEHICLE
    return _UNITS[theme]
