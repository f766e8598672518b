"""Certificates: the chain, and that a change anywhere is found and named by its link."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.calc import CalculationContext, CalculationEngine, CertificateUnreadable, Override, verify
from greenlang.calc.certificate import LINKS, chain, plain_values, read_certificate, schema
from greenlang.calc.engine import with_uncertainty
from greenlang.factors import FactorTable
from greenlang.formulas.library import FormulaLibrary, load
from tests.calc.example import FLEET, FORMULAS, GAS, LOSSES, ROWS

Leaf = tuple[tuple[str | int, ...], Any]
FULL = CalculationContext(
    gwp_set="AR5GWP100",
    release="test-1.0.0",
    precision=5,
    as_of="2024-06-30",
    tenant="acme",
    inventory_boundary="all sites, 2024",
    consolidation_approach="operational-control",
    policy="disclose-mixed",
)
OVERRIDE = Override(
    value="0.4",
    unit="kgCO2e/kWh",
    reason="supplier's contract",
    approver="A. Auditor",
    basis="AR4GWP100",
    citation="Contract 7",
)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "by-gas": ("carbon/test/by-gas", GAS),
    "fleet": ("carbon/test/fleet", FLEET | {"uplift": "7 %"}),
    "two": ("carbon/test/two-sources", {"a": 10, "ef_a": "ef://desnz/power/2025/grid", "b": 2.5, "ef_b": OVERRIDE}),
}


@pytest.fixture(scope="module")
def certificates(engine: CalculationEngine) -> dict[str, dict[str, Any]]:
    """A certificate of each case, as plain values."""
    out = {}
    for name, (formula, inputs) in CASES.items():
        result = engine.calculate(formula, inputs, FULL)
        assert result.certificate is not None, result.errors
        out[name] = result.certificate.as_dict()
    return out


def leaves(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Every leaf with its place; empty lists and objects are leaves."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not entries or not value:
        yield place, value
    for name, entry in entries if value else ():
        yield from leaves(entry, (*place, name))


def changed(value: Any) -> Any:
    """Another value of the same kind: a digit more, a letter more, the other truth."""
    match value:
        case bool():
            return not value
        case None:
            return 3
        case int():
            return value + 1
        case list():
            return ["x"]
        case dict():
            return {"x": "y"}
        case str() if value and value[-1].isdigit():
            return value[:-1] + str((int(value[-1]) + 1) % 10)
    return f"{value}x"


def put(content: dict[str, Any], place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy with one leaf replaced."""
    out = copy.deepcopy(content)
    inner: Any = out
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return out


def resealed(content: dict[str, Any]) -> dict[str, Any]:
    """The same content with chain and digest made anew: what a forger does."""
    links = plain_values(chain(content))
    return content | {"chain": links, "digest": links[-1]["digest"]}


@pytest.mark.parametrize("case", CASES)
def test_an_untouched_certificate_is_verified(
    case: str, certificates: dict[str, dict[str, Any]], table: FactorTable, formulas: FormulaLibrary
) -> None:
    for form in (certificates[case], json.dumps(certificates[case]), json.dumps(certificates[case], indent=3).encode()):
        found = verify(form, table, formulas, expected=certificates[case]["digest"])
        assert found.findings == ()
        assert found.notes == ()
        assert found.verified


@pytest.mark.parametrize("case", CASES)
def test_a_change_of_any_leaf_is_found_and_its_link_named(
    case: str, certificates: dict[str, dict[str, Any]], table: FactorTable, formulas: FormulaLibrary
) -> None:
    content = certificates[case]
    count = 0
    for place, value in leaves(content):
        found = verify(put(content, place, changed(value)), table, formulas)
        link = str(place[0])
        assert not found.verified, place
        assert link in found.links, (place, found.links)
        count += 1
    assert count > 120


# What nobody can compute again: who asked, who approved. Only the chain, and a digest kept elsewhere, hold these.
CLAIMED = (
    ("context", "tenant"),
    ("context", "inventory_boundary"),
    ("engine",),
)


