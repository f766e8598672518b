"""Gates over time: the vintage before, the release before.

Belongs here: judging a figure by an older one. Does not belong here: slips of units (``slips``).
"""

from __future__ import annotations

from decimal import Decimal

from greenlang.factors.gates.columns import columns
from greenlang.factors.gates.compare import outside, ratio_of, vintage_pairs
from greenlang.factors.gates.concepts import comparable
from greenlang.factors.gates.report import Finding
from greenlang.factors.table import FactorTable

# A key names the edition of its file: what moves under it was read anew or republished. A tenth is no rounding.
RELEASE_RATIO = Decimal("1.1")


def against_previous_release(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A figure that moved by more than a tenth under the same key since the release before."""
    if before is None:
        return [], set()
    rows, old = columns(table), columns(before)
    found, compared = [], set()
    for place, key in enumerate(rows.keys):
        other = old.places.get(key)
        if other is None:
            continue
        compared.add(key)
        value, was = rows.values[place], old.values[other]
        if value == was:
            continue
        ratio = ratio_of(value, was)
        if ratio is None or ratio > RELEASE_RATIO or (value < 0) != (was < 0):
            message = f"{value:f} {rows.text('unit')[place]}; the release before had {was:f}"
            found.append(Finding("against_previous_release", key, message, seen=f"{was:f} -> {value:f}"))
    return found, compared


def against_previous_vintage(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A figure that moved by more than its dataset's limit since the publisher's vintage before."""
    del before
    rows = columns(table)
    found, compared = [], set()
    for pair in vintage_pairs(rows, comparable()):
        key = rows.keys[pair.place]
        compared.add(key)
        if outside(pair):
            message = f"{pair.value:f} {rows.text('unit')[pair.place]}; {pair.other:f} {pair.words}"
            seen = f"{pair.other:f} -> {pair.value:f}"
            found.append(Finding("against_previous_vintage", key, message, seen=seen, against=pair.needs))
    return found, compared
