"""The uncertainty of scope 2 and of a spend: lines that are products, by first order.

Factor rows bring what their publisher states, and one row is one quantity over all lines. What instruments cover is a
volume on paper, so an uncertain consumption falls on the last tranche: more or less energy is more or less of what
nothing else covers. What nobody states is named, and the uncertainty is then partial.

Belongs here: which quantities a line rests on, and adding up. Does not belong here: formulas (``uncertainty``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from greenlang_sdk import decimals

from greenlang.calc.engine import CalculationEngine
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.records import FactorRecord
from greenlang.calc.scope2_result import LOCATION, MARKET, Scope2Line, Scope2Result
from greenlang.calc.spend_result import SpendResult
from greenlang.calc.uncertainty_inputs import Spread, Uncertainty, declared_rule, of_row, read_uncertainties, spread
from greenlang.calc.uncertainty_random import coverage_factor
from greenlang.calc.uncertainty_total import TotalUncertainty

_HUNDRED = Decimal(100)


@dataclass(slots=True)
class _Sum:
    """A sum, by quantity: how fast it moves with each whole relative change of it."""

    value: Decimal = Decimal(0)
    slopes: dict[str, Decimal] = field(default_factory=dict)

    def add(self, source: str, slope: Decimal) -> None:
        self.slopes[source] = decimals.CONTEXT.add(self.slopes.get(source, Decimal(0)), slope)


def scope2_uncertainty(
    engine: CalculationEngine, result: Scope2Result, uncertainties: Mapping[str, Any] | None = None
) -> tuple[dict[str, TotalUncertainty], list[Mistake]]:
    """The uncertainty of both results, and of each stage of category 3, by name; in kgCO2e.

    Names of quantities are ids of consumption and of instruments, ``residual-mix: <citation>``, and references of rows.
    Statements are in percent. Only for a success.
    """
    sums: dict[str, _Sum] = {}
    for method in (LOCATION, MARKET):
        total = result.location if method == LOCATION else result.market
        assert total is not None
        lines = [line for line in result.of(method) if not line.outside]
        sums[method] = _of_lines(total.exact, lines, last_only=method == MARKET)
    for line in result.upstream:
        name = f"scope 3, {line.stage}"
        before = sums.setdefault(name, _Sum())
        one = _of_lines(line.exact, [line], last_only=False)
        before.value = decimals.CONTEXT.add(before.value, line.exact)
        for source, slope in one.slopes.items():
            before.add(source, slope)
    return _stated(engine, sums, uncertainties or {})


def spend_uncertainty(
    engine: CalculationEngine, result: SpendResult, uncertainties: Mapping[str, Any] | None = None
) -> tuple[TotalUncertainty | None, list[Mistake]]:
    """The uncertainty of a spend. Only for a success.

    Names of quantities are ``amount``, the steps that changed it (``deflate``, ``exchange``, ``margin``), and the
    factor's reference. Statements are in percent.
    """
    assert result.exact is not None
    assert result.factor is not None
    own = _Sum(result.exact)
    own.add("amount", result.exact)
    for step in result.steps:
        if not step.skipped and step.step not in {"vat", "factor"}:
            own.add(step.step, result.exact)
    own.add(f"ef://{result.factor.key}", result.exact)
    found, mistakes = _stated(engine, {result.id: own}, uncertainties or {})
    return found.get(result.id), mistakes


def _of_lines(value: Decimal, lines: Sequence[Scope2Line], *, last_only: bool) -> _Sum:
    """The slopes of a sum of lines. ``last_only``: a consumption moves its last tranche only."""
    own = _Sum(value)
    last = {line.consumption: line.tranche for line in lines}
    parts = {(line.consumption, line.tranche): line.quantity for line in lines}
    for line in lines:
        for source in _sources(line):
            own.add(source, line.exact)
        if not last_only:
            own.add(line.consumption, line.exact)
        elif line.tranche == last[line.consumption]:
            with decimals.calculation():
                consumed = sum((part for (name, _), part in parts.items() if name == line.consumption), Decimal(0))
                own.add(line.consumption, consumed * line.rate)
    return own


def _sources(line: Scope2Line) -> Iterable[str]:
    """What a line rests on, beside the consumption."""
    records: tuple[FactorRecord | None, ...] = (line.factor, line.gwp)
    found = [f"ef://{record.key}" for record in records if record is not None]
    if found:
        return found
    return [f"residual-mix: {line.citation}" if line.tranche == "residual-mix" else line.tranche]


def _stated(
    engine: CalculationEngine, sums: Mapping[str, _Sum], raw: Mapping[str, Any]
) -> tuple[dict[str, TotalUncertainty], list[Mistake]]:
    told, wrong = read_uncertainties(raw)
    known = dict.fromkeys(source for own in sums.values() for source in own.slopes)
    for name in told:
        if name not in known:
            hint = near(name, known)
            wrong.append(Mistake("unknown_input", f"uncertainties.{name}", "the result has no such quantity", hint))
    spreads: dict[str, Spread | None] = {}
    for source in known:
        try:
            spreads[source] = _spread(engine, source, told.get(source))
        except Refused as error:
            wrong.append(error.at(f"uncertainties.{source}"))
    if wrong:
        return {}, wrong
    return {name: _total(own, spreads) for name, own in sums.items()}, []


def _spread(engine: CalculationEngine, source: str, said: Uncertainty | None) -> Spread | None:
    rule = declared_rule()
    if said is not None:
        if said.percent is None:
            raise Refused("wrong_type", "its uncertainty is stated in percent", "give percent")
        return spread(said, "1", rule)
    row = engine.table.get(source.removeprefix("ef://")) if source.startswith("ef://") else None
    return of_row(row, rule) if row is not None else None


def _total(own: _Sum, spreads: Mapping[str, Spread | None]) -> TotalUncertainty:
    moving = {source: slope for source, slope in own.slopes.items() if slope}
    missing = tuple(source for source in moving if spreads[source] is None)
    with decimals.calculation():
        amounts = [slope * known.standard for s, slope in moving.items() if (known := spreads[s]) is not None]
        standard = decimals.sqrt(sum((amount * amount for amount in amounts), Decimal(0))) if amounts else None
        percent = None
        if standard is not None and own.value:
            factor = coverage_factor(Decimal(declared_rule().result.confidence))
            percent = standard * factor / abs(own.value) * _HUNDRED
    return TotalUncertainty(
        value=own.value, unit="kgCO2e", standard=standard, percent=percent, partial=bool(missing), missing=missing
    )
