"""The formula library: opened without reading, read without checking, checked with every mistake named."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang import _paths
from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas.__main__ import main
from greenlang.formulas.library import library, load, prove
from greenlang.formulas.prove import compiled

SOURCE = _paths.data() / "emission_factors" / "formulas" / "carbon" / "combustion.yaml"

TABLE = """
table: correction
citation: {document: "2006 IPCC Guidelines, Volume 5", locator: "Table 3.1"}
keys: [site_type, depth]
columns: {mcf: {unit: "1", meaning: methane correction factor}, age: {unit: year, meaning: an age}}
rows:
  - {site_type: managed, depth: deep, mcf: 1.0, age: 2}
  - {site_type: managed, depth: 5, mcf: 0.8}
  - {site_type: open, depth: deep, mcf: 0.4, age: 1, locator: "note b"}
"""
FORMULA = """
formulas:
  # every construct at once
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
      mass: {unit: kg, expression: 'sum(loads, loads.mass * if(loads.kind == "wet", share, 1))', meaning: mass}
      ch4:
        unit: kgCH4b
        expression: mass * table("correction", "mcf", site_type = site, depth = "deep") * (16/12) [kgCH4b/kg]
        meaning: methane
      logarithm: {unit: "1", expression: "round(log10(ch4 / 1 [kgCH4b]), 2)", meaning: its logarithm}
      heat: {unit: kJ/(mol*K), expression: R, meaning: the constant}
    vectors:
      - source: "by hand: (2000 x 0.5 + 1000) x 0.4 x 16 / 12 = 1066.67"
        given: {site: open, loads: [{mass: 2, kind: wet}, {mass: 1, kind: dry}]}
        expect: {mass: 2000, ch4: 1066.666667, logarithm: 3.03, heat: 0.008314462618}
        tol: 0.000001
