"""A catalogue becomes specs: one file a served row, and the reports of what was served and what was not.

    <folder>/specs/<domain>.<template>_<number>.pack.yaml   a spec, ready for `greenlang agent batch`
    <folder>/served.csv                                    row -> file, agent, template, why this one
    <folder>/not_served.csv                                row -> reason
    <folder>/summary.json                                  counts

The same catalogue and templates give the same bytes; a second run writes what changed and removes what it wrote before
and is no longer wanted. Belongs here: files. Does not belong here: the choice (``serving``), the text (``naming``).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from greenlang.catalogue.filling import Filled, fill
from greenlang.catalogue.naming import Head, slug, spec_text
from greenlang.catalogue.rows import faults, read_rows
from greenlang.catalogue.serving import NotServed, Served, Serving
from greenlang.catalogue.template import Template
from greenlang.catalogue.vocabulary import vocabulary
from greenlang.errors import TemplateError
from greenlang.factors.table import FactorTable

SPECS = "specs"
_PLACE = ("domain", "subdomain", "category", "level", "sector", "region")
SERVED = ("row", "file", "sha256", "agent_id", "version", "template", *_PLACE, "candidates")
NOT_SERVED = ("row", "name", *_PLACE, "why", "reason", "refused_by")
SERVED_FILE = "served.csv"
NOT_SERVED_FILE = "not_served.csv"
_OWN = re.compile(r"[a-z0-9.-]+_[0-9]+\.pack\.yaml\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Build:
    """What a build did. ``written`` are the specs whose bytes changed, ``removed`` those that are no longer wanted."""

    folder: Path
    written: int
    removed: int
    served: tuple[Served, ...]
    not_served: tuple[NotServed, ...]

    @property
    def catalogued(self) -> int:
        """How many rows the catalogue has."""
        return len(self.served) + len(self.not_served)

    def summary(self) -> dict[str, Any]:
        """Counts of rows; the agents that were generated and certified are counted elsewhere (``standing``)."""
        return {
            "catalogued": self.catalogued,
            "served": len(self.served),
            "not_served": dict(sorted(Counter(n.why for n in self.not_served).items())),
            "templates": dict(sorted(Counter(s.template.name for s in self.served).items())),
            **{
                by: _split(by, self.served, self.not_served)
                for by in ("domain", "subdomain", "category", "region", "level")
            },
        }


def build(
    catalogue: Path,
    folder: Path,
    templates: Iterable[Template],
    table: FactorTable,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Build:
    """Write the specs and reports of a catalogue. ``progress`` hears of (rows done, rows).

    Raises CatalogueError for a file that is no catalogue, and TemplateError for a template that cannot be filled.
    """
    rows = read_rows(catalogue, limit=limit)
    wrong = faults(rows)
    serving = Serving(templates)
    answers = [NotServed(row, "row", wrong[i]) if i in wrong else serving.serve(row) for i, row in enumerate(rows)]
    served = tuple(a for a in answers if isinstance(a, Served))
    not_served = tuple(a for a in answers if isinstance(a, NotServed))
    writer = _Writer(folder, table)
    for count, one in enumerate(sorted(served, key=alike), start=1):
        writer.write(one)
        if progress is not None and (count % 100 == 0 or count == len(served)):
            progress(len(not_served) + count, len(rows))
    removed = writer.tidy()
    built = Build(folder, writer.written, removed, served, not_served)
    _replace(folder / NOT_SERVED_FILE, csv_bytes(NOT_SERVED, map(_not_served_row, not_served)))
    _replace(folder / "summary.json", json.dumps(built.summary(), indent=2, ensure_ascii=False).encode() + b"\n")
    _replace(folder / SERVED_FILE, csv_bytes(SERVED, (writer.rows[s.row.row] for s in served)))
    return built


def alike(served: Served) -> tuple[str, str, str]:
    """Sorts rows so that those of one template, region and sector follow each other."""
    return served.template.name, served.row.region, served.row.sector


class SpecTexts:
    """The specs of served rows. The last filling is kept: rows that are `alike` are best asked for together."""

    def __init__(self, table: FactorTable) -> None:
        self._table = table
        self._last: tuple[tuple[str, str, str], Filled] | None = None

    def of(self, served: Served) -> bytes:
        """The bytes of the spec of a row. Raises TemplateError for a template that cannot be filled."""
        return spec_text(self._filled(served), head_of(served)).encode()

    def _filled(self, served: Served) -> Filled:
        key = alike(served)
        if self._last is None or self._last[0] != key:
            filled, problems = fill(served.template, self._table, region=served.row.region, sector=served.row.sector)
            if problems:
                where = f"{served.row.region}, {served.row.sector}"
                raise TemplateError(f"{served.template.file}: {problems[0].message} ({where})")
            self._last = key, filled
        return self._last[1]


class _Writer:
    """Writes specs."""

    def __init__(self, folder: Path, table: FactorTable) -> None:
        self.folder = folder
        self.texts = SpecTexts(table)
        self.before = _files_of(folder / SERVED_FILE)
        self.rows: dict[str, dict[str, Any]] = {}
        self.written = 0
        (folder / SPECS).mkdir(parents=True, exist_ok=True)

    def write(self, served: Served) -> None:
        row = served.row
        data = self.texts.of(served)
        agent_id = head_of(served).agent_id
        name = f"{agent_id.replace('/', '.')}.pack.yaml"
        path = self.folder / SPECS / name
        if not path.is_file() or path.read_bytes() != data:
            _replace(path, data)
            self.written += 1
        self.rows[row.row] = {
            **{k: v for k, v in asdict(row).items() if k in SERVED},
            "file": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "agent_id": agent_id,
            "version": served.template.declared.version,
            "template": served.template.name,
            "candidates": " ".join(served.candidates),
        }

    def tidy(self) -> int:
        """Remove the specs of the build before that this one did not make."""
        gone = sorted(self.before - {row["file"] for row in self.rows.values()})
        for name in gone:
            (self.folder / SPECS / name).unlink(missing_ok=True)
        return len(gone)


def head_of(served: Served) -> Head:
    """The names of the agent of a row: its id holds the template and the row's number, so it is unique."""
    row, template = served.row, served.template
    folder = vocabulary().domains[template.domain].folder
    tags = ("catalogue", slug(row.subdomain), slug(row.category), f"{slug(row.level)}-level")
    kept = ("blueprint", "subdomain", "category", "level", "priority", "complexity")
    origin = {"row": row.row, **{name: getattr(row, name) for name in kept}}
    metadata = (("catalogue", origin), ("serves", template.declared.serves[row.category]))
    return Head(f"{folder}/{template.name}_{row.number}", row.name, tags, metadata)


