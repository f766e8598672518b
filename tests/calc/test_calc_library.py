"""Every formula of the library, through the engine, on its worked vectors, with a certificate that verifies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from greenlang.calc import CalculationContext, CalculationEngine, Override, verify
from greenlang.calc.basis import Evaluator, Tagged
from greenlang.calc.quantity import has_co2e
from greenlang.factors import FactorTable
from greenlang.formulas.declare import LibraryFormula, WorkedVector
from greenlang.formulas.library import library
from greenlang.formulas.prove import compiled

pytestmark = pytest.mark.slow

CONTEXT = CalculationContext(gwp_set="AR5GWP100", policy="disclose-mixed")


def given(formula: LibraryFormula, vector: WorkedVector) -> dict[str, Any]:
    """The vector as inputs of the engine: factors and GWPs are overrides, as nobody names their rows."""
    out: dict[str, Any] = {}
    for name, value in vector.given.items():
        symbol = formula.symbols[name]
        if symbol.origin in {"factor", "gwp"}:
            assert isinstance(value, Decimal)
            out[name] = Override(value=value, unit=symbol.unit, reason="worked vector", approver="test")
        else:
            out[name] = list(value) if isinstance(value, tuple) else value
    return out


def test_every_vector_of_the_library_gives_the_values_of_the_plain_evaluator() -> None:
    table = FactorTable.load()
    engine = CalculationEngine(table)
    count = 0
    for formula in library():
        whole = compiled(formula)
        for vector in formula.vectors:
            wanted = whole.run(vector.given)
            result = engine.calculate(formula.id, given(formula, vector), CONTEXT)
            assert result.success, (formula.id, [str(m) for m in result.errors])
            assert {o.name: str(o.exact) for o in result.outputs} == {n: str(v) for n, v in wanted.items()}, formula.id
            for output in result.outputs:
                if has_co2e(output.unit) and output.shares:
                    assert sum(share.value for share in output.shares) == output.value
                assert output.outside_totals == ("CO2b" in output.unit)
            assert result.certificate is not None
            found = verify(result.certificate.json(), table)
            assert found.verified, (formula.id, [str(f) for f in found.findings])
            count += 1
    assert count >= len(library())


def test_every_output_of_the_library_has_shares_by_basis() -> None:
    for formula in library():
        whole = compiled(formula)
        for vector in formula.vectors:
            values = whole.values(vector.given)
            bound: dict[str, Any] = {}
            for name, value in values.items():
                if isinstance(value, tuple):
                    columns = formula.symbols[name].columns
                    bound[name] = [{c: _tagged(v, columns[c].unit) for c, v in row.items()} for row in value]
                else:
                    bound[name] = _tagged(value, formula.symbols[name].unit)
            run = Evaluator(bound, owner="AR5GWP100")
            for name, tree in whole.trees.items():
                got = run.evaluate(tree, name)
                run.values[name] = got
                if has_co2e(formula.outputs[name].unit) and got.value:
                    assert got.shares, (formula.id, name)


def _tagged(value: Any, unit: str) -> Tagged:
    # one basis for all; what formulas write themselves joins by its owner's name
    return Tagged(value, {"unstated (AR5GWP100)": value} if unit and has_co2e(unit) else {})
