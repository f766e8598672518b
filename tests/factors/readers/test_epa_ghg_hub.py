"""EPA GHG Emission Factors Hub 2023 to 2025: counts, the publisher's checks, one test for every trap of the file."""

from __future__ import annotations

import dataclasses
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang._paths import data
from greenlang.factors.catalogue import catalogue
from greenlang.factors.embedded import read_embedded
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, epa_ghg_hub, reader
from greenlang.units import conversion

FOLDER = "us_epa_ghg_hub"
NAME = "ghg-emission-factors-hub-{}.xlsx"
EDITIONS = {e.vintage: e for e in catalogue() if f"{e.publisher}/{e.dataset}" == "epa/ghg-hub"}
VINTAGES = ("2023", "2024", "2025")


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, Path]:
    return {vintage: shared / "data" / FOLDER / NAME.format(vintage) for vintage in VINTAGES}


@pytest.fixture(scope="module")
def readings(published: dict[str, Path]) -> dict[str, Reading]:
    return {v: reader(EDITIONS[v].reader)(EDITIONS[v], {NAME.format(v): published[v]}) for v in VINTAGES}


@pytest.fixture(scope="module")
def rows(readings: dict[str, Reading]) -> dict[str, dict[str, Factor]]:
    """Rows of every vintage by what follows the vintage in their keys."""
    return {v: {r.key.removeprefix(f"epa/ghg-hub/{v}/"): r for r in readings[v].rows} for v in VINTAGES}


