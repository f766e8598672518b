"""A catalogue becomes specs: who serves a row, what is written, what is not served and why."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from greenlang.catalogue.build import Build, build
from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.rows import faults, read_rows
from greenlang.catalogue.serving import NotServed, Served, Serving
from greenlang.catalogue.template import Template
from greenlang.errors import CatalogueError
from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read
from tests.templates.example import HEADER, TEMPLATE, row, template_of

TABLE = FactorTable.load()
OTHER = TEMPLATE.replace("name: small-motor", "name: large-motor")
ROWS = [
    row(1),
    row(2, region="MENA", level="Fleet"),
    row(3, sector="Steel"),
    row(4, sector="Mining"),
    row(5, category="Communicator"),
    row(6, subdomain="Combustion"),
    row(7, domain="Space"),
    row(8, region="Mars"),
    row(1, region="US"),
    row(9, id="no id"),
]


def catalogue(folder: Path, rows: list[str]) -> Path:
    path = folder / "catalogue.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def built(folder: Path, rows: list[str] = ROWS, *templates: Template, limit: int | None = None) -> Build:
    return build(catalogue(folder, rows), folder / "out", templates or (template_of(),), TABLE, limit=limit)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted((folder / "out").rglob("*")) if p.is_file()}


def test_every_row_is_served_or_listed_with_its_reason(tmp_path: Path) -> None:
    done = built(tmp_path)
    assert (done.catalogued, len(done.served), done.written, done.removed) == (10, 3, 3, 0)
    assert [s.row.row for s in done.served] == ["GLA-00001", "GLA-00002", "GLA-00003"]
    assert [(n.row.row, n.why, n.reason) for n in done.not_served] == [
        ("GLA-00004", "sector", "The limits of the motor are not those of mines."),
        ("GLA-00005", "category", "no template of Process Heat gives what a Communicator needs"),
        ("GLA-00006", "template", "no template of Combustion"),
        ("GLA-00007", "row", "the domain `Space` is not known"),
        ("GLA-00008", "row", "the region `Mars` is not known in Industrial"),
        ("GLA-00001", "row", "`GLA-00001` stands twice, first on line 2"),
        ("no id", "row", "`no id` is no id such as GLA-00001"),
    ]
    with (tmp_path / "out" / "not_served.csv").open(encoding="utf-8", newline="") as stream:
        assert [r["reason"] for r in csv.DictReader(stream)] == [n.reason for n in done.not_served]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["not_served"] == {"category": 1, "row": 4, "sector": 1, "template": 1}
    assert summary["region"]["UK"] == {
        "catalogued": 7,
        "served": 2,
        "not_served_category": 1,
        "not_served_row": 2,
        "not_served_sector": 1,
        "not_served_template": 1,
    }
    assert not {"generated", "certified"} & summary.keys()  # the line says so, not the build


def test_a_region_that_is_refused_is_told_with_the_templates_reason(tmp_path: Path) -> None:
    text = TEMPLATE.replace(
        "regions: grid", 'regions: {use: grid, MENA: {refuse: "The motor is not sold there at all."}}'
    )
    done = built(tmp_path, ROWS[:2], template_of(text))
    assert [(n.why, n.reason) for n in done.not_served] == [("region", "The motor is not sold there at all.")]
    assert done.not_served[0].refused == ("small-motor",)


def test_each_spec_is_complete_and_bears_the_row(tmp_path: Path) -> None:
    done = built(tmp_path)
    with (tmp_path / "out" / "served.csv").open(encoding="utf-8", newline="") as stream:
        listed = {r["row"]: r for r in csv.DictReader(stream)}
    for served in done.served:
        path = tmp_path / "out" / "specs" / f"industrial.small-motor_{served.row.number}.pack.yaml"
        spec, findings = read(path.read_bytes(), path.name)
        assert spec is not None
        assert findings == ()
        resolution = resolve(spec, TABLE, library())
        assert resolution.complete
        assert resolution.diagnostics == ()
        assert spec.digest == listed[served.row.row]["sha256"]
        assert spec.agent_id == f"industrial/small-motor_{served.row.number}"
        assert (spec.name, spec.version) == (served.row.name, "1.2.0")
        metadata = spec.extra["metadata"]
        assert metadata["catalogue"]["row"] == served.row.row
        assert metadata["catalogue"]["level"] == served.row.level
        assert metadata["serves"] == "Gives the electricity of a motor and its life-cycle CO2e."
        assert (metadata["region"], metadata["sector"]) == (served.row.region, served.row.sector)
        assert {"catalogue", "process-heat", "calculator"} < set(spec.tags)


def test_the_same_input_gives_the_same_bytes_and_a_second_run_writes_nothing(tmp_path: Path) -> None:
    built(tmp_path)
    before = files(tmp_path)
    again = built(tmp_path)
    assert (again.written, again.removed) == (0, 0)
    assert files(tmp_path) == before
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    built(elsewhere)
    assert files(elsewhere) == before


def test_a_second_run_writes_what_changed_and_removes_what_is_no_longer_wanted(tmp_path: Path) -> None:
    built(tmp_path)
    own = tmp_path / "out" / "specs" / "mine.pack.yaml"
    own.write_text("a person's file", encoding="utf-8")
    changed = built(tmp_path, [ROWS[0], row(2, region="Japan")])
    assert (changed.written, changed.removed) == (1, 1)
    assert sorted(p.name for p in (tmp_path / "out" / "specs").iterdir()) == [
        "industrial.small-motor_00001.pack.yaml",
        "industrial.small-motor_00002.pack.yaml",
        "mine.pack.yaml",
    ]


def test_a_report_that_was_tampered_with_removes_nothing_else(tmp_path: Path) -> None:
    built(tmp_path)
    victim = tmp_path / "out" / "not_ours.pack.yaml"
    victim.write_text("stays", encoding="utf-8")
    report = tmp_path / "out" / "served.csv"
    report.write_text(report.read_text(encoding="utf-8") + "GLA-1,../not_ours.pack.yaml,,,,,,,,,,,\n", encoding="utf-8")
    built(tmp_path)
    assert victim.read_text(encoding="utf-8") == "stays"


def test_the_first_rows_only(tmp_path: Path) -> None:
    assert built(tmp_path, limit=2).catalogued == 2


def rows_of(tmp_path: Path, count: int, **words: str) -> list[Served]:
    path = catalogue(tmp_path, [row(n, **words) for n in range(1, count + 1)])
    serving = Serving([template_of(), template_of(OTHER, name="large-motor")])
    answers = [serving.serve(r) for r in read_rows(path)]
    assert all(isinstance(a, Served) for a in answers)
    return [a for a in answers if isinstance(a, Served)]


def test_rows_spread_over_the_templates_whatever_their_order(tmp_path: Path) -> None:
    served = rows_of(tmp_path, 400)
    assert all(s.candidates == ("large-motor", "small-motor") for s in served)
    counts = Counter(s.template.name for s in served)
    assert min(counts.values()) > 150
    alone = {s.row.row: s.template.name for s in rows_of(tmp_path, 40)}
    assert alone == {s.row.row: s.template.name for s in served[:40]}


def test_a_template_that_names_the_sector_comes_first(tmp_path: Path) -> None:
    named = OTHER.replace("  Mining: ", '  Cement: {note: "For kilns."}\n  Mining: ')
    path = catalogue(tmp_path, [row(n) for n in range(1, 30)])
    serving = Serving([template_of(), template_of(named, name="large-motor")])
    answers = [serving.serve(r) for r in read_rows(path)]
    assert {a.template.name for a in answers if isinstance(a, Served)} == {"large-motor"}
    assert not any(isinstance(a, NotServed) for a in answers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "catalogue.csv: no column `Agent_ID`"),
        (HEADER + "GLA-00001,x\n", "catalogue.csv:2: the row has not the 12 columns of the header"),
        (HEADER + row(1).strip() + ",more\n", "catalogue.csv:2: the row has not the 12 columns of the header"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=message):
        read_rows(path)


def test_the_whole_catalogue(shared: Path, tmp_path: Path) -> None:
    path = shared / "specs" / "catalogue" / "agent_catalogue_10400.csv"
    told: list[tuple[int, int]] = []
    templates = TemplateManager().templates
    done = build(path, tmp_path, templates.values(), TABLE, progress=lambda *now: told.append(now))
    assert (done.catalogued, told[-1]) == (10_400, (10_400, 10_400))
    assert len(done.served) + len(done.not_served) == 10_400
    assert len(done.served) == len(list((tmp_path / "specs").iterdir()))
    assert not faults(read_rows(path))
    for served in done.served:
        declared = templates[served.template.name].declared
        assert served.row.subdomain in declared.subdomains
        assert served.row.category in declared.serves
        assert served.template.refusal(served.row.region, served.row.sector) == ""
    serving = {(t.domain, s, c) for t in templates.values() for s in t.declared.subdomains for c in t.declared.serves}
    for answer in done.not_served:
        if answer.why in {"template", "category"}:
            assert (answer.row.domain, answer.row.subdomain, answer.row.category) not in serving
    sample = sorted((tmp_path / "specs").iterdir())[:: max(1, len(done.served) // 40)]
    for file in sample:
        spec, findings = read(file.read_bytes(), file.name)
        assert spec is not None, findings
        assert resolve(spec, TABLE, library()).complete
