"""`greenlang verify` knows each kind of sealed file by its format, and refuses any other in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from greenlang.calc.certificate import CertificateUnreadable
from greenlang.calc.verify_kinds import KINDS, read_sealed
from greenlang.cli.main import app

GRID = "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"
SCOPE2 = {"consumption": [{"id": "hq", "quantity": "10 MWh", "year": 2025, "region": "GB", "grid": GRID}]}
MAPPING = f"""
formula: carbon/energy-times-intensity
id: id
inputs: {{energy: {{column: amount, unit: kWh}}}}
factors: {{ef: {GRID}}}
"""
RATES = "from,to,year,rate,citation\nEUR,USD,2022,1.05,A bank\n"


def run(folder: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["--var", str(folder / "var"), *map(str, arguments)])


def done(folder: Path, *arguments: str | Path) -> Result:
    result = run(folder, *arguments)
    assert result.exit_code == 0, result.output + result.stderr
    return result


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    given = ["-i", "energy=12.5 MWh", "-i", f"ef={GRID}", "--certificate"]
    done(tmp_path, "calc", "once", "carbon/energy-times-intensity", *given, path)
    return path


@pytest.fixture
def scope2(tmp_path: Path) -> Path:
    source = tmp_path / "scope2.yaml"
    source.write_text(json.dumps(SCOPE2), encoding="utf-8")
    done(tmp_path, "calc", "scope2", source, "--out", tmp_path / "scope2.json")
    return tmp_path / "scope2.json"


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("id,amount\na,5\nb,7\n", encoding="utf-8")
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    out = tmp_path / "results.parquet"
    done(tmp_path, "calc", "run", tmp_path / "a.csv", "--map", tmp_path / "map.yaml", "--out", out)
    return tmp_path / "results.batch-certificate.json"


def spends(tmp_path: Path, money: dict[str, Any]) -> Path:
    """Two spends: one that is computed on a factor per dollar, one that is not."""
    (tmp_path / "rates.csv").write_text(RATES, encoding="utf-8")
    from greenlang.calc import CalculationEngine
    from greenlang.calc.spend import calculate
    from greenlang.calc.spend_result import plain_list
    from greenlang.calc.spend_tables import read_money_tables
    from greenlang.factors import FactorTable
    from greenlang.factors.storage import write_parquet
    from tests.calc.test_spend import ROWS, spend

    table = FactorTable(ROWS, "test-1.0.0")
    write_parquet(tuple(table), tmp_path / "factors.parquet", release=table.release, digest=table.digest)
    tables, _ = read_money_tables([tmp_path / "rates.csv"])
    asked = [spend(year=2022, **money), spend(id="po-2", year=1990)]
    made = plain_list([calculate(CalculationEngine(table), entry, tables) for entry in asked])
    path = tmp_path / "spends.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["result", "scope2", "batch"])
def test_each_kind_is_verified_and_a_changed_digit_found(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(kind)
    digest = json.loads(path.read_text())["digest"]
    assert done(tmp_path, "verify", path, "--digest", digest).stdout.endswith(f"verified {digest}\n")
    assert run(tmp_path, "verify", path, "--digest", "0" * 64).exit_code == 1
    text = path.read_text()
    value = {"result": '"2212.5"', "scope2": '"1770"', "batch": '"2.124"'}[kind]
    assert value in text
    path.write_text(text.replace(value, '"1"'), encoding="utf-8")
    told = run(tmp_path, "verify", path)
    assert told.exit_code == 1
    assert "differs: " in told.stdout
    plain = json.loads(run(tmp_path, "verify", path, "--json").stdout)
    assert (plain["verified"], plain["kind"]) == (False, {"scope2": "scope 2"}.get(kind, kind))
    assert plain["links"]


def test_scope_2_names_the_section_that_was_changed(tmp_path: Path, scope2: Path) -> None:
    scope2.write_text(scope2.read_text().replace('"10 MWh"', '"11 MWh"'), encoding="utf-8")
    told = run(tmp_path, "verify", scope2).stdout
    assert "request: `request` was changed after the result was sealed" in told
    assert "lines: lines[0].value is 1770, recomputed 1947" in told


def test_a_batch_is_verified_with_its_results_beside_it_or_where_they_are_named(tmp_path: Path, batch: Path) -> None:
    results = tmp_path / "results.parquet"
    moved = results.rename(tmp_path / "moved.parquet")
    gone = run(tmp_path, "verify", batch)
    assert gone.exit_code == 2
    assert "name them by --results" in gone.stderr
    done(tmp_path, "verify", batch, "--results", moved)


def test_spends_are_verified_alone_or_against_the_users_tables(tmp_path: Path) -> None:
    path = spends(tmp_path, {"vat": "none"})
    factors = ("--factors", tmp_path / "factors.parquet")
    alone = done(tmp_path, "verify", path, *factors)
    assert "note: exchange rates, price indices and margins are those that the result recorded" in alone.stdout
    assert "note: spends[1] was not computed: only the seal of the list holds it" in alone.stdout
    table = tmp_path / "rates.csv"
    assert "recorded" not in done(tmp_path, "verify", path, *factors, "--table", table).stdout
    table.write_text(RATES.replace("1.05", "1.06"), encoding="utf-8")
    found = run(tmp_path, "verify", path, *factors, "--table", table)
    assert found.exit_code == 1
    assert "spends[0].tables[0].rate" in json.dumps(
        json.loads(run(tmp_path, "verify", path, *factors, "--table", table, "--json").stdout)["findings"]
    )
    one = tmp_path / "one.json"
    one.write_text(json.dumps(json.loads(path.read_text())["spends"][0]), encoding="utf-8")
    done(tmp_path, "verify", one, *factors)
    assert '"value": "675.906"' in one.read_text()
    one.write_text(one.read_text().replace("675.906", "675.907"), encoding="utf-8")
    assert run(tmp_path, "verify", one, *factors).exit_code == 1


def test_an_uncertainty_that_is_sealed_into_a_certificate_is_computed_again(tmp_path: Path, result: Path) -> None:
    out = tmp_path / "with.json"
    done(tmp_path, "calc", "uncertainty", result, "--set", "energy=5 %", "--out", out)
    done(tmp_path, "verify", out)
    out.write_text(out.read_text().replace('"plus": "5"', '"plus": "4"'), encoding="utf-8")
    told = run(tmp_path, "verify", out)
    assert told.exit_code == 1
    assert "differs: uncertainty" in told.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "it declares no `format`"),
        ("[1]", "it declares no `format`"),
        ('{"format": 5}', "it declares no `format`"),
        ('{"format": "greenlang-restatement/1"}', "its `format` is `greenlang-restatement/1`"),
        ('{"format": "a recipe", "flour": "1 kg"}', "its `format` is `a recipe`"),
    ],
)
def test_another_kind_is_refused_in_one_sentence_that_lists_the_known_ones(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    refused = run(tmp_path, "verify", path)
    assert refused.exit_code == 2
    (line,) = refused.stderr.strip().splitlines()
    assert said in line
    for kind in KINDS:
        assert kind.start in line


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_unreadable(data: bytes) -> None:
    with pytest.raises(CertificateUnreadable, match="no JSON that a certificate can be"):
        read_sealed(data)
