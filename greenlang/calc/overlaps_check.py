"""Comparing lines: what two of them, or one with itself, count twice.

Belongs here: findings. Does not belong here: what may be counted twice (``overlaps_rules``), totals
(``overlaps_total``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any

from greenlang.calc.overlaps_lines import METHODS, Line
from greenlang.calc.overlaps_rules import OverlapRules, declared_rules

_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Lines that count, or can count, the same emissions. ``first`` and ``second`` are ids of lines on the two sides.

    ``keys`` are the factor rows on both sides. A ``certain`` finding keeps a total from being made until a
    `Resolution` names its ``id``.
    """

    id: str
    rule: str
    certain: bool
    first: tuple[str, ...]
    second: tuple[str, ...]
    keys: tuple[str, ...]
    message: str
    why: str
    citation: str

    def __str__(self) -> str:
        return f"{'overlap' if self.certain else 'perhaps'} {self.id}: {self.message}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def check(lines: Iterable[Line], rules: OverlapRules | None = None) -> tuple[Finding, ...]:
    """Everything that two lines, or one line with itself, can count twice; certain findings first."""
    checker = _Checker([line for line in lines if not line.biogenic], rules or declared_rules())
    found = list(checker.findings())
    return tuple(sorted(found, key=lambda finding: (not finding.certain, finding.id)))


class _Checker:
    def __init__(self, lines: list[Line], rules: OverlapRules) -> None:
        self.lines = lines
        self.rules = rules
        self.by_activity: dict[str, list[Line]] = defaultdict(list)
        self.by_factor: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            if line.activity:
                self.by_activity[line.activity].append(line)
            for key in line.factors:
                self.by_factor[key].append(line)

    def findings(self) -> Iterator[Finding]:
        """All findings, in no particular order."""
        yield from self.parts()
        for activity, group in self.by_activity.items():
            if len(group) > 1:
                yield from self.of_one_activity(activity, group)
        yield from self.methods()
        yield from self.misplaced()
        yield from self.categories()

    def parts(self) -> Iterator[Finding]:
        """Totals beside their parts, by factor row."""
        pairs: dict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in self.lines:
            for part, whole in line.part_of:
                if whole in self.by_factor:
                    pairs[whole, part].append(line)
        for (whole, part), of_part in pairs.items():
            first, second = _not_apart(self.by_factor[whole], of_part)
            if first:
                message = f"ef://{whole} ({_named(first)}) holds ef://{part} ({_named(second)}), its part"
                yield self.finding("part-and-whole", f"{whole} > {part}", first, second, message, keys=(whole, part))

    def of_one_activity(self, activity: str, group: list[Line]) -> Iterator[Finding]:
        """What lines of one row of activity data count twice."""
        alike: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
        for line in group:
            alike[line.bucket, line.stage, line.method, line.gas, line.tranche, line.factors, line.part_of].append(line)
        for same in alike.values():
            for first, second in _again(same):
                yield self.twice(activity, first, second)
        for one, other in combinations(alike.values(), 2):
            first, second = _not_apart(one, other)
            if first:
                yield from self.pair(activity, first, second)

    def pair(self, activity: str, first: list[Line], second: list[Line]) -> Iterator[Finding]:
        """Two kinds of lines of one activity, each told by its first line."""
        one, other = first[0], second[0]
        if one.method and other.method and one.method != other.method:
            return  # the two methods are found once for the whole set
        if one.tranche != other.tranche and one.bucket == other.bucket:
            return
        if _related(one, other):
            return  # a whole and its part, or two parts of one whole
        if one.stage and other.stage and one.stage != other.stage:
            if self.rules.overlap(one.stage, other.stage):
                yield self.stages(activity, first, second)
            return
        if _co2e_beside_gas(one, other):
            message = f"{_named(first)} and {_named(second)} hold the same gases of activity {activity}"
            yield self.finding("gases-and-whole", _of(activity, first, second), first, second, message)
        elif one.gas == other.gas and one.bucket != other.bucket:
            places = " and in ".join(f"{_name_of(side[0].bucket)} ({_named(side)})" for side in (first, second))
            message = f"activity {activity} stands in {places}"
            yield self.finding("two-scopes", _of(activity, first, second), first, second, message)
        elif one.gas == other.gas:
            yield self.twice(activity, first, second)

    def stages(self, activity: str, first: list[Line], second: list[Line]) -> Finding:
        held_first = first[0].stage in self.rules.contains.get(second[0].stage, ())
        holder, held = (second, first) if held_first else (first, second)
        message = (
            f"{_named(holder)} covers {holder[0].stage}, {_named(held)} covers {held[0].stage} of it again, "
            f"both for activity {activity}"
        )
        return self.finding("stage-in-stage", _of(activity, holder, held), holder, held, message)

    def twice(self, activity: str, first: list[Line], second: list[Line]) -> Finding:
        message = f"activity {activity} is counted in {_named(first)} and again in {_named(second)}"
        return self.finding("twice", _of(activity, first, second), first, second, message)

    def methods(self) -> Iterator[Finding]:
        """Location-based and market-based lines of scope 2 in one set."""
        location, market = ([line for line in self.lines if line.method == method] for method in METHODS[1:])
        if location and market:
            message = f"{len(location):,} location-based and {len(market):,} market-based lines measure the same energy"
            yield self.finding("two-methods", "", location, market, message)

    def misplaced(self) -> Iterator[Finding]:
        """Supply and losses inside scope 1 or 2."""
        found = [line for line in self.lines if line.scope in {"1", "2"} and line.stage in self.rules.upstream]
        if found:
            message = f"{_named(found)} is WTT or T&D and stands in scope {found[0].scope}; it is 3.3"
            yield self.finding("misplaced", "", found, found, message)

    def categories(self) -> Iterator[Finding]:
        """Pairs of categories that can hold the same emissions."""
        by_bucket: dict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            by_bucket[line.bucket].append(line)
        for entry in self.rules.categories:
            one, other = entry.pair
            first, second = by_bucket.get(one, []), by_bucket.get(other, [])
            if one == "3.3" and other in {"3.4", "3.6", "3.7"}:
                first = [line for line in first if line.stage in {"", "WTT"}]
            first, second = _not_apart(first, second)
            if first:
                place = f"{one} + {other}"
                message = f"{_name_of(one)} and {_name_of(other)} can hold the same emissions: {entry.why}"
                found = self.finding("categories", place, first, second, message)
                yield replace(found, why=entry.why, citation=entry.citation)

    def finding(
        self,
        rule: str,
        place: str,
        first: Sequence[Line],
        second: Sequence[Line],
        message: str,
        *,
        keys: Collection[str] = (),
    ) -> Finding:
        declared = self.rules.rules[rule]
        return Finding(
            id=f"{rule}: {place}" if place else rule,
            rule=rule,
            certain=declared.certain,
            first=tuple(line.id for line in first),
            second=tuple(line.id for line in second),
            keys=tuple(keys) or tuple(dict.fromkeys(key for line in (*first, *second) for key in line.factors)),
            message=message,
            why=declared.why,
            citation=declared.citation,
        )


