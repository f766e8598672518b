"""What is wrong with a template is told at its line, with a code that stands in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greenlang._paths import data
from greenlang.catalogue.codes import CODES
from greenlang.catalogue.proof import check_files
from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from tests.templates.example import TEMPLATE

Finding = tuple[str, int, str]


def found(tmp_path: Path, text: str, *, file: str = "industrial/small-motor.yaml") -> list[Finding]:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    (checked,) = check_files([path], FactorTable.load(), library())
    return [(f.code, f.line, f.message) for f in checked.findings]


def line_of(text: str, start: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith(start))


def test_the_example_is_good(tmp_path: Path) -> None:
    assert found(tmp_path, TEMPLATE) == []


CASES = [
    ("GLT001", "for_whom:", "", "template:", "`for_whom` is missing"),
    ("GLT001", "version:", "colour: red\nversion:", "colour:", "unknown key `colour`"),
    ("GLT001", "regions: grid", "regions: gird", "regions:", "there is no shared set of regions `gird`"),
    ("GLT001", '{refuse: "The limits', '{refused: "The limits', "Mining:", "unknown key `refused`"),
    ("GLT002", "name: small-motor", "name: Small Motor", "name:", "`Small Motor` is no name of a template"),
    ("GLT002", "name: small-motor", "name: big-motor", "name:", "the file `small-motor.yaml` holds the template"),
    ("GLT003", "[Process Heat,", "[Process Heats,", "subdomains:", "the catalogue has no subdomain `Process Heats`"),
    ("GLT003", "  Monitor:", "  Monitors:", "Monitors:", "the catalogue has no category `Monitors`"),
    ("GLT003", "  Steel:", "  Dairy:", "Dairy:", "the catalogue has no sector `Dairy`"),
    ("GLT003", "domain: Industrial", "domain: Industry", "domain:", "the catalogue has no domain `Industry`"),
    ("GLT003", "regions: grid", "regions: {Mars: {}, UK: {}}", "regions:", "the catalogue has no region `Mars`"),
    ("GLT004", "what a motor takes.", "a motor. And more words.", "for_whom:", "`for_whom` is not one sentence"),
    (
        "GLT004",
        'life-cycle CO2e."\n  Monitor',
        'life-cycle CO2e"\n  Monitor',
        "Calculator:",
        "`serves.Calculator` is not one sentence",
    ),
    ("GLT006", ', source: "A handbook, page 1"', "", "Steel:", "a default is changed without its source"),
    ("GLT006", "inputs: {load: {default", "inputs: {laod: {default", "Steel:", "the spec has no input `laod`"),
    ("GLT006", "regions: grid", "regions: {UK: {factors: {gird: x}}}", "regions:", "the spec has no alias `gird`"),
    ("GLT006", 'of mines."}', 'of mines.", note: x}', "Mining:", "`refuse` stands alone"),
    ("GLT006", "{load: {default: 0.8}}", "{load: {dtype: string}}", "Steel:", "`dtype` of an input is not changed"),
    (
        "GLT007",
        "500 * {grid [kgCO2e/kWh]}",
        "500 * {gird}",
        "expect: {energy: 500",
        "`= 500 * {gird}`: `gird` is no alias under `compute.factors`",
    ),
    (
        "GLT007",
        "500 * {grid [kgCO2e/kWh]}",
        "500 * {grid [kWh]}",
        "expect: {energy: 500",
        "`= 500 * {grid [kWh]}`: gCO2e/kWh and kWh are different kinds of quantity",
    ),
    (
        "GLT008",
        "{energy: 6000, co2e:",
        "{co2e:",
        "energy: {dtype",
        "`energy` is expected by 1 golden vectors, and 2 are needed",
    ),
    (
        "GLT008",
        "input: {power: 20, load: 1, hours: 300}",
        "input: {power: 10, load: 0.5, hours: 100}",
        "energy: {dtype",
        "`energy` is expected by 1 golden vectors, and 2 are needed",
    ),
    (
        "GLT008",
        '    properties:\n      - {name: grows, rule: "output.co2e is nondecreasing in input.hours"}\n',
        "",
        "tests:",
        "the spec states no property",
    ),
    ("GLT010", "load: 1, hours", "hours", "- name: full_load", "golden vector `full_load` leaves `load` open"),
    (
        "GLT012",
        "energy: 6000,",
        "energy: 6000.0000001,",
        "- name: full_load",
        "golden vector `full_load` expects energy to be 6000.0000001, and to its last digit it is 6000",
    ),
    (
        "GLT011",
        "regions: grid",
        'regions: {"*": {refuse: "There are no figures for it."}}',
        "regions:",
        "no region is served",
    ),
]


@pytest.mark.parametrize(
    ("code", "old", "new", "start", "message"), CASES, ids=lambda v: v if str(v)[:3] == "GLT" else ""
)
def test_a_fault_is_told_at_its_line(tmp_path: Path, code: str, old: str, new: str, start: str, message: str) -> None:
    assert old in TEMPLATE
    text = TEMPLATE.replace(old, new, 1)
    if old == "for_whom:":
        text = re.sub("^for_whom:.*\n", "", TEMPLATE, flags=re.MULTILINE)
    here = [f for f in found(tmp_path, text) if f[0] == code and f[2].startswith(message)]
    assert [line for _, line, _ in here] == [line_of(text, start)]


def test_a_domain_lies_in_its_folder(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, TEMPLATE, file="buildings/small-motor.yaml")
    assert finding == ("GLT002", 6, "a template of Industrial lies in `industrial/`")


def test_a_name_that_stands_twice(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "small-motor.yaml" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(TEMPLATE, encoding="utf-8")
    first, second = check_files(paths, FactorTable.load(), library())
    assert first.good
    assert [(f.code, f.message) for f in second.findings] == [("GLT005", f"`small-motor` stands in {paths[0]} as well")]


def test_an_output_without_a_formula(tmp_path: Path) -> None:
    text = TEMPLATE.replace("      energy: power * load * hours\n", "").replace(
        "energy * factor", "power * hours * factor"
    )
    told = [f for f in found(tmp_path, text) if f[0] == "GLT009"]
    assert [(line, message.partition(":")[0]) for _, line, message in told] == [
        (line_of(text, "energy: {dtype"), "no plan for `energy`")
    ]


def test_a_finding_about_the_spec_stands_at_the_templates_line(tmp_path: Path) -> None:
    text = TEMPLATE.replace("energy: 6000", "energy: 6001")
    told = found(tmp_path, text)
    assert [(code, line) for code, line, _ in told] == [("GLS051", line_of(text, "- name: full_load"))]
    assert "6000 computed, 6001 expected" in told[0][2]


def test_a_finding_for_some_regions_says_for_which(tmp_path: Path) -> None:
    text = TEMPLATE.replace(
        "regions: grid", 'regions: {use: grid, UK: {factors: {grid: "ef://desnz/electricity/2024/none/co2e-per-kwh"}}}'
    )
    told = [(code, message) for code, _, message in found(tmp_path, text)]
    assert told
    assert all("(for UK; UK, Steel)" in message for _, message in told)


def test_a_warning_is_not_good(tmp_path: Path) -> None:
    text = TEMPLATE.replace(
        "    factors:\n", '    factors:\n      gas: {ref: "ef://desnz/fuels/2025/natural-gas/co2e-per-m3"}\n'
    )
    assert [code for code, _, _ in found(tmp_path, text)] == ["GLS062"]


def test_every_code_is_documented_tested_and_used() -> None:
    page = (data() / "docs" / "templates.md").read_text(encoding="utf-8")
    for code, told in CODES.items():
        assert f"| {code} | {told.title} | {told.example} |" in page
    tested = {case[0] for case in CASES} | {"GLT005", "GLT009"}
    assert tested == set(CODES)
    source = "".join(p.read_text() for p in (data() / "greenlang" / "catalogue").glob("*.py") if p.name != "codes.py")
    assert set(re.findall(r"GLT\d{3}", source)) == set(CODES)
