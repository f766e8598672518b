"""The operators, declared: the slips that matter in a calculation of emissions.

Belongs here: names and what they stand for; the page on quality prints this list. Does not belong here: how they are
carried out (``code``, ``declared``, ``tables``).
"""

from __future__ import annotations

from greenlang.quality.mutation.model import Operator

UNIT = "unit swapped"
FACTOR = "factor of another year or region"
GWP = "GWP set swapped"
SIGN = "sign"
THOUSAND = "off by 1000"
BOUNDARY = "boundary"
DROPPED = "dropped term"
ROUNDING = "rounding"
OPERANDS = "operands swapped"
ARGUMENTS = "arguments swapped"
BRANCHES = "branches swapped"
CONTROL = "control"

OPERATORS = (
    Operator(
        UNIT,
        "an author who reads lb as kg, or converts the wrong way round",
        "the unit of a calculation or of a field becomes another of the same kind; a conversion constant becomes that "
        "of another unit, or its inverse",
    ),
    Operator(
        FACTOR,
        "a row taken from the edition beside, or for the neighbour",
        "a pinned row becomes another real row of the factor tables with the same activity, gas and unit; two entries "
        "of one look-up change places; digests stay true",
    ),
    Operator(
        GWP,
        "CO2e on AR4 in one place and on AR6 in another",
        "a global warming potential, pinned or written in the code, becomes that of another published set",
    ),
    Operator(SIGN, "an emission that is deducted, a credit that is added", "+ becomes -, - becomes +, -x becomes x"),
    Operator(
        THOUSAND,
        "grams for kilograms, kWh for MWh",
        "a written number, a default, a limit or a whole result is a thousand times as large",
    ),
    Operator(
        BOUNDARY,
        "more than for at least",
        "ge becomes gt and so on, in limits and in comparisons; a pattern loses an end, a list of choices one choice",
    ),
    Operator(
        DROPPED,
        "a term, a factor, a step or a case that was forgotten",
        "one operand of a sum, difference, product, quotient, min or max; one branch; a step of the agent gives zero",
    ),
    Operator(
        ROUNDING,
        "another number of digits, or ties rounded up",
        "one digit more or less in a calculation's declaration and where the agent rounds; half-up for half-even",
    ),
    Operator(OPERANDS, "the reciprocal, the difference the wrong way", "a - b becomes b - a, a / b becomes b / a"),
    Operator(
        ARGUMENTS,
        "two values of one type in the wrong order",
        "two arguments of a step, a look-up or an answer change places",
    ),
    Operator(BRANCHES, "a condition read the wrong way", "the two sides of a condition change places; min becomes max"),
)
NAMES = tuple(operator.name for operator in OPERATORS)
