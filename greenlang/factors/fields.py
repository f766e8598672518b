"""The declaration of a factor row: `emission_factors/fields.yaml`, read once, and what is derived from it.

Belongs here: column names, types, DDL, Parquet types, the docs table. Does not belong here: rows, their checks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.model import Factor

if TYPE_CHECKING:
    import pyarrow as pa

FieldType = Literal["text", "decimal", "integer", "boolean"]
Origin = Literal["derived", "source", "row", "either"]

DECIMAL_PRECISION = 38
DECIMAL_SCALE = 24
_SQL = {
    "text": "VARCHAR",
    "decimal": f"DECIMAL({DECIMAL_PRECISION}, {DECIMAL_SCALE})",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
}
_KEYS = frozenset({"name", "type", "required", "origin", "description", "allowed"})


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name, type, where its value comes from, and what may stand in it."""

    name: str
    type: FieldType
    required: bool
    origin: Origin
    description: str
    allowed: tuple[str, ...] = ()

    @property
    def in_row(self) -> bool:
        """Whether an embedded CSV may carry the column."""
        return self.origin in {"row", "either"}

    @property
    def in_source(self) -> bool:
        """Whether a source declaration may carry the value."""
        return self.origin in {"source", "either"}


def read_fields(path: Path) -> tuple[Field, ...]:
    """The declared columns. Raises FactorTableError if they are not those of `Factor`, in its order."""
    entries: Any = read_yaml(path)
    declared = []
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or set(entry) - _KEYS or _KEYS - {"allowed"} - set(entry):
            raise FactorTableError(f"{path.name}: field {number}: needs {', '.join(sorted(_KEYS))} and nothing else")
        if entry["type"] not in _SQL:
            raise FactorTableError(f"{path.name}: field `{entry['name']}`: type `{entry['type']}` is unknown")
        declared.append(Field(**{**entry, "allowed": tuple(entry.get("allowed", ()))}))
    names = [field.name for field in declared]
    expected = [field.name for field in fields(Factor)]
    if names != expected:
        raise FactorTableError(f"{path.name}: the fields are not those of Factor: {names} instead of {expected}")
    return tuple(declared)


@cache
def declared_fields() -> tuple[Field, ...]:
    """The columns that this installation declares."""
    return read_fields(data() / "emission_factors" / "fields.yaml")


def ddl(table: str = "factors") -> str:
    """``CREATE TABLE`` for DuckDB."""
    lines = []
    for field in declared_fields():
        constraint = " PRIMARY KEY" if field.name == "key" else " NOT NULL" if _not_null(field) else ""
        lines.append(f'    "{field.name}" {_SQL[field.type]}{constraint}')
    return f'CREATE TABLE "{table}" (\n' + ",\n".join(lines) + "\n)"


def arrow_schema() -> pa.Schema:
    """The same columns for Parquet."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "decimal": pa.decimal128(DECIMAL_PRECISION, DECIMAL_SCALE),
        "integer": pa.int32(),
        "boolean": pa.bool_(),
    }
    return pa.schema([pa.field(f.name, types[f.type], nullable=not _not_null(f)) for f in declared_fields()])


def docs_table() -> str:
    """The columns as a Markdown table."""
    lines = ["| column | type | may be empty | what it holds |", "|---|---|---|---|"]
    for field in declared_fields():
        text = field.description + (f" One of: {', '.join(field.allowed)}." if field.allowed else "")
        empty = "no" if field.required else "yes"
        lines.append(f"| `{field.name}` | {_SQL[field.type]} | {empty} | {text} |")
    return "\n".join(lines) + "\n"


def _not_null(field: Field) -> bool:
    # texts that do not apply are empty, never NULL
    return field.required or field.type == "text"