@pytest.mark.parametrize("case", CASES)
def test_a_forger_who_seals_again_is_found_by_the_recomputation(
    case: str, certificates: dict[str, dict[str, Any]], table: FactorTable, formulas: FormulaLibrary
) -> None:
    content = certificates[case]
    for place, value in leaves(content):
        if place[0] in {"chain", "digest"}:
            continue
        forged = resealed(put(content, place, changed(value)))
        found = verify(forged, table, formulas)
        if any(place[: len(claim)] == claim for claim in CLAIMED):
            assert found.verified, place
        else:
            assert not found.verified, place
        kept = verify(forged, table, formulas, expected=content["digest"])
        assert "digest" in kept.links, place


def test_entries_that_come_go_or_double_are_found(
    certificates: dict[str, dict[str, Any]], table: FactorTable, formulas: FormulaLibrary
) -> None:
    content = certificates["fleet"]
    for name in content:
        left_out = {key: value for key, value in content.items() if key != name}
        if name == "format":
            continue
        assert name in verify(left_out, table, formulas).links
    assert verify(content | {"remark": "x"}, table, formulas).links == ("structure",)
    longer = put(content, ("factors",), content["factors"] * 2)
    assert "factors" in verify(longer, table, formulas).links
    assert "outputs" in verify(put(content, ("outputs",), content["outputs"][:-1]), table, formulas).links


def test_a_changed_row_is_named_with_both_values(
    certificates: dict[str, dict[str, Any]], formulas: FormulaLibrary
) -> None:
    rows = [replace(r, value=Decimal("53.07")) if r.key.endswith("gas/co2-per-mmbtu") else r for r in ROWS]
    found = verify(certificates["by-gas"], FactorTable(rows, "test-1.0.0"), formulas)
    assert found.links[:2] == ("release", "factors")
    told = [str(finding) for finding in found.findings]
    assert "release: release test-1.0.0 holds other rows than those the certificate was made with" in told
    assert "factors: ef://epa/fuels/2024/gas/co2-per-mmbtu was changed: value 53.06 is now 53.07" in told


def test_a_withdrawn_row_is_named(certificates: dict[str, dict[str, Any]], formulas: FormulaLibrary) -> None:
    rows = [r for r in ROWS if not r.key.endswith("gas/co2-per-mmbtu")]
    found = verify(certificates["by-gas"], FactorTable(rows, "test-1.0.0"), formulas)
    told = [str(finding) for finding in found.findings]
    assert any("gas/co2-per-mmbtu is not in release test-1.0.0: withdrawn" in text for text in told)
    assert any(text.startswith("factors: it cannot be computed again") for text in told)


def test_another_release_is_named(engine: CalculationEngine, formulas: FormulaLibrary) -> None:
    certificate = engine.calculate("carbon/test/by-gas", GAS, CalculationContext(gwp_set="AR5GWP100")).certificate
    assert certificate is not None
    found = verify(certificate, FactorTable(ROWS, "test-2.0.0"), formulas)
    assert found.links == ("release",)
    assert "made with release test-1.0.0, verified against test-2.0.0" in str(found.findings[0])


