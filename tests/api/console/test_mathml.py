"""Formulas as a person would set them, from the text of a plan."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.api.console.mathml import mathml
from greenlang.formulas.parse import parse
from greenlang.formulas.show import show


def linear(text: str) -> str:
    """The formula read back from the marks, with brackets where the marks group."""
    made = mathml("y", text)
    assert made is not None
    root = ET.fromstring(made)
    assert root.attrib["alttext"] == f"y = {text}"
    return _read(root)


def _read(node: ET.Element) -> str:
    inside = [_read(child) for child in node]
    match node.tag:
        case "mfrac":
            return f"[{inside[0]} over {inside[1]}]"
        case "msup":
            return f"{inside[0]}^[{inside[1]}]"
        case "msub" | "munder":
            return f"{inside[0]}_[{inside[1]}]"
        case "msqrt":
            return f"root[{' '.join(inside)}]"
        case "mtr":
            return f"<{'; '.join(inside)}>"
        case "mspace":
            return ""
    return " ".join(part for part in ((node.text or "").strip(), *inside) if part)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a × b + c", "y = a × b + c"),
        ("a × (b + c)", "y = a × ( b + c )"),
        ("a − (b − c)", "y = a − ( b − c )"),
        ("a − b − c", "y = a − b − c"),
        ("a ÷ (b + c)", "y = [a over b + c]"),
        ("(a ÷ b) ^ 2", "y = ( [a over b] )^[2]"),
        ("(a ^ b) ^ c", "y = ( a^[b] )^[c]"),
        ("(−a) ^ 2", "y = ( − a )^[2]"),
        ("−a ^ 2", "y = − a^[2]"),
        ("sqrt(a × b)", "y = root[a × b]"),
        ("min(a, b ÷ 2)", "y = min ( a , [b over 2] )"),
        ("1 passenger × distance", "y = 1 passenger × distance"),
        ("mass × ef[fuel, country]", "y = mass × ef_[fuel, country]"),
        (
            'if(haul == "x[1] 2 km", a, if(b > 1, c, d))',
            "y = { <a; if haul = “x[1] 2 km”> <c; if b > 1> <d; otherwise>",
        ),
        ("sum(fuels, fuels.mass × fuels.ef)", "y = ∑_[fuels] fuels.mass × fuels.ef"),
        ("a and not (b or c)", "y = a ∧ ¬ ( b ∨ c )"),
        ("x <= 2 and y != z", "y = x ≤ 2 ∧ y ≠ z"),
    ],
)
def test_a_formula_is_set_with_the_brackets_that_it_needs(text: str, read: str) -> None:
    assert linear(text) == read


@pytest.mark.parametrize(
    "text", ["SHA-256 of the calculation chain", "good or", "√(cop² ÷ 3)", "<script>", "", "lookup__0"]
)
def test_what_is_no_expression_has_no_marks(text: str) -> None:
    assert mathml("y", text) is None


def test_foreign_text_stays_text() -> None:
    made = mathml('"><script>', 'if(a == "</mtext><script>alert(1)</script>", 1, 2)')
    assert made is not None
    assert set(re.findall(r"<(\w+)", made)) <= {"math", "mrow", "mo", "mi", "mn", "mtext", "mtable", "mtr", "mtd"}


expressions = st.recursive(
    st.sampled_from(["a", "b", "2", "0.5"]),
    lambda inner: st.one_of(
        st.builds(lambda x, o, y: f"({x} {o} {y})", inner, st.sampled_from("+-*/"), inner),
        st.builds(lambda x: f"sqrt({x})", inner),
        st.builds(lambda x: f"(-{x})", inner),
        st.builds(lambda x: f"(({x}) ** 2)", inner),
        st.builds(lambda x, y: f"if(a > {x}, {x}, {y})", inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(expressions)
def test_every_shown_formula_has_marks_that_are_whole(text: str) -> None:
    made = mathml("y", show(parse(text)))
    assert made is not None
    for node in ET.fromstring(made).iter():
        if node.tag in ("mfrac", "msup", "msub", "munder"):
            assert len(node) == 2
