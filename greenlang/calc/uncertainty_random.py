"""Numbers for Monte Carlo that are the same on every machine: a counter-based generator in whole numbers, and the
normal quantile in decimals.

The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC '11,
2011): ten rounds over a counter of four 32-bit words under a key of two. It has no state: the number of a trial is a
function of seed, name and trial, so neither the order of trials nor further inputs change it. Everything is whole
numbers and decimals under the declared context, so no result depends on a machine's floating point or its libm.

Belongs here: the generator, the quantile. Does not belong here: which quantity is drawn (``uncertainty_inputs``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from greenlang_sdk import decimals

GENERATOR = "Philox4x32-10, key from the seed, counter from trial and name; normal quantile AS 241"
MAX_SEED = 2**64 - 1

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_HALF_STEP = Decimal(f"{5**65}E-65")  # 2**-65, exact whatever the caller's context is

Words = tuple[int, int, int, int]


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Four 32-bit words for a counter of four and a key of two."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def uniforms(seed: int, name: str, trials: int) -> Iterator[Decimal]:
    """``trials`` numbers strictly between 0 and 1: the odd multiples of 2**-65, two from each block.

    ``seed`` is a whole number of 64 bits. What is drawn under one name does not depend on any other name.
    """
    key = (seed & _MASK, seed >> 32 & _MASK)
    stream = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    low, high = stream & _MASK, stream >> 32
    for block in range((trials + 1) // 2):
        words = philox((block & _MASK, block >> 32, low, high), key)
        yield _fraction(words[0], words[1])
        if 2 * block + 1 < trials:
            yield _fraction(words[2], words[3])


def _fraction(high: int, low: int) -> Decimal:
    return decimals.CONTEXT.multiply(Decimal(2 * (high << 32 | low) + 1), _HALF_STEP)


# M. J. Wichura, Algorithm AS 241: The percentage points of the normal distribution, Applied Statistics 37 (1988),
# 477-484, routine PPND16, accurate to about one part in 10**16. Highest power first.
_CENTRE_ABOVE = (
    "2509.0809287301226727",
    "33430.575583588128105",
    "67265.770927008700853",
    "45921.953931549871457",
    "13731.693765509461125",
    "1971.5909503065514427",
    "133.14166789178437745",
    "3.3871328727963666080",
)
_CENTRE_BELOW = (
    "5226.4952788528545610",
    "28729.085735721942674",
    "39307.895800092710610",
    "21213.794301586595867",
    "5394.1960214247511077",
    "687.18700749205790830",
    "42.313330701600911252",
    "1",
)
_MIDDLE_ABOVE = (
    "0.000774545014278341407640",
    "0.0227238449892691845833",
    "0.241780725177450611770",
    "1.27045825245236838258",
    "3.64784832476320460504",
    "5.76949722146069140550",
    "4.63033784615654529590",
    "1.42343711074968357734",
)
_MIDDLE_BELOW = (
    "0.00000000105075007164441684324",
    "0.000547593808499534494600",
    "0.0151986665636164571966",
    "0.148103976427480074590",
    "0.689767334985100004550",
    "1.67638483018380384940",
    "2.05319162663775882187",
    "1",
)
_TAIL_ABOVE = (
    "0.000000201033439929228813265",
    "0.0000271155556874348757815",
    "0.00124266094738807843860",
    "0.0265321895265761230930",
    "0.296560571828504891230",
    "1.78482653991729133580",
    "5.46378491116411436990",
    "6.65790464350110377720",
)
_TAIL_BELOW = (
    "0.00000000000000204426310338993978564",
    "0.000000142151175831644588870",
    "0.0000184631831751005468180",
    "0.000786869131145613259100",
    "0.0148753612908506148525",
    "0.136929880922735805310",
    "0.599832206555887937690",
    "1",
)
_Rational = tuple[tuple[Decimal, ...], tuple[Decimal, ...]]


@lru_cache(maxsize=1)
def _rationals() -> tuple[_Rational, _Rational, _Rational]:
    pairs = ((_CENTRE_ABOVE, _CENTRE_BELOW), (_MIDDLE_ABOVE, _MIDDLE_BELOW), (_TAIL_ABOVE, _TAIL_BELOW))
    made = [(tuple(map(Decimal, above)), tuple(map(Decimal, below))) for above, below in pairs]
    return made[0], made[1], made[2]


def normal_quantile(p: Decimal) -> Decimal:
    """The standard normal deviate with probability ``p`` below it, 0 < p < 1, to about 16 digits.

    Raises ValueError for a probability that is not between 0 and 1.
    """
    if not 0 < p < 1:
        raise ValueError("a probability between 0 and 1 is needed")
    centre, middle, tail = _rationals()
    with decimals.calculation():
        q = p - Decimal("0.5")
        if abs(q) <= Decimal("0.425"):
            return q * _ratio(centre, Decimal("0.180625") - q * q)
        r = decimals.sqrt(-decimals.ln(p if q < 0 else 1 - p))
        five = Decimal(5)
        value = _ratio(middle, r - Decimal("1.6")) if r <= five else _ratio(tail, r - five)
        return -value if q < 0 else value


def coverage_factor(confidence: Decimal) -> Decimal:
    """The normal coverage factor of a level of confidence in percent: 1.96 at 95 (JCGM 100:2008, Table G.1)."""
    with decimals.calculation():
        return normal_quantile((1 + confidence / 100) / 2)


def _ratio(coefficients: _Rational, x: Decimal) -> Decimal:
    above = below = Decimal(0)
    for a, b in zip(*coefficients, strict=True):
        above, below = above * x + a, below * x + b
    return above / below
