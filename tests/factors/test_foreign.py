"""References of other stores: what a reviewer found them to be, and what has no honest equivalent."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.errors import FactorTableError
from greenlang.factors import FactorTable
from greenlang.factors.foreign import declared_foreign, find, read_foreign
from greenlang.formulas.library import library
from greenlang.resolution.pin import Pinner
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.model import AgentSpec, FactorRef
from greenlang.specs.reader import read


def pinner(ref: str) -> Pinner:
    spec = AgentSpec("B", "0" * 64, "test/a", "1.0.0", "A", factors={"x": FactorRef("x", ref)})
    return Pinner(spec, FactorTable.load())


def resolved(ref: str, formula: str = "mass * factor(x)") -> Resolution:
    text = f"""\
schema_version: "2.0.0"
id: "test/agent_v1"
name: "Test"
version: "1.0.0"
compute:
  inputs:
    fuel: {{dtype: string, enum: [natural_gas, diesel, peat]}}
    mass: {{dtype: float64, unit: kWh, ge: 0}}
  outputs: {{co2e: {{dtype: float64, unit: kgCO2e}}}}
  factors: {{x: {{ref: "{ref}"}}}}
  formulas: {{co2e: '{formula}'}}
"""
    spec, findings = read(text.encode())
    assert spec is not None, findings
    return resolve(spec, FactorTable.load(), library())


def test_every_meaning_is_held_by_the_base_or_is_of_an_edition_of_the_publishers_files() -> None:
    table = FactorTable.load()
    for entry in declared_foreign():
        plain = [t for t in entry.means if "{" not in t.ref]
        for target in plain:
            held = table.below(target.ref.removeprefix("ef://"))
            assert held or target.ref.startswith("ef://desnz/conversion-factors/"), target.ref


def test_every_reference_of_the_shared_specs_is_reviewed(shared: Path) -> None:
    table = FactorTable.load()
    seen = 0
    for path in sorted((shared / "specs").glob("*/*.yaml")):
        spec, _ = read(path.read_bytes(), path.name)
        for ref in spec.factors.values() if spec is not None else ():
            seen += 1
            assert table.below(ref.ref.removeprefix("ef://")) or find(ref.ref) is not None, ref.ref
    assert seen > 10


def test_a_table_in_another_order_of_words_is_the_same_table() -> None:
    found = pinner("ef://epa/stationary-combustion/diesel/2024")
    assert {r.activity for r in found.rows["x"]} == {"distillate-fuel-oil-no-2"}
    assert {r.vintage for r in found.rows["x"]} == {"2024"}
    assert found.unresolved == {}


@pytest.mark.parametrize(
    ("ref", "row"),
    [
        ("ef://uk_defra/2025/fuels", "desnz/fuels/2025/"),
        ("ef://defra_2025/fuels/natural_gas", "desnz/fuels/2025/natural-gas/"),
        ("ef://beis/business-travel/2025", "desnz/business-travel/2025/"),
        ("ef://us_epa/emission_factors_hub/2025/stationary_combustion/diesel", "distillate-fuel-oil-no-2/"),
        ("ef://epa/2024/stationary-combustion", "epa/stationary-combustion/2024/"),
        ("ef://egrid/2023/CAMX", "epa/egrid/2023/electricity/camx/"),
        ("ef://epa/egrid/2022/rfcw/co2", "epa/egrid/2022/electricity/rfcw/co2-per-mwh"),
        ("ef://ipcc_ar6/gwp100/CH4", "ipcc/gwp/ar6/ch4/gwp-100"),
        ("ef://ipcc/gwp/ar5/methane", "ipcc/gwp/ar5/ch4/gwp-100"),
        ("ef://owid/grid-intensity/2026/electricity/uk", "owid/grid-intensity/2026/electricity/gb/"),
        ("ef://our_world_in_data/2026/grid/India", "owid/grid-intensity/2026/electricity/in/"),
        ("ef://EPA/Stationary_Combustion/2025", "epa/stationary-combustion/2025/"),
    ],
)
def test_the_same_table_under_other_names_and_in_another_spelling(ref: str, row: str) -> None:
    found = pinner(ref)
    assert found.unresolved == {}
    assert all(row in r.key for r in found.rows["x"])
    _, target = found.foreign["x"]
    assert target is not None
    assert target.warning == ""


@pytest.mark.parametrize(
    "ref",
    [
        "ef://uk_defra/2022/fuels",
        "ef://epa/2019/stationary-combustion",
        "ef://epa/egrid/2020/CAMX",
        "ef://ipcc/gwp/ar7",
        "ef://owid/grid-intensity/2026/electricity/DE",
    ],
)
def test_an_edition_that_nobody_reviewed_is_not_replaced(ref: str) -> None:
    assert pinner(ref).rows == {}


def test_an_edition_that_is_not_held_is_replaced_only_with_a_warning() -> None:
    told = resolved(
        "ef://uk_defra/2023/fuels", 'mass * factor(x, activity = fuel, per = "kWh", calorific_basis = "HHV")'
    )
    (finding,) = [d for d in told.diagnostics if d.code == "GLS032"]
    assert finding.severity == "warning"
    assert "the edition of 2023 is not held; this is the edition of 2025" in finding.message
    assert finding.hint  # the evidence


def test_a_reference_to_a_whole_table_becomes_a_look_up_checked_for_the_enum() -> None:
    told = resolved(
        "ef://uk_defra/2023/fuels", 'mass * factor(x, activity = fuel, per = "kWh", calorific_basis = "HHV")'
    )
    assert told.complete
    assert {k for t in told.lookups.values() for k in t.rows} == {("natural_gas",)}
    assert {s for g in told.gaps for s in g.selectors} == {("fuel", "diesel"), ("fuel", "peat")}


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        ("ef://ipcc_ar6/combustion/ng/co2e_kg_per_mj", "AR6 publishes warming potentials, no combustion factors"),
        ("ef://ipcc/ar6/fossil-fuels/natural-gas", "AR6 publishes warming potentials"),
        ("ef://iea/electricity/grid-average/2024", "restrict redistribution"),
        ("ef://ipcc_2006/stationary/natural_gas", "default factors of the IPCC Guidelines"),
        ("ef://ghg-protocol/2017/diesel", "refer to the publisher"),
        ("ef://ecoinvent/3.10/electricity/DE", "given to licensees only"),
        ("ef://epa/egrid/us_average/co2e_kg_per_mwh", "stands by gas"),
    ],
)
def test_what_has_no_honest_equivalent_stays_refused_with_the_reason_and_the_nearest(ref: str, why: str) -> None:
    told = resolved(ref)
    (finding,) = [d for d in told.diagnostics if d.code == "GLS031"]
    assert finding.severity == "error"
    assert why in finding.message
    assert finding.hint.count("ef://") == 3


def test_an_unknown_reference_gets_the_three_nearest_with_reasons() -> None:
    told = resolved("ef://epa/stationary-combustoin/2025/natural-gas")
    (finding,) = [d for d in told.diagnostics if d.code == "GLS031"]
    assert finding.hint.count("ef://") == 3
    assert find("ef://epa/stationary-combustoin/2025/natural-gas") is None


def test_a_reference_of_ours_is_never_read_as_a_foreign_one() -> None:
    assert pinner("ef://epa/stationary-combustion/2025").foreign == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pattern: a/b", "list of entries"),
        ("- {pattern: a/b, evidence: e}", "either `means` or `none`"),
        ("- {pattern: a/b, none: n, evidence: ' '}", "lacks its evidence"),
        ("- {pattern: a/b, means: [{ref: 'http://x'}], evidence: e}", "has `ref`"),
        ("- {pattern: 'a/{x}', means: [{ref: 'ef://p/{y}'}], evidence: e}", "catches no y"),
        ("- {pattern: a, none: n, evidence: e}\n- {pattern: a, none: n, evidence: e}", "stands twice"),
    ],
)
def test_an_entry_that_is_not_in_the_one_form_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.yaml"
    path.write_text(text)
    with pytest.raises(FactorTableError, match=said):
        read_foreign(path)
