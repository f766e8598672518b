"""The uncertainty of a result: first order through exact slopes, or Monte Carlo with a fixed seed.

First order is the law of propagation, JCGM 100:2008, equation 10, and 13 with correlation; its slopes come from the
formula's checked tree (``uncertainty_tree``). For products and sums of independent quantities it is what the 2006 IPCC
Guidelines, Volume 1, Chapter 3, call approach 1 (equations 3.1 and 3.2). Monte Carlo follows JCGM 101:2008.

A quantity whose uncertainty nobody states is never taken as exact in silence: the result names it and is partial. One
factor row is one quantity, so what rests on it twice is fully correlated.

Belongs here: propagation, what is said of a result, totals of results. Does not belong here: reading statements
(``uncertainty_inputs``), finding quantities (``uncertainty_quantities``), files and the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from greenlang_sdk import decimals

from greenlang.calc.binding import bind
from greenlang.calc.certificate import ResultCertificate, plain_values
from greenlang.calc.context import CalculationContext, check_context, read_context
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.mistakes import Mistake, Refused
from greenlang.calc.result import CalculationResult
from greenlang.calc.uncertainty_draw import Drawn, draw
from greenlang.calc.uncertainty_inputs import (
    Source,
    Uncertainty,
    UncertaintyRule,
    declared_rule,
    read_uncertainties,
)
from greenlang.calc.uncertainty_quantities import Quantities, quantities
from greenlang.calc.uncertainty_random import GENERATOR, MAX_SEED, coverage_factor
from greenlang.calc.uncertainty_related import Correlation, Related, read_correlations
from greenlang.calc.uncertainty_tree import SlopeEvaluator
from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas.prove import CompiledFormula, compiled

METHODS = ("first-order", "monte-carlo")
_SHOWN = Context(prec=12)  # significant digits of what is stated
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one quantity brings: ``amount`` is slope times standard uncertainty, with its sign, in the output's unit.

    ``share`` is its part of the variance, in percent; with correlation it counts what it brings together with others.
    """

    source: str
    amount: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputUncertainty:
    """The uncertainty of an output. None everywhere: nobody states the uncertainty of anything it rests on.

    ``low`` and ``high`` bound the interval at the level of confidence; ``minus`` and ``plus`` are the same in percent
    of the value (None for a value of zero). ``missing`` names what has no stated uncertainty and moves the output;
    while there is any, the uncertainty is ``partial``. ``mean`` and ``contributions`` belong to one method each.
    """

    name: str
    unit: str
    value: Decimal
    standard: Decimal | None
    low: Decimal | None
    high: Decimal | None
    minus: Decimal | None
    plus: Decimal | None
    partial: bool
    missing: tuple[str, ...]
    mean: Decimal | None = None
    contributions: tuple[Contribution, ...] = ()

    def __str__(self) -> str:
        if self.standard is None:
            return "no uncertainty can be stated: none is published for what it rests on"
        if self.minus is None or self.plus is None:
            width = f"standard uncertainty {_brief(self.standard)} {self.unit}"
        elif self.minus == self.plus:
            width = f"± {_brief(self.plus)} %"
        else:
            width = f"− {_brief(self.minus)} % / + {_brief(self.plus)} %"
        note = f", partial: without {', '.join(self.missing)}" if self.partial else ""
        return f"{width} at 95 %{note}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertaintyResult:
    """What was propagated, or the mistakes that keep it from being so."""

    success: bool
    method: str = ""
    outputs: tuple[OutputUncertainty, ...] = ()
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    certificate: str = ""  # digest of what the certificate holds before its uncertainty
    asked: Mapping[str, Any] | None = None

    def output(self, name: str) -> OutputUncertainty:
        """The output of that name. Raises KeyError."""
        return {output.name: output for output in self.outputs}[name]

    def statement(self) -> dict[str, Any]:
        """What stands in a certificate: from ``asked`` in it `recompute` gives the same again. Only for a success."""
        assert self.success
        rule = declared_rule()
        monte_carlo = self.method == "monte-carlo"
        content: dict[str, Any] = plain_values(
            {
                "method": self.method,
                "standard": rule.result.monte_carlo if monte_carlo else rule.result.first_order,
                "generator": GENERATOR if monte_carlo else "",
                "confidence": str(rule.result.confidence),
                "asked": self.asked or {},
                "outputs": self.outputs,
                "sources": self.sources,
                "notes": self.notes,
            }
        )
        return content


