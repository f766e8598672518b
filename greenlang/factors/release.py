"""Factor releases: immutable, semantically versioned, with a digest and a changelog.

A release lies in a folder of its own below ``releases/`` and is never written again:

    factors.parquet    every row, in the declared columns
    standing.parquet   key, row digest, checked, eligible, same_as, finding
    refused.parquet    every source value that gave no row, with its reason
    changelog.parquet  what changed against the release before, largest relative change first
    findings.json      what the plausibility gates found, each with its reviewed decision
    release.json       name, digest, editions with their accounts, counts

``pinned`` beside ``releases/`` names the one in force.

Belongs here: making, storing, comparing, pinning releases. Does not belong here: layouts, gates, selection.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang.errors import FactorTableError, NameNotFound
from greenlang.factors.changelog import Change, bump, changes, write_changes
from greenlang.factors.editions import EditionRead, file_digest, totals
from greenlang.factors.model import row_digest
from greenlang.factors.standing import Standing, stand
from greenlang.factors.storage import (
    STANDING,
    arrow_table,
    flush,
    read_arrow,
    read_column,
    replace_file,
    write_arrow,
    write_column,
    write_standings,
)
from greenlang.factors.table import FILE_NAME, FactorTable, digest_of_lines, split_ref

if TYPE_CHECKING:
    import pyarrow as pa

    from greenlang.factors.gates import Finding, Report

_NAME = re.compile(r"factors-(\d+)\.(\d+)\.(\d+)")
_FIRST = "factors-1.0.0"

Gates = Callable[["FactorTable", "FactorTable | None"], "Report"]


@dataclass(frozen=True, slots=True)
class Release:
    """One stored release. ``editions`` hold the account of each publisher's edition; ``counts`` what is in it."""

    name: str
    digest: str
    rows: int
    before: str  # the release that the changelog compares with, or empty
    editions: tuple[dict[str, Any], ...]
    counts: dict[str, Any]
    findings: int
    folder: Path

    @property
    def parquet(self) -> Path:
        """The file of the rows."""
        return self.folder / FILE_NAME

    def table(self) -> FactorTable:
        """The rows. Raises FactorTableError if they are not those that were released."""
        table = FactorTable.load(self.parquet)
        if (table.release, table.digest) != (self.name, self.digest):
            raise FactorTableError(f"{self.name}: the rows are not those that were released")
        return table

    def findings_list(self) -> list[dict[str, Any]]:
        """What the gates found, with the decisions."""
        content: list[dict[str, Any]] = json.loads((self.folder / "findings.json").read_text(encoding="utf-8"))
        return content


@dataclass(frozen=True, slots=True)
class Candidate:
    """Rows on the way to a release."""

    digest: str
    editions: tuple[EditionRead, ...]
    counts: dict[str, int]
    folder: Path

    @property
    def parquet(self) -> Path:
        """The file of the rows."""
        return self.folder / FILE_NAME

    def table(self) -> FactorTable:
        """The rows, under the name ``candidate``."""
        return _candidate_table(self.parquet)


class ReleaseBlocked(FactorTableError):
    """Rows that a plausibility gate does not let through. ``findings`` are those that nobody has reviewed."""

    def __init__(self, message: str, findings: Sequence[Finding] = (), vanished: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)
        self.vanished = tuple(vanished)


