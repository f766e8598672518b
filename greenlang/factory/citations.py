"""Where the figures of a calculation come from, in few lines: documents, tables, cells.

Belongs here: which rows an expression reads, and how they are cited together. Does not belong here: what a single row
says of itself (``greenlang.factors.model``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from greenlang.factors.model import Factor
from greenlang.factory.parameters import lookup_name, parameter_tables
from greenlang.factory.text import one_line
from greenlang.formulas.tree import Lookup, Node, TableCall, walk
from greenlang.resolution.plan import OutputPlan, Resolution

MOST_RUNS = 12
_CELL = re.compile(r"(?P<sheet>[^!]+)!(?P<cell>[A-Z]{1,3}[0-9]+)")


def citations_of(resolution: Resolution, plan: OutputPlan) -> tuple[str, ...]:
    """Every source of an output, once each: of its formula, of its factors, of its parameters."""
    found = (
        plan.citation,
        *grouped(rows(resolution, plan.expression)),
        *parameter_citations(resolution, plan.expression),
    )
    return tuple(dict.fromkeys(citation for citation in found if one_line(citation)))


def grouped(rows: list[Factor]) -> list[str]:
    """Citations, one a sheet of a table, each with all its cells: ``..., Table 1, Hub, cells E39, E56``."""
    cells: dict[str, dict[str, None]] = {}
    places: dict[str, dict[str, None]] = {}
    order: dict[str, None] = {}
    for row in rows:
        sheet = _CELL.fullmatch(row.cell)
        place = ", ".join(part for part in (row.document, row.table, sheet["sheet"] if sheet else "") if part)
        order[place] = None
        if sheet:
            cells.setdefault(place, {})[sheet["cell"]] = None
        elif row.cell:
            places.setdefault(place, {})[row.cell] = None
    citations = []
    for place in order:
        said = [_listed(cells[place])] if place in cells else []
        if place in places:
            said.append("; ".join(places[place]))
        citations.append(", ".join([place, *said]))
    return citations


def _listed(cells: Iterable[str]) -> str:
    """Cells of a sheet, neighbours of a column as a run; of many, how many they are."""
    runs: list[list[tuple[int, str, int]]] = []
    for cell in sorted(map(_cell_order, cells)):
        last = runs[-1][-1] if runs else None
        if last and last[1] == cell[1] and last[2] + 1 == cell[2]:
            runs[-1].append(cell)
        else:
            runs.append([cell])
    if len(runs) > MOST_RUNS:
        return f"{sum(map(len, runs))} cells, named in factors.json"
    said = [" to ".join(dict.fromkeys(f"{column}{row}" for _, column, row in (run[0], run[-1]))) for run in runs]
    return f"{'cell' if len(runs) == len(runs[0]) == 1 else 'cells'} {', '.join(said)}"


def _cell_order(cell: str) -> tuple[int, str, int]:
    letters = cell.rstrip("0123456789")
    return len(letters), letters, int(cell[len(letters) :])


def rows(resolution: Resolution, node: Node) -> list[Factor]:
    """The factor rows that an expression may read."""
    tables = dict.fromkeys(n.table for n in walk(node) if isinstance(n, Lookup))
    return [f for t in tables for _, f in sorted(resolution.lookups[t].rows.items())]


def parameter_citations(resolution: Resolution, node: Node) -> list[str]:
    """Where the values of parameter tables stand that an expression may read."""
    read = {lookup_name(n) for n in walk(node) if isinstance(n, TableCall)}
    return [row.citation for table in parameter_tables(resolution) if table.name in read for row in table.rows]
