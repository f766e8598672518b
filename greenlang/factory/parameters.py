"""Rows of cited parameter tables that an agent's formulas read, as its `factors.json` pins them.

A table call ``table("mcf", "fraction", system = kind)`` becomes the look-up table ``mcf.fraction`` of the pack. Belongs
here: which rows, their keys and citations. Does not belong here: reading the tables (``greenlang.formulas.tables``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import normal_text

from greenlang.formulas.tables import ParameterTable
from greenlang.formulas.tree import TableCall, walk
from greenlang.resolution.plan import Resolution


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One value of a column of a parameter table. ``when`` are the values of the table's keys."""

    key: str
    table: str  # of the pack: name and column
    when: tuple[str, ...]
    value: Decimal
    unit: str
    document: str
    place: str

    @property
    def citation(self) -> str:
        """Document and place."""
        return ", ".join(part for part in (self.document, self.place) if part)

    def as_row(self) -> dict[str, Any]:
        """The row as `factors.json` holds it."""
        return {
            "key": self.key,
            "value": normal_text(self.value),
            "unit": self.unit,
            "document": self.document,
            "table": self.place,
            "cell": "",
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the row."""
        return digest(self.as_row())


@dataclass(frozen=True, slots=True)
class PinnedParameters:
    """One column of a parameter table."""

    name: str
    keys: tuple[str, ...]
    unit: str
    label: str
    rows: tuple[ParameterRow, ...]


def lookup_name(call: TableCall) -> str:
    """The look-up table of the pack that a table call reads."""
    return f"{call.table}.{call.column}"


def parameter_tables(resolution: Resolution) -> tuple[PinnedParameters, ...]:
    """Every column that the plans read, by name. Raises FormulaError for a table that does not exist."""
    calls: dict[str, TableCall] = {}
    for plan in resolution.plans.values():
        calls |= {lookup_name(n): n for n in walk(plan.expression) if isinstance(n, TableCall)}
    return tuple(_pinned(calls[name]) for name in sorted(calls))


def parameter_rows(resolution: Resolution) -> tuple[ParameterRow, ...]:
    """The rows of all of them."""
    return tuple(row for table in parameter_tables(resolution) for row in table.rows)


@cache
def _table(name: str) -> ParameterTable:
    from greenlang.formulas.library import library

    return library().tables.get(name)


def digest_of(key: str) -> str:
    """The digest of the row that has that key in the tables of today; empty if none has."""
    name, _, rest = key.removeprefix("table://").partition("/")
    return _digests(name, rest.rpartition("/")[2]).get(key, "")


@cache
def _digests(name: str, column: str) -> Mapping[str, str]:
    from greenlang.formulas.library import library

    if name not in library().tables.names() or column not in _table(name).columns:
        return {}
    table = _table(name)
    return {row.key: row.digest for row in _rows(table, column, f"{name}.{column}", table.column(column))}


def _pinned(call: TableCall) -> PinnedParameters:
    table = _table(call.table)
    values: Mapping[tuple[str, ...], Decimal] = call.rows if call.rows is not None else table.column(call.column)
    column = table.columns[call.column]
    rows = _rows(table, call.column, lookup_name(call), values)
    return PinnedParameters(lookup_name(call), table.keys, column.unit, column.meaning, rows)


def _rows(
    table: ParameterTable, column: str, name: str, values: Mapping[tuple[str, ...], Decimal]
) -> tuple[ParameterRow, ...]:
    return tuple(
        ParameterRow(
            key=f"table://{table.name}/{'/'.join(when)}/{column}",
            table=name,
            when=when,
            value=value,
            unit=table.columns[column].unit,
            document=table.citation.document,
            place=table.locators.get(when, table.citation.locator),
        )
        for when, value in sorted(values.items())
    )
