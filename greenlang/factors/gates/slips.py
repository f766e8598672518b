"""Gates over slips of the pen and of the unit: a factor of a thousand, a mile for a kilometre, a lost "0.".

Belongs here: figures that differ by a suspicious ratio. Does not belong here: magnitudes as such (``magnitude``).

Which ratios are safe to suspect was measured over 47,000 pairs of one vintage and the next: within two percent none
moved by a power of ten, 265, 298 or 4.1868 and a handful by 28, 3.785, 4.546 and 3.6, but 160 by 1.609 and 3,000 by
1.102. The small ratios are therefore suspected only where the rest of the table stood still, or where two rows of one
table say the same in two units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from functools import cache

from greenlang.errors import UnitError
from greenlang.factors.catalogue import catalogue
from greenlang.factors.gates.columns import Columns, columns
from greenlang.factors.gates.compare import Pair, last_digit, printed, ratio_of, short, vintage_pairs, witness_pairs
from greenlang.factors.gates.concepts import Comparable, comparable
from greenlang.factors.gates.report import Finding
from greenlang.factors.release import same_cells
from greenlang.factors.table import FactorTable
from greenlang.units import conversion

_CELL = Context(prec=15)  # a spreadsheet keeps 15 significant digits; what stands behind them is binary noise
_WINDOW = Decimal("0.02")
_NARROW = Decimal("0.001")
_SAFE = {
    "3.6 (kWh and MJ)": Decimal("3.6"),
    "2.2046 (kg and lb)": Decimal("2.20462262"),
    "3.7854 (litre and US gallon)": Decimal("3.785411784"),
    "4.54609 (litre and imperial gallon)": Decimal("4.54609"),
    "4.1868 (calorie and joule)": Decimal("4.1868"),
    "3.6667 (carbon and CO2)": Decimal(44) / 12,
    "25, a GWP of methane": Decimal(25),
    "28, a GWP of methane": Decimal(28),
    "30, a GWP of methane": Decimal(30),
    "265, a GWP of N2O": Decimal(265),
    "273, a GWP of N2O": Decimal(273),
    "298, a GWP of N2O": Decimal(298),
}
_SMALL = {
    "1.609 (mile and km)": Decimal("1.609344"),
    "1.102 (metric and short ton)": Decimal("1.10231131"),
    "1.459 (tonne-km and ton-mile)": Decimal("1.459972"),
    "1.2009 (US and imperial gallon)": Decimal("1.20094992"),
}
_POWERS = {f"{10**n:,}": Decimal(10) ** n for n in range(1, 10)}
_FAR = Decimal(90)  # nothing is a hundred times itself a year later: so far apart, a tenth makes no difference
_FAR_WINDOW = Decimal("0.1")
STILL = Decimal("0.75")  # of the figures of a table and unit moved by less than _STEADY
_STEADY = Decimal("0.005")
_STILL_LEAST = 8
_TIGHT = Decimal(2)  # concepts with wider limits may differ tenfold by chance
_WHOLES = frozenset({"factor", "stage", "property"})  # what gases are checked by is their sum


def unit_scale(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A figure whose ratio to the vintage before, to a witness or to its own row in another unit is a unit's slip."""
    del before
    rows, declared = columns(table), comparable()
    found: dict[str, Finding] = {}
    vintages = vintage_pairs(rows, declared)
    still = _still_tables(rows, vintages)
    for pair in vintages:
        moved = declared.vintages.get(pair.source.rpartition("/")[0]) or rows.text("kind")[pair.place] == "gwp"
        names = _POWERS if moved else _SAFE | _POWERS
        name = _named(pair, names, _WINDOW)
        if not name and still & set(_tables_of(rows, pair.place)):
            name = _named(pair, _SMALL, _NARROW)
        if name:
            found[rows.keys[pair.place]] = _slip(rows, pair, name)
    witnesses = witness_pairs(rows, declared)
    for pair in witnesses:
        name = _named(pair, _POWERS, _WINDOW) if pair.limit <= _TIGHT else ""
        if name:
            found.setdefault(rows.keys[pair.place], _slip(rows, pair, name))
    other_units, compared = _other_units(rows, declared)
    for finding in other_units:
        found.setdefault(finding.key, finding)
    compared |= {rows.keys[pair.place] for pair in vintages}
    return list(found.values()), compared | {rows.keys[pair.place] for pair in witnesses}


