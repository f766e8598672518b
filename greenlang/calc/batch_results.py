"""The results of a batch, opened beside their certificate: their columns, their digests made again, their sums.

Belongs here: reading results. Does not belong here: what differs (``batch_verify``), computing (``batch_recompute``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang_sdk.decimals import normal_text

from greenlang.calc.batch_certificate import BatchCertificate
from greenlang.calc.batch_plan import DIGEST
from greenlang.calc.batch_rows import row_digest
from greenlang.calc.batch_source import readable
from greenlang.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

KEYS = "gl_certified"


@dataclass(frozen=True, slots=True)
class Results:
    """A file of results that has the columns of its certificate. ``keys`` choose the combination."""

    path: Path
    relation: str
    rows: int
    columns: list[dict[str, str]]
    keys: tuple[str, ...]

    def of(self, role: str) -> list[dict[str, str]]:
        """The columns of a role."""
        return [column for column in self.columns if column["role"] == role]

    def joined(self) -> str:
        """SQL: the results, each row joined to the combination that its own columns choose in the certificate."""
        on = " AND ".join(
            f"CAST(r.{quoted(name)} AS VARCHAR) IS NOT DISTINCT FROM c.{quoted(f'gl_key_{name}')}" for name in self.keys
        )
        return f"SELECT * FROM {self.relation} r LEFT JOIN {KEYS} c ON {on or 'TRUE'}"  # noqa: S608

    def digests(self, certificate: BatchCertificate) -> str:
        """SQL: ids, the stored digest, the digest made again as ``own``, and whether what follows from the combination
        stands in the row as it should (``derived``)."""
        ids = ", ".join(map(quoted, certificate.ids))
        own = row_digest(certificate.fields, "gl_digest")
        tests = ["combination IS NOT DISTINCT FROM gl_number"]
        tests += [f"{quoted(c['name'])} IS NOT DISTINCT FROM {quoted('gl_' + c['name'])}" for c in self.of("key")]
        if not any(field.kind == "basis" for field in certificate.fields):
            for column in self.of("basis"):
                label = f"CASE WHEN status = 'ok' THEN {quoted('gl_' + column['name'])} END"
                tests.append(f"{quoted(column['name'])} IS NOT DISTINCT FROM {label}")
        derived = " AND ".join(tests)
        fine = "status <> 'unreadable'"
        parts = f"{DIGEST}, {derived} AS derived, {fine} AS fine, {own} AS own"
        return f"SELECT {ids}, {parts} FROM ({self.joined()})"  # noqa: S608 - names and expressions of ours

    def total(self, connection: duckdb.DuckDBPyConnection, total: Mapping[str, Any]) -> tuple[int, str | None]:
        """(rows, sum) of one total that the certificate states."""
        import duckdb

        column = quoted(str(total["column"]))
        bases = [c["name"] for c in self.of("basis") if c["name"] == f"{total['column']}_basis"]
        where = "status = 'ok'" + (f" AND coalesce({quoted(bases[0])}, '') = ?" if bases else "")
        values = [total["basis"]] if bases else []
        try:
            found = connection.execute(
                f"SELECT count(*), sum({column}) FROM {self.relation} WHERE {where}",  # noqa: S608
                values,
            ).fetchall()[0]
        except duckdb.OutOfRangeException:
            return int(total["rows"]), None
        return int(found[0]), None if found[1] is None else normal_text(found[1])


def open_results(
    connection: duckdb.DuckDBPyConnection, path: Path, certificate: BatchCertificate, folder: Path
) -> Results | str:
    """The results, or why they are not those of the certificate."""
    import duckdb

    relation = f"read_parquet({literal(str(readable(path, folder)))})"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608
        rows = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0]  # noqa: S608
    except duckdb.Error as error:
        return f"{path.name} cannot be read: {str(error).splitlines()[0]}"
    columns = [dict(column) for column in certificate.content["columns"]]
    wanted = {column["name"]: column["type"] for column in columns} | {DIGEST: "BLOB"}
    there = {str(name): str(kind) for name, kind, *_ in described}
    for name, kind in wanted.items():
        if there.get(name) != kind:
            return f"the results have no column `{name}` of type {kind}" + (
                f": it is {there[name]}" if name in there else ""
            )
    if extra := sorted(there.keys() - wanted.keys()):
        return f"the results have a column `{extra[0]}` that was never certified"
    keys = tuple(certificate.mapping.class_columns)
    _certified(connection, certificate, keys, columns)
    return Results(path, relation, int(rows[0]), columns, keys)


def _certified(
    connection: duckdb.DuckDBPyConnection,
    certificate: BatchCertificate,
    keys: tuple[str, ...],
    columns: list[dict[str, str]],
) -> None:
    """The combinations of the certificate as a table."""
    import pyarrow as pa

    entries = certificate.content["combinations"]
    made: dict[str, Any] = {
        "gl_number": pa.array([entry["number"] for entry in entries], pa.int32()),
        "gl_digest": pa.array([entry["digest"] for entry in entries], pa.string()),
    }
    for name in keys:
        made[f"gl_key_{name}"] = pa.array([entry["key"].get(name) for entry in entries], pa.string())
    for column in columns:
        if column["role"] == "key":
            symbol = column["name"].removesuffix("_key")
            rows = [{f["symbol"]: f["key"] for f in entry["factors"]}.get(symbol) for entry in entries]
            made[f"gl_{column['name']}"] = pa.array(rows, pa.string())
    names = certificate.mapping.outputs
    for column in columns:
        if column["role"] == "basis":
            wanted = column["name"].removesuffix("_basis")
            output = next((name for name, shown in names.items() if shown == wanted), wanted)
            labels = [entry["outputs"]["labels"].get(output) or None for entry in entries]
            made[f"gl_{column['name']}"] = pa.array(labels, pa.string())
    connection.register(KEYS, pa.table(made))
