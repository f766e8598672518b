"""The back-ends agree over the whole library: every vector, and a thousand inputs of every formula."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from greenlang.formulas import agreement as module
from greenlang.formulas.agreement import agreement, draw
from greenlang.formulas.declare import misfit
from greenlang.formulas.library import library
from greenlang.formulas.prove import compiled

SAMPLE = ("carbon/energy-by-gas", "carbon/mobile/fuel-from-economy", "carbon/mobile/urea-catalyst")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_library_agrees_on_every_vector_and_a_thousand_inputs() -> None:
    formulas = library()
    rows = list(agreement(formulas, inputs=1000))
    assert [(r.formula, r.output, r.example) for r in rows if r.differences] == []
    assert {r.formula for r in rows} == set(formulas.formulas)
    exact = [r for r in rows if r.path != "function"]
    assert all(r.inputs == 1000 and r.vectors >= 1 and r.exact for r in exact)
    assert sum(r.in_sql for r in exact) > 0.8 * sum(r.answered for r in exact)
    assert sum(r.answered for r in rows) > 0.8 * sum(r.inputs for r in rows), "most inputs have an answer"


def test_a_few_formulas_agree() -> None:
    rows = list(agreement([f for name in SAMPLE if (f := library().get(name))], inputs=60, seed="2026-01-01"))
    assert {r.formula for r in rows} == set(SAMPLE)
    assert all(r.differences == 0 and r.answered > 30 for r in rows), rows


def test_a_difference_is_told_with_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.compile_formula

    def slightly_wrong(*arguments: Any) -> Any:
        return right(*arguments, decimals=2)

    monkeypatch.setattr(module, "compile_formula", slightly_wrong)
    formula = library().get("carbon/energy-by-gas")
    assert formula is not None
    rows = list(agreement([formula], inputs=40))
    assert all(r.differences > 20 and "SQL" in r.example and "ef_co2" in r.example for r in rows)


def test_inputs_are_the_same_everywhere_and_lie_in_their_ranges() -> None:
    formula = library().get("carbon/mobile/fuel-and-distance")
    assert formula is not None
    whole = compiled(formula)
    rows = draw(whole, 200, "seed")
    assert rows == draw(whole, 200, "seed")
    assert rows != draw(whole, 200, "other")
    given = [(name, value) for row in rows for name, value in row.items() if value is not None]
    assert sum(not misfit(formula.symbols[name], value) for name, value in given) > 0.95 * len(given)
    assert any(value == 0 for _, value in given)
    assert len(given) < 200 * len(formula.symbols), "some are missing"
    assert all(isinstance(value, Decimal) for _, value in given)
