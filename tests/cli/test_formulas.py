"""`greenlang formulas` as a practitioner uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang import _paths
from greenlang.cli.main import app
from greenlang.factors import FactorTable
from greenlang.formulas.families import Expansion, expand, families
from greenlang.formulas.library import library

FORMULA = "carbon/energy-by-gas"


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["formulas", *words])


def test_list_finds_by_domain_tag_and_words() -> None:
    everything = json.loads(call("list", "--json").stdout)
    assert len({row["id"] for row in everything}) == len(everything) >= 400
    assert {row["domain"] for row in everything} >= {"carbon", "energy"}
    freight = json.loads(call("list", "--tag", "scope-3.4", "--json").stdout)
    assert freight
    assert all("scope-3.4" in row["tags"] for row in freight)
    air = json.loads(call("list", "compressed", "receiver", "--domain", "energy", "--json").stdout)
    assert [row["id"] for row in air] == ["energy/compressed-air/receiver-volume"]
    assert "formulas; `greenlang formulas show FORMULA`" in call("list", "receiver").stdout


def test_nothing_found_exits_1() -> None:
    done = call("list", "unobtainium")
    assert done.exit_code == 1
    assert "no formula fits" in done.output


def test_show_gives_symbols_expression_citation_and_worked_cases() -> None:
    shown = call("show", FORMULA).stdout
    assert "co2e [kgCO2e] = energy * emission_factor" in shown
    assert "2006 IPCC Guidelines for National Greenhouse Gas Inventories, Volume 2, Chapter 2, Equation 2.1" in shown
    assert "published: energy = 0.300690918" in shown
    assert json.loads(call("show", FORMULA, "--json").stdout)["id"] == FORMULA


def test_a_formula_that_is_not_there_gets_the_nearest() -> None:
    done = call("show", "carbon/energy-by-gass")
    assert done.exit_code == 1
    assert f"nearest: {FORMULA}" in done.output


def test_check_names_the_place_of_a_mistake(tmp_path: Path) -> None:
    good, bad = tmp_path / "carbon" / "good.yaml", tmp_path / "carbon" / "bad.yaml"
    good.parent.mkdir()
    text = """formulas:
  - id: carbon/mine/product
    name: Activity times factor
    domain: carbon
    citation: {document: "Our own note, 2026", locator: "page 1"}
    symbols:
      a: {origin: input, unit: kWh, meaning: energy}
      b: {origin: factor, gas: CO2e, unit: kgCO2e/kWh, meaning: factor}
    outputs:
      e: {unit: kgCO2e, expression: a * b}
    vectors:
      - {source: "worked by hand: 2 x 3", given: {a: 2, b: 3}, expect: {e: 6}}
"""
    good.write_text(text)
    assert call("check", str(good)).exit_code == 0
    bad.write_text(text.replace("a * b", "a + b").replace("mine/product", "mine/sum"))
    done = call("check", str(bad))
    assert done.exit_code == 1
    assert "bad.yaml" in done.output
    assert "cannot add" in done.output


def test_check_knows_a_file_of_families_by_its_name_or_its_key(tmp_path: Path) -> None:
    bind = "bind: {ef: {publisher: owid, dataset: %s}}"
    text = f"families:\n  - {{id: power, formula: carbon/energy-times-intensity, {bind}}}\n"
    for name in ("families.yaml", "ours.yaml"):
        path = tmp_path / name
        path.write_text(text % "electricity")
        good = call("check", str(path))
        assert (good.exit_code, "1 families: all in order" in good.output) == (0, True), good.output
        path.write_text(text % "power")
        bad = call("check", str(path))
        assert bad.exit_code == 1
        assert f"{name}:2: power: families[0].bind.ef.dataset: there is no factor table owid/power" in bad.output
    (tmp_path / "families.yaml").write_text((text % "electricity").replace("families", "familys"))
    assert "unknown key `familys`; did you mean `families`?" in call("check", str(tmp_path / "families.yaml")).output


def test_the_library_s_own_families_are_in_order() -> None:
    done = call("check", str(_paths.data() / "emission_factors" / "formulas" / "families.yaml"))
    assert (done.exit_code, "families: all in order" in done.output) == (0, True), done.output


def test_stats_count_distinct_and_expanded_apart(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--var", str(tmp_path), "formulas", "stats", "--json"])
    found = json.loads(done.stdout)
    assert found["total"]["distinct"] >= 400
    assert found["total"]["formulas"] == sum(domain["formulas"] for domain in found["domains"])
    assert found["concrete"] == sum(found["families"].values())
    shown = CliRunner().invoke(app, ["--var", str(tmp_path), "formulas", "stats"]).stdout
    assert f"{found['total']['distinct']} distinct expressions in {found['total']['formulas']} formulas" in shown


@pytest.mark.slow
def test_families_expand_to_8000_concrete_formulas_over_the_publishers_tables(full_table: FactorTable) -> None:
    counts: dict[str, Expansion] = {}
    formulas = library()
    ids = [concrete.id for concrete in expand(families(formulas), full_table, formulas, counts=counts)]
    assert len(ids) == len(set(ids)) == sum(e.concrete for e in counts.values()) >= 8_000
