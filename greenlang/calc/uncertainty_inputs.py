"""What is known of the uncertainty of each quantity in a calculation, and what is not.

A quantity is a factor row, an input, a parameter, an override, or a value of a parameter table. One factor row is one
quantity, however often it is used and in whatever unit. What a row publishes counts; a caller may state more. Nothing
is ever taken to be exact because nobody stated its uncertainty: constants of nature and figures that a formula holds
itself (44/12) are, everything else without a statement is named.

Belongs here: reading statements, distributions, the list of quantities. Does not belong here: propagation
(``uncertainty``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from greenlang_sdk import decimals

from greenlang.calc.accounting_rules import declaration, made
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import convert, exact, read_number
from greenlang.calc.uncertainty_random import coverage_factor, normal_quantile
from greenlang.factors.model import Factor

DISTRIBUTIONS = ("normal", "lognormal", "uniform", "triangular")
_FIELDS = ("percent", "absolute", "distribution", "confidence", "citation")
_ONE = Decimal(1)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Unstated:
    """What a statement means that names neither distribution nor confidence."""

    distribution: str
    confidence: Mapping[str, int]
    why: str
    citation: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a result is stated at, and how many trials there may be. ``rough_above`` is in percent."""

    confidence: int
    first_order: str
    monte_carlo: str
    rough_above: int
    trials: int
    smallest_trials: int
    largest_trials: int


@dataclass(frozen=True, slots=True)
class UncertaintyRule:
    """`emission_factors/accounting/uncertainty.yaml`; ``distributions`` maps each to its citation."""

    unstated: Unstated
    distributions: Mapping[str, Mapping[str, str]]
    result: Statement


