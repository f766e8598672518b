"""Regions and years of a selection: which rows stand for the asked ones, and how far each stage relaxes.

Belongs here: what a region means, containment, years by the publisher's rule, the order of relaxing. Does not belong
here: the words that never relax.

The order: the asked region and year; a figure for everywhere; then, if years may relax, the same two with the year
nearest to the asked one; then, if the region may relax, region by region outwards, first with the asked year.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Literal

from greenlang.factors.aliases import Aliases, normalise
from greenlang.factors.readers._regions import iso2
from greenlang.factors.select_groups import Group, Row
from greenlang.factors.select_index import Index
from greenlang.factors.select_model import SHOWN, Request
from greenlang.factors.select_offers import Offer, Proposal
from greenlang.factors.select_rule import Rule

EVERYWHERE = ""
_SUBDIVISION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")  # ISO 3166-2
_DEEPEST = 4  # containing regions, one above the other
_SETS = 4  # datasets whose nearest years a sentence names


@dataclass(frozen=True, slots=True)
class Stage:
    """One try: which region, and whether the year may be off."""

    level: Literal["any", "asked", "everywhere", "containing", "fall-back"]
    depth: int = 0
    years: bool = False

    @property
    def relaxes(self) -> bool:
        """Whether region or year is another than the asked one."""
        return self.years or self.level in {"containing", "fall-back"}


@lru_cache(maxsize=64)
def stages(region: bool, relax_region: bool, relax_years: bool) -> tuple[Stage, ...]:
    """The tries in their order."""
    near = (False, True) if relax_years else (False,)
    if not region:
        return tuple(Stage("any", years=years) for years in near)
    found = [Stage(level, years=years) for years in near for level in ("asked", "everywhere")]
    if relax_region:
        found += [Stage("containing", depth, years) for depth in range(_DEEPEST) for years in near]
        found += [Stage("fall-back", years=years) for years in near]
    return tuple(found)


def off(row: Row, year: int) -> int:
    """How many years a row is off the asked year, beyond what the publisher's rule allows; 0 where it stands for it."""
    if row.own_year is None:
        return 0
    if year < row.own_year:
        return row.own_year - year
    return max(0, year - row.own_year - row.after)


