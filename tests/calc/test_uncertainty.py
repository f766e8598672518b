"""Uncertainty: the law of propagation, Monte Carlo, what is missing, and what a certificate says of it."""

from __future__ import annotations

import copy
import decimal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.calc import CalculationContext, CalculationEngine, CalculationResult, verify
from greenlang.calc.engine import with_uncertainty
from greenlang.calc.uncertainty import UncertaintyResult, propagate, recompute
from greenlang.calc.uncertainty_total import total_uncertainty
from greenlang.calc.uncertainty_tree import Sloped, SlopeEvaluator
from greenlang.factors import FactorTable
from greenlang.formulas.declare import LibraryFormula
from greenlang.formulas.library import FormulaLibrary, library, load
from greenlang.formulas.prove import compiled
from tests.calc.example import LOSSES, row

FORMULAS = """\
formulas:
  - id: carbon/test/product
    name: Activity times factor
    domain: carbon
    citation: {document: "A guideline", locator: Equation 1}
    symbols:
      energy: {origin: input, unit: kWh, meaning: energy}
      ef: {origin: factor, gas: CO2e, unit: kgCO2e/kWh, meaning: factor}
    outputs:
      co2e: {unit: kgCO2e, expression: energy * ef, meaning: emissions}
    vectors: [{source: by hand, given: {energy: 2, ef: 3}, expect: {co2e: 6}}]
  - id: carbon/test/two-sources
    name: Two sources
    domain: carbon
    citation: {document: "A guideline", locator: Equation 2}
    symbols:
      a: {origin: input, unit: kWh, meaning: first energy}
      ef_a: {origin: factor, gas: CO2e, unit: kgCO2e/kWh, meaning: first factor}
      b: {origin: input, unit: kWh, meaning: second energy}
      ef_b: {origin: factor, gas: CO2e, unit: kgCO2e/MWh, meaning: second factor}
    outputs:
      co2e: {unit: kgCO2e, expression: a * ef_a + b * ef_b, meaning: both}
    vectors: [{source: by hand, given: {a: 1, ef_a: 2, b: 3, ef_b: 4000}, expect: {co2e: 14}}]
  - id: carbon/test/sites
    name: Sites
    domain: carbon
    citation: {document: "A guideline", locator: Equation 3}
    symbols:
      sites:
        origin: input
        type: table
        meaning: sites
        columns: {emissions: {unit: tCO2e, meaning: emissions}}
    outputs:
      total: {unit: tCO2e, expression: "sum(sites, sites.emissions)", meaning: total}
    vectors: [{source: by hand, given: {sites: [{emissions: 1}, {emissions: 2}]}, expect: {total: 3}}]
  - id: energy/test/impedance
    name: Impedance
    domain: energy
    citation: {document: "JCGM 100:2008", locator: H.2}
    symbols:
      V: {origin: input, unit: V, meaning: potential difference}
      I: {origin: input, unit: A, meaning: current}
    outputs:
      Z: {unit: ohm, expression: V / I, meaning: impedance}
    vectors: [{source: by hand, given: {V: 4, I: 2}, expect: {Z: 2}}]
  - id: energy/test/additive
    name: Additive model
    domain: energy
    citation: {document: "JCGM 101:2008", locator: "9.2"}
    symbols:
      x1: {origin: input, unit: "1", meaning: first}
      x2: {origin: input, unit: "1", meaning: second}
      x3: {origin: input, unit: "1", meaning: third}
      x4: {origin: input, unit: "1", meaning: fourth}
    outputs:
      y: {unit: "1", expression: x1 + x2 + x3 + x4, meaning: sum}
    vectors: [{source: by hand, given: {x1: 1, x2: 2, x3: 3, x4: 4}, expect: {y: 10}}]
  - id: energy/test/crooked
    name: Roots, branches and a table
    domain: energy
    citation: {document: "A guideline", locator: Equation 6}
    symbols:
      a: {origin: input, unit: m^2, meaning: area}
      t: {origin: input, unit: K, meaning: temperature}
      site: {origin: input, type: text, enum: [open, closed], meaning: site}
      g: {origin: constant, unit: "1", default: 9.80665, source: a table, meaning: a constant}
      p: {origin: parameter, unit: "1", default: 2, source: a table, meaning: a parameter}
    outputs:
      side: {unit: m, expression: sqrt(a), meaning: side}
      loss: {unit: m^2, expression: 'a * table("losses", "share", site = site) * g * p', meaning: loss}
      branch: {unit: m^2, expression: "if(t > 300 [K], a, 2 * a)", meaning: branch}
      kink: {unit: m^2, expression: "max(a, 4 [m^2])", meaning: kink}
    vectors:
      - source: by hand
        given: {a: 4, t: 290, site: open}
        expect: {side: 2, loss: 0.784532, branch: 8, kink: 4}
"""
STATED = {"uncertainty": Decimal(10), "uncertainty_distribution": "normal", "uncertainty_confidence": Decimal(95)}
ROWS = (
    row("ademe/base/22/grid/co2e-per-kwh", "0.052", "kgCO2e/kWh", gwp_set="AR5GWP100", **STATED),
    row("ademe/base/22/heat/co2e-per-kwh", "0.1", "kgCO2e/kWh", gwp_set="AR5GWP100", uncertainty=Decimal(30)),
    row("desnz/power/2025/grid/co2e-per-kwh", "0.177", "kgCO2e/kWh", gwp_set="AR5GWP100"),
)
GRID, HEAT, SILENT = (f"ef://{one.key}" for one in ROWS)
ONE_SIGMA = "68.26894921370858971704650912640758449558"
POINT = CalculationContext()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> CalculationEngine:
    folder: Path = tmp_path_factory.mktemp("formulas")
    for name, text in (("carbon/test.yaml", FORMULAS), ("tables/losses.yaml", LOSSES)):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return CalculationEngine(FactorTable(ROWS, "test-1.0.0"), load(folder))


