"""Rows by activity, in groups that are alike in everything that never relaxes: built when asked, kept once built.

Belongs here: columns, names, groups. Does not belong here: the rule (``select``), units.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlang.factors.aliases import Alias, Aliases, normalise
from greenlang.factors.model import Factor
from greenlang.factors.select_convert import is_energy, per_fits
from greenlang.factors.select_groups import GROUPED, Group, Row
from greenlang.factors.select_rule import Rule, YearRule
from greenlang.factors.standing import Standing, restricted
from greenlang.factors.table import FactorTable

if TYPE_CHECKING:
    from greenlang.factors.select_suggest import Suggestions

_DATED = ("reporting_year", "data_year", "publication_year", "price_year", "vintage")
_KEPT = 65_536  # names whose meaning is kept
_WHOLE_KINDS = frozenset({"factor", "gwp", "property"})


class Named(NamedTuple):
    """An activity of a dataset that a value names. ``source`` is the dataset by which it was named."""

    source: str
    dataset: str
    activity: str
    how: str


class Meant(NamedTuple):
    """What an activity's name means: groups, each with the datasets by which it was named; in words; how many rows."""

    groups: tuple[tuple[Group, frozenset[str]], ...]
    all_groups: tuple[Group, ...]
    text: str
    rows: int


class Index:
    """The rows of a table by activity."""

    def __init__(self, table: FactorTable, rule: Rule, aliases: Aliases) -> None:
        self._table = table
        self._rule = rule
        self._aliases = aliases
        self._groups: dict[tuple[str, str], tuple[Group, ...]] = {}
        self._meant: dict[str, Meant | None] = {}
        self._year_rules: dict[str, YearRule] = {}
        self._years: dict[tuple[Any, ...], tuple[int | None, int, Any, str]] = {}  # dataset and years -> what they mean

    @cached_property
    def _standings(self) -> list[Standing]:
        return self._table.standings()

    @cached_property
    def _grouped(self) -> list[list[Any]]:
        return [self._table.column(name) for name in GROUPED]

    @cached_property
    def _dated(self) -> list[list[Any]]:
        return [self._table.column(name) for name in _DATED]

    @cached_property
    def _regions(self) -> list[str]:
        return self._table.column("region")

    @cached_property
    def _parts_of(self) -> list[str]:
        return self._table.column("part_of")

    @cached_property
    def taken_from(self) -> list[str]:
        """By number of the row: the publisher or dataset that the figure was taken over from."""
        return self._table.column("taken_from")

    def whole_of(self, number: int) -> str:
        """Key of the whole that the row is a part of, or empty."""
        return self._parts_of[number]

    @cached_property
    def _activities(self) -> dict[str, dict[str, list[int]]]:
        """Activity -> dataset -> rows; a row that repeats another's cell is left to that one."""
        found: dict[str, dict[str, list[int]]] = {}
        columns = (self._table.column(name) for name in ("activity", "publisher", "dataset"))
        repeated = {number for number, standing in enumerate(self._standings) if standing.same_as}
        for number, (activity, publisher, dataset) in enumerate(zip(*columns, strict=True)):
            by_dataset = found.get(activity)
            if by_dataset is None:
                by_dataset = found[activity] = {}
            name = _joined(publisher, dataset)
            if number not in repeated:
                by_dataset.setdefault(name, []).append(number)
        return found

    @cached_property
    def _twins(self) -> dict[tuple[str, str], set[tuple[str, str]]]:
        """Dataset and activity of rows that repeat another's cell -> those of the other row."""
        found: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for row, other in self._repeated:
            place = (_joined(row.publisher, row.dataset), row.activity)
            found.setdefault(place, set()).add((_joined(other.publisher, other.dataset), other.activity))
        return found

    @cached_property
    def _repeated(self) -> list[tuple[Factor, Factor]]:
        """Rows that repeat another's cell, each with the other row."""
        pairs = ((number, self._table.get(s.same_as)) for number, s in enumerate(self._standings) if s.same_as)
        return [(self._table.at(number), other) for number, other in pairs if other is not None]

    @cached_property
    def _twin_editions(self) -> dict[tuple[str, str, str], str]:
        """Dataset and edition of a row that repeats another's cell, dataset of the other -> the other's edition."""
        return {
            (_joined(row.publisher, row.dataset), row.vintage, _joined(other.publisher, other.dataset)): other.vintage
            for row, other in self._repeated
        }

    def edition_meant(self, source: str, vintage: str, dataset: str) -> str:
        """The edition of ``dataset`` that ``source``/``vintage`` means: its own, or the one whose cells it repeats."""
        return vintage if source == dataset else self._twin_editions.get((source, vintage, dataset), "")

    def repeats(self, number: int, path: str) -> bool:
        """Whether the row repeats the cell of another row below ``path``."""
        return self._standings[number].same_as.startswith(f"{path}/")

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._activities)

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        """Every path that begins another, whole segments."""
        found: set[str] = set()
        for activity in self._activities:
            start, slash, _ = activity.rpartition("/")
            while slash and start not in found:
                found.add(start)
                start, slash, _ = start.rpartition("/")
        return frozenset(found)

    @cached_property
    def datasets(self) -> frozenset[str]:
        """Every ``publisher/dataset``."""
        found = {name for by_dataset in self._activities.values() for name in by_dataset}
        return frozenset(found | {dataset for dataset, _ in self._twins})

    def editions_of(self, dataset: str) -> tuple[str, ...]:
        """The editions of ``publisher/dataset``, in natural order."""
        return self._editions.get(dataset, ())

    @cached_property
    def _editions(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        columns = [self._table.column(name) for name in ("publisher", "dataset", "vintage")]
        for publisher, dataset, vintage in set(zip(*columns, strict=True)):
            found.setdefault(_joined(publisher, dataset), set()).add(vintage)
        return {dataset: tuple(sorted(editions, key=_natural)) for dataset, editions in found.items()}

    @cached_property
    def suggestions(self) -> Suggestions:
        """What an everyday word may mean: among activities with a whole figure for inventories, and the aliases."""
        from greenlang.factors.select_suggest import Suggestions

        found: dict[str, set[str]] = {}
        names = ("activity", "name", "category", "kind", "permitted_use", "status")
        columns = [self._table.column(name) for name in names]
        for activity, name, category, kind, use, status in zip(*columns, strict=True):
            if kind in _WHOLE_KINDS and use == "inventory" and status == "valid":
                found.setdefault(activity, set()).add(name or category)
        known = [alias for alias in self._alias_targets if any(self._by_alias(alias))]
        return Suggestions({**dict.fromkeys(known, ()), **found})

    @cached_property
    def publishers(self) -> frozenset[str]:
        """Every publisher."""
        return frozenset(name.partition("/")[0] for name in self.datasets)

    @cached_property
    def regions(self) -> frozenset[str]:
        """Every region of the table."""
        return frozenset(self._regions)

    @cached_property
    def region_names(self) -> dict[str, set[str]]:
        """The publishers' own words for a region -> the regions."""
        found: dict[str, set[str]] = {}
        for name, region in set(zip(self._table.column("region_name"), self._regions, strict=True)):
            if name and region:
                found.setdefault(normalise(name), set()).add(region)
        return found

    @cached_property
    def listed(self) -> dict[str, set[str]]:
        """Dataset -> every region that it gives any figure for."""
        found: dict[str, set[str]] = {}
        for publisher, dataset, region in set(zip(*self._grouped[:2], self._regions, strict=True)):
            found.setdefault(_joined(publisher, dataset), set()).add(region)
        return found

    @cached_property
    def _alias_targets(self) -> dict[str, list[tuple[str, Alias]]]:
        """Alias -> (dataset, what it means there)."""
        found: dict[str, list[tuple[str, Alias]]] = {}
        for dataset, entries in self._aliases.activities.items():
            for entry in entries:
                for value in entry.values:
                    found.setdefault(value, []).append((dataset, entry))
        return found

    @cached_property
    def _codes(self) -> dict[str, dict[str, list[str]]]:
        """Dataset whose activities are codes -> code -> activities."""
        found: dict[str, dict[str, list[str]]] = {name: {} for name in self._aliases.longest_prefix}
        for activity, by_dataset in self._activities.items():
            for dataset in by_dataset.keys() & found.keys():
                found[dataset].setdefault(activity.partition("/")[0], []).append(activity)
        return found

    def meant(self, value: str) -> Meant | None:
        """The groups that an activity's name means, or None; see `named`."""
        if value not in self._meant:
            if len(self._meant) >= _KEPT:
                self._meant.clear()
            self._meant[value] = self._mean(value)
        return self._meant[value]

    def _mean(self, value: str) -> Meant | None:
        named = self.named(value) or self.named(_without_accents(value))
        if not named:
            return None
        places: dict[tuple[str, str], set[str]] = {}
        for entry in named:
            places.setdefault((entry.dataset, entry.activity), set()).add(entry.source)
        groups: list[tuple[Group, frozenset[str]]] = []
        for place, sources in places.items():
            by = frozenset(sources)
            groups += [(group, by) for group in self.groups(*place)]
        activities = sorted({activity for _, activity in places})
        more = f" and {len(activities) - 1} more" if len(activities) > 1 else ""
        hows = "; ".join(dict.fromkeys([entry.how for entry in named[:3]]))
        alone = tuple([group for group, _ in groups])
        rows = sum([len(group.numbers) for group in alone])
        return Meant(tuple(groups), alone, f"{activities[0]}{more}: {hows}", rows)

    def named(self, value: str) -> tuple[Named, ...]:
        """The activities that a value names, dataset by dataset the first of these that fits.

        The longest code; the publisher's path; a reviewed alias; the beginning of paths, whole segments. A code comes
        before a path, since one country's row may carry the bare code and another's the code with its production route.
        """
        wanted = normalise(value).strip("/")
        if not wanted:
            return ()
        done: set[str] = set()
        found: list[Named] = []
        for step in (self._by_code, self._by_path, self._by_alias, self._by_beginning):
            more = [named for named in step(wanted) if named.source not in done]
            if more:
                done.update([named.source for named in more])
                found += more
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)

    def _by_path(self, wanted: str) -> Iterator[Named]:
        for dataset, numbers in self._activities.get(wanted, {}).items():
            if numbers:
                yield Named(dataset, dataset, wanted, "the publisher's path")
        for dataset in self._twin_datasets.get(wanted, ()):
            for other, activity in sorted(self._twins[dataset, wanted]):
                yield Named(dataset, other, activity, f"the same cells as {dataset}: {wanted}")

    @cached_property
    def _twin_datasets(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for dataset, activity in sorted(self._twins):
            found.setdefault(activity, []).append(dataset)
        return found

    def _by_alias(self, wanted: str) -> Iterator[Named]:
        for dataset, entry in self._alias_targets.get(wanted, ()):
            for target in entry.targets:
                for named in self._by_path(target):
                    if named.source == dataset:
                        yield Named(dataset, named.dataset, named.activity, f"alias: {entry.evidence}")

    def _by_code(self, wanted: str) -> Iterator[Named]:
        if not wanted.isdigit():
            return
        for dataset, codes in self._codes.items():
            longest = next((wanted[:n] for n in range(len(wanted), 1, -1) if wanted[:n] in codes), None)
            for activity in codes.get(longest or "", ()):
                yield Named(dataset, dataset, activity, f"the longest code that begins {wanted}")

    def _by_beginning(self, wanted: str) -> list[Named]:
        found: list[Named] = []
        if wanted not in self._beginnings:
            return found
        prefix = f"{wanted}/"
        for place in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            activity = self._sorted[place]
            if not activity.startswith(prefix):
                break
            for dataset, numbers in self._activities[activity].items():
                if numbers:
                    found.append(Named(dataset, dataset, activity, "below that path of the publisher"))
        return found

    def groups(self, dataset: str, activity: str) -> tuple[Group, ...]:
        """The groups of one activity of one dataset."""
        place = (dataset, activity)
        groups = self._groups.get(place)
        if groups is None:
            groups = self._groups[place] = self.grouped(self._activities[activity][dataset], activity)
        return groups

    def warm(self) -> None:
        """Build every group now, and compare the units of each activity, so that no later request pays for it."""
        pairs: set[tuple[str, str]] = set()
        for activity, by_dataset in self._activities.items():
            units = {group.per for dataset in by_dataset for group in self.groups(dataset, activity)}
            pairs.update(permutations(units, 2))
        for pair in pairs:
            per_fits(*pair)
        for per in set(self._grouped[GROUPED.index("per")]):
            is_energy(per)
        _ = (
            self._twin_datasets,
            self._codes,
            self._alias_targets,
            self._beginnings,
            self._sorted,
            self.datasets,
            self.publishers,
        )

    def grouped(self, numbers: Iterable[int], activity: str, *, by_key: bool = False) -> tuple[Group, ...]:
        """Rows in groups. ``by_key``: the rows were named by their keys, so their standing keeps none out."""
        found: dict[tuple[Any, ...], Group] = {}
        for number in numbers:
            values = tuple([column[number] for column in self._grouped])
            closed = "" if by_key else self._closed(number, values)
            group = found.get((closed, values))
            if group is None:
                group = found[closed, values] = Group(activity, closed, values)
            group.add(self._regions[number], self._row(number, group.dataset))
        return tuple(found.values())

    def _closed(self, number: int, values: tuple[Any, ...]) -> str:
        standing = self._standings[number]
        if standing.finding:
            return f"a finding of the gates keeps it out ({standing.finding})"
        if (status := values[13]) != "valid":
            return f"its status is {status}"
        if values[2] in _WHOLE_KINDS and self._parts_of[number]:
            return "it is a part of another figure"
        if restricted(self.taken_from[number]):
            return f"it is quoted from {self.taken_from[number]}, whose licence forbids redistribution"
        return ""

    def _row(self, number: int, dataset: str) -> Row:
        dated = (dataset, *[column[number] for column in self._dated])
        known = self._years.get(dated)
        if known is None:
            values = dict(zip(_DATED, dated[1:], strict=True))
            own, after = self.year_rule(dataset).stands(values)
            edition = (values["publication_year"], _natural(values["vintage"]))
            known = self._years[dated] = (own, after, edition, values["vintage"])
        own, after, edition, vintage = known
        return Row(own, after, edition, number, vintage)

    def year_rule(self, dataset: str) -> YearRule:
        """How the dataset's years meet the asked one."""
        if dataset not in self._year_rules:
            self._year_rules[dataset] = self._rule.year_rule(dataset)
        return self._year_rules[dataset]


@lru_cache(maxsize=4096)
def _joined(publisher: str, dataset: str) -> str:
    return f"{publisher}/{dataset}"


def _without_accents(value: str) -> str:
    """Letters without their accents: no two activities differ in these alone."""
    plain = value.lower().replace("\u0153", "oe").replace("\u00e6", "ae").replace("\u00df", "ss")
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()


@lru_cache(maxsize=4096)
def _natural(vintage: str) -> tuple[tuple[int, str], ...]:
    """22.0 comes before 100, ar5 before ar6."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", vintage))
