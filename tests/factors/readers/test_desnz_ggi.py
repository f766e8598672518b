"""UK greenhouse gas inventory factors, editions 2024 and 2025: counts, checks, units, changed layouts."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading
from greenlang.units import conversion
from tests.factors.readers.desnz_files import altered, by_path, editions, published, read

EDITIONS = editions("ggi")
VINTAGES = ("2024", "2025")
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


def test_the_declared_digests_are_those_of_the_files(files: dict[str, Path]) -> None:
    for vintage, path in files.items():
        (file,) = EDITIONS[vintage].files
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        assert path.stat().st_size == file.bytes


def test_every_value_is_kept_or_refused_with_a_reason(readings: dict[str, Reading]) -> None:
    for reading in readings.values():
        assert (reading.seen, reading.kept) == (554, 498)
        assert reading.reasons() == {"a note instead of a number": 56}
        assert Counter(row.kind for row in reading.rows) == {"factor": 166, "property": 332}
        refused = Counter(refusal.text for refusal in reading.refused)
        assert set(refused) == {"[note 4]", "[note 5]", "[note 12]"}  # biomass, and natural gas by region


def test_mass_volume_and_energy_agree(rows: Rows) -> None:
    """CO2 = carbon x 44/12; CO2 a tonne = CO2 a TJ (net) x NCV; NCV = GCV x ratio: the columns have these units."""
    for table in rows.values():
        compared = 0
        for path, row in table.items():
            base, _, quantity = path.rpartition("/")
            if quantity in {"co2-per-tonne", "co2-per-therm"}:
                carbon = table[f"{base}/{quantity.replace('co2', 'carbon')}"]
                assert abs(carbon.value * 44 / 12 / row.value - 1) < Decimal("1e-6")
                net = table[f"{base}/co2-per-tj-net"]
                if quantity == "co2-per-tonne":
                    heat = table[f"{base}/heat-content-net-per-tonne"]
                    found = net.value * heat.value * conversion("tCO2/TJ*GJ/t", row.unit)[0]
                else:
                    ratio = table[f"{base}/net-per-gross-energy"]
                    found = net.value * ratio.value * conversion(net.unit, row.unit)[0]
                assert abs(found / row.value - 1) < Decimal("1e-5")
                compared += 1
            elif quantity.startswith("heat-content-net-per") and "sm3" not in quantity:
                gross = table[f"{base}/{quantity.replace('net', 'gross')}"]
                assert abs(gross.value * table[f"{base}/net-per-gross-energy"].value / row.value - 1) < Decimal("1e-3")
        assert compared == 59


def test_kt_per_mtherm_is_kg_per_therm_on_gross_calorific_value(rows: Rows) -> None:
    row = rows["2025"]["all-petroleum-refining/lpg/co2-per-therm"]
    assert (row.unit, row.calorific_basis, row.gas) == ("kgCO2/EC_therm", "HHV", "CO2")
    tonne = rows["2025"]["power-stations/coal/co2-per-tonne"]
    assert (tonne.unit, tonne.calorific_basis, tonne.scope, tonne.boundary) == ("kgCO2/t", "", "1", "TTW")
    assert tonne.value == Decimal("2213.326038")  # 2213.33 in the conversion factors of 2025


def test_the_conversion_factors_are_made_from_the_inventory_of_two_years_before(rows: Rows, shared: Path) -> None:
    """Why `desnz/conversion-factors/2025` has the data year 2023: its coal is that of the inventory's 2023 data."""
    flat = editions("conversion-factors")
    for vintage in VINTAGES:
        coal = by_path(read(flat[vintage], published(flat[vintage], shared)))[
            "fuels/solid-fuels/coal-electricity-generation/of-co2/co2e-per-tonne"
        ]
        inventory = rows[vintage]["power-stations/coal/co2-per-tonne"]
        assert round(inventory.value, 2) == coal.value
        assert coal.data_year == inventory.data_year == int(vintage) - 2


