"""Stored scope 2 results and spends: a change of any leaf is found, and its section named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from greenlang.calc import CalculationContext, CalculationEngine, Verification, scope2, spend
from greenlang.calc.sealed import OUTER, sealed
from greenlang.calc.spend_result import plain_list
from greenlang.calc.verify_accounting import verify_scope2, verify_spend
from greenlang.factors import FactorTable
from tests.calc import test_scope2 as of_scope2
from tests.calc import test_spend as of_spend
from tests.calc.test_calc_verify import changed, leaves, put

FULL = {"release": "test-1.0.0", "as_of": "2025-06-30", "tenant": "acme", "inventory_boundary": "all sites"}
ENGINE = CalculationEngine(FactorTable((*of_spend.ROWS, *of_scope2.ROWS), "test-1.0.0"))
MONEY = of_spend.tables(
    of_spend.rates(("USD", "EUR", 2022, "0.95"), ("EUR", "CHF", 2022, "1")),
    of_spend.indices(("EUR", 2022, "110"), ("EUR", 2024, "121")),
    of_spend.margins(("farm", 2022, "0.8")),
)
Checked = Callable[..., Verification]


def _scope2() -> dict[str, Any]:
    base = of_scope2.CF
    camx = of_scope2.site("la", region="CAMX", year=2023, grid="ef://epa/egrid/2023/camx")
    lines = {"wtt": f"{base}/wtt/co2e-per-kwh", "outside": f"{base}/bio/co2-per-kwh"}
    instruments = [
        of_scope2.instrument(evidence={"retired": "register entry 7"}, applies_to=["hq"], declared=of_scope2.YES),
        of_scope2.instrument("PPA", "100 MWh", kind="contract", declared={"sole-claim": True}),
    ]
    request = {
        "consumption": [of_scope2.site(place="Leeds", **lines), camx],
        "instruments": instruments,
        "residual_mixes": [of_scope2.mix()],
        "vintage": {"before": 1, "after": 0},
    }
    context = CalculationContext(**FULL, gwp_set="AR5GWP100", policy="disclose-mixed")
    result = scope2.calculate(ENGINE, request, context)
    assert result.success, result.mistakes
    return _stored(result.as_dict())


def _spend(**said: Any) -> dict[str, Any]:
    asked = of_spend.spend(
        vat="included", vat_rate=10, vat_deductible=True, price_basis="basic", product="farm", **said
    )
    result = spend.calculate(ENGINE, asked, MONEY, CalculationContext(**FULL))
    assert result.success, result.mistakes
    return _stored(result.as_dict())


def _spends() -> dict[str, Any]:
    results = [spend.calculate(ENGINE, of_spend.spend(**said), of_spend.EURO) for said in ({}, {"year": 2023})]
    assert [result.success for result in results] == [True, False]
    return _stored(plain_list(results))


def _stored(content: dict[str, Any]) -> dict[str, Any]:
    """As it comes out of a file."""
    found: dict[str, Any] = json.loads(json.dumps(content))
    return found


CASES: dict[str, tuple[Callable[[], dict[str, Any]], Checked]] = {
    "scope 2": (_scope2, verify_scope2),
    "spend": (_spend, verify_spend),
    "spends": (_spends, verify_spend),
}
# What nobody can compute again: who asked, what only stands there to be read, which release was asked for.
CLAIMED = {
    "scope 2": (
        ("engine",),
        ("context", "tenant"),
        ("context", "inventory_boundary"),
        ("context", "precision"),
        ("request", "consumption", 0, "place"),
        ("request", "residual_mixes", 0, "year"),
    ),
    "spend": (
        ("engine",),
        ("context", "tenant"),
        ("context", "inventory_boundary"),
        ("context", "precision"),
    ),
}


@pytest.fixture(scope="module")
def stored() -> dict[str, dict[str, Any]]:
    """One of each, as plain values."""
    return {name: make() for name, (make, _) in CASES.items()}


def resealed(content: dict[str, Any]) -> dict[str, Any]:
    """The same content sealed anew: what a forger does."""
    return sealed({name: value for name, value in content.items() if name not in OUTER})


@pytest.mark.parametrize("case", CASES)
def test_an_untouched_file_is_verified(case: str, stored: dict[str, dict[str, Any]]) -> None:
    content = stored[case]
    found = CASES[case][1](content, ENGINE, expected=content["digest"])
    assert found.findings == ()
    assert found.verified
    assert not CASES[case][1](content, ENGINE, expected="0" * 64).verified


@pytest.mark.parametrize("case", CASES)
def test_a_change_of_any_leaf_is_found_and_its_section_named(case: str, stored: dict[str, dict[str, Any]]) -> None:
    content = stored[case]
    count = 0
    for place, value in leaves(content):
        found = CASES[case][1](put(content, place, changed(value)), ENGINE)
        section = str(place[1] if place[0] == "links" else place[0])
        assert not found.verified, place
        assert section in found.links, (place, found.links)
        count += 1
    assert count > 60


@pytest.mark.parametrize("case", CLAIMED)
def test_a_forger_who_seals_again_is_found_by_the_recomputation(case: str, stored: dict[str, dict[str, Any]]) -> None:
    content = stored[case]
    for place, value in leaves(content):
        if place[0] in OUTER:
            continue
        forged = resealed(put(content, place, changed(value)))
        found = CASES[case][1](forged, ENGINE)
        claimed = any(place[: len(claim)] == claim for claim in CLAIMED[case])
        assert found.verified == claimed, (place, found.findings)
        assert "digest" in CASES[case][1](forged, ENGINE, expected=content["digest"]).links, place


@pytest.mark.parametrize("case", CASES)
def test_entries_that_come_or_go_are_found(case: str, stored: dict[str, dict[str, Any]]) -> None:
    content = stored[case]
    for name in content:
        if (case, name) == ("spends", "spends"):
            continue  # without them it is no list
        left_out = {key: value for key, value in content.items() if key != name}
        assert name in CASES[case][1](left_out, ENGINE).links, name
    assert "remark" in CASES[case][1](content | {"remark": "x"}, ENGINE).links
    assert "remark" in CASES[case][1](resealed(content | {"remark": "x"}), ENGINE).links


def test_a_spend_that_is_taken_out_of_its_list_or_stands_twice_is_found(stored: dict[str, dict[str, Any]]) -> None:
    content = stored["spends"]
    for spends in (content["spends"][:1], content["spends"] * 2, []):
        assert verify_spend(content | {"spends": spends}, ENGINE).links == ("spends",)


def test_a_changed_row_is_named_with_both_values(stored: dict[str, dict[str, Any]]) -> None:
    rows = [
        replace(one, value=Decimal("0.21"), cell_text="0.21") if one.key.endswith("cf/2025/grid/co2e-per-kwh") else one
        for one in of_scope2.ROWS
    ]
    found = verify_scope2(stored["scope 2"], CalculationEngine(FactorTable(rows, "test-1.0.0")))
    assert {"release", "lines", "location_based"} <= set(found.links)
    told = [str(finding) for finding in found.findings]
    assert "release: release test-1.0.0 holds other rows than those the result was made with" in told
    assert any(text.startswith("lines: lines[0].factor.value is 0.2, recomputed 0.21") for text in told)
    other = verify_scope2(stored["scope 2"], CalculationEngine(FactorTable(ENGINE.table, "test-2.0.0")))
    assert "made with release test-1.0.0, verified against test-2.0.0" in str(other.findings[0])


def test_a_withdrawn_row_is_named(stored: dict[str, dict[str, Any]]) -> None:
    rows = [one for one in ENGINE.table if one.key != of_spend.FARM]
    found = verify_spend(stored["spend"], CalculationEngine(FactorTable(rows, "test-1.0.0")))
    told = [str(finding) for finding in found.findings]
    assert any("it cannot be computed again: no factor `ef://epa/supply-chain/v1.3/naics-111110" in one for one in told)


def test_figures_of_money_are_those_recorded_or_those_of_the_users_tables(stored: dict[str, dict[str, Any]]) -> None:
    content = stored["spend"]
    assert [entry["table"] for entry in content["tables"]] == ["deflators", "deflators", "exchange-rates", "margins"]
    assert "--table compares them" in verify_spend(content, ENGINE).notes[0]
    own = verify_spend(content, ENGINE, tables=MONEY)
    assert (own.verified, own.notes) == (True, ())
    others = of_spend.tables(
        of_spend.rates(("USD", "EUR", 2022, "0.96"), ("EUR", "CHF", 2022, "1")),
        of_spend.indices(("EUR", 2022, "110"), ("EUR", 2024, "121")),
        of_spend.margins(("farm", 2022, "0.8")),
    )
    found = verify_spend(content, ENGINE, tables=others)
    assert {"tables", "steps", "value"} <= set(found.links)
    assert any("tables[2].rate is 0.95, recomputed 0.96" in str(finding) for finding in found.findings)


def test_an_older_engine_is_a_note_and_no_difference(stored: dict[str, dict[str, Any]]) -> None:
    for case in ("scope 2", "spend"):
        found = CASES[case][1](resealed(put(stored[case], ("engine", "version"), "0.0.9")), ENGINE)
        assert found.verified
        assert any("0.0.9" in note for note in found.notes)


@pytest.mark.parametrize("value", [None, 5, "x", [5], {"x": [None]}, [{"table": "x", "id": 5}], {"consumption": [{}]}])
@pytest.mark.parametrize("case", CASES)
def test_nonsense_in_any_section_is_a_finding_and_never_a_crash(
    case: str, value: Any, stored: dict[str, dict[str, Any]]
) -> None:
    for name in stored[case]:
        if stored[case][name] != value:
            found = CASES[case][1](stored[case] | {name: value}, ENGINE)
            assert not found.verified, name