@cache
def declared_rule() -> UncertaintyRule:
    """The rule of this installation. Raises FactorTableError if its file cannot be read."""
    rule = made(UncertaintyRule, declaration("uncertainty"), "uncertainty.yaml")
    return replace(
        rule,
        unstated=made(Unstated, rule.unstated, "uncertainty.yaml: unstated"),
        result=made(Statement, rule.result, "uncertainty.yaml: result"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """A statement: half width in ``percent`` of the value, or ``absolute`` with its unit ("2 kWh"); exactly one.

    ``distribution`` one of `DISTRIBUTIONS`, ``confidence`` in percent; unstated ones are read by the declared rule.
    """

    percent: Decimal | int | str | None = None
    absolute: str = ""
    distribution: str = ""
    confidence: Decimal | int | str | None = None
    citation: str = ""

    def plain(self) -> dict[str, str]:
        """What was said, as texts."""
        out = {}
        for name in _FIELDS:
            said = getattr(self, name)
            if said not in (None, ""):
                out[name] = decimals.normal_text(said) if isinstance(said, Decimal) else str(said)
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a quantity scatters. ``half`` and ``standard`` are parts of the value, or amounts where ``relative`` is not.

    ``scale`` is what the distribution is drawn with: standard deviation, sigma of the logarithm, or half of the base.
    ``assumed`` names what the statement left open.
    """

    distribution: str
    half: Decimal
    confidence: Decimal
    standard: Decimal
    scale: Decimal
    relative: bool
    assumed: tuple[str, ...]
    citation: str

    def normal(self) -> bool:
        """Whether it is drawn from a normal deviate, so that it can be correlated."""
        return self.distribution in {"normal", "lognormal"}

    def drawn(self, probability: Decimal) -> Decimal:
        """The deviation with that probability below it: a factor where ``relative``, else an amount to be added."""
        match self.distribution:
            case "normal" | "lognormal":
                return self.from_normal(normal_quantile(probability))
            case "uniform":
                deviation = self.scale * (2 * probability - 1)
            case _:
                half = Decimal("0.5")
                if probability <= half:
                    deviation = self.scale * (decimals.sqrt(2 * probability) - 1)
                else:
                    deviation = self.scale * (1 - decimals.sqrt(2 * (1 - probability)))
        return _ONE + deviation if self.relative else deviation

    def from_normal(self, deviate: Decimal) -> Decimal:
        """The same, from a standard normal deviate."""
        if self.distribution == "lognormal":
            return decimals.exp(self.scale * deviate)
        return _ONE + self.scale * deviate if self.relative else self.scale * deviate


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One uncertain quantity. ``spread`` is None where nobody states its uncertainty.

    ``id`` is ``ef://<key>`` for a factor row, else what it is called in the calculation: ``energy``,
    ``fuels[0].mass``, ``table <name>.<column>[<key>]``. ``told_by`` is row or caller.
    """

    id: str
    meaning: str
    spread: Spread | None
    told_by: str = ""
    note: str = ""


def read_uncertainties(raw: Mapping[str, Any]) -> tuple[dict[str, Uncertainty], list[Mistake]]:
    """Statements from plain values: name -> mapping, `Uncertainty`, or a text such as "5 %" or "2 kWh"."""
    out: dict[str, Uncertainty] = {}
    wrong: list[Mistake] = []
    for name, said in raw.items():
        place = f"uncertainties.{name}"
        try:
            out[str(name)] = _read(said)
        except Refused as error:
            wrong.append(error.at(place))
    return out, wrong


def _read(said: object) -> Uncertainty:
    if isinstance(said, Uncertainty):
        found = said
    elif isinstance(said, Mapping):
        if extra := [str(name) for name in said if name not in _FIELDS]:
            raise Refused("wrong_type", f"an uncertainty has no `{extra[0]}`", near(extra[0], _FIELDS))
        found = Uncertainty(**said)
    elif isinstance(said, str):
        number, unit = read_number(said)
        if not unit:
            raise Refused("unit", f"`{said}` names neither % nor a unit", "write 5 % or 2 kWh")
        percent = unit in {"%", "percent"}
        found = Uncertainty(percent=number) if percent else Uncertainty(absolute=said)
    else:
        raise Refused("wrong_type", f"a {type(said).__name__} is no uncertainty", "write 5 % or 2 kWh")
    if (found.percent is None) == (not found.absolute):
        raise Refused("wrong_type", "an uncertainty is either percent or absolute", "give exactly one of the two")
    if found.distribution and found.distribution not in DISTRIBUTIONS:
        raise Refused("not_allowed", f"`{found.distribution}` is unknown", near(found.distribution, DISTRIBUTIONS))
    half = exact(found.percent) if found.percent is not None else read_number(found.absolute)[0]
    if half < 0:
        raise Refused("out_of_range", "a half width is not negative", "give the half width, without a sign")
    return found


def spread(said: Uncertainty, unit: str, rule: UncertaintyRule) -> Spread:
    """A statement about a quantity in ``unit``, read by the rule. Raises Refused."""
    assumed = []
    distribution = said.distribution
    if not distribution:
        distribution = rule.unstated.distribution
        assumed.append(f"distribution {distribution}")
    if said.confidence is not None:
        confidence = exact(said.confidence)
    else:
        confidence = Decimal(rule.unstated.confidence[distribution])
        assumed.append(f"confidence {confidence} %")
    bounded = distribution in {"uniform", "triangular"}
    if not 0 < confidence < _HUNDRED and not (bounded and confidence == _HUNDRED):
        raise Refused("out_of_range", f"a {distribution} distribution has no range of {confidence} %", "give 95")
    if said.percent is not None:
        with decimals.calculation():
            half = exact(said.percent) / _HUNDRED
    else:
        if distribution == "lognormal":
            raise Refused("not_allowed", "a lognormal uncertainty is stated in percent", "give percent")
        half = _amount(said.absolute, unit)
    standard, scale = _standard(distribution, half, confidence)
    return Spread(
        distribution=distribution,
        half=half,
        confidence=confidence,
        standard=standard,
        scale=scale,
        relative=said.percent is not None,
        assumed=tuple(assumed),
        citation=said.citation,
    )


def _amount(text: str, unit: str) -> Decimal:
    """A half width in the unit of its quantity; a shifted zero (degC) does not move a width."""
    number, written = read_number(text)
    if not written or written == unit:
        return number
    made = convert(number, written, unit, "")
    if made is None:
        return number
    return decimals.CONTEXT.subtract(made.result, made.shift) if made.shift else made.result


def _standard(distribution: str, half: Decimal, confidence: Decimal) -> tuple[Decimal, Decimal]:
    """``(standard uncertainty, scale)`` of a half width."""
    with decimals.calculation():
        part = confidence / _HUNDRED
        match distribution:
            case "normal":
                standard = half / coverage_factor(confidence)
                return standard, standard
            case "lognormal":
                sigma = decimals.ln(1 + half) / coverage_factor(confidence)
                grown = decimals.exp(sigma * sigma)
                return decimals.sqrt(grown * (grown - 1)), sigma
            case "uniform":
                base = half / part
                return base / decimals.sqrt(Decimal(3)), base
            case _:
                base = half / (1 - decimals.sqrt(1 - part))
                return base / decimals.sqrt(Decimal(6)), base


def of_row(row: Factor, rule: UncertaintyRule) -> Spread | None:
    """What a factor row publishes of its uncertainty; None if it publishes none. Raises Refused."""
    if row.uncertainty is None:
        return None
    said = Uncertainty(
        percent=row.uncertainty,
        distribution=row.uncertainty_distribution,
        confidence=row.uncertainty_confidence,
        citation=row.citation,
    )
    return spread(said, row.unit, rule)