def dropped_point(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """The digits of the vintage before, or of another publisher, with the point in another place: a lost "0."."""
    del before
    rows, declared = columns(table), comparable()
    found: dict[str, Finding] = {}
    compared = set()
    for pair in (*vintage_pairs(rows, declared), *witness_pairs(rows, declared)):
        key = rows.keys[pair.place]
        compared.add(key)
        if abs(pair.value - pair.other) <= pair.difference or not pair.value or not pair.other:
            continue
        here, there = pair.value.normalize().as_tuple(), pair.other.normalize().as_tuple()
        if here.digits == there.digits and here.exponent != there.exponent:
            found.setdefault(
                key,
                Finding(
                    "dropped_point",
                    key,
                    f"{pair.value:f}; {pair.other:f} {pair.words}",
                    seen=f"{pair.value:f}",
                    against=pair.needs,
                ),
            )
    return list(found.values()), compared


def as_printed(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A value that is not the number in its own cell, or not what another row has from the very same cell."""
    del before
    rows = columns(table)
    cells = rows.text("cell_text")
    found = []
    for key, value, cell in zip(rows.keys, rows.values, cells, strict=True):
        if cell == (text := f"{value:f}"):
            continue
        number = printed(cell)
        if number is not None and _CELL.plus(number) != value:
            found.append(Finding("as_printed", key, f"{text}; the cell holds `{cell}`", seen=text))
    for key, twin in same_cells(table, [edition.name for edition in catalogue()]).items():
        value, other = rows.values[rows.places[key]], rows.values[rows.places[twin]]
        if value != other:
            against = "/".join(twin.split("/")[:3])
            words = f"{value:f}; `{twin}` has {other:f} from the same cell"
            found.append(Finding("as_printed", key, words, seen=f"{value:f}", against=against))
    return found, set()  # reading what is printed is no comparison with anything


def _named(pair: Pair, names: dict[str, Decimal], window: Decimal) -> str:
    """Which of these ratios two figures are apart, or empty."""
    ratio = ratio_of(pair.value, pair.other)
    if ratio is None or ratio < Decimal("1.005") or abs(pair.value - pair.other) <= pair.difference:
        return ""
    looked_for = [(names, window), *([(_POWERS, _FAR_WINDOW)] if ratio > _FAR else [])]
    return next((name for n, w in looked_for for name, factor in n.items() if abs(ratio / factor - 1) <= w), "")


def _slip(rows: Columns, pair: Pair, name: str) -> Finding:
    message = f"{pair.value:f} {rows.text('unit')[pair.place]}; {short(pair.other)} {pair.words}: apart by {name}"
    seen = f"{rows.values[pair.place]:f}"
    return Finding("unit_scale", rows.keys[pair.place], message, seen=seen, against=pair.needs)


def _tables_of(rows: Columns, place: int) -> tuple[tuple[str, str, str], ...]:
    """What a figure stands among: its part of the edition, and all of the edition, in its unit."""
    edition, unit = rows.edition[place], rows.text("unit")[place]
    return (edition, rows.keys[place][len(edition) + 1 :].partition("/")[0], unit), (edition, "", unit)


def _still_tables(rows: Columns, pairs: Sequence[Pair]) -> set[tuple[str, str, str]]:
    """Where nearly nothing moved since the vintage before."""
    steady: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for pair in pairs:
        ratio = ratio_of(pair.value, pair.other)
        for name in _tables_of(rows, pair.place):
            steady[name].append(pair.value == pair.other or (ratio or 2) < 1 + _STEADY)
    return {name for name, seen in steady.items() if len(seen) >= _STILL_LEAST and sum(seen) >= STILL * len(seen)}


def _other_units(rows: Columns, declared: Comparable) -> tuple[list[Finding], set[str]]:
    """Rows that say the same in units that convert: per km and per mile, per kWh and per GJ."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    kinds, gases, statuses = rows.text("kind"), rows.text("gas"), rows.text("status")
    basis = rows.text("calorific_basis")
    for pattern in declared.units:
        for place, match in rows.matching(pattern):
            if (
                kinds[place] in _WHOLES and statuses[place] == "valid"
            ):  # what a publisher took back needs no second look
                key = pattern.group(rows.keys[place], match)
                groups[key, kinds[place], gases[place], basis[place]].append(place)
    found: dict[str, Finding] = {}
    compared: set[str] = set()
    for places in groups.values():
        for place, other, factor in _convertible(rows, places):
            compared |= {rows.keys[place], rows.keys[other]}
            if _apart(rows, place, other, factor, declared):
                for one, two, scale in ((place, other, factor), (other, place, 1 / factor)):
                    unit = rows.text("unit")[one]
                    as_other = short(rows.values[two] / scale)
                    message = f"{rows.values[one]:f} {unit}; `{rows.keys[two]}` says {as_other} {unit}"
                    found.setdefault(
                        rows.keys[one], Finding("unit_scale", rows.keys[one], message, seen=f"{rows.values[one]:f}")
                    )
    return list(found.values()), compared


def _convertible(rows: Columns, places: Sequence[int]) -> Iterator[tuple[int, int, Decimal]]:
    units = rows.text("unit")
    for number, place in enumerate(places):
        for other in places[number + 1 :]:
            if units[place] != units[other]:
                factor = _factor(units[place], units[other])
                if factor is not None:
                    yield place, other, factor


@cache
def _factor(source: str, target: str) -> Decimal | None:
    try:
        return conversion(source, target)[0]
    except UnitError:
        return None


def _apart(rows: Columns, place: int, other: int, factor: Decimal, declared: Comparable) -> bool:
    value, there = rows.values[place] * factor, rows.values[other]
    rounding = declared.round_of(rows.edition[place])
    steps = last_digit(rows.text("cell_text")[place]) * factor + last_digit(rows.text("cell_text")[other])
    steps = max(steps, rounding.absolute * (1 + factor))
    return abs(value - there) > declared.units_relative * max(abs(value), abs(there)) + steps