def computed(engine: CalculationEngine, formula: str, inputs: dict[str, Any]) -> CalculationResult:
    result = engine.calculate(formula, inputs, POINT)
    assert result.success, result.errors
    return result


def product(engine: CalculationEngine, ef: str = GRID, energy: str = "1 MWh") -> CalculationResult:
    return computed(engine, "carbon/test/product", {"energy": energy, "ef": ef})


def done(found: UncertaintyResult) -> UncertaintyResult:
    assert found.success, found.mistakes
    return found


def near(found: Decimal | None, wanted: Decimal | str, digits: str = "1e-9") -> bool:
    assert found is not None
    return abs(found - Decimal(wanted)) <= abs(Decimal(wanted)) * Decimal(digits)


# published cases


def test_gum_h2_impedance_with_correlated_inputs(engine: CalculationEngine) -> None:
    """JCGM 100:2008, H.2, tables H.2 and H.4: Z = 254.260 ohm, u(Z) = 0.236 ohm with r(V, I) = -0.355."""
    result = computed(engine, "energy/test/impedance", {"V": "4.9990 V", "I": "19.6610 mA"})
    told = {
        "V": {"absolute": "0.0032 V", "distribution": "normal", "confidence": ONE_SIGMA},
        "I": {"absolute": "0.0095 mA", "distribution": "normal", "confidence": ONE_SIGMA},
    }
    found = done(propagate(engine, result, told, correlations=[{"a": "V", "b": "I", "r": "-0.355"}])).output("Z")
    assert round(found.value, 2) == Decimal("254.26")
    assert found.standard is not None
    assert round(found.standard, 3) == Decimal("0.236")
    assert not found.partial
    alone = done(propagate(engine, result, told)).output("Z")
    assert alone.standard is not None
    assert alone.standard < found.standard


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "end"),
    [
        ({"absolute": "1", "distribution": "normal", "confidence": ONE_SIGMA}, "3.92"),
        ({"absolute": "1.7320508075688772935", "distribution": "uniform", "confidence": "100"}, "3.88"),
    ],
)
def test_gum_supplement_1_additive_model(engine: CalculationEngine, statement: dict[str, str], end: str) -> None:
    """JCGM 101:2008, 9.2.2 (four normal inputs, [-3.92, 3.92]) and 9.2.3 (four rectangular ones, [-3.88, 3.88])."""
    result = computed(engine, "energy/test/additive", dict.fromkeys(("x1", "x2", "x3", "x4"), 0))
    told = dict.fromkeys(("x1", "x2", "x3", "x4"), statement)
    found = done(propagate(engine, result, told, method="monte-carlo", seed=1, trials=50_000)).output("y")
    assert found.standard is not None
    assert found.low is not None
    assert found.high is not None
    assert abs(found.standard - 2) < Decimal("0.02")
    assert abs(found.high - Decimal(end)) < Decimal("0.06")
    assert abs(found.low + Decimal(end)) < Decimal("0.06")