def test_regional_gas_is_per_cubic_metre_at_15_degrees(rows: Rows) -> None:
    for vintage, year in (("2024", 2023), ("2025", 2024)):
        zones = [row for path, row in rows[vintage].items() if path.startswith("natural-gas/")]
        assert len(zones) == 16 * 5
        assert {row.data_year for row in zones} == {year}
        assert {row.unit for row in zones} == {"tCO2/TJ", "gCO2/Sm3", "MJ/Sm3"}
    row = rows["2024"]["natural-gas/ea/co2-per-sm3"]
    assert (row.value, row.region_name) == (Decimal("1998.6"), "Eastern")


def test_zones_are_no_countries(rows: Rows) -> None:
    """NO, SE, NE, SO and SC are zones here and ISO codes of Norway, Sweden, Niger, Somalia and Seychelles."""
    regions = {row.region for row in rows["2025"].values()}
    assert {"GB", "GB-LDZ-NO", "GB-LDZ-SE", "GB-LDZ-STORNOWAY"} <= regions
    assert all(region == "GB" or region.startswith("GB-LDZ-") for region in regions)


def test_the_unburnt_share_is_no_percentage_though_its_header_says_so(rows: Rows) -> None:
    for table in rows.values():
        share = table["unburnt-carbon/coal/power-stations/unburnt-carbon-share"]
        oxidised = table["power-stations/coal/oxidation-factor"]
        assert abs(share.value + oxidised.value - 1) < Decimal("1e-12")
        assert (share.unit, share.kind) == ("1", "property")
        assert "never correct them again" in share.note


def test_industry_and_fuel_keep_their_path_when_the_sector_codes_change(rows: Rows) -> None:
    assert len(rows["2024"].keys() & rows["2025"].keys()) == 484
    old, new = (rows[v]["power-stations/coal/co2-per-tonne"].category for v in VINTAGES)
    assert (old, new) == ("1a1a-public-electricity-heat-production", "1a1ai-public-electricity-generation")
    # one fuel became two in 2025 (note 19): not the same figure under one key
    assert "power-stations/msw/co2-per-tonne" not in rows["2025"]
    assert "agriculture-forestry-fishing-stationary-all/gas-oil/co2-per-tonne" in rows["2025"]


def test_footnotes_reach_the_row(rows: Rows) -> None:
    row = rows["2025"]["cement-industry/scrap-tyres/co2-per-tonne"]
    assert row.name.endswith("Cement Industry, Scrap tyres")
    assert row.note == "adjusted for the biomass in the tyres"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<t>GCV Units</t>", "<t>GCV unit</t>", "looked for Emission_Factors_&CVs with the header CRT Category"),
        ("<t>kt C per Mt fuel consumed</t>", "<t>t C per Mt</t>", "looked for kt C per Mt or Mtherm"),
        ("<t>MJ/m3</t>", "<t>MJ/Nm3</t>", "looked for kt C per Mt or Mtherm, GJ/tonne or MJ/m3"),
        ("<t>LDZ abbreviation</t>", "<t>LDZ</t>", "looked for Regional_Natural_Gas_Data with the header"),
    ],
)
def test_a_changed_workbook_is_refused(
    files: dict[str, Path], tmp_path: Path, old: str, new: str, message: str
) -> None:
    copy = altered(files["2025"], tmp_path, (old, new))
    with pytest.raises(LayoutError) as raised:
        read(EDITIONS["2025"], copy)
    assert message.replace("&CVs", "&_CVs") in str(raised.value)


def test_a_missing_sheet_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    copy = altered(files["2025"], tmp_path, ('name="References"', 'name="Sources"'), entry="xl/workbook.xml")
    with pytest.raises(LayoutError, match=r"looked for the sheets Cover, .*References; found Cover, .*Sources"):
        read(EDITIONS["2025"], copy)


def test_the_edition_of_another_year_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(LayoutError, match="looked for Emission_Factors_&_CVs with the header IPCC 2006 Sector"):
        read(EDITIONS["2024"], files["2025"])
    with pytest.raises(LayoutError, match="looked for edition 2024 or 2025; found 2026"):
        read(dataclasses.replace(EDITIONS["2025"], vintage="2026"), files["2025"])
