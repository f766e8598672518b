"""One line of the UK conversion factors -> one row, whichever file it stands in.

Belongs here: the line that flat files and workbooks have in common, its key, unit, gas and kind. Does not belong here:
where lines stand in a file (``desnz_flat``, ``desnz_workbook``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from greenlang.factors.readers._base import LayoutError, Rows, slug
from greenlang.factors.readers.desnz_gases import NO_IPCC_SET, OWN_UNITS, gas
from greenlang.factors.readers.desnz_meaning import meaning, net_basis
from greenlang.factors.readers.desnz_words import (
    ENERGY,
    REFRIGERANTS,
    UNITS,
    Unit,
    activity_path,
    printed_name,
    unit,
    words,
)

EMPTY = "empty cell"
UNDER = "only an upper limit (< 1)"
NO_LABEL = "no gas and no unit of energy beside the value"

SCOPES = {"scope 1": "1", "scope 2": "2", "scope 3": "3", "outside of scopes": ""}

# What stands over or beside a value. A part is kg CO2e of that gas in every vintage, also where the label is "kg CH4"
# (to 2021): CO2 + CH4 + N2O = CO2e on all lines.
TOTAL, ENERGY_NET = "CO2e", "energy"
LABELS = {
    "kg co2e": TOTAL,
    "kg co2": "CO2",
    "kg ch4": "CH4",
    "kg n2o": "N2O",
    "kg co2e of co2": "CO2",
    "kg co2e of ch4": "CH4",
    "kg co2e of n2o": "N2O",
    "kg co2e of co2 per unit": "CO2",
    "kg co2e of ch4 per unit": "CH4",
    "kg co2e of n2o per unit": "N2O",
    "kwh": ENERGY_NET,
    "kwh (net)": ENERGY_NET,
    "kwh (net cv)": ENERGY_NET,
}
_NO_LABEL = frozenset({"", "`"})  # a backtick stands there in 2020 and 2021
_HOMEWORKING = ("homeworking", "homeworking-office-equipment-plus-heating")


@dataclass(frozen=True, slots=True)
class Line:
    """A value and the texts around it, as the file prints them."""

    value: object
    place: str
    scope: str
    levels: tuple[str, str, str, str]
    column: str
    uom: str
    label: str
    row: int | None = None
    identity: str = ""  # the publisher's ID, from 2024


def add_line(rows: Rows, line: Line, *, file: str, table: str) -> None:
    """Count the line's value and make it a row, or refuse it with the reason.

    Raises LayoutError for a scope, a unit or a label that is not known, FactorTableError for an unknown country or gas.
    """
    text = str(line.value).strip()
    label = line.label.strip().lower()
    if text in {"", "None"}:
        rows.refuse(file, line.place, EMPTY)
    elif label in _NO_LABEL:
        rows.refuse(file, line.place, NO_LABEL, text)
    elif text.startswith("<"):
        rows.refuse(file, line.place, UNDER, text)
    else:
        _keep(rows, line, label, file, table)


def _keep(rows: Rows, line: Line, label: str, file: str, table: str) -> None:
    per, content = unit(line.uom), LABELS.get(label)
    if per is None or content is None:
        known = "a unit such as tonnes" if per is None else "a label such as kg CO2e"
        raise LayoutError(rows.edition, file, wanted=known, found=f"`{line.uom}`, `{line.label}` in {line.place}")
    scope = SCOPES.get(line.scope.strip().lower())
    if scope is None:
        raise LayoutError(rows.edition, file, wanted="Scope 1, 2, 3 or Outside of Scopes", found=f"`{line.scope}`")
    path = activity_path(*line.levels, line.column)
    fields = dict(meaning(path, line.levels[2], scope))
    fields["name"] = printed_name(*line.levels, line.column)
    fields["calorific_basis"] = per.calorific_basis or ("LHV" if per.per in {"kWh", "GJ"} and net_basis(path) else "")
    if line.identity:
        fields["note"] = "; ".join(filter(None, (f"ID {line.identity}", fields["note"])))
    common: dict[str, Any] = {**fields, "file": file, "place": line.place, "table": table, "row": line.row}
    if path[0] == REFRIGERANTS:
        _gwp(rows, line, path, common)
    elif content == ENERGY_NET:
        _energy(rows, line, path, per, common)
    elif not scope and content == "CO2":
        named = {**common, "biogenic": True, "unit": f"kgCO2/{per.per}", "gas": "CO2"}
        rows.add(line.value, path=(*path, f"co2-per-{per.word}"), **named)
    elif content == TOTAL:
        _total(rows, line, path, per, common)
    else:
        _gas_part(rows, line, path, per, content, common)


def _total(rows: Rows, line: Line, path: tuple[str, ...], per: Unit, common: dict[str, Any]) -> None:
    quantity = f"co2e-per-{per.word}"
    if path[0] == _HOMEWORKING[0] and path != _HOMEWORKING:
        common |= {"kind": "stage", "part_of": _key(rows, (*_HOMEWORKING, quantity))}
    rows.add(line.value, path=(*path, quantity), unit=f"kgCO2e/{per.per}", gas="CO2e", **common)


def _gas_part(rows: Rows, line: Line, path: tuple[str, ...], per: Unit, content: str, common: dict[str, Any]) -> None:
    quantity = f"co2e-per-{per.word}"
    common |= {"kind": "gas-part", "part_of": _key(rows, (*path, quantity))}
    common["name"] += f", {line.label.strip()}"
    path = (*path, f"of-{content.lower()}", quantity)
    rows.add(line.value, path=path, unit=f"kgCO2e/{per.per}", gas="CO2e", **common)


def _energy(rows: Rows, line: Line, path: tuple[str, ...], per: Unit, common: dict[str, Any]) -> None:
    """Energy for a distance (SECR): no emission factor but a property, in kWh; electricity has no calorific basis."""
    if path[0] not in ENERGY:
        raise LayoutError(rows.edition, common["file"], wanted="kg CO2e", found=f"`{line.label}` in {line.place}")
    basis = "LHV" if path[0] == "secr-kwh-pass-delivery-vehs" else ""
    word = f"kwh-net-per-{per.word}" if basis else f"kwh-per-{per.word}"
    common |= {"kind": "property", "calorific_basis": basis}
    rows.add(line.value, path=(*path, word), unit=f"kWh/{per.per}", gas="", **common)


def _gwp(rows: Rows, line: Line, path: tuple[str, ...], common: dict[str, Any]) -> None:
    printed = words(line.levels[2])
    named = gas(printed)
    if named is None:
        raise LayoutError(rows.edition, common["file"], wanted="a gas that is known", found=f"`{printed}`")
    common |= {"gwp_set": "unstated" if named in NO_IPCC_SET else rows.edition.gwp_set, "taken_from": "ipcc"}
    if named in NO_IPCC_SET or named.startswith("R-"):
        common["taken_from"] = ""
    kind = "gwp"
    if len(path) > 2:
        kind = "gas-part"
        common["part_of"] = _key(rows, (*path[:2], "gwp-100"))
    per = f"kg{named}" if named in OWN_UNITS else UNITS["kg"].per
    path = (*path, "gwp-100")
    rows.add(line.value, path=path, unit=f"kgCO2e/{per}", gas=named, kind=kind, **common)


def _key(rows: Rows, path: tuple[str, ...]) -> str:
    return "/".join((rows.edition.name, *(slug(part) for part in path)))
