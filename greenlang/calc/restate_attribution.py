"""How a difference is divided among its causes: Shapley values, exact over all combinations, or a fixed order.

Shapley: L. S. Shapley, "A Value for n-Person Games", in: Contributions to the Theory of Games II, Annals of Mathematics
Studies 28, Princeton University Press, 1953, pages 307-317. With the value v of each set S of causes that have changed,
the part of cause i among k causes is the sum over the sets S without i of |S|! (k - |S| - 1)! / k! times v(S with i)
minus v(S). The parts add up to v(all) minus v(none), no cause is favoured by an order, and a cause that changes nothing
gets nothing. Fixed order: each cause gets what its change does after those named before it; stated with the result.

Parts are computed in whole numbers of the last digit and written with `MORE` digits more than the output; what rounding
leaves (a few units of that last digit) goes to the largest part, so the sum is exact.

Belongs here: weights and their SQL. Does not belong here: where the values come from (``restate_plans``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import Literal

Method = Literal["shapley", "order"]
Causes = frozenset[str]

CAUSES = ("factors", "gwp_set", "formula", "activities")
MORE = 4  # digits after the point beyond those of the output
METHODS = {
    "shapley": "Shapley values over all combinations of the causes (Shapley 1953)",
    "order": "fixed order: each cause after those before it",
}
_WIDTH = 38


def subsets(causes: Sequence[str]) -> list[Causes]:
    """Every set of causes, small ones first."""
    return [frozenset(found) for size in range(len(causes) + 1) for found in combinations(causes, size)]


def weights(causes: Sequence[str], cause: str, method: Method) -> tuple[dict[Causes, int], int]:
    """Whole weights of the values v(S), and what their sum is divided by: the part of one cause."""
    found: dict[Causes, int] = {}

    def count(with_it: Causes, without: Causes, times: int) -> None:
        found[with_it] = found.get(with_it, 0) + times
        found[without] = found.get(without, 0) - times

    if method == "order":
        place = list(causes).index(cause)
        count(frozenset(causes[: place + 1]), frozenset(causes[:place]), 1)
        return found, 1
    others = [name for name in causes if name != cause]
    for before in subsets(others):
        count(before | {cause}, before, factorial(len(before)) * factorial(len(others) - len(before)))
    return found, factorial(len(causes))


def parts(values: Mapping[Causes, str], causes: Sequence[str], method: Method) -> dict[str, str]:
    """SQL: the part of each cause before the rest is given to the largest, in whole numbers of the last digit.

    ``values`` holds for each set of causes a HUGEINT expression: the value in units of its own last digit.
    """
    out = {}
    for cause in causes:
        found, divisor = weights(causes, cause, method)
        terms = " + ".join(f"{times}::HUGEINT * {values[chosen]}" for chosen, times in found.items() if times)
        total = f"({terms or '0::HUGEINT'}) * {10**MORE}::HUGEINT"
        out[cause] = total if divisor == 1 else f"({total}) // {divisor}::HUGEINT"
    return out


def with_rest(columns: dict[str, str], difference: str) -> dict[str, str]:
    """SQL: the parts, the largest with what rounding left; of equal ones the first. All in units of the last digit."""
    total = " + ".join(columns.values())
    rest = f"({difference} * {10**MORE}::HUGEINT - ({total}))"
    names = list(columns)
    out = {}
    for place, name in enumerate(names):
        before = [f"abs({columns[name]}) > abs({columns[other]})" for other in names[:place]]
        after = [f"abs({columns[name]}) >= abs({columns[other]})" for other in names[place + 1 :]]
        largest = " AND ".join([*before, *after]) or "TRUE"
        out[name] = f"{columns[name]} + CASE WHEN {largest} THEN {rest} ELSE 0::HUGEINT END"
    return out


def whole(value: str, decimals: int) -> str:
    """SQL: a DECIMAL(38, decimals) as a whole number of its last digit."""
    if not decimals:
        return f"CAST({value} AS HUGEINT)"
    ten = 10**decimals
    rest = f"CAST(({value} - trunc({value})) * CAST({ten} AS DECIMAL({decimals + 1},0)) AS HUGEINT)"
    return f"(CAST(trunc({value}) AS HUGEINT) * {ten}::HUGEINT + {rest})"


def amount(units: str, decimals: int) -> str:
    """SQL: a whole number of the last of ``decimals`` digits as DECIMAL(38, decimals)."""
    kind = f"DECIMAL({_WIDTH},{decimals})"
    if not decimals:
        return f"CAST({units} AS {kind})"
    ten = f"{10**decimals}::HUGEINT"
    step = f"CAST('0.{'0' * (decimals - 1)}1' AS DECIMAL({decimals},{decimals}))"
    rest = f"CAST(({units}) % {ten} AS DECIMAL({decimals},0)) * {step}"
    return f"(CAST(({units}) // {ten} AS {kind}) + CAST({rest} AS {kind}))"
