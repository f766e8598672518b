"""Every embedded figure against the cell of the publisher's file that it cites."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from decimal import Context, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import globalwarmingpotentials
import pytest
from python_calamine import CalamineWorkbook

from greenlang._paths import data
from greenlang.factors import Factor, FactorTable
from greenlang.factors.readers import owid_electricity
from greenlang.factors.sources import Source, read_sources

SOURCES = read_sources(data() / "emission_factors" / "embedded")
HUB = "Emission Factors Hub"
HUB_GASES = ("CO2", "CH4", "N2O")


@pytest.fixture(scope="module")
def table() -> FactorTable:
    return FactorTable.load()


@cache
def sheet(path: Path, name: str) -> list[list[Any]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(name).to_python(skip_empty_area=False)


def publishers_file(shared: Path, name: str) -> Path:
    (found,) = (shared / "data").rglob(name)
    return found


def rows_of(table: FactorTable, source: Source) -> list[Factor]:
    return [f for f in table.resolve(f"ef://{source.prefix}") if f.source_digest == source.sha256]


def at(cells: list[list[Any]], place: str) -> Any:
    column, row = re.fullmatch(r"([A-Z])(\d+)", place).groups()
    return cells[int(row) - 1][ord(column) - ord("A")]


def same(cell: Any, factor: Factor) -> bool:
    raw = cell if isinstance(cell, str) else repr(cell)
    return raw == factor.cell_text and Context(prec=15).create_decimal(raw.strip()) == factor.value


def slug(text: str) -> str:
    text = text.replace("<", " under ").replace(">", " over ")
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@pytest.mark.parametrize("source", [s for s in SOURCES if s.file], ids=lambda s: s.name)
def test_the_publishers_file_is_the_one_that_was_read(shared: Path, source: Source) -> None:
    digest = hashlib.sha256(publishers_file(shared, source.file).read_bytes()).hexdigest()
    assert digest == source.sha256


@pytest.mark.parametrize("source", [s for s in SOURCES if s.publisher == "epa"], ids=lambda s: s.name)
def test_epa_figures_are_those_of_their_cells(shared: Path, table: FactorTable, source: Source) -> None:
    cells = sheet(publishers_file(shared, source.file), HUB)
    rows = rows_of(table, source)
    assert rows
    for factor in rows:
        name, place = factor.cell.split("!")
        assert name == HUB
        assert same(at(cells, place), factor), factor


@pytest.mark.parametrize("year", [2024, 2025])
def test_epa_labels_and_units_of_stationary_combustion_stand_at_the_cell(
    shared: Path, table: FactorTable, year: int
) -> None:
    cells = sheet(publishers_file(shared, f"ghg-emission-factors-hub-{year}.xlsx"), HUB)
    for factor in table.resolve(f"ef://epa/stationary-combustion/{year}"):
        column, row = factor.cell.split("!")[1][0], int(factor.cell.split("!")[1][1:])
        assert slug(at(cells, f"C{row}")) == factor.activity
        # Units change inside the table: the header that counts is the last one above.
        header = next(r for r in range(row, 0, -1) if str(at(cells, f"D{r}")).startswith("mmBtu per "))
        printed = str(at(cells, f"{column}{header}"))
        gas, per = printed.split(" per ")
        assert factor.unit == gas.replace(" ", "") + "/" + per.replace(" ", "_")
        heading = next(
            slug(str(at(cells, f"C{r}")))
            for r in range(row - 1, 0, -1)
            if at(cells, f"C{r}") and not isinstance(at(cells, f"E{r}"), float)
        )
        assert heading == factor.category


@pytest.mark.parametrize("year", [2024, 2025])
def test_no_cell_of_stationary_combustion_is_left_out(shared: Path, table: FactorTable, year: int) -> None:
    cells = sheet(publishers_file(shared, f"ghg-emission-factors-hub-{year}.xlsx"), HUB)
    first = next(i for i, row in enumerate(cells) if str(row[1]).strip() == "Table 1")
    last = next(i for i, row in enumerate(cells) if str(row[1]).strip() == "Table 2")
    numbers = {
        f"{HUB}!{chr(65 + c)}{r + 1}"
        for r in range(first, last)
        for c in range(3, 10)
        if isinstance(cells[r][c], int | float)
    }
    assert numbers == {f.cell for f in table.resolve(f"ef://epa/stationary-combustion/{year}")}


@pytest.mark.parametrize(("dataset", "edition"), [("2022", 2024), ("2023", 2025)])
def test_egrid_has_total_output_rates_only_of_every_subregion(
    shared: Path, table: FactorTable, dataset: str, edition: int
) -> None:
    cells = sheet(publishers_file(shared, f"ghg-emission-factors-hub-{edition}.xlsx"), HUB)
    rows = table.resolve(f"ef://epa/egrid/{dataset}")
    assert len(rows) == 28 * 3
    for factor in rows:
        column, row = factor.cell.split("!")[1][0], int(factor.cell.split("!")[1][1:])
        assert column in "EFG"  # H to J are the non-baseload rates
        printed = at(cells, f"C{row}")
        assert factor.region == ("US" if printed == "US Average" else printed)
        assert factor.note == at(cells, f"D{row}").strip()
        assert factor.gas == HUB_GASES["EFG".index(column)]
    source = " ".join(str(row[2]) for row in cells)
    assert f"Source: EPA eGRID{dataset}" in source


@pytest.mark.parametrize("year", [2024, 2025])
@pytest.mark.parametrize(
    "dataset", ["transport", "business-travel", "mobile-combustion", "mobile-combustion-co2", "waste"]
)
def test_epa_activities_are_named_after_the_label_of_their_row(
    shared: Path, table: FactorTable, dataset: str, year: int
) -> None:
    cells = sheet(publishers_file(shared, f"ghg-emission-factors-hub-{year}.xlsx"), HUB)
    for factor in table.resolve(f"ef://epa/{dataset}/{year}"):
        row = int(factor.cell.split("!")[1][1:])
        label_row = next(
            r for r in range(row, 0, -1) if at(cells, f"C{r}") and not str(at(cells, f"C{r}")).startswith("(")
        )
        label = slug(str(at(cells, f"C{label_row}")))
        start = factor.activity.split("/")[0]
        assert label.startswith(start), factor  # footnote letters and parentheses may follow
        if dataset in {"transport", "business-travel"}:
            unit = {"ton-mile": "ton_mile", "short ton-mile": "ton_mile"}.get(at(cells, f"G{row}"))
            assert factor.per == (unit or at(cells, f"G{row}").replace("-", "_"))


@pytest.mark.parametrize("source", [s for s in SOURCES if s.publisher == "desnz"], ids=lambda s: s.name)
def test_desnz_figures_are_co2e_cells_with_their_id(shared: Path, table: FactorTable, source: Source) -> None:
    cells = sheet(publishers_file(shared, source.file), "Factors by Category")
    uoms = {
        "kWh": {"kWh", "kWh (Gross CV)", "kWh (Net CV)"},
        "passenger_km": {"passenger.km"},
        "vehicle_km": {"km"},
        "tonne_km": {"tonne.km"},
        "room_night": {"Room per night"},
        "m^3": {"cubic metres"},
        "litre": {"litres"},
    }
    rows = rows_of(table, source)
    assert rows
    for factor in rows:
        place = factor.cell.split("!")[1]
        row = cells[int(place[1:]) - 1]
        assert place[0] == "J"
        assert same(at(cells, place), factor), factor
        assert factor.note.startswith(f"ID {row[0]}: ")
        assert factor.scope == row[1].removeprefix("Scope ")
        assert factor.category == slug(row[2])
        assert row[7] in uoms[factor.per]
        assert factor.gas == "CO2e"
        # The parts by gas are CO2e already: they stand apart from the totals.
        part = re.search(r"kg CO2e of (\w+) per unit", row[8])
        assert factor.activity.endswith(f"/of-{part[1].lower()}" if part else factor.activity[-1])
        assert part or row[8] == "kg CO2e"
        for word, basis in (("Gross", "HHV"), ("Net", "LHV")):
            assert (word in row[7]) == (factor.calorific_basis == basis)
        if "flight" in factor.activity:
            assert factor.activity.endswith("/with-rf" if row[6] == "With RF" else "/without-rf")


def test_uk_electricity_is_the_sum_of_its_parts(table: FactorTable) -> None:
    for activity in ("electricity-generated", "transmission-and-distribution"):
        key = f"desnz/electricity/2025/{activity}"
        parts = sum(table.get(f"{key}/of-{gas}/co2e-per-kwh").value for gas in ("co2", "ch4", "n2o"))
        assert abs(parts - table.get(f"{key}/co2e-per-kwh").value) <= Decimal("0.00001")
    assert table.get("desnz/electricity/2025/electricity-generated/co2e-per-kwh").value == Decimal("0.177")


def test_cbam_figures_are_those_of_country_code_and_route(shared: Path, table: FactorTable) -> None:
    (source,) = (s for s in SOURCES if s.publisher == "ec")
    text = publishers_file(shared, source.file).read_text(encoding="utf-8-sig")
    countries = json.loads(text, parse_float=str, parse_int=str)["productsByCountry"]
    iso = {"China": "CN", "Türkiye": "TR", "India": "IN", "Ukraine": "UA", "_Other Countries and Territorie": "OTHER"}
    rows = rows_of(table, source)
    assert {f.region for f in rows} == set(iso.values())
    for factor in rows:
        name, goods, kind = factor.cell.split("!")
        code, _, route = goods.partition(" ")
        (entry,) = (e for e in countries[name] if e["cn"] == code and (not route or e["route"] == route))
        assert factor.region == iso[name]
        assert factor.boundary == kind
        assert same(entry[kind], factor), factor
        assert factor.activity.split("/")[0] == code
    for total in table.resolve("ef://ec/cbam/2025-2621/total"):
        direct = table.get(total.key.replace("/total/", "/direct/")).value
        indirect = table.get(total.key.replace("/total/", "/indirect/"))
        assert abs(direct + (indirect.value if indirect else 0) - total.value) <= Decimal("0.02"), total


def test_border_values_are_parts_of_their_total_and_blends_are_gwps(table: FactorTable) -> None:
    for factor in table.resolve("ef://ec/cbam/2025-2621"):
        part = factor.boundary != "total"
        assert factor.kind == ("stage" if part else "factor")
        assert factor.part_of == (factor.key.replace(f"/{factor.boundary}/", "/total/") if part else "")
    assert {f.kind for f in table.resolve("ef://epa/refrigerant-blends/2025")} == {"gwp"}


@pytest.mark.parametrize("report", ["ar4", "ar5", "ar6"])
def test_gwps_are_those_of_the_package(table: FactorTable, report: str) -> None:
    published = globalwarmingpotentials.data[f"{report.upper()}GWP100"]
    rows = {f.cell.rsplit(", ", 1)[1]: f for f in table.resolve(f"ef://ipcc/gwp/{report}") if f.source_digest}
    assert rows.keys() == published.keys()
    for species, value in published.items():
        assert float(rows[species].value) == value
        assert rows[species].gwp_set == f"{report.upper()}GWP100"
        assert rows[species].gas.replace("-", "") == species


def test_gwps_of_the_package_are_those_of_the_compilation_that_was_checked(shared: Path) -> None:
    package = Path(globalwarmingpotentials.__file__).with_name("globalwarmingpotentials.csv")
    assert hashlib.sha256(package.read_bytes()).hexdigest() in {s.sha256 for s in SOURCES if s.package}


def test_gwps_entered_by_hand_are_those_of_ar6_table_7_15(table: FactorTable) -> None:
    by_hand = {f.key.removeprefix("ipcc/gwp/"): str(f.value) for f in table if not f.source_digest}
    assert by_hand == {
        "ar4/co2/gwp-100": "1",
        "ar5/co2/gwp-100": "1",
        "ar6/co2/gwp-100": "1",
        "ar6/ch4-fossil/gwp-100": "29.8",
        "ar6/ch4-non-fossil/gwp-100": "27",
    }
    assert all(table.get(f"ipcc/gwp/{key}").table in {"Table 2.14", "Table 8.A.1", "Table 7.15"} for key in by_hand)


@pytest.mark.parametrize("year", [2024, 2025])
def test_refrigerant_blends_are_their_components_weighted_by_ar5(table: FactorTable, year: int) -> None:
    components = {f.gas: f.value for f in table.resolve("ef://ipcc/gwp/ar5")}
    components |= {"PFC-116": components["C2F6"], "PFC-218": components["C3F8"]}
    hydrocarbons = {"butane", "isobutane", "propane", "propylene", "isopentane"}
    for blend in table.resolve(f"ef://epa/refrigerant-blends/{year}"):
        parts = re.findall(r"([\d.]+)% ([\w-]+)", blend.note)
        assert sum(Decimal(share) for share, _ in parts) == 100
        mixed = sum(Decimal(s) / 100 * (Decimal(0) if name in hydrocarbons else components[name]) for s, name in parts)
        assert abs(mixed - blend.value) <= 1, blend
        assert blend.gwp_set == "AR5GWP100"


def test_traps_of_the_publishers_files(table: FactorTable) -> None:
    def value(key: str) -> Decimal:
        return table.get(key).value

    noisy = table.get("epa/stationary-combustion/2025/blast-furnace-gas/ch4-per-mmbtu")
    assert (noisy.value, noisy.cell_text) == (Decimal("0.022"), "0.022000000000000002")
    assert value("epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu") == Decimal("53.06")
    assert value("epa/mobile-combustion-co2/2025/diesel-fuel/co2-per-gallon") == Decimal("10.21")
    assert value("epa/egrid/2022/electricity/us/co2-per-mwh") == Decimal("823.149")
    assert value("epa/egrid/2023/electricity/us/co2-per-mwh") == Decimal("771.523")
    assert value("epa/refrigerant-blends/2025/r-410a/gwp-100") == 1924
    assert {f.gwp_set for f in table.resolve("ef://epa/waste/2025")} == {"AR4GWP100"}
    assert not table.get("epa/stationary-combustion/2025/peat/co2-per-mmbtu").biogenic
    assert table.get("epa/stationary-combustion/2025/wood-and-wood-residuals/co2-per-mmbtu").biogenic
    assert not table.get("epa/stationary-combustion/2025/wood-and-wood-residuals/ch4-per-mmbtu").biogenic
    assert "24300" in table.get("ipcc/gwp/ar6/sf6/gwp-100").note
    blends = {f.gas for f in table.resolve("ef://epa/refrigerant-blends/2025")}
    assert "R-406A" not in blends  # holds HCFCs, which Table 12 counts as zero
    assert "R-424A" not in blends  # Table 12 prints 3104 beside a composition that gives 2212


def test_the_base_holds_what_it_declares(table: FactorTable) -> None:
    counts = Counter("/".join(f.key.split("/")[:3]) for f in table)
    assert {s.prefix for s in SOURCES} == set(counts)
    assert counts["epa/stationary-combustion/2024"] == counts["epa/stationary-combustion/2025"] == 421
    assert counts["ipcc/gwp/ar6"] == 89
    assert len(table) > 2400


@pytest.mark.parametrize("year", [2024, 2025])
def test_epa_figures_per_unit_follow_from_those_per_mmbtu(table: FactorTable, year: int) -> None:
    def half_a_digit(value: Decimal) -> Decimal:
        return Decimal(1).scaleb(int(value.as_tuple().exponent)) / 2

    checked = 0
    for factor in table.resolve(f"ef://epa/stationary-combustion/{year}"):
        start, _, per = factor.key.rpartition("-per-")
        if not factor.gas or per == "mmbtu":
            continue
        energy = table.get(f"{start}-per-mmbtu").value
        heat = table.get(f"{start.rpartition('/')[0]}/heat-content-per-{per}").value
        rounding = half_a_digit(factor.value) + energy * half_a_digit(heat) + heat * half_a_digit(energy)
        assert abs(energy * heat - factor.value) <= rounding, factor
        checked += 1
    assert checked == 174


@pytest.mark.parametrize("year", [2024, 2025])
@pytest.mark.parametrize("dataset", ["mobile-combustion", "steam-and-heat", "transport", "business-travel"])
def test_epa_gas_and_mass_unit_stand_in_the_header_of_the_column(
    shared: Path, table: FactorTable, dataset: str, year: int
) -> None:
    cells = sheet(publishers_file(shared, f"ghg-emission-factors-hub-{year}.xlsx"), HUB)
    for factor in table.resolve(f"ef://epa/{dataset}/{year}"):
        column, row = factor.cell.split("!")[1][0], int(factor.cell.split("!")[1][1:])
        header = next(
            str(at(cells, f"{column}{r}")) for r in range(row, 0, -1) if "Factor" in str(at(cells, f"{column}{r}"))
        )
        numerator, denominator = re.search(r"\((.+) / (.+?)\)", header).groups()
        assert factor.unit.partition("/")[0] == numerator.replace(" ", "")
        assert denominator.replace("-", "_") in {factor.per, "unit"}


@pytest.mark.parametrize("year", [2024, 2025])
def test_epa_model_years_and_fuels_of_mobile_combustion_stand_at_the_cell(
    shared: Path, table: FactorTable, year: int
) -> None:
    cells = sheet(publishers_file(shared, f"ghg-emission-factors-hub-{year}.xlsx"), HUB)

    def above(column: str, row: int) -> str:
        value = next(at(cells, f"{column}{r}") for r in range(row, 0, -1) if at(cells, f"{column}{r}") != "")
        return slug(str(int(value)) if isinstance(value, float) else str(value))

    for factor in table.resolve(f"ef://epa/mobile-combustion/{year}"):
        row = int(factor.cell.split("!")[1][1:])
        years = at(cells, f"E{row}") if factor.table.startswith("Table 4") else ""
        expected = [above("D", row), *([slug(years)] if years else [])]
        assert factor.activity.split("/")[1:] == expected, factor


@pytest.mark.parametrize("year", [2024, 2025])
def test_epa_ways_of_disposal_stand_in_the_header(shared: Path, table: FactorTable, year: int) -> None:
    cells = sheet(publishers_file(shared, f"ghg-emission-factors-hub-{year}.xlsx"), HUB)
    header = next(i for i, row in enumerate(cells, start=1) if str(row[2]).strip() == "Material")
    assert at(cells, f"D{header - 1}") == "Metric Tons CO2e / Short Ton Material"
    words = {"dry": "(Dry Digestate", "wet": "(Wet  Digestate"}
    for factor in table.resolve(f"ef://epa/waste/{year}"):
        printed = at(cells, factor.cell.split("!")[1][0] + str(header))
        how, _, digestate = factor.activity.split("/")[1].partition("-digested-")
        assert slug(printed).startswith(how)
        assert words.get(digestate, "") in printed
        assert factor.unit == "tCO2e/short_ton"
    notes = " ".join(str(row[2]) for row in cells)
    assert "AR4 GWP values are used to convert all waste emission factors into CO2e" in notes


def test_owid_figures_are_those_of_the_publishers_lines(shared: Path, table: FactorTable) -> None:
    (source,) = (s for s in SOURCES if s.publisher == "owid")
    with publishers_file(shared, source.file).open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    assert lines[0] == ["Entity", "Code", "Year", source.table]
    rows = rows_of(table, source)
    assert len(rows) == 37
    for factor in rows:
        entity, code, year, value = lines[int(factor.cell.removeprefix("line ")) - 1]
        assert (factor.region_name, factor.data_year, factor.cell_text) == (entity, int(year), value)
        assert same(value, factor)
        assert factor.region == factor_region(entity, code)
        assert (factor.boundary, factor.gwp_set, factor.scope) == ("life-cycle", "unstated", "")


def factor_region(entity: str, code: str) -> str:
    """The region's code as the full edition's reader gives it."""
    return owid_electricity._region(entity, code)
