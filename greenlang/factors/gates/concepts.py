"""What may be compared with what: `emission_factors/concepts.yaml`, read once.

Belongs here: the declarations and their checks. Does not belong here: comparing, figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.gates.columns import Pattern


@dataclass(frozen=True, slots=True)
class Rounding:
    """What a publisher's own rounding makes figures differ by: ``absolute`` in the row's unit, ``relative`` of 1."""

    absolute: Decimal
    relative: Decimal


@dataclass(frozen=True, slots=True)
class Concept:
    """One activity that several publishers have figures for."""

    name: str
    ratio: Decimal  # a figure further than this from another publisher's is a finding
    difference: Decimal  # if it differs by more than this as well, in kg per the unit of `per`
    per: tuple[str, ...]  # units that figures are brought to; others are not compared
    by_region: bool
    years: int | None  # figures of years further apart are not compared
    undated: dict[str, int]  # dataset -> the year that its undated figures stand for
    figures: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Siblings:
    """Figures of one table that differ in one respect only, such as the origin of the same goods."""

    name: str
    ratio: Decimal
    difference: Decimal  # in the rows' own unit
    least: int  # fewer siblings tell nothing
    years: int | None  # only siblings of years so near
    figures: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Figures that a rule leaves alone, and why."""

    why: str
    figures: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Comparable:
    """Everything that `concepts.yaml` declares."""

    rounding: dict[str, Rounding]  # dataset -> its rounding; "" is every other dataset's
    vintages: dict[str, Decimal]  # dataset -> ratio from one vintage to the next; "" is every other dataset's
    units: tuple[Pattern, ...]  # the same activity in several units
    units_relative: Decimal  # what these may differ by, beside their rounding
    siblings: tuple[Siblings, ...]
    range_ratio: Decimal  # how far outside the usual range of its table a figure may be
    range_least: int  # figures that a table needs to have a usual range
    wide: frozenset[str]  # datasets without one
    yearly: tuple[Pattern, ...]  # figures that are made anew for every year
    by_gas: tuple[Pattern, ...]  # CO2e beside its gases by mass
    zeros: tuple[Known, ...]
    negatives: tuple[Known, ...]
    labels: tuple[Known, ...]
    words: tuple[Known, ...]
    partial: tuple[Known, ...]
    concepts: tuple[Concept, ...]

    def round_of(self, edition: str) -> Rounding:
        """The rounding of an edition's dataset."""
        return self.rounding.get(edition.rpartition("/")[0], self.rounding[""])


_LISTS = {"zeros", "negatives", "labels", "words", "partial"}
_CONCEPT = {"name", "ratio", "difference", "per", "by_region", "years", "undated", "figures"}
_SIBLINGS = {"name", "ratio", "difference", "least", "years", "figures", "why"}


@cache
def comparable(path: Path | None = None) -> Comparable:
    """The declarations of this installation, or of another file. Raises FactorTableError for what it cannot use."""
    source = path or data() / "emission_factors" / "concepts.yaml"
    try:
        return _comparable(read_yaml(source))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise FactorTableError(f"{source.name}: {type(error).__name__}: {error}") from error


def _comparable(raw: dict[str, Any]) -> Comparable:
    unknown = set(raw) - _LISTS - {"rounding", "vintages", "units", "siblings", "range", "yearly", "by_gas", "concepts"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    return Comparable(
        rounding={entry.get("dataset", ""): _rounding(entry) for entry in raw["rounding"]},
        vintages={entry.get("dataset", ""): Decimal(str(entry["ratio"])) for entry in raw["vintages"]},
        units=_patterns(raw["units"]["figures"]),
        units_relative=Decimal(str(raw["units"]["relative"])),
        siblings=tuple(_siblings(entry) for entry in raw["siblings"]),
        range_ratio=Decimal(str(raw["range"]["ratio"])),
        range_least=int(raw["range"]["least"]),
        wide=frozenset(raw["range"]["without"]),
        yearly=_patterns(raw["yearly"]),
        by_gas=_patterns(raw["by_gas"]),
        concepts=tuple(_concept(entry) for entry in raw["concepts"]),
        **{name: tuple(Known(entry["why"], _patterns(entry["figures"])) for entry in raw[name]) for name in _LISTS},
    )


def _rounding(entry: dict[str, Any]) -> Rounding:
    return Rounding(Decimal(str(entry["absolute"])), Decimal(str(entry["relative"])))


def _concept(entry: dict[str, Any]) -> Concept:
    if set(entry) - _CONCEPT:
        raise ValueError(f"{entry.get('name')}: unknown: {', '.join(sorted(set(entry) - _CONCEPT))}")
    return Concept(
        name=entry["name"],
        ratio=Decimal(str(entry["ratio"])),
        difference=Decimal(str(entry.get("difference", 0))),
        per=tuple(entry["per"]),
        by_region=bool(entry.get("by_region", False)),
        years=entry.get("years"),
        undated=dict(entry.get("undated", {})),
        figures=_patterns(entry["figures"]),
    )


def _siblings(entry: dict[str, Any]) -> Siblings:
    if set(entry) - _SIBLINGS:
        raise ValueError(f"{entry.get('name')}: unknown: {', '.join(sorted(set(entry) - _SIBLINGS))}")
    return Siblings(
        name=entry["name"],
        ratio=Decimal(str(entry["ratio"])),
        difference=Decimal(str(entry.get("difference", 0))),
        least=int(entry.get("least", 5)),
        years=entry.get("years"),
        figures=_patterns(entry["figures"]),
    )


def _patterns(texts: Iterable[str]) -> tuple[Pattern, ...]:
    return tuple(Pattern(text) for text in texts)
