"""GWPs in EPA's GHG Emission Factors Hub: the two above Table 1, Table 11, and the blends of Table 12.

Belongs here: what these three tables mean. Does not belong here: the ten tables of factors (``epa_ghg_hub``).
"""

from __future__ import annotations

import re

from greenlang.factors.readers._base import Rows
from greenlang.factors.readers._hub_sheet import Sheet, Table

_C, _D, _E = 2, 3, 4
_OWN_UNIT = frozenset({"CO2", "CH4", "N2O", "SF6", "NF3"})  # greenlang.units knows their kilograms
_OZONE_DEPLETING = re.compile(r"\bH?CFC-\d+\w*")
_METHANE_GWP = {"25": "AR4GWP100", "28": "AR5GWP100"}


def gwps_above(rows: Rows, sheet: Sheet, table: Table) -> None:
    """The two GWPs above Table 1 say which assessment report the edition is on; Table 11 has them again."""
    stated = None
    for row in range(table.first - 1):
        for column in (_D, _E):
            if sheet.text(row, column - 1) == "CH4":
                stated = sheet.text(row, column)
            if isinstance(sheet.cells[row][column], float):
                sheet.refuse(rows, row, column, "repeats Table 11")
    if _METHANE_GWP.get(stated or "") != sheet.edition.gwp_set:
        raise sheet.unknown(f"a GWP of CH4 on {sheet.edition.gwp_set} above Table 1", stated)


def gwps(rows: Rows, sheet: Sheet, table: Table) -> None:
    """Table 11: one column of names (2023), or names and formulas. HFCs go by designation, all others by formula."""
    named = ("Industrial Designation or Common Name", "Chemical Formula", "100-Year GWP")
    start = sheet.either(table, (named, ("Gas", "100-Year GWP")))
    column = _E if sheet.text(start, _C) == named[0] else _D
    for row in sheet.body(table, start + 1):
        name, formula = sheet.text(row, _C), sheet.text(row, column - 1)
        gas = name if name.startswith("HFC-") else formula
        per = f"kg{gas}" if gas in _OWN_UNIT else "kg"
        sheet.add(
            rows,
            row,
            column,
            path=("gwp", gas, "gwp-100"),
            unit=f"kgCO2e/{per}",
            gas=gas,
            gwp_set=sheet.edition.gwp_set,
            kind="gwp",
            name=name if name == formula else f"{name}, {formula}",
            taken_from="ipcc",
            table=table.citation,
        )


def blends(rows: Rows, sheet: Sheet, table: Table) -> None:
    """Table 12: GWPs of blends from their HFCs and PFCs alone."""
    start = sheet.header(table, ("ASHRAE #", "100-year GWP", "Blend Composition"))
    for row in sheet.body(table, start + 1):
        blend, composition = sheet.text(row, _C), sheet.text(row, _E).replace(" ,", ",")
        left_out = _OZONE_DEPLETING.findall(composition)
        note = f"{composition}; {' and '.join(left_out)} counted as zero" if left_out else composition
        sheet.add(
            rows,
            row,
            _D,
            path=("gwp", blend, "gwp-100"),
            unit="kgCO2e/kg",
            gas=blend,
            gwp_set=sheet.edition.gwp_set,
            kind="gwp",
            name=blend,
            category="blended-refrigerants",
            table=table.citation,
            note=note,
        )
