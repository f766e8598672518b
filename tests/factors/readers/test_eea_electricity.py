"""EEA electricity, two files of its charts: counts, the publisher's checks, one test for every trap."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader

FOLDER = "eea_electricity"
EDITIONS = {e.vintage: e for e in catalogue() if f"{e.publisher}/{e.dataset}" == "eea/electricity"}
SIX, FIVE = "co2-emission-intensity-6", "electricity-generation-5"
NAMES = {v: e.files[0].name for v, e in EDITIONS.items()}


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, Path]:
    return {v: shared / "data" / FOLDER / name for v, name in NAMES.items()}


@pytest.fixture(scope="module")
def readings(published: dict[str, Path]) -> dict[str, Reading]:
    return {v: reader(e.reader)(e, {NAMES[v]: published[v]}) for v, e in EDITIONS.items()}


@pytest.fixture(scope="module")
def rows(readings: dict[str, Reading]) -> dict[str, dict[str, Factor]]:
    return {v: {r.key.removeprefix(f"eea/electricity/{v}/electricity/"): r for r in readings[v].rows} for v in EDITIONS}


def test_every_source_value_is_kept_or_refused_with_a_reason(readings: dict[str, Reading]) -> None:
    assert {v: (r.seen, r.kept, r.reasons()) for v, r in readings.items()} == {
        SIX: (
            2709,
            903,
            {"beginning of the line of indicative levels, not an observation": 2, "empty cell": 1804},
        ),
        FIVE: (990, 930, {"None instead of a number": 60}),
    }


def test_the_checks_of_the_provenance_file(rows: dict[str, dict[str, Factor]]) -> None:
    assert [rows[v]["de/2018/co2-per-kwh"].value for v in (SIX, FIVE)] == [Decimal(406), Decimal(404)]
    assert rows[SIX]["fr/2019/co2-per-kwh"].value == Decimal(52)
    assert sum(row.status == "valid" for row in rows[SIX].values()) == 901


def test_the_figures_are_co2_alone_and_never_co2e(readings: dict[str, Reading]) -> None:
    found = {(r.gas, r.unit, r.gwp_set, r.boundary) for reading in readings.values() for r in reading.rows}
    assert found == {("CO2", "gCO2/kWh", "", "TTW")}


def test_the_header_is_name_and_type(published: dict[str, Path]) -> None:
    assert published[SIX].read_text().startswith("Date:year,Member State:text,index:number,")
    assert published[FIVE].read_text().startswith("date:number,ugeo:text,index:number")


def test_the_indicative_levels_of_2030_are_projections_apart(rows: dict[str, dict[str, Factor]]) -> None:
    projections = {key: row for key, row in rows[SIX].items() if row.status == "projection"}
    assert {key: row.value for key, row in projections.items()} == {
        "eu27/2030/indicative-level-high/co2-per-kwh": Decimal("75.49"),
        "eu27/2030/indicative-level-low/co2-per-kwh": Decimal("96.81"),
    }
    assert {(row.data_year, row.scope) for row in projections.values()} == {(2030, "")}
    assert {row.data_year for row in rows[SIX].values() if row.status == "valid"} == set(range(1990, 2020))
    assert "eu27/2030/co2-per-kwh" not in rows[SIX]


def test_the_beginning_of_the_indicative_line_is_no_second_figure_for_2019(
    readings: dict[str, Reading], rows: dict[str, dict[str, Factor]]
) -> None:
    assert rows[SIX]["eu27/2019/co2-per-kwh"].value == Decimal(275)
    begins = [r for r in readings[SIX].refused if r.reason.startswith("beginning")]
    assert [(r.text, r.place.split(",")[0]) for r in begins] == [("275.0", "line 903"), ("275.0", "line 903")]


def test_years_without_a_figure_are_none(readings: dict[str, Reading]) -> None:
    refused = [r for r in readings[FIVE].refused if r.reason == "None instead of a number"]
    assert {r.text for r in refused} == {"None"}
    assert not {"NO", "TR"} & {row.region for row in readings[FIVE].rows}


def test_countries_are_iso_codes_and_the_unions_the_publishers_own(readings: dict[str, Reading]) -> None:
    regions = {v: {r.region_name: r.region for r in readings[v].rows} for v in EDITIONS}
    assert regions[SIX]["European Union - 27 countries (from 2020)"] == regions[FIVE]["EU-27"] == "EU27"
    assert regions[SIX]["European Union - 28 countries (2013-2020)"] == regions[FIVE]["EU-27 + UK"] == "EU28"
    assert regions[SIX]["Greece"] == "GR"
    assert (len(regions[SIX]), len(regions[FIVE])) == (31, 31)


def test_a_negative_figure_is_kept_as_printed(rows: dict[str, dict[str, Factor]]) -> None:
    negative = {key: row.value for v in EDITIONS for key, row in rows[v].items() if row.value < 0}
    assert negative == {"be/2004/co2-per-kwh": Decimal(-17)}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("date:number", "date:year", r"looked for \['date:number', 'ugeo:text', 'index:number'\]; found \['date:year'"),
        ("index:number", "index:number,estimate:number", r"found \['date:number', .*'estimate:number'\]"),
        (
            "1990,Austria",
            "1990,Habsburg",
            r"looked for a year and a country or the EU; found line 2: \['1990', 'Habsburg'",
        ),
        ("1990,Austria", "1990p,Austria", r"found line 2: \['1990p'"),
    ],
)
def test_a_layout_that_is_not_known_is_refused(
    published: dict[str, Path], tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = published[FIVE].read_text()
    assert old in text
    (tmp_path / NAMES[FIVE]).write_text(text.replace(old, new, 1))
    with pytest.raises(LayoutError, match=message) as caught:
        reader("eea_electricity")(EDITIONS[FIVE], {NAMES[FIVE]: tmp_path / NAMES[FIVE]})
    assert str(caught.value).startswith(f"eea/electricity/{FIVE}: {NAMES[FIVE]}: looked for ")