PERCENT = st.decimals(Decimal("0.1"), Decimal(60), places=2)


@given(PERCENT, PERCENT)
def test_a_product_is_equation_3_1_of_the_ipcc_guidelines(
    engine: CalculationEngine, one: Decimal, two: Decimal
) -> None:
    """2006 IPCC Guidelines, Volume 1, Chapter 3, Equation 3.1: the root of the sum of squares of percentages."""
    found = done(propagate(engine, product(engine, SILENT), {"energy": f"{one} %", SILENT: {"percent": two}}))
    wanted = (one * one + two * two).sqrt()
    assert near(found.output("co2e").plus, wanted)
    assert found.output("co2e").plus == found.output("co2e").minus


@given(st.lists(st.tuples(st.decimals(1, 1000, places=1), PERCENT), min_size=1, max_size=6))
def test_a_sum_is_equation_3_2_of_the_ipcc_guidelines(
    engine: CalculationEngine, sources: list[tuple[Decimal, Decimal]]
) -> None:
    """Equation 3.2: the root of the sum of squared absolute uncertainties over the total."""
    result = computed(engine, "carbon/test/sites", {"sites": [{"emissions": value} for value, _ in sources]})
    told = {f"sites[{number}].emissions": f"{percent} %" for number, (_, percent) in enumerate(sources)}
    found = done(propagate(engine, result, told)).output("total")
    wanted = sum((value * percent) ** 2 for value, percent in sources).sqrt() / sum(value for value, _ in sources)
    assert near(found.plus, wanted)


def test_a_column_is_stated_once_for_every_row_and_rows_stay_independent(engine: CalculationEngine) -> None:
    result = computed(engine, "carbon/test/sites", {"sites": [{"emissions": 3}, {"emissions": 4}]})
    found = done(propagate(engine, result, {"sites.emissions": "10 %"})).output("total")
    assert near(found.plus, Decimal(50) / 7)


# one row is one quantity


def test_a_row_used_twice_is_fully_correlated(engine: CalculationEngine) -> None:
    twice = computed(engine, "carbon/test/two-sources", {"a": "1 MWh", "ef_a": GRID, "b": "3 MWh", "ef_b": GRID})
    assert near(done(propagate(engine, twice)).output("co2e").plus, 10)
    apart = computed(engine, "carbon/test/two-sources", {"a": "1 MWh", "ef_a": GRID, "b": "3 MWh", "ef_b": SILENT})
    both = done(propagate(engine, apart, {SILENT: {"percent": 10}})).output("co2e")
    assert both.plus is not None
    assert both.plus < Decimal("9.5")
    drawn = done(propagate(engine, twice, method="monte-carlo", trials=2000)).output("co2e")
    assert drawn.standard is not None
    assert abs(drawn.standard / drawn.value * 100 - Decimal("5.1")) < Decimal("0.4")


def test_full_correlation_equals_one_quantity(engine: CalculationEngine) -> None:
    result = computed(engine, "carbon/test/two-sources", {"a": "1 MWh", "ef_a": SILENT, "b": "3 MWh", "ef_b": HEAT})
    told = {SILENT: {"percent": 20}, HEAT: {"percent": 20}}
    found = done(propagate(engine, result, told, correlations=[{"a": SILENT, "b": HEAT, "r": 1}])).output("co2e")
    assert near(found.plus, 20)
    assert sum(part.share for part in found.contributions) == 100


def test_a_statement_of_the_caller_stands_before_the_row_and_says_so(engine: CalculationEngine) -> None:
    found = done(propagate(engine, product(engine), {f"{GRID}@test-1.0.0": "4 %", "energy": "3 %"}))
    assert near(found.output("co2e").plus, 5)
    (source,) = (one for one in found.sources if one.id == GRID)
    assert (source.told_by, source.note) == ("caller", "the row itself states 10 %")


