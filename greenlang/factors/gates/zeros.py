"""Gates over figures that are suspicious by themselves: zero, negative, or the year before once more.

Belongs here: these three. Does not belong here: magnitudes.
"""

from __future__ import annotations

from collections import defaultdict

from greenlang.factors.gates.columns import Columns, columns
from greenlang.factors.gates.concepts import Comparable, Known, comparable
from greenlang.factors.gates.report import Finding
from greenlang.factors.table import FactorTable

RARE = 20  # one in so many may be zero, or negative, before the rest of them is no longer "nearly all"
LEAST = 8
DIGITS = 4  # figures with fewer digits repeat by chance
_WHOLES = frozenset({"factor", "property", "gwp"})  # a gas or a stage may well be nothing


def zero_or_repeated(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A zero or negative figure where nearly all others of the table are positive, or last year's digits once more."""
    del before
    rows, declared = columns(table), comparable()
    found: dict[str, Finding] = {}
    for finding in (*_odd_signs(rows, declared), *_repeated(rows, declared)):
        found.setdefault(finding.key, finding)
    # that a figure is positive makes it no more checked than before
    return list(found.values()), {rows.keys[place] for place in _yearly(rows, declared)}


def _odd_signs(rows: Columns, declared: Comparable) -> list[Finding]:
    """Zeros and negatives that are rare among the figures of one edition in one unit."""
    zeros, negatives = _places(rows, declared.zeros), _places(rows, declared.negatives)
    kinds, units, gases = rows.text("kind"), rows.text("unit"), rows.text("gas")
    found = []
    for start, stop in rows.editions.values():
        groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for place in range(start, stop):
            if kinds[place] in _WHOLES and not rows.biogenic[place]:
                gas = gases[place] if kinds[place] != "gwp" else ""
                groups[kinds[place], units[place], gas].append(place)
        for (_, unit, _), places in groups.items():
            for what, odd in (
                ("zero", [place for place in places if not rows.values[place] and place not in zeros]),
                ("negative", [place for place in places if rows.values[place] < 0 and place not in negatives]),
            ):
                if len(places) < LEAST or len(odd) * RARE > len(places) + RARE - 1:
                    continue
                for place in odd:
                    words = f"{rows.values[place]:f} {unit}; {len(odd)} of the table's {len(places)} are {what}"
                    found.append(Finding("zero_or_repeated", rows.keys[place], words, seen=f"{rows.values[place]:f}"))
    return found


def _repeated(rows: Columns, declared: Comparable) -> list[Finding]:
    """Figures that are made anew each year, and yet repeat the neighbouring year's digit by digit."""
    series: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    units = rows.text("unit")
    for place, name in _yearly(rows, declared).items():
        year = rows.data_years[place]
        if year is not None:
            series[name, units[place]][year] = place
    found = []
    for years in series.values():
        for year, place in years.items():
            next_year = years.get(year + 1)
            value = rows.values[place]
            if next_year is None or rows.values[next_year] != value or not value:
                continue
            if len(value.normalize().as_tuple().digits) >= DIGITS:
                words = f"{value:f} {units[place]} in {year}, and again in {year + 1}"
                found.append(Finding("zero_or_repeated", rows.keys[place], words, seen=f"{value:f} {year}"))
    return found


def _yearly(rows: Columns, declared: Comparable) -> dict[int, str]:
    """Row of a yearly series -> the series, whatever its vintage and year."""
    found = {}
    for pattern in declared.yearly:
        for place, match in rows.matching(pattern):
            edition = rows.edition[place]
            dataset = edition.rpartition("/")[0]
            # where each year is a vintage of its own, the series runs over them
            name = pattern.group(rows.keys[place], match)
            found[place] = name if match.re.groups else f"{dataset}{name[len(edition) :]}"
    return found


def _places(rows: Columns, entries: tuple[Known, ...]) -> set[int]:
    return {place for entry in entries for pattern in entry.figures for place, _ in rows.matching(pattern)}
