"""ADEME Agribalyse 3.1: counts, sums, and one test for every trap of the files."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader

START = "ademe/agribalyse/3.1/"


@pytest.fixture(scope="module")
def edition() -> Edition:
    return next(e for e in catalogue() if e.name == "ademe/agribalyse/3.1")


@pytest.fixture(scope="module")
def published(shared: Path, edition: Edition) -> dict[str, Path]:
    return {f.name: shared / "data" / f.folder / f.name for f in edition.files}


@pytest.fixture(scope="module")
def reading(edition: Edition, published: dict[str, Path]) -> Reading:
    return reader(edition.reader)(edition, published)


@pytest.fixture(scope="module")
def rows(reading: Reading) -> dict[str, Factor]:
    return {row.key: row for row in reading.rows}


@pytest.fixture(scope="module")
def foods(rows: dict[str, Factor]) -> list[Factor]:
    return [row for row in rows.values() if row.kind == "factor"]


def sums(rows: dict[str, Factor], kind: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows.values():
        if row.kind == kind:
            found[row.part_of] += row.value
    return found


def test_every_climate_cell_is_kept_or_refused(reading: Reading) -> None:
    assert reading.seen == 2451 * (4 + 24) + 6161 == 74789
    assert reading.reasons() == {"empty cell": 2}
    assert Counter(row.kind for row in reading.rows) == {
        "factor": 2451,
        "stage": 14706,
        "ingredient-share": 6161,
        "gas-part": 51469,
    }


def test_figures_are_per_kg_consumed_by_method_ef_3(reading: Reading) -> None:
    assert {(row.unit, row.gas, row.gwp_set, row.region) for row in reading.rows} == {
        ("kgCO2e/kg", "CO2e", "EF3.0", "FR")
    }
    assert {row.boundary for row in reading.rows if row.kind == "factor"} == {"life-cycle"}


def test_a_food_with_its_stages_and_ingredients(rows: dict[str, Factor]) -> None:
    stock = START + "court-bouillon-pour-poissons-deshydrate/11172/"
    assert rows[stock + "co2e-per-kg"].value == Decimal("7.58")
    assert rows[stock + "co2e-per-kg"].data_quality.startswith("DQR 2.24")
    assert rows[stock + "transformation/co2e-per-kg"].value == Decimal("6.17")
    fossil = rows[stock + "transformation/of-fossil/co2e-per-kg"]
    assert (fossil.value, fossil.part_of) == (Decimal("6.0743185"), stock + "transformation/co2e-per-kg")
    assert rows[stock + "ingredients/carotte/co2e-per-kg"].value == Decimal("0.16988868")


def test_six_stages_add_up_to_the_total_but_for_rounding(rows: dict[str, Factor], foods: list[Factor]) -> None:
    found = sums(rows, "stage")
    near = [f for f in foods if abs(found[f.key] - f.value) <= max(Decimal("0.02"), f.value / 100)]
    assert len(near) == 2390  # 97.5 %
    far = [f.name for f in foods if abs(found[f.key] - f.value) > Decimal("0.5")]
    assert [name for name in far if "emballage corrigé" in name] == [
        "Hareng fumé, à l'huile (emballage corrigé)",
        "Hareng fumé, filet, doux (emballage corrigé)",
        "Saumon fumé (emballage corrigé)",
    ]


def test_ingredients_with_other_steps_add_up_to_the_total(rows: dict[str, Factor]) -> None:
    found = sums(rows, "ingredient-share")
    assert len(found) == 1099
    off = [key for key, value in found.items() if abs(value - rows[key].value) > rows[key].value / 50]
    assert len(off) <= 1
    assert sum("/autres-etapes/" in row.key for row in rows.values()) == 1099


def test_ciqual_codes_and_names_are_shared_so_the_code_agb_is_in_the_key(foods: list[Factor]) -> None:
    ciqual = Counter(food.note.split("; ")[1] for food in foods)
    assert sum(n > 1 for n in ciqual.values()) == 23
    assert len({food.name for food in foods}) == 2448
    assert len({food.key for food in foods}) == len(foods) == 2451


def test_three_broken_rows_are_kept_as_published(rows: dict[str, Factor]) -> None:
    oil = rows[START + "hareng-fume-a-l-huile-emballage-corrige/26232/co2e-per-kg"]
    assert (oil.value, oil.cell_text) == (Decimal("3.6e-7"), "3.6e-7")
    assert rows[START + "hareng-fume-filet-doux-emballage-corrige/25998/co2e-per-kg"].value == Decimal("3.6e-7")
    salmon = START + "saumon-fume-emballage-corrige/26037/"
    assert rows[salmon + "co2e-per-kg"].value == Decimal("7.85")
    assert sums(rows, "stage")[salmon + "co2e-per-kg"] > 15


def test_splits_are_co2e_of_an_origin_and_not_biogenic_co2(rows: dict[str, Factor]) -> None:
    split = [row for row in rows.values() if row.kind == "gas-part"]
    assert {row.key.split("/")[-2] for row in split} == {"of-biogenic", "of-fossil", "of-land-use-change"}
    assert not any(row.biogenic for row in split)
    assert all(rows[row.part_of].kind in {"factor", "stage"} for row in split)


def test_codes_join_with_and_without_leading_zeros(rows: dict[str, Factor]) -> None:
    padded = [row for row in rows.values() if row.kind == "factor" and row.key.split("/")[-2].startswith("0")]
    plain = [row for row in rows.values() if row.kind == "factor" and row.key.split("/")[-2] in "12346"]
    assert len(padded) + len(plain) == 5
    for food in padded + plain:
        assert sum(row.part_of == food.key and row.kind == "stage" for row in rows.values()) == 6


def test_headers_with_stray_blanks_are_found(published: dict[str, Path]) -> None:
    heads = [path.read_text(encoding="utf-8-sig").partition("\n")[0] for path in published.values()]
    assert any('"Approche emballage "' in head for head in heads)
    assert any('"Ciqual  AGB"' in head for head in heads)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("synthese", '"Changement climatique",', '"Climat",', "looked for 32 columns with"),
        ("detail-par-etape", "Changement climatique - Transport", "Changement climatique - Route", "131 columns"),
        ("detail-par-ingredient", "Ingredients", "Ingrédients", "looked for 24 columns with"),
        ("detail-par-etape", '\n"11172",', '\n"999999",', "in record 2 a food of the totals; found code AGB 999999"),
    ],
)
def test_another_layout_is_refused(
    edition: Edition, published: dict[str, Path], tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    copies = {}
    for name, path in published.items():
        lines = path.read_text(encoding="utf-8-sig").splitlines()[:2]
        text = "\n".join(lines) + "\n"
        if name.endswith(f"{file}.csv"):
            assert old in text
            text = text.replace(old, new, 1)
        copies[name] = tmp_path / name
        copies[name].write_text(text, encoding="utf-8")
    with pytest.raises(LayoutError, match=r"The file is not read\.$") as raised:
        reader(edition.reader)(edition, copies)
    assert message in str(raised.value)
