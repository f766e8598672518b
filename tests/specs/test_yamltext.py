"""What is written as YAML is read back as the same values, whatever they are."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from greenlang.specs.source import parse
from greenlang.specs.yamltext import WIDTH, block

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
WORDS = st.lists(st.sampled_from(["energy", "NO", "1e5", "a:", "#b", "- c", "x = y", "factor(grid)", "ü"])).map(
    " ".join
)
NUMBERS = st.integers(-(10**12), 10**12) | st.decimals(-(10**6), 10**6, places=6)
SCALARS = (
    TEXT | WORDS | NUMBERS | st.booleans() | st.none() | st.sampled_from(["yes", "No", "null", "~", "1", "0x1", "1_0"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS.filter(bool), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["compute", "name", "on", "tests"]), VALUES, min_size=1))
def test_round_trip(values: dict[str, object]) -> None:
    text = block(values)
    document = parse(text.encode())
    assert document.diagnostics == ()
    assert document.value == values
    assert block(values) == text


def test_long_texts_are_folded_and_short_mappings_stand_on_one_line() -> None:
    long = " ".join(["word"] * 60)
    text = block({"compute": {"formulas": {"x": long}, "inputs": {"a": {"unit": "1", "ge": Decimal("1E-9")}}}})
    assert "x: >-\n" in text
    assert '  inputs: {a: {unit: "1", ge: 1e-9}}\n' in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert parse(text.encode()).value["compute"]["formulas"]["x"] == long
