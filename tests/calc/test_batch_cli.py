"""`greenlang calc run`, `prove`, `check`, `restate`: what a person or a program sees, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from greenlang.cli import calc_batch
from greenlang.cli.app import Group
from greenlang.factors import FactorTable
from greenlang.factors.editions import EditionRead
from greenlang.factors.gates.report import Report
from greenlang.factors.model import Factor, row_digest
from greenlang.factors.release import Releases
from greenlang.factors.storage import arrow_table
from greenlang.settings import Settings
from tests.calc.batch_example import rewrite, write

KEY = "owid/grid/2026/electricity/gb/co2e-per-kwh"
MAPPING = """
expression:
  symbols:
    amount: {unit: kWh, range: [0, null]}
    ef: {origin: factor, gas: CO2e, unit: kgCO2e/kWh}
  outputs: {co2e: {unit: kgCO2e, expression: amount * ef}}
id: id
inputs: {amount: {column: amount, unit: MWh}}
factors: {ef: ef://owid/grid/2026/electricity/gb/co2e-per-kwh}
"""
Call = Callable[..., Result]


def release(store: Releases, value: str) -> str:
    """A release with one row beside the embedded base."""
    base = FactorTable.load()
    pattern = base.get("desnz/fuels/2025/natural-gas/co2e-per-kwh-gross")
    assert pattern is not None
    row: Factor = replace(
        pattern,
        key=KEY,
        publisher="owid",
        dataset="grid",
        vintage="2026",
        activity="electricity",
        region="GB",
        value=Decimal(value),
        cell_text=value,
        cell=KEY,
        calorific_basis="",
        source_digest="a" * 64,
    )
    digest = row_digest(row)
    path = store.folder / "editions" / f"owid-grid-2026-{digest[:16]}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(arrow_table([row]).append_column("row_digest", pa.array([digest])), path)
    read = EditionRead("owid/grid/2026", digest, 1, 1, 0, {}, path, True)
    return store.make([read], base, lambda table, before: Report((), frozenset(table.keys))).name


@pytest.fixture
def call(tmp_path: Path) -> Call:
    settings = Settings(var=tmp_path / "var")
    store = Releases(settings.var / "factors")
    assert [release(store, "0.2"), release(store, "0.21")] == ["factors-1.0.0", "factors-1.1.0"]
    store.pin("factors-1.0.0", settings.tables)
    app = typer.Typer(cls=Group, pretty_exceptions_enable=False, rich_markup_mode=None)
    calc = typer.Typer()
    for name in ("run", "prove", "check", "restate"):
        calc.command(name)(getattr(calc_batch, name))
    app.add_typer(calc, name="calc")

    @app.callback()
    def options(context: typer.Context) -> None:
        context.obj = settings.var

    write(tmp_path / "activities.parquet", [{"id": "a", "amount": "10"}, {"id": "b", "amount": "2.5"}])
    (tmp_path / "mapping.yaml").write_text(MAPPING)

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, ["calc", *map(str, arguments)])

    return run


def ran(call: Call, folder: Path, *more: str | Path) -> Result:
    files = [folder / "activities.parquet", "--map", folder / "mapping.yaml", "--out", folder / "results.parquet"]
    return call("run", *files, *more)


def test_run_computes_and_says_what_came_of_it(call: Call, tmp_path: Path) -> None:
    found = ran(call, tmp_path)
    assert found.exit_code == 0, found.output
    assert "2 rows, 2 with an answer, 0 without" in found.stdout
    assert "2500 " in found.stdout
    told = json.loads(ran(call, tmp_path, "--json").stdout)
    assert (told["rows"], told["counts"]) == (2, {"ok": 2})
    assert f"certificate {told['certificate']}" in found.stdout


def test_a_row_that_failed_is_exit_code_1(call: Call, tmp_path: Path) -> None:
    write(tmp_path / "activities.parquet", [{"id": "a", "amount": "10"}, {"id": "b", "amount": "-1"}])
    found = ran(call, tmp_path)
    assert found.exit_code == 1
    assert "out_of_range" in found.stdout
    assert "inputs.amount: -1 MWh is outside the valid range" in found.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("column: amount", "colunm: amount"), "line 8, column 19: inputs.amount.colunm: there is no entry `colunm`"),
        (("column: amount", "column: amuont"), "inputs.amount.column: the activities have no column `amuont`; did you"),
        (("electricity/gb", "electricity/gx"), "factors.ef: no factor `ef://owid/grid/2026/electricity/gx/co2e-per-k"),
    ],
)
def test_a_wrong_mapping_is_exit_code_2(call: Call, tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "mapping.yaml").write_text(MAPPING.replace(*change))
    found = ran(call, tmp_path)
    assert found.exit_code == 2
    assert message in found.stderr
    assert not (tmp_path / "results.parquet").exists()


def test_wrong_use_is_exit_code_2(call: Call, tmp_path: Path) -> None:
    ran(call, tmp_path)
    results = tmp_path / "results.parquet"
    out = ["--out", tmp_path / "new.parquet"]
    wrong = [
        ["run", tmp_path / "activities.parquet", "--map", tmp_path / "none.yaml", *out],
        ["run", tmp_path / "activities.parquet", "--map", tmp_path / "mapping.yaml", "--out", tmp_path / "x.csv"],
        [
            "run",
            tmp_path / "activities.parquet",
            "--map",
            tmp_path / "mapping.yaml",
            "--out",
            tmp_path / "no/x.parquet",
        ],
        ["run", tmp_path / "none.parquet", "--map", tmp_path / "mapping.yaml", *out],
        ["prove", tmp_path / "none.parquet", "--row", "a"],
        ["check", tmp_path / "activities.parquet"],
        ["restate", results, "--release", "factors-9.9.9", *out],
        ["restate", results, "--release", "factors-1.1.0", "--method", "guess", *out],
        ["restate", results, "--release", "factors-1.1.0", "--order", "factors", *out],
        ["restate", results, "--release", "factors-1.1.0", "--threshold", "much", *out],
        ["restate", results, "--formula-version", "current", *out],
        ["restate", results, *out],
    ]
    for arguments in wrong:
        found = call(*arguments)
        assert found.exit_code == 2, (arguments, found.output)
        assert found.stderr
        assert "Traceback" not in found.output


def test_prove_shows_the_path_of_a_row(call: Call, tmp_path: Path) -> None:
    ran(call, tmp_path)
    results = tmp_path / "results.parquet"
    found = call("prove", results, "--row", "a")
    assert found.exit_code == 0
    assert found.stdout.startswith("text    r1|1:a|2:10|")
    assert found.stdout.endswith("the row is the one that was certified\n")
    told = json.loads(call("prove", results, "--row", "a", "--json").stdout)
    assert told["holds"] is True
    assert told["combination"]["digest"] in told["text"]
    assert call("prove", results, "--row", "z").exit_code == 1
    rewrite(results, "SELECT * REPLACE (CASE WHEN id = 'a' THEN '11' ELSE amount END AS amount) FROM r")
    changed = call("prove", results, "--row", "a")
    assert changed.exit_code == 1
    assert "the row is NOT the one that was certified" in changed.stdout


def test_check_names_what_differs(call: Call, tmp_path: Path) -> None:
    ran(call, tmp_path)
    results = tmp_path / "results.parquet"
    found = call("check", results)
    assert (found.exit_code, found.stdout.split()[0]) == (0, "verified")
    assert call("check", results, "--digest", "0" * 64).exit_code == 1
    rewrite(results, "SELECT * REPLACE (CAST(co2e + 1 AS DECIMAL(38,6)) AS co2e) FROM r")
    changed = call("check", results)
    assert changed.exit_code == 1
    assert "row a: co2e is 2001.000000, computed again 2000.000000" in changed.stdout
    assert "computed again 2000" not in call("check", results, "--rows-only").stdout
    told = json.loads(call("check", results, "--json").stdout)
    assert told["verified"] is False


def test_a_stored_release_is_used_where_the_mapping_names_it(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(MAPPING + "context: {release: factors-1.1.0}\n")
    assert ran(call, tmp_path).exit_code == 0
    assert str(pq.read_table(tmp_path / "results.parquet").column("co2e")[0]) == "2100.000000"
    assert call("check", tmp_path / "results.parquet").exit_code == 0


def test_restate_attributes_and_judges_the_base_year(call: Call, tmp_path: Path) -> None:
    ran(call, tmp_path)
    results, out = tmp_path / "results.parquet", tmp_path / "restated.parquet"
    found = call("restate", results, "--release", "factors-1.1.0", "--threshold", "5", "--out", out)
    assert found.exit_code == 1, found.output
    assert "restated for factors" in found.stdout
    assert "the base year must be recalculated (moved by 5 % or more: co2e" in found.stdout
    assert "Shapley" in found.stdout
    assert call("check", out).exit_code == 0
    corrected = write(tmp_path / "corrected.parquet", [{"id": "a", "amount": "9.9"}, {"id": "b", "amount": "2.5"}])
    told = json.loads(
        call(
            *("restate", results, "--release", "factors-1.1.0", "--activities", corrected, "--out", out),
            *("--threshold", "5", "--json"),
        ).stdout
    )
    (line,) = told["totals"]
    assert (line["before"], line["after"]) == ("2500", "2604")
    assert line["parts"] == {"factors": "124.5", "activities": "-20.5"}
    assert told["base_year"]["recalculate"] is False
    assert {path.name for path in tmp_path.glob("restated*")} == {
        "restated.parquet",
        "restated.batch-certificate.json",
        "restated.attribution.parquet",
        "restated.restatement.json",
    }
