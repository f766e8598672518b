"""Our World in Data, electricity 2024 and 2026: counts, the publisher's checks, one test for every trap."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader

FOLDER = "owid_ember_electricity"
NAME = "carbon-intensity-electricity_{}.csv"
EDITIONS = {e.vintage: e for e in catalogue() if f"{e.publisher}/{e.dataset}" == "owid/electricity"}
VINTAGES = ("2024", "2026")


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, Path]:
    return {v: shared / "data" / FOLDER / NAME.format(v) for v in VINTAGES}


@pytest.fixture(scope="module")
def readings(published: dict[str, Path]) -> dict[str, Reading]:
    return {v: reader(EDITIONS[v].reader)(EDITIONS[v], {NAME.format(v): published[v]}) for v in VINTAGES}


@pytest.fixture(scope="module")
def rows(readings: dict[str, Reading]) -> dict[str, dict[tuple[str, int | None], Factor]]:
    return {v: {(r.region, r.data_year): r for r in readings[v].rows} for v in VINTAGES}


def test_every_source_value_is_kept(readings: dict[str, Reading]) -> None:
    assert {v: (r.seen, r.kept, r.reasons()) for v, r in readings.items()} == {
        "2024": (5835, 5835, {}),
        "2026": (6332, 6332, {}),
    }


def test_the_checks_of_the_provenance_file(rows: dict[str, dict[tuple[str, int | None], Factor]]) -> None:
    latest = {place: round(row.value, 1) for place, row in rows["2026"].items()}
    assert latest["GB", 2024] == Decimal("216.5")
    assert latest["FR", 2024] == Decimal("40.5")
    assert latest["US", 2023] == Decimal("392.9")
    assert latest["WORLD", 2024] == Decimal("471.1")
    assert len(latest) == 6332  # distinct entity and year


def test_the_column_title_changes_with_the_edition(readings: dict[str, Reading]) -> None:
    assert {v: {row.table for row in readings[v].rows} for v in VINTAGES} == {
        "2024": {"Carbon intensity of electricity - gCO2/kWh"},
        "2026": {"Carbon intensity of electricity per kWh"},
    }
    # though one title says gCO2, both are CO2e of all gases
    assert {row.unit for v in VINTAGES for row in readings[v].rows} == {"gCO2e/kWh"}


def test_the_basis_is_life_cycle_without_a_named_gwp_set_and_no_scope_2(readings: dict[str, Reading]) -> None:
    found = {
        (row.gas, row.gwp_set, row.boundary, row.scope, row.scope2_method, row.taken_from)
        for v in VINTAGES
        for row in readings[v].rows
    }
    assert found == {("CO2e", "unstated", "life-cycle", "", "", "Ember")}
    assert all("life-cycle basis" in row.note for v in VINTAGES for row in readings[v].rows)


def test_aggregates_keep_their_name_and_get_a_region_in_capitals(readings: dict[str, Reading]) -> None:
    found = {row.region_name: row.region for row in readings["2026"].rows if len(row.region) != 2}
    assert found == {
        "ASEAN (Ember)": "ASEAN-EMBER",
        "Africa": "AFRICA",
        "Africa (Ember)": "AFRICA-EMBER",
        "Asia": "ASIA",
        "Asia (Ember)": "ASIA-EMBER",
        "EU (Ember)": "EU-EMBER",
        "Europe": "EUROPE",
        "Europe (Ember)": "EUROPE-EMBER",
        "European Union (27)": "EU27",
        "G20 (Ember)": "G20-EMBER",
        "G7 (Ember)": "G7-EMBER",
        "High-income countries": "HIGH-INCOME-COUNTRIES",
        "Latin America and Caribbean (Ember)": "LATIN-AMERICA-AND-CARIBBEAN-EMBER",
        "Low-income countries": "LOW-INCOME-COUNTRIES",
        "Lower-middle-income countries": "LOWER-MIDDLE-INCOME-COUNTRIES",
        "Middle East (Ember)": "MIDDLE-EAST-EMBER",
        "North America": "NORTH-AMERICA",
        "North America (Ember)": "NORTH-AMERICA-EMBER",
        "OECD (Ember)": "OECD-EMBER",
        "Oceania": "OCEANIA",
        "Oceania (Ember)": "OCEANIA-EMBER",
        "South America": "SOUTH-AMERICA",
        "Upper-middle-income countries": "UPPER-MIDDLE-INCOME-COUNTRIES",
        "World": "WORLD",
    }


def test_312_rows_have_no_code_in_2026_and_the_same_entities_keep_their_region(
    published: dict[str, Path], rows: dict[str, dict[tuple[str, int | None], Factor]]
) -> None:
    without = [line for line in published["2026"].read_text().splitlines() if line.split(",")[1] == ""]
    assert len(without) == 312
    # entities that had no code in 2024 have one of OWID's in 2026: the key is the same
    assert set(rows["2024"]) <= set(rows["2026"])
    assert rows["2024"]["ASIA", 2020].activity == rows["2026"]["ASIA", 2020].activity == "electricity"


def test_codes_of_three_letters_become_two(rows: dict[str, dict[tuple[str, int | None], Factor]]) -> None:
    countries = {region for region, _ in rows["2026"] if len(region) == 2}
    assert len(countries) == len({row.region_name for row in rows["2026"].values() if len(row.region) == 2}) == 214
    assert rows["2026"]["XK", 2020].region_name == "Kosovo"  # OWID_KOS
    assert rows["2026"]["CD", 2020].region_name == "Democratic Republic of Congo"


def test_zeros_are_kept_and_noted(rows: dict[str, dict[tuple[str, int | None], Factor]]) -> None:
    zeros = {v: [row for row in rows[v].values() if not row.value] for v in VINTAGES}
    assert {v: len(found) for v, found in zeros.items()} == {"2024": 21, "2026": 22}
    assert {row.region_name for row in zeros["2026"]} == {"Burundi", "Central African Republic"}
    assert all(row.note.startswith("printed as 0") for v in VINTAGES for row in zeros[v])


def test_2025_has_106_entities(rows: dict[str, dict[tuple[str, int | None], Factor]]) -> None:
    assert sum(year == 2025 for _, year in rows["2026"]) == 106


def test_113_values_were_revised_by_over_a_tenth(rows: dict[str, dict[tuple[str, int | None], Factor]]) -> None:
    revised = [
        place
        for place, row in rows["2024"].items()
        if abs(row.value - rows["2026"][place].value) > row.value / 10 and row.value
    ]
    assert len(revised) == 113


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("per kWh", "per MWh", r"looked for \['Entity', 'Code', 'Year', 'Carbon intensity of electricity per kWh'\]"),
        (
            "Afghanistan,AFG",
            "Afghanistan,AFX",
            r"looked for an ISO 3166 code and a year; found line \d+: Afghanistan, AFX",
        ),
        ("Afghanistan,AFG,2000", "Afghanistan,AFG,2000-01", r"found line \d+: Afghanistan, AFG, 2000-01"),
        ("Afghanistan,AFG,2000", "Afghanistan,AFG", r"looked for 4 columns; found 3"),
    ],
)
def test_a_layout_that_is_not_known_is_refused(
    published: dict[str, Path], tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = published["2026"].read_text()
    assert old in text
    name = NAME.format("2026")
    (tmp_path / name).write_text(text.replace(old, new, 1))
    with pytest.raises(LayoutError, match=message) as caught:
        reader("owid_electricity")(EDITIONS["2026"], {name: tmp_path / name})
    assert str(caught.value).startswith(f"owid/electricity/2026: {name}: looked for ")


def test_the_file_of_another_edition_is_refused(published: dict[str, Path]) -> None:
    with pytest.raises(
        LayoutError, match=r"found \['Entity', 'Code', 'Year', 'Carbon intensity of electricity - gCO2/kWh'\]"
    ):
        reader("owid_electricity")(EDITIONS["2026"], {NAME.format("2026"): published["2024"]})


def test_an_empty_value_is_counted(published: dict[str, Path], tmp_path: Path) -> None:
    name = NAME.format("2026")
    lines = published["2026"].read_text().splitlines()[:4]
    lines[2] = lines[2].rpartition(",")[0] + ","
    (tmp_path / name).write_text("\n".join(lines))
    reading = reader("owid_electricity")(EDITIONS["2026"], {name: tmp_path / name})
    assert (reading.seen, reading.kept, reading.reasons()) == (3, 2, {"no number in the cell": 1})
