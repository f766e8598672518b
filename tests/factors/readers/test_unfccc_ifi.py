"""UNFCCC IFI grid factors 2021 v3.1: counts, and one test for every trap."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import catalogue, select
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader

(EDITION,) = (e for e in catalogue() if f"{e.publisher}/{e.dataset}" == "unfccc/ifi-grid")
NAME = EDITION.files[0].name
START = "unfccc/ifi-grid/2021-v3.1/electricity/"


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    return shared / "data" / "unfccc_ifi_grid" / NAME


@pytest.fixture(scope="module")
def reading(published: Path) -> Reading:
    return reader(EDITION.reader)(EDITION, {NAME: published})


@pytest.fixture(scope="module")
def rows(reading: Reading) -> dict[str, Factor]:
    return {row.key.removeprefix(START): row for row in reading.rows}


def test_every_source_value_is_kept(reading: Reading) -> None:
    assert (reading.seen, reading.kept, reading.reasons()) == (1165, 1165, {})
    assert {row.kind for row in reading.rows} == {"factor"}


def test_it_loads_only_when_it_is_named() -> None:
    assert EDITION.redistribution == "on-request"
    assert EDITION not in select(catalogue())
    assert select(catalogue(), ("unfccc",)) == (EDITION,)


def test_three_header_rows_with_line_breaks_are_read_as_one(rows: dict[str, Factor]) -> None:
    found = {key.removeprefix("af/"): row.value for key, row in rows.items() if key.startswith("af/")}
    assert found == {
        "combined-margin/firm-energy/co2-per-kwh": Decimal(193),
        "combined-margin/intermittent-energy/co2-per-kwh": Decimal(331),
        "combined-margin/energy-efficiency/co2-per-kwh": Decimal(193),
        "combined-margin/electricity-consumption/co2-per-kwh": Decimal(193),
        "operating-margin/co2-per-kwh": Decimal(414),
    }


def test_combined_margins_are_for_projects_and_the_operating_margin_for_finance(rows: dict[str, Factor]) -> None:
    uses = Counter((key.split("/")[1], row.permitted_use, row.scope) for key, row in rows.items())
    assert uses == {("combined-margin", "project", ""): 932, ("operating-margin", "finance", ""): 233}
    assert all("PCAF" in row.table for row in rows.values() if row.permitted_use == "finance")


def test_the_figures_are_co2_alone(reading: Reading) -> None:
    assert {(row.gas, row.unit, row.gwp_set) for row in reading.rows} == {("CO2", "gCO2/kWh", "")}


def test_notes_below_the_table_are_no_territories(reading: Reading) -> None:
    assert len({row.region for row in reading.rows}) == 233
    assert not any(row.region_name.startswith("Note") for row in reading.rows)


def test_territories_are_iso_codes_with_or_without_their_sovereign(reading: Reading) -> None:
    regions = {row.region_name: row.region for row in reading.rows}
    assert regions["Bermuda (U.K.)"] == "BM"
    assert regions["Virgin Islands (U.S.)"] == "VI"
    assert regions["British Virgin Islands (U.K.)"] == "VG"
    assert regions["Azores (Portugal)"] == "PT-20"
    assert regions["Vanatu"] == "VU"
    assert regions["Memo: EU 27"] == "EU27"
    assert regions["China (PRC and Hong Kong)"] == "CN"
    assert sum(len(region) != 2 for region in regions.values()) == 6


def test_zeros_are_kept_and_noted(reading: Reading) -> None:
    zeros = [row for row in reading.rows if not row.value]
    assert {row.region for row in zeros} == {"AL", "BT", "CD", "SZ", "ET", "IS", "LS", "NP", "PY"}
    assert {row.note for row in zeros} == {"printed as 0"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "Combined Margin",
            "Build Margin",
            r"looked for .*Combined Margin Grid Emission Factor, gCO2/kWh.*found .*Build",
        ),
        ("gCO2/kWh", "tCO2/MWh", r"found .*tCO2/MWh"),
        (
            '"Energy Efficiency","Electricity Consumption"',
            '"Electricity Consumption","Energy Efficiency"',
            r"looked for",
        ),
        ('"Afghanistan"', '"Atlantis"', r"looked for a territory and five values; found record 4: \['Atlantis', '193'"),
        ('"Afghanistan",193', '"Afghanistan"', r"found record 4: \['Afghanistan', '331'"),
    ],
)
def test_a_layout_that_is_not_known_is_refused(
    published: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = published.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / NAME).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(LayoutError, match=message) as caught:
        reader("unfccc_ifi")(EDITION, {NAME: tmp_path / NAME})
    assert str(caught.value).startswith(f"unfccc/ifi-grid/2021-v3.1: {NAME}: looked for ")


def test_an_empty_cell_is_counted(published: Path, tmp_path: Path) -> None:
    text = published.read_text(encoding="utf-8").replace('"Afghanistan",193,331', '"Afghanistan",193,')
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    changed = reader("unfccc_ifi")(EDITION, {NAME: tmp_path / NAME})
    assert (changed.seen, changed.kept, changed.reasons()) == (1165, 1164, {"empty cell": 1})
