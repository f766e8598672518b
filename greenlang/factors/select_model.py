"""What a selection asks and answers: request, steps, rejected rows, the answer, the refusal.

Belongs here: these values and how they read. Does not belong here: the rule (``select_rule``), carrying it out
(``select``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from greenlang.errors import GreenlangError
from greenlang.factors.model import Factor
from greenlang.factors.select_offers import Advice, Mend, Proposal

SHOWN = 20  # rows that a sentence for people names


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for; None is not said. `emission_factors/selection.yaml` tells what an unsaid word means.

    ``activity`` is the publisher's path, a reviewed alias, or a key (``ef://...``). ``source`` is publisher,
    publisher/dataset or publisher/dataset/vintage. ``per`` is the unit of the activity data ("kWh"). ``relax_region``
    allows the region that contains the asked one, ``relax_years`` that many years off; nothing else relaxes.
    """

    activity: str
    region: str | None = None
    year: int | None = None
    source: str | None = None
    gas: str = "CO2e"
    per: str | None = None
    gwp_set: str | None = None
    boundary: str | None = None
    scope2_method: str | None = None
    calorific_basis: str | None = None
    radiative_forcing: str | None = None
    biogenic: bool | None = None
    price_basis: str | None = None
    permitted_use: str = "inventory"
    kind: str = "factor"
    relax_region: bool = False
    relax_years: int = 0


class Step(NamedTuple):
    """One step of the rule: what it did, and how many rows it left."""

    rule: str
    text: str
    left: int


class Rejected(NamedTuple):
    """A row that was not taken, and the first reason by the rule's order; later steps never saw the row."""

    key: str
    reason: str


class Conversion(NamedTuple):
    """From the publisher's unit to the asked one: value in ``target`` = value in ``source`` x ``factor``."""

    factor: Decimal
    source: str
    target: str
    citation: str


@dataclass(slots=True)
class Trail:
    """The steps as they are taken, and the rows that fall out. Keys and sentences are made when they are read."""

    keys: Callable[[int], str]
    left: int = 0  # rows that are considered and have not fallen out
    steps: list[Step] = field(default_factory=list)
    fallen: list[tuple[str, int, Callable[[], Iterable[int]]]] = field(default_factory=list)  # reason, how many, which

    def step(self, rule: str, text: str) -> None:
        """Record a step, with the rows that are left after it."""
        self.steps.append(Step(rule, text, self.left))

    def reject(self, reason: str, count: int, numbers: Callable[[], Iterable[int]]) -> None:
        """Record rows that fell out for one reason: the first by the rule's order, since they meet no later step."""
        if count:
            self.left -= count
            self.fallen.append((reason, count, numbers))

    def counts(self) -> dict[str, int]:
        """How many rows fell out, by reason, in the order of the rule."""
        total: Counter[str] = Counter()
        for reason, count, _ in self.fallen:
            total[reason] += count
        return dict(total)

    def rejected(self) -> tuple[Rejected, ...]:
        """Every row that fell out, in the order of the rule and by key."""
        return tuple(
            Rejected(key, reason)
            for reason, _, numbers in self.fallen
            for key in sorted(self.keys(number) for number in numbers())
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """The one factor that the rule gives, in the asked unit, with how it was found.

    ``value`` is in ``unit``; ``conversion`` leads there from ``factor.value`` in ``factor.unit`` (factor 1 where
    nothing was converted). ``relaxed`` says in words what was relaxed, in the order it was done. ``warnings`` are what
    a reader of the result must know, such as a boundary that nobody asked for.
    """

    request: Request
    factor: Factor
    value: Decimal
    unit: str
    conversion: Conversion
    relaxed: tuple[str, ...]
    warnings: tuple[str, ...]
    release: str
    digest: str
    trail: Trail = field(repr=False, compare=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step of the rule."""
        return tuple(self.trail.steps)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Every row that was considered and not taken. May be thousands: `rejected_counts` counts them by reason."""
        return self.trail.rejected()

    @property
    def rejected_counts(self) -> dict[str, int]:
        """How many rows were not taken, by reason."""
        return self.trail.counts()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, the rejected rows counted only."""
        return {
            "request": said(self.request),
            "ref": f"{self.factor.ref}@{self.release}",
            "value": self.value,
            "unit": self.unit,
            "conversion": self.conversion._asdict(),
            "relaxed": list(self.relaxed),
            "warnings": list(self.warnings),
            "citation": self.factor.citation,
            "release": self.release,
            "digest": self.digest,
            "steps": [{"rule": s.rule, "text": s.text, "left": s.left} for s in self.steps],
            "rejected": self.rejected_counts,
        }


class SelectionRefused(GreenlangError, LookupError):
    """The rule gives no factor, or more than one. A value for people: `report` lists what remains and what fell out.

    ``candidates`` are the keys that remain (none, or several), ``proposal`` what the refusing step offers, untried.
    ``hint`` is one sentence that says what to do, ``words`` the further words that would decide, each with its values,
    ``mends`` the changes to the request that were tried and lead to an answer: all worked out when they are first read.
    """

    def __init__(
        self,
        message: str,
        *,
        request: Request,
        trail: Trail,
        candidates: tuple[str, ...] = (),
        proposal: Callable[[], Proposal] = Proposal,
        advice: Callable[[], Advice] = Advice,
    ) -> None:
        super().__init__(message)
        self.sentence = message
        self.request = request
        self.trail = trail
        self.candidates = candidates
        self.proposal = proposal
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.sentence}; {self.hint}" if self.hint else self.sentence

    @property
    def hint(self) -> str:
        """What to do, in one sentence; every change that it names was tried."""
        return self.advice().hint

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """The further words that would decide, each with the values that it may have."""
        return dict(self.advice().words)

    @property
    def mends(self) -> tuple[Mend, ...]:
        """Changes to the request that lead to an answer, each with the reference that it leads to."""
        return self.advice().mends

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step until the refusal."""
        return tuple(self.trail.steps)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Every row that fell out."""
        return self.trail.rejected()

    @property
    def rejected_counts(self) -> dict[str, int]:
        """How many rows fell out, by reason."""
        return self.trail.counts()

    def fresh(self, advice: Callable[[], Advice] | None = None) -> SelectionRefused:
        """The same refusal, to be raised again: a raised exception carries where it was raised."""
        return SelectionRefused(
            self.sentence,
            request=self.request,
            trail=self.trail,
            candidates=self.candidates,
            proposal=self.proposal,
            advice=advice or self.advice,
        )

    def report(self) -> str:
        """The refusal for people: the sentence, the steps, what remains, why the others fell out."""
        lines = [f"refused: {self.sentence}"]
        if self.hint:
            lines.append(f"mend: {self.hint}")
        lines += [f"  {step.rule}: {step.text} ({step.left} left)" for step in self.steps]
        lines += [f"  remains: ef://{key}" for key in self.candidates[:SHOWN]]
        if len(self.candidates) > SHOWN:
            lines.append(f"  ... and {len(self.candidates) - SHOWN} more")
        lines += [f"  rejected: {count} because {reason}" for reason, count in self.rejected_counts.items()]
        return "\n".join(lines)


def said(request: Request) -> dict[str, Any]:
    """The words of a request that were said, or have a meaning unsaid."""
    values = {name: getattr(request, name) for name in Request.__slots__}
    return {name: value for name, value in values.items() if value is not None and value is not False and value != 0}
