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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from greenlang.catalogue.filling import Filled, fill
from greenlang.catalogue.naming import Head, slug, spec_text
from greenlang.catalogue.rows import Row, faults, read_rows
from greenlang.catalogue.serving import NotServed, Served, Serving
from greenlang.catalogue.template import Template
from greenlang.catalogue.vocabulary import vocabulary
from greenlang.errors import TemplateError
from greenlang.factors.table import FactorTable

SPECS = "specs"
_PLACE = ("domain", "subdomain", "category", "level", "sector", "region")
SERVED = ("row", "file", "sha256", "agent_id", "version", "template", *_PLACE, "candidates")
NOT_SERVED = ("row", "name", *_PLACE, "why", "reason")
_OWN = re.compile(r"[a-z0-9.-]+_[0-9]+\.pack\.yaml\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Build:
    """What a build did. ``written`` are the specs whose bytes changed, ``removed`` those that are no longer wanted."""

    folder: Path
    catalogued: int
    generated: int
    written: int
    removed: int
    served: tuple[Served, ...]
    not_served: tuple[NotServed, ...]
    keys: tuple[str, ...]  # partition key of each spec: the agent's id and version with the start of the spec's digest

    def summary(self) -> dict[str, Any]:
        """Counts for the report; the certified agents are counted elsewhere, from the outcomes."""
        return {
            "catalogued": self.catalogued,
            "generated": self.generated,
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
    writer = _Writer(folder, table)
    served: list[Served] = []
    not_served: list[NotServed] = []
    for place, row in enumerate(rows):
        answer = NotServed(row, "row", wrong[place]) if place in wrong else serving.serve(row)
        if isinstance(answer, NotServed):
            not_served.append(answer)
        else:
            served.append(answer)
            writer.write(answer)
        if progress is not None and (place % 100 == 99 or place + 1 == len(rows)):
            progress(place + 1, len(rows))
    removed = writer.tidy()
    built = Build(
        folder, len(rows), len(served), writer.written, removed, tuple(served), tuple(not_served), tuple(writer.keys)
    )
    _replace(folder / "not_served.csv", _csv(NOT_SERVED, map(_not_served_row, not_served)))
    _replace(folder / "summary.json", json.dumps(built.summary(), indent=2, ensure_ascii=False).encode() + b"\n")
    _replace(folder / "served.csv", _csv(SERVED, writer.rows))
    return built


class _Writer:
    """Writes specs; a template is filled once for each region and sector."""

    def __init__(self, folder: Path, table: FactorTable) -> None:
        self.folder = folder
        self.table = table
        self.filled: dict[tuple[str, str, str], Filled] = {}
        self.before = _files_of(folder / "served.csv")
        self.rows: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.written = 0
        (folder / SPECS).mkdir(parents=True, exist_ok=True)

    def write(self, served: Served) -> None:
        row, template = served.row, served.template
        made = head_of(served)
        data = spec_text(self._fill(template, row), made).encode()
        digest = hashlib.sha256(data).hexdigest()
        name = f"{made.agent_id.replace('/', '.')}.pack.yaml"
        path = self.folder / SPECS / name
        if not path.is_file() or path.read_bytes() != data:
            _replace(path, data)
            self.written += 1
        version = template.declared.version
        self.keys.append(f"{made.agent_id}@{version}-{digest[:8]}")
        self.rows.append(
            {
                **{k: v for k, v in asdict(row).items() if k in SERVED},
                "file": name,
                "sha256": digest,
                "agent_id": made.agent_id,
                "version": version,
                "template": template.name,
                "candidates": " ".join(served.candidates),
            }
        )

    def _fill(self, template: Template, row: Row) -> Filled:
        key = (template.name, row.region, row.sector)
        if key not in self.filled:
            filled, problems = fill(template, self.table, region=row.region, sector=row.sector)
            if problems:
                raise TemplateError(f"{template.file}: {problems[0].message} ({row.region}, {row.sector})")
            self.filled[key] = filled
        return self.filled[key]

    def tidy(self) -> int:
        """Remove the specs of the build before that this one did not make."""
        gone = sorted(self.before - {row["file"] for row in self.rows})
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
    """Counts by one column: catalogued, generated, and not served by what was missing."""
    done = Counter(getattr(s.row, by) for s in served)
    left: dict[str, Counter[str]] = {}
    for n in not_served:
        left.setdefault(getattr(n.row, by), Counter())[n.why] += 1
    return {
        name: {
            "catalogued": done[name] + sum(left.get(name, Counter()).values()),
            "generated": done[name],
            **{f"not_served_{why}": n for why, n in sorted(left.get(name, Counter()).items())},
        }
        for name in sorted(done.keys() | left.keys())
    }


def _not_served_row(answer: NotServed) -> dict[str, str]:
    return {k: v for k, v in asdict(answer.row).items() if k in NOT_SERVED} | {
        "why": answer.why,
        "reason": answer.reason,
    }


def _csv(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> bytes:
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