def _not_apart(first: Iterable[Line], second: Iterable[Line]) -> tuple[list[Line], list[Line]]:
    """The lines of both sides that somewhere meet: not in two named places, nor in two named periods."""
    one, other = list(first), list(second)
    here = {(line.place, line.period) for line in one}
    there = {(line.place, line.period) for line in other}

    def met(spot: tuple[str, str], spots: set[tuple[str, str]]) -> bool:
        return any(
            (not spot[0] or not place or spot[0] == place) and (not spot[1] or not period or spot[1] == period)
            for place, period in spots
        )

    near_here = {spot for spot in here if met(spot, there)}
    near_there = {spot for spot in there if met(spot, here)}
    return (
        [line for line in one if (line.place, line.period) in near_here],
        [line for line in other if (line.place, line.period) in near_there],
    )


def _again(same: list[Line]) -> Iterator[tuple[list[Line], list[Line]]]:
    """Lines of one kind that are there more than once, somewhere and sometime."""
    spots: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in same:
        spots[line.place, line.period].append(line)
    for lines in spots.values():
        if len(lines) > 1:
            yield lines[:1], lines[1:]
    for one, other in combinations(spots.values(), 2):
        first, second = _not_apart(one, other)
        if first:
            yield first, second


def _related(one: Line, other: Line) -> bool:
    """Whether the factors are parts of one whole, or one of the other: that is for another rule, or no overlap."""
    if one.wholes & other.wholes and one.factors != other.factors:
        return True
    return bool(one.wholes & set(other.factors) or other.wholes & set(one.factors))


def _co2e_beside_gas(one: Line, other: Line) -> bool:
    return one.gas != other.gas and "CO2e" in {one.gas, other.gas} and bool(one.gas) and bool(other.gas)


def _of(activity: str, first: Sequence[Line], second: Sequence[Line]) -> str:
    return f"{activity} ({first[0].id}, {second[0].id})"


def _named(lines: Sequence[Line]) -> str:
    more = f" and {len(lines) - _SHOWN:,} more" if len(lines) > _SHOWN else ""
    return f"{', '.join(line.id for line in lines[:_SHOWN])}{more}"


def _name_of(bucket: str) -> str:
    if not bucket:
        return "no named scope"
    return f"scope {bucket}" if bucket in {"1", "2", "3"} else f"category {bucket}"
