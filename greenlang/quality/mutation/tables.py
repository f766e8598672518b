"""Places in ``factors.json``: rows, potentials, entries of a look-up. Digests stay true.

Belongs here: changes of pinned figures, and the look-up of other editions and regions in the factor tables. Does not
belong here: figures in the code (``code``).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import normal_text

from greenlang.factors.model import Factor, plain_row
from greenlang.factors.table import FactorTable
from greenlang.quality.mutation import operators as op
from greenlang.quality.mutation.model import Edit
from greenlang.quality.mutation.related import gas_of, other_potentials

Alternatives = Callable[[Mapping[str, Any]], Iterable[Factor]]
_ALIKE = ("publisher", "activity", "gas", "unit", "kind", "scope", "boundary", "calorific_basis")
_POTENTIAL = "gwp"


def alternatives_in(table: FactorTable) -> Alternatives:
    """For a pinned row: the rows of a factor table of the same publisher, activity, gas and unit, of another edition
    or region, by key. The index is made once a table, at the first question.
    """
    index: dict[tuple[Any, ...], list[int]] = {}

    def find(row: Mapping[str, Any]) -> Iterator[Factor]:
        if not index:
            made: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for place, alike in enumerate(zip(*(table.column(name) for name in _ALIKE), strict=True)):
                made[alike].append(place)
            index.update(made)
        for place in index.get(tuple(row.get(name) for name in _ALIKE), ()):
            factor = table.at(place)
            if factor.key != row["key"] and (factor.vintage, factor.region) != (row["vintage"], row["region"]):
                yield factor

    return find


def table_edits(path: str, data: bytes, alternatives: Alternatives | None) -> Iterator[Edit]:
    """Every change of a ``factors.json``; none of a file that is no such table."""
    content = content_of(data)
    rows = {row["key"]: row for row in content["factors"]}
    for row in content["factors"]:
        yield from _row(path, data, row, alternatives)
    for table in content["tables"]:
        yield from _entries(path, data, table, rows)


def content_of(data: bytes) -> dict[str, list[dict[str, Any]]]:
    """The rows and tables of a ``factors.json``; empty where they are not what packs hold."""
    try:
        content = json.loads(data)
        keys = {row["key"]: Decimal(row["value"]) for row in content["factors"] if row["unit"] is not None}
        known = all(r["factor"] in keys and list(r["when"]) == r["when"] for t in content["tables"] for r in t["rows"])
        named = all(isinstance(t["name"], str) for t in content["tables"])
    except (ValueError, TypeError, KeyError, InvalidOperation):
        return {"factors": [], "tables": []}
    return content if known and named else {"factors": [], "tables": []}


def _row(path: str, data: bytes, row: Mapping[str, Any], alternatives: Alternatives | None) -> Iterator[Edit]:
    old = json.dumps(row, ensure_ascii=False)
    start = data.find(old.encode())
    if start < 0:
        return
    end = start + len(old.encode())
    value = Decimal(row["value"])
    if alternatives is not None and "vintage" in row:
        for other in _two(alternatives(row), value):
            new = plain_row(other) | {"key": row["key"]}
            said = (_told(row), _told(new))
            yield Edit(op.FACTOR, path, start, end, _with_digest(new, row), said)
    gas = _gas(row)
    for name, potential in other_potentials(gas, value)[:2] if gas else ():
        text = normal_text(potential)
        new = dict(row) | {"value": text} | ({"gwp_set": name, "cell_text": text} if "gwp_set" in row else {})
        yield Edit(op.GWP, path, start, end, _with_digest(new, row), (row["value"], f"{text} ({name})"))
    if value:
        text = normal_text(value * 1000)
        yield Edit(op.THOUSAND, path, start, end, _with_digest(dict(row) | {"value": text}, row), (row["value"], text))


def _gas(row: Mapping[str, Any]) -> str:
    """The gas whose potential a row is; empty for another row."""
    gas = gas_of(row["unit"])
    return gas if gas or row.get("kind") != _POTENTIAL else str(row.get("gas", ""))


def _two(found: Iterable[Factor], value: Decimal) -> list[Factor]:
    """The nearest by key of another edition and of another region, with another figure."""
    other = [factor for factor in found if factor.value != value]
    return sorted(other, key=lambda factor: (abs(factor.value - value), factor.key))[:2]


def _told(row: Mapping[str, Any]) -> str:
    return " ".join(str(row[name]) for name in ("vintage", "region", "value", "unit") if row[name])


def _with_digest(new: Mapping[str, Any], like: Mapping[str, Any]) -> str:
    row = {key: new[key] for key in like if key != "digest"}
    return json.dumps(row | {"digest": digest(row)}, ensure_ascii=False)


def _entries(path: str, data: bytes, table: Mapping[str, Any], rows: Mapping[str, Any]) -> Iterator[Edit]:
    """Neighbours of a look-up change places, where their figures differ."""
    old = json.dumps(table, ensure_ascii=False)
    start = data.find(old.encode())
    entries = table["rows"]
    if start < 0:
        return
    for i in range(min(len(entries) - 1, 3)):
        a, b = entries[i], entries[i + 1]
        if rows[a["factor"]]["value"] == rows[b["factor"]]["value"]:
            continue
        new = [*entries[:i], a | {"factor": b["factor"]}, b | {"factor": a["factor"]}, *entries[i + 2 :]]
        after = json.dumps(dict(table) | {"rows": new}, ensure_ascii=False)
        said = (f"{table['name']} {a['when']}: {a['factor']}", b["factor"])
        yield Edit(op.FACTOR, path, start, start + len(old.encode()), after, said)
