"""Drawing the quantities of a calculation, trial by trial, and what the outputs of the trials tell.

Belongs here: trials, their mean, standard deviation and interval (JCGM 101:2008, 7.5 to 7.7). Does not belong here:
the generator (``uncertainty_random``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal

from greenlang_sdk import decimals

from greenlang.calc.mistakes import Refused
from greenlang.calc.uncertainty_inputs import Spread
from greenlang.calc.uncertainty_quantities import Quantities
from greenlang.calc.uncertainty_random import coverage_factor, normal_quantile, uniforms
from greenlang.calc.uncertainty_related import Related
from greenlang.calc.uncertainty_tree import SlopeEvaluator
from greenlang.errors import CalculationError
from greenlang.formulas.prove import CompiledFormula

_WIDE = Context(prec=60, Emin=-(10**6), Emax=10**6)  # sums over trials lose nothing that is stated


@dataclass(slots=True)
class Drawn:
    """The outputs of all trials, sorted, by name."""

    values: dict[str, list[Decimal]]
    notes: list[str] = field(default_factory=list)

    def moves(self, name: str) -> bool:
        """Whether any trial differs."""
        return self.values[name][0] != self.values[name][-1]

    def mean(self, name: str) -> Decimal:
        """The mean of the trials (equation 16)."""
        values = self.values[name]
        return _WIDE.divide(_sum(values), Decimal(len(values)))

    def standard(self, name: str) -> Decimal:
        """The standard deviation of the trials (equation 17)."""
        values, mean = self.values[name], self.mean(name)
        squares = _sum([_WIDE.multiply(d := _WIDE.subtract(value, mean), d) for value in values])
        return _WIDE.sqrt(_WIDE.divide(squares, Decimal(len(values) - 1)))

    def interval(self, name: str, confidence: Decimal) -> tuple[Decimal, Decimal]:
        """The probabilistically symmetric interval of 7.7.2."""
        first, last = self._ranks(name, confidence)
        return self.values[name][first - 1], self.values[name][last - 1]

    def scatter(self, name: str, confidence: Decimal) -> Decimal:
        """How far the ends of the interval would move with another seed: the wider half range at 95 %.

        The rank of an end is binomial, so the ends lie between values at ranks that far apart.
        """
        values = self.values[name]
        trials = len(values)
        with decimals.calculation():
            tail = (1 - confidence / 100) / 2
            off = int(coverage_factor(Decimal(95)) * decimals.sqrt(trials * tail * (1 - tail))) + 1
            ends = []
            for rank in self._ranks(name, confidence):
                low, high = max(rank - off, 1), min(rank + off, trials)
                ends.append((values[high - 1] - values[low - 1]) / 2)
        return max(ends)

    def _ranks(self, name: str, confidence: Decimal) -> tuple[int, int]:
        trials = len(self.values[name])
        exact = confidence * trials / 100
        inside = int(exact) if exact == int(exact) else int(exact + Decimal("0.5"))
        rank = (trials - inside) // 2 if (trials - inside) % 2 == 0 else (trials - inside + 1) // 2
        return rank, rank + inside


def draw(formula: CompiledFormula, quantity: Quantities, related: Related, seed: int, trials: int) -> Drawn:
    """Compute every output ``trials`` times. Raises Refused if a trial has no answer."""
    known = {name: source.spread for name, source in quantity.sources.items() if source.spread is not None}
    values: dict[str, list[Decimal]] = {name: [] for name in formula.trees}
    below: dict[str, int] = {}
    for number, deviations in enumerate(_deviations(known, related, seed, trials), start=1):
        for name, deviation in deviations.items():
            if known[name].relative and deviation < 0:
                below[name] = below.get(name, 0) + 1
        evaluator = SlopeEvaluator(quantity.drawn(deviations), of_table=quantity.of_table)
        for name, tree in formula.trees.items():
            try:
                found = evaluator.evaluate(tree)
            except CalculationError as error:
                raise Refused(
                    "domain",
                    f"trial {number:,} has no answer: {error}",
                    "a distribution reaches values without an answer: state a narrower one, or lognormal",
                    f"outputs.{name}",
                ) from None
            evaluator.values[name] = found
            values[name].append(found.value)
    notes = [
        f"{name}: {count:,} of {trials:,} trials have the other sign; a lognormal distribution has none"
        for name, count in below.items()
    ]
    return Drawn({name: sorted(found) for name, found in values.items()}, notes)


def _deviations(known: dict[str, Spread], related: Related, seed: int, trials: int) -> Iterator[dict[str, Decimal]]:
    """The deviations of each trial by quantity. Raises Refused for a correlation that cannot be drawn."""
    if crooked := [name for name in related.names if not known[name].normal()]:
        raise Refused(
            "not_allowed",
            f"{crooked[0]} is {known[crooked[0]].distribution}, correlated draws are normal or lognormal",
            "use first order, or state another distribution",
            "correlations",
        )
    triangle = related.factors()
    streams = {name: uniforms(seed, name, trials) for name in known}
    for _ in range(trials):
        with decimals.calculation():
            deviates = {name: normal_quantile(next(streams[name])) for name in triangle}
            out = {}
            for name, spread in known.items():
                if name in triangle:
                    deviate = sum((part * deviates[other] for other, part in triangle[name].items()), Decimal(0))
                    out[name] = spread.from_normal(deviate)
                else:
                    out[name] = spread.drawn(next(streams[name]))
        yield out


def _sum(values: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _WIDE.add(total, value)
    return total
