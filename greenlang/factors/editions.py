"""One edition of one publisher's dataset, read once and kept as Parquet.

Belongs here: running a reader on verified files, keeping what it gave, telling whether it must be read again. Does
not belong here: downloads, layouts, releases.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import Edition, PublishedFile
from greenlang.factors.model import row_digest

Locate = Callable[[Edition, PublishedFile], Path | None]


@dataclass(frozen=True, slots=True)
class EditionRead:
    """What one edition gave: where its rows lie, and the account of its source values."""

    name: str
    digest: str  # of the files, the declaration and the reader: what the rows depend on
    seen: int
    kept: int
    derived: int
    refused: dict[str, int]  # reason -> number
    parquet: Path
    fresh: bool  # read just now, not found from before

    @property
    def refused_total(self) -> int:
        """Source values that gave no row."""
        return sum(self.refused.values())


@dataclass(frozen=True, slots=True)
class EditionMissing:
    """An edition whose files are not all there, or are not those that were declared."""

    name: str
    problem: str
    mend: str


def find_below(folder: Path) -> Locate:
    """Looks for declared files below a folder: ``folder/<its folder>/<name>``, else ``folder/<name>``."""

    def locate(edition: Edition, file: PublishedFile) -> Path | None:
        del edition
        for path in (folder / file.folder / file.name, folder / file.name):
            if path.is_file():
                return path
        return None

    return locate


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def missing(edition: Edition, locate: Locate) -> EditionMissing | None:
    """What keeps an edition from being read, or None."""
    for file in edition.needed:
        path = locate(edition, file)
        if path is None:
            where = file.address or edition.address
            return EditionMissing(
                edition.name, f"`{file.name}` is not there", f"fetch it from {where} and name its folder with --from"
            )
        found = file_digest(path)
        if found != file.sha256:
            return EditionMissing(
                edition.name,
                f"`{file.name}` has the SHA-256 {found}, declared is {file.sha256}",
                "it is another edition or was changed: declare it in emission_factors/sources, or fetch it anew",
            )
    return None


def read_edition(edition: Edition, locate: Locate, store: Path) -> EditionRead | EditionMissing:
    """The edition's rows as ``store/<name>-<digest>.parquet``, read now or found from before.

    Raises FactorTableError (LayoutError) if the reader does not know the layout.
    """
    problem = missing(edition, locate)
    if problem is not None:
        return problem
    digest = edition_digest(edition)
    base = store / f"{edition.name.replace('/', '_')}-{digest[:16]}"
    account = base.with_name(f"{base.name}.json")
    parquet = base.with_name(f"{base.name}.parquet")
    if account.is_file() and parquet.is_file():
        content = json.loads(account.read_text(encoding="utf-8"))
        return EditionRead(**{**content, "parquet": parquet, "fresh": False})
    return _read(edition, locate, digest, parquet, account)


def read_editions(
    editions: Sequence[Edition], locate: Locate, store: Path, *, workers: int = 1
) -> Iterator[EditionRead | EditionMissing]:
    """Every edition, in no particular order, as soon as it is read."""
    if workers <= 1 or len(editions) < 2:
        for edition in editions:
            yield read_edition(edition, locate, store)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        largest_first = sorted(editions, key=lambda e: -sum(f.bytes for f in e.files))
        located = [(e, {f.name: locate(e, f) for f in e.needed}) for e in largest_first]
        waiting = [pool.submit(_read_located, edition, found, store) for edition, found in located]
        for done in as_completed(waiting):
            yield done.result()


def edition_digest(edition: Edition) -> str:
    """SHA-256 of what an edition's rows depend on: its declaration (with the files' digests) and the reading code."""
    declared = json.dumps(asdict_plain(edition), sort_keys=True)
    return hashlib.sha256(f"{declared}\n{_code_digest()}".encode()).hexdigest()


def asdict_plain(edition: Edition) -> dict[str, Any]:
    """The declaration as plain values."""
    plain = {name: getattr(edition, name) for name in edition.__slots__}
    return {**plain, "files": [file.model_dump() for file in edition.files]}


@cache
def _code_digest() -> str:
    here = Path(__file__).parent
    tables = data() / "emission_factors"
    files = [*sorted((here / "readers").glob("*.py")), here / "model.py", here / "embedded.py", tables / "fields.yaml"]
    files += sorted(path for path in (tables / "aliases").rglob("*") if path.is_file())
    total = hashlib.sha256()
    for path in files:
        total.update(path.read_bytes())
    return total.hexdigest()


def _read_located(edition: Edition, found: dict[str, Path | None], store: Path) -> EditionRead | EditionMissing:
    return read_edition(edition, lambda _, file: found[file.name], store)


def _read(edition: Edition, locate: Locate, digest: str, parquet: Path, account: Path) -> EditionRead:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from greenlang.factors.readers import reader
    from greenlang.factors.storage import arrow_table, replace_file

    paths = {file.name: locate(edition, file) for file in edition.needed}
    reading = reader(edition.reader)(edition, {name: path for name, path in paths.items() if path is not None})
    rows = sorted(reading.rows, key=lambda row: row.key)
    table = arrow_table(rows).append_column("row_digest", pa.array([row_digest(row) for row in rows], pa.string()))
    result = EditionRead(
        name=edition.name,
        digest=digest,
        seen=reading.seen,
        kept=reading.kept,
        derived=len(rows) - reading.kept,
        refused=reading.reasons(),
        parquet=parquet,
        fresh=True,
    )
    names = ("file", "place", "reason", "text")
    refused_columns = {"edition": [edition.name] * len(reading.refused)}
    refused_columns |= {name: [getattr(refusal, name) for refusal in reading.refused] for name in names}
    refusals = pa.table({name: pa.array(texts, pa.string()) for name, texts in refused_columns.items()})
    parquet.parent.mkdir(parents=True, exist_ok=True)
    refused = parquet.with_name(f"{parquet.stem}.refused.parquet")
    replace_file(refused, lambda path: pq.write_table(refusals, path))
    replace_file(parquet, lambda path: pq.write_table(table, path))
    content = {k: v for k, v in asdict(result).items() if k not in {"parquet", "fresh"}}
    replace_file(account, lambda path: path.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8"))
    return result


def totals(read: Iterable[EditionRead]) -> tuple[int, int, int]:
    """``(seen, kept, refused)`` over editions. Raises FactorTableError unless seen = kept + refused."""
    seen = kept = refused = 0
    for edition in read:
        if edition.seen != edition.kept + edition.refused_total:
            raise FactorTableError(
                f"{edition.name}: {edition.seen} read, {edition.kept} kept, {edition.refused_total} refused"
            )
        seen, kept, refused = seen + edition.seen, kept + edition.kept, refused + edition.refused_total
    return seen, kept, refused
