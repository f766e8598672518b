"""The uncertainty of a total of results: what rests on the same factor row is fully correlated across them.

Inputs of different certificates are different quantities, so they are independent; a factor row, or a value of a
parameter table, is one quantity wherever it is used. With independent lines this is equation 3.2 of the 2006 IPCC
Guidelines, Volume 1, Chapter 3.

Belongs here: adding up first-order contributions. Does not belong here: which lines may be added (``overlaps``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal

from greenlang_sdk import decimals

from greenlang.calc.mistakes import Mistake
from greenlang.calc.uncertainty import UncertaintyResult
from greenlang.calc.uncertainty_inputs import declared_rule
from greenlang.calc.uncertainty_random import coverage_factor

_SHARED = ("ef://", "table ")


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalUncertainty:
    """A total with its uncertainty. ``percent`` is the half width at 95 %, None where nothing is stated or it is zero.

    ``missing`` are the quantities without a stated uncertainty; while there is any, the uncertainty is ``partial``.
    """

    value: Decimal
    unit: str
    standard: Decimal | None
    percent: Decimal | None
    partial: bool
    missing: tuple[str, ...]

    def __str__(self) -> str:
        if self.standard is None:
            return "no uncertainty can be stated: none is published for what it rests on"
        width = f"standard uncertainty {_brief(self.standard)} {self.unit}"
        if self.percent is not None:
            width = f"± {_brief(self.percent)} % at 95 %"
        return f"{width}, partial: without {', '.join(self.missing)}" if self.partial else width


def total_uncertainty(
    parts: Iterable[tuple[UncertaintyResult, str]],
) -> tuple[TotalUncertainty | None, list[Mistake]]:
    """The uncertainty of the sum of outputs, each a first-order result with the name of its output.

    All must be in one unit. A result that was given without a certificate counts as a certificate of its own.
    """
    amounts: dict[str, Decimal] = {}
    missing: dict[str, None] = {}
    value, unit, stated = Decimal(0), "", False
    wrong: list[Mistake] = []
    with decimals.calculation():
        for number, (result, name) in enumerate(parts):
            place = f"parts[{number}]"
            if not result.success or result.method != "first-order":
                wrong.append(Mistake("wrong_type", place, "a first-order result is needed", "propagate it so"))
                continue
            output = result.output(name)
            unit = unit or output.unit
            if output.unit != unit:
                wrong.append(Mistake("unit", place, f"{name} is in {output.unit}, those before in {unit}"))
                continue
            own = result.certificate or place
            value += output.value
            missing |= dict.fromkeys(_name(source, own) for source in output.missing)
            stated = stated or output.standard is not None
            for part in output.contributions:
                source = _name(part.source, own)
                amounts[source] = amounts.get(source, Decimal(0)) + part.amount
        if wrong:
            return None, wrong
        variance = sum((amount * amount for amount in amounts.values()), Decimal(0))
        standard = decimals.sqrt(variance) if stated else None
        percent = None
        if standard is not None and value:
            percent = standard * coverage_factor(Decimal(declared_rule().result.confidence)) / abs(value) * 100
    return TotalUncertainty(
        value=value, unit=unit, standard=standard, percent=percent, partial=bool(missing), missing=tuple(missing)
    ), []


def _name(source: str, own: str) -> str:
    return source if source.startswith(_SHARED) else f"{own}: {source}"


def _brief(value: Decimal) -> str:
    return decimals.normal_text(Context(prec=3).plus(value))
