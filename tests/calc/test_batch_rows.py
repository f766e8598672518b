"""Rows of a batch: the digits of the engine, and a status with a reason for every row that has no answer."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from greenlang_sdk.decimals import CONTEXT
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.calc import CalculationContext, CalculationEngine
from greenlang.calc import batch_combinations as combinations_module
from tests.calc.batch_example import ACTIVITIES, BY_GAS, batch, listed, results, statuses
from tests.calc.example import AR5

TWO = """
formula: carbon/test/two-sources
id: id
inputs: {a: {column: a}, b: {column: b, unit: MWh}}
factors: {ef_a: {column: one}, ef_b: {column: other}}
"""
SHARE = """
formula: carbon/test/share
id: id
inputs: {part: {column: part, basis: AR5GWP100}, whole: {column: whole, basis: AR5GWP100}, area: {column: area}}
"""
EXPRESSION = """
expression:
  symbols:
    kind: {type: text, enum: [open, closed]}
    audited: {type: truth}
    amount: {unit: kWh, range: [0, 1000]}
    uplift: {origin: parameter, unit: percent, default: 5, source: "Table 2", range: [0, 100]}
    ef: {origin: factor, gas: CO2e, unit: kgCO2e/kWh}
  outputs:
    co2e:
      unit: kgCO2e
      expression: 'amount * ef * (1 + table("losses", "share", site = kind)) * if(audited, 1, 1 + uplift)'
id: id
inputs:
  kind: {column: kind}
  audited: {column: audited}
  amount: {column: amount}
  uplift: {column: uplift}