def propagate(
    engine: CalculationEngine,
    result: CalculationResult | ResultCertificate | Mapping[str, Any],
    uncertainties: Mapping[str, Any] | None = None,
    *,
    method: str = "first-order",
    correlations: Iterable[Mapping[str, Any] | Correlation] = (),
    seed: int = 0,
    trials: int | None = None,
) -> UncertaintyResult:
    """The uncertainty of each output of a result, or of a certificate.

    ``uncertainties`` maps names to statements (`uncertainty_quantities.quantities` says which names there are, and
    `uncertainty_inputs.read_uncertainties` how a statement is written); factor rows bring what their publisher states.
    ``correlations`` are entries with a, b and r. ``seed`` (64 bits) and ``trials`` are those of Monte Carlo.
    """
    rule = declared_rule()
    told, mistakes = read_uncertainties(uncertainties or {})
    related, wrong = read_correlations(correlations)
    trials = rule.result.trials if trials is None else trials
    mistakes += wrong + _asked_wrong(method, seed, trials, rule)
    content = _content(result)
    if content is None:
        mistakes.append(Mistake("wrong_type", "result", "a result without outputs has no uncertainty"))
    if mistakes or content is None:
        return UncertaintyResult(success=False, mistakes=tuple(mistakes))
    found, mistakes = _bound(engine, content, told, rule)
    if found is None:
        return UncertaintyResult(success=False, mistakes=tuple(mistakes))
    formula, quantity = found
    asked = _plain_asked(told, related, method, seed, trials)
    work = _Work(formula, quantity, related, rule)
    try:
        work.prepare(slopes_needed=method == "first-order")
        outputs = work.first_order() if method == "first-order" else work.monte_carlo(seed, trials)
    except Refused as error:
        return UncertaintyResult(success=False, mistakes=(error.at("uncertainties"),))
    return UncertaintyResult(
        success=True,
        method=method,
        outputs=outputs,
        sources=tuple(quantity.sources.values()),
        notes=tuple(dict.fromkeys(work.notes)),
        certificate=_digest(content),
        asked=asked,
    )


