"""Figures beside those that they are compared with: the vintage before, other publishers, siblings.

Belongs here: finding the pairs. Does not belong here: judging them, which several gates do on the same pairs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from functools import cache, lru_cache

from greenlang.errors import UnitError
from greenlang.factors.gates.columns import ZERO, Columns
from greenlang.factors.gates.concepts import Comparable, Concept, Siblings
from greenlang.units import conversion

GROSS = Decimal(10)  # apart, whatever the median of a dataset may turn out to be


@dataclass(frozen=True, slots=True)
class Pair:
    """A row, and a figure in the same unit that it is compared with."""

    place: int
    value: Decimal
    other: Decimal
    limit: Decimal  # how many times one may be the other
    difference: Decimal  # smaller differences are no finding, whatever the ratio
    source: str  # the dataset or edition that ``other`` comes from
    needs: str  # the editions or datasets without which the pair would not be, if they may be missing
    words: str  # what ``other`` is, for people


def ratio_of(value: Decimal, other: Decimal) -> Decimal | None:
    """How many times the larger is the smaller, without their signs; None where one of them is zero."""
    if not value or not other:
        return None
    large, small = abs(value), abs(other)
    return large / small if large >= small else small / large


def short(value: Decimal) -> str:
    """Four significant digits, without an exponent: for people."""
    rounded = Context(prec=4).plus(value)
    return f"{rounded.normalize():f}" if rounded else "0"


@lru_cache(maxsize=65536)
def last_digit(cell: str) -> Decimal:
    """One unit of the last printed digit of a cell, or zero where it holds no number."""
    number = printed(cell)
    if number is None or (not number and "e" in cell.lower()):  # 0.00e+00 says nothing about digits
        return ZERO
    return Decimal(1).scaleb(min(0, int(number.as_tuple().exponent)))


def printed(cell: str) -> Decimal | None:
    """The number that a cell holds, with its trailing zeros; a decimal comma is one, spaces part thousands."""
    text = cell.strip().replace("\u202f", "").replace("\u00a0", "").replace(" ", "")
    if "," in text and "." not in text:
        text = text.replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def outside(pair: Pair) -> bool:
    """Whether two figures are further apart than their limit; zero and another sign are apart from anything."""
    if abs(pair.value - pair.other) <= pair.difference:
        return False
    ratio = ratio_of(pair.value, pair.other)
    return ratio is None or ratio > pair.limit or (pair.value < 0) != (pair.other < 0)


def vintage_pairs(rows: Columns, declared: Comparable) -> list[Pair]:
    """Every row with the same path in the vintage before.

    Where the vintage before has no such path, the one before it counts, as long as those between are in the table:
    otherwise nobody knows whether they have it.
    """
    if "vintages" not in rows.memo:
        rows.memo["vintages"] = list(_vintage_pairs(rows, declared))
    found: list[Pair] = rows.memo["vintages"]
    return found


def _vintage_pairs(rows: Columns, declared: Comparable) -> list[Pair]:
    found = []
    units = rows.text("unit")
    for edition, (start, stop) in rows.editions.items():
        before = rows.earlier[edition]
        limit = declared.vintages.get(edition.rpartition("/")[0], declared.vintages[""])
        rounding = declared.round_of(edition).absolute
        for place in range(start, stop):
            path = rows.keys[place][len(edition) :]
            needs = []
            for earlier in before:
                if earlier not in rows.editions:
                    break
                needs.append(earlier)
                other = rows.places.get(earlier + path)
                if other is not None:
                    if units[other] == units[place]:
                        value = rows.values[other]
                        words = f"in {earlier}"
                        needed = ", ".join(needs)
                        found.append(Pair(place, rows.values[place], value, limit, rounding, earlier, needed, words))
                    break
    return found


def witness_pairs(rows: Columns, declared: Comparable) -> list[Pair]:
    """Every row of a concept with the median of each dataset of another publisher, in the concept's unit.

    A dataset of which a declared vintage is not in the table is half a witness: only gross differences count, since
    its median may be another when it is whole.
    """
    if "witnesses" not in rows.memo:
        rows.memo["witnesses"] = [pair for concept in declared.concepts for pair in _witness_pairs(rows, concept)]
    found: list[Pair] = rows.memo["witnesses"]
    return found


@dataclass(frozen=True, slots=True)
class _Figure:
    place: int
    value: Decimal
    year: int


def _witness_pairs(rows: Columns, concept: Concept) -> list[Pair]:
    found = []
    taken = rows.text("taken_from")
    for (_, _, per), datasets in _figures(rows, concept).items():
        for dataset, figures in datasets.items():
            publisher = dataset.partition("/")[0]
            for other, witnesses in datasets.items():
                if other.partition("/")[0] == publisher:
                    continue
                free = [w for w in witnesses if taken[w.place] != publisher]
                limit = concept.ratio if rows.whole(other) else max(concept.ratio, GROSS)
                for figure in figures:
                    near = [
                        w.value
                        for w in free
                        if (concept.years is None or abs(w.year - figure.year) <= concept.years)
                        and not (taken[w.place] and taken[w.place] == taken[figure.place])
                    ]
                    if near:
                        middle = median(near)
                        words = f"{concept.name}: {other} has {short(middle)} kg/{per}"
                        words += f" (median of {len(near)})" if len(near) > 1 else ""
                        found.append(
                            Pair(figure.place, figure.value, middle, limit, concept.difference, other, other, words)
                        )
    return found


def _figures(rows: Columns, concept: Concept) -> dict[tuple[str, str, str], dict[str, list[_Figure]]]:
    """(calorific basis, region, unit) -> dataset -> figures in kg per that unit."""
    found: dict[tuple[str, str, str], dict[str, list[_Figure]]] = defaultdict(lambda: defaultdict(list))
    units, statuses, regions = rows.text("unit"), rows.text("status"), rows.text("region")
    for pattern in concept.figures:
        for place, _ in rows.matching(pattern):
            if statuses[place] == "projection" or (concept.by_region and not regions[place]):
                continue
            scale = _scale(units[place], rows.text("gas")[place], rows.text("per")[place], concept.per)
            if scale is None:
                continue
            year = rows.data_years[place] or concept.undated.get(pattern.dataset) or rows.publication_years[place]
            group = (
                rows.text("calorific_basis")[place] if scale[2] else "",
                regions[place] if concept.by_region else "",
                scale[1],
            )
            found[group][pattern.dataset].append(_Figure(place, rows.values[place] * scale[0], year))
    return found


@cache
def _scale(unit: str, gas: str, per: str, wanted: tuple[str, ...]) -> tuple[Decimal, str, bool] | None:
    """(factor to kg per a wanted unit, that unit, whether it is an energy); None where none of them fits."""
    numerator = unit.partition("/")[0]
    name = gas if numerator.endswith(gas) and gas else ""
    try:
        mass = conversion(numerator, f"kg{name}" if name else "kg")[0]
    except UnitError:
        return None
    for target in wanted:
        try:
            below = conversion(per, target)[0]
        except UnitError:
            continue
        return mass / below, target, _is_energy(target)
    return None


@cache
def _is_energy(unit: str) -> bool:
    try:
        return conversion(unit, "kWh")[0] > 0
    except UnitError:
        return False


def sibling_pairs(rows: Columns, declared: Comparable) -> list[Pair]:
    """Every row of a family with the median of its siblings."""
    if "siblings" not in rows.memo:
        rows.memo["siblings"] = [pair for family in declared.siblings for pair in _sibling_pairs(rows, family)]
    found: list[Pair] = rows.memo["siblings"]
    return found


def families(rows: Columns, family: Siblings) -> dict[tuple[str, ...], list[int]]:
    """The rows of each family that is large enough, by what its members have in common."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    units, kinds, gases = rows.text("unit"), rows.text("kind"), rows.text("gas")
    for pattern in family.figures:
        for place, match in rows.matching(pattern):
            group = pattern.group(rows.keys[place], match)
            found[group, units[place], kinds[place], gases[place]].append(place)
    return {group: places for group, places in found.items() if len(places) > family.least}


