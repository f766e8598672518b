"""One factor by one written rule, or a refusal that says which further word would decide.

The rule is `emission_factors/selection.yaml`; docs/selection.md says it in words. Steps, in this order: activity,
source, standing, the words that never relax, unit, region and year, edition, parts and figures taken over, one answer.
Each is recorded with the number of rows that it left, and every row that fell out with its reason.

Belongs here: asking, keeping answers, trying out the mends of a refusal. Does not belong here: reading the rule
(``select_rule``), groups of rows (``select_index``), the steps (``select_narrow``, ``select_decide``), searching
(``search``).
"""

from __future__ import annotations

from functools import cache, partial

from greenlang.factors.aliases import Aliases
from greenlang.factors.fields import declared_fields
from greenlang.factors.select_aliases import selection_aliases
from greenlang.factors.select_case import Case
from greenlang.factors.select_decide import decided
from greenlang.factors.select_index import Index
from greenlang.factors.select_mend import advice
from greenlang.factors.select_model import Conversion, Rejected, Request, Selection, SelectionRefused, Step, Trail
from greenlang.factors.select_narrow import narrowed
from greenlang.factors.select_places import Places
from greenlang.factors.select_rule import Rule, declared_rule
from greenlang.factors.table import FactorTable

__all__ = ["Conversion", "Rejected", "Request", "Selection", "SelectionRefused", "Selector", "Step"]

_KEPT = 65_536  # answers that are kept


class Selector:
    """Answers requests over one table. Indexes are built when first needed, answers are kept."""

    def __init__(self, table: FactorTable, *, rule: Rule | None = None, aliases: Aliases | None = None) -> None:
        self.table = table
        self.rule = rule or declared_rule()
        known = aliases or selection_aliases()
        self.index = Index(table, self.rule, known)
        self.places = Places(self.rule, self.index, known)
        self._answers: dict[Request, Selection | SelectionRefused] = {}

    def select(self, request: Request) -> Selection:
        """The one factor for a request, in the asked unit. Raises SelectionRefused for none and for several."""
        answer = self._answers.get(request)
        if answer is None:
            answer = self._answer(request)
            if isinstance(answer, SelectionRefused):
                answer = answer.fresh(cache(partial(advice, answer, self._answer)))
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            self._answers[request] = answer
        if isinstance(answer, SelectionRefused):
            raise answer.fresh()
        return answer

    def _answer(self, request: Request) -> Selection | SelectionRefused:
        trail = Trail(lambda number: self.table.keys[number])
        case = Case(self.table, self.rule, self.index, self.places, request, trail)
        try:
            return decided(case, narrowed(case))
        except SelectionRefused as refused:
            return refused.with_traceback(None)  # a traceback would hold on to everything

    def warm(self) -> None:
        """Build every index and hold every column now, so that no later request pays for it."""
        for field in declared_fields():
            self.table.column(field.name)
        self.index.warm()
        self.places.warm()
