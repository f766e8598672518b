"""The factor table of one release: built as Parquet, loaded through DuckDB, asked by reference.

Belongs here: building, loading, look-up, resolving ``ef://`` references. Does not belong here: figures,
publishers' layouts, arithmetic, clocks.
"""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from greenlang._paths import data
from greenlang.errors import FactorNotFound, FactorTableError
from greenlang.factors.aliases import declared_aliases, match_activity, match_region
from greenlang.factors.embedded import plain, read_embedded, read_release
from greenlang.factors.fields import arrow_schema, declared_fields
from greenlang.factors.model import Factor
from greenlang.factors.nearest import Neighbours

SCHEME = "ef://"
FILE_NAME = "factors.parquet"
_RELEASE_KEY = "greenlang.release"
_DIGEST_KEY = "greenlang.digest"


@dataclass(frozen=True, slots=True)
class TablesInfo:
    """What was built. ``digest`` is that of the rows, whatever the bytes of the Parquet file."""

    release: str
    digest: str
    rows: int
    seconds: float


class FactorTable:
    """All factors of one release, by key. Immutable."""

    def __init__(self, rows: Iterable[Factor], release: str) -> None:
        self._rows = {row.key: row for row in sorted(rows, key=lambda row: row.key)}
        self._keys = tuple(self._rows)
        self.release = release
        self.digest = rows_digest(self._rows.values())

    @classmethod
    def load(cls, parquet: Path | None = None) -> FactorTable:
        """The table in ``parquet``, or straight from the embedded CSV files (read once a process).

        Raises FactorTableError if the file is missing, has other columns, or is not what was written.
        """
        return _embedded_table() if parquet is None else _load_parquet(cls, parquet)

    @classmethod
    def in_force(cls, folder: Path) -> FactorTable:
        """The table that was built in ``folder`` (the factory's tables), or the embedded base where none was."""
        built = folder / FILE_NAME
        return cls.load(built if built.exists() else None)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Factor]:
        """Every factor, by key."""
        return iter(self._rows.values())

    def get(self, key: str) -> Factor | None:
        """The factor with this key (a reference without scheme and release), or None."""
        return self._rows.get(key)

    def resolve(self, ref: str) -> tuple[Factor, ...]:
        """The factor that ``ef://publisher/dataset/vintage/.../quantity[@release]`` names, or a table's rows.

        Raises FactorNotFound, with the nearest references, if there is none or the release is another.
        """
        path, release = split_ref(ref)
        if release is not None and release != self.release:
            raise self._other_release(ref, path, release)
        if ref.startswith(SCHEME) and path:
            rows = self._below(path)
            if rows:
                return rows
        nearest = self.nearest(ref)
        hint = "; ".join(f"{near} ({reason})" for near, reason in nearest)
        start = "" if ref.startswith(SCHEME) else f" (a reference starts with {SCHEME})"
        raise FactorNotFound(f"no factor `{ref}` in release {self.release}{start}; nearest: {hint}", nearest=nearest)

    def nearest(self, ref: str, n: int = 3) -> tuple[tuple[str, str], ...]:
        """Up to ``n`` references like ``ref``, each with the reason, the nearest first."""
        path, _ = split_ref(ref)
        return self._neighbours.find(path, n)

    def match_activity(self, rows: Iterable[Factor], value: str) -> tuple[str, ...]:
        """The activities of ``rows`` that a value such as "natural_gas" means; several are ambiguous.

        See `greenlang.factors.aliases.match_activity` for the rule.
        """
        return match_activity(rows, value)

    def match_region(self, rows: Iterable[Factor], value: str) -> tuple[str, ...]:
        """The regions of ``rows`` that a value such as "UK" or "CAMX" means."""
        return match_region(rows, value)

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self, declared_aliases())

    def _below(self, path: str) -> tuple[Factor, ...]:
        row = self._rows.get(path)
        if row is not None:
            return (row,)
        prefix = f"{path}/"
        start = bisect_left(self._keys, prefix)
        stop = start
        while stop < len(self._keys) and self._keys[stop].startswith(prefix):
            stop += 1
        return tuple(self._rows[key] for key in self._keys[start:stop])

    def _other_release(self, ref: str, path: str, release: str) -> FactorNotFound:
        here = f"{SCHEME}{path}@{self.release}"
        nearest = ((here, "same reference in the pinned release"),) if self._below(path) else self.nearest(ref)
        return FactorNotFound(
            f"`{ref}` asks for release {release}, but the pinned release is {self.release}", nearest=nearest
        )


def build_tables(target: Path, *, folder: Path | None = None, clock: Callable[[], float] | None = None) -> TablesInfo:
    """Read the embedded CSV files, check them, and write ``target/factors.parquet`` in one rename.

    ``folder`` is another `emission_factors/`. ``clock`` measures ``seconds``; without one they are 0.0, since this
    room has no clock of its own.
    Raises FactorTableError if a figure breaks the declaration; an older file then stays as it was.
    """
    start = clock() if clock else 0.0
    source = folder or data() / "emission_factors"
    table = FactorTable(read_embedded(source), read_release(source))
    _write_parquet(tuple(table), target / FILE_NAME, {_RELEASE_KEY: table.release, _DIGEST_KEY: table.digest})
    return TablesInfo(table.release, table.digest, len(table), (clock() - start) if clock else 0.0)


def rows_digest(rows: Iterable[Factor]) -> str:
    """SHA-256 over the rows by key, one canonical JSON array a line, fields in their declared order."""
    digest = hashlib.sha256()
    for row in sorted(rows, key=lambda row: row.key):
        values = [_canonical(value) for value in row.as_dict().values()]
        digest.update(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def split_ref(ref: str) -> tuple[str, str | None]:
    """``(path, release)`` of a reference; the release is None where it is not pinned."""
    path, at, release = ref.strip().removeprefix(SCHEME).partition("@")
    return path.strip("/"), release if at else None


def _canonical(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value


@cache
def _embedded_table() -> FactorTable:
    folder = data() / "emission_factors"
    return FactorTable(read_embedded(folder), read_release(folder))


def _write_parquet(rows: Sequence[Factor], target: Path, metadata: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema().with_metadata(metadata)
    columns = [pa.array([getattr(row, name) for row in rows], type=schema.field(name).type) for name in schema.names]
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            pq.write_table(pa.Table.from_arrays(columns, schema=schema), stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _load_parquet(cls: type[FactorTable], parquet: Path) -> FactorTable:
    import duckdb

    declared = declared_fields()
    names = ", ".join(f'"{field.name}"' for field in declared)
    try:
        with duckdb.connect() as connection:
            pairs = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(parquet)]).fetchall()
            metadata = {bytes(key).decode(): bytes(value).decode() for key, value in pairs}
            found = connection.execute(f"SELECT {names} FROM read_parquet(?)", [str(parquet)]).fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise FactorTableError(f"{parquet.name}: cannot be read, build the tables again: {error}") from error
    position = next(i for i, field in enumerate(declared) if field.type == "decimal")
    rows = []
    for values in found:
        cells: list[Any] = list(values)
        cells[position] = plain(cells[position])
        rows.append(Factor(*cells))
    table = cls(rows, metadata.get(_RELEASE_KEY, ""))
    if table.digest != metadata.get(_DIGEST_KEY) or len(table) != len(rows):
        raise FactorTableError(f"{parquet.name}: the rows are not those that were built: build the tables again")
    return table
