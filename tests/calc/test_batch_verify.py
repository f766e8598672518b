"""A batch verified alone: whatever is changed in results or certificate is found, and named."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.calc import CalculationEngine, CertificateUnreadable
from greenlang.calc.batch import BatchRun
from greenlang.calc.batch_certificate import BatchCertificate, beside, own_digest, read_batch_certificate
from greenlang.calc.batch_prove import check_proof, prove_row
from greenlang.calc.batch_verify import BatchVerification, verify_batch
from greenlang.calc.proof import ProofImpossible
from greenlang.factors import FactorTable
from greenlang.formulas.library import FormulaLibrary
from tests.calc.batch_example import ACTIVITIES, BY_GAS, batch, leaves, listed, rewrite
from tests.calc.example import ROWS

ROWS_OF = [
    *({**row, "site": f"site {n}"} for n, row in enumerate(ACTIVITIES)),
    {"id": "bad", "amount": "x", "unit": "kWh", "fuel": "gas", "site": None},
]
CARRIED = BY_GAS + "carry: site\n"


@pytest.fixture
def made(tmp_path: Path, engine: CalculationEngine) -> BatchRun:
    return batch(tmp_path, engine, CARRIED, ROWS_OF)


def links(found: BatchVerification) -> set[str]:
    return {finding.link for finding in found.findings}


def messages(found: BatchVerification) -> str:
    return "\n".join(map(str, found.findings))


def test_a_batch_is_verified_alone(made: BatchRun, engine: CalculationEngine) -> None:
    sealed = read_batch_certificate(beside(made.results).read_bytes())
    assert sealed == made.certificate
    found = verify_batch(sealed, made.results, engine, expected=sealed.digest)
    assert (found.findings, found.notes) == ([], [])
    without = verify_batch(sealed, made.results)
    assert without.verified
    assert without.notes == ["rows were not computed again: no factor table was given"]


def test_another_certificate_than_the_one_that_was_kept(made: BatchRun) -> None:
    assert links(verify_batch(made.certificate, made.results, expected="0" * 64)) == {"digest"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "'z'"),
        ("amount", "'12.51'"),
        ("unit", "'GWh'"),
        ("fuel", "'wood'"),
        ("site", "'elsewhere'"),
        ("co2", "co2 + 0.000001"),
        ("co2e", "NULL"),
        ("intensity", "intensity - 0.000000000001"),
        ("co2e_basis", "'AR6GWP100'"),
        ("ef_ch4_key", "'epa/fuels/2024/wood/ch4-per-mmbtu'"),
        ("combination", "2"),
        ("status", "'domain'"),
        ("reason", "'because'"),
        ("row_digest", "unhex(sha256('x'))"),
    ],
)
def test_a_change_in_any_cell_names_the_row(made: BatchRun, column: str, value: str) -> None:
    kinds = {"co2": "DECIMAL(38,6)", "co2e": "DECIMAL(38,6)", "intensity": "DECIMAL(38,12)", "combination": "INTEGER"}
    kind = kinds.get(column, "BLOB" if column == "row_digest" else "VARCHAR")
    rewrite(
        made.results,
        f"SELECT * REPLACE (CAST(CASE WHEN id = 'a' THEN {value} ELSE {column} END AS {kind}) AS {column}) FROM r",
    )
    found = verify_batch(made.certificate, made.results)
    name = "z" if column == "id" else "a"
    assert f"row {name} was changed after it was sealed" in messages(found)
    assert sum(finding.link == "rows" for finding in found.findings) == 1


def test_a_changed_row_with_a_new_digest_is_found_by_its_chunk_and_by_computing_again(
    made: BatchRun, engine: CalculationEngine
) -> None:
    """A forger who knows how digests are made: the root still tells, and so does the calculation."""
    proof = prove_row(made.certificate, made.results, ["a"])
    forged = proof.text.replace("|2241.666158|", "|1.666158|")
    assert forged != proof.text
    rewrite(
        made.results,
        "SELECT * REPLACE (CAST(CASE WHEN id = 'a' THEN 1.666158 ELSE co2e END AS DECIMAL(38,6)) AS co2e, "
        f"CASE WHEN id = 'a' THEN unhex(sha256('{forged}')) ELSE row_digest END AS row_digest) FROM r",
    )
    found = verify_batch(made.certificate, made.results, engine)
    assert "the one chunk: its rows are others than those that were certified" in messages(found)
    assert "row a: co2e is 1.666158, computed again 2241.666158" in messages(found)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM r WHERE id <> 'a'", "rows are missing or were changed: 4 of 5"),
        ("SELECT * FROM r UNION ALL SELECT * FROM r WHERE id = 'a'", "row a stands 2 times"),
        ("SELECT * FROM r UNION ALL SELECT * REPLACE ('z' AS id) FROM r WHERE id = 'a'", "row z was changed"),
        ("SELECT * FROM r WHERE id <> 'a' UNION ALL SELECT * FROM r WHERE id = 'b'", "row b stands 2 times"),
        ("SELECT *, 1 AS more FROM r", "a column `more` that was never certified"),
        ("SELECT * EXCLUDE (site) FROM r", "the results have no column `site` of type VARCHAR"),
        ("SELECT * REPLACE (CAST(co2 AS DOUBLE) AS co2) FROM r", "no column `co2` of type DECIMAL(38,6): it is DOUBLE"),
        ("SELECT * FROM r WHERE FALSE", "the results have 0 rows, 5 were certified"),
    ],
)
def test_rows_that_are_gone_new_or_doubled(made: BatchRun, sql: str, message: str) -> None:
    rewrite(made.results, sql)
    assert message in messages(verify_batch(made.certificate, made.results))


def test_the_chunk_is_named(tmp_path: Path, engine: CalculationEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlang.calc.proof.CHUNK_ROWS", 1)
    made = batch(tmp_path, engine, CARRIED, ROWS_OF)
    digest = next(row["row_digest"].hex() for row in listed(made) if row["id"] == "c")
    rewrite(made.results, "SELECT * FROM r WHERE id <> 'c'")
    monkeypatch.setattr("greenlang.calc.proof.digits_for", lambda rows: 1)
    assert f"chunk `{digest[0]}`: rows are missing" in messages(verify_batch(made.certificate, made.results))


@pytest.mark.slow
def test_a_tampered_certificate_is_found_wherever_it_is(made: BatchRun, engine: CalculationEngine) -> None:
    content = made.certificate.as_dict()
    places = list(leaves(content))
    assert len(places) > 200
    for place in places:
        forged = copy.deepcopy(content)
        part: Any = forged
        for step in place[:-1]:
            part = part[step]
        part[place[-1]] = changed(part[place[-1]])
        try:
            sealed = read_batch_certificate(json.dumps(forged))
        except CertificateUnreadable:
            continue
        assert not verify_batch(sealed, made.results).verified, place


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value or ''}1"


@pytest.mark.parametrize(
    ("place", "value", "link"),
    [
        (("formula", "digest"), "0" * 64, "combinations"),
        (("release", "digest"), "0" * 64, "release"),
        (("mapping", "digest"), "0" * 64, "mapping"),
        (("counts", "ok"), 3, "counts"),
        (("totals", 0, "value"), "1", "totals"),
        (("proof", "root"), "0" * 64, "proof"),
        (("combinations", 0, "factors", 0, "row_digest"), "0" * 64, "combinations"),
        (("formula", "text"), "- id: carbon/test/other", "formula"),
    ],
)
def test_a_forged_certificate_that_was_sealed_again(
    made: BatchRun, engine: CalculationEngine, place: tuple[Any, ...], value: Any, link: str
) -> None:
    content = copy.deepcopy(made.certificate.content)
    part: Any = content
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    forged = BatchCertificate(content, "")
    assert link in links(verify_batch(replace(forged, digest=own_digest(forged)), made.results, engine))


def test_another_table_or_formula_is_named(made: BatchRun, engine: CalculationEngine, formulas: FormulaLibrary) -> None:
    rows = [replace(r, value=Decimal("1.1")) if r.key == "epa/fuels/2024/gas/ch4-per-mmbtu" else r for r in ROWS]
    found = verify_batch(made.certificate, made.results, CalculationEngine(FactorTable(rows, "test-1.0.0"), formulas))
    assert links(found) == {"release", "factors", "combinations", "rows"}
    assert "ef://epa/fuels/2024/gas/ch4-per-mmbtu was changed" in messages(found)
    assert "row b: co2e is 179.333293, computed again" in messages(found)
    gone = CalculationEngine(FactorTable(ROWS[2:], "test-1.0.0"), formulas)
    assert "is not in release test-1.0.0" in messages(verify_batch(made.certificate, made.results, gone))


def test_bytes_that_are_no_certificate() -> None:
    for data in (
        b"",
        b"[]",
        b'{"format": "x"}',
        b"\xff",
        b'{"format": "greenlang-batch-certificate/1"}',
        b'{"a":1,"a":2}',
    ):
        with pytest.raises(CertificateUnreadable):
            read_batch_certificate(data)


# --- single rows ----------------------------------------------------------------------------------------------------


def test_a_row_is_proved_alone(made: BatchRun) -> None:
    proof = prove_row(made.certificate, made.results, ["a"])
    assert proof.holds
    assert proof.text == (
        f"r1|1:a|4:12.5|6:site 0|{proof.combination['digest']}|2240.471909|2241.666158|0.179333292669|ok|"
    )
    handed_on = json.loads(json.dumps(proof.as_dict()))
    assert check_proof(handed_on, made.certificate.root)
    for place in leaves({"text": handed_on["text"], "digest": handed_on["digest"], "path": handed_on["path"]}):
        forged = copy.deepcopy(handed_on)
        part: Any = forged
        for step in place[:-1]:
            part = part[step]
        text = part[place[-1]]
        part[place[-1]] = ("0" if text[:1] != "0" else "1") + text[1:]
        assert not check_proof(forged, made.certificate.root), place


def test_a_row_without_an_answer_is_proved_too(made: BatchRun) -> None:
    proof = prove_row(made.certificate, made.results, ["bad"])
    assert proof.holds
    assert proof.text.endswith(
        "|not_a_number|85:inputs.energy: `x` is no number; write it like 1234.5, without grouping, with a point"
    )


def test_a_changed_row_is_not_proved(made: BatchRun) -> None:
    rewrite(made.results, "SELECT * REPLACE (CASE WHEN id = 'a' THEN '12.6' ELSE amount END AS amount) FROM r")
    proof = prove_row(made.certificate, made.results, ["a"])
    assert not proof.holds
    assert proof.faults[0].startswith("the row was changed after it was sealed")
    assert prove_row(made.certificate, made.results, ["b"]).holds, "others are as they were"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [(["nobody"], "the results have no row nobody"), (["a", "b"], "the id of a row is id: give 1 texts")],
)
def test_a_row_that_cannot_be_proved(made: BatchRun, wanted: list[str], message: str) -> None:
    with pytest.raises(ProofImpossible, match=message):
        prove_row(made.certificate, made.results, wanted)
    rewrite(made.results, "SELECT * FROM r WHERE id <> 'b'")
    with pytest.raises(ProofImpossible, match="is not the one that was certified"):
        prove_row(made.certificate, made.results, ["a"])
