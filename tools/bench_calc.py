"""``python -m tools.bench_calc``: a batch with certificate beside bare DuckDB and beside a row-wise Python loop.

Three ways over the same activities (id, quantity, fuel, region), each in processes of its own that take turns, two
threads each; the best of each counts, since the machine is shared:

    bare    DuckDB alone, as lean as it goes (64-bit decimals): join with the factors, product, SHA-256 a row, Parquet,
            SHA-256 over chunks of those digests
    batch   `greenlang calc run`: mapping, checks, selection, units, statuses, canonical texts, digests, chunks, tree,
            totals, certificate
    loop    Python: one dict look-up, one Decimal product and one SHA-256 a row, nothing written

Quote the ratios, not the seconds. ``--rows`` (default 1,000,000), ``--repeat`` (3), ``--json``, ``--doubles``
(quantities as DOUBLE, as pandas writes them).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

ROWS = 1_000_000
REPEAT = 3
THREADS = 2
LOOP_ROWS = 100_000
FUELS = ("diesel", "petrol", "gas", "coal", "lpg", "wood", "grid", "heat", "steam", "jet")
REGIONS = ("GB", "FR", "DE", "US", "ES")
MAPPING = b"""\
expression:
  symbols:
    quantity: {unit: kWh, range: [0, null]}
    ef: {origin: factor, gas: CO2e, unit: kgCO2e/kWh}
  outputs: {co2e: {unit: kgCO2e, expression: quantity * ef}}
