"""Foreign numbers: every figure in a text is seen, by value, and names are not figures."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.llm.numbers import foreign_numbers, known_numbers, material_check, numerals
from greenlang.llm.replies import FailureExplanation


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.202 kg of CO2", ["0.202"]),
        ("CO2, N2O, scope_1, gwp100, x3", []),
        ("44kWh and 2.5x", ["44", "2.5"]),
        ("1,000.5 and 1’000 and 1_000", ["1000.5", "1000", "1000"]),
        ("1e-3, 2E5, .5, 7.", ["0.001", "200000", "0.5", "7"]),
        ("1_0, 0x1F, 0b1_0, 1e1_0 and 0.1_5", ["10", "31", "2", "1E10", "0.15"]),  # as Python reads them
        ("12,5", ["12", "5"]),
        ("10³ and 10⁻² and m³", ["1000", "0.01"]),
        ("½ of it", ["0.5"]),
        ("-5", ["5"]),
        ("٣ is three", ["3"]),
        ("version 1.2.3", ["1.2", "3"]),
    ],
)
def test_figures_are_read_by_value(text: str, values: list[str]) -> None:
    assert [n.value for n in numerals(text)] == [Decimal(v) for v in values]


def test_a_figure_that_stands_in_the_material_is_not_foreign() -> None:
    known = known_numbers("fuel times 2.50 kg, at 5 % loss", [Decimal("0.202"), 1000])
    assert foreign_numbers("2.5 * 0.2020 * 1,000 * 0.05 or 5 %", known) == ()
    assert [n.text for n in foreign_numbers("2.5 plus 0.203, 7 and 2.50", known)] == ["0.203", "7"]


def test_a_sign_makes_no_figure_known() -> None:
    assert foreign_numbers("-3", known_numbers(Decimal(-3))) == ()


@given(st.decimals(min_value=0, max_value=10**9, places=4), st.sampled_from(["", " ", "(", "= ", "x * "]))
def test_a_foreign_figure_is_always_seen(value: Decimal, before: str) -> None:
    assert [n.value for n in foreign_numbers(f"{before}{value:f}", ())] == [value]
    assert foreign_numbers(f"{before}{value:f}", known_numbers(f"{value:f}")) == ()


@given(st.text(alphabet="0123456789.,e+- ³½x_\n", max_size=30))
def test_no_digit_hides(text: str) -> None:
    """Every ASCII digit belongs to a figure, or to a word that a letter or underscore begins."""
    covered = {at for n in numerals(text) for at in range(n.at, n.at + len(n.text))}
    word = False
    for at, character in enumerate(text):
        if character in "0123456789":
            assert at in covered or word, (text, at)
        word = character in "xe_" or (word and character in "0123456789")


def test_an_explanation_holds_only_figures_of_its_material() -> None:
    check = material_check({"failures": [{"message": "expected 2.5, got 5"}, {"message": "CO2"}], "spec": "x"})
    good = {"root_causes": ["2 tests give 5 instead of 2.5, see line 12"], "confidence": 0.9, "complexity": "low"}
    patch = {"file": "a.py", "line": 12, "old": "a", "new": "b", "explanation": "c"}
    assert check(FailureExplanation.model_validate({**good, "fix_suggestions": [patch]})) == []
    bad = FailureExplanation.model_validate({**good, "root_causes": ["the factor of 0.202 is missing"]})
    assert check(bad) == ["0.202 stands nowhere in the material"]
