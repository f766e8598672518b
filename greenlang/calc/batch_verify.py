"""Verifying a batch alone: the certificate against itself, the results against it, and every row computed again.

Three circles, each with its findings: the certificate's own digests and sums; the rows as they lie in the results, by
digest and chunk (a changed digit names its row, a row that is gone, new or doubled names its chunk); and, where the
factor table of the release is at hand, the factor rows, the formula and every row computed anew from what was given.

Belongs here: findings about a batch. Does not belong here: computing (``batch_plan``), trees (``proof``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang_sdk.canonical import digest

from greenlang.calc import proof
from greenlang.calc.batch import MEMORY, THREADS, workshop
from greenlang.calc.batch_certificate import ENGINE, FORMAT, SECTIONS, BatchCertificate, own_digest
from greenlang.calc.batch_combinations import combination_digest, common_digest
from greenlang.calc.batch_recompute import formula_of_certificate, recomputed
from greenlang.calc.batch_results import Results, open_results
from greenlang.calc.certificate import plain_values
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.verify import Finding
from greenlang.errors import FormulaError
from greenlang.factors.model import row_digest
from greenlang.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

SHOWN = 20  # rows or chunks that are named


@dataclass(slots=True)
class BatchVerification:
    """``verified`` if nothing differs; ``notes`` say what was not looked at."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Whether nothing differs."""
        return not self.findings

    def add(self, link: str, place: str, message: str, stated: object = "", found: object = "") -> None:
        """Note a difference."""
        self.findings.append(Finding(link, place, message, str(stated), str(found)))


def verify_batch(
    certificate: BatchCertificate,
    results: Path,
    engine: CalculationEngine | None = None,
    *,
    expected: str = "",
    threads: int = THREADS,
    memory: str = MEMORY,
) -> BatchVerification:
    """Compare certificate and results; with an ``engine`` over the release's table compute every row again.

    ``expected`` is the digest that was kept elsewhere. Raises OSError for files that cannot be read.
    """
    out = BatchVerification()
    try:
        _itself(certificate, expected, out)
        with workshop(results, threads, memory) as (connection, folder):
            found = open_results(connection, results, certificate, folder)
            if isinstance(found, str):
                out.add("columns", "results", found)
                return out
            _rows(connection, found, certificate, folder, out)
            if engine is None:
                out.notes.append("rows were not computed again: no factor table was given")
            else:
                _again(connection, found, certificate, engine, out)
    except _unusable() as error:
        if not out.findings:  # of a certificate that is as it was sealed nothing of this kind may come
            raise
        out.notes.append(f"the rest of the certificate cannot be used: {str(error).splitlines()[0]}")
    return out


def _unusable() -> tuple[type[Exception], ...]:
    """What a certificate with altered entries may run into."""
    import duckdb
    import pyarrow as pa

    return (ValueError, KeyError, TypeError, AttributeError, IndexError, duckdb.Error, pa.ArrowException)


def _itself(certificate: BatchCertificate, expected: str, out: BatchVerification) -> None:
    """The certificate's own digests and sums."""
    content = certificate.content
    made = own_digest(certificate)
    if made != certificate.digest:
        out.add("digest", "digest", "the certificate was changed after it was sealed", certificate.digest, made)
    if expected and expected != certificate.digest:
        message = "the digest is not the one that was kept: this is another certificate"
        out.add("digest", "digest", message, certificate.digest, expected)
    for name in sorted(content.keys() - set(SECTIONS)):
        out.add("structure", name, f"`{name}` does not belong to a certificate of a batch")
    if content["format"] != FORMAT:
        out.add("format", "format", "the format is another", content["format"], FORMAT)
    if content["engine"] != plain_values(ENGINE):
        out.notes.append(f"made by {content['engine']}, verified by {plain_values(ENGINE)}")
    mapping = content["mapping"]
    if digest(mapping["content"]) != mapping["digest"]:
        out.add("mapping", "mapping.digest", "the mapping is not the one of its digest", mapping["digest"])
    common = common_digest(str(content["formula"]["digest"]), content["constants"])
    for number, entry in enumerate(content["combinations"]):
        own = {name: value for name, value in entry.items() if name not in {"number", "digest"}}
        if combination_digest(common, own) != entry.get("digest") or entry.get("number") != number + 1:
            message = f"combination {entry.get('number')}, the formula or a constant was changed after it was sealed"
            out.add("combinations", f"combinations[{number}]", message)
    tree = certificate.tree
    if tree.root != certificate.root or tree.digits != proof.digits_for(tree.rows):
        out.add("proof", "proof.root", "the root is not that of the chunks", certificate.root, tree.root)
    if sum(chunk.rows for chunk in tree.chunks) != tree.rows or sum(content["counts"].values()) != tree.rows:
        out.add("counts", "counts", "the counts do not add up to the number of rows", tree.rows)