"""


def folder(tmp_path: Path, formula: str = FORMULA, table: str = TABLE) -> Path:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "correction.yaml").write_text(table)
    (tmp_path / "waste").mkdir()
    (tmp_path / "waste" / "tip.yaml").write_text(formula)
    return tmp_path


def test_the_embedded_library_holds_and_cites() -> None:
    formulas = library()
    assert len(formulas) >= 2
    assert all(f.citation.document and f.citation.locator for f in formulas)
    assert {r["id"] for r in formulas.rows()} == set(formulas.formulas)


@pytest.mark.slow
def test_the_embedded_library_is_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0, capsys.readouterr().err


def test_every_construct_is_read_checked_and_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formulas = load(folder(tmp_path))
    formula = formulas.get("waste/tip/methane")
    assert formula is not None
    prove(formula)
    assert formula.needed == ("site", "loads")
    assert formula.reads == ("correction",)
    assert formula.tags == ("scope-1", "tier-1")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 formulas, 1 vectors (0 published), 1 tables: all in order\n"


def test_what_is_given_is_checked_before_it_is_used(tmp_path: Path) -> None:
    formula = load(folder(tmp_path)).get("waste/tip/methane")
    assert formula is not None
    rows = ({"mass": Decimal(1), "kind": "dry"},)
    whole = compiled(formula)
    assert whole.run({"site": "managed", "loads": rows, "share": Decimal(1)})["mass"] == 1000
    with pytest.raises(CalculationError, match="not positive in `log10") as caught:
        whole.run({"site": "managed", "loads": ()})  # no row: the sum is 0
    assert caught.value.kind == "domain"
    for given, kind, message in (
        ({"loads": rows}, "missing", "`site`"),
        ({"site": "other", "loads": rows}, "out_of_range", '"other" is none of managed, open'),
        ({"site": "open", "loads": rows, "share": Decimal(2)}, "out_of_range", r"outside the valid range \[0, 1\]"),
        ({"site": "open", "loads": ({"mass": Decimal(1)},)}, "missing", "has a row without a value"),
        ({"site": "open", "loads": ({**rows[0], "more": "x"},)}, "out_of_range", "each row has mass, kind"),
    ):
        with pytest.raises(CalculationError, match=message) as caught:
            whole.run(given)
        assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('if(loads.kind == "wet", share, 1)', "(share + loads.mass)", "cannot add a pure number and t in `share"),
        ("loads.mass *", "loads.mas *", "`loads` has no column of that name; it has loads.mass, loads.kind"),
        ("unit: kgCH4b\n", "unit: kgCO2\n", "does not convert into kgCO2"),
        ('"mcf", site_type', '"mfc", site_type', "table `correction` has no column `mfc`; did you mean `mcf`"),
        ('"correction", "mcf"', '"corection", "mcf"', "no parameter table `corection`; did you mean `correction`"),
        (', depth = "deep")', ")", "table `correction` is read by site_type, depth, not by site_type"),
        ('depth = "deep"', 'depth = "deap"', 'no row for depth "deap"; did you mean `deep`'),
        ("[managed, open]", "[managed, open, opened]", 'no row for site_type "opened"; did you mean `open`'),
        ("expression: R,", "expression: R + loads,", "`loads` is a table: it stands in sum(loads, ...)"),
        ("expression: R,", "expression: R * loads.mass,", "`loads.mass` is a column: it stands inside sum"),
        ("expression: R,", "expression: 'R * round(share, share)',", "a written whole number up to 30"),
        ("expression: R,", "expression: R,\n     colour: red,", "unknown key `colour`"),
        ("ch4: 1066.666667", "ch4: 1067", "ch4 is 1066.66666666667, expected 1067"),
        ("domain: waste", "domain: water", "the domain is one of"),
        ("id: waste/tip/methane", "id: Waste/tip", "an id is <domain>/<subject>/<name>"),
        ("origin: parameter, ", "origin: input, ", "only a parameter or a constant has a default"),
        (", source: CODATA 2018", "", "a default needs its `source`"),
        ("default: 0.5", "default: 1.5", "the default 1.5 is outside its own range"),
        ("range: [0, 1]", "range: [1, 0]", "1 is above 0"),
        ("unit: J/(mol*K), meaning", "unit: J/(mol*Q), meaning", "unit `J/\\(mol\\*Q\\)` is unknown"),
        ("site: open, loads", "loads", "`site` is not given"),
        ("site: open, loads", "site: shut, loads", '"shut" is none of managed, open'),
        ("{mass: 1, kind: dry}", "{mass: 1}", "each row has mass, kind"),
        ("tol: 0.000001", "tol: 0.5", "a relative tolerance lies between 0 and 0.1"),
        ("      heat: {unit: kJ/(mol*K), expression: R, meaning: the constant}\n", "", "no output uses it"),
        ("enum: [managed, open], meaning: kind of site", "unit: t, meaning: kind", "a text has no unit"),
        ("given: {site", "given: {R: 8, site", "a constant cannot be given"),
    ],
)
def test_a_wrong_formula_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    assert old in FORMULA
    assert main([str(folder(tmp_path, FORMULA.replace(old, new)))]) == 1
    told = capsys.readouterr().err
    assert re.search(message, told) or message in told, told
    assert re.search(r"tip\.yaml:\d+: ", told)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("depth: 5, mcf: 0.8", "depth: deep, mcf: 0.8", "the row for managed, deep stands twice"),
        ("mcf: 0.8", 'mcf: "0.8"', "a number is needed here, not '0.8'; write it without quotes"),
        ("depth: 5, mcf", "mcf", "`depth` is missing"),
        (", mcf: 0.8", "", "the row for managed, 5 has no value"),
        ("unit: year", "unit: yaer", "unit `yaer` is unknown"),
        ("table: correction", "table: corrections", "the file is named correction"),
        ("mcf: 0.4", "mfc: 0.4", "unknown key `mfc`; did you mean `mcf`"),
        (', locator: "Table 3.1"', "", "`locator` is missing"),
        ("mcf: 0.4", "mcf: 0.4, mcf: 0.4", "stands twice"),
    ],
)
def test_a_wrong_table_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    assert old in TABLE
    assert main([str(folder(tmp_path, table=TABLE.replace(old, new)))]) == 1
    assert message in capsys.readouterr().err


def test_a_value_that_a_table_does_not_have_is_missing(tmp_path: Path) -> None:
    text = FORMULA.replace(
        '"mcf", site_type = site, depth = "deep")', '"age", site_type = site, depth = "5") / 1 [year]'
    )
    text = text.replace("enum: [managed, open], ", "")
    formula = load(folder(tmp_path, text)).get("waste/tip/methane")
    assert formula is not None
    with pytest.raises(CalculationError, match="table `correction` has no age for managed, 5") as caught:
        compiled(formula).run({"site": "managed", "loads": ()})
    assert caught.value.kind == "missing"


def test_files_keep_to_one_form(tmp_path: Path) -> None:
    for text, message in (
        ("formulas:\n  - name: x\n    id: waste/tip/x\n", "entries that start with `- id:`"),
        ("other: 1\nformulas:\n  - id: waste/tip/x\n", "entries that start with `- id:`"),
        (FORMULA + "  - name: x\n    id: waste/tip/y\n", "that does not start with `- id:` follows"),
        (FORMULA + "other: 1\n", "that does not start with `- id:` follows"),
        (FORMULA + FORMULA.split("once\n")[1], "stands twice"),
        (FORMULA.replace("name: Methane of a tip", "name: Methane of a tip\n    name: twice"), "stands twice"),
    ):
        (tmp_path / "waste").mkdir(exist_ok=True)
        (tmp_path / "waste" / "tip.yaml").write_text(text)
        with pytest.raises(FormulaError, match=message):
            assert load(tmp_path).formulas


def test_the_digest_does_not_depend_on_file_order_or_comments(tmp_path: Path) -> None:
    text = SOURCE.read_text()
    head, first, second = text.partition("  - id: carbon/energy-by-gas")[0], *text.split("  - id: ")[1:]
    for name, parts in (("one", (first, second)), ("two", (second, f"{first}\n      # a remark\n"))):
        (tmp_path / name / "carbon").mkdir(parents=True)
        for i, part in enumerate(parts):
            (tmp_path / name / "carbon" / f"{i}.yaml").write_text(f"{head}  - id: {part}")
    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    assert one.digest == two.digest
    assert {f.id: f.digest for f in one} == {f.id: f.digest for f in two}


def test_a_digest_covers_the_tables_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = load(folder(tmp_path / "a"))
    two = load(folder(tmp_path / "b", table=TABLE.replace("0.4", "0.5")))
    assert one.digest != two.digest
    assert [f.digest for f in one] != [f.digest for f in two]


def test_opening_the_library_reads_no_formula_and_builds_no_units() -> None:
    code = """
import sys
from greenlang.formulas.library import library
opened = library()
assert len(opened) and not opened._read
opened.get("carbon/energy-by-gas")
assert list(opened._read) == ["carbon/energy-by-gas"]
assert not {"pint", "pydantic", "duckdb", "pandas", "polars", "pyarrow"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_formulas_that_match_by_name_are_found_without_reading_all() -> None:
    opened = load(_paths.data() / "emission_factors" / "formulas")
    named = {f.id for f in opened.matched()}
    assert len(opened._read) < len(opened) / 2
    assert named == {f.id for f in opened if any(out.names for out in f.outputs.values())}