# what is missing


def test_what_nobody_states_is_named_and_makes_it_partial(engine: CalculationEngine) -> None:
    found = done(propagate(engine, product(engine))).output("co2e")
    assert (found.partial, found.missing) == (True, ("energy",))
    assert near(found.plus, 10)
    assert str(found) == "± 10 % at 95 %, partial: without energy"


def test_no_statement_at_all_is_not_zero(engine: CalculationEngine) -> None:
    for method in ("first-order", "monte-carlo"):
        found = done(propagate(engine, product(engine, SILENT), method=method, trials=1000)).output("co2e")
        assert (found.standard, found.plus, found.low) == (None, None, None)
        assert found.missing == ("energy", SILENT)
        assert "no uncertainty can be stated" in str(found)


def test_what_the_row_leaves_open_is_assumed_by_the_declared_rule_and_named(engine: CalculationEngine) -> None:
    found = done(propagate(engine, product(engine, HEAT), {"energy": "1 %"}))
    assert any(note.startswith(f"{HEAT} states no distribution and no confidence") for note in found.notes)
    (source,) = (one for one in found.sources if one.id == HEAT)
    assert source.spread is not None
    assert source.spread.assumed == ("distribution normal", "confidence 95 %")
    assert not any(GRID in note for note in done(propagate(engine, product(engine))).notes)


def test_constants_are_exact_parameters_and_tables_are_not(engine: CalculationEngine) -> None:
    inputs = {"a": "4 m^2", "t": "290 K", "site": "open"}
    result = computed(engine, "energy/test/crooked", inputs)
    found = done(propagate(engine, result, {"a": "5 %"}))
    assert found.output("loss").missing == ("p", "table losses.share[open]")
    told = {"a": "3 %", "p": "4 %", "table losses.share": "12 %"}
    assert near(done(propagate(engine, result, told)).output("loss").plus, 13)
    told = {"a": "3 %", "p": "4 %", "table losses.share[open]": {"percent": 12}}
    assert near(done(propagate(engine, result, told)).output("loss").plus, 13)
    drawn = done(propagate(engine, result, told, method="monte-carlo", trials=2000)).output("loss")
    assert drawn.plus is not None
    assert abs(drawn.plus - 13) < 2


# slopes


def test_roots_branches_and_kinks(engine: CalculationEngine) -> None:
    result = computed(engine, "energy/test/crooked", {"a": "4 m^2", "t": "290 K", "site": "open"})
    found = done(propagate(engine, result, {"a": "5 %", "t": "1 %"}))
    assert near(found.output("side").plus, "2.5")
    assert near(found.output("branch").plus, 5)
    assert any("the branch taken only" in note for note in found.notes)
    assert any("at a kink" in note for note in found.notes)


def test_where_there_is_no_slope_monte_carlo_is_named(engine: CalculationEngine) -> None:
    result = computed(engine, "energy/test/crooked", {"a": "0 m^2", "t": "290 K", "site": "open"})
    refused = propagate(engine, result, {"a": {"absolute": "1 m^2"}})
    assert not refused.success
    assert "no finite slope" in refused.mistakes[0].message
    drawn = propagate(engine, result, {"a": {"absolute": "1 m^2"}}, method="monte-carlo", trials=1000)
    assert not drawn.success
    assert "has no answer" in drawn.mistakes[0].message


def vectors() -> Iterator[tuple[LibraryFormula, dict[str, Any]]]:
    formulas: FormulaLibrary = library()
    for formula in formulas:
        yield formula, dict(formula.vectors[0].given)


def sloped(given: Any, name: str, moved: bool) -> Any:
    if isinstance(given, Decimal):
        return Sloped(given, {name: Decimal(1)} if moved else {})
    if isinstance(given, tuple):
        return [{column: sloped(cell, name, False) for column, cell in row.items()} for row in given]
    return given


