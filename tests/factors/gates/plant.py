"""Faults planted in a copy of a table: a few rows replaced, everything else as the publishers have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from greenlang.factors import Factor, FactorTable
from greenlang.factors.embedded import plain
from greenlang.factors.gates.all import GATES
from greenlang.factors.gates.run import gate_name, run_gates
from greenlang.factors.storage import Rows

BASE = FactorTable.load()
_PATTERN = BASE.get("desnz/fuels/2025/natural-gas/co2e-per-kwh-gross")


def figure(key: str, value: str, **fields: Any) -> Factor:
    """A row of any table, like that of UK natural gas in all that is not given."""
    assert _PATTERN is not None
    publisher, dataset, vintage, *_ = key.split("/")
    own = {"publisher": publisher, "dataset": dataset, "vintage": vintage, "calorific_basis": "", "cell": key}
    given = {"cell_text": value, "source_digest": "a" * 64, "note": "", "name": "", **fields}
    if "unit" in given:
        given["per"] = str(given["unit"]).partition("/")[2]
    return replace(_PATTERN, key=key, value=plain(Decimal(value)), **{**own, **given})


class Overlay:
    """The rows of a table with some of them replaced in their places."""

    def __init__(self, rows: Rows, changed: Mapping[int, Factor]) -> None:
        self._rows = rows
        self._changed = changed

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Factor]:
        return (self.at(number) for number in range(len(self)))

    def at(self, number: int) -> Factor:
        return self._changed.get(number) or self._rows.at(number)

    def column(self, name: str) -> list[Any]:
        values = list(self._rows.column(name))
        for number, row in self._changed.items():
            values[number] = getattr(row, name)
        return values


def as_table(rows: Rows) -> FactorTable:
    table = FactorTable.__new__(FactorTable)
    table._rows, table._standings = rows, None
    table.release, table.digest = "planted", "0" * 64
    return table


def changed(table: FactorTable, rows: Iterable[Factor]) -> FactorTable:
    """A copy of the table in which these rows stand instead of those with their keys."""
    places = {}
    for row in rows:
        place = table.position(row.key)
        assert place is not None, row.key
        places[place] = row
    return as_table(Overlay(table._rows, places))


def with_value(row: Factor, value: Decimal | str) -> Factor:
    """The row as a publisher would have printed it with another figure: the cell changes with the value."""
    number = plain(Decimal(value))
    return replace(row, value=number, cell_text=f"{number:f}")


def times(table: FactorTable, factor: Decimal | str, *keys: str) -> FactorTable:
    """A copy with the figures of these rows multiplied."""
    rows = [table.get(key) for key in keys]
    assert all(rows), keys
    return changed(table, [with_value(row, row.value * Decimal(factor)) for row in rows if row])


def found(table: FactorTable, *names: str) -> set[str]:
    """What these gates find that nobody has decided on, as ``gate key``."""
    gates = tuple(gate for gate in GATES if not names or gate_name(gate) in names)
    return {finding.id for finding in run_gates(table, None, gates).open}
