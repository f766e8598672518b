"""Restating a batch: new results, and the difference divided among the causes, exactly, in each row and in all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.calc import CalculationEngine
from greenlang.calc.batch import BatchRun
from greenlang.calc.batch_formula import BatchFormula, library_formula
from greenlang.calc.batch_verify import verify_batch
from greenlang.calc.restate import Changes, Restatement, restate
from greenlang.factors import Factor, FactorTable
from greenlang.formulas.library import FormulaLibrary, load
from tests.calc.batch_example import ACTIVITIES, BY_GAS, batch, results, rewrite, write
from tests.calc.example import FORMULAS, LOSSES, ROWS

CH4 = "epa/fuels/2024/gas/ch4-per-mmbtu"
CO2 = "epa/fuels/2024/gas/co2-per-mmbtu"
CAUSES = ("factors", "gwp_set", "formula", "activities")


def table(values: dict[str, str], without: Sequence[str] = (), release: str = "test-1.1.0") -> FactorTable:
    """The small table with other values."""
    rows: list[Factor] = [
        replace(row, value=Decimal(values[row.key])) if row.key in values else row
        for row in ROWS
        if row.key not in without
    ]
    return FactorTable(rows, release)


@pytest.fixture
def made(tmp_path: Path, engine: CalculationEngine) -> BatchRun:
    return batch(tmp_path, engine, BY_GAS, ACTIVITIES)


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> FormulaLibrary:
    """The library with another default of the oxidised share."""
    folder = tmp_path_factory.mktemp("newer")
    texts = {"carbon/test.yaml": FORMULAS.replace("default: 0.99", "default: 0.995"), "tables/losses.yaml": LOSSES}
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return load(folder)


def formula(library: FormulaLibrary, name: str = "carbon/test/by-gas") -> BatchFormula:
    found = library_formula(name, library)
    assert found is not None
    return found


def restated(
    made: BatchRun, engine: CalculationEngine, changes: Changes, out: Path | None = None, **options: Any
) -> Restatement:
    out = out or made.results.with_name("restated.parquet")
    found, mistakes = restate(made.results, made.certificate, out, engine, changes, **options)
    assert found is not None, list(map(str, mistakes))
    return found


def attributed(found: Restatement) -> dict[str, dict[str, Any]]:
    return results(found.attribution)


def exact(found: Restatement) -> None:
    """Parts and what is unattributed add up to the difference, in each row and in each total."""
    causes = found.content["causes"]
    for row in attributed(found).values():
        for output in ("co2", "co2e", "intensity"):
            parts = sum((row[f"{output}_by_{cause}"] for cause in causes), row[f"{output}_unattributed"])
            before, after = row[f"{output}_before"] or 0, row[f"{output}_after"] or 0
            assert parts == row[f"{output}_difference"] == after - before
    for line in found.lines:
        assert sum(line.parts.values(), line.unattributed) == line.difference == line.after - line.before


def test_another_release_is_attributed_to_the_factors(made: BatchRun, engine: CalculationEngine) -> None:
    after = CalculationEngine(table({CO2: "106.12"}), engine.formulas)
    found = restated(made, engine, Changes(engine=after))
    exact(found)
    row = attributed(found)["b"]
    assert (str(row["co2_before"]), str(row["co2_after"])) == ("179.237753", "358.475505")
    assert row["co2_by_factors"] == row["co2_difference"]
    assert row["co2_unattributed"] == 0
    assert found.content["causes"] == ["factors"]
    assert found.content["before"]["release"]["name"] == "test-1.0.0"
    assert found.content["after"]["release"]["name"] == "test-1.1.0"
    assert verify_batch(found.run.certificate, found.run.results, after).findings == []


def test_the_gwp_set_changes_methane_alone(made: BatchRun, engine: CalculationEngine) -> None:
    found = restated(made, engine, Changes(gwp_set="AR6GWP100"))
    exact(found)
    lines = {line.output: line for line in found.lines}
    assert lines["co2"].difference == 0
    assert lines["co2e"].parts["gwp_set"] == lines["co2e"].difference < 0
    assert lines["co2e"].name == "co2e (AR5GWP100 to AR6GWP100)"
    assert results(found.run)["b"]["co2e_basis"] == "AR6GWP100"


@pytest.mark.parametrize("method", ["shapley", "order"])
def test_four_causes_at_once(
    made: BatchRun, engine: CalculationEngine, newer: FormulaLibrary, tmp_path: Path, method: Any
) -> None:
    activities = [
        {"id": "a", "amount": "13", "unit": "MWh", "fuel": "gas"},
        {"id": "b", "amount": "1000", "unit": "kWh", "fuel": "gas"},
        {"id": "c", "amount": "x", "unit": "kWh", "fuel": "gas"},
        {"id": "new", "amount": "7", "unit": "kWh", "fuel": "gas"},
    ]
    after = CalculationEngine(table({CO2: "54", CH4: "1.1"}), engine.formulas)
    changes = Changes(
        engine=after,
        gwp_set="AR6GWP100",
        formula=formula(newer),
        activities=write(tmp_path / "corrected.parquet", activities),
    )
    found = restated(made, engine, changes, method=method)
    exact(found)
    rows = attributed(found)
    assert {name: (row["status_before"], row["status_after"]) for name, row in rows.items()} == {
        "a": ("ok", "ok"),
        "b": ("ok", "ok"),
        "c": ("ok", "not_a_number"),
        "d": ("ok", None),
        "new": (None, "ok"),
    }
    assert rows["b"]["co2e_by_activities"] == 0
    assert rows["new"]["co2e_by_activities"] > 0
    assert rows["c"]["co2e_unattributed"] == rows["c"]["co2e_difference"] == -rows["c"]["co2e_before"]
    assert rows["d"]["co2e_unattributed"] == 0
    assert found.content["method"]["name"] == method
    assert found.content["base_year"]["note"].startswith("new activities count as corrections")
    assert results(found.run)["a"]["status"] == "ok"
    content = json.loads(found.path.read_text())
    assert content == json.loads(json.dumps(found.content))


def test_the_parts_of_a_fixed_order_follow_it(made: BatchRun, engine: CalculationEngine, newer: FormulaLibrary) -> None:
    after = CalculationEngine(table({CO2: "106.12"}), engine.formulas)
    changes = Changes(engine=after, formula=formula(newer))
    first = attributed(restated(made, engine, changes, method="order", order=CAUSES))["b"]
    turned = ("formula", "factors", "gwp_set", "activities")
    second = attributed(restated(made, engine, changes, method="order", order=turned))["b"]
    assert first["co2_by_factors"] < second["co2_by_factors"]
    assert first["co2_by_formula"] > second["co2_by_formula"]
    middle = attributed(restated(made, engine, changes))["b"]
    assert 2 * middle["co2_by_factors"] == first["co2_by_factors"] + second["co2_by_factors"]


def test_a_factor_that_was_withdrawn_is_not_attributed(made: BatchRun, engine: CalculationEngine) -> None:
    after = CalculationEngine(table({}, without=["epa/fuels/2024/wood/ch4-per-mmbtu"]), engine.formulas)
    found = restated(made, engine, Changes(engine=after), threshold=Decimal(5))
    exact(found)
    row = attributed(found)["d"]
    assert (row["status_before"], row["status_after"], row["co2e_after"]) == ("ok", "factor_refused", None)
    assert row["co2e_unattributed"] == -row["co2e_before"]
    (line,) = [line for line in found.lines if line.output == "co2e"]
    assert (line.unattributed_rows, line.basis_after) == (1, "AR5GWP100")
    assert found.must_recalculate is False, "one small row of four"


@pytest.mark.parametrize(
    ("value", "threshold", "must"),
    [("54", None, None), ("54", "5", False), ("54", "1.7", True), ("60", "5", True), ("53.06", "0.0001", False)],
)
def test_the_base_year_and_the_threshold(
    made: BatchRun, engine: CalculationEngine, value: str, threshold: str | None, must: bool | None
) -> None:
    after = CalculationEngine(table({CO2: value, CH4: "1.0000001"}), engine.formulas)
    found = restated(made, engine, Changes(engine=after), threshold=Decimal(threshold) if threshold else None)
    assert found.must_recalculate is must
    assert "chapter 5" in found.content["base_year"]["standard"]


def test_biogenic_co2_moves_no_base_year(tmp_path: Path, engine: CalculationEngine) -> None:
    text = """
