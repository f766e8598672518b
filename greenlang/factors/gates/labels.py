"""Gates over what rows say of themselves: the GWP set, wholes and parts.

Belongs here: labels held against each other. Does not belong here: magnitudes.
"""

from __future__ import annotations

from greenlang.factors.gates.report import Finding
from greenlang.factors.table import FactorTable

# The embedded base carries every set's methane from `globalwarmingpotentials`, with its citation.
_METHANE = "ipcc/gwp/{vintage}/ch4/gwp-100"
_VINTAGES = {"AR4GWP100": "ar4", "AR5GWP100": "ar5", "AR6GWP100": "ar6"}


def gwp_label(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A methane GWP that is not the one of the set on its label."""
    del before
    known = {name: row.value for name, v in _VINTAGES.items() if (row := table.get(_METHANE.format(vintage=v)))}
    columns = (table.column(name) for name in ("key", "kind", "gas", "gwp_set", "value"))
    found, compared = [], set()
    for key, kind, gas, gwp_set, value in zip(*columns, strict=True):
        if kind != "gwp" or gas != "CH4" or gwp_set not in known or "fossil" in key or "ch4f" in key:
            continue
        compared.add(key)
        if value != known[gwp_set]:
            found.append(Finding("gwp_label", key, f"methane is {value}; in {gwp_set} it is {known[gwp_set]}"))
    return found, compared


def parts_and_wholes(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A part whose whole is not there, is itself a part, or is in another unit."""
    del before
    wholes = dict(zip(table.keys, zip(table.column("part_of"), table.column("unit"), strict=True), strict=True))
    found, compared = [], set()
    for key, (whole, unit) in wholes.items():
        if not whole:
            continue
        compared.add(key)
        if whole not in wholes:
            found.append(Finding("parts_and_wholes", key, f"part of `{whole}`, which is not there"))
        elif wholes[whole][1].partition("/")[2] != unit.partition("/")[2]:
            found.append(Finding("parts_and_wholes", key, f"in {unit}, its whole in {wholes[whole][1]}"))
    return found, compared
