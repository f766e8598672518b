"""What people call an activity or a region, and what a publisher calls it: reviewed, with evidence.

Belongs here: reading `emission_factors/aliases` and matching values against rows. Does not belong here: guesses.
A value that several activities fit is returned with all of them, and whoever asked refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.model import Factor


@dataclass(frozen=True, slots=True)
class Alias:
    """``values`` mean ``targets``; ``evidence`` says why."""

    values: tuple[str, ...]
    targets: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class Aliases:
    """Every reviewed alias.

    ``activities`` is by ``publisher/dataset``. ``longest_prefix`` holds the datasets whose activities are codes,
    where the longest code that begins a value is the one that counts.
    """

    activities: dict[str, tuple[Alias, ...]]
    regions: tuple[Alias, ...]
    publishers: tuple[Alias, ...]
    longest_prefix: dict[str, str]

    def meanings(self, value: str) -> dict[str, tuple[str, ...]]:
        """By dataset: the activities that ``value`` stands for."""
        wanted = normalise(value)
        found = {}
        for dataset, entries in self.activities.items():
            targets = sorted({t for entry in entries if wanted in entry.values for t in entry.targets})
            if targets:
                found[dataset] = tuple(targets)
        return found


def normalise(value: str) -> str:
    """Lower case, with ``_`` and spaces as ``-``."""
    return re.sub(r"[\s_]+", "-", value.strip().lower())


def read_aliases(folder: Path) -> Aliases:
    """The files of ``folder``. Raises FactorTableError where an alias lacks its evidence or stands twice."""
    content: Any = read_yaml(folder / "activities.yaml")
    if not isinstance(content, dict) or set(content) != {"aliases", "longest_prefix"}:
        raise FactorTableError("activities.yaml: must hold `aliases` and `longest_prefix` and nothing else")
    activities = {
        str(dataset): _entries("activities.yaml", str(dataset), entries, "activities")
        for dataset, entries in content["aliases"].items()
    }
    prefixes = {str(dataset): str(evidence) for dataset, evidence in content["longest_prefix"].items()}
    regions = _entries("regions.yaml", "regions", read_yaml(folder / "regions.yaml"), "regions")
    publishers = _entries("publishers.yaml", "publishers", read_yaml(folder / "publishers.yaml"), "publishers")
    return Aliases(activities, regions, publishers, prefixes)


@cache
def declared_aliases() -> Aliases:
    """The aliases of this installation."""
    return read_aliases(data() / "emission_factors" / "aliases")


def match_activity(rows: Iterable[Factor], value: str, aliases: Aliases | None = None) -> tuple[str, ...]:
    """The activities of ``rows`` that ``value`` means, sorted; none, one, or several (ambiguous).

    Per dataset the first of these that fits: the very name; a reviewed alias; the longest code (CN codes); a
    whole segment of the name ("landfilled" in mixed-msw/landfilled); the heading that the publisher prints above
    the rows, or its first word ("coal" of Coal and Coke).
    """
    known = aliases or declared_aliases()
    wanted = normalise(value)
    datasets: dict[str, dict[str, str]] = {}
    for row in rows:
        datasets.setdefault(f"{row.publisher}/{row.dataset}", {})[row.activity] = row.category
    found: set[str] = set()
    for dataset, activities in datasets.items():
        found.update(_match(dataset, activities, wanted, known))
    return tuple(sorted(found))


def match_region(rows: Iterable[Factor], value: str, aliases: Aliases | None = None) -> tuple[str, ...]:
    """The regions of ``rows`` that ``value`` means: the very code, or a reviewed alias ("UK" is GB)."""
    known = aliases or declared_aliases()
    regions = {row.region for row in rows if row.region}
    wanted = normalise(value)
    exact = {region for region in regions if region.lower() == wanted}
    named = {t for entry in known.regions if wanted in entry.values for t in entry.targets}
    return tuple(sorted(exact or (named & regions)))


def _match(dataset: str, activities: dict[str, str], wanted: str, known: Aliases) -> set[str]:
    if not wanted:
        return set()
    if wanted in activities:
        return {wanted}
    named = {t for entry in known.activities.get(dataset, ()) if wanted in entry.values for t in entry.targets}
    if named & set(activities):
        return named & set(activities)
    if dataset in known.longest_prefix and wanted.isdigit():
        codes = {a.partition("/")[0] for a in activities}
        longest = max((c for c in codes if wanted.startswith(c)), key=len, default=None)
        return {a for a in activities if a.partition("/")[0] == longest}
    segments = {a for a in activities if wanted in a.split("/")}
    if segments:
        return segments
    heading = re.compile(re.escape(wanted) + r"(-(and|fuels|products)(-.+)?)?")
    return {a for a, category in activities.items() if heading.fullmatch(category)}


def _entries(file: str, where: str, entries: Any, targets: str) -> tuple[Alias, ...]:
    result = []
    seen: set[str] = set()
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != {"values", targets, "evidence"}:
            raise FactorTableError(f"{file}: {where}: an alias has `values`, `{targets}` and `evidence`: {entry!r}")
        values = tuple(str(value) for value in entry["values"])
        for value in values:
            if value != normalise(value):
                raise FactorTableError(f"{file}: {where}: `{value}` must be lower case with `-`")
            if value in seen:
                raise FactorTableError(f"{file}: {where}: `{value}` stands twice")
            seen.add(value)
        if not str(entry["evidence"]).strip() or not entry[targets]:
            raise FactorTableError(f"{file}: {where}: `{values[0]}` lacks its evidence or its {targets}")
        result.append(Alias(values, tuple(str(t) for t in entry[targets]), str(entry["evidence"]).strip()))
    return tuple(result)
