"""Families expand over factor rows, checked by dimension, and are counted apart from distinct expressions."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.errors import FormulaError
from greenlang.factors import FactorTable
from greenlang.factors.model import Factor
from greenlang.formulas.exact import answer
from greenlang.formulas.families import Expansion, expand, families, read_families
from greenlang.formulas.library import library
from greenlang.formulas.normal import normal_form, tree_digest
from greenlang.formulas.parse import parse
from greenlang.formulas.prove import compiled
from greenlang.formulas.stats import alike, count
from tests.factors.rows import row as plain_row

FAMILIES = """
families:
  - id: power
    formula: carbon/energy-times-intensity
    bind: {ef: {publisher: owid, dataset: electricity}}
  - id: burning
    formula: carbon/energy-by-gas
    bind:
      ef_co2: {publisher: epa, dataset: ghg-hub, per: mmBtu}
      ef_ch4: {publisher: epa, dataset: ghg-hub, per: mmBtu}
      ef_n2o: {publisher: epa, dataset: ghg-hub}
  - id: parts
    formula: carbon/energy-times-intensity
    bind: {ef: {publisher: epa, dataset: ghg-hub, kind: stage, activity: "gas*"}}
"""


def row(key: str, unit: str, value: str, **more: Any) -> Factor:
    _, _, vintage, _, quantity = key.split("/")
    gas = {"co2": "CO2", "ch4": "CH4", "n2o": "N2O", "co2e": "CO2e"}[quantity.split("-")[0]]
    return plain_row(key, **{"unit": unit, "value": value, "gas": gas, "publication_year": int(vintage), **more})


ROWS = [
    row("owid/electricity/2024/fr/co2e-per-kwh", "gCO2e/kWh", "50"),
    row("owid/electricity/2026/fr/co2e-per-kwh", "gCO2e/kWh", "44"),
    row("owid/electricity/2026/de/co2e-per-kwh", "gCO2e/kWh", "340"),
    row("owid/electricity/2026/xx/co2e-per-t", "gCO2e/t", "1"),
    row("owid/electricity/2026/old/co2e-per-kwh", "gCO2e/kWh", "1", status="archived"),
    row("owid/electricity/2026/part/co2e-per-kwh", "gCO2e/kWh", "1", part_of="x"),
    row("owid/electricity/2026/gas/co2-per-kwh", "gCO2/kWh", "1"),
    row("epa/ghg-hub/2025/gas/co2-per-mmbtu", "kgCO2/mmBtu", "53.06"),
    row("epa/ghg-hub/2025/gas/ch4-per-mmbtu", "gCH4/mmBtu", "1.0"),
    row("epa/ghg-hub/2025/gas/n2o-per-mmbtu", "gN2O/mmBtu", "0.10"),
    row("epa/ghg-hub/2025/coal/co2-per-mmbtu", "kgCO2/mmBtu", "93.28"),
    row("epa/ghg-hub/2025/coal/ch4-per-mmbtu", "gCH4/mmBtu", "11"),
    row("epa/ghg-hub/2025/gas-a/co2e-per-mmbtu", "kgCO2e/mmBtu", "2", kind="stage"),
    row("other/ghg-hub/2025/gas/co2-per-mmbtu", "kgCO2/mmBtu", "1"),
]


@pytest.fixture
def declared(tmp_path: Path) -> list[Any]:
    path = tmp_path / "families.yaml"
    path.write_text(FAMILIES)
    return families(library(), path)


def test_each_row_that_fits_gives_one_formula(declared: list[Any]) -> None:
    counts: dict[str, Expansion] = {}
    found = list(expand(declared, ROWS, library(), counts=counts))
    assert [c.id for c in found] == [
        "carbon/energy-times-intensity:owid/electricity/2026/fr/co2e-per-kwh",
        "carbon/energy-times-intensity:owid/electricity/2026/de/co2e-per-kwh",
        "carbon/energy-by-gas:epa/ghg-hub/2025/gas/co2-per-mmbtu",
        "carbon/energy-times-intensity:epa/ghg-hub/2025/gas-a/co2e-per-mmbtu",
    ]
    assert {name: (c.selected, c.concrete, dict(c.refused)) for name, c in counts.items()} == {
        "power": (3, 2, {"gCO2e/t is not kgCO2e/kWh": 1}),
        "burning": (2, 1, {"no rows for ef_n2o": 1}),
        "parts": (1, 1, {}),
    }


def test_rows_convert_into_the_units_of_their_symbols(declared: list[Any]) -> None:
    power, _, burning, parts = expand(declared, ROWS, library())
    assert power.given() == {"ef": Decimal("0.044")}
    assert burning.given() == {"ef_co2": Decimal("53.06"), "ef_ch4": Decimal(1), "ef_n2o": Decimal("0.1")}
    assert answer(power.tree("co2e"), {"energy": Decimal(1000)}, decimals=6) == 44
    # one mmBtu is 293.07107... kWh, exactly 105505585262/360000000: nothing is rounded on the way
    assert answer(parts.tree("co2e"), {"energy": Decimal("105505.585262")}, decimals=6) == 720


def test_every_vintage_may_be_asked_for(declared: list[Any]) -> None:
    keys = [c.factors["ef"].key for c in expand(declared[:1], ROWS, library(), every_vintage=True)]
    assert keys[0] == "owid/electricity/2024/fr/co2e-per-kwh"
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "carbon/energy-by-gas",
            "carbon/energy-by-gass",
            "no formula carbon/energy-by-gass; did you mean `carbon/energy-by-gas`",
        ),
        ("ef_co2:", "ef_co3:", "has no factor `ef_co3`; it has ef_co2, ef_ch4, ef_n2o"),
        ("bind: {ef: {publisher: owid,", "bind: {energy: {publisher: owid,", "has no factor `energy`"),
        ("dataset: electricity", "data: electricity", "unknown key `data`; did you mean `dataset`"),
        ("dataset: electricity", "dataset: power", "no factor table owid/power; owid has electricity"),
        ("publisher: owid", "publisher: owidd", "no row has the publisher `owidd`; did you mean `owid`"),
        ("dataset: electricity", "dataset: electricity, vintage: '1999'", "there is no vintage `1999`; there are"),
        ("kind: stage", "kind: stages", "no row has the kind `stages`; did you mean `stage`"),
        ("per: mmBtu}", "per: mmBtuu}", "unit `mmBtuu` is unknown"),
        ("kind: stage", "kin: stage", "unknown key `kin`; did you mean `kind`"),
        ("id: power", "id: burning", "burning stands twice"),
    ],
)
def test_a_wrong_family_is_refused_with_the_reason(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in FAMILIES
    path = tmp_path / "families.yaml"
    path.write_text(FAMILIES.replace(old, new, 1))
    _, problems = read_families(path, library())
    assert any(message in str(p) for p in problems), problems
    with pytest.raises(FormulaError):
        families(library(), path)


def test_every_mistake_of_a_file_of_families_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "families.yaml"
    wrong = FAMILIES.replace("dataset: electricity", "dataset: power").replace("ef_n2o", "ef_n3o")
    path.write_text(wrong.replace("kind: stage", "kind: stages").replace("formula: carbon/energy-by-gas", "note: x"))
    _, problems = read_families(path, library())
    assert [(p.subject, p.where, p.line) for p in problems] == [
        ("power", "families[0].bind.ef.dataset", 5),
        ("burning", "families[1]", 6),
        ("parts", "families[2].bind.ef.kind", 14),
    ]


@pytest.mark.slow
@pytest.mark.xdist_group("full_table")
def test_the_declared_families_expand_over_the_publishers_files(full_table: FactorTable) -> None:
    counts: dict[str, Expansion] = {}
    ids = {c.id for c in expand(families(library()), full_table, library(), counts=counts)}
    assert len(ids) == sum(c.concrete for c in counts.values()) >= 8_000
    assert [name for name, c in counts.items() if not c.concrete] == []
    stats = count(library(), counts)
    assert stats.concrete == len(ids)
    assert stats.as_dict()["total"]["distinct"] < stats.total.expressions


def test_the_same_expression_with_other_names_counts_once() -> None:
    def same(a: str, b: str) -> bool:
        return normal_form(parse(a)) == normal_form(parse(b))

    assert same("a * b", "mass * ef")
    assert same("a * b + c", "z + y * x")
    assert same("a / b * c", "c * a / b")
    assert same("a - b - c", "p - (q + r)")
    assert same("max(0, a - b)", "max(x - y, 0)")
    assert same("sum(t, t.a * t.b)", "sum(fuels, fuels.ef * fuels.mass)")
    assert not same("a * b", "a / b")
    assert not same("a * b", "a * a")
    assert not same("a * b * 2", "a * b * 3")
    assert not same("a - b", "b + a")
    assert not same("if(a > b, 1, 2)", "if(a >= b, 1, 2)")
    assert not same("a ** b", "a * b")


def test_a_digest_covers_what_a_tree_computes() -> None:
    formula = library().get("carbon/energy-by-gas")
    assert formula is not None
    whole = compiled(formula)
    one, two = whole.single("co2e"), whole.single("emission_factor")
    assert tree_digest(one) == tree_digest(compiled(formula).single("co2e"))
    assert tree_digest(one) != tree_digest(two)
    assert len(tree_digest(one)) == 64


@pytest.mark.slow
def test_the_library_is_counted() -> None:
    stats = count(library())
    assert stats.total.formulas == len(library())
    assert stats.total.distinct >= 400
    assert stats.total.cited >= 400
    assert sum(d.formulas for d in stats.domains) == stats.total.formulas
    assert sum(d.expressions for d in stats.domains) == stats.total.expressions
    assert stats.concrete == 0
    often = alike(library())
    assert sum(len(places) - 1 for _, places in often) == stats.total.expressions - stats.total.distinct
