"""Which part of which consumption each instrument covers: exact, never more than its volume, never more than consumed.

All amounts are fractions of one unit, so nothing is lost to rounding here. Belongs here: allocation. Does not belong
here: who may be allocated to whom (``scope2_criteria``), emissions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

_DIGITS = 24  # after the point, of amounts that no decimal holds exactly


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be applied, in its order: ``volume`` None is all that is left. ``to`` are consumptions that it suits."""

    id: str
    volume: Fraction | None
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Covered:
    """An amount of a consumption that one offer covers; ``offer`` is empty for the rest."""

    consumption: str
    offer: str
    amount: Fraction


def allocate(consumed: Mapping[str, Fraction], offers: Sequence[Offer]) -> tuple[list[Covered], dict[str, Fraction]]:
    """``(covered, unused)``: each offer in turn covers what is left of its consumptions, in the order of ``consumed``.

    The amounts of one consumption add up to it exactly; ``unused`` is what is left of each offer's volume.
    """
    left = dict(consumed)
    covered: list[Covered] = []
    unused: dict[str, Fraction] = {}
    for offer in offers:
        remaining = offer.volume
        for name in consumed:
            if name not in offer.to or not left[name]:
                continue
            amount = left[name] if remaining is None else min(left[name], remaining)
            if not amount:
                break
            covered.append(Covered(name, offer.id, amount))
            left[name] -= amount
            if remaining is not None:
                remaining -= amount
        unused[offer.id] = remaining or Fraction(0)
    covered += [Covered(name, "", rest) for name, rest in left.items() if rest or not consumed[name]]
    return covered, unused


def decimals_of(parts: Sequence[Fraction], whole: Decimal) -> list[Decimal]:
    """Fractions that add up to ``whole`` as decimals that do: rounded down, and the last takes what is left."""
    out = [_down(part) for part in parts[:-1]]
    rest = Fraction(whole) - sum((Fraction(part) for part in out), Fraction(0))
    return [*out, exact_decimal(rest)] if parts else []


def _down(part: Fraction) -> Decimal:
    scaled = part * 10**_DIGITS
    return exact_decimal(Fraction(scaled.numerator // scaled.denominator, 10**_DIGITS))


def exact_decimal(value: Fraction) -> Decimal:
    """The decimal of a fraction whose denominator is made of twos and fives.

    Raises ValueError for any other.
    """
    denominator, twos, fives = value.denominator, 0, 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    if denominator != 1:
        raise ValueError(f"{value} has no exact decimal")
    places = max(twos, fives)
    digits = value.numerator * 2 ** (places - twos) * 5 ** (places - fives)
    sign, text = ("-" if digits < 0 else ""), str(abs(digits))
    return Decimal(f"{sign}{text}E-{places}") if places else Decimal(f"{sign}{text}")
