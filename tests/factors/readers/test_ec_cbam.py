"""CBAM default values: counts, the flat copy as a cross-check, and one test for every trap of the file."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang._paths import data
from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.embedded import read_embedded
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader
from greenlang.factors.readers._base import csv_rows

START = "ec/cbam-default-values/2025-2621/"
FILE = "cbam-calculator-data.json"


@pytest.fixture(scope="module")
def edition() -> Edition:
    return next(e for e in catalogue() if f"{e.name}/" == START)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "eu_cbam_default_values"


@pytest.fixture(scope="module")
def reading(edition: Edition, folder: Path) -> Reading:
    return reader(edition.reader)(edition, {f.name: folder / f.name for f in edition.files})


@pytest.fixture(scope="module")
def rows(reading: Reading) -> dict[str, Factor]:
    return {row.key.removeprefix(START): row for row in reading.rows}


def test_every_cell_is_kept_or_refused(reading: Reading) -> None:
    assert reading.seen == 10932 * 7
    assert reading.reasons() == {
        "benchmark, not a factor": 7767,
        "cells shifted by columns": 6,
        "empty cell": 11316,
        "mark-up, not a factor": 32792,
    }
    assert Counter(row.boundary for row in reading.rows) == {"total": 10931, "direct": 10931, "indirect": 2781}
    assert {(row.unit, row.gas, row.gwp_set) for row in reading.rows} == {("tCO2e/t", "CO2e", "unstated")}


def test_numeric_cells_are_those_of_the_provenance(reading: Reading) -> None:
    assert reading.seen - reading.reasons()["empty cell"] - 3 == 57438 + 7767  # his count leaves the benchmarks out


def test_the_flat_copy_holds_the_same_values(folder: Path, rows: dict[str, Factor]) -> None:
    header, *records = csv_rows(folder / "cbam_default_values_flat.csv")
    at = {name: header.index(name) for name in header}
    assert len(records) == 10932
    flat = Counter(
        (
            record[at["country"]],
            record[at["cn_code"]],
            record[at["production_route"]],
            boundary,
            Decimal(record[column]),
        )
        for record in records
        for boundary in ("direct", "indirect", "total")
        if record[column := at[f"{boundary}_tco2e_per_t"]]
    )
    read = Counter()
    for row in rows.values():
        origin, code, boundary = row.cell.split("!")
        code, _, route = code.partition(" ")
        read[origin, code, route, boundary, row.value] += 1
    assert read == flat


def test_direct_and_indirect_are_parts_of_the_total(rows: dict[str, Factor]) -> None:
    whole = rows["total/28141000/cn/co2e-per-t"]
    direct, indirect = rows["direct/28141000/cn/co2e-per-t"], rows["indirect/28141000/cn/co2e-per-t"]
    assert (whole.value, direct.value, indirect.value) == (Decimal("4.36"), Decimal("4.17"), Decimal("0.19"))
    assert {direct.part_of, indirect.part_of} == {whole.key}
    assert (whole.kind, direct.kind, indirect.kind) == ("factor", "stage", "stage")
    for row in rows.values():
        if row.boundary == "indirect":
            parts = row.value + rows[row.key.removeprefix(START).replace("indirect", "direct", 1)].value
            assert abs(parts - rows[row.part_of.removeprefix(START)].value) < Decimal("0.02")


def test_goods_with_direct_emissions_only_say_so(rows: dict[str, Factor]) -> None:
    steel = rows["total/7208/route-c/cn/co2e-per-t"]
    assert (steel.value, steel.cell_text) == (Decimal("3.186893"), "3.186893")
    assert steel.note == "direct emissions only: none are given as indirect"
    assert rows["direct/7208/route-c/cn/co2e-per-t"].value == steel.value
    assert "indirect/7208/route-c/cn/co2e-per-t" not in rows


def test_the_selection_of_the_embedded_base_agrees(rows: dict[str, Factor]) -> None:
    embedded = [row for row in read_embedded(data() / "emission_factors") if row.key.startswith("ec/cbam/")]
    assert embedded
    assert {row.key for row in rows.values()}.isdisjoint(row.key for row in embedded)
    values = {row.cell.replace("!", " "): row.value for row in rows.values()}
    for row in embedded:
        assert values[row.cell.replace("!", " ")] == row.value, row.key


def test_the_albanian_row_that_is_shifted_by_columns_gives_no_factor(reading: Reading, rows: dict[str, Factor]) -> None:
    shifted = [r for r in reading.refused if r.reason == "cells shifted by columns"]
    assert {refusal.place.rpartition("!")[0] for refusal in shifted} == {"Albania!25232100"}
    assert {refusal.text for refusal in shifted if refusal.text} == {"1.23", "0.14", "1.37"}
    assert not any("/25232100/al/" in key for key in rows)


def test_mark_ups_that_compound_to_1331_are_refused_like_all_mark_ups(
    reading: Reading, rows: dict[str, Factor]
) -> None:
    refused = {refusal.place: refusal.text for refusal in reading.refused}
    compounded = []
    for row in rows.values():
        later = refused.get(row.cell.replace("!total", "!dv2028"))
        if (
            row.boundary == "total"
            and row.value
            and later
            and abs(Decimal(later) / row.value - Decimal("1.331")) < 0.0005
        ):
            compounded.append((row.region, row.key.split("/")[4]))
    assert sorted(compounded) == [
        ("AO", "25231000"),
        ("AO", "25232900"),
        ("AO", "25239000"),
        ("AR", "25231000"),
        ("AR", "25232900"),
    ]


def test_hydrogen_from_mali_is_zero_as_published(rows: dict[str, Factor]) -> None:
    hydrogen = rows["total/28041000/ml/co2e-per-t"]
    assert (hydrogen.value, hydrogen.cell_text) == (0, "0")
    assert [row.region for row in rows.values() if row.boundary == "total" and not row.value] == ["ML"]


def test_benchmarks_of_zero_are_refused_like_all_benchmarks(reading: Reading) -> None:
    marks = [r.text for r in reading.refused if r.reason == "benchmark, not a factor"]
    assert sum(Decimal(text) == 0 for text in marks) == 93


def test_origins_cut_at_31_characters_have_their_codes(rows: dict[str, Factor]) -> None:
    codes = {row.region_name: row.region for row in rows.values()}
    assert codes["Democratic Republic of the Cong"] == "CD"
    assert codes["_Other Countries and Territorie"] == "OTHER"
    assert len(codes) == len(set(codes.values())) == 120
    assert "origin cut at 31 characters" in rows["total/25231000/route-a/cd/co2e-per-t"].note


def test_cn_codes_have_four_six_or_eight_digits_and_several_routes(rows: dict[str, Factor]) -> None:
    assert {len(key.split("/")[1]) for key in rows} == {4, 6, 8}
    routes = {key.split("/")[2] for key in rows if key.startswith("total/25231000/") and "/cn/" in key}
    assert routes == {"route-a", "route-b"}


def test_prices_of_the_extractor_are_not_read(reading: Reading) -> None:
    assert "75.36" not in {row.cell_text for row in reading.rows} | {refusal.text for refusal in reading.refused}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("productsByCountry", "products", "looked for an object with countries, cnIndex, productsByCountry"),
        ('"direct"', '"directEmissions"', "looked for fields ['benchmark'"),
        ("Iraq", "Atlantis", "looked for the name of a country in productsByCountry; found Atlantis"),
        ("{", "", "looked for JSON in UTF-8"),
    ],
)
def test_another_layout_is_refused(
    edition: Edition, folder: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    content = json.loads((folder / FILE).read_text(encoding="utf-8-sig"))
    content["countries"] = ["Iraq"]
    content["productsByCountry"] = {"Iraq": content["productsByCountry"]["Iraq"]}
    text = json.dumps(content)
    copy = tmp_path / FILE
    copy.write_text(text.replace(old, new) if old != "{" else text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LayoutError, match=r"The file is not read\.$") as raised:
        reader(edition.reader)(edition, {FILE: copy})
    assert message in str(raised.value)
