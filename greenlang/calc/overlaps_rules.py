"""The declared rules about double counting: `emission_factors/accounting/overlaps.yaml`.

Belongs here: reading them, and what they say of one factor row. Does not belong here: comparing lines (``overlaps``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property

from greenlang.calc.accounting_rules import declaration, made, many
from greenlang.errors import FactorTableError
from greenlang.factors.model import Factor
from greenlang.factors.table import FactorTable

_DEEPEST = 20  # wholes above wholes; more is a circle


@dataclass(frozen=True, slots=True)
class StageOfKey:
    """The stage of rows whose key matches ``pattern``."""

    pattern: str
    stage: str
    why: str


@dataclass(frozen=True, slots=True)
class PartOfKey:
    """Rows below ``keys``: the whole of one has ``whole`` in its key where this has ``part``."""

    keys: str
    part: str
    whole: str
    why: str


@dataclass(frozen=True, slots=True)
class OverlapRule:
    """A rule: whether what it finds is certain, in words, with the reason and where it is published."""

    rule: str
    certain: bool
    text: str
    why: str
    citation: str


@dataclass(frozen=True, slots=True)
class CategoryPair:
    """Two scopes or categories that can hold the same emissions."""

    pair: tuple[str, str]
    why: str
    citation: str


@dataclass(frozen=True)
class OverlapRules:
    """All of them. ``contains`` maps a stage to those that it holds."""

    boundaries: Mapping[str, str]
    unsaid: Mapping[str, str]
    keys: tuple[StageOfKey, ...]
    contains: Mapping[str, tuple[str, ...]]
    parts: tuple[PartOfKey, ...]
    rules: Mapping[str, OverlapRule]
    categories: tuple[CategoryPair, ...]

    def stage(self, row: Factor) -> str:
        """What of the life of a fuel or of energy a row covers; empty where that is not known."""
        for entry in self.keys:
            if fnmatchcase(row.key, entry.pattern):
                return entry.stage
        return self.stage_of(row.boundary, row.scope)

    def stage_of(self, boundary: str, scope: str) -> str:
        """The same for a boundary and a scope alone."""
        return self.boundaries.get(boundary, "") if boundary else self.unsaid.get(scope, "")

    def wholes(self, row: Factor, table: FactorTable) -> tuple[str, ...]:
        """Keys of everything that a row is a part of, the nearest first."""
        out: list[str] = []
        found: Factor | None = row
        while found is not None and len(out) < _DEEPEST:
            above = found.part_of or self._declared(found.key, table)
            if not above or above in out:
                break
            out.append(above)
            found = table.get(above)
        return tuple(out)

    def _declared(self, key: str, table: FactorTable) -> str:
        for entry in self.parts:
            if fnmatchcase(key, entry.keys) and entry.part in key:
                whole = key.replace(entry.part, entry.whole, 1)
                if table.position(whole) is not None:
                    return whole
        return ""

    def overlap(self, one: str, other: str) -> bool:
        """Whether two stages can hold the same emissions; one that is not known can hold any."""
        return (
            not one
            or not other
            or one == other
            or other in self.contains.get(one, ())
            or one in self.contains.get(other, ())
        )

    @cached_property
    def upstream(self) -> frozenset[str]:
        """Stages that belong to scope 3 category 3."""
        return frozenset({"WTT", "T&D", "WTT-T&D"})


@cache
def declared_rules() -> OverlapRules:
    """The rules of this installation. Raises FactorTableError if their file cannot be read."""
    name = "overlaps.yaml"
    raw = declaration("overlaps")
    try:
        stages = raw["stages"]
        rules = many(OverlapRule, raw["rules"], f"{name}: rules")
        return OverlapRules(
            boundaries=stages["boundaries"],
            unsaid=stages["unsaid"],
            keys=many(StageOfKey, stages["keys"], f"{name}: stages.keys"),
            contains={stage: tuple(parts) for stage, parts in stages["contains"].items()},
            parts=many(PartOfKey, raw["parts"], f"{name}: parts"),
            rules={entry.rule: entry for entry in rules},
            categories=tuple(
                made(CategoryPair, entry, f"{name}: categories[{number}]")
                for number, entry in enumerate(raw["categories"])
            ),
        )
    except (KeyError, TypeError) as error:
        raise FactorTableError(f"{name}: {error!r} is missing or misplaced") from error
