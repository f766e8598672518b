"""Selection over the publishers' full tables: the traps of real figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from greenlang_sdk.decimals import calculation

from greenlang.factors import FactorTable
from greenlang.factors.select import Request, Selection, SelectionRefused, Selector
from greenlang.factors.select_aliases import selection_aliases

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("full_table")]


@pytest.fixture(scope="module")
def selector(full_table: FactorTable) -> Selector:
    return Selector(full_table)


def answer(selector: Selector, **asked: Any) -> Selection:
    return selector.select(Request(**asked))


def refusal(selector: Selector, **asked: Any) -> SelectionRefused:
    with pytest.raises(SelectionRefused) as caught:
        answer(selector, **asked)
    return caught.value


def test_every_alias_leads_to_an_activity(selector: Selector) -> None:
    for dataset, entries in selection_aliases().activities.items():
        for entry in entries:
            for value in entry.values:
                named = {found.activity for found in selector.index.named(value) if found.source == dataset}
                assert named, f"{dataset}: {value}"


@pytest.mark.parametrize("year", [2023, 2024, 2025])
def test_the_hub_of_2025_carries_egrid_2023(selector: Selector, year: int) -> None:
    found = answer(selector, activity="electricity", region="CAMX", year=year, gas="CO2", source="epa")
    assert found.factor.key == "epa/ghg-hub/2025/electricity/total-output/camx/co2-per-mwh"
    assert found.factor.data_year == 2023
    assert found.relaxed == ()


def test_a_name_of_the_embedded_base_leads_to_the_full_table_in_every_edition(selector: Selector) -> None:
    asked = {"activity": "natural gas", "region": "GB", "per": "kWh", "calorific_basis": "HHV", "source": "desnz/fuels"}
    for year in (2019, 2020, 2021, 2022, 2024, 2025):
        key = answer(selector, **asked, year=year).factor.key
        assert key == f"desnz/conversion-factors/{year}/fuels/gaseous-fuels/natural-gas/co2e-per-kwh-gross"


def test_there_is_no_desnz_2023_and_the_neighbour_must_be_allowed(selector: Selector) -> None:
    asked = {"activity": "diesel", "region": "GB", "year": 2023, "per": "litre", "source": "desnz"}
    assert refusal(selector, **asked).hint == (
        "no edition loaded answers for 2023 (nearest: desnz/conversion-factors 2022 and 2024): "
        "relax_years=1 allows 2022"
    )
    edition = refusal(selector, **{**asked, "source": "desnz/conversion-factors/2023"})
    assert edition.sentence == "desnz/conversion-factors has no edition 2023 that is loaded"
    assert edition.hint.endswith("ask for source=desnz/conversion-factors and relax_years=1")
    found = answer(selector, **asked, relax_years=1)
    assert (found.factor.reporting_year, found.relaxed) == (2022, ("year 2023 to 2022 (1 year off)",))


def test_life_cycle_electricity_never_stands_in_for_combustion(selector: Selector) -> None:
    refused = refusal(selector, activity="electricity", region="GB", year=2025)
    assert refused.words == {"source": ("desnz", "owid")}
    assert refused.hint == "`source` (desnz, owid) decides; their boundaries differ: not stated, life-cycle"
    german = answer(selector, activity="electricity", region="Germany", year=2022)
    assert german.factor.boundary == "life-cycle"
    assert [warning.partition(": ef://")[0] for warning in german.warnings] == ["boundary was not said"]
    asked = {"activity": "electricity", "region": "Germany", "year": 2022}
    assert answer(selector, **asked, boundary="life-cycle").warnings == ()
    assert refusal(selector, **asked, boundary="TTW").sentence == "no figure for DE for 2022"


def test_the_later_edition_of_a_series_revises_the_older(selector: Selector) -> None:
    asked = {"activity": "electricity", "region": "FR", "year": 2020, "source": "owid"}
    assert answer(selector, **asked).factor.vintage == "2026"
    assert answer(selector, **{**asked, "source": "owid/electricity/2024"}).factor.vintage == "2024"


def test_flights_with_and_without_radiative_forcing_are_not_mixed(selector: Selector) -> None:
    asked = {
        "activity": "business-travel-air/flights/domestic-to-from-uk/average-passenger",
        "region": "GB",
        "year": 2025,
        "per": "passenger.km",
    }
    assert refusal(selector, **asked).words == {"radiative_forcing": ("with", "without")}
    assert answer(selector, **asked, radiative_forcing="with").value == Decimal("0.22928")
    assert answer(selector, **asked, radiative_forcing="without").value == Decimal("0.13552")


def test_homeworking_answers_with_its_total(selector: Selector) -> None:
    found = answer(selector, activity="homeworking", region="GB", year=2025)
    assert "office-equipment-plus-heating" in found.factor.key


def test_spend_answers_with_margins_and_by_the_price_year(selector: Selector) -> None:
    for year, vintage in ((2021, "v1.2"), (2022, "v1.3"), (2025, "v1.3")):
        found = answer(selector, activity="naics-111110", region="US", year=year, per="USD")
        assert found.factor.key == f"epa/supply-chain/{vintage}/naics-111110/with-margins/co2e-per-usd"
    margins = answer(selector, activity="naics-111110/margins", region="US", year=2022, kind="stage")
    assert margins.factor.part_of.endswith("naics-111110/with-margins/co2e-per-usd")


def test_non_baseload_and_combined_margins_are_for_projects(selector: Selector) -> None:
    for activity, region in (("electricity-non-baseload", "CAMX"), ("electricity/operating-margin", "DE")):
        asked = {"activity": activity, "region": region, "gas": "CO2"}
        assert "permitted use inventory" in refusal(selector, **asked).sentence


def test_waste_of_the_hub_is_on_ar4_in_2025_too(selector: Selector) -> None:
    asked = {"activity": "waste/mixed-msw/landfilled", "region": "US", "year": 2025, "source": "epa"}
    assert answer(selector, **asked).factor.gwp_set == "AR4GWP100"
    assert "GWP basis AR5GWP100" in refusal(selector, **asked, gwp_set="AR5GWP100").sentence


def test_superseded_and_archived_rows_answer_by_key_alone(selector: Selector, full_table: FactorTable) -> None:
    statuses = full_table.column("status")
    for status in ("archived", "superseded"):
        key = full_table.keys[statuses.index(status)]
        factor = full_table.get(key)
        assert factor is not None
        asked = {"gas": factor.gas, "kind": factor.kind, "biogenic": factor.biogenic}
        assert answer(selector, activity=key, **asked).factor == factor


def test_the_uk_inventorys_own_heating_values_lead_to_the_gross_basis(
    selector: Selector, full_table: FactorTable
) -> None:
    asked = {"activity": "all-petroleum-refining/naphtha", "region": "GB", "year": 2025, "gas": "CO2", "per": "TJ"}
    net = answer(selector, **asked, calorific_basis="LHV")
    gross = answer(selector, **asked, calorific_basis="HHV")
    below = "desnz/ggi/2025/all-petroleum-refining/naphtha"
    low, high = (full_table.get(f"{below}/heat-content-{basis}-per-tonne") for basis in ("net", "gross"))
    assert low is not None
    assert high is not None
    with calculation():
        assert gross.value == net.value * low.value / high.value
    assert "heat-content-net-per-tonne" in gross.conversion.citation


def test_eu_reference_values_have_no_gross_basis(selector: Selector) -> None:
    asked = {"activity": "natural gas", "region": "DE", "year": 2025, "gas": "CO2", "per": "GJ", "source": "ec"}
    assert answer(selector, **asked).value == Decimal("0.0561")
    assert "ec publishes no pair of heating values" in str(refusal(selector, **asked, calorific_basis="HHV"))


def test_cbam_codes_and_the_list_for_other_countries(selector: Selector) -> None:
    found = answer(selector, activity="76011000", region="China", year=2026, boundary="total")
    assert found.factor.activity.startswith("7601")
    asked = {"activity": "76011000", "region": "Liechtenstein", "year": 2026, "boundary": "total"}
    assert "relax_region allows it" in str(refusal(selector, **asked))
    assert answer(selector, **asked, relax_region=True).factor.region == "OTHER"
    assert "relax_years=1 allows 2026" in str(refusal(selector, **{**asked, "region": "China", "year": 2025}))


def test_the_gwp_of_methane_is_one_answer_in_each_set(selector: Selector) -> None:
    asked = {"activity": "ch4", "kind": "gwp", "gas": "CH4", "per": "kgCH4", "source": "ipcc"}
    for gwp_set, value in (("AR4GWP100", 25), ("AR5GWP100", 28)):
        assert answer(selector, **asked, gwp_set=gwp_set).value == value


def test_french_electricity_stands_by_year(selector: Selector) -> None:
    asked = {"activity": "electricity", "region": "France", "source": "ademe"}
    assert answer(selector, **asked, year=2021).value == Decimal("0.0569")
    assert "year" in refusal(selector, **asked).words
    assert refusal(selector, **asked, year=2022).hint.endswith("relax_years=1 allows 2021")


def test_a_request_made_from_a_row_gives_that_row_or_says_why_not(selector: Selector, full_table: FactorTable) -> None:
    wrong = []
    for number in range(0, len(full_table), 211):
        factor = full_table.at(number)
        asked = {
            "activity": factor.ref,
            "gas": factor.gas,
            "kind": factor.kind,
            "permitted_use": factor.permitted_use,
            "biogenic": factor.biogenic,
            "per": factor.per,
        }
        found = answer(selector, **asked)
        if (found.factor.key, found.value) != (factor.key, factor.value):
            wrong.append(factor.key)
    assert not wrong


def test_a_default_answer_is_one_that_its_standing_calls_eligible(selector: Selector, full_table: FactorTable) -> None:
    standings = full_table.standings()
    found = 0
    for number in range(0, len(full_table), 97):
        factor = full_table.at(number)
        if factor.kind in {"factor", "gwp", "property"} and factor.permitted_use == "inventory":
            asked = Request(
                activity=factor.activity,
                region=factor.region or None,
                source=f"{factor.publisher}/{factor.dataset}/{factor.vintage}",
                gas=factor.gas,
                kind=factor.kind,
                per=factor.per,
                boundary=factor.boundary,
                biogenic=factor.biogenic,
            )
            try:
                key = selector.select(asked).factor.key
            except SelectionRefused:
                continue
            found += 1
            position = full_table.position(key)
            assert position is not None
            assert standings[position].eligible, key
    assert found > 200


def test_every_mend_leads_to_the_figure_that_it_names(selector: Selector) -> None:
    asked = [
        {"activity": activity, "region": region, "year": year}
        for activity in ("electricity", "natural gas", "diesel", "petrol", "coal", "hotel-stay", "r-410a", "flight")
        for region in ("GB", "CAMX", "FR-IDF", "US", "IN", None)
        for year in (2018, 2023, 2026, None)
    ]
    tried = 0
    for said in asked:
        try:
            answer(selector, **said)
        except SelectionRefused as refused:
            assert refused.hint
            for mend in refused.mends:
                assert answer(selector, **{**said, **mend.changes}).factor.ref == mend.ref
                tried += 1
    assert tried > 300


def test_everyday_words_are_met_with_activities(selector: Selector) -> None:
    for word, region, activity in (
        ("flight", "GB", "business-travel-air/flights"),
        ("cement", "CN", "25232900"),
        ("lorry", "GB", "`hgv`"),
        ("steel", "GB", "metal-steel-cans"),
    ):
        refused = refusal(selector, activity=word, region=region, year=2026 if region == "CN" else 2025)
        assert refused.hint.startswith("perhaps `")
        assert activity in refused.hint, refused.hint
    assert answer(selector, activity="électricité", region="FR", year=2021, source="ademe").factor.data_year == 2021


def test_a_part_of_a_country_is_told_both_relaxations_at_once(selector: Selector) -> None:
    refused = refusal(selector, activity="electricity", region="FR-IDF", year=2026)
    assert refused.hint == "there is one for FR of 2025: relax_region and relax_years=1 allow it"


def test_gases_that_stand_apart_are_named(selector: Selector) -> None:
    refused = refusal(selector, activity="electricity", region="CAMX", year=2023)
    assert refused.hint.startswith("for CAMX gases stand apart: ask for `gas` (CH4, CO2, N2O), and bring each to CO2e")


def test_a_gwp_needs_no_gas(selector: Selector) -> None:
    asked = {"activity": "R-410A", "kind": "gwp"}
    assert refusal(selector, **asked).hint == "`year` (2023, 2024, 2025) decides"
    assert answer(selector, **asked, year=2025).factor.gas == "R-410A"
    assert answer(selector, activity="HFC-134a", kind="gwp", gwp_set="AR5GWP100").value == 1300


def test_a_look_up_touches_the_rows_of_its_activity_alone(selector: Selector, full_table: FactorTable) -> None:
    found = answer(selector, activity="hotel-stay", region="FR", year=2025)
    considered = found.steps[0].left
    assert considered == 1 + len(found.rejected)
    assert considered < 0.01 * len(full_table)
