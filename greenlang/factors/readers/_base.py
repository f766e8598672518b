"""What every reader needs: rows with a checked key and unit, refusals, and the count that proves that none was lost.

Belongs here: the row builder, slugs, cell texts, opening CSV and workbooks. Does not belong here: any publisher's
layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import Edition
from greenlang.factors.embedded import cell_value
from greenlang.factors.fields import DECIMAL_PRECISION, DECIMAL_SCALE, declared_fields
from greenlang.factors.model import Factor

_KEY = re.compile(r"[a-z0-9][a-z0-9.\-]*(/[a-z0-9][a-z0-9.\-]*){3,}")
_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ß": "ss", "ø": "o", "Ø": "O", "₂": "2", "₄": "4"}
)


class LayoutError(FactorTableError):
    """A file that is laid out in another way than its reader knows: says what was looked for and what was found."""

    def __init__(self, edition: Edition, file: str, *, wanted: object, found: object) -> None:
        super().__init__(f"{edition.name}: {file}: looked for {wanted}; found {found}. The file is not read.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A source value that gave no row. ``reason`` is one of its reader's few sentences, so that they can be counted."""

    file: str
    place: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one edition gave. ``seen`` counts source values as they are met, whatever becomes of them."""

    edition: Edition
    rows: tuple[Factor, ...]
    refused: tuple[Refusal, ...]
    seen: int

    @property
    def kept(self) -> int:
        """Source values that became rows; rows derived by us are no source values."""
        return sum(row.kind != "derived" for row in self.rows)

    def reasons(self) -> dict[str, int]:
        """How many values were refused, by reason."""
        return dict(sorted(Counter(refusal.reason for refusal in self.refused).items()))


@dataclass(slots=True)
class Rows:
    """Collects the rows of one edition. Every source value goes through `value`, and becomes a row or a refusal."""

    edition: Edition
    rows: dict[str, Factor] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    seen: int = 0

    def refuse(self, file: str, place: str, reason: str, text: object = "") -> None:
        """Count a source value that gives no row."""
        self.seen += 1
        self.refused.append(Refusal(file, place, reason, str(text)))

    def add(
        self,
        cell: object,
        *,
        file: str,
        place: str,
        path: Sequence[str],
        unit: str,
        gas: str,
        table: str,
        row: int | None = None,
        twice: str = "",
        derived: Decimal | None = None,
        **fields: Any,
    ) -> str | None:
        """Count a source value and make it a row; the key, or None where it was refused.

        ``cell`` is the value as the file holds it (text, int, float); ``path`` the activity's segments and, last, the
        quantity (``co2e-per-kwh``), each made a slug. ``place`` is the cell or line. ``unit`` is checked
        against the registry. ``twice`` is the reason for refusing a second row with an equal key; without it that is
        an error of the reader. ``derived`` is a value computed by us instead of the cell's. Further fields are those
        of `Factor`; ``activity`` defaults to the path without its last segment.
        Raises FactorTableError for a key or a unit that is none, or a field that is not declared.
        """
        value = derived
        if value is None:
            self.seen += 1
            value = number(cell)
            if value is None:
                self.refused.append(Refusal(file, place, "no number in the cell", str(cell)))
                return None
        if not fits(value):
            raise FactorTableError(f"{self.edition.name}: {place}: `{cell}` does not fit the table's decimals")
        segments = [slug(part) for part in path]
        key = "/".join((self.edition.name, *segments))
        if not _KEY.fullmatch(key):
            raise FactorTableError(f"{self.edition.name}: {place}: `{key}` is no key")
        if key in self.rows:
            if not twice:
                raise FactorTableError(
                    f"{self.edition.name}: {place}: key `{key}` stands already in {self.rows[key].cell}"
                )
            self.refused.append(Refusal(file, place, twice, str(cell)))
            return None
        numerator, slash, per = unit.partition("/")
        check_unit(unit)
        if gas == "CO2e" and not numerator.strip().endswith("CO2e"):
            raise FactorTableError(f"{self.edition.name}: {place}: `{unit}` is no unit of CO2e")
        common = {
            "publisher": self.edition.publisher,
            "dataset": self.edition.dataset,
            "vintage": self.edition.vintage,
            "publication_year": self.edition.publication_year,
            "data_year": self.edition.data_year,
            "reporting_year": self.edition.reporting_year,
            "gwp_set": self.edition.gwp_set if gas == "CO2e" else "",
            "licence": self.edition.licence,
            "document": self.edition.document,
            "source_digest": self.edition.file(file).sha256,
            "source_file": file,
            "source_row": row,
            "activity": "/".join(segments[:-1]),
            "category": "",
            "region": "",
            "scope": "",
            "boundary": "",
            "scope2_method": "",
            "calorific_basis": "",
            "biogenic": False,
        }
        factor = Factor(
            **{
                **common,
                "key": key,
                "value": value,
                "cell_text": str(cell),
                "unit": unit,
                "per": per.strip() if slash else "1",
                "gas": gas,
                "table": table,
                "cell": place,
                **fields,
            }
        )
        _check(self.edition, factor)
        self.rows[key] = factor
        return key

    def reading(self) -> Reading:
        """What was collected. Raises FactorTableError if a source value was lost on the way."""
        reading = Reading(self.edition, tuple(self.rows.values()), tuple(self.refused), self.seen)
        if reading.seen != reading.kept + len(reading.refused):
            raise FactorTableError(
                f"{self.edition.name}: {reading.seen} values read, {reading.kept} kept, {len(reading.refused)} refused"
            )
        for row in reading.rows:
            if row.part_of and row.part_of not in self.rows:
                raise FactorTableError(
                    f"{self.edition.name}: `{row.key}` is part of `{row.part_of}`, which is not there"
                )
        return reading


@lru_cache(maxsize=200_000)
def slug(text: str) -> str:
    """Lower-case letters, digits, ``-`` and ``.``; accents fall away, everything else becomes one hyphen."""
    plain = unicodedata.normalize("NFKD", text.translate(_LIGATURES)).encode("ascii", "ignore").decode().lower()
    plain = plain.replace("%", " percent ").replace("+", " plus ").replace("<", " under ").replace(">", " over ")
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")


def number(cell: object) -> Decimal | None:
    """The exact value of a cell: floats to 15 significant digits, texts as they stand; None if it is no number."""
    if isinstance(cell, bool) or cell is None:
        return None
    text = repr(cell) if isinstance(cell, float) else str(cell).strip().replace("\u00a0", "").replace("\u202f", "")
    try:
        value = cell_value(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def fits(value: Decimal) -> bool:
    """Whether the value fits the table's column without loss."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    return -exponent <= DECIMAL_SCALE and len(digits) + exponent <= DECIMAL_PRECISION - DECIMAL_SCALE