def _rows(
    connection: duckdb.DuckDBPyConnection,
    results: Results,
    certificate: BatchCertificate,
    folder: Path,
    out: BatchVerification,
) -> None:
    """The rows as they lie there: digests, chunks, counts."""
    again = folder / "digests.parquet"
    connection.execute(f"COPY ({results.digests(certificate)}) TO {literal(str(again))} (FORMAT parquet)")
    relation = f"read_parquet({literal(str(again))})"
    ids = ", ".join(map(quoted, certificate.ids))
    changed = "own IS DISTINCT FROM row_digest OR NOT derived"
    listed = connection.execute(
        f"SELECT {ids}, hex(row_digest) FROM {relation} WHERE {changed} ORDER BY ALL LIMIT {SHOWN}"  # noqa: S608
    ).fetchall()
    for row in listed:
        name = row_name(row[:-1])
        message = f"row {name} was changed after it was sealed{_chunk_of(row[-1], certificate)}"
        out.add("rows", f"rows[{name}]", message)
    _more(connection, relation, changed, len(listed), out)
    made = proof.build(again)
    stated = {chunk.prefix: chunk for chunk in certificate.tree.chunks}
    if made.rows != certificate.tree.rows:
        message = f"the results have {made.rows:,} rows, {certificate.tree.rows:,} were certified"
        out.add("proof", "proof.rows", message, certificate.tree.rows, made.rows)
    if made.digits == certificate.tree.digits:
        for chunk in [one for one in made.chunks if stated.get(one.prefix) != one][:SHOWN]:
            out.add("proof", f"chunk {chunk.prefix}", *_chunk_sentence(chunk, stated.get(chunk.prefix)))
    for row in _doubled(connection, relation, ids):
        out.add("rows", f"rows[{row_name(row[:-1])}]", f"row {row_name(row[:-1])} stands {row[-1]} times")
    counted = dict(connection.execute(f"SELECT status, count(*) FROM {results.relation} GROUP BY status").fetchall())  # noqa: S608
    if counted != certificate.content["counts"]:
        message = "the rows by status are others than those that were certified"
        out.add("counts", "counts", message, certificate.content["counts"], counted)
    for number, total in enumerate(certificate.content["totals"]):
        value = results.total(connection, total)
        if value != (total["rows"], total["value"]):
            message = f"the total of {total['output']} is {value[1]} over {value[0]:,} rows"
            out.add("totals", f"totals[{number}]", message, total["value"], value[1])


def _more(
    connection: duckdb.DuckDBPyConnection, relation: str, condition: str, shown: int, out: BatchVerification
) -> None:
    if shown == SHOWN:
        found = connection.execute(f"SELECT count(*) FROM {relation} WHERE {condition}").fetchall()[0]  # noqa: S608
        if found[0] > shown:
            out.add("rows", "rows", f"{found[0]:,} rows were changed in all; the first {shown} are named")


