"""What changed between two releases: rows added, changed, withdrawn, and the version step that follows.

Belongs here: comparing rows by key. Does not belong here: judging whether a change is plausible
(``greenlang.factors.gates``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from greenlang.factors.fields import declared_fields
from greenlang.factors.storage import read_arrow

MAJOR, MINOR, PATCH = 0, 1, 2
_IDENTITY = ("unit", "gas", "gwp_set", "boundary", "calorific_basis", "biogenic", "kind", "scope2_method")


@dataclass(frozen=True, slots=True)
class Change:
    """One row that differs. ``relative`` is (new - old) / old, None where there is no old or it is zero."""

    what: Literal["added", "changed", "withdrawn"]
    key: str
    old: Decimal | None
    new: Decimal | None
    unit: str
    relative: Decimal | None
    fields: str  # names of the fields that differ


def changes(before: Path | None, candidate: Path, digests: Sequence[str]) -> tuple[Change, ...]:
    """Every row that differs between the release in the folder ``before`` and the rows in ``candidate``.

    ``digests`` are the candidate's row digests, by key. Ordered: changed values by falling relative change, then
    other changes, withdrawn, added. Without a release before, nothing is a change: everything is new.
    """
    if before is None:
        return ()
    import duckdb
    import pyarrow as pa

    names = [field.name for field in declared_fields()]
    same = " || ".join(
        f"CASE WHEN o.\"{n}\" IS DISTINCT FROM n.\"{n}\" THEN '{n} ' ELSE '' END" for n in names if n != "key"
    )
    with duckdb.connect() as connection:
        keys = read_arrow(candidate, ["key"])
        connection.register("now", keys.append_column("row_digest", pa.array(list(digests), pa.string())))
        connection.execute(
            """CREATE TEMP TABLE differing AS
               SELECT coalesce(s.key, now.key) AS key, s.key IS NULL AS added, now.key IS NULL AS withdrawn
               FROM read_parquet(?) s FULL JOIN now ON s.key = now.key
               WHERE s.row_digest IS DISTINCT FROM now.row_digest""",
            [str(before / "standing.parquet")],
        )
        found = connection.execute(
            f"""SELECT d.key, d.added, d.withdrawn, o.value, n.value, coalesce(n.unit, o.unit),
                       CASE WHEN d.added OR d.withdrawn THEN '' ELSE {same} END
                FROM differing d LEFT JOIN read_parquet(?) o ON o.key = d.key
                LEFT JOIN read_parquet(?) n ON n.key = d.key ORDER BY d.key""",  # noqa: S608
            [str(before / "factors.parquet"), str(candidate)],
        ).fetchall()
    rows = [
        Change(
            "added" if added else "withdrawn" if withdrawn else "changed",
            key,
            old,
            new,
            unit,
            (new - old) / old if old and new is not None else None,
            fields.strip(),
        )
        for key, added, withdrawn, old, new, unit, fields in found
    ]
    order = {"changed": 0, "withdrawn": 1, "added": 2}
    return tuple(sorted(rows, key=lambda c: (order[c.what], -abs(c.relative or Decimal(0)), c.key)))


def bump(found: Sequence[Change]) -> int:
    """The part of the version that rises: a key withdrawn or of another meaning is major, values minor, words patch."""
    if any(c.what == "withdrawn" or set(c.fields.split()) & set(_IDENTITY) for c in found):
        return MAJOR
    if any(c.what == "added" or "value" in c.fields.split() for c in found):
        return MINOR
    return PATCH


def write_changes(found: Sequence[Change], target: Path) -> None:
    """The changes as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    decimals = pa.decimal128(38, 24)
    types = {"old": decimals, "new": decimals, "relative": pa.string()}
    columns = {
        name: pa.array(
            [_text(c.relative) if name == "relative" else getattr(c, name) for c in found], types.get(name, pa.string())
        )
        for name in Change.__slots__
    }
    pq.write_table(pa.table(columns), target)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.6g}"