@lru_cache(maxsize=8192)
def check_unit(unit: str) -> None:
    """Raises UnitError if the registry cannot read the unit."""
    from greenlang.units import parse_unit

    parse_unit(unit)


@lru_cache(maxsize=1)
def _allowed() -> dict[str, frozenset[str]]:
    return {field.name: frozenset(field.allowed) for field in declared_fields() if field.allowed}


def _check(edition: Edition, factor: Factor) -> None:
    for name, allowed in _allowed().items():
        value = getattr(factor, name)
        if value and value not in allowed:
            raise FactorTableError(
                f"{edition.name}: {factor.cell}: {name}: `{value}` is not one of {', '.join(sorted(allowed))}"
            )
    if factor.gas == "CO2e" and not factor.gwp_set:
        raise FactorTableError(f"{edition.name}: {factor.cell}: CO2e without its basis")


def csv_rows(path: Path, *, encoding: str = "utf-8-sig", delimiter: str = ",") -> list[list[str]]:
    """All records of a CSV file, the header too. Raises FactorTableError if it cannot be decoded."""
    import csv

    try:
        with path.open(encoding=encoding, newline="") as stream:
            return list(csv.reader(stream, delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FactorTableError(f"{path.name}: {error}") from error


def workbook(path: Path) -> Any:
    """A workbook (.xlsx and .xls) through python-calamine: ``.sheet_names``, ``.get_sheet_by_name(n).to_python()``.

    Rows come as lists of str, int, float, bool, date; an empty cell is "". Pass ``skip_empty_area=False`` so
    that row and column numbers are the sheet's own.
    """
    from python_calamine import CalamineWorkbook

    return CalamineWorkbook.from_path(str(path))


def cell_name(row: int, column: int) -> str:
    """``B7`` for row 7, column 2, both counted from 1."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"
