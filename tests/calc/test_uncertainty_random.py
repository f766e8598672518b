"""The generator and the quantile behind Monte Carlo: published vectors, and nothing of the machine in them."""

from __future__ import annotations

import decimal
from decimal import Decimal
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.calc.uncertainty_random import coverage_factor, normal_quantile, philox, uniforms


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_known_answers_of_the_generator(counter: str, key: str, words: str) -> None:
    """Random123, tests/kat_vectors, lines philox4x32 10."""
    c0, c1, c2, c3 = (int(word, 16) for word in counter.split())
    k0, k1 = (int(word, 16) for word in key.split())
    assert philox((c0, c1, c2, c3), (k0, k1)) == tuple(int(word, 16) for word in words.split())


def test_uniforms_are_a_function_of_seed_name_and_trial() -> None:
    first = list(uniforms(7, "energy", 101))
    assert first[:10] == list(uniforms(7, "energy", 10))
    assert len(set(first)) == 101
    assert first != list(uniforms(8, "energy", 101))
    assert first != list(uniforms(7, "ef", 101))
    assert all(0 < number < 1 for number in first)
    assert first[:1] != list(uniforms(7 + 2**32, "energy", 1))


def test_the_callers_decimal_context_changes_nothing() -> None:
    wanted = (list(uniforms(1, "a", 5)), normal_quantile(Decimal("0.001")), coverage_factor(Decimal(95)))
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_DOWN
        assert (list(uniforms(1, "a", 5)), normal_quantile(Decimal("0.001")), coverage_factor(Decimal(95))) == wanted


def test_uniforms_are_even() -> None:
    """Chi squared over 64 cells: 63 degrees of freedom, 5 % and 95 % points 45.7 and 82.5."""
    counts = [0] * 64
    for number in uniforms(2025, "cells", 6400):
        counts[int(number * 64)] += 1
    assert 40 < sum((count - 100) ** 2 for count in counts) / 100 < 95


@given(st.floats(1e-300, 1 - 1e-16))
def test_the_quantile_is_that_of_the_standard_library(p: float) -> None:
    """`statistics.NormalDist` computes the same published algorithm in floating point."""
    wanted = NormalDist().inv_cdf(p)
    assert abs(float(normal_quantile(Decimal(p))) - wanted) <= 1e-12 * max(1, abs(wanted))


def test_the_coverage_factor_of_the_gum() -> None:
    """JCGM 100:2008, Table G.1: 1.645 at 90 %, 1.960 at 95 %, 2.576 at 99 %."""
    found = [round(coverage_factor(Decimal(level)), 3) for level in (90, 95, 99)]
    assert found == [Decimal("1.645"), Decimal("1.960"), Decimal("2.576")]
    with pytest.raises(ValueError, match="between 0 and 1"):
        normal_quantile(Decimal(0))
