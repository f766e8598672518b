"""The factor table of one release: built as Parquet, asked by reference.

Belongs here: building, loading, look-up, resolving ``ef://`` references. Does not belong here: figures,
publishers' layouts, arithmetic, clocks.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from greenlang._paths import data
from greenlang.errors import FactorNotFound
from greenlang.factors.aliases import declared_aliases, match_activity, match_region
from greenlang.factors.embedded import read_embedded, read_release
from greenlang.factors.model import Factor, row_digest
from greenlang.factors.nearest import Neighbours
from greenlang.factors.standing import Standing, by_declaration
from greenlang.factors.storage import STANDING, RowList, Rows, read_parquet, read_standings, write_parquet

SCHEME = "ef://"
FILE_NAME = "factors.parquet"


@dataclass(frozen=True, slots=True)
class TablesInfo:
    """What was built. ``digest`` is that of the rows, whatever the bytes of the Parquet file."""

    release: str
    digest: str
    rows: int
    seconds: float


class FactorTable:
    """All factors of one release, by key. Immutable.

    Rows that come from Parquet stay columns in memory; a `Factor` is made when it is asked for.
    """

    def __init__(self, rows: Iterable[Factor], release: str) -> None:
        by_key = {row.key: row for row in rows}
        self._rows: Rows = RowList([by_key[key] for key in sorted(by_key)])
        self._standings: Path | None = None
        self.release = release
        self.digest = rows_digest(self)

    @classmethod
    def load(cls, parquet: Path | None = None) -> FactorTable:
        """The table in ``parquet``, or straight from the embedded CSV files (read once a process).

        Raises FactorTableError if the file is missing, has other columns, or is not what was written.
        """
        if parquet is None:
            return _embedded_table()
        table = cls.__new__(cls)
        table._rows, table.release, table.digest = read_parquet(parquet)
        table._standings = parquet.with_name(STANDING)
        return table

    @classmethod
    def in_force(cls, folder: Path) -> FactorTable:
        """The table that was built in ``folder`` (the factory's tables), or the embedded base where none was."""
        built = folder / FILE_NAME
        return cls.load(built if built.exists() else None)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Factor]:
        """Every factor, by key."""
        return iter(self._rows)

    @property
    def keys(self) -> Sequence[str]:
        """Every key, sorted."""
        return self._keys

    def at(self, number: int) -> Factor:
        """The factor in that place of the order of the keys."""
        return self._rows.at(number)

    def column(self, name: str) -> list[Any]:
        """One field of every factor, in the order of the keys: to build an index without making every row."""
        return self._rows.column(name)

    def position(self, key: str) -> int | None:
        """Where the key stands in the order of the keys, or None."""
        return self._positions.get(key)

    def get(self, key: str) -> Factor | None:
        """The factor with this key (a reference without scheme and release), or None."""
        number = self._positions.get(key)
        return None if number is None else self._rows.at(number)

    def standings(self) -> list[Standing]:
        """How each row stands in the release, in the order of the keys.

        Rows that were never through the gates (the embedded base alone) stand as their publisher declares them.
        """
        return list(self._read_standings)

    def standing(self, key: str) -> Standing | None:
        """How the row with this key stands, or None where there is no such row."""
        number = self._positions.get(key)
        return None if number is None else self._read_standings[number]

    @cached_property
    def _read_standings(self) -> list[Standing]:
        if self._standings is None or not self._standings.is_file():
            return [Standing(checked=False, eligible=by_declaration(row)) for row in self]
        return read_standings(self._standings)

    @cached_property
    def _keys(self) -> list[str]:
        return self._rows.column("key")

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {key: number for number, key in enumerate(self._keys)}

    def resolve(self, ref: str) -> tuple[Factor, ...]:
        """The factor that ``ef://publisher/dataset/vintage/.../quantity[@release]`` names, or a table's rows.

        Raises FactorNotFound, with the nearest references if any are near, if there is none or the release is another.
        """
        path, release = split_ref(ref)
        if release is not None and release != self.release:
            raise self._other_release(ref, path, release)
        if ref.startswith(SCHEME) and path:
            rows = self.below(path)
            if rows:
                return rows
        start = "" if ref.startswith(SCHEME) else f" (a reference starts with {SCHEME})"
        raise FactorNotFound(
            f"no factor `{ref}` in release {self.release}{start}; {self.nearest_text(ref)}", nearest=self.nearest(ref)
        )

    def nearest(self, ref: str, n: int = 3) -> tuple[tuple[str, str], ...]:
        """Up to ``n`` references like ``ref``, each with the reason, the nearest first; none where none is near."""
        path, _ = split_ref(ref)
        return self._neighbours.find(path, n)

    def nearest_text(self, ref: str) -> str:
        """The nearest references for people, or where to look instead."""
        nearest = "; ".join(f"{near} ({reason})" for near, reason in self.nearest(ref))
        if nearest:
            return f"nearest: {nearest}"
        return "nothing is called like it: `greenlang factors search` finds by words"

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

    def below(self, path: str) -> tuple[Factor, ...]:
        """The factor with that key, or every factor whose key begins with ``path/``."""
        row = self.get(path)
        if row is not None:
            return (row,)
        prefix = f"{path}/"
        start = bisect_left(self._keys, prefix)
        stop = bisect_left(self._keys, f"{path}0")  # "0" is the character after "/"
        return tuple(self._rows.at(number) for number in range(start, stop))

    def _other_release(self, ref: str, path: str, release: str) -> FactorNotFound:
        here = f"{SCHEME}{path}@{self.release}"
        nearest = ((here, "same reference in the pinned release"),) if self.below(path) else self.nearest(ref)
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
    write_parquet(tuple(table), target / FILE_NAME, release=table.release, digest=table.digest)
    return TablesInfo(table.release, table.digest, len(table), (clock() - start) if clock else 0.0)


def rows_digest(rows: Iterable[Factor]) -> str:
    """SHA-256 over one line a row, key and row digest, by key."""
    lines = sorted((row.key, row_digest(row)) for row in rows)
    return digest_of_lines(lines)


def digest_of_lines(lines: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over (key, row digest) pairs in the order of their keys."""
    total = hashlib.sha256()
    for key, row in lines:
        total.update(f"{row}  {key}\n".encode())
    return total.hexdigest()


def split_ref(ref: str) -> tuple[str, str | None]:
    """``(path, release)`` of a reference; the release is None where it is not pinned."""
    path, at, release = ref.strip().removeprefix(SCHEME).partition("@")
    return path.strip("/"), release if at else None


@cache
def _embedded_table() -> FactorTable:
    folder = data() / "emission_factors"
    return FactorTable(read_embedded(folder), read_release(folder))
