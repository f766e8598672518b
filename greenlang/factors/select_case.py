"""One request on its way through the rule: what every step needs.

Belongs here: the state of one selection. Does not belong here: steps (``select_narrow``, ``select_decide``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from greenlang.factors.select_groups import Group, Row
from greenlang.factors.select_index import Index
from greenlang.factors.select_model import Request, SelectionRefused, Trail
from greenlang.factors.select_offers import Proposal
from greenlang.factors.select_places import Places
from greenlang.factors.select_rule import Rule
from greenlang.factors.table import FactorTable


@dataclass(frozen=True, slots=True)
class Found:
    """A row that passed every word, in its group and region."""

    group: Group
    region: str
    row: Row


@dataclass(slots=True)
class Case:
    """One request, the table and rule it is answered by, and what was done so far."""

    table: FactorTable
    rule: Rule
    index: Index
    places: Places
    request: Request
    trail: Trail
    region: str | None = None  # the code that the asked region means
    relaxed: list[str] = field(default_factory=list)
    crossing: bool = False  # whether the calorific basis is to be converted by a cited ratio
    meant: tuple[Group, ...] | None = None  # every group that the activity means; None where a row was named by its key
    gases: list[Group] = field(default_factory=list)  # figures of single gases that fell out where CO2e was meant

    def reject(self, groups: Sequence[Group], reason: str) -> None:
        """Record that whole groups fell out for one reason."""
        self.trail.reject(reason, count(groups), partial(others, groups, frozenset()))

    def refused(
        self,
        message: str,
        *,
        hint: str = "",
        proposal: Callable[[], Proposal] | None = None,
        candidates: tuple[str, ...] = (),
    ) -> SelectionRefused:
        """The refusal, to be raised: with what is offered, or with a hint that offers nothing to be tried."""
        return SelectionRefused(
            message,
            request=self.request,
            trail=self.trail,
            candidates=candidates,
            proposal=proposal or partial(Proposal, otherwise=hint),
        )


def count(groups: Iterable[Group]) -> int:
    """How many rows the groups hold."""
    return sum([len(group.numbers) for group in groups])


def others(groups: Iterable[Group], kept: frozenset[int]) -> list[int]:
    """The rows of the groups that are not among ``kept``."""
    return [number for group in groups for number in group.numbers if number not in kept]
