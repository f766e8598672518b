"""Factor rows as Parquet, and as columns in memory.

Belongs here: writing, reading, checking that what is read is what was written. Does not belong here: references,
selection, releases.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from greenlang.errors import FactorTableError
from greenlang.factors.embedded import plain
from greenlang.factors.fields import arrow_schema, declared_fields
from greenlang.factors.model import Factor
from greenlang.factors.standing import Standing

if TYPE_CHECKING:
    import pyarrow as pa

_RELEASE_KEY = b"greenlang.release"
_DIGEST_KEY = b"greenlang.digest"
_CONTENT_KEY = b"greenlang.content"
_BATCH = 4096
_FEW = 4096  # distinct texts of a column that is kept as a list
_GROUP = 16_384  # a key is found in one small group instead of the whole file
STANDING = "standing.parquet"


class Rows(Protocol):
    """Rows in the order of their keys."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Factor]: ...

    def at(self, number: int) -> Factor:
        """The row in that place."""

    def column(self, name: str) -> list[Any]:
        """One field of every row."""


class RowList:
    """Rows that are in memory anyway."""

    def __init__(self, rows: Sequence[Factor]) -> None:
        self._list = rows

    def __len__(self) -> int:
        return len(self._list)

    def __iter__(self) -> Iterator[Factor]:
        return iter(self._list)

    def at(self, number: int) -> Factor:
        """The row in that place."""
        return self._list[number]

    def column(self, name: str) -> list[Any]:
        """One field of every row."""
        return [getattr(row, name) for row in self._list]


class ArrowRows:
    """Rows as Arrow columns; made into `Factor` one by one, and kept once made."""

    def __init__(self, table: pa.Table) -> None:
        self._columns = [table.column(name) for name in table.column_names]
        self._names = list(table.column_names)
        self._decimals = frozenset(i for i, f in enumerate(declared_fields()) if f.type == "decimal")
        self._made: dict[int, Factor] = {}
        self._lists: dict[int, list[Any]] = {}  # columns of few distinct values, once they were asked for
        self._length: int = table.num_rows

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Factor]:
        for start in range(0, self._length, _BATCH):
            columns = [column.slice(start, _BATCH).to_pylist() for column in self._columns]
            for values in zip(*columns, strict=True):
                yield self._factor(list(values))

    def at(self, number: int) -> Factor:
        """The row in that place."""
        if number not in self._made:
            lists = self._lists
            values = [
                lists[n][number] if n in lists else column[number].as_py() for n, column in enumerate(self._columns)
            ]
            self._made[number] = self._factor(values)
        return self._made[number]

    def column(self, name: str) -> list[Any]:
        """One field of every row; not to be changed. A text that stands in many rows is one object."""
        position = self._names.index(name)
        if position in self._lists:
            return self._lists[position]
        column = self._columns[position]
        if position in self._decimals:
            return [_plain(value) for value in column.to_pylist()]
        if column.type != "string":
            self._lists[position] = column.to_pylist()
            return self._lists[position]
        coded = column.combine_chunks().dictionary_encode()
        texts = coded.dictionary.to_pylist()
        found = [texts[code] for code in coded.indices.to_pylist()]
        if len(texts) <= _FEW:
            self._lists[position] = found
        return found

    def _factor(self, values: list[Any]) -> Factor:
        for position in self._decimals:
            values[position] = _plain(values[position])
        return Factor(*values)


def _plain(value: Decimal | None) -> Decimal | None:
    return None if value is None else plain(value)


def arrow_table(rows: Sequence[Factor]) -> pa.Table:
    """The rows as an Arrow table in the declared columns."""
    import pyarrow as pa

    schema = arrow_schema()
    columns = [pa.array([getattr(row, name) for row in rows], type=schema.field(name).type) for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def write_parquet(rows: Sequence[Factor], target: Path, *, release: str, digest: str) -> None:
    """Write the rows, in the given order, in one rename."""
    write_arrow(arrow_table(rows), target, release=release, digest=digest)


def write_arrow(table: pa.Table, target: Path, *, release: str, digest: str) -> None:
    """Write an Arrow table in the declared columns, with what it is, in one rename."""
    import pyarrow.parquet as pq

    metadata = {_RELEASE_KEY: release.encode(), _DIGEST_KEY: digest.encode()}
    metadata[_CONTENT_KEY] = _content_digest(table, release, digest).encode()
    described = table.replace_schema_metadata(metadata)
    replace_file(target, lambda path: pq.write_table(described, path, row_group_size=_GROUP))


def read_arrow(parquet: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file, or these columns of it. `pyarrow.parquet.read_table` would first import pandas: half a second."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(parquet) as file:
        return file.read(list(columns) if columns is not None else None)


def read_parquet(parquet: Path) -> tuple[ArrowRows, str, str]:
    """``(rows, release, digest of the rows)``.

    Raises FactorTableError if the file is missing, has other columns, or holds other rows than were written.
    """
    import pyarrow as pa

    schema = arrow_schema()
    try:
        table = read_arrow(parquet)
        metadata = table.schema.metadata or {}
        if table.schema.names != schema.names:
            raise FactorTableError(f"{parquet.name}: cannot be read, build the tables again: other columns")
        table = table.cast(schema)
    except (OSError, pa.ArrowException) as error:
        raise FactorTableError(f"{parquet.name}: cannot be read, build the tables again: {error}") from error
    release, digest = (metadata.get(key, b"").decode() for key in (_RELEASE_KEY, _DIGEST_KEY))
    if metadata.get(_CONTENT_KEY, b"").decode() != _content_digest(table, release, digest):
        raise FactorTableError(f"{parquet.name}: the rows are not those that were built: build the tables again")
    return ArrowRows(table), release, digest


def _content_digest(table: pa.Table, release: str, digest: str) -> str:
    """SHA-256 over the columns as texts and their lengths: quick enough for every load, where the rows' own digest
    takes seconds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    total = hashlib.sha256(f"{release}\n{digest}\n{table.num_rows}\n".encode())
    for name in table.column_names:
        total.update(f"\n{name}\n".encode())
        if table.num_rows:
            texts = pc.cast(pa.concat_arrays(table.column(name).chunks), pa.string())
            lengths = pc.fill_null(pc.binary_length(texts), -1)
            total.update(lengths.to_numpy(zero_copy_only=False).tobytes())
            total.update("".join(pc.drop_null(texts).to_pylist()).encode())
    return total.hexdigest()


def write_standings(keys: Sequence[str], digests: Sequence[str], standings: Sequence[Standing], target: Path) -> None:
    """How the rows stand, by key, with their digests."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [getattr(standing, name) for standing in standings] for name in Standing.__slots__}
    pq.write_table(pa.table({"key": keys, "row_digest": digests, **columns}), target)


def read_standings(parquet: Path) -> list[Standing]:
    """What `write_standings` wrote, in the order of the keys."""

    table = read_arrow(parquet, list(Standing.__slots__))
    return [Standing(*row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def write_column(texts: Sequence[str], target: Path) -> None:
    """One column of texts as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": pa.array(list(texts), pa.string())}), target)


def read_column(parquet: Path) -> list[str]:
    """What `write_column` wrote."""

    texts: list[str] = read_arrow(parquet).column("text").to_pylist()
    return texts


def replace_file(target: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` write a file beside ``target``, bring it to the disk, and give it the name ``target``.

    The one way in which a factor table's file is replaced: whoever reads meets the old file or the new one, whole, also
    after the machine stopped in between.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        flush(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Bring what was written to a file to the disk; a rename alone may reach it before the content does."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
