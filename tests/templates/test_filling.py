"""A template filled for a region and a sector, and by a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from greenlang.catalogue.filling import fill
from greenlang.catalogue.manager import filled_text
from greenlang.errors import TemplateError
from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read
from tests.templates.example import TEMPLATE, template_of

TABLE = FactorTable.load()


def spec_of(**asked: Any) -> AgentSpec:
    spec, findings = read(filled_text(template_of(), **asked).encode())
    assert spec is not None, findings
    assert findings == ()
    return spec


def test_a_region_changes_the_factor_and_the_expected_value() -> None:
    uk, india = spec_of(region="UK"), spec_of(region="India")
    assert uk.factors["grid"].ref == "ef://owid/grid-intensity/2026/electricity/gb/co2e-per-kwh"
    assert [case.expect["co2e"].value for case in uk.golden] == [Decimal("108.25"), 1299]
    assert [case.expect["co2e"].value for case in india.golden] == [Decimal("352.7"), Decimal("4232.4")]
    assert uk.golden[0].description == "10 x 0.5 x 100 = 500 kWh; co2e = 500 * 0.2165"
    assert uk.golden[1].expect["co2e"].tol == Decimal("1e-12")


def test_where_there_is_no_aggregate_the_agent_asks_for_the_country() -> None:
    spec = spec_of(region="Nordics")
    assert spec.inputs["grid_country"].enum == ("DK", "FI", "IS", "NO", "SE")
    assert spec.formulas["co2e"].expression == "energy * factor(grid, region = grid_country)"
    assert [case.input["grid_country"] for case in spec.golden] == ["SE", "SE"]
    resolution = resolve(spec, TABLE, library())
    assert resolution.complete
    assert resolution.diagnostics == ()
    assert {f.region for f in resolution.pinned} == {"DK", "FI", "IS", "NO", "SE"}


def test_a_sector_changes_a_default_and_says_so() -> None:
    spec = spec_of(sector="Steel", region="UK")
    assert spec.inputs["load"].default == Decimal("0.8")
    assert spec.summary.endswith("The load is that of rolling mills.")
    assert "steel" in spec.tags
    assert spec.extra["metadata"]["sector"] == "Steel"
    assert spec_of(sector="Glass").inputs["load"].default == Decimal("0.5")


def test_the_template_itself_is_never_changed() -> None:
    template = template_of()
    before = template.declared.model_dump()
    for region in ("UK", "MENA"):
        fill(template, TABLE, region=region, sector="Steel")
    assert template.declared.model_dump() == before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"sector": "Mining"}, "small-motor does not serve Mining: The limits of the motor are not those of mines."),
        ({"region": "Mars"}, "the catalogue has no region `Mars`"),
        ({"sector": "Dairy"}, "the catalogue has no sector `Dairy`"),
        ({"inputs": {"power": {"ge": 500}}}, "no golden case lies in the ranges that were set"),
    ],
)
def test_what_cannot_be_had(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        filled_text(template_of(), **asked)


def test_golden_cases_outside_the_ranges_that_a_person_sets_are_left_out_and_named() -> None:
    spec = spec_of(inputs={"power": {"ge": 15, "le": 25}})
    assert (spec.inputs["power"].ge, spec.inputs["power"].gt, spec.inputs["power"].le) == (15, None, 25)
    assert [case.name for case in spec.golden] == ["full_load"]
    assert spec.extra["metadata"]["golden_cases_left_out"] == ["half_load"]


def test_parameters_set_defaults_and_ranges_as_in_the_sdk() -> None:
    spec = template_of().create_spec(
        name="my_motor_agent", parameters={"hours": 8000, "power_range": [5, 12.5], "max_load": 0.9}, region="EU"
    )
    assert spec.agent_id == "industrial/my_motor_agent"
    assert (spec.inputs["hours"].default, spec.inputs["hours"].required) == (8000, False)
    assert (spec.inputs["power"].ge, spec.inputs["power"].le) == (5, Decimal("12.5"))
    assert spec.inputs["load"].le == Decimal("0.9")
    assert resolve(spec, TABLE, library()).complete


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hous": 1}, "the template has no input `hous`; did you mean `hours`"),
        ({"power": [1, 2, 3]}, "a range has two ends"),
        ({"hours": 99999}, "GLS021"),
    ],
)
def test_parameters_that_do_not_fit(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        template_of().create_spec(parameters=parameters)


def test_an_own_change_stands_over_the_shared_set() -> None:
    text = TEMPLATE.replace(
        "regions: grid",
        'regions: {use: grid, Nordics: {factors: {grid: "ef://owid/grid-intensity/2026/electricity/se/co2e-per-kwh"}}, '
        'MENA: {refuse: "The motor is not sold there at all."}}',
    )
    template = template_of(text)
    assert not template.region("Nordics").choose
    assert template.region("MENA").refuse == "The motor is not sold there at all."
    assert template.region("UK").factors
