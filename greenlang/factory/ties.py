"""Inputs whose value lies on a tie, where half-even and half-up round to different numbers, or whose last digit shows.

Belongs here: ties of an output. Does not belong here: slips in a formula (``near_misses``).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from greenlang_sdk.decimals import CONTEXT, calculation

from greenlang.factory.deciding import Inputs
from greenlang.factory.search import Search, shortened
from greenlang.formulas.evaluate import Value
from greenlang.resolution import run
from greenlang.resolution.plan import OutputPlan

_TIES = 90  # evaluations of a part at most


def ties(search: Search) -> Iterator[Inputs]:
    search.left = _TIES
    for output in search.resolution.order:
        plan = search.plans[output]
        if plan.decimals is None or not search.spec.outputs[output].numeric:
            continue
        if any(isinstance(answer, dict) and _on_tie(answer[output], plan.decimals) for _, answer in search.taken):
            continue
        found = (tie(search, plan) if search.left > 0 else None) or _odd(search, plan)
        if found is not None:
            yield found


def _on_tie(value: Value, decimals: int) -> bool:
    """Whether half-even and half-up round a value to different numbers, and one digit less to a third one."""
    if not isinstance(value, Decimal):
        return False
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent <= decimals or value.adjusted() > 40:
        return False
    shifted = value.copy_abs().scaleb(decimals, CONTEXT)
    whole = shifted.to_integral_value("ROUND_FLOOR", CONTEXT)
    return CONTEXT.subtract(shifted, whole) == Decimal("0.5") and whole % 2 == 0 and (whole % 10 != 0 or not decimals)


def _odd(search: Search, plan: OutputPlan) -> Inputs | None:
    """Inputs whose value shows the last digit that is kept, and has more; None where the vectors show one already."""
    if any(isinstance(answer, dict) and _long(answer[plan.output], plan.decimals or 0) for _, answer in search.taken):
        return None
    for given in search.bases[:2]:
        for found in search.next_numbers(given):
            answer = search.run(found)
            if isinstance(answer, dict) and _long(answer[plan.output], plan.decimals or 0):
                return found
    return None


def _long(value: Value, decimals: int) -> bool:
    """Whether one digit more and one digit less both give another number."""
    if not isinstance(value, Decimal) or value.adjusted() > 40:
        return False
    less, kept, more = (run.canonical(value, max(digits, 0)) for digits in (decimals - 1, decimals, decimals + 1))
    return kept != more and (kept != less or not decimals)


def tie(search: Search, plan: OutputPlan) -> Inputs | None:
    decimals = plan.decimals or 0
    inputs = [n for n in search.numbers if n in search.names(plan.expression)]
    for given in search.bases[:2]:
        for name in inputs[:3]:
            if not isinstance(given.get(name), (Decimal, int)):
                continue
            for found in _on_the_way(search, plan, given, name, decimals):
                answer = search.run(found, plan.output)
                if isinstance(answer, dict) and _on_tie(answer[plan.output], decimals):
                    return found
    return None


def _on_the_way(search: Search, plan: OutputPlan, given: Inputs, name: str, decimals: int) -> Iterator[Inputs]:
    """Inputs near which a value that is a straight line in one number lies on a tie."""
    beside = search.beside(given, name)
    a, b = search.run(given, plan.output), search.run(beside, plan.output) if beside else ""
    if beside is None or isinstance(a, str) or isinstance(b, str):
        return
    x, y = Decimal(str(given[name])), Decimal(str(beside[name]))
    p, q = a[plan.output], b[plan.output]
    if not isinstance(p, Decimal) or not isinstance(q, Decimal) or p == q or p.adjusted() > 24:
        return
    for short in _fives((q - p) / (y - x), x, decimals):
        if (found := search.set(given, name, short)) is not None:
            yield found
    half = Decimal(5).scaleb(-decimals - 1)
    even = (p.scaleb(decimals) / 2).to_integral_value() * 2
    for step in (0, 2, -2, 4, 22):
        if decimals and (even + step) % 10 == 0:
            continue  # its last digit would not show
        target = CONTEXT.add(CONTEXT.plus((even + step).scaleb(-decimals)), half.copy_sign(even + step or p))
        with calculation():
            wanted = x + (target - p) * (y - x) / (q - p)
        for value in dict.fromkeys((shortened(wanted), wanted, CONTEXT.next_plus(wanted), CONTEXT.next_minus(wanted))):
            found = search.set(given, name, value)
            if found is not None:
                yield found


def _fives(slope: Decimal, near: Decimal, decimals: int) -> Iterator[Decimal]:
    """Short numbers whose product with a short slope ends in a five behind the last digit that is kept."""
    _, digits, exponent = slope.normalize(CONTEXT).as_tuple()
    if not isinstance(exponent, int) or len(digits) > 12:
        return
    whole = int("".join(map(str, digits)))
    twos = whole & -whole  # the powers of two in it, which would make a ten of the five
    five = (Decimal(5) / twos).scaleb(-exponent - decimals - 1)
    middle = (near / five / 2).to_integral_value() * 2 + 1
    yield from (five * (middle + step) for step in (0, 2, -2, 4, 6, 8))
