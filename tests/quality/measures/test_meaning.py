"""Measures of the spec and of what a calculation does: citations, inputs that matter, history, percentiles."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang import _paths
from greenlang.factory.outcome import MeasureResult
from greenlang.formulas.tree import Arithmetic, Number
from greenlang.quality import asked, judge
from greenlang.quality.case import refusals
from greenlang.quality.measures import basis, business_impact, specification
from greenlang.quality.measures.continuous_improvement import SEMANTIC, order
from greenlang.quality.measures.exit_criteria import percentile
from greenlang.quality.measures.subject import Subject
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import InputSpec
from tests.factory.made_agents import planned
from tests.quality.good import case, measures, resolution, unmet, write
from tests.quality.measures.planted import judged


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("meaning") / "pack")


def of_spec(pack: Path, made: Resolution, name: str) -> MeasureResult:
    results = specification.measure(Subject(case(pack, resolution=made, inputs=())))
    return next(r for r in results if r.name == name)


def test_a_row_without_a_place_is_not_cited(pack: Path) -> None:
    lookups = {
        name: dataclasses.replace(
            table, rows={k: dataclasses.replace(row, table="", cell="") for k, row in table.rows.items()}
        )
        for name, table in resolution().lookups.items()
    }
    result = of_spec(pack, dataclasses.replace(resolution(), lookups=lookups), "factors cited")
    assert (result.share, result.met) == (0, False)
    assert "desnz/electricity/2025" in result.text


def test_an_output_of_a_library_formula_must_cite_it(pack: Path) -> None:
    bare = {
        n: dataclasses.replace(p, expression=Number(value=Decimal(1)), citation="")
        for n, p in resolution().plans.items()
    }
    own = of_spec(pack, dataclasses.replace(resolution(), plans=bare), "standards")
    assert own.share is None
    named = bare | {"losses": dataclasses.replace(bare["losses"], formula_id="some_formula")}
    silent = of_spec(pack, dataclasses.replace(resolution(), plans=named), "standards")
    assert (silent.share, silent.text) == (0, "0 of 1 outputs cite their source (not: losses)")
    cited = bare | {"losses": dataclasses.replace(named["losses"], citation="ISO 14083")}
    assert of_spec(pack, dataclasses.replace(resolution(), plans=cited), "standards").met


def moved(pack: Path, made: Resolution) -> MeasureResult:
    results = business_impact.measure(Subject(case(pack, resolution=made, inputs=())))
    return next(r for r in results if r.name == "inputs that matter")


def test_an_input_that_moves_nothing_is_named(pack: Path) -> None:
    spec = resolution().spec
    more = dataclasses.replace(
        spec,
        inputs=spec.inputs
        | {"idle": InputSpec("idle", "float64", required=False, default=None, ge=Decimal(0), le=Decimal(9))},
    )
    result = moved(pack, dataclasses.replace(resolution(), spec=more))
    assert (result.share, result.met) == (0.5, False)
    assert "idle" in result.text


def test_the_sensitivity_is_a_figure_of_a_run(pack: Path) -> None:
    assert moved(pack, resolution()).figures["sensitivity consumption (relative change)"] > 0
    still = {n: dataclasses.replace(p, expression=Number(value=Decimal(0))) for n, p in resolution().plans.items()}
    assert moved(pack, dataclasses.replace(resolution(), plans=still)).share == 0


def test_an_input_that_matters_behind_a_flag_is_found_on_a_base_where_the_flag_is_off() -> None:
    text = (_paths.data() / "templates/specs/examples/electricity_market.pack.yaml").read_text(encoding="utf-8")
    made, findings = planned(text)
    assert made is not None, findings
    assert None not in business_impact._moved(made).values()


def test_inputs_to_be_refused_are_made_of_the_spec() -> None:
    made = refusals(resolution())
    assert {r.name for r in made} == {
        "consumption given words",
        "consumption below",
        "consumption above",
        "consumption missing",
    }
    assert asked(resolution())[-len(made) :] == [r.input for r in made]


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (None, "the registry was not asked"),
        ((), "a first version has no history"),
        (("1.0.0",), "a first version has no history"),
        (("0.9.0", "0.10.0", "1.0.0-rc.1"), "shown, not scored: above 3 earlier versions, the last 1.0.0-rc.1"),
        (("1.1.0", "0.9.0"), "shown, not scored: 1.1.0 was registered before, and is not below"),
        (("1.0",), "a version is no semantic one, so there is no order"),
    ],
)
def test_history_is_shown_and_changes_neither_score_nor_status(
    history: tuple[str, ...] | None, said: str, pack: Path
) -> None:
    judgement = judge(case(pack, history=history))
    result = measures(judgement)["continuous_improvement.history"]
    assert (result.share, result.text) == (None, said)
    assert bool(result.details) == ("not below" in said)
    plain = judge(case(pack, history=None))
    assert [(d.score, d.status) for d in judgement.dimensions] == [(d.score, d.status) for d in plain.dimensions]


def test_semantic_versions_are_in_the_order_of_their_definition() -> None:
    before = [f"1.0.0-{w}" for w in ("alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1")]
    versions = [*before, "1.0.0", "1.0.10", "1.10.0"]
    turned = list(reversed(versions))
    assert sorted(turned, key=lambda v: order(v) or ()) == versions


@pytest.mark.parametrize("text", ["1.0", "01.0.0", "1.0.0-", "v1.0.0", "1.0.0-01", "", "1.0.0 "])
def test_what_is_no_semantic_version(text: str) -> None:
    assert SEMANTIC.fullmatch(text) is None
    assert order(text) is None


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=300), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(v <= found for v in values) * 100 >= percent * len(values)
    assert sum(v < found for v in values) * 100 < percent * len(values)


FLEET = """\
schema_version: "2.0.0"
id: "test/fleet_v1"
name: "Fleet"
version: "1.0.0"
license: "MIT"
compute:
  inputs:
    vehicles:
      dtype: list
      columns:
        fuel: {dtype: float64, unit: L, ge: 0}
        ef: {dtype: float64, unit: kgCO2e/L, ge: 0, le: 5}
    share: {dtype: float64, ge: 0, le: 1, default: 1}
  outputs:
    co2e: {dtype: float64, unit: kgCO2e}
  formulas:
    co2e: share * sum(vehicles, vehicles.fuel * vehicles.ef)