formula: carbon/test/wood
id: id
inputs: {energy: {column: energy}}
factors: {ef_bio: ef://epa/fuels/2024/wood, ef_ch4: ef://epa/fuels/2024/wood}
context: {gwp_set: AR6GWP100}
"""
    made = batch(tmp_path, engine, text, [{"id": "a", "energy": "2"}])
    after = CalculationEngine(table({"epa/fuels/2024/wood/co2-per-mmbtu": "900"}), engine.formulas)
    found = restated(made, engine, Changes(engine=after), threshold=Decimal(5))
    assert {line.output: line.difference > 0 for line in found.lines} == {"biogenic": True, "co2e": False}
    assert found.must_recalculate is False


def test_an_old_formula_is_restated_after_the_library_moved_on(
    made: BatchRun, table: Any, newer: FormulaLibrary
) -> None:
    """The certificate holds the formula's own text: what it was can still be computed."""
    after = CalculationEngine(table, newer)
    same = verify_batch(made.certificate, made.results, after)
    assert [finding.message for finding in same.findings] == ["the library's carbon/test/by-gas was changed since"]
    found = restated(made, after, Changes(formula=formula(newer)))
    exact(found)
    assert attributed(found)["b"]["co2_by_formula"] > 0


amounts = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=12)
value = st.integers(1, 10**6).map(lambda n: str(Decimal(n) / 1000))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(amounts=amounts, co2=value, ch4=value)
def test_the_attribution_adds_up_for_any_numbers(
    tmp_path_factory: pytest.TempPathFactory,
    engine: CalculationEngine,
    newer: FormulaLibrary,
    amounts: list[tuple[int, int]],
    co2: str,
    ch4: str,
) -> None:
    folder = tmp_path_factory.mktemp("restate")
    old, new = (
        [
            {"id": str(n), "amount": str(Decimal(pair[side]) / 1000), "unit": "kWh", "fuel": "gas"}
            for n, pair in enumerate(amounts)
            if (n + side) % 4
        ]
        for side in (0, 1)
    )
    if not old or not new:
        return
    made = batch(folder, engine, BY_GAS, old)
    changes = Changes(
        engine=CalculationEngine(table({CO2: co2, CH4: ch4}), engine.formulas),
        gwp_set="AR6GWP100",
        formula=formula(newer),
        activities=write(folder / "new.parquet", new),
    )
    exact(restated(made, engine, changes))


