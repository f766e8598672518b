"""Counting the library: formulas, expressions that are really different, citations, vectors, concrete formulas.

Two expressions are the same if they differ in the names of their symbols, the order of terms and factors and their
units only (`greenlang.formulas.normal.normal_form`): activity times factor counts once, however many formulas use it.
Distinct and expanded are two numbers and are never added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from greenlang.formulas.declare import LibraryFormula
from greenlang.formulas.exact import declared_functions
from greenlang.formulas.families import Expansion
from greenlang.formulas.normal import normal_form


@dataclass(frozen=True, slots=True)
class DomainCount:
    """What one domain, or the whole library, holds.

    ``expressions`` are outputs; ``distinct`` are the different ones among them; ``cited`` the different places that
    formulas cite; ``published`` the vectors whose figures a document prints.
    """

    domain: str
    formulas: int
    expressions: int
    distinct: int
    cited: int
    vectors: int
    published: int
    exact: int  # expressions without a declared function


@dataclass(frozen=True, slots=True)
class LibraryStats:
    """Counts by domain, in total, and the families that were expanded, apart."""

    domains: tuple[DomainCount, ...]
    total: DomainCount
    expanded: dict[str, int] = field(default_factory=dict)  # family -> concrete formulas

    @property
    def concrete(self) -> int:
        """Concrete formulas of all families together."""
        return sum(self.expanded.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "domains": [asdict(d) for d in self.domains],
            "total": asdict(self.total),
            "families": dict(self.expanded),
            "concrete": self.concrete,
        }


def count(formulas: Iterable[LibraryFormula], expanded: Mapping[str, Expansion] | None = None) -> LibraryStats:
    """Count formulas; ``expanded`` is what `greenlang.formulas.families.expand` counted."""
    by_domain: dict[str, list[LibraryFormula]] = {}
    for formula in formulas:
        by_domain.setdefault(formula.domain, []).append(formula)
    domains = tuple(_count(domain, listed) for domain, listed in sorted(by_domain.items()))
    total = _count("all", [f for listed in by_domain.values() for f in listed])
    return LibraryStats(domains, total, {name: e.concrete for name, e in (expanded or {}).items()})


def _count(domain: str, formulas: list[LibraryFormula]) -> DomainCount:
    trees = [tree for formula in formulas for tree in formula.trees().values()]
    return DomainCount(
        domain,
        len(formulas),
        len(trees),
        len({normal_form(tree) for tree in trees}),
        len({str(f.citation) for f in formulas}),
        sum(len(f.vectors) for f in formulas),
        sum(v.published for f in formulas for v in f.vectors),
        sum(not declared_functions(tree) for tree in trees),
    )


def alike(formulas: Iterable[LibraryFormula]) -> list[tuple[str, list[str]]]:
    """Expressions that stand more than once: ``(normal form, outputs)``, most frequent first. For authors."""
    places: dict[str, list[str]] = {}
    for formula in formulas:
        for name, tree in formula.trees().items():
            places.setdefault(normal_form(tree), []).append(f"{formula.id}: {name}")
    often = Counter({form: len(listed) for form, listed in places.items() if len(listed) > 1})
    return [(form, places[form]) for form, _ in often.most_common()]
