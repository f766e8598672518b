"""Lists of flat objects as table inputs, once a formula sums over their rows.

Belongs here: what a list of a spec in dialect A, C or D becomes then: an input, its rows in the cases, its keys in the
ledger. Does not belong here: which columns such a list declares (``parameters``), which formula sums over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from greenlang.formulas.tree import Name, Node, Sum, walk
from greenlang.specs.model import AgentSpec, GoldenCase, InputSpec, LedgerLine, Rows

Summed = Mapping[str, frozenset[str]]  # list -> the columns that formulas use


def summed(trees: Iterable[Node]) -> dict[str, frozenset[str]]:
    """The lists that trees sum over, each with the columns that they use."""
    out: dict[str, frozenset[str]] = {}
    for node in (n for tree in trees for n in walk(tree) if isinstance(n, Sum)):
        names = (n.name.partition(".") for n in walk(node.body) if isinstance(n, Name))
        used = frozenset(column for table, _, column in names if table == node.table)
        out[node.table] = out.get(node.table, frozenset()) | used
    return out


def as_inputs(part: AgentSpec, lists: Summed) -> AgentSpec:
    """The part with those lists as table inputs. A case that lacks their rows, or a cell of a used column, goes."""
    tables = {n: _used(i, lists[n]) for n, i in part.unused.items() if i.columns and n in lists}
    if not tables:
        return part
    return replace(
        part,
        inputs=part.inputs | tables,
        unused={n: i for n, i in part.unused.items() if n not in tables},
        golden=tuple(case for case in (_with_rows(c, tables) for c in part.golden) if case is not None),
        ledger=accounted(part.ledger, part.home, tables),
    )


def accounted(ledger: Iterable[LedgerLine], home: str, tables: Iterable[str]) -> tuple[LedgerLine, ...]:
    """The ledger with columns and rows of these lists of a part as used; ``home`` is the part's place in the file."""
    marks = tuple(mark for n in tables for mark in (f".{n}.items.properties.", f"input.{n}[", f"inputs.{n}["))
    return tuple(
        LedgerLine(line.path, "used") if line.path.startswith((home, "tests.")) and _any(marks, line.path) else line
        for line in ledger
    )


def _any(marks: Iterable[str], path: str) -> bool:
    return any(mark in path for mark in marks)


def _used(table: InputSpec, used: frozenset[str]) -> InputSpec:
    return replace(table, columns=tuple(replace(c, required=c.required or c.name in used) for c in table.columns))


def _with_rows(case: GoldenCase, tables: Mapping[str, InputSpec]) -> GoldenCase | None:
    rows = {n: case.tables[n] for n in tables if n in case.tables}
    missing = any(i.required and n not in rows for n, i in tables.items())
    if missing or not all(_whole(rows[n], tables[n]) for n in rows):
        return None
    return replace(case, input=case.input | rows)


def _whole(rows: Rows, table: InputSpec) -> bool:
    needed = {c.name for c in table.columns if c.required}
    return all(needed <= row.keys() for row in rows)