id: id
inputs: {quantity: {column: quantity, unit: kWh}}
factors: {ef: {select: {activity: {column: fuel}, region: {column: region}, year: 2025}}}
"""


def value(fuel: int, region: int) -> Decimal:
    """The factor of a fuel in a region."""
    return Decimal(1000 + 700 * fuel + 31 * region) / 10_000


def activities(path: Path, rows: int, *, doubles: bool) -> None:
    """Rows in no order, with twelve-digit ids and quantities of three digits after the point."""
    import duckdb

    kind = "DOUBLE" if doubles else "DECIMAL(12,3)"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'INV-' || lpad(CAST(i AS VARCHAR), 8, '0') AS id, "
            f"CAST(CAST((hash(i) % 100000000) / 1000 AS DECIMAL(12,3)) AS {kind}) AS quantity, "
            f"{list(FUELS)}[1 + CAST(hash(i + 7) % 10 AS INTEGER)] AS fuel, "
            f"{list(REGIONS)}[1 + CAST(hash(i + 9) % 5 AS INTEGER)] AS region "
            f"FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)"
        )


def bare(path: Path, folder: Path) -> dict[str, Any]:
    """DuckDB alone."""
    import duckdb

    out = folder / "bare.parquet"
    rows = ", ".join(
        f"('{fuel}', '{region}', CAST('{value(i, j)}' AS DECIMAL(5,4)))"
        for i, fuel in enumerate(FUELS)
        for j, region in enumerate(REGIONS)
    )
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute(f"CREATE TABLE factors AS SELECT * FROM (VALUES {rows}) t(fuel, region, ef)")
        connection.execute(
            "COPY (SELECT *, sha256(concat_ws('|', id, quantity, ef, co2e)) AS digest FROM ("
            "SELECT id, quantity, fuel, region, ef, "
            "round_even(CAST(quantity AS DECIMAL(12,3)) * ef, 6) AS co2e "
            f"FROM read_parquet('{path}') JOIN factors USING (fuel, region))) TO '{out}' (FORMAT parquet)"
        )
        chunks = connection.execute(
            f"SELECT sha256(string_agg(digest, '')) FROM read_parquet('{out}') GROUP BY left(digest, 2)"
        ).fetchall()
    return {"chunks": len(chunks)}


def batch(path: Path, folder: Path) -> dict[str, Any]:
    """`greenlang calc run`."""
    from greenlang.calc.batch import run_batch
    from greenlang.calc.batch_mapping import read_mapping
    from greenlang.calc.engine import CalculationEngine

    mapping, mistakes = read_mapping(MAPPING)
    assert mapping is not None, mistakes
    made, mistakes = run_batch(path, mapping, folder / "batch.parquet", CalculationEngine(_table()), threads=THREADS)
    assert made is not None, mistakes
    assert made.failed == 0
    return {"root": made.certificate.root, "rows": made.rows, "chunks": len(made.certificate.tree.chunks)}


def loop(path: Path, folder: Path) -> dict[str, Any]:
    """Python, a row at a time, over the first rows."""
    del folder
    import pyarrow.parquet as pq

    factors = {(f, r): value(i, j) for i, f in enumerate(FUELS) for j, r in enumerate(REGIONS)}
    table = next(pq.ParquetFile(path).iter_batches(batch_size=LOOP_ROWS))
    columns = [table.column(name).to_pylist() for name in ("id", "quantity", "fuel", "region")]
    step, digests = Decimal("0.000001"), []
    begin = time.perf_counter()
    for row, quantity, fuel, region in zip(*columns, strict=True):
        factor = factors[fuel, region]
        product = (Decimal(str(quantity)) * factor).quantize(step, rounding=ROUND_HALF_EVEN)
        digests.append(hashlib.sha256(f"{row}|{quantity}|{factor}|{product}".encode()).digest())
    return {"seconds_a_row": (time.perf_counter() - begin) / len(digests)}


def _table() -> Any:
    from greenlang.factors import FactorTable

    pattern = FactorTable.load().get("desnz/fuels/2025/natural-gas/co2e-per-kwh-gross")
    assert pattern is not None
    plain = {"kind": "factor", "per": "kWh", "unit": "kgCO2e/kWh", "calorific_basis": "", "scope": "", "boundary": ""}
    rows = [
        replace(
            pattern,
            key=f"desnz/bench/2025/{fuel}/{region.lower()}/co2e-per-kwh",
            dataset="bench",
            activity=fuel,
            region=region,
            value=value(i, j),
            cell_text=str(value(i, j)),
            **plain,
        )
        for i, fuel in enumerate(FUELS)
        for j, region in enumerate(REGIONS)
    ]
    return FactorTable(rows, "bench-1.0.0")


WAYS = {"bare": bare, "batch": batch, "loop": loop}


def child(way: str, path: Path, small: Path, folder: Path) -> None:
    """One way, after a warm-up over few rows, so that imports and unit definitions do not count."""
    WAYS[way](small, folder)
    begin, spent = time.perf_counter(), time.process_time()
    told = WAYS[way](path, folder)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_gb": peak, **told}))


def measure(rows: int, repeat: int, *, doubles: bool) -> dict[str, Any]:
    """Every way in turn; the best of each, and the ratios."""
    best: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="greenlang-bench-") as name:
        folder = Path(name)
        path, small = folder / "activities.parquet", folder / "small.parquet"
        activities(path, rows, doubles=doubles)
        activities(small, 10_000, doubles=doubles)
        for turn in range(repeat):
            for way in WAYS:
                if way == "loop" and turn:
                    continue
                command = [sys.executable, "-m", "tools.bench_calc", "--child", way, str(path), str(small), name]
                found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                for key in ("seconds", "cpu"):
                    found[key] = min(found[key], best.get(way, found)[key])
                best[way] = found
    seconds = {way: found["seconds"] for way, found in best.items()}
    a_loop = best["loop"]["seconds_a_row"] * rows
    return {
        "rows": rows,
        "quantities": "DOUBLE" if doubles else "DECIMAL",
        "rows_a_second": round(rows / seconds["batch"]),
        "batch_to_bare": round(seconds["bare"] / seconds["batch"], 2),
        "batch_to_bare_in_core_seconds": round(best["bare"]["cpu"] / best["batch"]["cpu"], 2),
        "batch_to_python_loop": round(a_loop / seconds["batch"], 1),
        "peak_gb": round(best["batch"]["peak_gb"], 2),
        "chunks": best["batch"]["chunks"],
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeat", type=int, default=REPEAT)
    parser.add_argument("--doubles", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        way, *paths = asked.child
        child(way, *map(Path, paths))
        return
    found = measure(asked.rows, asked.repeat, doubles=asked.doubles)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"batch of {found['rows']:,} rows with certificate, {THREADS} threads, quantities as {found['quantities']}:")
    print(f"  {found['batch_to_bare']:>6} of what bare DuckDB does (product, row SHA-256, chunk hash); by core seconds")
    print(
        f"  {found['batch_to_bare_in_core_seconds']:>6}; {found['batch_to_python_loop']} times a row-wise Python loop;"
    )
    print(f"  {found['rows_a_second']:,} rows a second, {found['peak_gb']} GB at the peak, {found['chunks']} chunks")


if __name__ == "__main__":
    main()