def _sibling_pairs(rows: Columns, family: Siblings) -> list[Pair]:
    found = []
    for group, places in families(rows, family).items():
        if family.years is None:
            middles = medians_of_others([rows.values[place] for place in places])
        else:
            middles = _near_medians(rows, places, family.years)
        for place, middle in zip(places, middles, strict=True):
            if middle is not None and rows.values[place]:
                words = f"{family.name}: the median of its siblings is {short(middle)} {group[1]}"
                found.append(Pair(place, rows.values[place], middle, family.ratio, family.difference, "", "", words))
    return found


def median(values: Sequence[Decimal]) -> Decimal:
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def medians_of_others(values: Sequence[Decimal]) -> list[Decimal | None]:
    """For each value the median of all others that are not zero; None where there is no other."""
    ordered = sorted(value for value in values if value)
    found: list[Decimal | None] = []
    for value in values:
        own = bisect_left(ordered, value) if value else len(ordered)
        count = len(ordered) - (1 if value else 0)
        if not count:
            found.append(None)
            continue
        half = count // 2
        upper = ordered[half + (half >= own)] if value else ordered[half]
        if count % 2:
            found.append(upper)
        else:
            lower = ordered[half - 1 + (half - 1 >= own)] if value else ordered[half - 1]
            found.append((lower + upper) / 2)
    return found


def _near_medians(rows: Columns, places: Sequence[int], years: int) -> list[Decimal | None]:
    by_year: dict[int, list[int]] = defaultdict(list)
    for place in places:
        year = rows.data_years[place]
        if year is not None:
            by_year[year].append(place)
    found: list[Decimal | None] = []
    for place in places:
        year = rows.data_years[place]
        near = [
            rows.values[other]
            for step in range(-years, years + 1)
            for other in by_year.get((year or 0) + step, ())
            if other != place and rows.values[other] != ZERO
        ]
        found.append(median(near) if year is not None and len(near) >= 2 else None)
    return found