def altered(path: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    """A copy of a workbook with texts replaced in its table of shared strings."""
    target = folder / path.name
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for entry in source.namelist():
            content = source.read(entry)
            if entry == "xl/sharedStrings.xml":
                text = content.decode()
                for old, new in changes:
                    assert old in text
                    text = text.replace(old, new)
                content = text.encode()
            copy.writestr(entry, content)
    return target


def read_copy(vintage: str, path: Path) -> Reading:
    return reader("epa_ghg_hub")(EDITIONS[vintage], {NAME.format(vintage): path})


@pytest.mark.parametrize(
    ("vintage", "seen", "kept", "reasons"),
    [
        (
            "2023",
            1475,
            1267,
            {
                "NA: the publisher has no figure": 185,
                "a lower bound instead of a number": 1,
                "empty cell": 20,
                "repeats Table 11": 2,
            },
        ),
        ("2024", 1481, 1276, {"NA: the publisher has no figure": 183, "empty cell": 20, "repeats Table 11": 2}),
        (
            "2025",
            1743,
            1282,
            {
                "NA: the publisher has no figure": 183,
                "empty cell": 20,
                "grid gross loss, not a factor": 28,
                "repeats Table 11": 2,
                "stray sheet, not EPA's": 228,
            },
        ),
    ],
)
def test_every_source_value_is_kept_or_refused_with_a_reason(
    readings: dict[str, Reading], vintage: str, seen: int, kept: int, reasons: dict[str, int]
) -> None:
    reading = readings[vintage]
    assert (reading.seen, reading.kept, reading.reasons()) == (seen, kept, reasons)
    assert reading.seen == reading.kept + len(reading.refused)


@pytest.mark.parametrize(
    ("vintage", "kinds"),
    [
        ("2023", {"property": 58, "factor": 1142, "gwp": 67}),
        ("2024", {"property": 58, "factor": 1156, "gwp": 62}),
        ("2025", {"property": 58, "factor": 1162, "gwp": 62}),
    ],
)
def test_kinds_are_counted_apart(readings: dict[str, Reading], vintage: str, kinds: dict[str, int]) -> None:
    assert Counter(row.kind for row in readings[vintage].rows) == kinds


def test_all_twelve_tables_give_rows(readings: dict[str, Reading]) -> None:
    for vintage in VINTAGES:
        found = {row.table.split()[1] for row in readings[vintage].rows}
        assert found == {str(number) for number in range(1, 13)}


def test_the_checks_of_the_provenance_file(rows: dict[str, dict[str, Factor]]) -> None:
    for vintage in VINTAGES:
        gas = "stationary-combustion/natural-gas"
        assert rows[vintage][f"{gas}/co2-per-mmbtu"].value == Decimal("53.06")
        assert rows[vintage][f"{gas}/ch4-per-mmbtu"].value == Decimal("1")
        assert rows[vintage][f"{gas}/n2o-per-mmbtu"].value == Decimal("0.1")
        assert rows[vintage]["mobile-combustion-co2/diesel-fuel/co2-per-gallon"].value == Decimal("10.21")
        assert rows[vintage]["mobile-combustion-co2/motor-gasoline/co2-per-gallon"].value == Decimal("8.78")
    assert rows["2025"]["gwp/hfc-134a/gwp-100"].value == Decimal("1300")
    assert rows["2025"]["gwp/r-410a/gwp-100"].value == Decimal("1924")
    assert [rows[v]["electricity/total-output/us/co2-per-mwh"].value for v in VINTAGES] == [
        Decimal("852.3"),
        Decimal("823.149"),
        Decimal("771.523"),
    ]


def test_the_embedded_base_was_entered_from_the_same_cells(rows: dict[str, dict[str, Factor]]) -> None:
    edition_of_egrid = {"2022": "2024", "2023": "2025"}
    cells = {v: {row.cell: row for row in rows[v].values()} for v in VINTAGES}
    entered = [row for row in read_embedded(data() / "emission_factors") if row.publisher == "epa"]
    assert len(entered) == 1998
    for row in entered:
        vintage = edition_of_egrid[row.vintage] if row.dataset == "egrid" else row.vintage
        found = cells[vintage][row.cell]
        wanted = (row.value, row.unit, row.gas, row.biogenic, row.region)
        # the blends and GWPs are everywhere's, the regions of the rest are the same
        assert (found.value, found.unit, found.gas, found.biogenic, found.region) == wanted
        assert row.activity in found.key


def test_units_change_inside_table_1(rows: dict[str, dict[str, Factor]]) -> None:
    units = {
        row.unit
        for key, row in rows["2025"].items()
        if key.startswith("stationary-combustion/") and not key.endswith("-per-mmbtu")
    }
    assert units == {f"{x}/{per}" for x in ("mmBtu", "kgCO2", "gCH4", "gN2O") for per in ("short_ton", "scf", "gallon")}
    assert rows["2025"]["stationary-combustion/anthracite/heat-content-per-short-ton"].unit == "mmBtu/short_ton"
    assert rows["2025"]["stationary-combustion/natural-gas/co2-per-scf"].value == Decimal("0.05444")


def test_co2_is_in_kilograms_and_the_other_gases_in_grams_on_one_row(rows: dict[str, dict[str, Factor]]) -> None:
    found = {gas: rows["2025"][f"transport/rail/{gas.lower()}-per-ton-mile"] for gas in ("CO2", "CH4", "N2O")}
    assert {gas: row.unit for gas, row in found.items()} == {
        "CO2": "kgCO2/ton_mile",
        "CH4": "gCH4/ton_mile",
        "N2O": "gN2O/ton_mile",
    }
    assert len({row.source_row for row in found.values()}) == 1
    assert conversion("gCH4/ton_mile", "kgCH4/ton_mile")[0] == Decimal("0.001")


def test_heat_contents_are_properties_on_the_higher_heating_value(rows: dict[str, dict[str, Factor]]) -> None:
    for key, row in rows["2025"].items():
        if "/heat-content-per-" in key:
            assert (row.kind, row.gas, row.calorific_basis) == ("property", "", "HHV")
        elif key.startswith("stationary-combustion/"):
            assert row.calorific_basis == ("HHV" if row.per == "mmBtu" else "")


def test_the_heat_content_times_the_factor_is_the_factor_per_unit_of_fuel(rows: dict[str, dict[str, Factor]]) -> None:
    checked = 0
    for vintage in VINTAGES:
        for key, row in rows[vintage].items():
            fuel, _, per = key.partition("/heat-content-per-")
            if not per:
                continue
            for gas in ("co2", "ch4", "n2o"):
                product = row.value * rows[vintage][f"{fuel}/{gas}-per-mmbtu"].value
                printed = rows[vintage][f"{fuel}/{gas}-per-{per}"].value
                digit = Decimal(1).scaleb(int(printed.as_tuple().exponent))
                assert abs(product - printed) <= max(min(digit, Decimal(1)), printed / 100)
                checked += 1
    assert checked == 3 * 58 * 3


def test_the_vehicle_type_stands_on_the_first_row_of_a_block_only(rows: dict[str, dict[str, Factor]]) -> None:
    found = rows["2025"]
    assert found["mobile-combustion/gasoline-passenger-cars/2022/ch4-per-vehicle-mile"].cell.endswith("!E164")
    assert found["mobile-combustion/passenger-cars/diesel/2007-2022/n2o-per-vehicle-mile"].value == Decimal("0.0192")
    assert found["mobile-combustion/buses/biodiesel/ch4-per-vehicle-mile"].value == Decimal("0.009")
    assert found["mobile-combustion/locomotives/diesel/ch4-per-gallon"].value == Decimal("0.8")


def test_a_vehicle_type_that_goes_on_in_brackets_is_one_block(rows: dict[str, dict[str, Factor]]) -> None:
    first = rows["2025"]["mobile-combustion/gasoline-light-duty-trucks/1973-1974/ch4-per-vehicle-mile"]
    second = rows["2025"]["mobile-combustion/gasoline-light-duty-trucks/1975/ch4-per-vehicle-mile"]
    assert first.name == "Gasoline Light-Duty Trucks (Vans, Pickup Trucks, SUVs), 1973-1974"
    assert second.name == "Gasoline Light-Duty Trucks (Vans, Pickup Trucks, SUVs), 1975"
    assert second.source_row == first.source_row + 1  # type: ignore[operator]


def test_model_years_are_text_with_blanks_or_numbers(rows: dict[str, dict[str, Factor]]) -> None:
    key = "mobile-combustion/gasoline-passenger-cars/2005/ch4-per-vehicle-mile"
    assert rows["2023"][key].name == rows["2025"][key].name == "Gasoline Passenger Cars, 2005"
    assert "mobile-combustion/gasoline-heavy-duty-vehicles/up-to-1980/ch4-per-vehicle-mile" in rows["2025"]


def test_kraft_liquors_have_figures_per_energy_only(readings: dict[str, Reading]) -> None:
    empty = [refusal for refusal in readings["2025"].refused if refusal.reason == "empty cell"]
    liquors = [f"Emission Factors Hub!{column}{row}" for row in range(85, 90) for column in "DHIJ"]
    assert [refusal.place for refusal in empty] == liquors


def test_peat_under_biomass_is_not_biogenic(rows: dict[str, dict[str, Factor]]) -> None:
    peat = rows["2025"]["stationary-combustion/peat/co2-per-mmbtu"]
    assert (peat.category, peat.biogenic) == ("biomass-fuels-solid", False)
    assert "Table 1.1" in peat.note


def test_co2_of_biomass_is_biogenic_and_its_other_gases_are_not(rows: dict[str, dict[str, Factor]]) -> None:
    biogenic = {row.activity.rpartition("/")[2] for row in rows["2025"].values() if row.biogenic}
    assert biogenic == {
        *("agricultural-byproducts", "solid-byproducts", "wood-and-wood-residuals"),
        *("landfill-gas", "other-biomass-gases"),
        *("biodiesel-100", "ethanol-100", "rendered-animal-fat", "vegetable-oil"),
        *("north-american-softwood", "north-american-hardwood", "bagasse", "bamboo", "straw"),
    }
    assert all(row.gas == "CO2" for row in rows["2025"].values() if row.biogenic)


def test_float_noise_is_rounded_and_the_cell_kept(rows: dict[str, dict[str, Factor]]) -> None:
    row = rows["2025"]["stationary-combustion/blast-furnace-gas/ch4-per-mmbtu"]
    assert (row.value, row.cell_text) == (Decimal("0.022"), "0.022000000000000002")


def test_zeros_that_are_text_are_numbers(rows: dict[str, dict[str, Factor]]) -> None:
    row = rows["2024"]["business-travel/bus/ch4-per-passenger-mile"]
    assert (row.value, row.cell_text) == (Decimal(0), "0 ")


def test_footnote_marks_are_no_part_of_a_name(rows: dict[str, dict[str, Factor]]) -> None:
    names = {row.name for v in VINTAGES for row in rows[v].values()}
    assert {"Passenger Car", "Light-Duty Truck", "Bus"} <= names
    assert {"Aluminum Cans, Recycled", "Aluminum Cans, Landfilled", "Food Waste, Composted"} <= names
    assert not {"Passenger Car A", "Light-Duty Truck B", "Aluminum Cans, RecycledA"} & names
    assert "Agricultural Equipment, Diesel Equipment" in names
    assert "Transit Rail (i.e. Subway, Tram)" in names
    # capitals that belong to the name stay
    assert {"HDPE, Landfilled", "R-404A", "Mobile-Combustion"} - names == {"Mobile-Combustion"}


def test_the_edition_of_2025_carries_egrid_2023(rows: dict[str, dict[str, Factor]]) -> None:
    years = {v: {r.data_year for k, r in rows[v].items() if k.startswith("electricity/")} for v in VINTAGES}
    assert years == {"2023": {2021}, "2024": {2022}, "2025": {2023}}
    assert {row.publication_year for row in rows["2025"].values()} == {2025}
    assert {row.reporting_year for row in rows["2025"].values()} == {None}


def test_non_baseload_rates_are_for_projects_and_never_for_inventories(rows: dict[str, dict[str, Factor]]) -> None:
    for vintage in VINTAGES:
        grid = [row for key, row in rows[vintage].items() if key.startswith("electricity/")]
        assert Counter((row.permitted_use, row.scope, row.scope2_method) for row in grid) == {
            ("inventory", "2", "location-based"): 84,
            ("project", "", ""): 84,
        }
        assert all(("non-baseload" in row.key) == (row.permitted_use == "project") for row in grid)


def test_gross_loss_is_not_a_factor(readings: dict[str, Reading]) -> None:
    losses = [r for r in readings["2025"].refused if r.reason == "grid gross loss, not a factor"]
    assert len(losses) == 28
    assert losses[0].text == "0.041"


def test_regions_are_egrid_subregions_and_the_country(rows: dict[str, dict[str, Factor]]) -> None:
    regions = [{r.region for k, r in rows[v].items() if k.startswith("electricity/")} for v in VINTAGES]
    assert regions[0] == regions[1] == regions[2]
    assert len(regions[0]) == 28
    assert {"US", "CAMX", "PRMS"} <= regions[0]
    names = {rows[v]["electricity/total-output/camx/co2-per-mwh"].region_name for v in VINTAGES}
    assert names == {"WECC California"}  # "CAMX (WECC California)" in 2023


def test_2023_is_on_ar4_and_the_later_editions_on_ar5(rows: dict[str, dict[str, Factor]]) -> None:
    bases = {v: {row.gwp_set for row in rows[v].values() if row.kind == "gwp"} for v in VINTAGES}
    assert bases == {"2023": {"AR4GWP100"}, "2024": {"AR5GWP100"}, "2025": {"AR5GWP100"}}
    methane = {v: rows[v]["gwp/ch4/gwp-100"].value for v in VINTAGES}
    assert methane == {"2023": Decimal(25), "2024": Decimal(28), "2025": Decimal(28)}


def test_a_gwp_label_that_does_not_fit_the_printed_value_is_refused(published: dict[str, Path]) -> None:
    wrong = dataclasses.replace(EDITIONS["2025"], gwp_set="AR4GWP100")
    with pytest.raises(LayoutError, match=r"a GWP of CH4 on AR4GWP100 above Table 1; found 28\. The file is not read"):
        reader("epa_ghg_hub")(wrong, {NAME.format("2025"): published["2025"]})


def test_waste_is_on_ar4_in_every_edition(rows: dict[str, dict[str, Factor]]) -> None:
    for vintage in VINTAGES:
        waste = [row for key, row in rows[vintage].items() if key.startswith("waste/")]
        assert {(row.gas, row.gwp_set, row.unit) for row in waste} == {("CO2e", "AR4GWP100", "tCO2e/short_ton")}


def test_blends_count_ozone_depleting_parts_as_zero_and_say_so(rows: dict[str, dict[str, Factor]]) -> None:
    row = rows["2025"]["gwp/r-406a/gwp-100"]
    assert (row.value, row.kind) == (Decimal(0), "gwp")
    assert row.note == "55% HCFC-22, 41% HCFC-142b, 4% isobutane; HCFC-22 and HCFC-142b counted as zero"
    flagged = [r for r in rows["2025"].values() if r.category == "blended-refrigerants" and "as zero" in r.note]
    assert len(flagged) == 13
    assert rows["2023"]["gwp/r-500/gwp-100"].note.endswith("CFC-12 and HCFC-22 counted as zero")


def test_gases_keep_their_key_when_table_11_gets_a_second_column(rows: dict[str, dict[str, Factor]]) -> None:
    assert rows["2023"]["gwp/cf4/gwp-100"].name == "CF4"
    assert rows["2025"]["gwp/cf4/gwp-100"].name == "PFC-14, CF4"
    assert rows["2023"]["gwp/sf6/gwp-100"].unit == rows["2025"]["gwp/sf6/gwp-100"].unit == "kgCO2e/kgSF6"


def test_a_lower_bound_is_no_number(readings: dict[str, Reading]) -> None:
    refused = [r for r in readings["2023"].refused if r.reason == "a lower bound instead of a number"]
    assert [(r.text, r.place) for r in refused] == [(">7,500", "Emission Factors Hub!D536")]


def test_coals_that_changed_their_name_keep_their_key(rows: dict[str, dict[str, Factor]]) -> None:
    key = "stationary-combustion/bituminous/co2-per-mmbtu"
    assert rows["2023"][key].name == "Coal and Coke, Bituminous Coal"
    assert rows["2025"][key].name == "Coal and Coke, Bituminous"
    assert "stationary-combustion/coal-coke/co2-per-mmbtu" in rows["2023"]


def test_distances_have_units_of_their_own(rows: dict[str, dict[str, Factor]]) -> None:
    units = {row.per for key, row in rows["2025"].items() if key.startswith(("transport/", "business-travel/"))}
    assert units == {"vehicle_mile", "passenger_mile", "ton_mile"}
    # "ton-mile" of 2023 and 2024 is "short ton-mile" in 2025
    assert {rows[v]["transport/rail/co2-per-ton-mile"].unit for v in VINTAGES} == {"kgCO2/ton_mile"}
    # "g / mile" of 2023 is "g CH4 / vehicle-mile" since
    key = "mobile-combustion/buses/cng/ch4-per-vehicle-mile"
    assert {rows[v][key].unit for v in VINTAGES} == {"gCH4/vehicle_mile"}


def test_air_travel_is_taken_from_the_uk_and_without_radiative_forcing(rows: dict[str, dict[str, Factor]]) -> None:
    for vintage in VINTAGES:
        air = [row for row in rows[vintage].values() if row.radiative_forcing]
        assert len(air) == 9
        assert {(row.radiative_forcing, row.taken_from) for row in air} == {("without", "desnz")}
    # DESNZ 2022, domestic, average passenger, without RF: 0.12871 kg CO2 a passenger-kilometre (with RF 0.24455)
    short = rows["2024"]["business-travel/air-travel-short-haul/co2-per-passenger-mile"].value
    assert abs(short / Decimal("1.609344") - Decimal("0.12871")) < Decimal("0.0002")


def test_scopes_and_categories(rows: dict[str, dict[str, Factor]]) -> None:
    found = {
        (key.split("/")[0], row.scope, row.scope_category)
        for key, row in rows["2025"].items()
        if row.kind == "factor" and "non-baseload" not in key
    }
    assert found == {
        ("stationary-combustion", "1", ""),
        ("mobile-combustion-co2", "1", ""),
        ("mobile-combustion", "1", ""),
        ("electricity", "2", ""),
        ("steam-and-heat", "2", ""),
        ("transport", "3", "3.4"),
        ("waste", "3", "3.5"),
        ("business-travel", "3", "3.6"),
    }


def test_the_stray_sheet_of_2025_gives_no_rows(readings: dict[str, Reading]) -> None:
    stray = [r for r in readings["2025"].refused if r.reason == "stray sheet, not EPA's"]
    assert len(stray) == 228
    assert {r.place.partition("!")[0] for r in stray} == {"Sheet1"}
    assert not any(row.cell.startswith("Sheet1") for row in readings["2025"].rows)


def test_most_activities_have_one_path_in_all_vintages(rows: dict[str, dict[str, Factor]]) -> None:
    assert len(set(rows["2023"]) & set(rows["2024"])) == 1252
    assert len(set(rows["2024"]) & set(rows["2025"])) == 1268


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (">Table 9<", ">Table 90<", r"looked for tables 1 to 12 in their order; found tables \[1, 2"),
        ("Steam and Heat", "Steam", r"looked for Table 7 Steam and Heat; found Table 7 Steam"),
        ("mmBtu per gallon", "mmBtu per imperial gallon", r"a unit such as .* found `mmBtu per imperial gallon`"),
        ("Heat Content (HHV)", "Heat Content (LHV)", r"Table 1 Stationary Combustion: a header"),
        ("Non-Baseload Emission Factors", "Marginal Emission Factors", r"Non-Baseload Emission Factors"),
        ("AR4 GWP values", "AR6 GWP values", r"a note that says AR4 GWP"),
        ("EPA eGRID2023, January", "EPA eGRID, January", r"Source: EPA eGRID and its year"),
        ("passenger-mile", "passenger-km", r"a unit out of .* found `passenger-km`"),
        ("e / Short Ton Material", "e / Long Ton Material", r"looked for Metric Tons CO2e"),
    ],
)
def test_a_layout_that_is_not_known_is_refused(
    published: dict[str, Path], tmp_path: Path, old: str, new: str, message: str
) -> None:
    changed = altered(published["2025"], tmp_path, (old, new))
    with pytest.raises(LayoutError, match=message) as caught:
        read_copy("2025", changed)
    assert str(caught.value).startswith("epa/ghg-hub/2025: ghg-emission-factors-hub-2025.xlsx: looked for ")
    assert str(caught.value).endswith("The file is not read.")


