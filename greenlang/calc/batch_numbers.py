"""Columns of numbers: how each is read exactly, as the narrowest DECIMAL that holds its numbers.

Whole numbers and DECIMAL columns are exact as they are. Texts are read by the same rule as everywhere: digits, one
point, an exponent, nothing else. A DOUBLE counts as the shortest text that names it; where a DECIMAL of up to 15 digits
leads back to the same DOUBLE, that is the number of this text (no two such numbers meet in one DOUBLE), and no text is
read. The type is chosen by looking at the whole column, so it does not depend on the order of rows; single numbers
beyond 18 digits before the point or 20 after it are left out of it (``wide``), and their rows are computed by the
declared Decimal function, to the same digits, only slower.

Belongs here: types and reading. Does not belong here: units, ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenlang.calc.batch_source import Source
from greenlang.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

MAX_WHOLE, MAX_SCALE = 18, 20  # digits before and after the point of the narrow type; more go the slow way
EXACT = 15  # digits that a DOUBLE always keeps apart (DBL_DIG of IEEE 754 binary64)
_SCALES = (0, 1, 2, 3, 4, 6, 8, 10, 12)
NARROW = 18  # digits of a DECIMAL that DuckDB keeps in 64 bits
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_WHOLE = {"TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10}
_LONG = ("BIGINT", "UBIGINT")
_TEXTS = {"DOUBLE": "float", "FLOAT": "float", "VARCHAR": "text"}
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?"
_PARTS = r"^[+-]?0*([0-9]*)(?:\.([0-9]*?)0*)?(?:[eE]([+-]?[0-9]+))?$"
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column of numbers as DECIMAL(precision, scale).

    ``kind`` exact: whole numbers and DECIMAL; short: DOUBLE of up to 15 digits; float: other DOUBLE and FLOAT; text.
    ``wide``: some numbers do not fit.
    """

    name: str
    kind: str
    precision: int
    scale: int
    wide: bool

    @property
    def type(self) -> str:
        """The narrow type."""
        return f"DECIMAL({self.precision},{self.scale})"

    @property
    def text(self) -> str:
        """SQL: the number as text; NULL where the cell is empty."""
        column = quoted(self.name)
        if self.kind == "text":
            return f"trim({column}, {_BLANKS})"
        return f"CAST({column} AS VARCHAR)"

    @property
    def valid(self) -> str:
        """SQL: whether the cell is a number."""
        if self.kind == "exact":
            return "TRUE"
        if self.kind in {"float", "short"}:
            return f"isfinite({quoted(self.name)})"
        return f"regexp_full_match({self.text}, {literal(_NUMBER)})"

    @property
    def value(self) -> str:
        """SQL: the number in the narrow type; NULL where it does not fit, or is none."""
        if self.kind == "exact":
            return f"CAST({quoted(self.name)} AS {self.type})"
        if self.kind == "short":
            return _leads_back(self.name, self.type)
        tests = [self.valid]
        if self.wide:
            tests.append(_fits(self.text, self.precision - self.scale, self.scale))
        return f"CASE WHEN {' AND '.join(tests)} THEN TRY_CAST({self.text} AS {self.type}) END"


def number_columns(
    connection: duckdb.DuckDBPyConnection, source: Source, names: Iterable[str]
) -> tuple[dict[str, NumberColumn], list[str]]:
    """The columns of numbers by name, and those whose type is none for numbers. One look at the data for all."""
    known: dict[str, NumberColumn] = {}
    asked: list[tuple[str, str]] = []
    wrong = []
    for name in dict.fromkeys(names):
        kind = source.types[name]
        if (match := _DECIMAL.fullmatch(kind)) and int(match[1]) <= NARROW:
            known[name] = NumberColumn(name, "exact", int(match[1]), int(match[2]), wide=False)
        elif kind in _WHOLE:
            known[name] = NumberColumn(name, "exact", _WHOLE[kind], 0, wide=False)
        elif match or kind in _LONG or kind in _TEXTS:
            asked.append((name, kind))
        else:
            wrong.append(name)
    known |= _short(connection, source, [name for name, kind in asked if kind == "DOUBLE"])
    asked = [(name, kind) for name, kind in asked if name not in known]
    if asked:
        known |= _looked_at(connection, source, asked)
    return known, wrong


