"""What a ladder may still ask of a model: budget, rounds, what was paid, and why a rung had no answer.

Belongs here: the account of one climb. Does not belong here: which rung asks what (`greenlang.quality.repair.ladder`),
the account of an agent over all its runs (`greenlang.llm.accounts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from greenlang.llm.ask import Ask, Disclosure, Model, NoAnswer, Why
from greenlang.llm.replies import FailureExplanation

_ENDS: frozenset[Why] = frozenset({"budget", "night_budget", "rounds"})  # no other rung would get an answer either
_MAY_COME: frozenset[Why] = frozenset({"no_model", "not_recorded", "budget", "night_budget", "rounds", "unavailable"})


@dataclass
class Asking:
    """One climb's questions. ``wants`` is the last reason for which a rung had no answer that may come some day."""

    model: Model | None
    budget_usd: Decimal
    most_rounds: int
    rounds: int = 0
    disclosures: list[Disclosure] = field(default_factory=list)
    wants: Why | None = None

    @property
    def asked(self) -> Model:
        """The model, after `why_not` has said that there is one."""
        assert self.model is not None
        return self.model

    @property
    def spent(self) -> Decimal:
        """US dollars that this climb has paid."""
        return sum((d.cost_usd for d in self.disclosures), Decimal(0))

    @property
    def solvent(self) -> bool:
        """Whether there is a model and money for a question that costs no round."""
        return self.model is not None and self.spent < self.budget_usd

    def why_not(self) -> tuple[str, str]:
        """Why no question of a round may be asked, "" if it may; and the reason that ends the ladder, "" if none."""
        if self.model is None:
            self.wants = "no_model"
            return "there is no model", ""
        if self.spent >= self.budget_usd:
            self.wants = "budget"
            return "the budget is spent", f"the budget of {self.budget_usd} USD is spent"
        if self.rounds >= self.most_rounds:
            self.wants = "rounds"
            return "no round is left", f"all {self.most_rounds} rounds are used"
        return "", ""

    def pay(self, disclosures: Iterable[Disclosure]) -> Decimal:
        """Enter the exchanges of one round, if there were any; return what they cost."""
        told = tuple(disclosures)
        self.disclosures += told
        self.rounds += bool(told)
        return sum((d.cost_usd for d in told), Decimal(0))

    def unanswered(self, answer: NoAnswer) -> str:
        """Remember why a rung had no answer; the reason that ends the ladder, "" if it goes on."""
        if answer.why in _MAY_COME:
            self.wants = answer.why
        return answer.reason if answer.why in _ENDS else ""

    def words(self, ask: Ask[FailureExplanation]) -> str:
        """A model's words on a failure, "" without an answer. They cost no round, and nothing is decided by them."""
        answer = self.asked.ask(ask)
        if isinstance(answer, NoAnswer):
            self.disclosures += answer.disclosures
            return ""
        self.disclosures.append(answer.disclosure)
        said = answer.value
        lines = [*said.root_causes, *(f"{s.file}:{s.line}: {s.explanation}" for s in said.fix_suggestions)]
        return "\n".join((*lines, f"Confidence {said.confidence:g}, complexity {said.complexity}."))
