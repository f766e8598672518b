"""Amounts are zero or more unless a formula declares that they are signed, in every evaluator alike."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from greenlang import units
from greenlang.errors import CalculationError
from greenlang.formulas.library import library, load
from greenlang.formulas.prove import compiled
from greenlang.formulas.ranges import SHIFTED, unsaid
from greenlang.formulas.sql import ColumnType, compile_formula

INTENSITY = "carbon/energy-times-intensity"
FORMULA = """\
formulas:
  - id: carbon/test/balance
    name: Balance
    domain: carbon
    citation: {document: A guideline, locator: Equation 1}
    symbols:
      bought: {origin: input, unit: t, meaning: bought}
      change: {origin: input, unit: t, meaning: change of the stock, range: [null, null]}
      most: {origin: input, unit: t, meaning: at most ten, range: [null, 10]}
      outside: {origin: input, unit: degC, meaning: temperature}
      share: {origin: parameter, unit: "1", meaning: share, default: 1, source: Table 1}
      ef: {origin: factor, gas: CO2e, unit: kgCO2e/t, meaning: factor}
      flows:
        origin: input
        type: table
        meaning: flows
        columns: {mass: {unit: t}, credit: {unit: t, range: [null, null]}, kind: {type: text}}
    outputs:
      co2e:
        unit: kgCO2e
        expression: (bought - change + most + sum(flows, flows.mass + flows.credit)) * share * ef
      warm: {unit: K, expression: outside}
      kinds: {unit: "1", expression: 'sum(flows, if(flows.kind == "a", 1, 0))'}
    vectors:
      - source: worked by hand
        given: {bought: 5, change: -1, most: -2, outside: -3, ef: -2, flows: [{mass: 1, credit: -4, kind: a}]}
        expect: {co2e: -2, warm: 270.15, kinds: 1}
"""


def test_what_declares_no_range_is_zero_or_more_where_it_is_an_amount(tmp_path: Path) -> None:
    (tmp_path / "carbon").mkdir()
    (tmp_path / "carbon" / "test.yaml").write_text(FORMULA, encoding="utf-8")
    formula = load(tmp_path).get("carbon/test/balance")
    assert formula is not None
    compiled(formula)
    symbols = formula.symbols
    ranges = {name: symbols[name].range for name in ("bought", "change", "most", "outside", "share", "ef")}
    assert ranges == {
        "bought": (0, None),
        "change": (None, None),
        "most": (None, 10),
        "outside": (None, None),
        "share": (None, None),
        "ef": (None, None),
    }
    columns = {name: column.range for name, column in symbols["flows"].columns.items()}
    assert columns == {"mass": (0, None), "credit": (None, None), "kind": (None, None)}


def test_the_temperatures_that_are_no_amounts_are_those_of_the_units() -> None:
    registry = units.registry()
    shifted = {name for name in registry._units if "offset" in vars(registry._units[name].converter)}
    assert shifted == SHIFTED
    assert unsaid("input", "number", "delta_degC") == (Decimal(0), None)


def test_every_number_below_zero_in_the_worked_vectors_stands_where_a_formula_declares_it() -> None:
    opened = library()
    signed = 0
    for formula_id in opened.pieces:
        formula = opened.get(formula_id)
        assert formula is not None
        for vector in formula.vectors:
            for name, value in vector.given.items():
                if isinstance(value, Decimal) and value < 0:
                    signed += 1
                    low = formula.symbols[name].range[0]
                    assert low is None or low <= value, (formula_id, name)
    assert signed > 10


def _decimal(formula_id: str, name: str, given: dict[str, Any]) -> Decimal:
    formula = library().get(formula_id)
    assert formula is not None
    return compiled(formula).answer(name, given, decimals=6)


def _sql(formula_id: str, name: str, given: dict[str, Any]) -> tuple[Decimal | None, str]:
    formula = library().get(formula_id)
    assert formula is not None
    made = compile_formula(compiled(formula), name, {symbol: ColumnType(18, 6) for symbol in given})
    with duckdb.connect() as connection:
        made.prepare(connection)
        columns = ", ".join(f"CAST('{value}' AS DECIMAL(18, 6)) AS \"{symbol}\"" for symbol, value in given.items())
        connection.execute(f"CREATE TABLE given AS SELECT {columns}")
        *_, value, status = connection.sql(made.select("given")).fetchall()[0]
    return value, status


@pytest.mark.parametrize(("energy", "fits"), [("5", True), ("0", True), ("-5", False), ("-0.000001", False)])
def test_both_exact_back_ends_refuse_an_amount_below_zero(energy: str, fits: bool) -> None:
    given = {"energy": Decimal(energy), "ef": Decimal("0.5")}
    value, status = _sql(INTENSITY, "co2e", given)
    if fits:
        assert (value, status) == (_decimal(INTENSITY, "co2e", given), "ok")
        return
    assert (value, status) == (None, "out_of_range")
    with pytest.raises(CalculationError, match=r"outside the valid range \[0, open\]") as raised:
        _decimal(INTENSITY, "co2e", given)
    assert raised.value.kind == "out_of_range"
