from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest
from greenlang_sdk.canonical import _orders as orders
from greenlang_sdk.canonical import canonical, digest
from greenlang_sdk.errors import CanonicalError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "text"),
    [  # appendix B of RFC 8785
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (1e21, "1e+21"),
        (0.000001, "0.000001"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (333333333.3333332, "333333333.3333332"),
        (-0.0, "0"),
        (-1.5, "-1.5"),
    ],
)
def test_doubles_are_written_as_ecmascript_does(value: float, text: str) -> None:
    assert canonical(value) == text.encode()


def test_sample_of_rfc_8785_section_3_2_3() -> None:
    value = {"\u20ac": "Euro", "\r": "CR", "\ufb33": "D", "1": "One", "\U0001f600": "E", "\x80": "C", "\u00f6": "L"}
    keys = list(json.loads(canonical(value)))
    assert keys == ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_text_escapes() -> None:
    assert canonical("\u20ac$\u000f\nA'B\"\\/\x7f") == '"€$\\u000f\\nA\'B\\"\\\\/\x7f"'.encode()


def test_decimals_are_texts_in_normal_form() -> None:
    assert (
        canonical({"b": Decimal("1.50"), "a": [Decimal("1E+2"), True, None, 3]})
        == b'{"a":["100",true,null,3],"b":"1.5"}'
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, {1: 2}, object(), b"x", {1, 2}, "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(CanonicalError):
        canonical(value)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-9, 9)))
def test_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)
    assert json.loads(canonical(value)) == value


def test_many_sets_of_keys_are_told_apart_and_never_kept_without_end() -> None:
    for number in range(3000):
        assert canonical({f"b{number}": 1, "a": 2}) == f'{{"a":2,"b{number}":1}}'.encode()
    long = "k" * 10_000
    assert canonical({long: 1, "a": 2}) == f'{{"a":2,"{long}":1}}'.encode()
    kept = [sum(map(len, names)) for names in orders]  # type: ignore[arg-type]
    assert len(kept) <= 1000
    assert max(kept) <= 1000
