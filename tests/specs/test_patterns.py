"""Patterns: linear time, refused with the engine's reason, and the same meaning as in a generated agent."""

from __future__ import annotations

import pytest

from greenlang.specs.pattern_examples import example
from greenlang.specs.patterns import matches, problem


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|a)*b", "(.*)*x", "^([a-z]+ ?)*$"])
def test_no_pattern_hangs(pattern: str) -> None:
    assert problem(pattern) == ""
    assert not matches(pattern, "a" * 30_000 + "!")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[", "unclosed character class"),
        ("(?=a)", "look-around, including look-ahead and look-behind, is not supported"),
        (r"(a)\1", "backreferences are not supported"),
        ("(a{1000}){1000}{1000}", "compiled regex exceeds size limit of 10485760 bytes"),
    ],
)
def test_what_the_engine_has_not_is_refused_with_its_reason(pattern: str, reason: str) -> None:
    assert problem(pattern) == reason
    with pytest.raises(ValueError, match="cannot be used"):
        matches(pattern, "a")


def test_a_pattern_may_match_a_part() -> None:
    assert matches("b", "abc")
    assert not matches("^b$", "abc")
    assert matches(r"^[A-Z]{2}-\d+$", "DE-10")
    assert not matches("^a$", "a\n")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^FAC-[0-9]{4}$", "FAC-0000"),
        (r"^(EU|US)-\d+(?:/[a-z]{2,3})?$", "EU-0"),
        (r"[^\]x]\.com\b", "0.com"),
        (r"^(?P<year>20\d\d)-(0[1-9]|1[0-2])$", "2000-01"),
        (r"(?i)^a|b$", "a"),
        (r"^\p{Greek}[[:digit:]]*?$", "α0"),
        ("", ""),
        ("[", None),
        (r"^x{500}$", None),
        (r"^[a-z&&[^a-z]]$", None),
    ],
)
def test_a_text_for_a_pattern(pattern: str, text: str | None) -> None:
    assert example(pattern) == text