class Releases:
    """The releases below one folder (``var/factors``)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def editions(self) -> Path:
        """Where the rows of single editions are kept."""
        return self.folder / "editions"

    def names(self) -> list[str]:
        """Every stored release, the oldest first."""
        found = [path.parent.name for path in (self.folder / "releases").glob("*/release.json")]
        return sorted((name for name in found if _NAME.fullmatch(name)), key=_version)

    def get(self, name: str) -> Release:
        """The release of that name. Raises NameNotFound, with the names that there are."""
        path = self.folder / "releases" / name / "release.json"
        if not _NAME.fullmatch(name) or not path.is_file():
            known = ", ".join(self.names()) or "none yet: `greenlang factors sync` makes the first"
            raise NameNotFound(f"there is no factor release `{name}`; there are {known}")
        content = json.loads(path.read_text(encoding="utf-8"))
        return Release(**{**content, "editions": tuple(content["editions"]), "folder": path.parent})

    def latest(self) -> Release | None:
        """The newest release, or None."""
        names = self.names()
        return self.get(names[-1]) if names else None

    @property
    def pinned(self) -> str:
        """Name of the release in force; empty where the embedded base is."""
        path = self.folder / "pinned"
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    def pin(self, name: str, tables: Path) -> Release:
        """Put a release in force: its rows become the factory's table. An empty name goes back to the embedded base."""
        release = self.get(name)
        release.table()
        for file in (STANDING, FILE_NAME):
            replace_file(tables / file, partial(shutil.copyfile, release.folder / file))
        self._write_pinned(name)
        return release

    def unpin(self) -> None:
        """Back to the embedded base; the caller builds the table anew."""
        (self.folder / "pinned").unlink(missing_ok=True)

    def table(self, name: str = "") -> FactorTable:
        """The table of a release; of the pinned one without a name; the embedded base where that is asked or in force.

        Raises NameNotFound if there is no such release.
        """
        wanted = name or self.pinned
        embedded = FactorTable.load()
        return embedded if wanted in {"", embedded.release} else self._table(wanted)

    def resolve(self, ref: str) -> tuple[Any, ...]:
        """The rows that a reference names: in the release after its ``@``, else in the pinned one.

        Raises FactorNotFound with the nearest references, NameNotFound if there is no such release.
        """
        _, release = split_ref(ref)
        return self.table(release or "").resolve(ref)

    @cached_property
    def _tables(self) -> dict[str, FactorTable]:
        return {}

    def _table(self, name: str) -> FactorTable:
        if name not in self._tables:
            self._tables[name] = self.get(name).table()
        return self._tables[name]

    def prepare(self, read: Iterable[EditionRead], embedded: FactorTable) -> Candidate:
        """Join these editions with the embedded base, and keep the rows as the candidate of the next release.

        Raises FactorTableError where two editions hold one key, or an account does not add up.
        """
        editions = sorted(read, key=lambda edition: edition.name)
        seen, kept, refused = totals(editions)
        joined, digests = _join(editions, embedded)
        candidate = Candidate(
            digest=digest_of_lines(zip(joined.column("key").to_pylist(), digests, strict=True)),
            editions=tuple(editions),
            counts={"seen": seen, "kept": kept, "refused": refused},
            folder=self.folder / "candidate",
        )
        candidate.folder.mkdir(parents=True, exist_ok=True)
        write_arrow(joined, candidate.parquet, release="candidate", digest=candidate.digest)
        write_column(digests, candidate.folder / "digests.parquet")
        content = [{**_edition_row(edition), "parquet": str(edition.parquet)} for edition in editions]
        (candidate.folder / "editions.json").write_text(json.dumps(content), encoding="utf-8")
        return candidate

    def candidate(self) -> Candidate:
        """What `prepare` kept. Raises FactorTableError if there is none."""
        folder = self.folder / "candidate"
        if not (folder / "editions.json").is_file():
            raise FactorTableError("there is no candidate for a release: `greenlang factors sync` makes one")
        content = json.loads((folder / "editions.json").read_text(encoding="utf-8"))
        editions = tuple(EditionRead(**{**e, "parquet": Path(e["parquet"]), "fresh": False}) for e in content)
        seen, kept, refused = totals(editions)
        table = _candidate_table(folder / FILE_NAME)
        return Candidate(table.digest, editions, {"seen": seen, "kept": kept, "refused": refused}, folder)

    def publish(self, candidate: Candidate, report: Report) -> Release:
        """Make the candidate a release; the newest one where nothing changed.

        Raises ReleaseBlocked where a gate found what nobody has reviewed, or no longer finds what was reviewed.
        """
        if report.open or report.vanished:
            raise ReleaseBlocked(report.sentence(), report.open, report.vanished)
        before = self.latest()
        if before is not None and before.digest == candidate.digest:
            return before
        digests = read_column(candidate.folder / "digests.parquet")
        found = changes(before.folder if before else None, candidate.parquet, digests)
        name = _next(before.name, bump(found)) if before else _FIRST
        table = candidate.table()
        standings = _standings(table, report, candidate.editions)
        release = Release(
            name=name,
            digest=candidate.digest,
            rows=len(table),
            before=before.name if before else "",
            editions=tuple(_edition_row(edition) for edition in candidate.editions),
            counts=_counts(table, standings) | candidate.counts,
            findings=len(report.findings),
            folder=self.folder / "releases" / name,
        )
        _store(release, candidate, digests, standings, report, found)
        return release

    def make(self, read: Iterable[EditionRead], embedded: FactorTable, gates: Gates) -> Release:
        """A release of these editions and the embedded base: prepare, check by the gates, publish."""
        candidate = self.prepare(read, embedded)
        before = self.latest()
        return self.publish(candidate, gates(candidate.table(), before.table() if before else None))

    def _write_pinned(self, name: str) -> None:
        replace_file(self.folder / "pinned", lambda path: path.write_text(f"{name}\n", encoding="utf-8"))


