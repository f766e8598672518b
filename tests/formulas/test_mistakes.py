"""Mistakes in files of the formula library: all of them in one pass, and none that only follows from another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from greenlang.formulas.__main__ import main

TABLE = """
table: correction
citation: {document: "A document", locator: "Table 3.1"}
keys: [site_type]
columns: {mcf: {unit: "1", meaning: methane correction factor}, age: {unit: year, meaning: an age}}
rows:
  - {site_type: managed, mcf: 1.0, age: 2}
  - {site_type: open, mcf: 0.4}
"""
TIP = """
  - id: waste/tip/methane
    name: Methane of a tip
    domain: waste
    citation: {document: "A document", locator: "Equation 1"}
    tags: [scope-1, tier-1]
    symbols:
      site: {origin: input, type: text, enum: [managed, open], meaning: kind of site}
      loads: {origin: input, type: table, meaning: waste, columns: {mass: {unit: t}, kind: {type: text}}}
      share: {origin: parameter, unit: "1", meaning: degradable, default: 0.5, source: "Table 2.4", range: [0, 1]}
      R: {origin: constant, unit: J/(mol*K), meaning: gas constant, default: 8.314462618, source: CODATA 2018}
    outputs:
      mass: {unit: kg, expression: "sum(loads, loads.mass) * share", meaning: degradable mass}
      ch4: {unit: kgCH4b, expression: 'mass * table("correction", "mcf", site_type = site) * (16/12) [kgCH4b/kg]'}
      heat: {unit: kJ/(mol*K), expression: "R * 1", meaning: the constant}
    vectors:
      - source: "by hand: 2000 x 0.5 x 0.4 x 16 / 12"
        given: {site: open, loads: [{mass: 2, kind: wet}]}
        expect: {mass: 1000, ch4: 533.333333, heat: 0.008314462618}
        tol: 0.000001
"""
SUM = """
  - id: waste/tip/sum
    name: Sum
    domain: waste
    citation: {document: "A document", locator: "Equation 2"}
    symbols:
      a: {origin: input, unit: kWh, meaning: energy}
      b: {origin: input, unit: GB, meaning: data}
    outputs:
      e: {unit: kWh, expression: a + b, meaning: nonsense}
    vectors:
      - {source: by hand, given: {a: 1, b: 2}, expect: {e: 3}}
