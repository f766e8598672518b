"""The UK workbooks for people: read whole, and the flat file of 2025 checked against the full set, figure by figure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.errors import FactorTableError
from greenlang.factors.catalogue import catalogue, select
from greenlang.factors.readers import LayoutError, Reading
from greenlang.factors.readers._base import slug
from greenlang.factors.readers.desnz_workbook import CrossCheck, cross_check
from tests.factors.readers.desnz_files import altered, by_path, editions, published, read

EDITIONS = editions("workbooks")
FLAT = editions("conversion-factors")


@pytest.fixture(scope="module")
def files(shared: Path) -> dict[str, Path]:
    return {vintage: published(edition, shared) for vintage, edition in EDITIONS.items()}


@pytest.fixture(scope="module")
def readings(files: dict[str, Path]) -> dict[str, Reading]:
    return {vintage: read(EDITIONS[vintage], path) for vintage, path in files.items()}


@pytest.fixture(scope="module")
def flat(shared: Path) -> Reading:
    return read(FLAT["2025"], published(FLAT["2025"], shared))


@pytest.fixture(scope="module")
def found(flat: Reading, readings: dict[str, Reading]) -> CrossCheck:
    return cross_check(flat.rows, readings["2025"].rows)


def test_the_workbooks_are_declared_as_a_cross_check_only() -> None:
    assert all(edition.cross_check for edition in EDITIONS.values())
    assert [e.name for e in select(catalogue(), ("desnz/workbooks",))] == [e.name for e in EDITIONS.values()]


def test_every_cell_of_every_table_is_kept_or_refused(readings: dict[str, Reading]) -> None:
    account = {v: (r.seen, r.kept, r.reasons()) for v, r in readings.items()}
    assert account == {
        "2023": (5499, 4626, {"empty cell": 873}),
        "2025": (8698, 7029, {"empty cell": 1669}),
    }


def test_the_flat_file_of_2025_is_the_full_set_figure_by_figure(found: CrossCheck) -> None:
    assert found.sentence() == (
        "7029 figures stand in both: 7029 equal, 0 equal after rounding, 0 different; "
        "0 only in the flat file, 0 only in the workbook"
    )


def test_all_thirty_three_sheets_with_factors_are_compared(flat: Reading, readings: dict[str, Reading]) -> None:
    left, right = by_path(flat), by_path(readings["2025"])
    compared = Counter(left[path].category for path in left.keys() & right.keys())
    assert compared["fuels"] == 468
    assert compared["freighting-goods"] == 1156
    assert compared["waste-disposal"] == 134
    assert compared["material-use"] == 70
    assert len(compared) == 33
    assert {slug(row.table.partition(":")[0]) for row in readings["2025"].rows} == set(compared)


def test_both_readings_mean_the_same(flat: Reading, readings: dict[str, Reading]) -> None:
    left, right = by_path(flat), by_path(readings["2025"])
    for path, row in left.items():
        other = right[path]
        for name in ("unit", "gas", "kind", "scope", "boundary", "biogenic", "region", "calorific_basis"):
            assert getattr(row, name) == getattr(other, name), (path, name)


def test_one_altered_figure_is_found(flat: Reading, readings: dict[str, Reading]) -> None:
    path = "fuels/gaseous-fuels/natural-gas/co2e-per-m3"
    rows = by_path(readings["2025"])
    wrong = dataclasses.replace(rows[path], value=Decimal("20.6672"))
    noise = rows["uk-electricity/electricity-generated/electricity-uk/co2e-per-kwh"]
    near = dataclasses.replace(noise, value=noise.value + Decimal("0.000001"))
    found = cross_check(flat.rows, [*rows.values(), wrong, near])  # the later row stands
    (difference,) = found.differences
    assert (difference.path, difference.flat, difference.workbook) == (path, Decimal("2.06672"), Decimal("20.6672"))
    assert (difference.flat_cell, difference.workbook_cell) == ("Factors by Category!J75", "Fuels!D40")
    assert (found.equal, len(found.rounded)) == (7027, 1)


def test_rows_that_only_one_has_are_named(flat: Reading, readings: dict[str, Reading]) -> None:
    found = cross_check(flat.rows[1:], readings["2025"].rows[:-1])
    assert found.only_workbook == ("fuels/gaseous-fuels/butane/co2e-per-tonne",)
    assert found.only_flat == ("outside-of-scopes/electricity-generated/electricity-uk/co2-per-kwh",)


def test_the_condensed_set_of_2023_has_the_paths_of_the_flat_files(readings: dict[str, Reading], shared: Path) -> None:
    """There is no flat file of 2023: its activities are those of 2022 and 2024."""
    paths = set(by_path(readings["2023"]))
    known = set()
    for vintage in ("2022", "2024"):
        known |= set(by_path(read(FLAT[vintage], published(FLAT[vintage], shared))))
    assert paths - known == set()
    electricity = by_path(readings["2023"])["uk-electricity/electricity-generated/electricity-uk/co2e-per-kwh"]
    assert round(electricity.value, 5) == Decimal("0.20707")
    assert electricity.gwp_set == "AR5GWP100"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<t>Activity</t>", "<t>Activities</t>", "looked for a line Activity ... Unit in Fuels; found none"),
        ("<t>Emissions source:</t>", "<t>Source:</t>", "looked for Emissions source: in Fuels!A5; found `Source:`"),
        ("<t>passenger.km</t>", "<t>person-km</t>", "looked for a unit such as tonnes; found `person-km`"),
        ("<t>Year:</t>", "<t>For:</t>", "looked for Year: 2025 in Fuels"),
    ],
)
def test_a_changed_workbook_is_refused(
    files: dict[str, Path], tmp_path: Path, old: str, new: str, message: str
) -> None:
    copy = altered(files["2025"], tmp_path, (old, new))
    with pytest.raises(LayoutError) as raised:
        read(EDITIONS["2025"], copy)
    assert message in str(raised.value)


def test_a_table_on_a_sheet_without_factors_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    copy = altered(files["2025"], tmp_path, ('name="Fuels"', 'name="Conversions2"'), entry="xl/workbook.xml")
    assert read(EDITIONS["2025"], copy).kept == 7029  # the heading counts, not the sheet's name
    text = ('name="Conversions"', 'name="Other"'), ('name="Fuels"', 'name="Conversions"')
    copy = altered(files["2025"], tmp_path, *text, entry="xl/workbook.xml")
    with pytest.raises(LayoutError, match="looked for no table in Conversions; found one in line 22"):
        read(EDITIONS["2025"], copy)


def test_a_workbook_of_an_unknown_year_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(LayoutError, match="looked for the vintage 2023 or 2025; found 2024"):
        read(dataclasses.replace(EDITIONS["2025"], vintage="2024"), files["2025"])
    with pytest.raises(LayoutError, match="looked for Year: 2023 in Fuels; found `2025`"):
        read(EDITIONS["2023"], files["2025"])
    assert issubclass(LayoutError, FactorTableError)
