"""Formulas of the library in a batch: the digits and bases of the engine on their own worked vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greenlang.calc import CalculationContext, CalculationEngine
from greenlang.calc.batch import run_batch
from greenlang.calc.batch_mapping import stored_mapping
from greenlang.formulas.declare import LibraryFormula
from greenlang.formulas.library import library
from tests.calc.batch_example import listed, write

EVERY = 16
CONTEXT = CalculationContext(gwp_set="AR6GWP100", policy="disclose-mixed")


def mapped(formula: LibraryFormula) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Mapping, what the engine is given, and the one row of activities."""
    inputs: dict[str, Any] = {}
    factors: dict[str, Any] = {}
    given: dict[str, Any] = {}
    row = {"id": "1"}
    for place, (name, value) in enumerate(formula.vectors[0].given.items()):
        symbol = formula.symbols[name]
        if symbol.origin in {"factor", "gwp"}:
            given[name] = {"value": str(value), "unit": symbol.unit, "reason": "a test", "approver": "a test"}
            factors[name] = {"override": given[name]}
        elif symbol.origin != "constant":
            given[name] = value
            row[f"column {place}"] = str(value).lower() if isinstance(value, bool) else str(value)
            inputs[name] = {"column": f"column {place}"}
    content = {
        "formula": formula.id,
        "id": ["id"],
        "inputs": inputs,
        "factors": factors,
        "context": {"gwp_set": CONTEXT.gwp_set, "policy": CONTEXT.policy},
        "outputs": {name: f"output {place}" for place, name in enumerate(formula.outputs)},
    }
    return content, given, row


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2))
def test_a_batch_gives_what_the_engine_gives(tmp_path: Path, first: int) -> None:
    """Every sixteenth formula, from two places on; formulas with table inputs are none for a batch."""
    engine = CalculationEngine()
    compared = 0
    for formula_id in list(library().pieces)[first * EVERY // 2 :: EVERY]:
        formula = library().get(formula_id)
        assert formula is not None
        if any(symbol.type == "table" for symbol in formula.symbols.values()):
            continue
        content, given, row = mapped(formula)
        expected = engine.calculate(formula_id, given, CONTEXT)
        made, mistakes = run_batch(
            write(tmp_path / "activities.parquet", [row]), stored_mapping(content), tmp_path / "r.parquet", engine
        )
        assert made is not None, (formula_id, list(map(str, mistakes)))
        (found,) = listed(made)
        assert found["status"] == ("ok" if expected.success else expected.errors[0].code), formula_id
        for output in expected.outputs:
            column = content["outputs"][output.name]
            assert found[column] == output.value, (formula_id, output.name)
            if output.shares:
                bases = " and ".join(sorted(share.basis for share in output.shares))
                assert found[f"{column}_basis"] == bases, (formula_id, output.name)
            compared += 1
    assert compared > 30
