"""The declared rules of scope 2: `emission_factors/accounting/scope2.yaml`.

Belongs here: reading them. Does not belong here: carrying them out (``scope2``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from greenlang.calc.accounting_rules import declaration, made, many


@dataclass(frozen=True, slots=True)
class Rank:
    """One kind of market-based factor, in the order in which they are applied."""

    kind: str
    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One quality criterion, for which kinds; ``how`` is rate, declared, vintage, market or disclosed."""

    id: str
    number: int
    kinds: tuple[str, ...]
    how: str
    text: str


@dataclass(frozen=True, slots=True)
class OfScope2:
    """What a factor row of scope 2 must be."""

    scope: str
    stage: str
    why: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """A line of scope 3 category 3 beside scope 2."""

    name: str
    stage: str
    label: str


@dataclass(frozen=True, slots=True)
class Scope2Rules:
    """All of them. ``stages`` says in words what a row covers; ``disclosures`` are sentences with places for names."""

    document: str
    order: tuple[Rank, ...]
    criteria: tuple[Criterion, ...]
    vintage: Mapping[str, int]
    energy: tuple[str, ...]
    factor: OfScope2
    stages: Mapping[str, str]
    upstream: tuple[Upstream, ...]
    upstream_citation: str
    disclosures: Mapping[str, str]

    def rank(self, kind: str) -> int:
        """Where a kind stands in the order, from 0."""
        return [entry.kind for entry in self.order].index(kind)

    def covers(self, stage: str) -> str:
        """What a row of that stage covers, in words."""
        return self.stages.get(stage, stage) or "what its publisher does not say"

    def label(self, kind: str) -> str:
        """What a kind is called."""
        return self.order[self.rank(kind)].label


@cache
def declared_rules() -> Scope2Rules:
    """The rules of this installation. Raises FactorTableError if their file cannot be read."""
    name = "scope2.yaml"
    raw = declaration("scope2")
    rules = made(Scope2Rules, raw, name)
    return replace(
        rules,
        order=many(Rank, raw["order"], f"{name}: order"),
        criteria=many(Criterion, raw["criteria"], f"{name}: criteria"),
        factor=made(OfScope2, raw["factor"], f"{name}: factor"),
        upstream=many(Upstream, raw["upstream"], f"{name}: upstream"),
    )
