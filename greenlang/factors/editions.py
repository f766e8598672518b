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
from typing import Any, Literal

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
class OtherFile:
    """A file that bears a declared name and is not the declared file: changed, cut short, or of another edition."""

    path: Path
    declared: PublishedFile
    sha256: str
    bytes: int

    @property
    def problem(self) -> str:
        """What is wrong with it, in one line."""
        return f"`{self.declared.name}` has the SHA-256 {self.sha256}, declared is {self.declared.sha256}"


@dataclass(frozen=True, slots=True)
class EditionMissing:
    """An edition whose files are not all there, or are not those that were declared."""

    name: str
    problem: str
    mend: str
    state: Literal["not there", "not fetched", "refused"] = "not there"
    other: OtherFile | None = None  # why it is refused


def find_below(folder: Path) -> Locate:
    """Looks for declared files below a folder: ``folder/<its folder>/<name>``, else ``folder/<name>``."""

    def locate(edition: Edition, file: PublishedFile) -> Path | None:
        del edition
        for path in (folder / file.folder / file.name, folder / file.name):
            if path.is_file():
                return path
        return None

    return locate


def undeclared(folder: Path, editions: Iterable[Edition]) -> tuple[Path, ...]:
    """Where `find_below` looks, the files that no edition declares, relative to ``folder``; hidden ones left out."""
    known = {place for e in editions for file in e.files for place in (Path(file.folder, file.name), Path(file.name))}
    places = {path.relative_to(folder) for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_file()}
    return tuple(sorted(p for p in places - known if not any(part.startswith(".") for part in p.parts)))


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
            other = OtherFile(path, file, found, path.stat().st_size)
            address = file.address or edition.address
            return EditionMissing(
                edition.name,
                other.problem,
                f"it was changed, was cut short or is another edition: fetch it anew from {address}, or declare"
                " the other edition in emission_factors/sources",
                "refused",
                other,
            )
    return None


def read_edition(edition: Edition, locate: Locate, store: Path) -> EditionRead | EditionMissing:
    """The edition's rows as ``store/<name>-<digest>.parquet``, read now or found from before.

    Raises FactorTableError (LayoutError) if the reader does not know the layout.
    """
    return missing(edition, locate) or read_before(edition, store) or _read(edition, locate, store)


def read_before(edition: Edition, store: Path) -> EditionRead | None:
    """What today's reader gave for the declared files before, or None. The files themselves are not looked for."""
    parquet, account = _kept(edition, store)
    if not (account.is_file() and parquet.is_file()):
        return None
    content = json.loads(account.read_text(encoding="utf-8"))
    return EditionRead(**{**content, "parquet": parquet, "fresh": False})


def _kept(edition: Edition, store: Path) -> tuple[Path, Path]:
    """Where the rows of an edition are kept, and their account."""
    base = f"{edition.name.replace('/', '_')}-{edition_digest(edition)[:16]}"
    return store / f"{base}.parquet", store / f"{base}.json"


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


def _read(edition: Edition, locate: Locate, store: Path) -> EditionRead:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from greenlang.factors.readers import reader
    from greenlang.factors.storage import arrow_table, replace_file

    paths = {file.name: locate(edition, file) for file in edition.needed}
    reading = reader(edition.reader)(edition, {name: path for name, path in paths.items() if path is not None})
    rows = sorted(reading.rows, key=lambda row: row.key)
    parquet, account = _kept(edition, store)
    table = arrow_table(rows).append_column("row_digest", pa.array([row_digest(row) for row in rows], pa.string()))
    result = EditionRead(
        name=edition.name,
        digest=edition_digest(edition),
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
