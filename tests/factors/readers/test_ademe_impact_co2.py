"""ADEME Impact CO2: counts, the unit of each theme, what is refused."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.factors.catalogue import Edition, catalogue
from greenlang.factors.model import Factor
from greenlang.factors.readers import LayoutError, Reading, reader

START = "ademe/impact-co2/2026-07-01/"
FILE = "equivalents.csv"


@pytest.fixture(scope="module")
def edition() -> Edition:
    return next(e for e in catalogue() if f"{e.name}/" == START)


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    return shared / "data" / "fr_ademe_impactco2" / FILE


@pytest.fixture(scope="module")
def reading(edition: Edition, published: Path) -> Reading:
    return reader(edition.reader)(edition, {FILE: published})


@pytest.fixture(scope="module")
def rows(reading: Reading) -> dict[str, Factor]:
    return {row.key.removeprefix(START): row for row in reading.rows}


def test_every_line_is_kept_or_refused(reading: Reading) -> None:
    assert (reading.seen, reading.kept) == (425, 391)
    assert reading.reasons() == {"worked example or national total, not a factor": 34}
    assert {(row.kind, row.gas, row.gwp_set, row.language) for row in reading.rows} == {
        ("factor", "CO2e", "unstated", "fr")
    }


def test_units_differ_by_theme(reading: Reading) -> None:
    assert Counter(row.unit for row in reading.rows) == {
        "kgCO2e/passenger_km": 111,
        "kgCO2e/vehicle_km": 29,
        "kgCO2e/kg": 135,
        "kgCO2e/item": 94,
        "kgCO2e/L": 9,
        "kgCO2e/(m**2*year)": 9,
        "kgCO2e/hour": 2,
        "kgCO2e/gigabyte": 1,
        "kgCO2e/(gigabyte*year)": 1,
    }


def test_lines_as_published(rows: dict[str, Factor]) -> None:
    butter = rows["alimentation/beurre/co2e-per-kg"]
    assert (butter.value, butter.cell_text, butter.name) == (Decimal("7.91333"), "7.91333", "Beurre")
    bread = rows["alimentation/baguette/co2e-per-kg"]
    assert (bread.value, bread.cell_text) == (Decimal("0.7767"), "0.7767000000000001")  # float noise
    assert rows["transport/tgv/co2e-per-passenger-km"].value == Decimal("0.00293")
    assert rows["usage-numerique/streamingvideo/co2e-per-hour"].value == Decimal("0.06401675291")


def test_a_meal_is_no_kilogram(rows: dict[str, Factor]) -> None:
    meals = [row for row in rows.values() if row.name.startswith("Repas ")]
    assert len(meals) == 10
    assert {row.unit for row in meals} == {"kgCO2e/item"}


def test_a_car_is_per_vehicle_and_a_shared_seat_per_passenger(rows: dict[str, Factor]) -> None:
    car = rows["transport/voiturethermique/co2e-per-vehicle-km"]
    seat = rows["transport/voiturethermique-plus-1/co2e-per-passenger-km"]
    assert abs(car.value / 2 - seat.value) < Decimal("1e-12")


def test_objects_are_counted_over_their_life(rows: dict[str, Factor]) -> None:
    jeans = rows["habillement/jeans/co2e-per-item"]
    assert (jeans.unit, jeans.boundary) == ("kgCO2e/item", "life-cycle")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kg CO2e", "g CO2e", "looked for Nom de l'objet ou du geste, kg CO2e"),
        (",Alimentation,", ",Animaux,", "in record 2; found Animaux"),
    ],
)
def test_another_layout_is_refused(
    edition: Edition, published: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    copy = tmp_path / FILE
    copy.write_text(published.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LayoutError) as raised:
        reader(edition.reader)(edition, {FILE: copy})
    assert message in str(raised.value)