def test_rows_that_nobody_used_may_change(engine: CalculationEngine, formulas: FormulaLibrary) -> None:
    certificate = engine.calculate("carbon/test/by-gas", GAS, CalculationContext(gwp_set="AR5GWP100")).certificate
    assert certificate is not None
    rows = [replace(r, value=Decimal(1)) if r.publisher == "unfccc" else r for r in ROWS]
    assert verify(certificate, FactorTable(rows, "test-1.0.0"), formulas).links == ("release",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("expression: energy * ef_co2 * oxidation", "expression: energy * ef_co2 * oxidation * 2"),
        ("default: 0.99", "default: 0.98"),
        ("locator: Equation 1", "locator: Equation 7"),
    ],
)
def test_a_changed_formula_is_named(
    old: str, new: str, tmp_path: Path, certificates: dict[str, dict[str, Any]], table: FactorTable
) -> None:
    for name, text in (("carbon/test.yaml", FORMULAS.replace(old, new)), ("tables/losses.yaml", LOSSES)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = verify(certificates["by-gas"], table, load(tmp_path))
    assert found.links[0] == "formula"
    assert str(found.findings[0]) == "formula: formula carbon/test/by-gas was changed"


def test_a_changed_parameter_table_is_named(
    tmp_path: Path, certificates: dict[str, dict[str, Any]], table: FactorTable
) -> None:
    for name, text in (("carbon/test.yaml", FORMULAS), ("tables/losses.yaml", LOSSES.replace("0.002", "0.003"))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = verify(certificates["fleet"], table, load(tmp_path))
    assert {"formula", "tables", "outputs"} <= set(found.links)


def test_an_older_engine_is_a_note_and_no_difference(
    certificates: dict[str, dict[str, Any]], table: FactorTable, formulas: FormulaLibrary
) -> None:
    older = resealed(put(certificates["by-gas"], ("engine", "version"), "0.0.9"))
    found = verify(older, table, formulas)
    assert found.verified
    assert "0.0.9" in found.notes[0]


def test_uncertainty_has_a_slot_that_is_recomputed_where_a_method_is_given(
    engine: CalculationEngine, table: FactorTable, formulas: FormulaLibrary
) -> None:
    result = engine.calculate("carbon/test/by-gas", GAS, CalculationContext(gwp_set="AR5GWP100"))
    stated = with_uncertainty(result, {"method": "first-order", "co2e": {"half_width_percent": Decimal("5.10")}})
    certificate = stated.certificate
    assert certificate is not None
    assert certificate.digest != result.provenance
    assert "no method was given" in str(verify(certificate, table, formulas).findings[0])

    def method(half: str) -> Callable[[CalculationEngine, dict[str, Any]], dict[str, Any]]:
        return lambda _engine, _content: {"method": "first-order", "co2e": {"half_width_percent": Decimal(half)}}

    assert verify(certificate, table, formulas, uncertainty=method("5.1")).verified
    assert verify(certificate, table, formulas, uncertainty=method("5.2")).links == ("uncertainty",)


def test_the_chain_can_be_followed_with_nothing_but_sha_256(certificates: dict[str, dict[str, Any]]) -> None:
    content = certificates["two"]

    def sha(value: Any) -> str:
        # keys and texts here are plain, so this is RFC 8785
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    before = ""
    for link in content["chain"]:
        own = sha(content[link["link"]])
        before = sha({"before": before, "content": own, "link": link["link"]})
        assert link == {"link": link["link"], "content": own, "digest": before}
    assert content["digest"] == before
    assert [link["link"] for link in content["chain"]] == list(LINKS)


def test_numbers_on_a_certificate_are_texts_in_normal_form(certificates: dict[str, dict[str, Any]]) -> None:
    for content in certificates.values():
        for place, value in leaves(content):
            assert not isinstance(value, float), place
            if place[-1] in {"exact", "used_value", "result", "factor", "shift"}:
                assert value == f"{Decimal(value):f}"
                assert "." not in value or not value.endswith(("0", "."))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"format": "other"}',
        b"\xff\xfe",
        b'{"format": "greenlang-result-certificate/1", "format": "greenlang-result-certificate/1"}',
        b'{"format": "greenlang-result-certificate/1", "digest": NaN}',
        b'{"format": "greenlang-result-certificate/1", "digest": 1e999}',
        b'{"format": "greenlang-result-certificate/1", "digest": "\\ud800"}',
        b'{"format": "greenlang-result-certificate/1", "digest": 99999999999999999999}',
        b'{"format": "greenlang-result-certificate/1", "digest": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_certificate_is_unreadable(data: bytes) -> None:
    with pytest.raises(CertificateUnreadable):
        read_certificate(data)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("value", [None, 5, "x", [5], {"x": [None]}, [{"given": {"value": "x"}, "name": 5}]])
def test_nonsense_in_any_link_is_a_finding_and_never_a_crash(
    link: str, value: Any, certificates: dict[str, dict[str, Any]], table: FactorTable, formulas: FormulaLibrary
) -> None:
    if value is None and link == "uncertainty":
        return
    found = verify(certificates["fleet"] | {link: value}, table, formulas)
    assert link in found.links


def test_certificates_fit_their_schema(certificates: dict[str, dict[str, Any]]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    for content in certificates.values():
        assert [error.message for error in validator.iter_errors(content)] == []
        assert list(validator.iter_errors(content | {"remark": "x"}))
        assert list(validator.iter_errors(put(content, ("outputs", 0, "value"), "1.0")))


def test_the_schema_in_the_docs_is_up_to_date() -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "result-certificate.schema.json"
    assert json.loads(path.read_text()) == schema(), "write json.dumps(schema(), indent=2) there"
