"""Parameter tables: cited values that a formula takes by key, ``emission_factors/formulas/tables/<name>.yaml``.

A table has text keys (``site_type``), columns with units, and rows. It is not for emission factors: those come from
releases, with vintage and region, through the selection rule.

Belongs here: reading and checking such a file. Does not belong here: the ``table(...)`` of an expression (``check``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from greenlang_sdk.decimals import normal_text

from greenlang.errors import FormulaError
from greenlang.formulas.reading import Citation, Problem, Reader, near

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of values: its unit and what it means."""

    unit: str
    meaning: str


@dataclass(frozen=True, eq=False)
class ParameterTable:
    """A table. ``rows`` maps the values of ``keys`` to the columns that have a value; none published, none there."""

    name: str
    citation: Citation
    keys: tuple[str, ...]
    columns: dict[str, Column]
    rows: dict[Key, dict[str, Decimal]]
    note: str = ""
    locators: dict[Key, str] = field(default_factory=dict)  # of rows that stand elsewhere than the table

    def column(self, name: str) -> Mapping[Key, Decimal]:
        """The values of one column by key."""
        return {key: row[name] for key, row in self.rows.items() if name in row}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, units and values."""
        content = {
            "name": self.name,
            "keys": self.keys,
            "columns": {n: c.unit for n, c in self.columns.items()},
            "rows": [
                [list(k), {n: normal_text(v) for n, v in sorted(row.items())}] for k, row in sorted(self.rows.items())
            ],
        }
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class TableSet:
    """The tables of a folder; each file is read when its table is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[ParameterTable | None, list[Problem]]] = {}

    def names(self) -> list[str]:
        """The names of all tables, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.yaml"))

    def get(self, name: str) -> ParameterTable:
        """The table of that name. Raises FormulaError if there is none, or if its file is wrong."""
        table, problems = self.read(name)
        if table is None:
            raise FormulaError(str(problems[0]))
        return table

    def read(self, name: str) -> tuple[ParameterTable | None, list[Problem]]:
        """The table and everything that is wrong with its file."""
        if name not in self._known:
            path = self.folder / f"{name}.yaml"
            if path.is_file():
                self._known[name] = read_table(path)
            else:
                problem = Problem(message=f"there is no parameter table `{name}`{near(name, self.names())}")
                self._known[name] = (None, [problem])
        return self._known[name]


def read_table(path: Path) -> tuple[ParameterTable | None, list[Problem]]:
    """One file: the table, or None and what is wrong."""
    table, problems = draft_table(path)
    return (None if problems else table), problems


def draft_table(path: Path) -> tuple[ParameterTable | None, list[Problem]]:
    """One file: as much of the table as can be read, and what is wrong. None where the file holds no mapping."""
    reader = Reader.open(path)
    if not isinstance(reader.value, dict):
        return None, reader.problems
    raw = reader.mapping((), reader.value, needs=("table", "citation", "keys", "columns", "rows"), may=("note",)) or {}
    name = reader.text(("table",), raw["table"])
    if name and name != path.stem:
        reader.fail(("table",), f"the file is named {path.stem}, the table {name}")
    citation = reader.citation(("citation",), raw["citation"])
    keys = reader.texts(("keys",), raw["keys"])
    columns: dict[str, Column] = {}
    for column, entry in reader.entries(("columns",), raw["columns"]):
        if fields := reader.mapping(("columns", column), entry, needs=("unit", "meaning")):
            columns[column] = Column(
                reader.unit(("columns", column, "unit"), fields["unit"]),
                reader.text(("columns", column, "meaning"), fields["meaning"]),
            )
    rows, locators = _rows(reader, raw["rows"], keys, columns)
    note = reader.text(("note",), raw.get("note", ""), empty=True)
    return ParameterTable(name, citation, keys, columns, rows, note, locators), reader.problems


def _rows(
    reader: Reader, raw: object, keys: tuple[str, ...], columns: Mapping[str, Column]
) -> tuple[dict[Key, dict[str, Decimal]], dict[Key, str]]:
    rows: dict[Key, dict[str, Decimal]] = {}
    locators: dict[Key, str] = {}
    unsure = reader.told(("keys",), below=True) or reader.told(("columns",))
    for i, entry in enumerate(reader.sequence(("rows",), raw)):
        place = ("rows", i)
        more = tuple(entry) if unsure and isinstance(entry, dict) else ()
        fields = reader.mapping(place, entry, needs=keys, may=(*columns, "locator", "note", *more))
        if fields is None:
            continue
        parts = []
        for key in keys:
            value = fields[key]
            if value is None:  # told already
                continue
            if isinstance(value, (bool, Decimal)) or not isinstance(value, (str, int)):
                reader.fail((*place, key), f"a key is a text or a whole number, not {value!r}; put it in quotes")
            parts.append(str(value))
        row = {name: reader.number((*place, name), fields[name]) for name in columns if fields.get(name) is not None}
        if len(parts) < len(keys):
            continue
        if tuple(parts) in rows:
            reader.fail(place, f"the row for {', '.join(parts)} stands twice")
        elif not row and not unsure and not reader.told(place, below=True):
            reader.fail(place, f"the row for {', '.join(parts)} has no value")
        rows[tuple(parts)] = row
        if fields.get("locator"):
            locators[tuple(parts)] = reader.text((*place, "locator"), fields["locator"])
    return rows, locators