@pytest.mark.slow
def test_values_and_slopes_of_the_whole_library() -> None:
    """Values are those of the reference evaluator to the last digit; slopes are those of central differences."""
    compared = 0
    for formula, raw in vectors():
        program = compiled(formula)
        given = program.values(raw)
        plain = SlopeEvaluator({name: sloped(value, name, False) for name, value in given.items()})
        wanted = program.run(raw)
        for name, tree in program.trees.items():
            found = plain.values[name] = plain.evaluate(tree)
            assert (found.value, dict(found.slopes)) == (wanted[name], {}), f"{formula.id} {name}"
        numbers = [name for name, value in given.items() if isinstance(value, Decimal) and value]
        for moved in numbers:
            compared += check_slopes(formula, raw, moved)
    assert compared > 2000


def check_slopes(formula: LibraryFormula, raw: dict[str, Any], moved: str) -> int:
    program = compiled(formula)
    given = program.values(raw)
    evaluator = SlopeEvaluator({name: sloped(value, name, name == moved) for name, value in given.items()})
    step = abs(given[moved]) * Decimal("1e-9")  # type: ignore[arg-type]
    sides = []
    for sign in (1, -1):
        shifted = SlopeEvaluator({name: sloped(value, name, False) for name, value in given.items()})
        shifted.values[moved] = Sloped(given[moved] + sign * step)  # type: ignore[operator, arg-type]
        for name, tree in program.trees.items():
            shifted.values[name] = shifted.evaluate(tree)
        sides.append(shifted.values)
    compared = 0
    for name, tree in program.trees.items():
        found = evaluator.values[name] = evaluator.evaluate(tree)
        if evaluator.notes or "round(" in formula.outputs[name].expression:
            continue
        up, down = (side[name].value for side in sides)  # type: ignore[union-attr]
        slope, wanted = found.slopes.get(moved, Decimal(0)), (up - down) / (2 * step)
        assert (
            abs(slope - wanted)
            <= Decimal("1e-6") * (abs(wanted) + abs(slope)) + abs(found.value) * Decimal("1e-15") / step
        ), f"{formula.id} {name} by {moved}: {slope} instead of {wanted}"
        compared += 1
    return compared


# Monte Carlo


def test_the_same_seed_gives_the_same_digits_whatever_surrounds_it(engine: CalculationEngine) -> None:
    """These digits were computed once; every machine must give them again."""
    told = {"energy": {"percent": 5, "distribution": "triangular"}, HEAT: {"percent": 30, "distribution": "lognormal"}}
    with decimal.localcontext() as context:
        context.prec = 5
        found = done(propagate(engine, product(engine, HEAT), told, method="monte-carlo", seed=2025, trials=1000))
    output = found.output("co2e")
    assert (str(output.mean), str(output.standard)) == GOLDEN
    other = done(propagate(engine, product(engine, HEAT), told, method="monte-carlo", seed=2026, trials=1000))
    assert other.output("co2e").standard != output.standard


GOLDEN = ("101.650454288", "14.2921154183")


def test_first_order_and_monte_carlo_agree_where_first_order_is_good(engine: CalculationEngine) -> None:
    told = {"energy": "5 %"}
    line = done(propagate(engine, product(engine), told)).output("co2e")
    drawn = done(propagate(engine, product(engine), told, method="monte-carlo", seed=3, trials=10_000)).output("co2e")
    assert line.standard is not None
    assert drawn.standard is not None
    assert abs(drawn.standard / line.standard - 1) < Decimal("0.03")


@pytest.mark.parametrize("distribution", ["normal", "lognormal", "uniform", "triangular"])
def test_draws_scatter_as_their_standard_uncertainty_says(engine: CalculationEngine, distribution: str) -> None:
    told = {SILENT: {"percent": 20, "distribution": distribution}, "energy": "0 %"}
    line = done(propagate(engine, product(engine, SILENT), told)).output("co2e")
    drawn = done(propagate(engine, product(engine, SILENT), told, method="monte-carlo", trials=6000)).output("co2e")
    assert line.standard is not None
    assert drawn.standard is not None
    assert abs(drawn.standard / line.standard - 1) < Decimal("0.04")
    if distribution in {"normal", "lognormal"}:  # 20 % bounds 95 % of it
        assert drawn.plus is not None
        assert abs(drawn.plus - 20) < Decimal("1.5")
    if distribution == "uniform":
        assert drawn.plus is not None
        assert drawn.plus < 20