def recompute(engine: CalculationEngine, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The uncertainty slot of a certificate, computed again: for `greenlang.calc.verify.verify`."""
    stated = content.get("uncertainty")
    asked = stated.get("asked") if isinstance(stated, Mapping) else None
    if not isinstance(asked, Mapping):
        return {"mistakes": ["the statement does not say what was asked"]}
    try:
        again = propagate(
            engine,
            content,
            asked.get("uncertainties", {}),
            method=str(asked.get("method", "")),
            correlations=asked.get("correlations", ()),
            seed=int(asked.get("seed") or 0),
            trials=int(asked["trials"]) if asked.get("trials") else None,
        )
    except (TypeError, ValueError) as error:
        return {"mistakes": [str(error)]}
    return again.statement() if again.success else {"mistakes": [str(mistake) for mistake in again.mistakes]}


def _plain_asked(
    told: Mapping[str, Uncertainty], related: Sequence[Correlation], method: str, seed: int, trials: int
) -> dict[str, Any]:
    drawn = method == "monte-carlo"
    return {
        "method": method,
        "uncertainties": {name: said.plain() for name, said in sorted(told.items())},
        "correlations": [entry.plain() for entry in related],
        "seed": str(seed) if drawn else "",
        "trials": str(trials) if drawn else "",
    }


def _asked_wrong(method: str, seed: int, trials: int, rule: UncertaintyRule) -> list[Mistake]:
    out = []
    if method not in METHODS:
        out.append(Mistake("not_allowed", "method", f"`{method}` is no method", f"there is {', '.join(METHODS)}"))
    if not 0 <= seed <= MAX_SEED:
        out.append(Mistake("out_of_range", "seed", "a seed is a whole number of 64 bits"))
    least, most = rule.result.smallest_trials, rule.result.largest_trials
    if not least <= trials <= most:
        out.append(Mistake("out_of_range", "trials", f"there may be {least:,} to {most:,} trials"))
    return out


def _content(result: CalculationResult | ResultCertificate | Mapping[str, Any]) -> dict[str, Any] | None:
    if isinstance(result, CalculationResult):
        return result.certificate.as_dict() if result.certificate is not None else None
    return result.as_dict() if isinstance(result, ResultCertificate) else dict(result)


def _digest(content: Mapping[str, Any]) -> str:
    """The digest of everything in a certificate before its uncertainty: the last link but one."""
    links = content.get("chain")
    found = [entry for entry in links if entry.get("link") == "warnings"] if isinstance(links, list) else []
    return str(found[0].get("digest", "")) if found else ""


def _bound(
    engine: CalculationEngine, content: Mapping[str, Any], told: Mapping[str, Uncertainty], rule: UncertaintyRule
) -> tuple[tuple[CompiledFormula, Quantities] | None, list[Mistake]]:
    """The formula of a certificate with its quantities, from what the certificate says was given."""
    named, records, around = content.get("formula"), content.get("inputs"), content.get("context")
    if not isinstance(named, Mapping) or not isinstance(records, list) or not isinstance(around, Mapping):
        return None, [Mistake("wrong_type", "result", "this is no certificate of a result")]
    try:
        formula = engine.formulas.get(str(named.get("id")))
    except FormulaError as error:
        return None, [Mistake("broken_formula", "formula", str(error))]
    if formula is None:
        return None, [Mistake("unknown_formula", "formula", f"there is no formula `{named.get('id')}`")]
    context: CalculationContext
    context, mistakes = read_context(around)
    mistakes += check_context(context, engine.table.release, engine.sources.gwp_sets)
    given = {str(record.get("name")): record.get("given") for record in records if isinstance(record, Mapping)}
    bound = bind(formula, given, context, engine.sources)
    mistakes += bound.mistakes
    if mistakes:
        return None, mistakes
    found = quantities(formula, bound, engine.table, told, rule)
    if found.mistakes:
        return None, found.mistakes
    return (compiled(formula), found), []


class _Work:
    """One propagation."""

    def __init__(
        self, formula: CompiledFormula, quantity: Quantities, related: Sequence[Correlation], rule: UncertaintyRule
    ) -> None:
        self.formula = formula
        self.quantity = quantity
        self.correlations = related
        self.related = Related({})
        self.rule = rule
        self.notes: list[str] = []
        self.values: dict[str, Decimal] = {}
        self.slopes: dict[str, Mapping[str, Decimal]] = {}

    def prepare(self, *, slopes_needed: bool) -> None:
        """Values and slopes of every output; the correlations, by quantity. Raises Refused.

        Where there are no slopes and none are needed, every quantity counts as one that moves the output.
        """
        try:
            self.sloped()
        except CalculationError as error:
            if slopes_needed:
                raise Refused("domain", str(error), "use Monte Carlo, or other values", "outputs") from None
            self.level()
        if late := [*self.quantity.mistakes, *self.quantity.unused()]:
            raise Refused(late[0].code, late[0].message, late[0].mend, late[0].place)
        self.related = Related.of(self.correlations, self.quantity.sources)
        self.remark()

    def sloped(self) -> None:
        evaluator = SlopeEvaluator(self.quantity.point(), of_table=self.quantity.of_table)
        for name, tree in self.formula.trees.items():
            found = evaluator.values[name] = evaluator.evaluate(tree)
            self.values[name], self.slopes[name] = found.value, found.slopes
        self.notes += evaluator.notes

    def level(self) -> None:
        evaluator = SlopeEvaluator(self.quantity.drawn({}), of_table=self.quantity.of_table)
        for name, tree in self.formula.trees.items():
            found = evaluator.values[name] = evaluator.evaluate(tree)
            self.values[name], self.slopes[name] = found.value, dict.fromkeys(self.quantity.sources, Decimal(1))

    def remark(self) -> None:
        """Notes about what was assumed, and about wide distributions."""
        for source in self.quantity.sources.values():
            known = source.spread
            if known is None:
                continue
            if known.assumed:
                told = f"{source.id} states no {' and no '.join(text.partition(' ')[0] for text in known.assumed)}"
                self.notes.append(f"{told}: {', '.join(known.assumed)} assumed ({self.rule.unstated.citation})")
            if known.relative and known.standard * _HUNDRED > self.rule.result.rough_above:
                self.notes.append(
                    f"the standard uncertainty of {source.id} is over {self.rule.result.rough_above} % of its value: "
                    "first order is rough there, and a normal distribution reaches below zero"
                )

    def missing(self, name: str) -> tuple[str, ...]:
        sources = self.quantity.sources
        return tuple(s for s in sources if sources[s].spread is None and self.slopes[name].get(s))

    def first_order(self) -> tuple[OutputUncertainty, ...]:
        factor = coverage_factor(Decimal(self.rule.result.confidence))
        out = []
        for name in self.formula.trees:
            amounts = self.amounts(name)
            with decimals.calculation():
                together = self.related.together(amounts)
                variance = sum((amounts[s] * together[s] for s in amounts), Decimal(0))
                if variance < 0:
                    raise Refused("out_of_range", "the correlations contradict each other", "see correlations")
                standard = decimals.sqrt(variance) if amounts else None
                width = standard * factor if standard is not None else None
                contributions = tuple(
                    Contribution(
                        source=s,
                        amount=_stated(amounts[s]),
                        share=_stated(amounts[s] * together[s] / variance * _HUNDRED if variance else Decimal(0)),
                    )
                    for s in sorted(amounts, key=lambda s: (-abs(amounts[s]), s))
                )
            out.append(self.output(name, standard, width, width, contributions=contributions))
        return tuple(out)

    def amounts(self, name: str) -> dict[str, Decimal]:
        """Slope times standard uncertainty of every quantity that is stated and moves the output."""
        out = {}
        with decimals.calculation():
            for source, slope in self.slopes[name].items():
                known = self.quantity.sources[source].spread
                if known is not None and slope:
                    out[source] = slope * known.standard
        return out

    def monte_carlo(self, seed: int, trials: int) -> tuple[OutputUncertainty, ...]:
        drawn = draw(self.formula, self.quantity, self.related, seed, trials)
        self.notes += drawn.notes
        return tuple(self.drawn_output(name, drawn) for name in self.formula.trees)

    def drawn_output(self, name: str, drawn: Drawn) -> OutputUncertainty:
        if not self.amounts(name) and not drawn.moves(name):
            return self.output(name, None, None, None)
        confidence = Decimal(self.rule.result.confidence)
        low, high = drawn.interval(name, confidence)
        value, unit = self.values[name], self.formula.formula.outputs[name].unit
        moved = _brief(drawn.scatter(name, confidence))
        self.notes.append(f"the ends of {name} would move by up to {moved} {unit} with another seed")
        with decimals.calculation():
            return self.output(name, drawn.standard(name), value - low, high - value, mean=drawn.mean(name))

    def output(
        self,
        name: str,
        standard: Decimal | None,
        below: Decimal | None,
        above: Decimal | None,
        *,
        mean: Decimal | None = None,
        contributions: tuple[Contribution, ...] = (),
    ) -> OutputUncertainty:
        value = self.values[name]
        missing = self.missing(name)
        with decimals.calculation():
            low = value - below if below is not None else None
            high = value + above if above is not None else None
            minus = below / abs(value) * _HUNDRED if below is not None and value else None
            plus = above / abs(value) * _HUNDRED if above is not None and value else None
        return OutputUncertainty(
            name=name,
            unit=self.formula.formula.outputs[name].unit,
            value=_stated(value),
            standard=_maybe(standard),
            low=_maybe(low),
            high=_maybe(high),
            minus=_maybe(minus),
            plus=_maybe(plus),
            partial=bool(missing),
            missing=missing,
            mean=_maybe(mean),
            contributions=contributions,
        )


def _stated(value: Decimal) -> Decimal:
    return Decimal(decimals.normal_text(_SHOWN.plus(value)))


def _maybe(value: Decimal | None) -> Decimal | None:
    return None if value is None else _stated(value)


def _brief(value: Decimal) -> str:
    """Two or three digits, as an uncertainty is printed (JCGM 100:2008, 7.2.6)."""
    return decimals.normal_text(Context(prec=3).plus(value))