class Places:
    """What regions and years mean in one table."""

    def __init__(self, rule: Rule, index: Index, aliases: Aliases) -> None:
        self._rule = rule
        self._index = index
        self._aliases = aliases
        self._chains: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._meant: dict[str, tuple[str, ...]] = {}

    def region(self, value: str) -> tuple[str, ...]:
        """The codes that a value means: an alias, a country, a code of the table, a publisher's own words."""
        found = self._meant.get(value)
        if found is None:
            found = self._meant[value] = self._region(value.strip())
        return found

    def _region(self, value: str) -> tuple[str, ...]:
        code, wanted = value.upper(), normalise(value)
        named = {target for entry in self._aliases.regions if wanted in entry.values for target in entry.targets}
        if named:
            return tuple(sorted(named))
        country = iso2(value) or iso2(code)
        if country:
            return (country,)
        if code and (code in self._index.regions or code in self._rule.known_regions):
            return (code,)
        own = self._index.region_names.get(wanted)
        if own:
            return tuple(sorted(own))
        return (code,) if _SUBDIVISION.fullmatch(code) and iso2(code[:2]) else ()

    def warm(self) -> None:
        """Build now what the regions of a request are looked up in."""
        _ = self._index.regions, self._index.region_names, self._index.listed, self._rule.known_regions

    def publisher_meant(self, value: str) -> str:
        """The publisher that a name in use stands for, for a hint; or empty."""
        wanted = normalise(value)
        return next((entry.targets[0] for entry in self._aliases.publishers if wanted in entry.values), "")

    def containing(self, region: str, publisher: str) -> list[tuple[str, str]]:
        """``(region, why)`` of those that contain ``region`` in the sense of the publisher, the nearest first."""
        place = (region, publisher)
        if place not in self._chains:
            self._chains[place] = list(self._rule.containing(region, publisher))
        return self._chains[place]

    def place(self, stage: Stage, group: Group, region: str) -> str | None:
        """The region in which a stage looks for the rows of a group; None where there is none."""
        if stage.level == "asked":
            return region
        if stage.level == "everywhere":
            return EVERYWHERE
        if stage.level == "containing":
            above = self.containing(region, group.publisher)
            return above[stage.depth][0] if stage.depth < len(above) else None
        entry = self._rule.fall_back(group.dataset)
        listed = region in self._index.listed.get(group.dataset, ())
        return entry.region if entry and not listed else None

    def rows(self, stage: Stage, group: Group, region: str | None, request: Request) -> Iterable[tuple[str, Row]]:
        """The rows of a group that a stage finds, each with its region."""
        if region is None:
            inside: Iterator[tuple[str, Row]] = chain.from_iterable(
                ((place, row) for row in rows) for place, rows in group.regions.items()
            )
        else:
            place = self.place(stage, group, region)
            if place is None or place not in group.regions:
                return ()
            inside = ((place, row) for row in group.regions[place])
        year = request.year
        if year is None:
            return () if stage.years else list(inside)
        if stage.years:
            return [(place, row) for place, row in inside if 0 < off(row, year) <= request.relax_years]
        return [(place, row) for place, row in inside if off(row, year) == 0]

    def text(self, place: str, row: Row, group: Group, request: Request) -> str:
        """The region and year of a row against the asked ones, in words."""
        parts = []
        if request.region is not None:
            parts.append(f"for {place}" if place else "for everywhere")
        if request.year is not None:
            parts.append(self._year_text(row, group, request.year))
        return ", ".join(parts) or "neither was said"

    def _year_text(self, row: Row, group: Group, year: int) -> str:
        if row.own_year is None:
            return f"for {year}, as for every year"
        if row.own_year == year:
            return f"for {year}"
        if off(row, year):
            return f"of {row.own_year}"
        return f"of {row.own_year}, which stands for {year} ({self._index.year_rule(group.dataset).why})"

    def relaxed(
        self, stage: Stage, place: str, row: Row, group: Group, region: str | None, year: int | None
    ) -> list[str]:
        """What a stage relaxed for a row, in words."""
        found = []
        if stage.level == "containing" and region is not None:
            whys = "; ".join(why for _, why in self.containing(region, group.publisher)[: stage.depth + 1])
            found.append(f"region {region} to {place} ({whys})")
        elif stage.level == "fall-back":
            entry = self._rule.fall_back(group.dataset)
            found.append(f"region {region} to {place} ({entry.why if entry else ''})")
        if stage.years and year is not None:
            years = off(row, year)
            found.append(f"year {year} to {row.own_year} ({years} {'year' if years == 1 else 'years'} off)")
        return found

    def offers(self, groups: list[Group], region: str | None, request: Request) -> Proposal:
        """What would give a figure where none was found."""
        offers = [*self._years(groups, region, request), *self._above(groups, region, request)]
        there = sorted({place or "everywhere" for group in groups for place in group.regions})
        more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
        both = self._years_above(groups, region, request)
        return Proposal(tuple(offers), tuple(both), otherwise=f"there is one for {', '.join(there[:SHOWN])}{more}")

    def _years(self, groups: list[Group], region: str | None, request: Request) -> Iterator[Offer]:
        """Another year in the asked region, or for everywhere."""
        year = request.year
        if year is None:
            return
        here = [
            (group, row)
            for group in groups
            for place, rows in group.regions.items()
            if region is None or place in {region, EVERYWHERE}
            for row in rows
        ]
        dated = [(group, row) for group, row in here if row.own_year]
        if dated:
            _, near = min(dated, key=lambda one: (off(one[1], year), one[1].own_year or 0))
            noun = "edition" if str(near.own_year) in near.vintage else "figure"
            says = f"no {noun} loaded answers for {year} (nearest: {_nearest(dated, year)})"
            yield Offer(says, "allows", ({"relax_years": off(near, year)},), allowed=str(near.own_year))
        elif here:
            yield Offer("the figures there say no year", "leave out", ({"year": None},))

    def _above(self, groups: list[Group], region: str | None, request: Request) -> Iterator[Offer]:
        """The regions that contain the asked one."""
        if region is None or request.relax_region:
            return
        for stage in stages(True, True, False):
            if stage.level in {"containing", "fall-back"}:
                found = sorted({place for group in groups for place, _ in self.rows(stage, group, region, request)})
                if found:
                    yield Offer(f"there is one for {found[0]}", "allows", ({"relax_region": True},))
                    return

    def _years_above(self, groups: list[Group], region: str | None, request: Request) -> Iterator[Offer]:
        """Another year in the regions that contain the asked one, the nearest region first."""
        year = request.year
        if region is None or year is None:
            return
        for stage in stages(True, True, False):
            if stage.level not in {"containing", "fall-back"}:
                continue
            rows = [
                (place, row)
                for group in groups
                if (place := self.place(stage, group, region)) is not None
                for row in group.regions.get(place, ())
                if row.own_year
            ]
            if rows:
                place, near = min(rows, key=lambda one: (off(one[1], year), one[1].own_year or 0, one[0]))
                changes = {"relax_region": True, "relax_years": off(near, year)}
                yield Offer(f"there is one for {place} of {near.own_year}", "allows", (changes,))


def _nearest(dated: Iterable[tuple[Group, Row]], year: int) -> str:
    """The nearest years below and above the asked one, dataset by dataset: ``desnz/fuels 2022 and 2024``."""
    years: dict[str, set[int]] = {}
    for group, row in dated:
        years.setdefault(group.dataset, set()).add(row.own_year or 0)
    texts = []
    for dataset, own in sorted(years.items()):
        around = [max((y for y in own if y < year), default=None), min((y for y in own if y > year), default=None)]
        shown = " and ".join(str(y) for y in around if y is not None)
        texts.append(f"{dataset} {shown}")
    return ", ".join(texts[:_SETS]) + (", ..." if len(texts) > _SETS else "")