tests:
  golden:
    - {name: one, input: {vehicles: [{fuel: 100, ef: 2.5}]}, expect: {co2e: 250}}
"""


def test_every_limit_is_asked_those_of_columns_too_and_before_anything_else() -> None:
    made, findings = planned(FLEET)
    assert made is not None, findings
    asked = [refusal.name for refusal in refusals(made)]
    limited = ["vehicles fuel below", "vehicles ef below", "vehicles ef above", "share below", "share above"]
    assert asked[:5] == limited
    assert set(asked[5:]) == {"vehicles given number", "vehicles missing", "share given words"}


def test_an_agent_of_a_table_raises_no_alarm_and_says_nothing_of_a_basis(tmp_path: Path) -> None:
    """Its CO2e is made of what the caller gives, and the basis of that is the caller's."""
    made, findings = planned(FLEET)
    assert made is not None, findings
    judgement = judged(made, tmp_path / "pack")
    assert "compliance_security.input validation" not in unmet(judgement)
    stated = measures(judgement)["business_impact.basis of CO2e"]
    assert stated.share is None
    assert stated.text.startswith("every figure in CO2e is made of figures that the caller gives")
    assert measures(judgement)["specification.one GWP set"].share is None


def of_sets(pack: Path, asked: str | None, *sets: str) -> tuple[MeasureResult, MeasureResult]:
    """Both measures of the basis, where the rows state these sets in turn."""
    lookups = {
        name: dataclasses.replace(
            table,
            rows={key: dataclasses.replace(row, gwp_set=sets[n % len(sets)]) for key, row in table.rows.items()},
        )
        for n, (name, table) in enumerate(resolution().lookups.items())
    }
    spec = dataclasses.replace(resolution().spec, gwp_set=asked)
    plans = dict(resolution().plans)
    left, right = plans["scope2"].expression, plans["losses"].expression
    plans["scope2"] = dataclasses.replace(plans["scope2"], expression=Arithmetic("+", left, right, unit="kgCO2e"))
    every = dataclasses.replace(resolution(), spec=spec, lookups=lookups, plans=plans)
    subject = Subject(case(pack, resolution=every, inputs=()))
    return basis.one_set(subject), basis.stated(subject)


def test_rows_of_another_set_than_the_spec_asks_for_fail_and_silent_rows_cost_score(pack: Path) -> None:
    one, stated = of_sets(pack, "AR5GWP100", "AR5GWP100")
    assert (one.met, stated.met) == (True, True)
    one, stated = of_sets(pack, "AR6GWP100", "AR5GWP100")
    assert (one.met, stated.met) == (False, True)
    assert "scope2 rests on AR5GWP100, the spec asks for AR6GWP100" in one.text
    one, stated = of_sets(pack, "AR5GWP100", "unstated")
    assert (one.share, stated.share) == (None, 0)
    one, stated = of_sets(pack, None, "AR5GWP100", "AR5GWP100", "AR6GWP100")
    assert (one.met, stated.met) == (False, True)
    assert "scope2 rests on AR5GWP100, AR6GWP100" in one.text
    one, _ = of_sets(pack, "AR5", "AR5GWP100")
    assert one.met