def _split(by: str, served: Iterable[Served], not_served: Iterable[NotServed]) -> dict[str, dict[str, int]]:
    """Counts by one column: catalogued, served, and not served by what was missing."""
    done = Counter(getattr(s.row, by) for s in served)
    left: dict[str, Counter[str]] = {}
    for n in not_served:
        left.setdefault(getattr(n.row, by), Counter())[n.why] += 1
    return {
        name: {
            "catalogued": done[name] + sum(left.get(name, Counter()).values()),
            "served": done[name],
            **{f"not_served_{why}": n for why, n in sorted(left.get(name, Counter()).items())},
        }
        for name in sorted(done.keys() | left.keys())
    }


def _not_served_row(answer: NotServed) -> dict[str, str]:
    return {k: v for k, v in asdict(answer.row).items() if k in NOT_SERVED} | {
        "why": answer.why,
        "reason": answer.reason,
        "refused_by": " ".join(answer.refused),
    }


def csv_bytes(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A CSV file in UTF-8."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def _files_of(path: Path) -> set[str]:
    """The spec files that the build before wrote; names that are not of a build's kind are left alone."""
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8", newline="") as stream:
        return {name for name in _column(csv.DictReader(stream), "file") if _OWN.match(name)}


def _column(reader: csv.DictReader[str], name: str) -> Iterator[str]:
    return (row.get(name) or "" for row in reader)


def _replace(path: Path, data: bytes) -> None:
    """Write a file under another name and rename it, so that nobody meets half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
