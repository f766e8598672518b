"""Parquet parts: written whole under a hidden name, then renamed: a reader sees all of a part or nothing.

Belongs here: names of parts, atomic writing, merging. Does not belong here: what the rows mean.

DuckDB's ``*.parquet`` also matches names that start with a dot: unfinished files end in ``.tmp``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.metrics.rows import Row, schema
from greenlang.replacing import replacing

SCHEMA_PART = "_schema.parquet"  # no rows: gives an empty table its columns and old parts their new ones
MERGED = "merged-"
_SUPERSEDES = b"greenlang.supersedes"
_LARGE = 8 * 2**20  # bytes, and rows, of which a part has enough: what is merged at once is held in memory
_MANY = 200_000
_ABANDONED = 3600.0  # seconds after which an unfinished file belongs to a killed process


def write_rows(target: Path, rows: list[Row], table: str) -> None:
    """Write rows as one Parquet file, atomically."""
    write_arrow(target, pa.Table.from_pylist(rows, schema=schema(table)))


def write_arrow(target: Path, table: pa.Table) -> None:
    """Write an Arrow table as one Parquet file, atomically."""
    with replacing(target) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def ensure_schema_parts(tables: Path) -> None:
    """Give every table its folder and its part without rows; replaced when the declaration has changed."""
    for name in (*TABLES, *JOURNALS):
        part = tables / name / SCHEMA_PART
        if not part.exists() or not pq.read_schema(part).equals(schema(name)):
            write_rows(part, [], name)


def parts_of(folder: Path) -> list[Path]:
    """The parts with rows, oldest name first."""
    return sorted(path for path in folder.glob("*.parquet") if path.name != SCHEMA_PART)


def merge(folder: Path, table: str, *, grace: float, at_least: int) -> int:
    """Merge the small parts of a table if there are ``at_least`` so many; return how many were merged.

    Parts of 8 MB or 200,000 rows are left alone, so that what a night costs does not grow with the nights before it;
    nor is more than that merged into one, so that its memory does not grow with the batch (0.6 GB at most, of tests
    and of outcomes).

    Readers may hold a list of the old parts, so these stay for ``grace`` seconds more; until a later call
    removes them the same row stands in two files, which the views allow for. A kill loses no row.
    """
    remove_superseded(folder, grace=grace)
    done = superseded(folder)
    sizes = {part: _size(part) for part in parts_of(folder) if part.name not in done}
    small = [part for part, size in sizes.items() if not _enough(*size)]
    if len(small) < max(2, at_least):
        return 0
    merged = 0
    for some in _groups(small, sizes):
        rows = _distinct(some, table)
        note = {_SUPERSEDES: json.dumps([part.name for part in some]).encode()}
        whole = pa.Table.from_batches(rows.to_batches(), schema=schema(table).with_metadata(note))
        write_arrow(folder / f"{MERGED}{time.time_ns():020d}-{os.getpid()}.parquet", whole)
        merged += len(some)
    return merged


def _size(part: Path) -> tuple[int, int]:
    """Bytes and rows."""
    return part.stat().st_size, int(pq.read_metadata(part).num_rows)


def _enough(size: int, rows: int) -> bool:
    return size >= _LARGE or rows >= _MANY


def _groups(parts: list[Path], sizes: dict[Path, tuple[int, int]]) -> Iterator[list[Path]]:
    """Neighbours that are enough for one part, and what is left at the end; no part by itself."""
    group: list[Path] = []
    held = [0, 0]
    for part in parts:
        group.append(part)
        held = [sum(both) for both in zip(held, sizes[part], strict=True)]
        if _enough(*held):
            yield group
            group, held = [], [0, 0]
    if len(group) > 1:
        yield group


def _distinct(parts: Iterable[Path], table: str) -> pa.Table:
    """The rows of the parts in the declared columns, each once."""
    declared = schema(table)
    columns = ", ".join(f'"{name}"' for name in declared.names)
    key = ", ".join({**TABLES, **JOURNALS}[table].key)
    files = [str(part) for part in parts]
    with duckdb.connect() as connection:
        connection.register("declared", declared.empty_table())
        relation = connection.sql(
            f"SELECT DISTINCT ON ({key}) {columns} FROM "  # noqa: S608 - declared names only
            "(FROM declared UNION ALL BY NAME FROM read_parquet($files, union_by_name = true)) "
            f"ORDER BY {key}",
            params={"files": files},
        )
        merged: pa.Table = relation.to_arrow_table()
        return merged.cast(declared)


def superseded(folder: Path) -> dict[str, float]:
    """Names of parts whose rows stand in a merged part -> when that was written (seconds since the epoch)."""
    names: dict[str, float] = {}
    for path in folder.glob(f"{MERGED}*.parquet"):
        metadata = pq.read_schema(path).metadata or {}
        written = path.stat().st_mtime
        names.update((str(name), written) for name in json.loads(metadata.get(_SUPERSEDES, b"[]")))
    return names


def remove_superseded(folder: Path, *, grace: float) -> None:
    """Remove parts that were merged longer ago than ``grace`` seconds, and what killed processes left."""
    now = time.time()
    for name, written in superseded(folder).items():
        if now - written >= grace:
            (folder / name).unlink(missing_ok=True)
    for path in folder.glob(".*.tmp"):
        if now - path.stat().st_mtime > _ABANDONED:
            path.unlink(missing_ok=True)
