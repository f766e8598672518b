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
_MOST = 1_000  # kinds of lines of one activity; more is no row of activity data, and is one finding


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
        """What lines of one row of activity data count twice: one finding for each set of lines that clash."""
        alike: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
        for line in group:
            alike[line.bucket, line.stage, line.method, line.gas, line.tranche, line.factors, line.part_of].append(line)
        kinds = list(alike.values())
        for same in kinds:
            for first, second in _again(same):
                yield self.clashing("twice", activity, first, second)
        if len(kinds) > _MOST:
            yield self.clashing("twice", activity, kinds[0], [line for same in kinds[1:] for line in same])
            return
        spots = [frozenset((line.place, line.period) for line in same) for same in kinds]
        clashes: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for one, other in combinations(range(len(kinds)), 2):
            found = self.clash(kinds[one][0], kinds[other][0])
            if found and (spots[one] == spots[other] or _not_apart(kinds[one], kinds[other])[0]):
                rule, other_first = found
                clashes[rule].append((other, one) if other_first else (one, other))
        for rule, pairs in clashes.items():
            gathered = _whole_sets if rule in {"twice", "two-scopes"} else _by_first
            for leader, others in gathered(pairs):
                second = [line for number in others for line in kinds[number]]
                yield self.clashing(rule, activity, kinds[leader], second)

    def clash(self, one: Line, other: Line) -> tuple[str, bool] | None:
        """The rule that two kinds of lines of one activity break, and whether ``other`` is the first side."""
        if one.method and other.method and one.method != other.method:
            return None  # the two methods are found once for the whole set
        if one.tranche != other.tranche and one.bucket == other.bucket:
            return None
        if _related(one, other):
            return None  # a whole and its part, or two parts of one whole
        if one.stage and other.stage and one.stage != other.stage:
            if not self.rules.overlap(one.stage, other.stage):
                return None
            return "stage-in-stage", one.stage in self.rules.contains.get(other.stage, ())
        if one.gas != other.gas:
            whole = "CO2e" in {one.gas, other.gas} and one.gas and other.gas
            return ("gases-and-whole", other.gas == "CO2e") if whole else None
        return ("two-scopes" if one.bucket != other.bucket else "twice"), False

    def clashing(self, rule: str, activity: str, first: Sequence[Line], second: Sequence[Line]) -> Finding:
        """A finding about lines of one activity."""
        a, b = _named(first), _named(second)
        message = {
            "twice": f"activity {activity} is counted in {a} and again in {b}",
            "gases-and-whole": f"{a} is CO2e of activity {activity}, {b} holds its gases again",
            "two-scopes": f"activity {activity} stands in {_places(first)} ({a}) and in {_places(second)} ({b})",
            "stage-in-stage": f"{a} covers {_stages(first)} of activity {activity}, {b} covers {_stages(second)} again",
        }[rule]
        return self.finding(rule, f"{activity} ({first[0].id}, {second[0].id})", first, second, message)

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


def _by_first(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    """Pairs as (first, all that go with it)."""
    groups: dict[int, list[int]] = defaultdict(list)
    for one, other in pairs:
        groups[one].append(other)
    yield from groups.items()


def _whole_sets(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    """Pairs as sets of all that hang together: (the lowest, the others)."""
    above: dict[int, int] = {}

    def top(number: int) -> int:
        while above.get(number, number) != number:
            above[number] = above.get(above[number], above[number])
            number = above[number]
        return number

    for one, other in pairs:
        low, high = sorted((top(one), top(other)))
        above[high] = above[low] = low
    groups: dict[int, list[int]] = defaultdict(list)
    for number in sorted(above):
        if top(number) != number:
            groups[top(number)].append(number)
    yield from groups.items()


def _named(lines: Sequence[Line]) -> str:
    more = f" and {len(lines) - _SHOWN:,} more" if len(lines) > _SHOWN else ""
    return f"{', '.join(line.id for line in lines[:_SHOWN])}{more}"


def _places(lines: Sequence[Line]) -> str:
    return ", ".join(dict.fromkeys(_name_of(line.bucket) for line in lines))


def _stages(lines: Sequence[Line]) -> str:
    return ", ".join(dict.fromkeys(line.stage for line in lines))


def _name_of(bucket: str) -> str:
    if not bucket:
        return "no named scope"
    return f"scope {bucket}" if bucket in {"1", "2", "3"} else f"category {bucket}"
