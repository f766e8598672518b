"""eGRID rates 2018 to 2021 and the old fuel table: counts, the publisher's checks, one test for every trap."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from greenlang._paths import data
from greenlang.factors.catalogue import catalogue
from greenlang.factors.embedded import read_embedded
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader
from greenlang.units import conversion

FOLDER = "us_epa_egrid"
EDITIONS = {e.vintage: e for e in catalogue() if f"{e.publisher}/{e.dataset}" == "epa/egrid-rates"}
YEARS = ("2018", "2019", "2020", "2021")
OLD = "pre-2013"
FUELS = "co2_ch4_n2o_ef.csv"
STATES = "egrid_state_emissions_factors.csv"
SUBREGIONS = "egrid_subregion_emissions_factors.csv"


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / FOLDER


@pytest.fixture(scope="module")
def readings(folder: Path) -> dict[str, Reading]:
    return {v: reader(e.reader)(e, {f.name: folder / f.name for f in e.files}) for v, e in EDITIONS.items()}


@pytest.fixture(scope="module")
def rows(readings: dict[str, Reading]) -> dict[str, dict[str, Factor]]:
    return {v: {r.key.removeprefix(f"epa/egrid-rates/{v}/"): r for r in readings[v].rows} for v in EDITIONS}


def rate(region: str) -> str:
    return f"electricity/total-output/{region.lower()}/co2e-per-mwh"


def copy_with(folder: Path, tmp_path: Path, name: str, old: str, new: str) -> Path:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path / name


def test_every_source_value_is_kept_or_refused_with_a_reason(readings: dict[str, Reading]) -> None:
    assert {v: (r.seen, r.kept, r.reasons()) for v, r in readings.items()} == {
        "2018": (81, 79, {"Puerto Rico 2018 repeats 2019": 2}),
        "2019": (81, 81, {}),
        "2020": (81, 81, {}),
        "2021": (81, 81, {}),
        OLD: (228, 201, {"zero that stands for no factor (source: no EF)": 27}),
    }
    assert {row.kind for reading in readings.values() for row in reading.rows} == {"factor"}
    assert sum(reading.seen for reading in readings.values()) == 552


def test_the_checks_of_the_provenance_file(rows: dict[str, dict[str, Factor]]) -> None:
    assert [rows[year][rate("US")].value for year in YEARS] == [
        Decimal("952.877"),
        Decimal("889.214"),
        Decimal("822.621"),
        Decimal("857.019"),
    ]
    bituminous = rows[OLD]["fuel-combustion/bituminous/bit/co2-per-mmbtu"]
    assert bituminous.unit == "short_tonCO2/mmBtu"
    assert round(bituminous.value * conversion(bituminous.unit, "kgCO2/mmBtu")[0], 2) == Decimal("93.40")


def test_a_vintage_is_a_data_year(rows: dict[str, dict[str, Factor]]) -> None:
    assert {v: {row.data_year for row in rows[v].values()} for v in YEARS} == {v: {int(v)} for v in YEARS}
    assert {v: {row.publication_year for row in rows[v].values()} for v in YEARS} == {
        "2018": {2020},
        "2019": {2021},
        "2020": {2022},
        "2021": {2023},
    }


def test_rates_are_co2e_on_ar4(rows: dict[str, dict[str, Factor]]) -> None:
    for year in YEARS:
        found = {(r.gas, r.gwp_set, r.unit, r.scope, r.scope2_method, r.boundary) for r in rows[year].values()}
        assert found == {("CO2e", "AR4GWP100", "lbCO2e/MWh", "2", "location-based", "TTW")}


def test_the_rates_of_2021_are_those_of_the_hub_by_gas_on_ar4(shared: Path, rows: dict[str, dict[str, Factor]]) -> None:
    hub = next(e for e in catalogue() if e.name == "epa/ghg-hub/2023")
    (file,) = hub.files
    found = reader(hub.reader)(hub, {file.name: shared / "data" / file.folder / file.name}).rows
    by_gas = {(r.region, r.gas): r.value for r in found if "/total-output/" in r.key}
    regions = {region for region, _ in by_gas}
    assert len(regions) == 28

    def mean_difference(methane: int, nitrous_oxide: int) -> Decimal:
        totals = {r: by_gas[r, "CO2"] + methane * by_gas[r, "CH4"] + nitrous_oxide * by_gas[r, "N2O"] for r in regions}
        return sum((abs(totals[r] - rows["2021"][rate(r)].value) for r in regions), Decimal(0)) / len(regions)

    # the Hub's rounding alone can move one region by 0.05 + 25 x 0.0005 + 298 x 0.0005 = 0.21 lb/MWh
    assert mean_difference(25, 298) < Decimal("0.1") < mean_difference(28, 265)


def test_states_are_iso_3166_2_and_subregions_epas_own(rows: dict[str, dict[str, Factor]]) -> None:
    regions = {row.region for row in rows["2021"].values()}
    assert {"US", "US-CA", "US-DC", "PR", "CAMX", "PRMS", "NYST"} <= regions
    assert sum(region.startswith("US-") for region in regions) == 51
    assert rows["2021"][rate("US-AK")].value == Decimal("924.964")
    assert rows["2021"][rate("AKGD")].value == Decimal("1073.67")


def test_puerto_rico_2018_repeats_2019_and_is_refused(readings: dict[str, Reading]) -> None:
    refused = {(r.file, r.text) for r in readings["2018"].refused}
    assert refused == {(STATES, "1543.34"), (SUBREGIONS, "1543.34")}
    assert {row.region for row in readings["2019"].rows} >= {"PR", "PRMS"}
    assert not {row.region for row in readings["2018"].rows} & {"PR", "PRMS"}


def test_new_york_state_is_no_subregion(rows: dict[str, dict[str, Factor]]) -> None:
    for year in YEARS:
        row = rows[year][rate("NYST")]
        assert row.value == rows[year][rate("US-NY")].value
        assert row.note.startswith("New York State as one")


def test_the_fuel_table_is_superseded(rows: dict[str, dict[str, Factor]]) -> None:
    assert {row.status for row in rows[OLD].values()} == {"superseded"}
    assert {row.status for year in YEARS for row in rows[year].values()} == {"valid"}
    assert not EDITIONS[OLD].latest
    gas = rows[OLD]["fuel-combustion/pipeline-weighted-u.s.-average/ng/co2-per-mmbtu"]
    assert round(gas.value * conversion(gas.unit, "kgCO2/mmBtu")[0], 2) == Decimal("53.02")  # 53.06 since 2013


def test_zeros_of_fuels_without_a_factor_are_refused(readings: dict[str, Reading]) -> None:
    refused = [r for r in readings[OLD].refused if r.reason.startswith("zero")]
    assert {r.text for r in refused} == {"0"}
    assert len({r.place.split(",")[0] for r in refused}) == 9
    assert all(row.value for row in readings[OLD].rows)


def test_fuels_of_one_name_are_told_apart_by_their_code(rows: dict[str, dict[str, Factor]]) -> None:
    waste = {row.key for row in rows[OLD].values() if "municipal-solid-waste" in row.key and row.gas == "CO2"}
    assert {key.split("/")[-2] for key in waste} == {"msw", "msb", "msn"}


def test_biomass_without_a_category_is_biogenic_by_its_code_and_peat_is_not(rows: dict[str, dict[str, Factor]]) -> None:
    biogenic = {row.activity.removeprefix("fuel-combustion/") for row in rows[OLD].values() if row.biogenic}
    assert biogenic == {
        *("wood-and-wood-residuals/wds", "agricultural-byproducts/ab", "solid-byproducts"),
        *("biogas-captured-methane", "ethanol-100-percent", "biodisesel-100-percent"),
        *("rendered-animal-fat", "vegetable-oil", "municipal-solid-waste/msb"),
        *("sulphite-lyes-black-liquour/blq", "other-primary-solid-biomass/obs", "other-liquid-biofuels/obl"),
        *("landfill-gas/lfg", "other-biogas/obg", "wood-wood-waste-liquid/wdl", "sludge-waste/slw"),
    }
    assert all(row.gas == "CO2" for row in rows[OLD].values() if row.biogenic)


def test_factors_that_epa_took_from_the_ipcc_say_so(rows: dict[str, dict[str, Factor]]) -> None:
    taken = {row.activity.split("/")[1] for row in rows[OLD].values() if row.taken_from == "ipcc"}
    assert taken == {
        *("waste-oils", "sulphite-lyes-black-liquour", "other-primary-solid-biomass"),
        *("other-liquid-biofuels", "landfill-gas", "other-biogas"),
    }


def test_keys_do_not_meet_those_of_the_embedded_base(readings: dict[str, Reading]) -> None:
    embedded = {row.key for row in read_embedded(data() / "emission_factors")}
    assert not embedded & {row.key for reading in readings.values() for row in reading.rows}


@pytest.mark.parametrize(
    ("vintage", "name", "old", "new", "message"),
    [
        (
            "2021",
            STATES,
            "state,2018",
            "state,2017,2018",
            r"looked for \['subregion', '2018'.* found \['state', '2017'",
        ),
        ("2021", SUBREGIONS, "subregion", "region", r"found \['region', '2018', '2019', '2020', '2021'\]"),
        ("2021", STATES, "AK,911.985,", "AK,", r"looked for 5 columns; found 4 in line 2"),
        (OLD, FUELS, "co2_units", "units", r"found \['fuel_type', 'fuel_category', 'eia_fuel_code', 'co2_ef', 'units'"),
        (OLD, FUELS, "lbs CH4/mmBtu", "kg CH4/mmBtu", r"known units and sources of fuel factors; found line 2"),
        (OLD, FUELS, "EPA GHG MRR", "EPA AP-42", r"found line 5: .*EPA AP-42"),
    ],
)
def test_a_layout_that_is_not_known_is_refused(
    folder: Path, tmp_path: Path, vintage: str, name: str, old: str, new: str, message: str
) -> None:
    changed = copy_with(folder, tmp_path, name, old, new)
    with pytest.raises(LayoutError, match=message) as caught:
        reader("epa_egrid")(EDITIONS[vintage], {name: changed})
    assert str(caught.value).startswith(f"epa/egrid-rates/{vintage}: {name}: looked for ")


def test_an_empty_cell_is_counted(folder: Path, tmp_path: Path) -> None:
    changed = copy_with(folder, tmp_path, STATES, "AK,911.985,974.93,966.128,924.964", "AK,911.985,974.93,966.128,")
    reading = reader("epa_egrid")(EDITIONS["2021"], {STATES: changed})
    assert (reading.seen, reading.kept, reading.reasons()) == (52, 51, {"empty cell": 1})
