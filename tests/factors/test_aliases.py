"""What a value of a spec means among the publisher's activities and regions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.errors import FactorTableError
from greenlang.factors import FactorTable
from greenlang.factors.aliases import declared_aliases, normalise, read_aliases

TABLE = FactorTable.load()
FUELS = TABLE.resolve("ef://epa/stationary-combustion/2024")
COAL = (
    "anthracite",
    "bituminous",
    "coal-coke",
    "lignite",
    "mixed-commercial-sector",
    "mixed-electric-power-sector",
    "mixed-industrial-coking",
    "mixed-industrial-sector",
    "sub-bituminous",
)


@pytest.mark.parametrize(
    ("value", "activities"),
    [
        ("natural_gas", ("natural-gas",)),
        ("Natural Gas", ("natural-gas",)),
        ("diesel", ("distillate-fuel-oil-no-2",)),
        ("petrol", ("motor-gasoline",)),
        ("gasoline", ("motor-gasoline",)),
        ("LPG", ("liquefied-petroleum-gases-lpg",)),
        ("propane", ("propane",)),
        ("coal", COAL),
        ("bituminous_coal", ("bituminous",)),
        (
            "fuel_oil",
            (
                "distillate-fuel-oil-no-1",
                "distillate-fuel-oil-no-2",
                "distillate-fuel-oil-no-4",
                "residual-fuel-oil-no-5",
                "residual-fuel-oil-no-6",
            ),
        ),
        ("gas", ()),  # natural gas, gasoline or fuel gas: no guess
        ("electricity", ()),
        ("", ()),
        ("solid", ()),
    ],
)
def test_fuels_of_epa(value: str, activities: tuple[str, ...]) -> None:
    assert TABLE.match_activity(FUELS, value) == activities


@pytest.mark.parametrize(
    ("ref", "value", "activities"),
    [
        ("ef://epa/egrid/2023", "electricity", ("electricity",)),
        ("ef://desnz/electricity/2025", "electricity", ("electricity-generated",)),
        ("ef://ec/cbam/2025-2621/total", "76011000", ("7601",)),
        ("ef://ec/cbam/2025-2621/total", "25231000", ("25231000/route-a", "25231000/route-b")),
        ("ef://ec/cbam/2025-2621/total", "72", ()),
        ("ef://ec/cbam/2025-2621/total", "99999999", ()),
        ("ef://ipcc/gwp/ar6", "R-134a", ("hfc-134a",)),
        ("ef://ipcc/gwp/ar6", "CH4", ("ch4",)),
        ("ef://epa/refrigerant-blends/2025", "R410A", ("r-410a",)),
        (
            "ef://epa/mobile-combustion/2025",
            "2021",
            (
                "gasoline-heavy-duty-vehicles/2021",
                "gasoline-light-duty-trucks/2021",
                "gasoline-passenger-cars/2021",
            ),
        ),
        ("ef://epa/transport/2025", "truck", ("medium-and-heavy-duty-truck",)),
        ("ef://desnz/freight/2025", "hgv", ("hgv-all/average-laden",)),
    ],
)
def test_other_tables(ref: str, value: str, activities: tuple[str, ...]) -> None:
    assert TABLE.match_activity(TABLE.resolve(ref), value) == activities


def test_a_segment_names_all_activities_that_hold_it() -> None:
    rows = TABLE.resolve("ef://epa/waste/2025")
    material = set(TABLE.match_activity(rows, "mixed_msw"))
    disposal = set(TABLE.match_activity(rows, "landfilled"))
    assert material & disposal == {"mixed-msw/landfilled"}


def test_rows_of_several_tables_are_matched_table_by_table() -> None:
    rows = FUELS + TABLE.resolve("ef://epa/mobile-combustion-co2/2024")
    assert TABLE.match_activity(rows, "diesel") == ("diesel-fuel", "distillate-fuel-oil-no-2")


@pytest.mark.parametrize(
    ("ref", "value", "regions"),
    [
        ("ef://epa/egrid/2023", "camx", ("CAMX",)),
        ("ef://epa/egrid/2023", "US", ("US",)),
        ("ef://epa/egrid/2023", "us_average", ("US",)),
        ("ef://epa/egrid/2023", "UK", ()),
        ("ef://desnz/electricity/2025", "UK", ("GB",)),
        ("ef://ec/cbam/2025-2621", "Türkiye", ("TR",)),
        ("ef://ec/cbam/2025-2621", "FR", ()),
    ],
)
def test_regions(ref: str, value: str, regions: tuple[str, ...]) -> None:
    assert TABLE.match_region(TABLE.resolve(ref), value) == regions


def test_every_alias_leads_to_an_activity_and_hides_none() -> None:
    for dataset, entries in declared_aliases().activities.items():
        activities = {f.activity for f in TABLE.resolve(f"ef://{dataset}")}
        for entry in entries:
            assert set(entry.targets) <= activities, entry
            assert not set(entry.values) & activities, f"{entry.values}: an exact name needs no alias"
            assert len(entry.evidence) > 10


@pytest.mark.parametrize("year", [2024, 2025])
@pytest.mark.parametrize(
    ("table_2", "table_1"),
    [
        ("diesel-fuel", "distillate-fuel-oil-no-2"),
        ("motor-gasoline", "motor-gasoline"),
        ("liquefied-petroleum-gases-lpg", "liquefied-petroleum-gases-lpg"),
        ("kerosene-type-jet-fuel", "kerosene-type-jet-fuel"),
        ("residual-fuel-oil", "residual-fuel-oil-no-6"),
        ("aviation-gasoline", "aviation-gasoline"),
    ],
)
def test_the_evidence_for_liquid_fuels_is_true(year: int, table_2: str, table_1: str) -> None:
    quantity = "co2-per-gallon"
    mobile = TABLE.get(f"epa/mobile-combustion-co2/{year}/{table_2}/{quantity}")
    stationary = {
        f.activity: f.value for f in TABLE.resolve(f"ef://epa/stationary-combustion/{year}") if quantity in f.key
    }
    assert mobile is not None
    assert stationary[table_1] == mobile.value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "aliases: {epa/x: [{values: [a], activities: [b]}]}\nlongest_prefix: {}\n",
            "an alias has `values`, `activities`",
        ),
        (
            "aliases: {epa/x: [{values: [a], activities: [b], evidence: ' '}]}\nlongest_prefix: {}\n",
            "`a` lacks its evidence",
        ),
        (
            "aliases: {epa/x: [{values: [A_b], activities: [b], evidence: yes it is}]}\nlongest_prefix: {}\n",
            "`A_b` must be lower case",
        ),
        (
            "aliases: {epa/x: [{values: [a, a], activities: [b], evidence: yes it is}]}\nlongest_prefix: {}\n",
            "`a` stands twice",
        ),
        ("aliases: {}\n", "must hold `aliases` and `longest_prefix`"),
    ],
)
def test_an_alias_without_evidence_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "activities.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FactorTableError, match=message):
        read_aliases(tmp_path)


@settings(deadline=None)
@given(st.sampled_from(sorted({f.activity for f in FUELS})), st.booleans(), st.booleans())
def test_case_and_underscores_do_not_matter(activity: str, upper: bool, underscores: bool) -> None:
    value = activity.replace("-", "_") if underscores else activity
    assert TABLE.match_activity(FUELS, value.upper() if upper else value) == (activity,)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_a_match_is_always_an_activity_of_the_rows(value: str) -> None:
    assert set(TABLE.match_activity(FUELS, value)) <= {f.activity for f in FUELS}
    assert normalise(normalise(value)) == normalise(value)