def _doubled(connection: duckdb.DuckDBPyConnection, relation: str, ids: str) -> list[tuple[Any, ...]]:
    """Rows that stand there more often than once, all alike; lines that could not be read have no id and may."""
    where = " AND ".join(f"{name} IS NOT NULL" for name in ids.split(", ")) if ids else "TRUE"
    return connection.execute(
        f"SELECT {ids}, count(*) FROM {relation} WHERE {where} GROUP BY own, {ids} "  # noqa: S608
        f"HAVING count(*) > 1 AND bool_and(fine) ORDER BY ALL LIMIT {SHOWN}"
    ).fetchall()


def _chunk_of(stored: str | None, certificate: BatchCertificate) -> str:
    digits = certificate.tree.digits
    return f", chunk `{stored[:digits].lower()}`" if stored and digits else ""


def _chunk_sentence(made: proof.Chunk, stated: proof.Chunk | None) -> tuple[str, object, object]:
    name = f"chunk `{made.prefix}`" if made.prefix else "the one chunk"
    if stated is None:
        return f"{name} was never certified", "", made.root
    if made.rows < stated.rows:
        return f"{name}: rows are missing or were changed: {made.rows:,} of {stated.rows:,}", stated.root, made.root
    if made.rows > stated.rows:
        return f"{name}: there are {made.rows:,} rows, {stated.rows:,} were certified", stated.root, made.root
    return f"{name}: its rows are others than those that were certified", stated.root, made.root


def row_name(values: Sequence[object]) -> str:
    """A row by its id, as people read it."""
    return " / ".join("(no id)" if value is None else str(value) for value in values)


# --- computed again -------------------------------------------------------------------------------------------------


def _again(
    connection: duckdb.DuckDBPyConnection,
    results: Results,
    certificate: BatchCertificate,
    engine: CalculationEngine,
    out: BatchVerification,
) -> None:
    content = certificate.content
    release = content["release"]
    if release != {"name": engine.table.release, "digest": engine.table.digest}:
        message = f"made with release {release['name']}, verified against {engine.table.release}"
        out.add("release", "release", message, release, engine.table.digest)
    for place, record in _factor_records(content):
        key = str(record.get("key"))
        row = engine.table.get(key)
        if row is None:
            out.add("factors", place, f"ef://{key} is not in release {engine.table.release}", key)
        elif row_digest(row) != record.get("row_digest"):
            out.add("factors", place, f"ef://{key} was changed", record.get("row_digest"), row_digest(row))
    try:
        formula, differs = formula_of_certificate(certificate, engine.formulas)
    except (FormulaError, ValueError, KeyError) as error:
        out.add("formula", "formula", f"the formula of the certificate cannot be read: {error}")
        return
    if differs:
        out.add("formula", "formula.digest", differs, content["formula"]["digest"])
    again, mistakes = recomputed(connection, results, certificate.mapping, engine, formula)
    for mistake in mistakes:
        out.add("mapping", mistake.place, f"it cannot be computed again: {mistake.message}")
    if again is None:
        return
    made = [one.record() for one in again.plan.made.rows]
    known = {frozenset(one["key"].items()): one["digest"] for one in made}
    for number, entry in enumerate(content["combinations"]):
        if known.get(frozenset(entry["key"].items()), entry["digest"]) != entry["digest"]:
            message = f"combination {entry['number']} is worked out otherwise now"
            out.add("combinations", f"combinations[{number}]", message, entry["digest"])
    for cell in again.differences(connection, SHOWN):
        name = row_name(cell.ids)
        more = f" ({cell.more} more of its cells differ)" if cell.more else ""
        message = f"row {name}: {cell.column} is {cell.stated}, computed again {cell.found}{more}"
        out.add("rows", f"rows[{name}].{cell.column}", message, cell.stated, cell.found)


def _factor_records(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((f"constants.factors[{n}]", record) for n, record in enumerate(content["constants"]["factors"]))
    for number, entry in enumerate(content["combinations"]):
        yield from ((f"combinations[{number}].factors[{n}]", record) for n, record in enumerate(entry["factors"]))
