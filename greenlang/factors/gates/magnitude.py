"""Gates over magnitudes within one release: other publishers' figures, siblings in the same table.

Belongs here: judging the pairs. Does not belong here: finding them (``compare``), figures from another vintage.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from greenlang.factors.gates.columns import Columns, columns
from greenlang.factors.gates.compare import Pair, outside, short, sibling_pairs, witness_pairs
from greenlang.factors.gates.concepts import Comparable, comparable
from greenlang.factors.gates.report import Finding
from greenlang.factors.table import FactorTable
from greenlang.units import in_base_units

_WHOLE = frozenset({"factor", "property"})


def against_other_publishers(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A figure further from other publishers' median for the same activity than the concept allows."""
    del before
    rows = columns(table)
    pairs = witness_pairs(rows, comparable())
    return _worst("against_other_publishers", rows, pairs), {rows.keys[pair.place] for pair in pairs}


def against_siblings(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A figure far from its siblings: other origins of the same goods, years nearby, the table's usual range."""
    del before
    rows = columns(table)
    pairs = sibling_pairs(rows, comparable())
    found = {finding.key: finding for finding in _worst("against_siblings", rows, pairs)}
    for finding in _out_of_range(rows, comparable()):
        found.setdefault(finding.key, finding)
    # a place in the table's usual range alone does not make a figure checked
    return list(found.values()), {rows.keys[pair.place] for pair in pairs}


def _worst(gate: str, rows: Columns, pairs: list[Pair]) -> list[Finding]:
    """One finding a row: against what it is furthest from, with every dataset that it is outside of."""
    outside_of: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if outside(pair):
            outside_of[pair.place].append(pair)
    found = []
    for place, bad in outside_of.items():
        worst = max(bad, key=lambda pair: (_distance(pair), pair.source))
        against = ", ".join(sorted({pair.needs for pair in bad if pair.needs}))
        value = f"{rows.values[place]:f} {rows.text('unit')[place]}"
        found.append(
            Finding(gate, rows.keys[place], f"{value}; {worst.words}", seen=f"{rows.values[place]:f}", against=against)
        )
    return found


def _distance(pair: Pair) -> Decimal:
    if not pair.value or not pair.other:
        return Decimal("Infinity")
    large, small = abs(pair.value), abs(pair.other)
    return max(large / small, small / large)


def _out_of_range(rows: Columns, declared: Comparable) -> list[Finding]:
    """Figures far outside the range of nearly all others of their edition in units that convert into theirs."""
    found: list[Finding] = []
    for edition, (start, stop) in rows.editions.items():
        if edition.rpartition("/")[0] in declared.wide:
            continue
        for sizes in _alike(rows, start, stop).values():
            if len(sizes) < declared.range_least:
                continue
            low, high = _usual([size for _, size, _ in sizes])
            for place, size, scale in sizes:
                if size > high * declared.range_ratio or size * declared.range_ratio < low:
                    unit, value = rows.text("unit")[place], f"{rows.values[place]:f}"
                    words = f"{value} {unit}; nearly all of the table's {len(sizes)} figures in such units"
                    words += f" are between {short(low / scale)} and {short(high / scale)}"
                    found.append(Finding("against_siblings", rows.keys[place], words, seen=value))
    return found


def _alike(rows: Columns, start: int, stop: int) -> dict[tuple[str, str], list[tuple[int, Decimal, Decimal]]]:
    """(kind of unit, gas) -> (row, size in one of these units, its factor), of wholes that are not zero."""
    kinds, units, gases = rows.text("kind"), rows.text("unit"), rows.text("gas")
    found: dict[tuple[str, str], list[tuple[int, Decimal, Decimal]]] = defaultdict(list)
    for place in range(start, stop):
        if kinds[place] in _WHOLE and rows.values[place]:
            scale, kind = in_base_units(units[place])
            found[kind, gases[place]].append((place, abs(rows.values[place]) * scale, scale))
    return found


def _usual(sizes: list[Decimal]) -> tuple[Decimal, Decimal]:
    """Without the hundredth part at each end, and without one at least: a slip must not widen the range."""
    ordered = sorted(sizes)
    cut = max(1, len(ordered) // 100)
    return ordered[cut], ordered[-1 - cut]