def _leads_back(name: str, kind: str) -> str:
    """SQL: a DOUBLE as the DECIMAL that leads back to it; NULL if there is none of that type."""
    made = f"TRY_CAST({quoted(name)} AS {kind})"
    return f"CASE WHEN CAST({made} AS DOUBLE) = {quoted(name)} THEN {made} END"


def _short(connection: duckdb.DuckDBPyConnection, source: Source, names: list[str]) -> dict[str, NumberColumn]:
    """The columns of DOUBLE whose numbers all have up to 15 digits, with the fewest digits after the point."""
    if not names:
        return {}
    asked = []
    for name in names:
        column = quoted(name)
        asked.append(f"max(abs({column})) FILTER (isfinite({column}))")
        for scale in _SCALES:
            back = f"{_leads_back(name, f'DECIMAL({EXACT},{scale})')} IS NOT NULL"
            asked.append(f"bool_and({back} OR NOT isfinite({column}) OR {column} IS NULL)")
    found = connection.execute(f"SELECT {', '.join(asked)} FROM {source.relation}").fetchall()[0]  # noqa: S608
    out = {}
    for place, name in enumerate(names):
        largest, *fitting = found[place * (len(_SCALES) + 1) : (place + 1) * (len(_SCALES) + 1)]
        fits = [scale for scale, fit in zip(_SCALES, fitting, strict=True) if fit is not False]
        if fits:
            digits = len(str(int(largest or 0)))
            out[name] = NumberColumn(name, "short", min(digits + fits[0], EXACT), fits[0], wide=False)
    return out


def _looked_at(
    connection: duckdb.DuckDBPyConnection, source: Source, asked: list[tuple[str, str]]
) -> dict[str, NumberColumn]:
    parts = [part for name, kind in asked for part in _questions(name, kind)]
    found = connection.execute(f"SELECT {', '.join(parts)} FROM {source.relation}").fetchall()[0]  # noqa: S608
    out = {}
    for place, (name, kind) in enumerate(asked):
        one, other, wide = found[3 * place : 3 * place + 3]
        if kind in _TEXTS:
            whole, scale = int(one or 0), int(other or 0)
        else:
            match = _DECIMAL.fullmatch(kind)
            scale = int(match[2]) if match else 0
            whole = max(len(str(abs(int(end or 0)))) for end in (one, other))
        out[name] = NumberColumn(name, _TEXTS.get(kind, "exact"), max(whole + scale, 1), scale, bool(wide))
    return out


def _questions(name: str, kind: str) -> tuple[str, str, str]:
    """SQL: the smallest and the largest number; of texts the most digits before and after the point, and whether some
    numbers do not fit the narrow type."""
    if kind not in _TEXTS:
        return f"min({quoted(name)})", f"max({quoted(name)})", "FALSE"
    column = NumberColumn(name, _TEXTS[kind], 1, 0, wide=False)
    whole, after = _digits(column.text)
    fits = f"{whole} <= {MAX_WHOLE} AND {after} <= {MAX_SCALE}"
    exponent = f"contains(lower({column.text}), 'e')"  # what DuckDB does not read, the declared function does
    return (
        f"max({whole}) FILTER ({column.valid} AND {fits})",
        f"max({after}) FILTER ({column.valid} AND {fits})",
        f"bool_or({column.valid} AND (NOT ({fits}) OR {exponent}))",
    )


def _digits(text: str) -> tuple[str, str]:
    """SQL: digits that a number needs before and after its point; with an exponent rather too many than too few."""
    parts = f"regexp_extract({text}, {literal(_PARTS)}, ['w', 'f', 'e'])"
    exponent = f"coalesce(TRY_CAST(({parts}).e AS INTEGER), 0)"
    return (
        f"strlen(({parts}).w) + greatest({exponent}, 0)",
        f"greatest(strlen(({parts}).f) - {exponent}, 0)",
    )


def _fits(text: str, whole: int, scale: int) -> str:
    before, after = _digits(text)
    return f"{before} <= {whole} AND {after} <= {scale}"