def test_correlated_draws(engine: CalculationEngine) -> None:
    result = computed(engine, "carbon/test/two-sources", {"a": "1 MWh", "ef_a": SILENT, "b": "1 MWh", "ef_b": HEAT})
    told = {SILENT: "10 %", HEAT: "10 %", "a": "0 %", "b": "0 %"}
    for r in ("-0.8", "0.5", "1"):
        related = [{"a": SILENT, "b": HEAT, "r": r}]
        line = done(propagate(engine, result, told, correlations=related)).output("co2e")
        drawn = propagate(engine, result, told, correlations=related, method="monte-carlo", trials=6000)
        assert line.standard is not None
        assert abs((done(drawn).output("co2e").standard or 0) / line.standard - 1) < Decimal("0.04")


def test_the_scatter_of_the_interval_is_told_and_shrinks_with_trials(engine: CalculationEngine) -> None:
    told = {"energy": "5 %"}
    moved = []
    for trials in (1000, 16_000):
        found = done(propagate(engine, product(engine), told, method="monte-carlo", trials=trials))
        (note,) = (text for text in found.notes if "with another seed" in text)
        moved.append(Decimal(note.split()[9]))
    assert Decimal(2) < moved[0] / moved[1] < Decimal(8)  # four in the mean: the root of the trials


def test_draws_below_zero_are_counted(engine: CalculationEngine) -> None:
    told = {SILENT: {"percent": 150}, "energy": "1 %"}
    found = done(propagate(engine, product(engine, SILENT), told, method="monte-carlo", trials=2000))
    assert any("have the other sign" in note for note in found.notes)
    assert any("first order is rough" in note for note in found.notes)


# mistakes are values


