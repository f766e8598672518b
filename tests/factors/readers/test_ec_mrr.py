"""EU MRR Annex VI: counts, the CSV as a cross-check, footnotes, GWPs."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader
from greenlang.factors.readers._base import csv_rows

START = "ec/mrr-annex-vi/2018-2066/"
FILE = "32018R2066_annex_VI.md"


@pytest.fixture(scope="module")
def edition() -> Edition:
    return next(e for e in catalogue() if f"{e.name}/" == START)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "data" / "eu_mrr_annex6"


@pytest.fixture(scope="module")
def reading(edition: Edition, folder: Path) -> Reading:
    return reader(edition.reader)(edition, {f.name: folder / f.name for f in edition.files})


@pytest.fixture(scope="module")
def rows(reading: Reading) -> dict[str, Factor]:
    return {row.key.removeprefix(START): row for row in reading.rows}


def test_every_cell_is_kept_or_refused(reading: Reading) -> None:
    assert (reading.seen, reading.kept) == (159, 148)
    assert reading.reasons() == {"no value is printed": 11}
    assert Counter(row.kind for row in reading.rows) == {"factor": 75, "property": 70, "gwp": 3}
    assert sum(row.unit == "TJ/Gg" for row in reading.rows) == 47


def test_the_csv_holds_the_same_values(folder: Path, reading: Reading) -> None:
    header, *records = csv_rows(folder / "mrr_2018_2066_annex_VI.csv")
    assert len(records) == 87
    columns = [header.index(name) for name in ("emission_factor", "ncv", "carbon_content_tC_per_t")]
    parsed = Counter((r[1], Decimal(r[column])) for r in records for column in columns if r[column])
    assert parsed == Counter((row.name, row.value) for row in reading.rows)


def test_natural_gas_as_printed(rows: dict[str, Factor]) -> None:
    gas, heat = rows["fuels/natural-gas/co2-per-tj"], rows["fuels/natural-gas/net-calorific-value"]
    assert (gas.value, gas.unit, gas.gas, gas.calorific_basis, gas.cell_text) == (
        Decimal("56.1"),
        "tCO2/TJ",
        "CO2",
        "LHV",
        "56,1",
    )
    assert (heat.value, heat.unit, heat.kind) == (48, "TJ/Gg", "property")
    assert {gas.taken_from, heat.taken_from} == {"ipcc"}


def test_factors_are_carbon_contents_times_3664(rows: dict[str, Factor]) -> None:
    pairs = [
        (row.value, rows[key.replace("co2-per-t", "carbon-content")].value)
        for key, row in rows.items()
        if key.replace("co2-per-t", "carbon-content") in rows and key.endswith("co2-per-t")
    ]
    assert len(pairs) == 23
    assert all(abs(factor - carbon * Decimal("3.664")) < Decimal("0.006") for factor, carbon in pairs)


def test_biomass_fuels_have_no_emission_factor(rows: dict[str, Factor], reading: Reading) -> None:
    assert "fuels/charcoal/co2-per-tj" not in rows
    assert rows["fuels/charcoal/net-calorific-value"].value == Decimal("29.5")
    assert {refusal.text for refusal in reading.refused} == {"—", "n.a."}


def test_footnotes_stand_in_the_note(rows: dict[str, Factor]) -> None:
    tyres = rows["fuels/waste-tyres/co2-per-tj"]
    assert (tyres.value, tyres.cell_text) == (85, "85,0 (<sup>1</sup>)")
    assert "before application of a biomass fraction" in tyres.note
    assert "Based on NCV of 50,01 TJ/t" in rows["fuels/methane/co2-per-tj"].note


def test_gwps_are_printed_with_their_unit(rows: dict[str, Factor]) -> None:
    cf4 = rows["gwp/cf4/gwp-100"]
    assert (cf4.value, cf4.unit, cf4.gwp_set, cf4.cell_text) == (
        6630,
        "tCO2e/tCF4",
        "AR5GWP100",
        "6 630 t CO2(e)/t CF4",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Net calorific value (TJ/Gg)", "Net calorific value (MJ/kg)", "looked for one of the six tables of Annex VI"),
        ("| CaO | 0,785 |", "| CaO |", "looked for 2 cells in line"),
        ("265 t CO2(e)/t N2O", "265", "looked for a figure in t CO2(e)/t in line"),
        ("### 3.", "", "looked for Gas | Global warming potential; found 5 tables"),
    ],
)
def test_another_layout_is_refused(
    edition: Edition, folder: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (folder / FILE).read_text(encoding="utf-8")
    changed = text[: text.index(old)] if not new else text.replace(old, new, 1)
    copy = tmp_path / FILE
    copy.write_text(changed, encoding="utf-8")
    with pytest.raises(LayoutError, match=r"The file is not read\.$") as raised:
        reader(edition.reader)(edition, {FILE: copy})
    assert message in str(raised.value)
