"""What the carbon part of the formula library promises: its subjects, its methods, and biogenic CO2 outside totals.

Units, worked vectors and ids are proved for every domain elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

import pytest

from greenlang import units
from greenlang.formulas.library import LibraryFormula, library
from greenlang.formulas.show import show
from greenlang.formulas.tree import Name, walk

SUBJECTS = {
    "stationary",
    "mobile",
    "fugitive",
    "minerals",
    "chemicals",
    "metals",
    "products",
    "livestock",
    "soils",
    "land",
    "epa-industry",
    "epa-oil-gas",
    "refrigerants",
    "scope-2",
    "scope-3",
    "eu-mrr",
    "cbam",
    "eu-fuels",
    "finance",
    "transport",
    "targets",
    "inventory",
}
SUBPARTS = (
    "c",
    "h",
    "k",
    "n",
    "p",
    "q",
    "s",
    "t",
    "u",
    "v",
    "w",
    "x",
    "y",
    "z",
    "aa",
    "cc",
    "dd",
    "ff",
    "nn",
    "rr",
    "vv",
)
_WORD = re.compile(r'"[^"]*"|\[[^\]]*\]|[^\W\d][\w.]*')
_KEPT = frozenset(
    {"sum", "min", "max", "abs", "sqrt", "exp", "ln", "log10", "if", "table", "round", "and", "or", "not"}
)


@cache
def carbon() -> tuple[LibraryFormula, ...]:
    return tuple(f for f in library() if f.domain == "carbon")


def tagged(tag: str) -> list[str]:
    return [f.id for f in carbon() if tag in f.tags]


def outputs(unit: str) -> Iterator[tuple[LibraryFormula, str]]:
    """The outputs of a dimension."""
    for formula in carbon():
        for name, out in formula.outputs.items():
            if units.same_dimension(out.unit, unit):
                yield formula, name


def shape(formula: LibraryFormula) -> tuple[str, ...]:
    """The expressions with names and units taken away: two names for one product are one shape."""
    seen: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        word = match[0]
        if word[0] in '"[':
            return '"' if word[0] == '"' else ""
        return word if word in _KEPT else seen.setdefault(word, f"x{len(seen)}")

    return tuple(_WORD.sub(plain, show(tree)) for tree in formula.trees().values())


def test_every_subject_stands_in_the_library() -> None:
    assert {f.id.split("/")[1] for f in carbon() if f.id.count("/") == 2} >= SUBJECTS


def test_there_are_two_hundred_distinct_expressions() -> None:
    assert len({shape(f) for f in carbon()}) >= 200


@pytest.mark.parametrize("category", range(1, 16))
def test_every_scope_3_category_has_its_methods(category: int) -> None:
    assert len(tagged(f"scope-3.{category}")) >= 2


@pytest.mark.parametrize(
    "tag",
    [
        "refrigerant-screening",
        "refrigerant-simplified",
        "refrigerant-mass-balance",
        "location-based",
        "market-based",
        "pcaf",
        "iso-14083",
        "mrr",
        "cbam",
        "sbti",
        "uncertainty",
        *(
            f"epa-98-{subpart}"
            for subpart in [
                "c",
                "h",
                "k",
                "n",
                "p",
                "q",
                "s",
                "t",
                "u",
                "v",
                "w",
                "x",
                "y",
                "z",
                "aa",
                "cc",
                "dd",
                "ff",
                "nn",
                "rr",
                "vv",
            ]
        ),
    ],
)
def test_every_method_can_be_found_by_its_tag(tag: str) -> None:
    assert tagged(tag)


def test_scope_2_is_answered_by_both_methods_at_once() -> None:
    formula = library().get("carbon/scope-2/dual-reporting")
    assert formula is not None
    assert {"location_based", "market_based"} <= formula.outputs.keys()


def test_well_to_tank_and_losses_are_lines_of_their_own() -> None:
    formula = library().get("carbon/scope-3/fuel-and-energy-lines")
    assert formula is not None
    *lines, total = formula.outputs
    read = [{n.name for n in walk(formula.trees()[line]) if isinstance(n, Name)} - {"electricity"} for line in lines]
    assert sum(map(len, read)) == len(set().union(*read)), "two lines share a factor"
    assert {n.name for n in walk(formula.trees()[total]) if isinstance(n, Name)} == set(lines)


def test_biogenic_co2_is_in_no_total() -> None:
    found = dict.fromkeys(formula.id for formula, _ in outputs("kgCO2b"))
    assert len(found) >= 10
    for formula, total in outputs("kgCO2e"):
        biogenic = {n for n, o in formula.outputs.items() if units.same_dimension(o.unit, "kgCO2b")}
        biogenic |= {n for n, s in formula.symbols.items() if s.unit and "CO2b" in s.unit}
        biogenic |= {
            f"{n}.{c}" for n, s in formula.symbols.items() for c, column in s.columns.items() if "CO2b" in column.unit
        }
        used = {n.name for n in walk(formula.trees()[total]) if isinstance(n, Name)}
        assert not used & biogenic, f"{formula.id}: {total}"


def test_a_vector_says_whether_it_is_printed_or_worked_by_hand() -> None:
    for formula in carbon():
        for vector in formula.vectors:
            assert vector.published != vector.source.startswith("worked by hand: "), formula.id


def test_published_cases_stand_beside_the_hand_worked_ones() -> None:
    published = {f.id for f in carbon() if any(v.published for v in f.vectors)}
    assert len(published) >= 13
    assert "carbon/cbam/default-value-with-mark-up" in published


def test_a_cubic_foot_is_counted_at_its_temperature() -> None:
    volumes = [(f.id, s.default) for f in carbon() for s in f.symbols.values() if s.unit == "scf/kmol"]
    assert len(volumes) >= 10
    assert not [v for v in volumes if v[1] is not None and v[1] != Decimal("836.6")]
    stack = ("5.18e-7", "1.14e-7")  # the rule's figures for stack gas stand at 68 degF
    texts = [
        (f.id, o.expression) for f in carbon() for o in f.outputs.values() if any(n in o.expression for n in stack)
    ]
    assert len(texts) >= 3
    assert not [t for t in texts if "scf_68F" not in t[1]]
