"""Whether an instrument meets the Scope 2 Quality Criteria, and for which consumption.

A criterion that is not met is a value with its reason, and an answer that is missing is a no. Belongs here: judging
instruments. Does not belong here: the criteria themselves (`emission_factors/accounting/scope2.yaml`), volumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenlang.calc.scope2_rules import Criterion, Scope2Rules
from greenlang.calc.scope2_shapes import Consumption, Instrument, Scope2Request

_OF_ONE = {"rate", "declared", "disclosed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One criterion of one instrument: met or not, why, and where it can be seen."""

    criterion: str
    number: int
    met: bool
    reason: str
    evidence: str = ""


def judged(instrument: Instrument, rules: Scope2Rules) -> tuple[Verdict, ...]:
    """The criteria that do not depend on the consumption, in their order."""
    return tuple(
        _of_one(instrument, criterion)
        for criterion in rules.criteria
        if instrument.kind in criterion.kinds and criterion.how in _OF_ONE
    )


def suited(
    instrument: Instrument, consumption: Consumption, request: Scope2Request, rules: Scope2Rules
) -> tuple[Verdict, ...]:
    """The criteria that depend on the consumption: vintage and market."""
    return tuple(
        _vintage(instrument, consumption, request, criterion)
        if criterion.how == "vintage"
        else _market(instrument, consumption, criterion)
        for criterion in rules.criteria
        if instrument.kind in criterion.kinds and criterion.how not in _OF_ONE
    )


def markets(consumption: Consumption) -> tuple[str, ...]:
    """Where instruments may come from: the market that is named, or the region and what contains it, nearest first."""
    if consumption.market:
        return (consumption.market,)
    return tuple(containing(consumption.region))


def containing(region: str) -> Iterator[str]:
    """A region, and what contains it by the selection rule, nearest first: CAMX, US."""
    from greenlang.factors.select_rule import declared_rule

    yield region
    for above, _ in declared_rule().containing(region, ""):
        yield above


def _of_one(instrument: Instrument, criterion: Criterion) -> Verdict:
    if criterion.how == "disclosed":
        return _verdict(
            instrument, criterion, True, "the result says which residual mix there is, or that there is none"
        )
    if criterion.how == "declared":
        answer = instrument.declared.get(criterion.id)
        reason = {True: "so declared", False: "declared not to be so", None: "not answered"}[answer]
        return _verdict(instrument, criterion, answer is True, reason)
    rate = instrument.rate
    if rate is None:
        return _verdict(instrument, criterion, False, "it states no emission rate")
    if not rate.citation:
        return _verdict(instrument, criterion, False, "the source of its emission rate is not named")
    return _verdict(instrument, criterion, True, f"{rate.value:f} {rate.unit}: {rate.citation}")


def _vintage(instrument: Instrument, consumption: Consumption, request: Scope2Request, criterion: Criterion) -> Verdict:
    if instrument.vintage is None:
        return _verdict(instrument, criterion, False, "it names no vintage")
    first, last = consumption.year - request.before, consumption.year + request.after
    met = first <= instrument.vintage <= last
    window = f"{first}" if first == last else f"{first} to {last}"
    return _verdict(
        instrument, criterion, met, f"vintage {instrument.vintage}, accepted for {consumption.year}: {window}"
    )


def _market(instrument: Instrument, consumption: Consumption, criterion: Criterion) -> Verdict:
    if not instrument.market:
        return _verdict(instrument, criterion, False, "it names no market")
    accepted = markets(consumption)
    met = instrument.market.casefold() in {name.casefold() for name in accepted}
    reason = f"from {instrument.market}, the consumption is in {', '.join(accepted)}"
    return _verdict(instrument, criterion, met, reason)


def _verdict(instrument: Instrument, criterion: Criterion, met: bool, reason: str) -> Verdict:
    return Verdict(
        criterion=criterion.id,
        number=criterion.number,
        met=met,
        reason=reason,
        evidence=instrument.evidence.get(criterion.id, ""),
    )