# --- what cannot be restated ----------------------------------------------------------------------------------------


def mistakes(made: BatchRun, engine: CalculationEngine, changes: Changes) -> str:
    out = made.results.with_name("restated.parquet")
    found, wrong = restate(made.results, made.certificate, out, engine, changes)
    assert found is None
    assert not out.exists()
    return "\n".join(map(str, wrong))


def test_nothing_changes(made: BatchRun, engine: CalculationEngine) -> None:
    assert mistakes(made, engine, Changes(gwp_set="AR5GWP100")).startswith("changes: nothing changes")


def test_results_that_are_not_those_of_the_certificate(made: BatchRun, engine: CalculationEngine) -> None:
    rewrite(made.results, "SELECT * REPLACE (CAST(co2e + 1 AS DECIMAL(38,6)) AS co2e) FROM r WHERE id <> 'c'")
    told = mistakes(made, engine, Changes(gwp_set="AR6GWP100"))
    assert told.startswith("results: 3 rows of the results come out otherwise before anything has changed")


def test_another_table_than_that_of_the_certificate(made: BatchRun, engine: CalculationEngine) -> None:
    other = CalculationEngine(table({CO2: "54"}), engine.formulas)
    told = mistakes(made, other, Changes(gwp_set="AR6GWP100"))
    assert told == "release: the results were made with release test-1.0.0, this table is test-1.1.0"


def test_a_change_that_does_not_suit_the_mapping(made: BatchRun, engine: CalculationEngine) -> None:
    assert "with gwp_set changed: `AR7` is unknown" in mistakes(made, engine, Changes(gwp_set="AR7"))
    other = formula(engine.formulas, "carbon/test/share")
    assert "with formula changed: the formula has no such symbol" in mistakes(made, engine, Changes(formula=other))
