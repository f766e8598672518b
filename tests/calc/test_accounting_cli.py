"""`greenlang calc scope2`, `spend`, `overlaps` and `uncertainty`, and the examples of the accountants' page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from greenlang.calc import CalculationContext, CalculationEngine, verify
from greenlang.calc.accounting_rules import folder
from greenlang.calc.uncertainty import recompute
from greenlang.cli import calc_accounting
from greenlang.cli.documents import DocumentUnreadable, read_document
from greenlang.factors import FactorTable
from greenlang.factors.storage import write_parquet
from greenlang.settings import Settings
from tests.calc.test_spend import FARM
from tests.calc.test_spend import ROWS as SPEND_ROWS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accounting.md"
BASE = "ef://desnz/electricity/2025"
GRID = f"{BASE}/electricity-generated/co2e-per-kwh"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command of the group, in an empty folder, on the embedded base."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()

    @app.callback()
    def options(context: typer.Context) -> None:
        context.obj = tmp_path / "var"

    calc_accounting.join(app)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), catch_exceptions=False)

    return invoke


def written(tmp_path: Path, name: str, content: Any) -> str:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


SCOPE2 = {
    "consumption": [
        {
            "id": "hq",
            "quantity": "1000 MWh",
            "year": 2025,
            "region": "GB",
            "grid": GRID,
            "td": f"{BASE}/transmission-and-distribution/co2e-per-kwh",
        }
    ],
    "instruments": [
        {
            "id": "REGO",
            "kind": "certificate",
            "volume": "600 MWh",
            "vintage": 2025,
            "market": "GB",
            "rate": {"value": "0 kgCO2e/kWh", "citation": "register"},
            "declared": {"sole-claim": True, "retired": True},
        },
        {"id": "PPA", "kind": "contract", "volume": "100 MWh", "vintage": 2025, "market": "GB"},
    ],
}


def test_scope_2_prints_both_results_and_what_is_disclosed(run: Run, tmp_path: Path) -> None:
    done = run("scope2", written(tmp_path, "s.json", SCOPE2))
    assert done.exit_code == 0
    assert "scope 2 location-based: 177000 kgCO2e, AR5GWP100" in done.output
    assert "scope 2 market-based: 70800 kgCO2e, AR5GWP100" in done.output
    assert "scope 3 category 3, never inside scope 2: T&D 18530 kgCO2e" in done.output
    assert "instrument REGO: applied, 600 MWh" in done.output
    assert (
        "instrument PPA: not applied, 0 MWh\n    criterion 1, conveys-rate: it states no emission rate" in done.output
    )
    assert "disclosed: no residual mix for market GB in 2025" in done.output
    assert done.output.count("no uncertainty can be stated") == 3
    stated = run("scope2", str(tmp_path / "s.json"), "--set", "hq=3 %", "--set", f"{GRID}=4 %")
    assert "± 5 % at 95 %" in stated.output
    assert run("scope2", str(tmp_path / "s.json"), "--set", "hp=3 %").exit_code == 1


def test_scope_2_as_json_and_as_lines_of_an_inventory(run: Run, tmp_path: Path) -> None:
    source = written(tmp_path, "s.json", SCOPE2)
    done = run("scope2", source, "--json", "--out", str(tmp_path / "r.json"))
    content = json.loads(done.output)
    assert (content["location_based"]["value"], content["market_based"]["value"]) == ("177000", "70800")
    uncertain = content.pop("uncertainty")
    assert uncertain["location-based"]["missing"] == [GRID, "hq"]
    assert json.loads((tmp_path / "r.json").read_text()) == content
    both = run("overlaps", "r.json")
    assert both.exit_code == 1
    assert both.output.startswith("overlap two-methods: 1 location-based and 2 market-based lines")
    one = run("overlaps", "r.json", "--total", "--method", "market-based", "--unit", "kgCO2e")
    assert one.exit_code == 0
    assert "total 89330 kgCO2e, AR5GWP100" in one.output
    content["lines"][0]["value"] = "1"
    content["digest"] = "0" * 64
    assert run("overlaps", written(tmp_path, "forged.json", content)).exit_code == 2


def test_mistakes_go_to_the_error_stream_with_exit_1(run: Run, tmp_path: Path) -> None:
    done = run("scope2", written(tmp_path, "s.yaml", "consumption:\n  - {id: a, quantity: 5 kg}\n"))
    assert done.exit_code == 1
    assert "consumption[0].quantity: `5 kg` is no amount of energy" in done.stderr
    assert run("scope2", "nowhere.yaml").exit_code == 2


def test_spend_shows_every_step_or_what_is_missing(run: Run, tmp_path: Path) -> None:
    spends = "id,amount,year,vat,factor\na,100 EUR,2024,none,ef://desnz/electricity/2025\nb,100 EUR,2024,none," + GRID
    done = run("spend", written(tmp_path, "s.csv", spends))
    assert done.exit_code == 1
    assert "a: not computed" in done.stderr
    assert f"{GRID} is not per unit of money" in done.stderr
    tables = written(tmp_path, "t.csv", "from,to,year,rate,citation\nEUR,USD,2022,0,A bank\n")
    assert "rate is 0" in run("spend", str(tmp_path / "s.csv"), "--table", tables).stderr
    content = json.loads(run("spend", str(tmp_path / "s.csv"), "--json").output)
    assert [entry["success"] for entry in content["spends"]] == [False, False]


def test_stored_spends_are_lines_of_an_inventory(run: Run, tmp_path: Path) -> None:
    table = FactorTable(SPEND_ROWS, "test-1.0.0")
    write_parquet(
        tuple(table),
        Settings(var=tmp_path / "var").tables / "factors.parquet",
        release=table.release,
        digest=table.digest,
    )
    rows = f"id,amount,year,vat,factor\na,100 USD,2022,none,ef://{FARM}\nb,50 USD,2022,none,ef://{FARM}\n"
    unknown = "c,50 USD,1990,none,ef://nobody\n"
    source = written(tmp_path, "s.csv", rows + unknown)
    assert run("spend", source, "--out", "spends.json").exit_code == 1
    done = run("overlaps", "spends.json", "--total", "--unit", "kgCO2e")
    assert done.exit_code == 0, done.output + done.stderr
    assert "total 79.8 kgCO2e, AR5GWP100" in done.output
    assert "    scope 3: 79.8 kgCO2e, 2 lines\n        category 3.1: 79.8 kgCO2e, 2 lines" in done.output
    forged = (tmp_path / "spends.json").read_text().replace('"53.2"', '"5.32"')
    assert run("overlaps", written(tmp_path, "forged.json", forged)).exit_code == 2


def test_overlaps_from_a_table_with_resolutions(run: Run, tmp_path: Path) -> None:
    rows = "id,value,unit,factor\nwhole,10,tCO2e,{0}\npart,1,tCO2e,{1}\n"
    part = f"{BASE}/electricity-generated/of-ch4/co2e-per-kwh"
    lines = written(tmp_path, "lines.csv", rows.format(GRID, part))
    found = json.loads(run("overlaps", lines, "--json").output)
    (finding,) = found["findings"]
    assert (found["lines"], finding["rule"]) == (2, "part-and-whole")
    refused = run("overlaps", lines, "--total")
    assert refused.exit_code == 1
    assert f"stands in the way: {finding['id']}" in refused.output
    told = [{"finding": finding["id"], "keep": "first", "reason": "the part is in the whole"}]
    done = run("overlaps", lines, "--total", "--resolutions", written(tmp_path, "r.json", told))
    assert done.exit_code == 0
    assert "left out: part, 1 tCO2e, scope 2 (" in done.output
    assert "total 10 tCO2e, AR5GWP100\n    scope 2 location-based: 10 tCO2e, 1 line\n" in done.output


def test_lines_from_parquet(run: Run, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"id": ["a"], "value": ["1.5"], "unit": ["tCO2e"]}), tmp_path / "lines.parquet")
    assert "total 1.5 tCO2e" in run("overlaps", "lines.parquet", "--total").output


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    engine = CalculationEngine()
    given = {"energy": "1 MWh", "ef": GRID}
    result = engine.calculate("carbon/energy-times-intensity", given, CalculationContext())
    assert result.certificate is not None
    return written(tmp_path, "c.json", result.certificate.json())


def test_uncertainty_is_printed_and_sealed(run: Run, tmp_path: Path, certificate: str) -> None:
    done = run("uncertainty", certificate, "--set", "energy=5 %", "--out", "c2.json")
    assert done.exit_code == 0
    assert f"co2e = 177 kgCO2e: ± 5 % at 95 %, partial: without {GRID}" in done.output
    assert f"not stated: {GRID}" in done.output
    sealed = (tmp_path / "c2.json").read_text()
    assert verify(sealed, CalculationEngine().table, uncertainty=recompute).verified
    again = run("uncertainty", "c2.json", "--set", f"{GRID}=4 %", "-s", "energy=3 %", "--out", "c3.json", "--json")
    (output,) = (entry for entry in json.loads(again.output)["outputs"] if entry["name"] == "co2e")
    assert (output["plus"], output["partial"]) == ("5", False)
    stated = written(tmp_path, "u.yaml", "uncertainties:\n  energy: {percent: 3, distribution: uniform}\n")
    drawn = run("uncertainty", certificate, "--statements", stated, "--method", "monte-carlo", "--trials", "1000")
    assert "co2e = 177 kgCO2e: − 2.8" in drawn.output


def test_uncertainty_refuses_with_place(run: Run, certificate: str) -> None:
    done = run("uncertainty", certificate, "--set", "enrgy=5 %")
    assert done.exit_code == 1
    assert "uncertainties.enrgy: the calculation has no such quantity" in done.stderr
    assert run("uncertainty", certificate, "--set", "energy").exit_code == 2
    assert run("uncertainty", "nowhere.json").exit_code == 2


def test_documents_keep_digits_and_norway(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("a: NO\nb: 0.10\nc: 12\nd: true\ne: 2025-01-31\nf: yes\ng: 1_000\nh:\n")
    found = read_document(path)
    assert {name: str(value) for name, value in found.items()} == {
        "a": "NO",
        "b": "0.10",
        "c": "12",
        "d": "True",
        "e": "2025-01-31",
        "f": "yes",
        "g": "1_000",
        "h": "None",
    }
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(DocumentUnreadable, match="stands twice"):
        read_document(path)


# the page


def test_the_examples_of_the_page_run(run: Run, tmp_path: Path) -> None:
    """Every YAML or CSV block that names its file is written; every command of a console block gives what it shows."""
    text = PAGE.read_text(encoding="utf-8")
    for name, body in re.findall(r"```(?:yaml|csv) title=\"([^\"]+)\"\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(body, encoding="utf-8")
    shown = re.findall(r"```console\n\$ greenlang calc (\w+) ([^\n]*)\n(.*?)```", text, re.DOTALL)
    assert len(shown) >= 3
    for command, arguments, output in shown:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', arguments)]
        done = run(command, *words)
        for line in output.strip().splitlines():
            if line.strip() != "...":
                assert line.strip() in done.output + done.stderr, f"{command}: {line}\n{done.output}{done.stderr}"


def test_the_page_names_every_rule_that_is_declared() -> None:
    text = PAGE.read_text(encoding="utf-8")
    from greenlang.calc.overlaps import declared_rules as overlap_rules
    from greenlang.calc.scope2_rules import declared_rules as scope2_rules
    from greenlang.calc.spend import declared_order

    for rule in overlap_rules().rules:
        assert f"`{rule}`" in text, rule
    for criterion in scope2_rules().criteria:
        assert f"`{criterion.id}`" in text, criterion.id
    for step in declared_order():
        assert f"`{step}`" in text, step
    for path in folder().iterdir():
        assert path.name in text, path.name