@pytest.mark.parametrize(
    ("told", "more", "place"),
    [
        ({"enrgy": "5 %"}, {}, "uncertainties.enrgy"),
        ({"energy": "5"}, {}, "uncertainties.energy"),
        ({"energy": "5 m"}, {}, "uncertainties.energy"),
        ({"energy": {"percent": 5, "absolute": "2 kWh"}}, {}, "uncertainties.energy"),
        ({"energy": {"percent": -5}}, {}, "uncertainties.energy"),
        ({"energy": {"percent": 5, "confidence": 100}}, {}, "uncertainties.energy"),
        ({"energy": {"percent": 5, "distribution": "gaussian"}}, {}, "uncertainties.energy"),
        ({"energy": {"absolute": "2 kWh", "distribution": "lognormal"}}, {}, "uncertainties.energy"),
        ({"energy": {"half": 5}}, {}, "uncertainties.energy"),
        ({"energy": 5}, {}, "uncertainties.energy"),
        ({"ef": "5 %", GRID: "5 %"}, {}, "uncertainties.ef"),
        ({GRID: "0.01 kgCO2e/kWh"}, {}, f"uncertainties.{GRID}"),
        ({"table losses.share": "5 %"}, {}, "uncertainties.table losses.share"),
        ({}, {"method": "guess"}, "method"),
        ({}, {"method": "monte-carlo", "trials": 10}, "trials"),
        ({}, {"seed": -1}, "seed"),
        ({}, {"correlations": [{"a": "energy", "b": GRID, "r": "0.5"}]}, "correlations[0]"),
        ({"energy": "5 %"}, {"correlations": [{"a": "energy", "b": GRID, "r": 2}]}, "correlations[0]"),
        ({"energy": "5 %"}, {"correlations": [{"a": "energy", "b": "nothing", "r": 0}]}, "correlations[0]"),
        ({"energy": "5 %"}, {"correlations": [{"a": "energy", "b": "energy", "r": 1}]}, "correlations[0]"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    engine: CalculationEngine, told: dict[str, Any], more: dict[str, Any], place: str
) -> None:
    found = propagate(engine, product(engine), told, **more)
    assert not found.success
    assert place in [mistake.place for mistake in found.mistakes]


def test_correlations_that_contradict_each_other(engine: CalculationEngine) -> None:
    result = computed(engine, "energy/test/additive", {"x1": 1, "x2": 2, "x3": 3, "x4": 4})
    told = dict.fromkeys(("x1", "x2", "x3", "x4"), "10 %")
    pairs = [("x1", "x2", "0.9"), ("x2", "x3", "0.9"), ("x1", "x3", "-0.9")]
    found = propagate(engine, result, told, correlations=[{"a": a, "b": b, "r": r} for a, b, r in pairs])
    assert [mistake.place for mistake in found.mistakes] == ["correlations"]


def test_only_normal_ones_are_drawn_correlated(engine: CalculationEngine) -> None:
    told = {"energy": {"percent": 5, "distribution": "uniform"}}
    related = [{"a": "energy", "b": GRID, "r": "0.5"}]
    assert propagate(engine, product(engine), told, correlations=related).success
    drawn = propagate(engine, product(engine), told, correlations=related, method="monte-carlo")
    assert [mistake.place for mistake in drawn.mistakes] == ["correlations"]


# in the certificate


@pytest.mark.parametrize("method", ["first-order", "monte-carlo"])
def test_the_statement_stands_in_the_certificate_and_is_computed_again(engine: CalculationEngine, method: str) -> None:
    result = product(engine, HEAT)
    found = done(propagate(engine, result, {"energy": "5 %"}, method=method, seed=7, trials=1000))
    sealed = with_uncertainty(result, found.statement()).certificate
    assert sealed is not None
    assert verify(sealed, engine.table, engine.formulas, uncertainty=recompute).verified
    again = done(propagate(engine, sealed, {"energy": "5 %"}, method=method, seed=7, trials=1000))
    assert again.statement() == found.statement()


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from leaves(entry, (*path, name))
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from leaves(entry, (*path, number))
    else:
        yield path


def test_a_change_anywhere_in_the_statement_is_found(engine: CalculationEngine) -> None:
    result = product(engine, HEAT)
    found = done(propagate(engine, result, {"energy": "5 %"}))
    sealed = with_uncertainty(result, found.statement()).certificate
    assert sealed is not None
    content = sealed.as_dict()
    for path in leaves(content["uncertainty"]):
        changed = copy.deepcopy(content["uncertainty"])
        inner = changed
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = "7" if inner[path[-1]] != "7" else "8"
        forged = with_uncertainty(result, changed).certificate  # sealed anew: its chain holds
        assert forged is not None
        finding = verify(forged, engine.table, engine.formulas, uncertainty=recompute)
        assert not finding.verified, path
        assert finding.links == ("uncertainty",), path


# totals


def test_lines_on_one_row_are_correlated_in_a_total(engine: CalculationEngine) -> None:
    parts = [
        (done(propagate(engine, product(engine, GRID, f"{number} MWh"), {"energy": "0 %"})), "co2e")
        for number in (1, 2, 3)
    ]
    total, mistakes = total_uncertainty(parts)
    assert mistakes == []
    assert total is not None
    assert (total.value, total.unit, total.partial) == (Decimal(312), "kgCO2e", False)
    assert near(total.percent, 10)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 500), PERCENT), min_size=1, max_size=5, unique_by=lambda pair: pair[0]))
def test_independent_lines_in_a_total_are_equation_3_2(
    engine: CalculationEngine, lines: list[tuple[int, Decimal]]
) -> None:
    parts = [
        (done(propagate(engine, product(engine, SILENT, f"{mwh} MWh"), {"energy": f"{u} %", SILENT: "0 %"})), "co2e")
        for mwh, u in lines
    ]
    total, _ = total_uncertainty(parts)
    assert total is not None
    wanted = sum((mwh * u) ** 2 for mwh, u in lines).sqrt() / sum(mwh for mwh, _ in lines)
    assert near(total.percent, wanted)


def test_a_total_names_what_is_missing_and_refuses_what_it_cannot_add(engine: CalculationEngine) -> None:
    partial = done(propagate(engine, product(engine)))
    total, _ = total_uncertainty([(partial, "co2e")])
    assert total is not None
    assert total.partial
    assert total.missing[0].endswith(": energy")
    drawn = done(propagate(engine, product(engine), method="monte-carlo", trials=1000))
    other = done(propagate(engine, computed(engine, "carbon/test/sites", {"sites": [{"emissions": 1}]})))
    none, mistakes = total_uncertainty([(partial, "co2e"), (drawn, "co2e"), (other, "total")])
    assert none is None
    assert [mistake.place for mistake in mistakes] == ["parts[1]", "parts[2]"]
