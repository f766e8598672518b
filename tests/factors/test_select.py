"""Every rule of selection, with its refusal, on rows made for it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from greenlang_sdk.decimals import calculation

from greenlang.factors import FactorTable
from greenlang.factors.aliases import declared_aliases
from greenlang.factors.select import Request, Selection, SelectionRefused, Selector
from greenlang.factors.standing import Standing
from tests.factors.rows import row, table

GAS = row("desnz/fuels/2025/gas/co2e-per-kwh", reporting_year=2025)


def answer(rows: FactorTable, **asked: Any) -> Selection:
    return Selector(rows).select(Request(**{"activity": "gas", **asked}))


def refusal(rows: FactorTable, **asked: Any) -> SelectionRefused:
    with pytest.raises(SelectionRefused) as caught:
        answer(rows, **asked)
    return caught.value


def both(name: str, one: object, other: object) -> FactorTable:
    """Two rows that differ in one field."""
    return table(replace(GAS, **{name: one}), replace(GAS, key=f"{GAS.key}-2", **{name: other}))


# activity


@pytest.mark.parametrize("value", ["gas", "Gas", " gas ", "ef://desnz/fuels/2025/gas/co2e-per-kwh", GAS.key])
def test_an_activity_is_named_by_its_path_or_its_key(value: str) -> None:
    assert answer(table(GAS), activity=value).factor == GAS


def test_a_reference_may_name_a_table_and_pin_its_release() -> None:
    other = replace(GAS, key="desnz/fuels/2025/oil/co2e-per-kwh", activity="oil", region="FR")
    rows = table(GAS, other)
    assert answer(rows, activity="ef://desnz/fuels/2025", region="FR").factor == other
    assert answer(rows, activity="ef://desnz/fuels/2025/gas@test-1.0.0").factor == GAS
    assert str(refusal(rows, activity="ef://desnz/fuels/2025@x-2.0.0")).startswith(
        "`ef://desnz/fuels/2025@x-2.0.0` asks for release x-2.0.0, but the release here is test-1.0.0"
    )
    assert "nearest: ef://desnz/fuels/2025" in str(refusal(rows, activity="ef://desnz/fuels/2024/gas"))


def test_the_beginning_of_a_path_names_what_is_below_it() -> None:
    france = replace(
        GAS, key="desnz/hotels/2025/hotel/france/x", dataset="hotels", activity="hotel/france", region="FR"
    )
    spain = replace(france, key="desnz/hotels/2025/hotel/spain/x", activity="hotel/spain", region="ES")
    assert answer(table(france, spain), activity="hotel", region="ES").factor == spain
    assert refusal(table(france, spain), activity="hote").sentence == "no activity is called `hote`"


@pytest.mark.parametrize("value", ["natural", "gas oil", "lorries", "", "  ", "gas/"])
def test_words_of_a_name_never_decide(value: str) -> None:
    rows = table(row("desnz/fuels/2025/natural-gas/x", name="Natural gas, gas oil, lorries"))
    refused = refusal(rows, activity=value)
    assert refused.hint.endswith("a reviewed alias, or a key; `greenlang factors search` finds them")
    assert refused.candidates == ()


def test_a_reviewed_alias_is_recorded_with_its_evidence() -> None:
    rows = table(row("desnz/fuels/2025/petrol-average-biofuel-blend/co2e-per-litre", unit="kgCO2e/litre"))
    found = answer(rows, activity="petrol")
    assert "alias: DESNZ's guidance gives the average biofuel blend" in found.steps[0].text


def test_an_alias_of_another_dataset_decides_nothing() -> None:
    rows = table(row("owid/fuels/2025/petrol-average-biofuel-blend/co2e-per-litre", unit="kgCO2e/litre"))
    assert refusal(rows, activity="petrol").candidates == ()


def test_a_bare_code_of_one_country_does_not_hide_the_production_routes_of_another() -> None:
    """CBAM 72071111: North Macedonia has a row without a production route, China has one by route (C)."""
    rows = [
        row("ec/cbam/2025/72071111/mk/x", unit="tCO2e/t", region="MK", activity="72071111"),
        row("ec/cbam/2025/72071111/route-c/cn/x", unit="tCO2e/t", region="CN", activity="72071111/route-c"),
    ]
    for region, key in (("MK", "72071111/mk/x"), ("CN", "72071111/route-c/cn/x")):
        for code in ("72071111", "7207111199"):
            assert answer(table(rows), activity=code, region=region).factor.key == f"ec/cbam/2025/{key}"


def test_of_codes_the_longest_that_begins_the_value_counts() -> None:
    codes = [row(f"ec/cbam/2025/{code}/x", unit="tCO2e/t", region="CN") for code in ("72", "7208", "72083900")]
    assert answer(table(codes), activity="72083900").factor.activity == "72083900"
    assert answer(table(codes), activity="72089999").factor.activity == "7208"
    assert answer(table(codes), activity="7299").factor.activity == "72"
    assert refusal(table(codes), activity="8")


# source


def test_a_source_is_a_publisher_a_dataset_or_an_edition() -> None:
    other = row("epa/fuels/2024/gas/co2e-per-kwh")
    rows = table(GAS, other)
    assert "`source` (desnz, epa) decides" in str(refusal(rows))
    for source in ("epa", "EPA", "epa/fuels", "epa/fuels/2024", "epa/"):
        assert answer(rows, source=source).factor == other
    old = refusal(rows, source="epa/fuels/2023")
    assert "its edition is not 2023" in old.rejected_counts
    assert str(old) == "epa/fuels has no edition 2023 that is loaded; there is 2024: ask for source=epa/fuels"
    assert str(refusal(rows, source="defra")) == "no publisher is called `defra`; perhaps `desnz`"
    assert str(refusal(rows, source="nobody")) == "no publisher is called `nobody`; there are desnz, epa"
    assert str(refusal(rows, source="epa/x")) == "no dataset is called `epa/x`; there are epa/fuels"
    assert str(refusal(rows, source="a/b/c/d")) == "`a/b/c/d` is no source; a source is publisher[/dataset[/vintage]]"
    assert str(refusal(table(GAS, replace(other, activity="oil")), source="epa")) == (
        "`epa` has no such activity; ask for source=desnz/fuels"
    )


# standing


@pytest.mark.parametrize("status", ["archived", "superseded", "projection"])
def test_a_figure_out_of_force_answers_by_its_key_alone(status: str) -> None:
    rows = table(replace(GAS, status=status))
    assert str(refusal(rows)) == (
        f"every row is kept out: its status is {status}; name one row by its key to take it all the same"
    )
    assert answer(rows, activity=GAS.key).factor.status == status
    assert answer(table(GAS, replace(GAS, key=f"{GAS.key}-2", status=status))).factor == GAS


def test_a_figure_whose_originator_forbids_redistribution_answers_by_its_key_alone() -> None:
    rows = table(replace(GAS, taken_from="iea"))
    assert refusal(rows).sentence == (
        "every row is kept out: it is quoted from iea, whose licence forbids redistribution"
    )
    assert answer(rows, activity=GAS.key).factor.taken_from == "iea"


class _Stood(FactorTable):
    """A table whose rows stand as they are told to."""

    told: dict[str, Standing]

    def standings(self) -> list[Standing]:
        return [self.told.get(key, Standing(checked=True, eligible=True)) for key in self.keys]


def stood(told: dict[str, Standing], *rows: Any) -> FactorTable:
    made = _Stood(rows, "test-1.0.0")
    made.told = told
    return made


def test_a_finding_of_the_gates_keeps_a_figure_out() -> None:
    told = {GAS.key: Standing(checked=False, eligible=False, finding="unit slip")}
    assert "a finding of the gates keeps it out (unit slip)" in str(refusal(stood(told, GAS)))
    assert answer(stood(told, GAS), activity=GAS.key).factor == GAS


def test_a_row_that_repeats_a_cell_leads_to_the_other_row_under_both_names() -> None:
    full = row("epa/hub/2025/fuels/gas/co2e-per-kwh", vintage="2025")
    older = row("epa/hub/2024/fuels/gas/co2e-per-kwh", publication_year=2024)
    own = row("epa/fuels/2025/gas/co2e-per-kwh")
    rows = stood({own.key: Standing(checked=True, eligible=False, same_as=full.key)}, full, older, own)
    for asked in (
        {"activity": "gas"},
        {"activity": "fuels/gas"},
        {"source": "epa/fuels"},
        {"source": "epa/fuels/2025"},
    ):
        assert answer(rows, year=2025, **asked).factor == full, asked
    assert answer(rows, year=2024, source="epa/fuels").factor == older
    assert answer(rows, activity=own.key).factor == own


def test_a_part_that_passes_for_a_whole_is_kept_out() -> None:
    whole = row("desnz/homeworking/2025/homeworking/x")
    part = row("desnz/homeworking/2025/homeworking/heating/x", part_of=whole.key, activity="homeworking")
    assert answer(table(whole, part), activity="homeworking").factor == whole
    assert answer(table(whole, part), activity=part.key).factor == part


# what never relaxes


@pytest.mark.parametrize(
    ("word", "one", "other"),
    [
        ("boundary", "TTW", "WTT"),
        ("scope2_method", "location-based", "market-based"),
        ("radiative_forcing", "with", "without"),
        ("gwp_set", "AR4GWP100", "AR5GWP100"),
        ("calorific_basis", "HHV", "LHV"),
        ("price_basis", "purchaser", "basic"),
    ],
)
def test_an_unsaid_word_with_two_values_is_a_refusal_that_names_it(word: str, one: str, other: str) -> None:
    rows = both(word, one, other)
    refused = refusal(rows, year=2025, region="GB", relax_region=True, relax_years=50)
    assert refused.words == {word: tuple(sorted((one, other)))}
    assert refused.hint == f"`{word}` ({', '.join(sorted((one, other)))}) decides"
    assert len(refused.candidates) == 2
    assert getattr(answer(rows, **{word: one}).factor, word) == one
    assert getattr(answer(rows, **{word: other}).factor, word) == other
    none = refusal(rows, **{word: "AR6GWP100"}, relax_region=True, relax_years=50)
    assert "never relaxes" in none.hint
    assert none.rejected_counts.keys() == {f"{_label(word)} is {one}", f"{_label(word)} is {other}"}


def _label(word: str) -> str:
    return {"gwp_set": "GWP basis", "scope2_method": "scope 2 method"}.get(word, word.replace("_", " "))


def test_an_empty_word_asks_for_figures_that_do_not_state_it() -> None:
    rows = both("boundary", "", "life-cycle")
    assert refusal(rows).hint == '`boundary` ("", life-cycle) decides'
    assert answer(rows, boundary="").factor.boundary == ""


@pytest.mark.parametrize("use", ["project", "finance"])
def test_figures_for_projects_and_finance_must_be_asked_for(use: str) -> None:
    rows = table(replace(GAS, permitted_use=use))
    assert refusal(rows).sentence == "no figure with permitted use inventory"
    assert answer(rows, permitted_use=use).factor.permitted_use == use


@pytest.mark.parametrize("kind", ["gas-part", "stage", "ingredient-share", "property", "derived", "gwp"])
def test_kinds_other_than_factors_must_be_asked_for(kind: str) -> None:
    part = replace(GAS, key=f"{GAS.key}-2", kind=kind)
    assert answer(table(GAS, part)).factor == GAS
    assert answer(table(GAS, part), kind=kind).factor == part
    assert refusal(table(part)).sentence == "no figure with kind factor"


def test_a_gas_is_not_its_co2_equivalent() -> None:
    gas = replace(GAS, gas="CH4", unit="gCH4/kWh", gwp_set="")
    refused = refusal(table(gas))
    assert str(refused) == ("no figure with gas CO2e; ask for gas=CH4, and bring each to CO2e with a GWP in a formula")
    assert answer(table(gas), gas="CH4", gwp_set="AR6GWP100").unit == "gCH4/kWh"  # a mass of gas has no GWP basis


def test_biogenic_co2_must_be_asked_for() -> None:
    rows = table(replace(GAS, gas="CO2", unit="kgCO2/kWh", gwp_set="", biogenic=True))
    assert "CO2 from biomass stays outside totals" in refusal(rows, gas="CO2").hint
    assert answer(rows, gas="CO2", biogenic=True).factor.biogenic


def test_a_gwp_is_chosen_by_its_basis_and_never_by_a_year() -> None:
    sets = [
        row(
            f"ipcc/gwp/{report}/ch4/gwp-100",
            kind="gwp",
            gas="CH4",
            gwp_set=f"{report.upper()}GWP100",
            region="",
            unit="kgCO2e/kgCH4",
            publication_year=year,
        )
        for report, year in (("ar4", 2007), ("ar5", 2013), ("ar6", 2021))
    ]
    asked = {"activity": "ch4", "kind": "gwp", "gas": "CH4", "region": "GB", "year": 2025}
    assert refusal(table(sets), **asked).words == {"gwp_set": ("AR4GWP100", "AR5GWP100", "AR6GWP100")}
    assert answer(table(sets), **asked, gwp_set="AR5GWP100").factor.vintage == "ar5"


# units


@pytest.mark.parametrize(
    ("unit", "per", "value", "target"),
    [
        ("kgCO2e/kWh", "kWh", "0.5", "kgCO2e/kWh"),
        ("kgCO2e/kWh", "MWh", "500", "kgCO2e/MWh"),
        ("kgCO2e/kWh", "MJ", "0.1388888888888888888888888888888889", "kgCO2e/MJ"),
        ("kgCO2e/MJ", "kWh", "1.8", "kgCO2e/kWh"),
        ("kgCO2e/litre", "m^3", "500", "kgCO2e/m^3"),
        ("lbCO2e/MWh", "kWh", "0.0005", "lbCO2e/kWh"),
        ("kgCO2e/tonne_km", "tonne.km", "0.5", "kgCO2e/tonne_km"),
        ("kgCO2e/vehicle_mile", "vehicle_km", "0.3106855961186669848087170921816591", "kgCO2e/vehicle_km"),
    ],
)
def test_denominators_convert_exactly(unit: str, per: str, value: str, target: str) -> None:
    found = answer(table(replace(GAS, unit=unit, per=unit.partition("/")[2])), per=per)
    assert found.value == Decimal(value)
    assert found.unit in {target, f"kgCO2e/{per}"}
    assert found.conversion.source == unit
    with calculation():
        assert abs(found.factor.value * found.conversion.factor - found.value) <= Decimal("1e-32") * found.value


@pytest.mark.parametrize(
    ("unit", "per"),
    [
        ("kgCO2e/passenger_km", "vehicle_km"),
        ("kgCO2e/Nm3", "Sm3"),
        ("kgCO2e/scf", "m^3"),
        ("kgCO2e/kg", "kWh"),
        ("kgCO2e/USD", "EUR"),
        ("kgCO2e/kWh", "litre"),
    ],
)
def test_unlike_denominators_never_convert(unit: str, per: str) -> None:
    refused = refusal(table(replace(GAS, unit=unit, per=unit.partition("/")[2])), per=per)
    assert refused.sentence == f"no figure per {per}"
    assert refused.hint == f"ask for per={unit.partition('/')[2]}"


def test_a_unit_that_cannot_be_read_is_refused_with_what_is_wrong() -> None:
    assert "unit `furlongs!`" in next(iter(refusal(table(GAS), per="furlongs!").rejected_counts))


def test_of_two_figures_that_differ_in_unit_alone_the_asked_unit_needs_no_conversion() -> None:
    mile = replace(GAS, unit="kgCO2e/vehicle_mile", per="vehicle_mile", value=Decimal("0.8"))
    km = replace(GAS, key=f"{GAS.key}-2", unit="kgCO2e/vehicle_km", per="vehicle_km")
    assert answer(table(mile, km), per="vehicle_km").factor == km
    assert answer(table(mile, km), per="vehicle_mile").factor == mile
    assert refusal(table(mile, km), per="vehicle*m").words == {"per": ("vehicle_km", "vehicle_mile")}
    other = replace(km, key="epa/fuels/2025/gas/x", publisher="epa")  # a unit never picks a publisher
    assert refusal(table(mile, other), per="vehicle_km").words["source"] == ("desnz", "epa")


# calorific basis

NET = replace(GAS, calorific_basis="LHV", value=Decimal("0.2"))


def _heat(basis: str, value: str) -> Any:
    return replace(
        GAS,
        key=f"desnz/fuels/2025/gas/heat-{basis.lower()}",
        kind="property",
        gas="",
        gwp_set="",
        calorific_basis=basis,
        unit="GJ/t",
        per="t",
        value=Decimal(value),
    )


def test_a_basis_that_the_publisher_gives_is_taken_as_it_is() -> None:
    gross = replace(GAS, key=f"{GAS.key}-gross", calorific_basis="HHV", value=Decimal("0.18"))
    rows = table(NET, gross, _heat("LHV", "45"), _heat("HHV", "50"))
    assert answer(rows, per="kWh", calorific_basis="HHV").value == Decimal("0.18")
    assert answer(rows, per="kWh", calorific_basis="LHV").value == Decimal("0.2")


def test_the_other_basis_needs_the_publishers_own_heating_values() -> None:
    found = answer(table(NET, _heat("LHV", "45"), _heat("HHV", "50")), per="kWh", calorific_basis="HHV")
    assert found.value == Decimal("0.18")
    assert found.conversion.factor == Decimal("0.9")
    assert "HHV from LHV: ef://desnz/fuels/2025/gas/heat-lhv (A document, A table, A1) and" in found.conversion.citation
    gross = replace(NET, calorific_basis="HHV", value=Decimal("0.18"))
    back = answer(table(gross, _heat("LHV", "45"), _heat("HHV", "50")), per="MJ", calorific_basis="LHV")
    with calculation():
        assert back.value == Decimal("0.2") / Decimal("3.6")


def test_without_a_cited_ratio_the_other_basis_is_refused() -> None:
    for rows in (table(NET), table(NET, _heat("LHV", "45"))):
        refused = refusal(rows, per="kWh", calorific_basis="HHV")
        assert refused.sentence == (
            "the figure is on LHV, HHV is asked, and desnz publishes no pair of heating values for it"
        )


def test_the_heating_values_of_another_publisher_never_serve() -> None:
    others = [
        replace(_heat(b, v), key=f"epa/fuels/2025/gas/{b}", publisher="epa") for b, v in (("LHV", "45"), ("HHV", "50"))
    ]
    assert refusal(table(NET, others), per="kWh", calorific_basis="HHV")


def test_a_cited_pair_of_the_rule_serves_its_own_edition_only() -> None:
    pellets = row(
        "desnz/conversion-factors/2025/bioenergy/wood-pellets/x",
        calorific_basis="LHV",
        value="0.01",
        reporting_year=2025,
    )
    asked = {"activity": "bioenergy/wood-pellets", "per": "kWh", "calorific_basis": "HHV"}
    found = answer(table(pellets), **asked)
    assert abs(found.value - Decimal("0.01") * Decimal("17.28") / Decimal("18.694")) < Decimal("1e-30")
    assert "Fuel properties, row 54: 17.28 net, 18.694 gross GJ/t" in found.conversion.citation
    assert refusal(table(replace(pellets, key=pellets.key.replace("2025", "2024"), vintage="2024")), **asked)


def test_figures_per_mass_are_on_no_calorific_basis() -> None:
    per_tonne = replace(GAS, key=f"{GAS.key}-t", unit="kgCO2e/t", per="t")
    assert answer(table(NET, per_tonne), per="t", calorific_basis="HHV").factor == per_tonne
    assert refusal(table(NET, per_tonne), per="kWh", calorific_basis="HHV").candidates == (NET.key,)


# years


def dated(publisher: str, dataset: str, *years: dict[str, Any]) -> FactorTable:
    return table(row(f"{publisher}/{dataset}/{n}/gas/x", **{"vintage": str(n), **years[n]}) for n in range(len(years)))


def test_each_publisher_matches_its_years_in_its_own_way() -> None:
    desnz = dated("desnz", "fuels", *({"reporting_year": year, "data_year": year - 2} for year in (2022, 2024, 2025)))
    assert answer(desnz, year=2022).factor.data_year == 2020
    assert refusal(desnz, year=2023).hint == (
        "no figure loaded answers for 2023 (nearest: desnz/fuels 2022 and 2024): relax_years=1 allows 2022"
    )
    hub = dated(
        "epa", "ghg-hub", *({"data_year": y - 2, "publication_year": y, "vintage": str(y)} for y in (2024, 2025))
    )
    for year in (2023, 2024, 2025):
        assert answer(hub, year=year).factor.data_year == 2023
    assert answer(hub, year=2022).factor.data_year == 2022
    assert refusal(hub, year=2026).hint.endswith("(nearest: epa/ghg-hub 2023): relax_years=1 allows 2023")
    fuels = dated("epa", "ghg-hub", *({"publication_year": y, "vintage": str(y)} for y in (2024, 2025)))
    assert answer(fuels, year=2024).factor.vintage == "2024"
    assert refusal(fuels, year=2023)
    series = dated("owid", "electricity", *({"data_year": year} for year in (2020, 2021)))
    assert answer(series, year=2021).factor.data_year == 2021
    assert refusal(series, year=2022)
    spend = dated("epa", "supply-chain", {"price_year": 2021, "data_year": 2019}, {"price_year": 2022})
    assert [answer(spend, year=year).factor.price_year for year in (2021, 2022, 2030)] == [2021, 2022, 2022]
    law = dated("ec", "cbam", {"publication_year": 2025})
    assert answer(law, year=2028).factor
    assert refusal(law, year=2025).hint.endswith("(nearest: ec/cbam 2026): relax_years=1 allows 2026")


def test_a_year_that_stands_for_a_later_one_says_why() -> None:
    hub = dated("epa", "ghg-hub", {"data_year": 2023, "vintage": "2025"})
    found = answer(hub, year=2025)
    assert found.relaxed == ()
    assert any("of 2023, which stands for 2025 (Each edition is for its year." in step.text for step in found.steps)


def test_years_relax_as_little_as_needed_and_to_the_earlier_of_two() -> None:
    rows = dated("owid", "electricity", *({"data_year": year} for year in (2015, 2018, 2020)))
    assert refusal(rows, year=2019)
    assert answer(rows, year=2019, relax_years=3).factor.data_year == 2018
    assert answer(rows, year=2021, relax_years=3).factor.data_year == 2020
    assert answer(rows, year=2013, relax_years=2).factor.data_year == 2015
    assert answer(rows, year=2020, relax_years=3).relaxed == ()
    assert answer(rows, year=2022, relax_years=3).relaxed == ("year 2022 to 2020 (2 years off)",)
    assert refusal(rows, year=2024, relax_years=3).hint.endswith("relax_years=4 allows 2020")


def test_an_unsaid_year_with_several_editions_is_a_refusal() -> None:
    rows = dated("owid", "electricity", {"data_year": 2019}, {"data_year": 2020})
    assert refusal(rows).words == {"year": ("2019", "2020")}


def test_of_two_editions_with_one_year_the_later_counts() -> None:
    old, new = (
        row(f"owid/electricity/{v}/gas/x", data_year=2020, publication_year=v, value=n)
        for n, v in enumerate((2024, 2026))
    )
    found = answer(table(old, new), year=2020)
    assert found.factor == new
    assert found.rejected_counts == {"a later edition of the dataset holds the same year": 1}
    assert answer(table(old, new), year=2020, source="owid/electricity/2024").factor == old
    nine, ten = (row(f"ademe/agribalyse/{v}/gas/x", value=n) for n, v in enumerate(("3.9", "3.10")))
    assert answer(table(nine, ten), year=1999).factor == ten


# regions


def placed(*regions: str, publisher: str = "owid") -> FactorTable:
    return table(row(f"{publisher}/x/1/gas/{n}/x", activity="gas", region=r) for n, r in enumerate(regions))


@pytest.mark.parametrize("value", ["GB", "gb", "UK", "uk", "United Kingdom", "Great Britain", "GBR", "Royaume-Uni"])
def test_a_region_is_a_code_a_country_or_an_alias(value: str) -> None:
    assert answer(placed("GB", "FR"), region=value).factor.region == "GB"


def test_a_publishers_own_region_is_named_in_its_words() -> None:
    rows = table(row("epa/egrid/2023/gas/x", region="CAMX", region_name="WECC California", data_year=2023))
    assert answer(rows, region="camx", year=2023).factor.region == "CAMX"
    assert answer(rows, region="WECC California", year=2023).factor.region == "CAMX"
    assert str(refusal(rows, region="Atlantis")).startswith("`Atlantis` is no region that is known; give an ISO 3166")


def test_the_asked_region_comes_before_everywhere_and_everywhere_needs_no_leave() -> None:
    assert answer(placed("GB", ""), region="GB").factor.region == "GB"
    assert answer(placed("FR", ""), region="GB").factor.region == ""
    assert refusal(placed("FR", "GLO"), region="GB", relax_region=True).hint == "there is one for FR, GLO"


def test_a_region_relaxes_to_what_contains_it_and_only_if_allowed() -> None:
    rows = placed("US", "GB", "EU27")
    assert refusal(rows, region="US-CA").hint == "there is one for US: relax_region allows it"
    found = answer(rows, region="US-CA", relax_region=True)
    assert found.factor.region == "US"
    assert found.relaxed == ("region US-CA to US (The country code is the part before the hyphen.)",)
    assert answer(rows, region="DE", relax_region=True).factor.region == "EU27"
    assert answer(rows, region="FR-IDF", relax_region=True).factor.region == "EU27"
    assert answer(rows, region="CAMX", relax_region=True).factor.region == "US"
    for outside in ("CH", "PRMS", "EU27-X", "NO"):
        assert refusal(rows, region=outside, relax_region=True)
    assert answer(placed("EU27"), region="ES", relax_region=True).factor
    assert refusal(placed("EU27"), region="GB", relax_region=True)  # the United Kingdom left


def test_a_region_never_relaxes_to_a_part_or_a_neighbour() -> None:
    assert refusal(placed("US-CA", "CAMX"), region="US", relax_region=True)
    assert refusal(placed("FR"), region="DE", relax_region=True)


def test_corsica_is_not_in_ademes_france() -> None:
    assert answer(placed("FR", publisher="owid"), region="FR-20R", relax_region=True).factor
    assert refusal(placed("FR", publisher="ademe"), region="FR-20R", relax_region=True)
    assert answer(placed("FR", publisher="ademe"), region="FR-IDF", relax_region=True).factor


def test_a_fall_back_serves_only_regions_that_its_dataset_does_not_list() -> None:
    cbam = [
        row("ec/cbam/2025/7208/cn/x", region="CN", activity="7208"),
        row("ec/cbam/2025/7209/other/x", region="OTHER", activity="7209"),
    ]
    assert refusal(table(cbam), activity="7209", region="MG").hint == "there is one for OTHER: relax_region allows it"
    found = answer(table(cbam), activity="7209", region="MG", relax_region=True)
    assert found.relaxed[0].startswith("region MG to OTHER (Annex I has a list of its own")
    assert refusal(table(cbam), activity="7209", region="CN", relax_region=True)


def test_the_order_of_relaxing() -> None:
    def rows(*places: tuple[str, int]) -> FactorTable:
        return table(
            row(f"owid/x/1/gas/{n}/x", activity="gas", region=r, data_year=y) for n, (r, y) in enumerate(places)
        )

    order = [("US-CA", 2020), ("", 2020), ("US-CA", 2019), ("", 2019), ("US", 2020), ("US", 2019)]
    for first in range(len(order)):
        found = answer(rows(*order[first:]), region="US-CA", year=2020, relax_region=True, relax_years=1)
        assert (found.factor.region, found.factor.data_year) == order[first]


# one answer


def test_a_part_never_competes_with_its_whole() -> None:
    whole = replace(GAS, kind="stage")
    part = replace(GAS, key=f"{GAS.key}-part", kind="stage", part_of=GAS.key, value=Decimal("0.1"))
    assert answer(table(whole, part), kind="stage").factor == whole
    assert answer(table(part), kind="stage").factor == part


def test_a_figure_taken_over_gives_way_to_the_original_only_where_that_answers() -> None:
    taken = row("ademe/base-carbone/22/gas/x", taken_from="agribalyse", publication_year=2022)
    original = row("ademe/agribalyse/3.1/gas/x", value="0.51")
    found = answer(table(taken, original), year=2022)
    assert found.factor == original
    assert found.rejected_counts == {
        "it was taken over from a publisher whose own figure is among the answers": 1,
    }
    assert answer(table(taken), year=2022).factor == taken
    assert len(refusal(table(replace(taken, taken_from="dgac"), original), year=2022).candidates) == 2


def test_one_publishers_figure_printed_twice_is_one_figure_but_two_values_are_two() -> None:
    twice = row("desnz/tables/2025/gas/x", reporting_year=2025)
    assert answer(table(GAS, twice)).factor == GAS
    assert len(refusal(table(GAS, replace(twice, value=Decimal("0.6")))).candidates) == 2
    assert len(refusal(table(GAS, replace(twice, publisher="epa", key="epa/x/2025/gas/x"))).candidates) == 2
    older = replace(GAS, key="desnz/fuels/2024/gas/co2e-per-kwh", vintage="2024", reporting_year=2024)
    assert refusal(table(GAS, older)).words == {"year": ("2024", "2025")}


def test_rows_that_no_word_tells_apart_are_listed_by_key() -> None:
    rows = table(replace(GAS, key=f"{GAS.key}-{n}", value=Decimal(n + 1)) for n in range(25))
    refused = refusal(rows, year=2025)
    assert refused.sentence == "25 rows remain"
    assert refused.hint.startswith(
        "no word tells them apart, name one by its key: ef://desnz/fuels/2025/gas/co2e-per-kwh-0,"
    )
    assert refused.hint.endswith(" and 5 more")
    assert "... and 5 more" in refused.report()
    assert len(refused.candidates) == 25


def test_two_words_may_have_to_decide_together() -> None:
    rows = table(
        replace(GAS, key=f"{GAS.key}-{n}", boundary=boundary, calorific_basis=basis)
        for n, (boundary, basis) in enumerate([("TTW", "HHV"), ("TTW", "LHV"), ("WTT", "HHV"), ("WTT", "LHV")])
    )
    refused = refusal(rows)
    assert refused.words == {"boundary": ("TTW", "WTT"), "calorific_basis": ("HHV", "LHV")}
    assert refused.hint == "`boundary` (TTW, WTT) and `calorific_basis` (HHV, LHV) decide"


# what is recorded


def test_every_row_is_the_answer_or_rejected_once_with_its_reason() -> None:
    rows = table(
        GAS,
        replace(GAS, key="desnz/fuels/2025/gas/a", boundary="WTT"),
        replace(GAS, key="desnz/fuels/2025/gas/b", gas="CO2", unit="kgCO2/kWh", gwp_set=""),
        replace(GAS, key="desnz/fuels/2025/gas/c", status="archived"),
        replace(GAS, key="desnz/fuels/2025/gas/d", unit="kgCO2e/litre", per="litre"),
        replace(GAS, key="desnz/fuels/2025/gas/e", region="FR"),
        replace(GAS, key="desnz/fuels/2024/gas/f", vintage="2024", reporting_year=2024),
        row("epa/fuels/2025/gas/g"),
        row("epa/fuels/2025/oil/h"),  # another activity: never considered
    )
    found = answer(rows, region="GB", year=2025, per="kWh", source="desnz", boundary="")
    rejected = {row.key: row.reason for row in found.rejected}
    assert found.factor == GAS
    assert rejected == {
        "desnz/fuels/2025/gas/a": "boundary is WTT",
        "desnz/fuels/2025/gas/b": "gas is CO2",
        "desnz/fuels/2025/gas/c": "its status is archived",
        "desnz/fuels/2025/gas/d": "it is per litre, which does not convert into kWh",
        "desnz/fuels/2025/gas/e": "not for GB for 2025",
        "desnz/fuels/2024/gas/f": "not for GB for 2025",
        "epa/fuels/2025/gas/g": "its source is epa/fuels",
    }
    assert found.rejected == found.rejected  # read twice
    assert sum(found.rejected_counts.values()) == len(rejected)
    assert [step.rule for step in found.steps] == [
        *("activity", "source", "standing", "permitted use", "kind", "gas", "boundary", "unit"),
        *("region and year", "not said"),
    ]
    assert [step.left for step in found.steps][:2] == [8, 7]
    assert found.steps[-1].text == "the one that is left has GWP basis AR5GWP100"
    assert (found.release, found.digest) == (rows.release, rows.digest)


def test_a_refusal_reports_its_steps_and_what_fell_out() -> None:
    refused = refusal(table(GAS), region="GB", year=2024)
    assert refused.report().splitlines() == [
        "refused: no figure for GB for 2024",
        "mend: no edition loaded answers for 2024 (nearest: desnz/fuels 2025): relax_years=1 allows 2025",
        "  activity: `gas` is gas: the publisher's path (1 left)",
        "  permitted use: inventory (1 left)",
        "  kind: factor (1 left)",
        "  gas: CO2e (1 left)",
        "  region and year: for GB for 2024 (0 left)",
        "  rejected: 1 because not for GB for 2024",
    ]
    assert [row.key for row in refused.rejected] == [GAS.key]


def test_answers_and_refusals_are_kept_and_a_refusal_is_raised_anew() -> None:
    selector = Selector(table(GAS))
    assert selector.select(Request(activity="gas")) is selector.select(Request(activity="gas"))
    caught = []
    for _ in range(2):
        with pytest.raises(SelectionRefused) as error:
            selector.select(Request(activity="oil"))
        caught.append(error.value)
    assert caught[0] is not caught[1]
    assert str(caught[0]) == str(caught[1])


def test_an_empty_table_refuses() -> None:
    assert refusal(table()).sentence == "no activity is called `gas`"


def test_the_rule_and_the_aliases_can_be_given() -> None:
    none = replace(declared_aliases(), activities={}, longest_prefix={})
    rows = table(row("desnz/fuels/2025/petrol-average-biofuel-blend/x"))
    with pytest.raises(SelectionRefused):
        Selector(rows, aliases=none).select(Request(activity="petrol"))
