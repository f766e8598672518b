"""A batch: a file of activities and a mapping in, a file of results and its certificate out.

Each row has a status and, where it has no answer, a reason; a bad row never stops the others. The digits are those of
`CalculationEngine.calculate`. The same rows give the same results, digests and root, whatever their order and the
number of threads. Memory is bounded: DuckDB streams from Parquet to Parquet and spills beside the results.

Belongs here: the order of the steps. Does not belong here: any of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang_sdk.decimals import normal_text

from greenlang.calc import proof
from greenlang.calc.batch_binding import bind_mapping
from greenlang.calc.batch_certificate import BatchCertificate, beside, make
from greenlang.calc.batch_combinations import combinations
from greenlang.calc.batch_formula import BatchFormula, formula_of
from greenlang.calc.batch_ids import find_doubled
from greenlang.calc.batch_mapping import BatchMapping, MappingMistake
from greenlang.calc.batch_numbers import number_columns
from greenlang.calc.batch_plan import Plan, make_plan
from greenlang.calc.batch_source import Source, open_source
from greenlang.calc.batch_sql import Progress, connect, run
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.quantity import BIOGENIC_CO2, power_of
from greenlang.sql import literal, quoted

if TYPE_CHECKING:
    import duckdb

MEMORY = "2GB"
THREADS = 2


@dataclass(frozen=True, slots=True)
class BatchRun:
    """What a batch made. ``counts`` are rows by status, ``totals`` sums of outputs by the basis of their CO2e."""

    results: Path
    certificate: BatchCertificate

    @property
    def counts(self) -> dict[str, int]:
        """Rows by status; ``ok`` among them."""
        return dict(self.certificate.content["counts"])

    @property
    def totals(self) -> list[dict[str, Any]]:
        """Sums of the outputs over the rows with an answer; CO2e on unlike bases is never summed."""
        return list(self.certificate.content["totals"])

    @property
    def rows(self) -> int:
        """Rows in the results."""
        return sum(self.counts.values())

    def examples(self) -> list[tuple[str, int, str]]:
        """(status, rows, the first reason by its text) of the rows without an answer."""
        import duckdb

        relation = f"read_parquet({literal(str(self.results))})"
        asked = f"SELECT status, count(*), min(reason) FROM {relation} WHERE status <> 'ok'"  # noqa: S608
        with duckdb.connect() as connection:
            return connection.execute(f"{asked} GROUP BY status ORDER BY 2 DESC, 1").fetchall()

    @property
    def failed(self) -> int:
        """Rows without an answer."""
        return self.rows - self.counts.get("ok", 0)


def run_batch(
    activities: Path,
    mapping: BatchMapping,
    out: Path,
    engine: CalculationEngine,
    *,
    threads: int = THREADS,
    memory: str = MEMORY,
    progress: Progress | None = None,
) -> tuple[BatchRun | None, list[MappingMistake]]:
    """Compute every row of ``activities`` into ``out`` (Parquet) and its certificate beside it.

    Mistakes that keep the batch from starting come back as values. Raises OSError where files cannot be written,
    duckdb.Error for bugs.
    """
    with workshop(out, threads, memory) as (connection, folder):
        source, mistakes = open_source(connection, activities, mapping, folder)
        if source is None:
            return None, mistakes
        plan, mistakes = plan_batch(connection, source, mapping, engine, progress=progress)
        if plan is None:
            return None, mistakes
        return write_batch(connection, plan, out, folder, engine, progress), []


def outside() -> tuple[type[Exception], ...]:
    """What ends a batch from outside: memory and disk."""
    import duckdb

    return (duckdb.OutOfMemoryException, duckdb.IOException)


@contextmanager
def workshop(out: Path, threads: int, memory: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A connection and a folder beside ``out`` for what is on the way; both are gone afterwards."""
    folder = out.absolute().with_name(f".{out.name}.{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with connect(threads, memory, folder) as connection:
            yield connection, folder
    except outside() as error:
        raise OSError(f"DuckDB cannot go on: {str(error).splitlines()[0]}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def plan_batch(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    mapping: BatchMapping,
    engine: CalculationEngine,
    *,
    formula: BatchFormula | None = None,
    prefix: str = "gl",
    progress: Progress | None = None,
) -> tuple[Plan | None, list[MappingMistake]]:
    """The plan of a batch over a source, or what is wrong with mapping and columns."""
    found, mistakes = (formula, []) if formula is not None else formula_of(mapping, engine.formulas)
    if found is None:
        return None, mistakes
    binding, mistakes = bind_mapping(mapping, found, engine, source.types)
    if binding is None:
        return None, mistakes
    told = progress or (lambda what, percent: None)
    told("looking at the columns", 0.0)
    columns = {entry.column: name for name, entry in binding.numbers.items()}
    numbers, wrong = number_columns(connection, source, columns)
    if wrong:
        return None, [
            MappingMistake(f"inputs.{columns[name]}.column", f"`{name}` holds {source.types[name]}, which is no number")
            for name in wrong
        ]
    doubled = find_doubled(connection, source, mapping.id, prefix)
    told("choosing factors", 0.0)
    made, mistakes = combinations(connection, source, mapping, binding, engine, prefix)
    if made is None:
        return None, mistakes
    return make_plan(connection, source, mapping, binding, numbers, made, doubled=doubled, prefix=prefix), []


def write_batch(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    out: Path,
    folder: Path,
    engine: CalculationEngine,
    progress: Progress | None = None,
) -> BatchRun:
    """The results of a plan and their certificate, each in one rename."""
    written = folder / "results.parquet"
    options = "FORMAT parquet, COMPRESSION snappy"
    copy = f"COPY ({plan.query()}) TO {literal(str(written))} ({options})"
    run(connection, copy, "computing", progress)
    if progress is not None:
        progress("proving", 0.0)
    counts, totals = summed(connection, plan, written)
    certificate = make(plan, engine.table, counts, totals, proof.build(written))
    written.replace(out)
    certificate.write(beside(out))
    return BatchRun(out, certificate)


def summed(
    connection: duckdb.DuckDBPyConnection, plan: Plan, results: Path
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Rows by status, and the outputs summed exactly by the basis of their CO2e."""
    relation = f"read_parquet({literal(str(results))})"
    counted = connection.execute(f"SELECT status, count(*) FROM {relation} GROUP BY ALL ORDER BY ALL").fetchall()  # noqa: S608
    totals = []
    for output in plan.outputs:
        if not _summable(output.unit):
            continue
        basis = plan.binding.basis_columns.get(output.name)
        for label, rows, value in _sums(connection, relation, output.column, basis):
            totals.append(
                {
                    "output": output.name,
                    "column": output.column,
                    "unit": output.unit,
                    "basis": label or "",
                    "rows": rows,
                    "value": None if value is None else normal_text(value),
                    "outside_totals": power_of(BIOGENIC_CO2, output.unit) != 0,
                }
            )
    return {str(status): int(rows) for status, rows in counted}, totals


def _summable(unit: str) -> bool:
    """Whether sums of it mean something: amounts do, rates and shares do not."""
    from greenlang import units

    return not units.is_rate(unit) and not units.same_dimension(unit, units.DIMENSIONLESS)


def _sums(
    connection: duckdb.DuckDBPyConnection, relation: str, column: str, basis: str | None
) -> Sequence[tuple[str | None, int, Any]]:
    """(basis, rows, sum); the sum is None where it has more than 38 digits."""
    import duckdb

    label = quoted(basis) if basis else "NULL"
    parts = f"{label} AS label, count(*)"
    end = f"FROM {relation} WHERE status = 'ok' GROUP BY label ORDER BY label"
    try:
        return connection.execute(f"SELECT {parts}, sum({quoted(column)}) {end}").fetchall()
    except duckdb.OutOfRangeException:
        return connection.execute(f"SELECT {parts}, NULL {end}").fetchall()