factors: {ef: ef://desnz/power/2025/grid}
"""

number = st.one_of(
    st.decimals(0, 10**6, places=3).map(str),
    st.decimals(-10, 10**12, places=6).map(str),
    st.integers(-5, 10**9).map(str),
    st.sampled_from(["0", "1e-30", "1E+3", ".5", "5.", "+7", " 12 ", "1,5", "1 000", "abc", "", "nan", "1e40"]),
    st.floats(0, 10**9, allow_nan=False).map(repr),
    st.none(),
)
unit = st.sampled_from(["kWh", "MWh", "MJ", "GJ", "mmBtu", "kg", "blorp", "ton", "gallon", None])
fuel = st.sampled_from(["gas", "wood", "unicorn", None])
_CODES = {"factor_refused", "missing_input", "not_a_number", "unit", "out_of_range", "division_by_zero", "ok"}


@settings(max_examples=12, deadline=None)
@given(rows=st.lists(st.tuples(number, unit, fuel), min_size=1, max_size=60))
def test_every_row_has_the_digits_and_the_status_of_the_engine(
    tmp_path_factory: pytest.TempPathFactory, engine: CalculationEngine, rows: list[tuple[Any, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("batch")
    given_rows = [
        {"id": str(n), "amount": amount, "unit": unit, "fuel": fuel} for n, (amount, unit, fuel) in enumerate(rows)
    ]
    made = results(batch(folder, engine, BY_GAS, given_rows))
    for row in given_rows:
        found = made[row["id"]]
        expected = engine.calculate(
            "carbon/test/by-gas",
            {
                "energy": None if row["amount"] is None else {"value": row["amount"], "unit": row["unit"] or "?"},
                "ef_co2": "ef://epa/fuels/2024/gas",
                "ef_ch4": {"activity": row["fuel"], "source": "epa"} if row["fuel"] else None,
            },
            AR5,
        )
        assert found["status"] in _CODES
        if expected.success:
            assert found["status"] == "ok", (row, found["reason"])
            for output in expected.outputs:
                assert found[output.name] == output.value, row
            assert found["co2e_basis"] == "AR5GWP100"
            assert found["reason"] is None
        else:
            # of several mistakes in one row the batch names one
            assert found["status"] in {error.code for error in expected.errors}, (row, found, expected.errors)
            assert found["reason"]
            assert [found[output] for output in ("co2", "co2e", "intensity")] == [None, None, None]


def test_a_bad_row_has_a_reason_and_the_rest_is_computed(tmp_path: Path, engine: CalculationEngine) -> None:
    rows = [
        {"id": "fine", "amount": "1000", "unit": "kWh", "fuel": "gas"},
        {"id": "text", "amount": "many", "unit": "kWh", "fuel": "gas"},
        {"id": "comma", "amount": "1,5", "unit": "kWh", "fuel": "gas"},
        {"id": "empty", "amount": None, "unit": "kWh", "fuel": "gas"},
        {"id": "unit", "amount": "5", "unit": "blorp", "fuel": "gas"},
        {"id": "kind", "amount": "5", "unit": "kg", "fuel": "gas"},
        {"id": "no unit", "amount": "5", "unit": None, "fuel": "gas"},
        {"id": "no factor", "amount": "5", "unit": "kWh", "fuel": "unicorn"},
        {"id": "negative", "amount": "-5", "unit": "kWh", "fuel": "gas"},
        {"id": "large", "amount": "2e9", "unit": "kWh", "fuel": "gas"},
        {"id": "zero", "amount": "0", "unit": "kWh", "fuel": "gas"},
        {"id": "twice", "amount": "5", "unit": "kWh", "fuel": "gas"},
        {"id": "twice", "amount": "5", "unit": "kWh", "fuel": "gas"},
        {"id": None, "amount": "5", "unit": "kWh", "fuel": "gas"},
    ]
    made = batch(tmp_path, engine, BY_GAS, rows)
    assert statuses(made) == {
        "fine": "ok",
        "text": "not_a_number",
        "comma": "not_a_number",
        "empty": "missing_input",
        "unit": "unit",
        "kind": "unit",
        "no unit": "unit",
        "no factor": "factor_refused",
        "negative": "out_of_range",
        "large": "out_of_range",
        "zero": "division_by_zero",
        "twice": "doubled_id",
        None: "missing_id",
    }
    told = {name: row["reason"] for name, row in results(made).items()}
    assert told["text"] == "inputs.energy: `many` is no number; write it like 1234.5, without grouping, with a point"
    assert told["empty"] == "inputs.energy: the energy burnt is missing; give a number in kWh"
    assert told["kind"] == "inputs.energy: kg and kWh are different kinds of quantity; give it in kWh"
    assert "no activity is called `unicorn`" in told["no factor"]
    assert told["negative"] == (
        "inputs.energy: -5 kWh is outside the valid range of the energy burnt, 0 to 1000000000 kWh"
    )
    assert told["zero"] == "outputs.intensity: division by zero in `co2e ÷ energy`"
    assert told["twice"] == "this id stands on 2 rows: name more id columns, or keep one of the rows"
    assert made.counts["ok"] == 1
    assert made.failed == len(rows) - 1


def test_several_answers_of_the_selection_rule_are_a_reason(tmp_path: Path, engine: CalculationEngine) -> None:
    text = BY_GAS.replace("{select: {activity: {column: fuel}, source: epa}}", "{column: fuel}")
    rows = [
        {"id": "row", "amount": "5", "unit": "kWh", "fuel": "ef://epa/fuels/2024/gas"},
        {"id": "none", "amount": "5", "unit": "kWh", "fuel": "ef://epa/fuels/2024/coal"},
        {"id": "biogenic", "amount": "5", "unit": "kWh", "fuel": "ef://epa/fuels/2024/wood/co2-per-mmbtu"},
        {"id": "several", "amount": "5", "unit": "kWh", "fuel": "ef://epa/fuels/2024"},
        {"id": "empty", "amount": "5", "unit": "kWh", "fuel": " "},
    ]
    assert statuses(batch(tmp_path, engine, text, rows)) == {
        "row": "ok",
        "none": "factor_not_found",
        "biogenic": "factor_unfit",
        "several": "factor_ambiguous",
        "empty": "missing_input",
    }


def test_unlike_bases_are_refused_row_by_row(tmp_path: Path, engine: CalculationEngine) -> None:
    uk, us, fr = "desnz/power/2025/grid/co2e-per-kwh", "epa/power/2024/grid/co2e-per-mwh", "ademe/base/22/grid"
    rows = [
        {"id": "uk", "a": "1", "b": "2", "one": f"ef://{uk}", "other": f"ef://{uk}"},
        {"id": "mixed", "a": "1", "b": "2", "one": f"ef://{uk}", "other": f"ef://{us}"},
        {"id": "unsaid", "a": "1", "b": "2", "one": f"ef://{uk}", "other": f"ef://{fr}"},
    ]
    made = results(batch(tmp_path, engine, TWO, rows))
    assert {name: row["status"] for name, row in made.items()} == {
        "uk": "ok",
        "mixed": "mixed_basis",
        "unsaid": "mixed_basis",
    }
    single = engine.calculate(
        "carbon/test/two-sources",
        {"a": 1, "b": "2 MWh", "ef_a": f"ef://{uk}", "ef_b": f"ef://{us}"},
        CalculationContext(),
    )
    assert made["mixed"]["reason"] == str(single.errors[0])
    assert (made["uk"]["co2e_basis"], made["uk"]["ef_a_key"]) == ("AR5GWP100", uk)
    told = results(batch(tmp_path, engine, TWO + "context: {policy: disclose-unstated}", rows))
    assert [told[name]["status"] for name in ("uk", "mixed", "unsaid")] == ["ok", "mixed_basis", "ok"]
    assert told["unsaid"]["co2e_basis"] == "AR5GWP100 and unstated (ademe/base/22)"


def test_a_basis_that_the_row_decides_is_told_by_the_row(tmp_path: Path, engine: CalculationEngine) -> None:
    text = """
expression:
  symbols:
    kind: {type: text, enum: [uk, us, both]}
    amount: {unit: kWh}
    ef_uk: {origin: factor, gas: CO2e, unit: kgCO2e/kWh}
    ef_us: {origin: factor, gas: CO2e, unit: kgCO2e/kWh}
  outputs:
    co2e:
      unit: kgCO2e
      expression: >-
        if(kind == "uk", amount * ef_uk, if(kind == "us", amount * ef_us, amount * ef_uk + amount * ef_us))
id: id
inputs: {kind: {column: kind}, amount: {column: amount}}
factors: {ef_uk: ef://desnz/power/2025/grid/co2e-per-kwh, ef_us: ef://epa/power/2024/grid/co2e-per-mwh}
"""
    rows = [{"id": kind, "kind": kind, "amount": "10"} for kind in ("uk", "us", "both")]
    made = results(batch(tmp_path, engine, text, rows))
    assert {name: (row["status"], row["co2e"], row["co2e_basis"]) for name, row in made.items()} == {
        "uk": ("ok", Decimal("1.77"), "AR5GWP100"),
        "us": ("ok", Decimal("3.731"), "AR4GWP100"),
        "both": ("mixed_basis", None, None),
    }
    assert "AR4GWP100 (ef_us)" in made["both"]["reason"]


def test_declared_functions_give_the_digits_of_the_engine(tmp_path: Path, engine: CalculationEngine) -> None:
    rows = [
        {"id": "a", "part": "3.5", "whole": "7", "area": "2"},
        {"id": "b", "part": "1", "whole": "3", "area": "1e-7"},
        {"id": "domain", "part": "-1", "whole": "3", "area": "4"},
        {"id": "zero", "part": "1", "whole": "0", "area": "4"},
    ]
    made = results(batch(tmp_path, engine, SHARE, rows))
    for name in ("a", "b"):
        row = next(row for row in rows if row["id"] == name)
        given = {key: {"value": row[key], "basis": "AR5GWP100"} for key in ("part", "whole")} | {"area": row["area"]}
        expected = engine.calculate("carbon/test/share", given, CalculationContext())
        assert [made[name][key] for key in ("share", "side", "root")] == [o.value for o in expected.outputs]
    assert [made[name]["status"] for name in ("domain", "zero")] == ["domain", "division_by_zero"]
    assert made["domain"]["reason"] == "outputs.root: no value is defined in `ln(share)`"


def test_texts_truth_values_tables_and_parameters_come_from_columns(tmp_path: Path, engine: CalculationEngine) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "kind": "open", "audited": "true", "amount": "100", "uplift": None},
        {"id": "b", "kind": "closed", "audited": "FALSE", "amount": "100", "uplift": None},
        {"id": "c", "kind": "closed", "audited": "false", "amount": "100", "uplift": "10"},
        {"id": "no kind", "kind": "ajar", "audited": "false", "amount": "100", "uplift": "10"},
        {"id": "maybe", "kind": "open", "audited": "maybe", "amount": "100", "uplift": None},
        {"id": "uplift", "kind": "open", "audited": "true", "amount": "100", "uplift": "101"},
        {"id": "none", "kind": None, "audited": None, "amount": "1", "uplift": None},
    ]
    made = results(batch(tmp_path, engine, EXPRESSION, rows))
    assert [str(made[name]["co2e"]) for name in "abc"] == ["17.877000", "18.622170", "19.508940"]
    assert {name: row["status"] for name, row in made.items() if row["status"] != "ok"} == {
        "no kind": "not_allowed",
        "maybe": "wrong_type",
        "uplift": "out_of_range",
        "none": "missing_input",
    }
    assert made["no kind"]["reason"] == "inputs.kind: `ajar` is none of those allowed; there is open, closed"


def test_numbers_of_every_size_are_computed_to_the_same_digits(tmp_path: Path, engine: CalculationEngine) -> None:
    text = EXPRESSION.replace("range: [0, 1000]", "range: [null, null]")
    amounts = ["1", "0.000000000000000000000000000001", "123456789012345678901234", "1e25", "-7.25", "1e36", "1e9999"]
    plain = {"kind": "open", "audited": "true", "uplift": None}
    rows = [{"id": amount, "amount": amount, **plain} for amount in amounts]
    made = results(batch(tmp_path, engine, text, rows))
    alone = {row["id"]: results(batch(tmp_path, engine, text, [row]))[row["id"]] for row in rows}
    assert {name: row["co2e"] for name, row in made.items()} == {name: row["co2e"] for name, row in alone.items()}
    for amount in amounts[:5]:
        exact = CONTEXT.multiply(Decimal(amount), Decimal("0.17877"))
        assert made[amount]["co2e"] == exact.quantize(Decimal("0.000001"), context=CONTEXT)
    assert [made[amount]["status"] for amount in amounts[5:]] == ["overflow", "not_a_number"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.decimal128(12, 3), [Decimal("12.500"), Decimal("0.001")]),
        (pa.decimal128(38, 20), [Decimal("12.5"), Decimal("0.001")]),
        (pa.int64(), [12, 5]),
        (pa.int8(), [12, 5]),
        (pa.uint64(), [12, 5]),
        (pa.float64(), [12.5, 0.1]),
        (pa.float64(), [1e-7, 1 / 3]),
        (pa.float32(), [0.1, 12.5]),
        (pa.string(), ["12.5", "1e-3"]),
    ],
)
def test_numbers_come_in_any_type_of_column(
    tmp_path: Path, engine: CalculationEngine, kind: Any, values: list[Any]
) -> None:
    rows = [{"id": str(n), "amount": value, "unit": "MWh", "fuel": "gas"} for n, value in enumerate(values)]
    made = results(batch(tmp_path, engine, BY_GAS, rows, {"amount": kind}))
    for row in rows:
        amount = pa.scalar(row["amount"], kind)
        text = repr(float(str(amount.as_py()))) if not pa.types.is_float32(kind) else f"{row['amount']:g}"
        text = str(row["amount"]) if not isinstance(row["amount"], float) else text
        expected = engine.calculate(
            "carbon/test/by-gas",
            {
                "energy": f"{text} MWh",
                "ef_co2": "ef://epa/fuels/2024/gas",
                "ef_ch4": {"activity": "gas", "source": "epa"},
            },
            AR5,
        )
        assert made[row["id"]]["co2e"] == expected.value("co2e")
        assert made[row["id"]]["amount"] == amount.as_py(), "given values stay as they were given"


def test_many_ways_of_converting_give_the_same_digits(
    tmp_path: Path, engine: CalculationEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = results(batch(tmp_path, engine, BY_GAS, ACTIVITIES))
    monkeypatch.setattr(combinations_module, "MAX_PATHS", 1)
    other = results(batch(tmp_path, engine, BY_GAS, ACTIVITIES))
    assert one == other


def test_results_hold_decimals_only(tmp_path: Path, engine: CalculationEngine) -> None:
    batch(tmp_path, engine, BY_GAS, ACTIVITIES)
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM '{tmp_path / 'results.parquet'}'").fetchall()
    kinds = {name: kind for name, kind, *_ in described}
    assert kinds["co2e"] == "DECIMAL(38,6)"
    assert kinds["intensity"] == "DECIMAL(38,12)"
    assert "DOUBLE" not in kinds.values()


def test_warnings_of_the_engine_stand_in_the_certificate(tmp_path: Path, engine: CalculationEngine) -> None:
    text = """
expression:
  symbols: {fuel: {unit: litre}, ef: {origin: factor, gas: CO2e, unit: kgCO2e/litre}}
  outputs: {co2e: {unit: kgCO2e, expression: fuel * ef}}
id: id
inputs: {fuel: {column: fuel, unit_column: unit}}
factors: {ef: ef://desnz/fuels/2025/diesel}
"""
    rows = [{"id": "a", "fuel": "1", "unit": "gallon"}, {"id": "b", "fuel": "1", "unit": "ton"}]
    made = batch(tmp_path, engine, text, rows)
    assert statuses(made) == {"a": "ok", "b": "unit"}
    assert made.certificate.content["warnings"] == [
        "fuel: `gallon` is the US liquid gallon, 3.785411784 litres; the imperial one is imperial_gallon"
    ]
    assert results(made)["b"]["reason"].endswith("a ton can be read in three ways; write t, short_ton or long_ton")
    other = batch(tmp_path, engine, text + "context: {gwp_set: AR6GWP100}", rows[:1])
    assert other.certificate.content["warnings"][1:] == ["co2e stands on AR5GWP100, the context asks for AR6GWP100"]


def test_precision_rounds_the_outputs(tmp_path: Path, engine: CalculationEngine) -> None:
    text = BY_GAS.replace("gwp_set: AR5GWP100", "gwp_set: AR5GWP100, precision: 1")
    made = results(batch(tmp_path, engine, text, ACTIVITIES))
    context = CalculationContext(gwp_set="AR5GWP100", precision=1)
    for row in ACTIVITIES:
        expected = engine.calculate(
            "carbon/test/by-gas",
            {
                "energy": f"{row['amount']} {row['unit']}",
                "ef_co2": "ef://epa/fuels/2024/gas",
                "ef_ch4": {"activity": row["fuel"], "source": "epa"},
            },
            context,
        )
        assert [made[row["id"]][o.name] for o in expected.outputs] == [o.value for o in expected.outputs]


def test_an_empty_file_gives_empty_results(tmp_path: Path, engine: CalculationEngine) -> None:
    types = {name: pa.string() for name in ACTIVITIES[0]}
    made = batch(tmp_path, engine, BY_GAS, [], types)
    assert (made.rows, made.counts, made.totals) == (0, {}, [])
    assert listed(made) == []


def test_biogenic_co2_stays_outside_totals(tmp_path: Path, engine: CalculationEngine) -> None:
    text = """
formula: carbon/test/wood
id: id
inputs: {energy: {column: energy}}
factors: {ef_bio: ef://epa/fuels/2024/wood, ef_ch4: ef://epa/fuels/2024/wood}
context: {gwp_set: AR6GWP100}
"""
    made = batch(tmp_path, engine, text, [{"id": "a", "energy": "2"}, {"id": "b", "energy": "3"}])
    wood = "ef://epa/fuels/2024/wood"
    context = CalculationContext(gwp_set="AR6GWP100")
    single = [
        engine.calculate("carbon/test/wood", {"energy": energy, "ef_bio": wood, "ef_ch4": wood}, context)
        for energy in (2, 3)
    ]
    assert [(t["output"], t["value"], t["outside_totals"]) for t in made.totals] == [
        (name, str(sum(one.value(name) for one in single)), outside)
        for name, outside in (("biogenic", True), ("co2e", False))
    ]


def test_totals_are_by_basis_and_rates_have_none(tmp_path: Path, engine: CalculationEngine) -> None:
    rows = [
        {"id": "uk", "a": "1", "b": "2", "one": "ef://desnz/power/2025/grid", "other": "ef://desnz/power/2025/grid"},
        {"id": "us", "a": "1", "b": "2", "one": "ef://epa/power/2024/grid", "other": "ef://epa/power/2024/grid"},
    ]
    assert [(t["basis"], t["value"]) for t in batch(tmp_path, engine, TWO, rows).totals] == [
        ("AR4GWP100", "746.5731"),
        ("AR5GWP100", "354.177"),
    ]
    totals = batch(tmp_path, engine, BY_GAS, ACTIVITIES).totals
    assert [t["output"] for t in totals] == ["co2", "co2e"]