"""
KWH_AND_GB = "outputs.e.expression: cannot add kWh and GB in `a + b`"
HEAT_AND_MASS = ('"R * 1"', '"R + 1 [kg]"')  # a mistake of units in the last output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("tables", "waste"):
        (tmp_path / name).mkdir()
    (tmp_path / "tables" / "correction.yaml").write_text(TABLE)
    return tmp_path


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def told(folder: Path, capsys: pytest.CaptureFixture[str], **files: str) -> list[str]:
    """The mistakes, without their file and line, and without the expression with its mark."""
    for name, text in files.items():
        (folder / "waste" / f"{name}.yaml").write_text(text)
    code = main([str(folder)])
    err = capsys.readouterr().err
    assert (code == 1) == bool(err)
    return [re.sub(r"^\S+?\.yaml(:\d+)?: ", "", line) for line in err.splitlines() if not line.startswith("    ")]


def test_a_mistaken_declaration_hides_no_other_formula_and_no_other_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = told(
        folder,
        capsys,
        a="formulas: [",
        b=f"formulas:{changed(TIP, ('domain: waste', 'domain: water'))}{SUM}",
        c=f"formulas:{SUM.replace('tip/sum', 'tip/other')}",
        d=f"formulae:{SUM.replace('tip/sum', 'tip/misspelt')}",
    )
    one_form = "a file holds `formulas:` and below it entries that start with `- id:`"
    assert problems == [
        one_form,
        "waste/tip/methane: domain: the domain is one of carbon, energy, water, waste, lca, and the id starts with it",
        f"waste/tip/sum: {KWH_AND_GB}",
        f"waste/tip/other: {KWH_AND_GB}",
        one_form,
        f"waste/tip/misspelt: {KWH_AND_GB}",
    ]


def test_every_mistake_of_one_formula_is_told_in_one_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = changed(
        TIP,
        ("name: Methane of a tip", "title: Methane of a tip"),
        ("tags: [scope-1, tier-1]", "tags: [scope-1, scope-1]"),
        ('locator: "Equation 1"', "page: 1"),
        ("origin: constant, unit", "origin: nature, unit"),
        (', source: "Table 2.4", range: [0, 1]', ", range: [1, 0]"),
        ("loads.mass) * share", "loads.mass) * share + 1 [kWh]"),
        ("unit: kgCH4b", "unit: kgCH4bb"),
        ('"R * 1"', '"R *"'),
        ("site: open, loads", "site: shut, lods: 3, loads"),
        ("ch4: 533.333333", "ch5: 533.333333"),
        ("tol: 0.000001", "tol: 1\n        colour: 1"),
    )
    problems = [p.removeprefix("waste/tip/methane: ") for p in told(folder, capsys, tip=f"formulas:{text}")]
    heat = next(p for p in problems if p.startswith("outputs.heat.expression"))
    assert problems == [
        "title: unknown key `title`; there may be id, name, domain, citation, symbols, outputs, vectors, note, tags",
        "`name` is missing",
        "citation.page: unknown key `page`; there may be document, locator",
        "citation: `locator` is missing",
        "tags: an entry stands twice",
        "symbols.share.source: a default needs its `source`: document, table or page",
        "symbols.share.range: 1 is above 0",
        "symbols.R.origin: the origin is one of input, factor, gwp, parameter, constant, not 'nature'",
        "vectors[0].colour: unknown key `colour`; there may be source, given, expect, tol, published",
        "vectors[0].tol: a relative tolerance lies between 0 and 0.1",
        heat,
        'vectors[0].given.site: "shut" is none of managed, open',
        "vectors[0].given.lods: there is no such symbol; did you mean `loads`?",
        "vectors[0].expect.ch5: there is no such output; did you mean `ch4`?",
        "outputs.mass.expression: cannot add t and kWh in `sum(loads, loads.mass) × share + 1 kWh`",
        "outputs.ch4.unit: unit `kgCH4bb` is unknown",
    ]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        # of a mistaken symbol nothing is known: what uses it is left out
        (('share: {origin: parameter, unit: "1"', "share: {origin: parameter, unit: [x]"), "symbols.share.unit"),
        (("unit: t}", "unit: tt}"), "symbols.loads.mass.unit"),
        # a mistake beside unit and type hides nothing
        (("meaning: degradable, ", ""), "symbols.share: `meaning` is missing"),
        # the unit of an output is known though its expression is mistaken
        (('"sum(loads, loads.mass) * share"', '"sum(loads, loads.mass) * share *"'), "outputs.mass.expression"),
        (("site_type = site", "site = site"), "outputs.ch4.expression"),
    ],
)
def test_what_does_not_depend_on_a_mistake_is_still_checked(
    folder: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], first: str
) -> None:
    problems = told(folder, capsys, tip=f"formulas:{changed(TIP, change, HEAT_AND_MASS)}")
    assert len(problems) == 2, problems
    assert first in problems[0]
    assert "outputs.heat.expression: cannot add" in problems[1]


def test_without_symbols_nothing_is_said_about_units(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problems = told(folder, capsys, tip=f"formulas:{changed(TIP, ('    symbols:', '    symbol:'), HEAT_AND_MASS)}")
    assert problems == [
        "waste/tip/methane: symbol: unknown key `symbol`; did you mean `symbols`?",
        "waste/tip/methane: `symbols` is missing",
    ]


def test_an_entry_of_another_form_is_checked_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = changed(SUM, ("- id: waste/tip/sum\n    name: Sum", "- name: Sum\n    id: waste/tip/sum"))
    problems = told(folder, capsys, tip=f"formulas:{changed(TIP, HEAT_AND_MASS)}{second}")
    assert [p for p in problems if "cannot add" not in p] == [
        "waste/tip/methane: an entry that does not start with `- id:` follows this formula"
    ]
    assert f"waste/tip/sum: {KWH_AND_GB}" in problems
    assert any(p.startswith("waste/tip/methane: outputs.heat.expression") for p in problems)


def test_units_of_a_parameter_table_are_checked_beside_its_other_mistakes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "tables" / "correction.yaml"
    path.write_text(
        changed(TABLE, ("unit: year", "unit: yaer"), ("mcf: 0.4", "mfc: 0.4"), (', locator: "Table 3.1"', ""))
    )
    assert told(folder, capsys) == [
        "correction: citation: `locator` is missing",
        "correction: rows[1].mfc: unknown key `mfc`; did you mean `mcf`?",
        "correction: columns.age.unit: unit `yaer` is unknown",
    ]


def test_a_key_that_stands_twice_hides_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = changed(TIP, ("name: Methane of a tip", "name: a\n    name: b"), HEAT_AND_MASS)
    problems = told(folder, capsys, tip=f"formulas:{text}")
    assert len(problems) == 2
    assert "key `name` stands twice" in problems[0]
    assert "outputs.heat.expression: cannot add" in problems[1]


def test_a_broken_formula_does_not_keep_families_from_being_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "families.yaml").write_text(
        "families:\n"
        "  - {id: one, formula: waste/tip/methane, bind: {ef: {publisher: owid, dataset: electricity}}}\n"
        "  - {id: two, formula: waste/tip/sum, bind: {a: {publisher: owid, dataset: power}}}\n"
    )
    text = changed(TIP, ("domain: waste", "domain: water"))
    good = changed(SUM, ("a + b", '"a + b * 1 [kWh/GB]"'))
    problems = told(folder, capsys, tip=f"formulas:{text}{good}")
    assert [p.split(": ", 2)[:2] for p in problems] == [
        ["waste/tip/methane", "domain"],
        ["one", "families[0].formula"],
        ["two", "families[1].bind.a.dataset"],
        ["two", "families[1].bind.a"],
    ]


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    for key, part in parts:
        yield from places(part, (*path, key))


@pytest.mark.parametrize("instead", [None, [], ["x"], {}, {"x": {"y": 1}}, "", "x", 7, True], ids=repr)
def test_whatever_stands_anywhere_is_told_with_its_file_and_never_a_crash(
    folder: Path, capsys: pytest.CaptureFixture[str], instead: object
) -> None:
    good = yaml.safe_load(f"formulas:{TIP}")
    path = folder / "waste" / "tip.yaml"
    refused = 0
    for place in list(places(good["formulas"][0]))[1:]:
        tree = deepcopy(good)
        inner = tree["formulas"][0]
        for part in place[:-1]:
            inner = inner[part]
        inner[place[-1]] = instead
        path.write_text(yaml.safe_dump(tree, sort_keys=False))
        code = main([str(path)])
        err = capsys.readouterr().err
        assert (code == 1) == bool(err), (place, err)
        assert all("tip.yaml" in line or line.startswith("    ") for line in err.splitlines()), err
        refused += code
    assert refused > 10
