"""UK conversion factors, flat files 2019 to 2025: counts, the publisher's checks, one test for every trap."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import globalwarmingpotentials
import pytest

from greenlang._paths import data
from greenlang.factors.embedded import cell_value, gas_name, read_embedded
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading
from greenlang.factors.readers._base import csv_rows, workbook
from greenlang.units import conversion
from tests.factors.readers.desnz_files import altered, by_path, editions, published, read

EDITIONS = editions("conversion-factors")
VINTAGES = ("2019", "2020", "2021", "2022", "2024", "2025")
Rows = dict[str, dict[str, Factor]]


@pytest.fixture(scope="module")
def files(shared: Path) -> dict[str, Path]:
    return {vintage: published(EDITIONS[vintage], shared) for vintage in VINTAGES}


@pytest.fixture(scope="module")
def readings(files: dict[str, Path]) -> dict[str, Reading]:
    return {vintage: read(EDITIONS[vintage], files[vintage]) for vintage in VINTAGES}


@pytest.fixture(scope="module")
def rows(readings: dict[str, Reading]) -> Rows:
    return {vintage: by_path(reading) for vintage, reading in readings.items()}


def refused(reading: Reading, reason: str) -> list[str]:
    return [refusal.place for refusal in reading.refused if refusal.reason == reason]


# What stands in the catalogue


def test_every_vintage_is_declared_and_2025_is_the_latest() -> None:
    assert tuple(EDITIONS) == VINTAGES
    assert [vintage for vintage, edition in EDITIONS.items() if edition.latest] == ["2025"]
    assert {edition.redistribution for edition in EDITIONS.values()} == {"open"}


def test_the_declared_digests_are_those_of_the_files(files: dict[str, Path]) -> None:
    for vintage, path in files.items():
        (file,) = EDITIONS[vintage].files
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        assert path.stat().st_size == file.bytes


def test_reporting_publication_and_data_year_are_three_years(rows: Rows) -> None:
    diesel = "fuels/liquid-fuels/diesel-average-biofuel-blend/co2e-per-litre"
    years = {v: (rows[v][diesel].data_year, rows[v][diesel].publication_year) for v in VINTAGES}
    assert years["2019"] == (2017, 2020)  # version 1.03 of July 2020
    assert years["2021"] == (2019, 2022)  # corrected in January 2022
    assert years["2025"] == (2023, 2025)
    assert all(row.reporting_year == int(v) for v in VINTAGES for row in rows[v].values())
    # not made anew each year: no year of data
    assert rows["2025"]["hotel-stay/france/co2e-per-room-night"].data_year is None
    assert rows["2025"]["refrigerant-other/r404a/gwp-100"].data_year is None


# Counts


@pytest.mark.parametrize(
    ("vintage", "seen", "kept", "reasons", "kinds"),
    [
        ("2019", 6990, 6163, {"empty cell": 825, "only an upper limit (< 1)": 2}, (2335, 3741, 0, 87, 0)),
        (
            "2020",
            7509,
            6586,
            {
                "empty cell": 920,
                "no gas and no unit of energy beside the value": 1,
                "only an upper limit (< 1)": 2,
            },
            (2312, 3741, 0, 87, 446),
        ),
        (
            "2021",
            7605,
            6730,
            {
                "empty cell": 872,
                "no gas and no unit of energy beside the value": 1,
                "only an upper limit (< 1)": 2,
            },
            (2393, 3804, 0, 87, 446),
        ),
        ("2022", 8037, 6895, {"empty cell": 1138, "only an upper limit (< 1)": 4}, (2272, 4026, 2, 164, 431)),
        (
            "2024",
            8809,
            7029,
            {"empty cell": 1711, "scratch sheet that is not the publisher's": 69},
            (2311, 4099, 2, 166, 451),
        ),
        ("2025", 8740, 7029, {"empty cell": 1711}, (2311, 4099, 2, 166, 451)),
    ],
)
def test_every_value_is_kept_or_refused_with_a_reason(
    readings: dict[str, Reading],
    vintage: str,
    seen: int,
    kept: int,
    reasons: dict[str, int],
    kinds: tuple[int, ...],
) -> None:
    reading = readings[vintage]
    assert (reading.seen, reading.kept, reading.reasons()) == (seen, kept, reasons)
    assert seen == kept + sum(reasons.values())
    counted = Counter(row.kind for row in reading.rows)
    assert tuple(counted[kind] for kind in ("factor", "gas-part", "stage", "gwp", "property")) == kinds


def test_factors_with_a_kg_unit_are_as_many_as_the_provenance_counts(readings: dict[str, Reading]) -> None:
    factors = [row for reading in readings.values() for row in reading.rows if row.kind != "property"]
    assert (len(factors), sum(row.value != 0 for row in factors)) == (38_207, 37_278)


# The publisher's checks


def test_uk_electricity_is_the_published_series(rows: Rows) -> None:
    path = "uk-electricity/electricity-generated/electricity-uk/co2e-per-kwh"
    wanted = ("0.2556", "0.23314", "0.21233", "0.19338", "0.20705", "0.177")
    assert [rows[v][path].value for v in VINTAGES] == [Decimal(text) for text in wanted]
    row = rows["2025"][path]
    assert (row.scope, row.scope2_method, row.region, row.unit) == ("2", "location-based", "GB", "kgCO2e/kWh")


def test_the_gases_sum_to_the_total(readings: dict[str, Reading]) -> None:
    for reading in readings.values():
        rows = {row.key: row for row in reading.rows}
        parts: dict[str, list[Factor]] = {}
        for row in reading.rows:
            if row.kind == "gas-part" and row.gas == "CO2e":
                parts.setdefault(row.part_of, []).append(row)
        checked = 0
        for key, found in parts.items():
            assert len(found) == 3
            total = rows[key].value
            assert abs(sum(row.value for row in found) - total) <= max(Decimal("0.00003"), total * Decimal("0.0001"))
            checked += 1
        assert checked > 1200


def test_the_hand_entered_2025_figures_are_those_of_the_file(readings: dict[str, Reading]) -> None:
    cells = {row.cell: row for row in readings["2025"].rows}
    entered = [r for r in read_embedded(data() / "emission_factors") if r.publisher == "desnz"]
    assert len(entered) > 60
    for row in entered:
        found = cells[row.cell]
        assert (found.value, found.gwp_set, found.scope) == (row.value, row.gwp_set, row.scope)
        assert conversion(found.unit, row.unit)[0] == 1


def test_mass_and_volume_units_convert(rows: Rows) -> None:
    t = rows["2025"]
    assert conversion(t["water-supply/co2e-per-million-litres"].unit, "kgCO2e/m^3")[0] == Decimal("0.001")
    assert t["homeworking/heating/co2e-per-fte-working-hour"].unit == "kgCO2e/person_hour"
    assert t["hotel-stay/uk/co2e-per-room-night"].unit == "kgCO2e/room_night"
    assert t["freighting-goods/rail/freight-train/co2e-per-tonne-km"].unit == "kgCO2e/tonne_km"


# Traps


def test_trap_header_on_row_5_6_or_1(readings: dict[str, Reading]) -> None:
    first = {v: min(row.source_row or 0 for row in reading.rows) for v, reading in readings.items()}
    assert first == {"2019": 6, "2020": 6, "2021": 6, "2022": 2, "2024": 7, "2025": 7}


def test_trap_id_column_from_2024_only(readings: dict[str, Reading]) -> None:
    with_id = {v: sum(row.note.startswith("ID ") for row in reading.rows) for v, reading in readings.items()}
    assert with_id == {"2019": 0, "2020": 0, "2021": 0, "2022": 0, "2024": 7029, "2025": 7029}


def test_trap_kg_ch4_is_already_kg_co2e(rows: Rows, files: dict[str, Path]) -> None:
    """The public slip: diesel of 2.57 kg CO2e a litre becomes 11.26 where CH4 and N2O are multiplied by GWP again."""
    for vintage in VINTAGES:
        total = rows[vintage]["fuels/liquid-fuels/diesel-average-biofuel-blend/co2e-per-litre"]
        parts = [
            rows[vintage][f"fuels/liquid-fuels/diesel-average-biofuel-blend/of-{gas}/co2e-per-litre"]
            for gas in ("co2", "ch4", "n2o")
        ]
        assert abs(sum(p.value for p in parts) - total.value) <= Decimal("0.00002")
        for part in parts:
            assert (part.gas, part.kind, part.part_of, part.unit) == ("CO2e", "gas-part", total.key, "kgCO2e/litre")
    assert rows["2025"]["fuels/liquid-fuels/diesel-average-biofuel-blend/co2e-per-litre"].value == Decimal("2.57082")
    labels = {v: _labels(files[v]) for v in ("2021", "2022", "2024")}
    assert "kg CH4" in labels["2021"]
    assert "kg CO2e of CH4" in labels["2022"]
    assert "kg CO2e of CH4 per unit" in labels["2024"]


def _labels(path: Path) -> set[str]:
    if path.suffix == ".csv":
        return {line[7] for line in csv_rows(path)}
    return {str(c) for line in workbook(path).get_sheet_by_name("Factors by Category").to_python() for c in line[8:9]}


def test_trap_secr_kwh_rows_are_properties_not_factors(rows: Rows) -> None:
    """Energy for a distance: kept, since SECR asks for kWh, but never as emissions."""
    for vintage in VINTAGES:
        secr = [row for path, row in rows[vintage].items() if path.startswith("secr-kwh")]
        assert bool(secr) == (vintage != "2019")
        for row in secr:
            assert (row.kind, row.gas, row.gwp_set) == ("property", "", "")
            assert row.unit in {"kWh/vehicle_km", "kWh/vehicle_mile", "kWh/tonne_km"}
        assert not [row for row in rows[vintage].values() if row.kind == "property" and row not in secr]
    fuel = rows["2025"]["secr-kwh-pass-delivery-vehs/cars-by-size/average-car/diesel/kwh-net-per-vehicle-km"]
    assert (fuel.value, fuel.calorific_basis) == (Decimal("0.66887"), "LHV")
    plug = "secr-kwh-uk-electricity-for-evs/cars-by-size/average-car/battery-electric-vehicle/kwh-per-vehicle-km"
    # labelled kWh in 2020 and 2021, kWh (net) after: electricity has no calorific basis
    assert [rows[v][plug].calorific_basis for v in VINTAGES[1:]] == [""] * 5


def test_trap_one_gas_is_a_backtick(readings: dict[str, Reading]) -> None:
    reason = "no gas and no unit of energy beside the value"
    assert refused(readings["2020"], reason) == ["Factors by Category!K7501"]
    assert refused(readings["2021"], reason) == ["Factors by Category!K7598"]


def test_trap_values_below_one_are_no_numbers(readings: dict[str, Reading], rows: Rows) -> None:
    assert {v: len(refused(readings[v], "only an upper limit (< 1)")) for v in VINTAGES} == {
        "2019": 2,
        "2020": 2,
        "2021": 2,
        "2022": 4,
        "2024": 0,
        "2025": 0,
    }
    assert "refrigerant-other/r1234yf/gwp-100" not in rows["2022"]
    assert rows["2025"]["refrigerant-other/r1234yf/gwp-100"].value == 1


def test_trap_the_xls_of_2021_opens(readings: dict[str, Reading]) -> None:
    assert readings["2021"].kept == 6730


def test_trap_ar4_through_2022_and_ar5_after(readings: dict[str, Reading]) -> None:
    for vintage, reading in readings.items():
        wanted = "AR4GWP100" if vintage <= "2022" else "AR5GWP100"
        assert {row.gwp_set for row in reading.rows if row.gas == "CO2e"} == {wanted}
    methane = {v: by_path(readings[v])["refrigerant-other/methane/gwp-100"].value for v in VINTAGES}
    assert methane == {"2019": 25, "2020": 25, "2021": 25, "2022": 25, "2024": 28, "2025": 28}


def test_trap_the_scratch_sheets_of_2024_are_counted_and_not_read(readings: dict[str, Reading]) -> None:
    places = refused(readings["2024"], "scratch sheet that is not the publisher's")
    assert Counter(place.partition("!")[0] for place in places) == {"Sheet1": 67, "Sheet2": 2}
    assert {row.cell.partition("!")[0] for row in readings["2024"].rows} == {"Factors by Category"}


def test_trap_biogenic_co2_is_outside_of_scopes_and_no_part_of_a_total(readings: dict[str, Reading]) -> None:
    for vintage, count in (("2019", 32), ("2024", 56), ("2025", 56)):
        outside = [row for row in readings[vintage].rows if row.biogenic]
        assert len(outside) == count
        for row in outside:
            assert (row.gas, row.gwp_set, row.scope, row.part_of, row.kind) == ("CO2", "", "", "", "factor")
            assert row.unit.startswith("kgCO2/")
    rounded = [row for row in readings["2025"].rows if row.biogenic and row.value == round(row.value, 2)]
    assert len(rounded) == 51  # of 56: two decimals at most


def test_trap_bioenergy_is_ch4_and_n2o_alone(rows: Rows) -> None:
    row = rows["2025"]["bioenergy/biomass/wood-pellets/co2e-per-tonne"]
    assert (row.gas, row.biogenic, row.scope) == ("CO2e", False, "1")
    assert "CO2 of biomass stands under" in row.note
    assert rows["2025"]["outside-of-scopes/biomass/wood-pellets/co2-per-tonne"].value == Decimal("1677.18")


def test_trap_flights_with_and_without_radiative_forcing(readings: dict[str, Reading]) -> None:
    for vintage in VINTAGES:
        air = [row for row in readings[vintage].rows if row.category == "business-travel-air"]
        assert Counter(row.radiative_forcing for row in air) == {"with": 56, "without": 56}
        assert {row.scope_category for row in air} == {"3.6"}
        others = [r for r in readings[vintage].rows if r.radiative_forcing and "flights" not in r.key]
        assert not others


def test_trap_homeworking_total_beside_its_parts(rows: Rows) -> None:
    for vintage in ("2022", "2024", "2025"):
        found = {k.split("/")[1]: r for k, r in rows[vintage].items() if k.startswith("homeworking/")}
        total = found.pop("homeworking-office-equipment-plus-heating")
        assert (total.kind, total.part_of, total.scope_category) == ("factor", "", "3.7")
        assert {(row.kind, row.part_of) for row in found.values()} == {("stage", total.key)}
        assert abs(sum(row.value for row in found.values()) - total.value) <= Decimal("0.00001")


def test_trap_ids_are_kept_where_the_text_changed(readings: dict[str, Reading], files: dict[str, Path]) -> None:
    old, new = ({row.note.split(";")[0]: row for row in readings[v].rows} for v in ("2024", "2025"))
    assert old.keys() == new.keys()
    assert all(old[i].activity == new[i].activity for i in old)
    assert sum(old[i].name != new[i].name for i in old) == 30
    # among the lines without a value too: 42
    texts = [{line[0]: line[1:9] for line in _lines(files[v])} for v in ("2024", "2025")]
    changed = [i for i in texts[0] if texts[0][i] != texts[1][i]]
    assert len(changed) == 42
    assert {(texts[0][i][5], texts[1][i][5]) for i in changed} == {("Combustion", "Incineration with Energy Recovery")}


def _lines(path: Path) -> list[list[str]]:
    cells = workbook(path).get_sheet_by_name("Factors by Category").to_python()
    return [[str(c) for c in line] for line in cells if str(line[0])[:1].isdigit()]


# Paths, units and meanings


def test_an_activity_has_the_same_path_in_every_vintage(rows: Rows) -> None:
    in_all = set.intersection(*(set(paths) for paths in rows.values()))
    assert len(in_all) == 5942
    for path in (
        "fuels/gaseous-fuels/natural-gas/co2e-per-kwh-gross",  # Column Text "Energy - Gross CV" to 2021
        "wtt-fuels/gaseous-fuels/natural-gas/co2e-per-m3",  # Level 2 "WTT- gaseous fuels" to 2021
        "managed-assets-vehicles/managed-cars-by-size/small-car/petrol/co2e-per-vehicle-km",  # Level 4 "0.0" to 2021
        "heat-and-steam/district-heat-and-steam/co2e-per-kwh",  # Level 4 "2020" in 2022, "kWh" from 2024
        "wtt-uk-electricity/wtt-uk-electricity-generation/electricity-uk/co2e-per-kwh",  # "WTT- UK & overseas elec"
        "wtt-business-travel-air/wtt-flights/domestic-to-from-uk/average-passenger/with-rf/co2e-per-passenger-km",
        "uk-electricity-for-evs/cars-by-size/small-car/battery-electric-vehicle/co2e-per-vehicle-km",  # "for Evs"
        "waste-disposal/construction/wood/incineration-with-energy-recovery/co2e-per-tonne",  # "Combustion"
        "hotel-stay/korea/co2e-per-room-night",  # "South Korea" to 2020
        "refrigerant-other/r403a/gwp-100",  # "Kyoto protocol- blends" to 2021
        "freighting-goods/sea-tanker/crude-tanker/10000-59999-dwt/co2e-per-tonne-km",  # a dash, a comma
    ):
        assert path in in_all


def test_words_that_may_mean_another_thing_stay_apart(rows: Rows) -> None:
    assert "bioenergy/biofuel/biodiesel/co2e-per-litre" in rows["2020"]
    assert "bioenergy/biofuel/biodiesel/co2e-per-litre" not in rows["2021"]
    assert "bioenergy/biofuel/biodiesel-me/co2e-per-litre" in rows["2021"]


def test_gross_and_net_calorific_value_are_hhv_and_lhv(rows: Rows) -> None:
    gas = "fuels/gaseous-fuels/natural-gas/co2e-per-kwh"
    gross, net = rows["2025"][f"{gas}-gross"], rows["2025"][f"{gas}-net"]
    assert (gross.value, gross.calorific_basis) == (Decimal("0.18296"), "HHV")
    assert (net.value, net.calorific_basis) == (Decimal("0.2027"), "LHV")
    # "All factors are on a net calorific value basis"
    assert rows["2025"]["bioenergy/biomass/wood-logs/co2e-per-kwh"].calorific_basis == "LHV"
    for path in ("uk-electricity/{}/co2e-per-kwh", "outside-of-scopes/{}/co2-per-kwh"):
        assert rows["2025"][path.format("electricity-generated/electricity-uk")].calorific_basis == ""


@pytest.mark.parametrize(
    ("path", "scope", "category", "boundary"),
    [
        ("fuels/liquid-fuels/gas-oil/co2e-per-litre", "1", "", "TTW"),
        ("wtt-fuels/liquid-fuels/gas-oil/co2e-per-litre", "3", "3.3", "WTT"),
        ("transmission-and-distribution/t-d-uk-electricity/electricity-uk/co2e-per-kwh", "3", "3.3", "T&D"),
        ("wtt-uk-electricity/wtt-uk-electricity-t-d/electricity-uk/co2e-per-kwh", "3", "3.3", "WTT-T&D"),
        ("wtt-uk-electricity/wtt-uk-electricity-generation/electricity-uk/co2e-per-kwh", "3", "3.3", "WTT"),
        ("wtt-heat-and-steam/wtt-district-heat-steam-distribution/5-percent-loss/co2e-per-kwh", "3", "3.3", "WTT-T&D"),
        ("material-use/construction/concrete/primary-material-production/co2e-per-tonne", "3", "3.1", "cradle-to-gate"),
        ("waste-disposal/other/glass/landfill/co2e-per-tonne", "3", "3.5", ""),
        ("water-supply/co2e-per-m3", "3", "3.1", ""),
        ("water-treatment/co2e-per-m3", "3", "3.5", ""),
        ("business-travel-land/rail/national-rail/co2e-per-passenger-km", "3", "3.6", ""),
        ("wtt-pass-vehs-travel-land/wtt-rail/national-rail/co2e-per-passenger-km", "3", "3.6", "WTT"),
        ("wtt-pass-vehs-travel-land/wtt-motorbike/average/co2e-per-vehicle-km", "3", "", "WTT"),  # 3.3 or 3.6
        ("freighting-goods/rail/freight-train/co2e-per-tonne-km", "3", "3.4", ""),
        ("freighting-goods/cargo-ship/bulk-carrier/average/co2e-per-tonne-km", "3", "3.4", "TTW"),
        ("passenger-vehicles/motorbike/average/co2e-per-vehicle-mile", "1", "", "TTW"),
    ],
)
def test_scope_category_and_boundary(rows: Rows, path: str, scope: str, category: str, boundary: str) -> None:
    row = rows["2025"][path]
    assert (row.scope, row.scope_category, row.boundary) == (scope, category, boundary)


def test_electric_cars_of_others_hold_grid_and_losses_and_say_so(rows: Rows) -> None:
    tail = "cars-by-size/average-car/battery-electric-vehicle/co2e-per-vehicle-km"
    for vintage in VINTAGES:
        t = rows[vintage]
        whole = t[f"business-travel-land/{tail}"]
        grid, losses = t[f"uk-electricity-for-evs/{tail}"], t[f"uk-electricity-t-d-for-evs/{tail}"]
        assert abs(whole.value - grid.value - losses.value) <= Decimal("0.00002")
        assert (whole.boundary, losses.boundary, grid.scope2_method) == ("", "T&D", "location-based")
        assert "do not add" in whole.note
        assert t[f"passenger-vehicles/{tail}"].value == 0
        assert "fuel alone" in t[f"passenger-vehicles/{tail}"].note


def test_refrigerants_are_gwps_with_their_gas_and_their_parts(rows: Rows) -> None:
    t = rows["2025"]
    blend = t["refrigerant-other/r403a/gwp-100"]
    assert (blend.kind, blend.gas, blend.value, blend.unit) == ("gwp", "R-403A", 3100, "kgCO2e/kg")
    parts = [t[f"refrigerant-other/r403a/{part}/gwp-100"] for part in ("kyoto-products", "non-kyoto-products")]
    assert sum(part.value for part in parts) == blend.value
    assert {(part.kind, part.part_of) for part in parts} == {("gas-part", blend.key)}
    # to 2021 one figure, the total
    assert rows["2021"]["refrigerant-other/r403a/gwp-100"].value == 3124
    assert t["refrigerant-other/methane/gwp-100"].unit == "kgCO2e/kgCH4"
    assert t["refrigerant-other/hfc-43-i0mee/gwp-100"].gas == "HFC-43-10mee"  # the file has the letter I
    assert t["refrigerant-other/r290-propane/gwp-100"].gwp_set == "unstated"
    assert {row.region for path, row in t.items() if path.startswith("refrigerant-other/")} == {""}


@pytest.mark.parametrize(("vintage", "column", "least"), [("2021", "AR4GWP100", 55), ("2025", "AR5GWP100", 65)])
def test_gwps_of_pure_gases_are_those_of_the_ipcc(rows: Rows, vintage: str, column: str, least: int) -> None:
    """Witness: the CSV of `globalwarmingpotentials`. 2022 is left out: it prints 9 for 8.7 (CH2Cl2)."""
    ipcc = {gas_name(name): cell_value(repr(value)) for name, value in globalwarmingpotentials.data[column].items()}
    ours = {row.gas: row.value for row in rows[vintage].values() if row.kind == "gwp" and row.gas in ipcc}
    assert len(ours) >= least
    assert ours == {gas: ipcc[gas] for gas in ours}


def test_overseas_electricity_and_hotels_have_their_country(rows: Rows) -> None:
    overseas = [row for path, row in rows["2020"].items() if path.startswith("wtt-uk-overseas-elec/")]
    assert len(overseas) == 122
    assert {row.boundary for row in overseas} == {"WTT", "WTT-T&D"}
    names = {row.region_name: row.region for row in overseas}
    assert (names["France"], names["Chinese Taipei"], names["EU (average)"]) == ("FR", "TW", "EU")
    hotels = {row.region_name: row.region for path, row in rows["2025"].items() if path.startswith("hotel-stay/")}
    assert len(hotels) == 39
    assert (hotels["Korea"], hotels["UK"], hotels["UK (London)"], hotels["Turkey"]) == ("KR", "GB", "GB-LONDON", "TR")


def test_float_noise_is_gone_and_the_cell_is_kept(rows: Rows, files: dict[str, Path]) -> None:
    row = rows["2025"]["passenger-vehicles/motorbike/medium/co2e-per-vehicle-km"]
    assert (row.value, row.cell_text) == (Decimal("0.10107"), "0.10107000000000001")
    assert (row.cell, row.table) == ("Factors by Category!J1868", "Factors by Category: Passenger vehicles")
    sheet = workbook(files["2025"]).get_sheet_by_name("Factors by Category").to_python(skip_empty_area=False)
    assert sheet[1867][9] == 0.10107000000000001


def test_lines_of_the_csv_are_lines_of_the_file(rows: Rows, files: dict[str, Path]) -> None:
    row = rows["2022"]["uk-electricity/electricity-generated/electricity-uk/co2e-per-kwh"]
    text = files["2022"].read_text(encoding="utf-8-sig").splitlines()[int(row.cell.removeprefix("line ")) - 1]
    assert text.startswith("Scope 2,UK electricity,Electricity generated,") and row.cell_text in text


# Layouts that are not known


def _csv(path: Path, target: Path, change: str, line: int, column: int) -> Path:
    cells = csv_rows(path)
    cells[line][column] = change
    with target.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(cells)
    return target


@pytest.mark.parametrize(
    ("line", "column", "change", "message"),
    [
        (0, 7, "Gas", "looked for the header Scope | Level_1"),
        (0, 8, "GHG_Conversion_Factor_2023", "found Scope | Level_1"),
        (7, 6, "barrels", "looked for a unit such as tonnes; found `barrels`"),
        (7, 7, "g CO2e", "looked for a label such as kg CO2e"),
        (7, 0, "Scope 4", "looked for Scope 1, 2, 3 or Outside of Scopes; found `Scope 4`"),
        (-1, 1, "", "looked for a line END"),
        (-2, 1, "END", "looked for nothing after the line END"),
    ],
)
def test_a_changed_csv_is_refused(
    files: dict[str, Path], tmp_path: Path, line: int, column: int, change: str, message: str
) -> None:
    copy = _csv(files["2022"], tmp_path / "copy.csv", change, line, column)
    with pytest.raises(LayoutError) as raised:
        read(EDITIONS["2022"], copy)
    assert message in str(raised.value)
    assert str(raised.value).endswith("The file is not read.")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<t>GHG/Unit</t>", "<t>Gas</t>", "looked for the header ID | Scope"),
        ("<t>passenger.km</t>", "<t>person-km</t>", "found `person-km`"),
        ("<t>kg CO2e of CH4 per unit</t>", "<t>kg CH4 per unit</t>", "found `passenger.km`, `kg CH4 per unit`"),
    ],
)
def test_a_changed_workbook_is_refused(
    files: dict[str, Path], tmp_path: Path, old: str, new: str, message: str
) -> None:
    copy = altered(files["2025"], tmp_path, (old, new))
    with pytest.raises(LayoutError) as raised:
        read(EDITIONS["2025"], copy)
    assert message.replace("passenger.km", "tonnes") in str(raised.value)


def test_another_sheet_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    copy = altered(files["2025"], tmp_path, ('"Factors by Category"', '"Factors"'), entry="xl/workbook.xml")
    with pytest.raises(
        LayoutError, match="looked for the sheets Front page, Factors by Category; found Front page, Fac"
    ):
        read(EDITIONS["2025"], copy)


def test_scratch_sheets_are_refused_where_none_are_declared(files: dict[str, Path]) -> None:
    edition = dataclasses.replace(EDITIONS["2024"], options={})
    with pytest.raises(LayoutError, match="found Front page, Factors by Category, Sheet1, Sheet2"):
        read(edition, files["2024"])


def test_the_file_of_another_year_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(LayoutError, match="looked for Year: 2021 on the front page; found Year: 2020"):
        read(EDITIONS["2021"], files["2020"])


def test_an_unknown_vintage_is_refused(files: dict[str, Path]) -> None:
    edition = dataclasses.replace(EDITIONS["2025"], vintage="2026")
    with pytest.raises(LayoutError, match="one of the vintages 2019, 2020, 2021, 2022, 2024, 2025; found 2026"):
        read(edition, files["2025"])
