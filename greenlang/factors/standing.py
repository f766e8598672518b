"""How a row stands in a release: quality-checked, eligible by default, or the same figure as another row.

Belongs here: the rule. Does not belong here: the checks themselves (``greenlang.factors.gates``), selection.

Catalogued, quality-checked and default-eligible are three numbers:
catalogued is every row; checked is every row that a gate compared with something and found nothing open about;
eligible is what selection takes without being told otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from greenlang.factors.model import Factor

_ELIGIBLE_KINDS = frozenset({"factor", "gwp", "property"})
# Originators whose own licence forbids redistribution: an open set that quotes them is catalogued, and its rows are
# taken only where they are named. The International Energy Agency's terms cover figures quoted by others.
_RESTRICTED_ORIGINS = frozenset({"iea"})


@dataclass(frozen=True, slots=True)
class Standing:
    """``same_as`` is the key of the row that holds the very same cell of the very same file, or empty."""

    checked: bool
    eligible: bool
    same_as: str = ""
    finding: str = ""


def restricted(taken_from: str) -> bool:
    """Whether the originator of a quoted figure forbids its redistribution."""
    return taken_from in _RESTRICTED_ORIGINS


def by_declaration(factor: Factor) -> bool:
    """Whether what the publisher says of the row lets it stand for an inventory: valid, whole, free, made for that."""
    return (
        factor.status == "valid"
        and factor.permitted_use == "inventory"
        and not factor.part_of
        and factor.kind in _ELIGIBLE_KINDS
        and not restricted(factor.taken_from)
    )


def stand(
    factor: Factor, *, compared: Collection[str], excluded: Mapping[str, str], same_as: Mapping[str, str]
) -> Standing:
    """The standing of a row.

    ``compared`` holds the keys that a gate compared with something, ``excluded`` key -> finding of those that a
    finding keeps out, ``same_as`` key -> key of the same figure.
    """
    finding = excluded.get(factor.key, "")
    twin = same_as.get(factor.key, "")
    return Standing(
        checked=factor.key in compared and not finding,
        eligible=by_declaration(factor) and not finding and not twin,
        same_as=twin,
        finding=finding,
    )
