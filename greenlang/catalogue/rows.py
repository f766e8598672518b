"""The rows of an agent catalogue (CSV), read and checked.

Belongs here: columns, words, identity of a row. Does not belong here: which template serves it (``serving``).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from greenlang.catalogue.vocabulary import Vocabulary, vocabulary
from greenlang.errors import CatalogueError

COLUMNS = {
    "row": "Agent_ID",
    "blueprint": "Blueprint_Name",
    "name": "Agent_Name",
    "domain": "Domain",
    "subdomain": "Subdomain",
    "category": "Category",
    "level": "Level",
    "sector": "Sector_Instance",
    "region": "Region",
    "priority": "Priority",
    "complexity": "Complexity",
}
_ID = re.compile(r"[A-Za-z]+-([0-9]{1,12})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue: an agent that somebody wishes for. ``row`` is its id, ``line`` its line in the file."""

    row: str
    blueprint: str
    name: str
    domain: str
    subdomain: str
    category: str
    level: str
    sector: str
    region: str
    priority: str
    complexity: str
    line: int

    @property
    def number(self) -> str:
        """The digits of its id: ``00001`` of GLA-00001."""
        found = _ID.match(self.row)
        return found[1] if found else ""


def read_rows(path: Path, *, limit: int | None = None) -> list[Row]:
    """The rows of a catalogue, the first ``limit`` of them. Raises CatalogueError for a file that is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(_rows(path, csv.DictReader(stream, strict=True), limit))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogueError(f"{path.name} is no CSV file in UTF-8: {error}") from error


def _rows(path: Path, reader: csv.DictReader[str], limit: int | None) -> Iterator[Row]:
    header = list(reader.fieldnames or ())
    missing = [name for name in COLUMNS.values() if name not in header]
    if missing:
        raise CatalogueError(
            f"{path.name}: no column {', '.join(f'`{m}`' for m in missing)}; there are {', '.join(header)}"
        )
    for count, values in enumerate(reader):
        if limit is not None and count >= limit:
            return
        if None in values or any(values[name] is None for name in COLUMNS.values()):
            raise CatalogueError(
                f"{path.name}:{reader.line_num}: the row has not the {len(header)} columns of the header"
            )
        yield Row(**{field: values[name].strip() for field, name in COLUMNS.items()}, line=reader.line_num)


def faults(rows: list[Row]) -> dict[int, str]:
    """Place in the list -> why the row cannot be used: no id, an id that stands twice, a word that is not known."""
    words, seen, out = vocabulary(), dict[str, int](), dict[int, str]()
    for place, row in enumerate(rows):
        if not row.number:
            out[place] = f"`{row.row}` is no id such as GLA-00001"
        elif row.number in seen:
            out[place] = f"`{row.row}` stands twice, first on line {rows[seen[row.number]].line}"
        elif why := _unknown(row, words):
            out[place] = why
        seen.setdefault(row.number, place)
    return out


def _unknown(row: Row, words: Vocabulary) -> str:
    domain = words.domains.get(row.domain)
    if domain is None:
        return f"the domain `{row.domain}` is not known"
    for what, word, known in (
        ("subdomain", row.subdomain, domain.subdomains),
        ("sector", row.sector, domain.sectors),
        ("category", row.category, words.categories),
        ("region", row.region, tuple(words.regions)),
    ):
        if word not in known:
            return f"the {what} `{word}` is not known in {row.domain}"
    return ""
