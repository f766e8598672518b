"""Two formulas of the library that fit: both are listed, none is chosen, unless the spec names the domain of one."""

from __future__ import annotations

from pathlib import Path

from greenlang.factors import FactorTable
from greenlang.formulas.library import FormulaLibrary, load
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from tests.resolution.dialect_a import spec_of, tool_text

FORMULA = """\
formulas:
  - id: {domain}/{subject}/heat-loss
    name: Heat loss
    domain: {domain}
    citation: {{document: A handbook, locator: page 1}}
    symbols:
      energy_in: {{origin: input, unit: kWh, range: [0, null], meaning: energy supplied, names: [energy in]}}
      energy_out: {{origin: input, unit: kWh, range: [0, null], meaning: energy delivered, names: [energy out]}}
    outputs:
      loss: {{unit: kWh, expression: {expression}, meaning: what is lost, names: [loss]}}
    vectors:
      - {{source: "worked by hand", given: {{energy_in: 3, energy_out: 1}}, expect: {{loss: {expect}}}}}
"""


def library(folder: Path, *formulas: tuple[str, str, str, int]) -> FormulaLibrary:
    for domain, subject, expression, expect in formulas:
        path = folder / domain / f"{subject}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(FORMULA.format(domain=domain, subject=subject, expression=expression, expect=expect))
    return load(folder)


def resolved(formulas: FormulaLibrary, agent_id: str = "test/prose_agent", example: float | None = None) -> Resolution:
    takes = {"energy_in_kwh": "kWh", "energy_out_kwh": "kWh"}
    case = ({"energy_in_kwh": 3, "energy_out_kwh": 1}, {"loss_kwh": example}) if example is not None else None
    text = tool_text(takes, {"loss_kwh": "kWh"}, "see the manual", case).replace("test/prose_agent", agent_id)
    return resolve(spec_of(text), FactorTable.load(), formulas)


ONE = ("energy", "pipes", "energy_in - energy_out", 2)
OTHER = ("water", "mains", "energy_in - 2 * energy_out", 1)


def test_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    found = resolved(library(tmp_path, ONE))
    assert found.plans["loss_kwh"].formula_id == "energy/pipes/heat-loss"
    assert found.plans["loss_kwh"].citation == "A handbook, page 1"


def test_of_two_that_fit_both_are_listed_and_none_is_chosen(tmp_path: Path) -> None:
    (lost,) = resolved(library(tmp_path, ONE, OTHER)).missing
    assert lost.reason == "2 formulas fit and none is chosen"
    assert [c.split(" ")[0] for c in lost.candidates if "heat-loss" in c] == [
        "energy/pipes/heat-loss",
        "water/mains/heat-loss",
    ]


def test_a_worked_example_may_tell_which_and_the_other_is_refused_with_the_numbers(tmp_path: Path) -> None:
    found = resolved(library(tmp_path, ONE, OTHER), example=2)
    assert found.plans["loss_kwh"].formula_id == "energy/pipes/heat-loss"
    (lost,) = resolved(library(tmp_path, ONE, OTHER), example=7).missing
    assert any("2 computed, 7 expected" in c for c in lost.candidates)
    assert any("1 computed, 7 expected" in c for c in lost.candidates)


def test_the_domain_that_the_spec_names_decides(tmp_path: Path) -> None:
    found = resolved(library(tmp_path, ONE, OTHER), agent_id="water/loss_agent")
    assert found.plans["loss_kwh"].formula_id == "water/mains/heat-loss"
