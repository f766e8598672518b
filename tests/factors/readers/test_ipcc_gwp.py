"""GWPs of the IPCC: counts, the three compilations against one another, and one test for every trap of the files."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang._paths import data
from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.embedded import gas_name, read_embedded
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader
from greenlang.factors.readers._base import csv_rows

START = "ipcc/gwp-values/"


@pytest.fixture(scope="module")
def editions() -> dict[str, Edition]:
    return {e.vintage: e for e in catalogue() if e.name.startswith(START)}


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "ipcc_gwp"


@pytest.fixture(scope="module")
def readings(editions: dict[str, Edition], folder: Path) -> dict[str, Reading]:
    return {v: reader(e.reader)(e, {f.name: folder / f.name for f in e.files}) for v, e in editions.items()}


@pytest.fixture(scope="module")
def rows(readings: dict[str, Reading]) -> dict[str, Factor]:
    return {row.key.removeprefix(START): row for reading in readings.values() for row in reading.rows}


def test_every_value_is_kept_or_refused(readings: dict[str, Reading]) -> None:
    assert {v: (r.seen, r.kept, r.reasons()) for v, r in readings.items()} == {
        "sar": (105, 36, {"empty cell": 69}),
        "ar4": (189, 189, {}),
        "ar5": (747, 502, {"empty cell": 17, "heading, not a gas": 21, "no data": 207}),
        "ar6": (1245, 1245, {}),
    }


def test_every_row_is_a_gwp_of_one_named_set(rows: dict[str, Factor]) -> None:
    assert {row.kind for row in rows.values()} == {"gwp"}
    assert Counter(row.gwp_set for row in rows.values()) == {
        "SARGWP100": 36,
        **dict.fromkeys(("AR4GWP20", "AR4GWP100", "AR4GWP500"), 63),
        **dict.fromkeys(("AR5GWP20", "AR5GWP100"), 207),
        "AR5CCFGWP100": 88,
        **dict.fromkeys(("AR6GWP20", "AR6GWP100", "AR6GWP500", "AR6GTP50", "AR6GTP100"), 249),
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ar4/ch4/gwp-100", 25),
        ("ar4/n2o/gwp-100", 298),
        ("ar5/ch4/gwp-100", 28),
        ("ar5/ch4-fossil/gwp-100", 30),
        ("ar5/ch4/gwp-100-with-feedbacks", 34),
        ("ar5/n2o/gwp-100", 265),
        ("ar6/ch4/gwp-100", Decimal("27.9")),
        ("ar6/ch4/gwp-20", Decimal("81.2")),
        ("ar6/n2o/gwp-100", 273),
        ("ar6/sf6/gwp-100", 25200),
        ("ar6/ch4/gtp-100", Decimal("5.38")),
        ("sar/ch4/gwp-100", 21),
    ],
)
def test_published_values(rows: dict[str, Factor], key: str, value: Decimal | int) -> None:
    assert rows[key].value == value


def test_the_long_list_repeats_ar6_and_is_not_counted_twice(folder: Path, rows: dict[str, Factor]) -> None:
    records = [record for record in csv_rows(folder / "IPCC_GWP_values.csv") if record[0] == "AR6"]
    repeated = Counter((r[5], Decimal(r[6]).normalize()) for r in records)
    read = Counter(
        (row.gwp_set.removeprefix("AR6"), row.value.normalize()) for row in rows.values() if "AR6GWP" in row.gwp_set
    )
    assert len(records) == 747
    assert repeated == read


def test_the_table_of_species_agrees_where_it_has_the_same_gas(folder: Path, rows: dict[str, Factor]) -> None:
    records = [record for record in csv_rows(folder / "globalwarmingpotentials.csv") if record[0][:1] != "#"]
    header, *species = records
    compared = differing = 0
    for gwp_set in ("AR4GWP100", "AR5GWP100", "AR6GWP20", "AR6GWP100", "AR6GWP500", "AR6GTP100"):
        metric = f"{gwp_set[3:6].lower()}-{gwp_set[6:]}"
        for record in species:
            row = rows.get(f"{gwp_set[:3].lower()}/{gas_name(record[0]).lower()}/{metric}")
            value = record[header.index(gwp_set)]
            if row and value:
                compared += 1
                differing += row.value != Decimal(value)
    assert compared > 250
    assert differing == 0


def test_the_embedded_base_agrees_and_has_keys_of_its_own(rows: dict[str, Factor]) -> None:
    embedded = [row for row in read_embedded(data() / "emission_factors") if row.key.startswith("ipcc/gwp/")]
    assert {row.key for row in embedded}.isdisjoint(row.key for row in rows.values())
    both = [(row, rows[row.key.removeprefix("ipcc/gwp/")]) for row in embedded if row.key[9:] in rows]
    assert len(both) > 100
    assert all(ours.value == theirs.value and ours.gwp_set == theirs.gwp_set for ours, theirs in both)


def test_the_split_of_methane_in_ar6_is_left_to_the_embedded_base(rows: dict[str, Factor]) -> None:
    assert "ar6/ch4-fossil/gwp-100" not in rows
    assert "29.8 (fossil) and 27.0 (non-fossil)" in rows["ar6/ch4/gwp-100"].note


def test_sf6_of_ar6_says_that_it_is_disputed(rows: dict[str, Factor]) -> None:
    assert rows["ar6/sf6/gwp-100"].note.startswith("later compilations print 24300")


def test_neither_formula_nor_name_is_a_key(rows: dict[str, Factor]) -> None:
    for isomer in ("60433-11-6", "60433-12-7"):  # one name, two isomers without acronym
        key = f"ar6/1-1-2-2-3-3-4-4-4a-5-5-6-6-7-7-8-8-8a-octadecafluoronaphthalene-{isomer}/gwp-100"
        assert isomer in rows[key].name
    assert rows["ar6/hg-04/gwp-100"].value == 4380  # a gas without a name
    assert rows["ar6/z-hex-2-en-1-ol/gwp-100"].value == Decimal("0.003")  # one formula, two isomers
    assert rows["ar6/e-hex-2-en-1-ol/gwp-100"].value == Decimal("0.002")
    assert rows["ar5/hg-prime-02/gwp-100"].value != rows["ar5/hg-02/gwp-100"].value
    assert rows["ar4/hfe-245cb2/gwp-100"].value == 708
    assert rows["ar4/hfe-254cb2/gwp-100"].value == 359


def test_cas_numbers_lose_the_sign_that_keeps_excel_away(rows: dict[str, Factor]) -> None:
    assert "75-69-4" in rows["ar6/cfc-11/gwp-100"].name
    assert not any('="' in row.name for row in rows.values())


def test_headings_of_the_long_list_are_no_gases(readings: dict[str, Reading]) -> None:
    assert {r.text for r in readings["ar5"].refused if r.reason == "heading, not a gas"} == {"0", "(no data)"}
    assert not any(row.value == 0 for row in readings["ar5"].rows)


def test_gases_that_are_units_are_in_the_unit(rows: dict[str, Factor]) -> None:
    assert rows["ar5/ch4-fossil/gwp-100"].unit == "kgCO2e/kgCH4"
    assert (rows["ar6/hfc-134a/gwp-100"].unit, rows["ar6/hfc-134a/gwp-100"].gas) == ("kgCO2e/kg", "HFC-134a")


@pytest.mark.parametrize(
    ("vintage", "file", "old", "new", "message"),
    [
        ("ar4", "IPCC_GWP_values.csv", "Acronym", "Short", "looked for ['AR', 'Name', 'CAS', 'Acronym'"),
        ("ar4", "IPCC_GWP_values.csv", "GWP20,", "SGTP,", "looked for one of ['GWP20'"),
        ("ar5", "IPCC_GWP_values.csv", "AR5", "AR7", "looked for AR5 in the column AR"),
        ("ar6", "ar6_7SM7_metrics_supplement_cleaned.csv", ",GTP50", ",GTP60", "looked for ['Name', 'CAS'"),
        ("sar", "globalwarmingpotentials.csv", "Species,SAR", "Species,FAR", "looked for ['Species', 'SARGWP100']"),
    ],
)
def test_another_layout_is_refused(
    editions: dict[str, Edition],
    folder: Path,
    tmp_path: Path,
    vintage: str,
    file: str,
    old: str,
    new: str,
    message: str,
) -> None:
    files = {f.name: folder / f.name for f in editions[vintage].files}
    files[file] = tmp_path / file
    text = (folder / file).read_text(encoding="utf-8-sig")
    files[file].write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(LayoutError, match=r"The file is not read\.$") as raised:
        reader("ipcc_gwp")(editions[vintage], files)
    assert message in str(raised.value)