class _Book:
    """A workbook in memory: sheets by name."""

    def __init__(self, sheets: dict[str, list[list[Any]]]) -> None:
        self.sheets = sheets
        self.sheet_names = list(sheets)

    def get_sheet_by_name(self, name: str) -> _Book:
        return _Book({name: self.sheets[name]})

    def to_python(self, *, skip_empty_area: bool) -> list[list[Any]]:
        assert not skip_empty_area
        (cells,) = self.sheets.values()
        return cells


def book(path: Path) -> _Book:
    found = epa_ghg_hub.workbook(path)
    return _Book({n: found.get_sheet_by_name(n).to_python(skip_empty_area=False) for n in found.sheet_names})


def test_a_number_that_belongs_to_no_table_is_refused(
    published: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = book(published["2024"])
    changed.sheets["Emission Factors Hub"][20][10:] = [77.0]
    monkeypatch.setattr(epa_ghg_hub, "workbook", lambda path: changed)
    with pytest.raises(LayoutError, match=r"found Emission Factors Hub!K21"):
        read_copy("2024", published["2024"])


def test_an_edition_that_does_not_say_its_gwps_is_refused(
    published: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = book(published["2024"])
    assert changed.sheets["Emission Factors Hub"][7][2] == "CH4"
    changed.sheets["Emission Factors Hub"][7] = [""] * 10
    monkeypatch.setattr(epa_ghg_hub, "workbook", lambda path: changed)
    with pytest.raises(LayoutError, match="a GWP of CH4 on AR5GWP100 above Table 1; found None"):
        read_copy("2024", published["2024"])


def test_a_further_sheet_is_refused(published: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    changed = book(published["2024"])
    changed = _Book({**changed.sheets, "Table 13": [["Fuel", "kg"]]})
    monkeypatch.setattr(epa_ghg_hub, "workbook", lambda path: changed)
    with pytest.raises(LayoutError, match="a sheet `Table 13`"):
        read_copy("2024", published["2024"])


def test_a_workbook_without_the_sheet_is_refused(published: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epa_ghg_hub, "workbook", lambda path: _Book({"Data": []}))
    with pytest.raises(LayoutError, match=r"a sheet `Emission Factors Hub`; found \['Data'\]"):
        read_copy("2024", published["2024"])
