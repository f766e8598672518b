"""Small batches for tests: rows as dictionaries in, results by id out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from greenlang.calc import CalculationEngine
from greenlang.calc.batch import BatchRun, run_batch
from greenlang.calc.batch_mapping import BatchMapping, MappingMistake, read_mapping

BY_GAS = """
formula: carbon/test/by-gas
id: id
inputs: {energy: {column: amount, unit_column: unit}}
factors:
  ef_co2: ef://epa/fuels/2024/gas
  ef_ch4: {select: {activity: {column: fuel}, source: epa}}
context: {gwp_set: AR5GWP100}
"""

ACTIVITIES: list[dict[str, Any]] = [
    {"id": "a", "amount": "12.5", "unit": "MWh", "fuel": "gas"},
    {"id": "b", "amount": "1000", "unit": "kWh", "fuel": "gas"},
    {"id": "c", "amount": "3.3333", "unit": "MJ", "fuel": "gas"},
    {"id": "d", "amount": "0.07", "unit": "GJ", "fuel": "wood"},
]


def mapping(text: str) -> BatchMapping:
    """A mapping that holds."""
    read, mistakes = read_mapping(text.encode())
    assert read is not None, list(map(str, mistakes))
    return read


def write(path: Path, rows: Sequence[Mapping[str, Any]], types: Mapping[str, Any] | None = None) -> Path:
    """Rows as Parquet; texts where no other type is said."""
    names = list(rows[0]) if rows else list(types or {})
    columns = {name: pa.array([row.get(name) for row in rows], (types or {}).get(name, pa.string())) for name in names}
    pq.write_table(pa.table(columns), path)
    return path


def batch(
    folder: Path,
    engine: CalculationEngine,
    text: str,
    rows: Sequence[Mapping[str, Any]] | Path,
    types: Mapping[str, Any] | None = None,
    **options: Any,
) -> BatchRun:
    """A batch that starts."""
    path = rows if isinstance(rows, Path) else write(folder / "activities.parquet", rows, types)
    made, mistakes = run_batch(path, mapping(text), folder / "results.parquet", engine, **options)
    assert made is not None, list(map(str, mistakes))
    return made


def refused(
    folder: Path, engine: CalculationEngine, text: str, rows: Sequence[Mapping[str, Any]] | Path, **options: Any
) -> list[MappingMistake]:
    """A batch that does not start."""
    path = rows if isinstance(rows, Path) else write(folder / "activities.parquet", rows, **options)
    made, mistakes = run_batch(path, mapping(text), folder / "results.parquet", engine)
    assert made is None
    assert not (folder / "results.parquet").exists()
    return mistakes


def results(made: BatchRun | Path, key: str = "id") -> dict[Any, dict[str, Any]]:
    """The results by id."""
    return {row[key]: row for row in listed(made)}


def listed(made: BatchRun | Path) -> list[dict[str, Any]]:
    """The results as they lie there."""
    path = made if isinstance(made, Path) else made.results
    return pq.read_table(path).to_pylist()


def statuses(made: BatchRun) -> dict[Any, str]:
    """Status by id."""
    return {name: row["status"] for name, row in results(made).items()}


def rewrite(path: Path, sql: str) -> None:
    """The results changed by a query over ``r``."""
    changed = path.with_name("changed.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW r AS SELECT * FROM read_parquet('{path}')")
        connection.execute(f"COPY ({sql}) TO '{changed}' (FORMAT parquet)")
    changed.replace(path)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    """The place of every leaf of JSON."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*place, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*place, number))
    else:
        yield place
