"""EPA supply-chain factors v1.2 and v1.3: counts, the publisher's checks, one test for every trap of the files."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader

FOLDER = "us_epa_supply_chain"
EDITIONS = {e.vintage: e for e in catalogue() if f"{e.publisher}/{e.dataset}" == "epa/supply-chain"}
BY_GAS = "SupplyChainGHGEmissionFactors_v1.2_NAICS_byGHG_USD2021.csv"
TOTALS = "SupplyChainGHGEmissionFactors_v1.2_NAICS_CO2e_USD2021.csv"
LATER = "SupplyChainGHGEmissionFactors_v1.3.0_NAICS_CO2e_USD2022.csv"
TOTAL_END = "/with-margins/co2e-per-usd"
UNSPECIFIED_END = "/of-hfcs-and-pfcs-unspecified/co2e-per-usd"
# 100-year GWPs of IPCC AR4 (WG1, Table 2.14), by what stands in the key
AR4 = {
    "co2": "1",
    "ch4": "25",
    "n2o": "298",
    "sf6": "22800",
    "nf3": "17200",
    "cf4": "7390",
    "c2f6": "12200",
    "c3f8": "8830",
    "c-c4f8": "10300",
    "hfc-23": "14800",
    "hfc-32": "675",
    "hfc-125": "3500",
    "hfc-134a": "1430",
    "hfc-143a": "4470",
    "hfc-236fa": "9810",
}


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / FOLDER


@pytest.fixture(scope="module")
def readings(folder: Path) -> dict[str, Reading]:
    return {v: reader(e.reader)(e, {f.name: folder / f.name for f in e.files}) for v, e in EDITIONS.items()}


@pytest.fixture(scope="module")
def rows(readings: dict[str, Reading]) -> dict[str, dict[str, Factor]]:
    return {v: {r.key.removeprefix(f"epa/supply-chain/{v}/"): r for r in readings[v].rows} for v in EDITIONS}


def test_every_source_value_is_kept_or_refused_with_a_reason(readings: dict[str, Reading]) -> None:
    assert (readings["v1.2"].seen, readings["v1.2"].kept, readings["v1.2"].reasons()) == (51816, 51816, {})
    assert (readings["v1.3"].seen, readings["v1.3"].kept, readings["v1.3"].reasons()) == (3048, 3048, {})


def test_kinds_are_counted_apart(readings: dict[str, Reading]) -> None:
    kinds = {v: Counter(row.kind for row in readings[v].rows) for v in EDITIONS}
    assert kinds == {
        "v1.2": {"factor": 16256, "gas-part": 1016, "stage": 34544},
        "v1.3": {"factor": 1016, "stage": 2032},
    }


def test_the_header_is_worded_in_two_ways(rows: dict[str, dict[str, Factor]], folder: Path) -> None:
    assert (folder / TOTALS).read_text().startswith('"NAICS Code 2017"')
    assert (folder / LATER).read_text().startswith('"2017 NAICS Code"')
    values = {v: rows[v][f"naics-111110{TOTAL_END}"].value for v in EDITIONS}
    assert values == {"v1.2": Decimal("1.326"), "v1.3": Decimal("0.532")}


def test_every_row_is_per_dollar_of_its_year_at_purchaser_price(readings: dict[str, Reading]) -> None:
    for vintage, year in (("v1.2", 2021), ("v1.3", 2022)):
        found = {
            (row.currency, row.price_year, row.price_basis, row.per, row.scope, row.scope_category, row.boundary)
            for row in readings[vintage].rows
        }
        assert found == {("USD", year, "purchaser", "USD", "3", "3.1", "cradle-to-gate")}
    assert {row.data_year for row in readings["v1.2"].rows} == {2019}
    assert {row.data_year for row in readings["v1.3"].rows} == {2022}


def test_co2e_of_v1_2_is_on_ar4_and_of_v1_3_on_ar5(readings: dict[str, Reading]) -> None:
    for vintage, basis in (("v1.2", "AR4GWP100"), ("v1.3", "AR5GWP100")):
        assert {row.gwp_set for row in readings[vintage].rows if row.gas == "CO2e"} == {basis}
        assert {row.gwp_set for row in readings[vintage].rows if row.gas != "CO2e"} <= {""}


def test_the_gases_times_ar4_give_the_file_of_totals(rows: dict[str, dict[str, Factor]]) -> None:
    found, ratios = rows["v1.2"], []
    for key, total in found.items():
        if key.endswith(TOTAL_END):
            start = key.removesuffix("/co2e-per-usd")
            sum_of_gases = sum(
                (found[f"{start}/{gas}-per-usd"].value * Decimal(gwp) for gas, gwp in AR4.items()), Decimal(0)
            )
            ratios.append((sum_of_gases + found[f"{start}{UNSPECIFIED_END}"].value) / total.value)
    assert len(ratios) == 1016
    assert round(sum(ratios) / len(ratios), 4) == Decimal("0.9999")
    assert (round(min(ratios), 3), round(max(ratios), 3)) == (Decimal("0.984"), Decimal("1.031"))


def test_unspecified_hfcs_and_pfcs_are_co2e_though_the_file_says_kg(rows: dict[str, dict[str, Factor]]) -> None:
    row = rows["v1.2"][f"naics-111110/with-margins{UNSPECIFIED_END}"]
    assert (row.gas, row.unit, row.kind) == ("CO2e", "kgCO2e/USD", "gas-part")
    assert row.part_of == f"epa/supply-chain/v1.2/naics-111110{TOTAL_END}"
    assert row.note.endswith("printed as kg, in fact kg CO2e")
    stage = rows["v1.2"][f"naics-111110/margins{UNSPECIFIED_END}"]
    assert (stage.kind, stage.part_of) == ("stage", row.key)


def test_without_margins_and_margins_are_parts_of_with_margins(readings: dict[str, Reading]) -> None:
    for reading in readings.values():
        by_key = {row.key: row for row in reading.rows}
        parts = defaultdict(list)
        for row in reading.rows:
            if row.kind == "stage":
                parts[row.part_of].append(row.value)
        wholes = [row for row in reading.rows if row.kind != "stage"]
        assert set(parts) == {row.key for row in wholes}
        for whole, values in parts.items():
            total = by_key[whole].value
            assert len(values) == 2
            # rounded to three decimals or three digits
            assert abs(sum(values) - total) <= max(Decimal("0.0011"), total * Decimal("0.02"))


def test_a_single_gas_has_its_own_unit_where_the_registry_has_one(rows: dict[str, dict[str, Factor]]) -> None:
    units = {row.gas: row.unit for row in rows["v1.2"].values()}
    assert {gas: unit for gas, unit in units.items() if unit != "kg/USD"} == {
        "CO2e": "kgCO2e/USD",
        "CO2": "kgCO2/USD",
        "CH4": "kgCH4/USD",
        "N2O": "kgN2O/USD",
        "SF6": "kgSF6/USD",
        "NF3": "kgNF3/USD",
    }
    assert {gas for gas, unit in units.items() if unit == "kg/USD"} == {
        *("CF4", "C2F6", "C3F8", "c-C4F8"),
        *("HFC-23", "HFC-32", "HFC-125", "HFC-134a", "HFC-143a", "HFC-236fa"),
    }


def test_tiny_values_are_exact(rows: dict[str, dict[str, Factor]]) -> None:
    row = rows["v1.2"]["naics-111110/without-margins/cf4-per-usd"]
    assert (row.value, row.cell_text) == (Decimal("0.0000000194"), "1.94e-08")
    assert min(r.value for r in rows["v1.2"].values() if r.value) == Decimal("4.35E-12")


def test_1016_codes_share_fewer_models(readings: dict[str, Reading]) -> None:
    models = {v: {r.note for r in readings[v].rows if r.key.endswith(TOTAL_END)} for v in EDITIONS}
    assert {v: len(found) for v, found in models.items()} == {"v1.2": 410, "v1.3": 386}
    assert "also for category 2, capital goods; USEEIO 1111A0" in models["v1.3"]


def test_values_move_widely_between_the_versions(rows: dict[str, dict[str, Factor]]) -> None:
    ratios = {key: row.value / rows["v1.2"][key].value for key, row in rows["v1.3"].items() if key.endswith(TOTAL_END)}
    assert round(min(ratios.values()), 2) == Decimal("0.09")
    assert round(max(ratios.values()), 1) == Decimal("6.3")
    assert min(ratios, key=ratios.__getitem__) == f"naics-562212{TOTAL_END}"  # Solid Waste Landfill


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"Supply Chain Emission Factors with Margins"',
            '"With Margins"',
            r"looked for \['NAICS Code 2017'.* found \[",
        ),
        ("kg CO2e/2022 USD", "kg CO2e/2023 USD", r"found line 2: \['111110', .*2023 USD"),
        (
            "kg CO2e/2022 USD",
            "kg/2022 USD",
            r"looked for a NAICS code, a known gas and `kg CO2e/2022 USD, purchaser price`",
        ),
        ('"All GHGs"', '"Carbon monoxide"', r"found line 2: .*Carbon monoxide"),
        ("111110,", "11111,", r"found line 2: \['11111'"),
        (',0.532,"1111A0"', ',0.532,"1111A0",9', r"looked for 8 columns; found 9 in line 2"),
    ],
)
def test_a_layout_that_is_not_known_is_refused(folder: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (folder / LATER).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / LATER).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(LayoutError, match=message) as caught:
        reader("epa_supply_chain")(EDITIONS["v1.3"], {LATER: tmp_path / LATER})
    assert str(caught.value).startswith(f"epa/supply-chain/v1.3: {LATER}: looked for ")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / LATER).write_text("")
    with pytest.raises(LayoutError, match=r"found \[\]"):
        reader("epa_supply_chain")(EDITIONS["v1.3"], {LATER: tmp_path / LATER})


def test_text_instead_of_a_number_is_counted(folder: Path, tmp_path: Path) -> None:
    lines = (folder / LATER).read_text(encoding="utf-8").splitlines()[:3]
    lines[1] = lines[1].replace("0.044", "n/a")
    (tmp_path / LATER).write_text("\n".join(lines), encoding="utf-8")
    reading = reader("epa_supply_chain")(EDITIONS["v1.3"], {LATER: tmp_path / LATER})
    assert (reading.seen, reading.kept, reading.reasons()) == (6, 5, {"no number in the cell": 1})
    assert (reading.refused[0].place, reading.refused[0].text) == ("line 2, column 6", "n/a")
