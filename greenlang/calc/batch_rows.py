"""The canonical text of a row, as SQL: what its digest covers, in one form that cannot be read in two ways.

    r1|<field>|<field>|...

Whole numbers, DECIMAL, DOUBLE, truth values and days are written plainly, texts as ``<bytes>:<text>``; an empty cell is
nothing, or ``:`` where a text is expected. Fields stand in this order: the columns of the activities that stand for
themselves (ids, inputs as they were given, what is carried along), the digest of the row's combination (it covers the
columns that choose factors and units, the factor rows with their digests, the formula), the outputs, the bases that
depend on the row, the status, and where it is not ok the reason. The certificate lists them.

Belongs here: fields and their SQL. Does not belong here: trees over digests (``proof``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greenlang.sql import quoted

VERSION = "r1"
_PLAIN = ("DECIMAL", "DOUBLE", "FLOAT", "BOOLEAN", "DATE")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_SHORT = 18


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the text: a column of the results, or the combination's digest.

    ``kind``: given (a column of the activities), combination, output, basis, status, reason.
    """

    kind: str
    name: str
    type: str

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"kind": self.kind, "name": self.name, "type": self.type}


def read_fields(content: Sequence[dict[str, Any]]) -> list[Field]:
    """The fields that a certificate lists."""
    return [Field(str(entry["kind"]), str(entry["name"]), str(entry["type"])) for entry in content]


def row_text(fields: Sequence[Field], combination: str) -> str:
    """SQL: the canonical text of a row whose columns have the names of the fields."""
    parts = [f"'{VERSION}'"]
    for field in fields:
        parts += ["'|'", *_parts(field, combination)]
    return f"concat({', '.join(parts)})"


def row_digest(fields: Sequence[Field], combination: str) -> str:
    """SQL: the digest of a row, 32 bytes."""
    return f"unhex(sha256({row_text(fields, combination)}))"


def _parts(field: Field, combination: str) -> list[str]:
    name = quoted(field.name)
    if field.kind == "combination":
        return [combination]
    if field.kind == "output":
        scale = int(field.type.rstrip(")").split(",")[1])
        # DuckDB writes a DECIMAL of 18 digits four times as fast as one of 38, and nearly every result is that short
        short = f"CAST(TRY_CAST({name} AS DECIMAL({_SHORT},{scale})) AS VARCHAR)" if scale < _SHORT else "NULL"
        return [f"coalesce({short}, CAST({name} AS VARCHAR))"]
    if field.kind == "status":
        return [name]  # one of the codes
    if field.kind == "reason":
        return [f"CASE WHEN {name} IS NOT NULL THEN concat(strlen({name}), ':', {name}) END"]
    if field.kind == "given" and (field.type.startswith(_PLAIN) or field.type.removeprefix("U") in _WHOLE):
        return [f"CAST({name} AS VARCHAR)"]
    text = name if field.type == "VARCHAR" else f"CAST({name} AS VARCHAR)"
    return [f"strlen({text})", "':'", text]
