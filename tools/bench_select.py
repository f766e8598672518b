"""Look-ups, selection, search and failed references over one factor table, in milliseconds and as ratios.

For ``make bench``; ``python -m tools.bench_select FACTORS.parquet`` measures one table alone (without a path the
embedded base). Here and not in `greenlang.factors`, which has no clock.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from greenlang.factors import FactorTable
from greenlang.factors.aliases import declared_aliases
from greenlang.factors.nearest import Neighbours
from greenlang.factors.search import Search
from greenlang.factors.select import Request, SelectionRefused, Selector
from greenlang.factors.select_sql import attach, lookup_sql
from greenlang.factors.storage import write_parquet

ASKED = 2000
SQL_ASKED = 200
FAILED = 20
QUERIES = (
    "diesel lorry UK",
    "electricity Germany",
    "natural gas kwh gross UK",
    "camion frigorifique",
    "hotel France",
    "average petrol car UK",
    "methane GWP AR6",
    "landfill food waste",
    "cement clinker China",
    "gazole B7",
)


def bench(table: FactorTable) -> list[dict[str, Any]]:
    """One row a way to ask: median and 95th percentile in milliseconds, and the ratio of medians to a dict look-up.

    ``selection, first`` answers each request for the first time, with its indexes built; ``selection, again`` is the
    same requests a second time. Requests are made from the table's own rows; refusals are counted in. ``mend of a
    refusal`` is its hint, which is worked out when it is read.
    """
    numbers = list(range(0, len(table), max(1, len(table) // ASKED)))[:ASKED]
    keys = [table.keys[number] for number in numbers]
    asked = [_request(table, number) for number in numbers]
    by_key = {key: number for number, key in enumerate(table.keys)}
    rows = [_row("dict, by key", _each(keys, by_key.__getitem__)), _row("FactorTable.get", _each(keys, table.get))]

    begin = time.perf_counter()
    selector = Selector(table)
    selector.warm()
    rows.append(_once("selection: every index", begin))
    rows.append(_row("selection, first", _each(asked, lambda request: _select(selector, request))))
    rows.append(_row("selection, again", _each(asked, lambda request: _select(selector, request))))
    refused = [found for request in asked if (found := _select(selector, request)) is not None]
    rows.append(_row("mend of a refusal", _each(refused, lambda found: found.hint)))

    rows.append(_row("SQL, by key", _sql(table, keys[:: max(1, len(keys) // SQL_ASKED)])))

    begin = time.perf_counter()
    search = Search(table)
    search.find(QUERIES[0])
    rows.append(_once("search: index and first query", begin))
    rows.append(_row("search", _each(QUERIES * 5, search.find)))

    failed = [f"{key}x" for key in keys[:: max(1, len(keys) // FAILED)]]
    begin = time.perf_counter()
    near = Neighbours(table, declared_aliases())
    near.find(failed[0], 3)
    rows.append(_once("failed reference, the first", begin))
    rows.append(_row("failed reference", _each(failed, lambda path: near.find(path, 3))))
    base = rows[0]["p50_ms"]
    return [{**row, "of_a_dict": round(row["p50_ms"] / base, 1), "factors": len(table)} for row in rows]


def lines(rows: Iterable[dict[str, Any]]) -> list[str]:
    """The rows for people."""
    return [
        f"{row['way']:<30} p50 {row['p50_ms']:>10.4f} ms, p95 {row['p95_ms']:>10.4f} ms, {row['of_a_dict']:>12,} dicts"
        for row in rows
    ]


def _request(table: FactorTable, number: int) -> Request:
    row = table.at(number)
    return Request(
        activity=row.activity,
        region=row.region or None,
        year=row.reporting_year or row.data_year or row.publication_year,
        source=f"{row.publisher}/{row.dataset}",
        gas=row.gas,
        per=row.per,
        kind=row.kind,
        permitted_use=row.permitted_use,
        biogenic=row.biogenic or None,
        boundary=row.boundary,
        calorific_basis=row.calorific_basis or None,
    )


def _select(selector: Selector, request: Request) -> SelectionRefused | None:
    try:
        selector.select(request)
    except SelectionRefused as refused:
        return refused
    return None


def _sql(table: FactorTable, keys: Sequence[str]) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="greenlang-bench-") as folder, duckdb.connect() as con:
        parquet = Path(folder) / "factors.parquet"
        write_parquet(tuple(table), parquet, release=table.release, digest=table.digest)
        name = attach(con, parquet)
        lookup_sql(con, name, keys[0])
        return _each(keys, lambda key: lookup_sql(con, name, key))


def _each(things: Iterable[Any], do: Callable[[Any], Any]) -> list[float]:
    seconds = []
    for thing in things:
        begin = time.perf_counter()
        do(thing)
        seconds.append(time.perf_counter() - begin)
    return sorted(seconds)


def _row(way: str, seconds: list[float]) -> dict[str, Any]:
    middle, high = seconds[len(seconds) // 2], seconds[int(0.95 * len(seconds))]
    return {"way": way, "p50_ms": round(1e3 * middle, 5), "p95_ms": round(1e3 * high, 5)}


def _once(way: str, begin: float) -> dict[str, Any]:
    return _row(way, [time.perf_counter() - begin])


if __name__ == "__main__":
    for line in lines(bench(FactorTable.load(Path(sys.argv[1]) if len(sys.argv) > 1 else None))):
        print(line)