def _candidate_table(parquet: Path) -> FactorTable:
    """The candidate's rows, loaded once for all that look at the same bytes in this process."""
    return _loaded(parquet, file_digest(parquet) if parquet.is_file() else "")


@lru_cache(maxsize=1)
def _loaded(parquet: Path, digest: str) -> FactorTable:
    del digest  # of the file, so that another one is loaded anew
    return FactorTable.load(parquet)


def _join(editions: Sequence[EditionRead], embedded: FactorTable) -> tuple[pa.Table, list[str]]:
    """All rows by key, and their digests in that order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    own = list(embedded)
    tables = [arrow_table(own).append_column("row_digest", pa.array([row_digest(row) for row in own], pa.string()))]
    tables += [read_arrow(edition.parquet) for edition in editions]
    schema = tables[0].schema
    joined = pa.concat_tables([table.cast(schema) for table in tables])
    joined = joined.take(pc.sort_indices(joined, sort_keys=[("key", "ascending")])).combine_chunks()
    keys = joined.column("key").to_pylist()
    twice = [key for key, after in pairwise(keys) if key == after]
    if twice:
        raise FactorTableError(f"{len(twice)} keys stand in two editions, the first is `{twice[0]}`")
    return joined.drop_columns(["row_digest"]), joined.column("row_digest").to_pylist()


def same_cells(table: FactorTable, editions: Iterable[str]) -> dict[str, str]:
    """Key of an embedded row -> key of the row that an edition's reader took from the very same cell."""
    prefixes = tuple(f"{name}/" for name in editions)
    places = list(zip(table.column("source_digest"), table.column("cell"), table.keys, strict=True))
    read = {(file, cell): key for file, cell, key in places if key.startswith(prefixes) and file}
    return {
        key: read[file, cell] for file, cell, key in places if (file, cell) in read and not key.startswith(prefixes)
    }


def _standings(table: FactorTable, report: Report, editions: Sequence[EditionRead]) -> list[Standing]:
    twins = same_cells(table, [edition.name for edition in editions])
    excluded = report.excluded  # made of all findings at each asking
    return [stand(row, compared=report.compared, excluded=excluded, same_as=twins) for row in table]


def _counts(table: FactorTable, standings: Sequence[Standing]) -> dict[str, Any]:
    """By kind, over all vintages; rows that repeat another row's cell are left out."""
    kinds: dict[str, int] = {}
    for kind, standing in zip(table.column("kind"), standings, strict=True):
        if not standing.same_as:
            kinds[kind] = kinds.get(kind, 0) + 1
    return {
        "kinds": dict(sorted(kinds.items())),
        "catalogued": sum(kinds.values()),
        "checked": sum(s.checked and not s.same_as for s in standings),
        "eligible": sum(s.eligible for s in standings),
        "repeated": sum(bool(s.same_as) for s in standings),
    }


def _edition_row(edition: EditionRead) -> dict[str, Any]:
    row = asdict(edition)
    del row["parquet"], row["fresh"]
    return row


def _store(
    release: Release,
    candidate: Candidate,
    digests: Sequence[str],
    standings: Sequence[Standing],
    report: Report,
    found: Sequence[Change],
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = release.folder.with_name(f".{release.name}.{os.getpid()}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    rows = read_arrow(candidate.parquet)
    write_arrow(rows, target / FILE_NAME, release=release.name, digest=release.digest)
    write_standings(rows.column("key").to_pylist(), digests, standings, target / STANDING)
    editions = candidate.editions
    refused = [path for e in editions if (path := e.parquet.with_name(f"{e.parquet.stem}.refused.parquet")).is_file()]
    if refused:
        pq.write_table(pa.concat_tables([read_arrow(path) for path in refused]), target / "refused.parquet")
    write_changes(found, target / "changelog.parquet")
    listed = json.dumps([finding.as_dict() for finding in report.findings], indent=1, ensure_ascii=False)
    (target / "findings.json").write_text(listed + "\n", encoding="utf-8")
    content = {k: v for k, v in asdict(release).items() if k != "folder"}
    (target / "release.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for path in target.iterdir():
        flush(path)
        path.chmod(0o444)
    target.rename(release.folder)  # fails if a release of that name was made meanwhile: it is never overwritten


def _version(name: str) -> tuple[int, ...]:
    match = _NAME.fullmatch(name)
    assert match is not None
    return tuple(int(part) for part in match.groups())


def _next(name: str, part: int) -> str:
    version = list(_version(name))
    version[part] += 1
    version[part + 1 :] = [0] * (2 - part)
    return "factors-" + ".".join(map(str, version))
