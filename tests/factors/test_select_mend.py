"""What a refusal offers and what an answer warns of: every mend that is named leads to an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from greenlang.factors import FactorTable
from greenlang.factors.select import Request, Selection, SelectionRefused, Selector
from tests.factors.rows import row, table

GAS = row("desnz/fuels/2025/gas/co2e-per-kwh", reporting_year=2025)
GRID = row("owid/electricity/2026/electricity/x", boundary="life-cycle", data_year=2022, region="DE")
RATES = [
    row(
        f"epa/egrid/2023/electricity/camx/{gas.lower()}-per-mwh",
        activity="electricity",
        region="CAMX",
        data_year=2023,
        gas=gas,
        gwp_set="",
        boundary="TTW",
        unit=f"lb{gas}/MWh",
    )
    for gas in ("CO2", "CH4", "N2O")
]


def answer(rows: FactorTable, **asked: Any) -> Selection:
    return Selector(rows).select(Request(**{"activity": "gas", **asked}))


def refusal(rows: FactorTable, **asked: Any) -> SelectionRefused:
    """The refusal; each of its mends is tried."""
    with pytest.raises(SelectionRefused) as caught:
        answer(rows, **asked)
    refused = caught.value
    for mend in refused.mends:
        assert answer(rows, **{**asked, **mend.changes}).factor.ref == mend.ref
    return refused


# boundaries


def test_an_unusual_boundary_that_nobody_asked_for_is_a_warning() -> None:
    found = answer(table(GRID), activity="electricity", region="DE", year=2022)
    assert found.warnings == (
        "boundary was not said: ef://owid/electricity/2026/electricity/x is life-cycle, not combustion or generation "
        "alone (TTW); say boundary=life-cycle if that is meant",
    )
    assert found.as_dict()["warnings"] == list(found.warnings)


@pytest.mark.parametrize(
    ("row_said", "asked"),
    [
        ({}, {"boundary": "life-cycle"}),  # it was asked for
        ({}, {"activity": GRID.key}),  # the row itself was named
        ({"boundary": "TTW"}, {}),
        ({"boundary": ""}, {}),
        ({"unit": "kgCO2e/kg", "per": "kg"}, {}),  # food: no figure of combustion, no energy
    ],
)
def test_what_is_usual_or_asked_for_is_no_warning(row_said: dict[str, Any], asked: dict[str, Any]) -> None:
    assert answer(table(replace(GRID, **row_said)), **{"activity": "electricity", **asked}).warnings == ()


def test_beside_a_figure_of_combustion_another_boundary_is_a_warning_in_any_unit() -> None:
    whole = row("ademe/base/22/petrol/a", unit="kgCO2e/kg", boundary="WTW")
    burnt = replace(whole, key="ademe/base/22/petrol/b", boundary="TTW", kind="stage")
    assert answer(table(whole), activity="petrol").warnings == ()
    assert "is WTW, not combustion" in answer(table(whole, burnt), activity="petrol").warnings[0]


@pytest.mark.parametrize(
    "other",
    [
        {"boundary": "life-cycle"},
        {"boundary": "life-cycle", "key": "owid/grid/2025/gas/x", "publisher": "owid", "data_year": 2025},
    ],
)
def test_two_boundaries_are_never_decided_between(other: dict[str, Any]) -> None:
    rows = table(GAS, replace(GAS, **{"key": f"{GAS.key}-2", **other}))
    refused = refusal(rows, region="GB", year=2025)
    assert len(refused.candidates) == 2
    assert ("boundary" in refused.words) or refused.hint.endswith("their boundaries differ: not stated, life-cycle")


def test_neither_a_newer_figure_nor_an_original_stands_in_for_another_boundary() -> None:
    older, newer = (
        row(f"epa/ghg-hub/{year}/gas/x", data_year=year - 2, boundary=boundary)
        for year, boundary in ((2024, "TTW"), (2025, "life-cycle"))
    )
    assert refusal(table(older, newer), year=2024).words == {"boundary": ("TTW", "life-cycle")}
    assert answer(table(older, replace(newer, boundary="TTW")), year=2024).factor.vintage == "2025"
    taken = row("ademe/base/22/gas/x", taken_from="agribalyse", boundary="cradle-to-gate")
    original = row("ademe/agribalyse/3.1/gas/x", value="0.51", boundary="life-cycle")
    assert refusal(table(taken, original), year=2025).words == {"boundary": ("cradle-to-gate", "life-cycle")}


# region and year


def test_region_and_year_are_offered_together_where_only_both_lead_on() -> None:
    france = row("owid/x/1/gas/fr/x", activity="gas", region="FR", data_year=2025)
    refused = refusal(table(france), region="FR-IDF", year=2026)
    assert refused.hint == "there is one for FR of 2025: relax_region and relax_years=1 allow it"
    assert [dict(mend.changes) for mend in refused.mends] == [{"relax_region": True, "relax_years": 1}]
    assert refusal(table(france), region="FR-IDF", year=2025).hint == "there is one for FR: relax_region allows it"


def test_the_nearest_region_that_leads_on_is_offered() -> None:
    rows = table(
        row(f"owid/x/1/gas/{n}/x", activity="gas", region=region, data_year=year)
        for n, (region, year) in enumerate([("FR", 2020), ("EU27", 2025)])
    )
    assert refusal(rows, region="FR-IDF", year=2026).hint.startswith("there is one for FR of 2020: relax_region and")
    assert refusal(rows, region="FR-IDF", year=2025).hint == "there is one for EU27: relax_region allows it"


def test_a_relaxation_that_needs_a_further_word_says_so() -> None:
    other = row("epa/x/2025/gas/x", publisher="epa", reporting_year=2025)
    refused = refusal(table(GAS, other), region="GB", year=2026)
    assert refused.hint == (
        "no edition loaded answers for 2026 (nearest: desnz/fuels 2025, epa/x 2025): "
        "relax_years=1 allows 2025, and `source` (desnz, epa) decides"
    )
    assert len(refused.mends) == 2


def test_a_year_that_no_figure_states_is_left_out() -> None:
    rows = table(row("owid/x/1/gas/x"))
    assert refusal(rows, region="GB", year=2025).hint == "the figures there say no year: leave the year out"


def test_where_nothing_leads_on_what_there_is_is_named() -> None:
    assert refusal(table(GAS), region="FR", year=2025).hint == "there is one for GB"
    assert refusal(table(GAS), region="FR", year=2025).mends == ()


# gases and GWPs


def test_gases_that_stand_apart_are_named_where_there_is_no_co2e() -> None:
    whole = row("desnz/grid/2025/electricity/x", region="GB", reporting_year=2025)
    refused = refusal(table(RATES, whole), activity="electricity", region="CAMX")
    assert refused.hint == (
        "for CAMX gases stand apart: ask for `gas` (CH4, CO2, N2O), and bring each to CO2e with a GWP in a formula"
    )
    older = row("epa/rates/2021/electricity/x", region="CAMX", data_year=2021, publication_year=2023)
    refused = refusal(table(RATES, older), activity="electricity", region="CAMX", year=2023)
    assert refused.hint.endswith("relax_years=2 allows 2021")
    assert refused.hint.startswith("for CAMX gases stand apart")
    assert len(refused.mends) == 4


def test_a_gas_of_another_year_is_not_offered_by_relaxing() -> None:
    one = row("owid/x/1/electricity/a/x", activity="electricity", region="CAMX", data_year=2015)
    two = replace(one, key="eea/x/1/electricity/a/x", publisher="eea")
    refused = refusal(table(RATES, one, two), activity="electricity", region="CAMX", year=2015)
    assert refused.hint == "`source` (eea, owid) decides"


@pytest.mark.parametrize("name", ["hfc-134a", "HFC-134a", "HFC 134a"])
def test_a_gwp_is_of_the_gas_that_the_activity_names(name: str) -> None:
    one = row("ipcc/gwp/ar5/hfc-134a/gwp-100", kind="gwp", gas="HFC-134a", region="", unit="kgCO2e/kg")
    other = replace(one, key="ipcc/gwp/ar6/hfc-134a/gwp-100", vintage="ar6", gwp_set="AR6GWP100")
    assert answer(table(one), activity=name, kind="gwp").factor == one
    assert answer(table(one), activity=name, kind="gwp", gas="HFC-134a").factor == one
    assert answer(table(one, other), activity=name, kind="gwp", gwp_set="AR6GWP100").factor == other
    assert refusal(table(one, other), activity=name, kind="gwp").hint == "`gwp_set` (AR5GWP100, AR6GWP100) decides"
    assert refusal(table(one, other), activity=name).hint.startswith(
        "ask for kind=gwp and `gwp_set` (AR5GWP100, AR6GWP100); kind never relaxes"
    )
    assert refusal(table(one), activity=name, kind="gwp", gas="CH4").hint.startswith("there is") is False


def test_a_property_has_no_gas_and_a_heating_value_its_basis() -> None:
    heat = row("desnz/fuels/2025/gas/heat-lhv", kind="property", gas="", gwp_set="", calorific_basis="LHV", unit="GJ/t")
    gross = replace(heat, key="desnz/fuels/2025/gas/heat-hhv", calorific_basis="HHV", value=heat.value * 2)
    assert answer(table(heat), kind="property").factor == heat
    assert refusal(table(heat, gross), kind="property").hint == "`calorific_basis` (HHV, LHV) decides"
    assert answer(table(heat, gross), kind="property", calorific_basis="HHV").factor == gross
    assert refusal(table(heat), kind="property", calorific_basis="HHV").sentence == "no figure with calorific basis HHV"


# words


def test_a_value_that_leads_nowhere_is_not_offered() -> None:
    rows = table(
        replace(GAS, boundary="TTW"),
        replace(GAS, key=f"{GAS.key}-2", boundary="WTT", region="FR"),
    )
    refused = refusal(rows, region="GB", year=2025, boundary="WTW")
    assert refused.hint.startswith("there is boundary=TTW; boundary never relaxes")
    assert refusal(rows, region="DE", boundary="WTW").hint.startswith(
        "there is TTW, WTT, but not with the rest of what is asked; boundary never relaxes"
    )


def test_more_than_three_words_may_be_needed() -> None:
    rows = table(
        replace(GAS, key=f"{GAS.key}-{n}", boundary=b, calorific_basis=c, radiative_forcing=r, price_basis=p)
        for n, (b, c, r, p) in enumerate(
            (b, c, r, p)
            for b in ("TTW", "WTT")
            for c in ("HHV", "LHV")
            for r in ("with", "without")
            for p in ("basic", "purchaser")
        )
    )
    refused = refusal(rows)
    assert list(refused.words) == ["boundary", "calorific_basis", "radiative_forcing", "price_basis"]
    assert refused.hint.endswith(" decide")
    assert len(refused.mends) == 16


def test_a_figure_for_every_year_is_never_asked_by_an_empty_year() -> None:
    rows = table(
        row("ademe/agribalyse/3.1/gas/x"),
        row("owid/x/1/gas/x", data_year=2020),
    )
    assert "source" in refusal(rows).words


# everyday words


def everyday() -> FactorTable:
    return table(
        row("desnz/travel/2025/business-travel-air/flights/long-haul/x", region="", reporting_year=2025),
        row("desnz/travel/2025/business-travel-air/flights/short-haul/x", region="", reporting_year=2025),
        row("epa/travel/2025/transport/plane/x", region="US"),
        row("ademe/base/22/ciment/portland/x", region="FR"),
        row("ec/cbam/2025/25232900/x", name="Other Portland cement", region="CN"),
        row("desnz/travel/2025/flights-of-birds/x", status="archived"),
        row("owid/x/1/electricite/x", data_year=2020, region="FR"),
    )


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("flight", "`business-travel-air/flights`, `transport/plane`"),
        ("flights", "`business-travel-air/flights`, `transport/plane`"),
        ("avion", "`business-travel-air/flights`, `transport/plane`"),
        ("cement", "`ciment`, `25232900`"),
        ("long haul flight", "`business-travel-air/flights/long-haul`"),
    ],
)
def test_everyday_words_get_the_nearest_activities(word: str, first: str) -> None:
    refused = refusal(everyday(), activity=word)
    assert refused.sentence == f"no activity is called `{word}`"
    assert refused.hint.startswith(f"perhaps {first}")
    assert "birds" not in refused.hint


def test_activities_that_suit_the_rest_of_the_request_come_first() -> None:
    assert refusal(everyday(), activity="flight", region="US").hint.startswith(
        "perhaps `business-travel-air/flights`, `transport/plane`"
    )
    assert refusal(everyday(), activity="flight", source="epa").hint.startswith("perhaps `transport/plane`")
    refused = refusal(everyday(), activity="cement", region="CN")
    assert refused.hint.startswith("perhaps `25232900`, `ciment`")
    assert [dict(mend.changes) for mend in refused.mends] == [{"activity": "25232900"}]


def test_a_word_for_nothing_gets_no_nonsense() -> None:
    assert refusal(everyday(), activity="zzqqxx").hint == (
        "give the publisher's path, a reviewed alias, or a key; `greenlang factors search` finds them"
    )


def test_accents_make_no_difference() -> None:
    assert answer(everyday(), activity="Électricité", year=2020).factor.region == "FR"
    assert answer(table(row("x/y/1/bœuf-haché/x", activity="boeuf-hache")), activity="bœuf haché").factor
