"""What results say of CBAM default values: without mark-up, and which formula has it; the mark-ups of the table."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.calc import CalculationEngine, verify
from greenlang.calc.remarks import declared_remarks
from greenlang.factors import FactorTable
from greenlang.formulas.families import families
from greenlang.formulas.library import library
from tests.calc.batch_example import batch
from tests.calc.example import row

TOTAL = "ef://ec/cbam/2025-2621/total/25232900/cn/co2e-per-t"
WITH = "carbon/cbam/goods-with-mark-up"
FULL = "ec/cbam-default-values/2025-2621/total"


@pytest.fixture(scope="module")
def engine() -> CalculationEngine:
    return CalculationEngine()


def test_a_result_on_a_default_value_says_that_it_is_without_mark_up_and_where_it_is_added(
    engine: CalculationEngine,
) -> None:
    result = engine.calculate("carbon/activity-data/goods-by-mass", {"mass": "10 t", "ef": TOTAL})
    (told,) = (text for text in result.warnings if "mark-up" in text)
    assert told.startswith(f"ef: {TOTAL} is a CBAM default value without mark-up, so the result is without it; {WITH}")
    assert "(EU) 2025/2621, Annex I" in told
    assert result.certificate is not None
    assert told in result.certificate.warnings
    assert verify(result.certificate, engine.table).verified


def test_a_result_with_mark_up_says_which_of_its_outputs_holds_it(engine: CalculationEngine) -> None:
    given = {"mass": "10 t", "default_value": TOTAL, "sector": "cement", "year": "2026"}
    result = engine.calculate(WITH, given)
    assert {output.name: output.value for output in result.outputs} == {
        "mark_up": Decimal("0.1"),
        "marked": Decimal("1.562"),
        "unmarked_emissions": Decimal("14.2"),
        "embedded": Decimal("15.62"),
    }
    (told,) = (text for text in result.warnings if "mark-up" in text)
    assert "the outputs `marked` and `embedded` are with the mark-up of the year of import" in told
    parts = {name: TOTAL.replace("total", name) for name in ("direct", "indirect")}
    tonne = engine.calculate("carbon/cbam/default-value-with-mark-up", {**parts, "mark_up": "0.1"})
    assert tonne.value("marked") == Decimal("1.562")
    assert sum("the output `marked` is with the mark-up that was given" in text for text in tonne.warnings) == 2


def test_rows_of_other_publishers_have_no_such_remark(engine: CalculationEngine) -> None:
    grid = "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"
    assert engine.calculate("carbon/energy-times-intensity", {"energy": 1, "ef": grid}).warnings == ()


def test_a_batch_says_it_once_for_all_its_rows(tmp_path: Path, engine: CalculationEngine) -> None:
    mapping = """
formula: carbon/activity-data/goods-by-mass
id: id
inputs: {mass: {column: mass, unit: t}}
factors: {ef: {column: ref}}
"""
    others = [TOTAL.replace("/cn/", f"/{region}/") for region in ("in", "ua")]
    rows = [{"id": str(n), "mass": "5", "ref": ref} for n, ref in enumerate([TOTAL, *others, TOTAL])]
    warnings = batch(tmp_path, engine, mapping, rows).certificate.content["warnings"]
    (told,) = (text for text in warnings if "mark-up" in text)
    assert re.match(r"ef: ef://ec/cbam/\S+ \(and 2 more rows\) is a CBAM default value without mark-up", told)


def test_the_rows_that_the_annex_marks_up_otherwise_are_named() -> None:
    key = f"{FULL}/25232900/ao/co2e-per-t"
    table = FactorTable([row(key, "1.27", "tCO2e/t", gwp_set="unstated", boundary="total")], "test-1.0.0")
    given = {"mass": "1 t", "default_value": f"ef://{key}", "sector": "cement", "year": "2027"}
    warnings = CalculationEngine(table).calculate(WITH, given).warnings
    assert any("a mark-up of 21 % in 2027 and 33.1 % in 2028" in text for text in warnings)


def test_every_formula_output_and_family_that_a_remark_names_is_there() -> None:
    opened = library()
    known = {family.id for family in families(opened)}
    for remark in declared_remarks():
        assert remark.citation
        for formula_id, text in [("", remark.text), *remark.instead.items()]:
            assert set(re.findall(r"carbon/[a-z/-]+", text)) <= set(opened.pieces)
            named = re.findall(r"family ([a-z-]+)", text)
            assert set(named) <= known
            formula = opened.get(formula_id) if formula_id else None
            if formula is not None:
                assert set(re.findall(r"`(\w+)`", text)) <= set(formula.outputs)


def test_the_mark_ups_are_those_of_the_publishers_file(shared: Path) -> None:
    path = shared / "data" / "eu_cbam_default_values" / "cbam-calculator-data.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal, parse_int=Decimal)
    table = library().tables.get("cbam-mark-ups").column("mark_up")
    met = set()
    others = set()
    for origin, products in content["productsByCountry"].items():
        for product in products:
            for year in ("2026", "2027", "2028"):
                value, marked = product["total"], product[f"dv{year}"]
                if not value or marked is None:
                    continue
                key = (product["category"].lower().replace(" ", "-"), year)
                met.add(key)
                if abs(marked - value * (1 + table[key])) > Decimal("0.000001"):
                    others.add((origin, product["cn"], year, marked / value - 1))
    assert met == set(table)
    ratios = {"2027": Decimal("0.21"), "2028": Decimal("0.331")}
    rows = [("Angola", "25231000"), ("Angola", "25232900"), ("Angola", "25239000")]
    rows += [("Argentina", "25231000"), ("Argentina", "25232900")]
    assert others == {(*name, year, ratio) for name in rows for year, ratio in ratios.items()}
