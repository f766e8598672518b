"""The nearest references in a table as large as the publishers' own: found from the keys alone."""

from __future__ import annotations

import random
from itertools import product

import pytest

from greenlang.factors.aliases import declared_aliases
from greenlang.factors.nearest import Neighbours, one_slip

FUELS = ("diesel", "petrol", "natural-gas", "coal", "wood", "lpg", "kerosene", "biodiesel", "ethanol", "hydrogen")
USES = tuple(f"{use}-{size}" for use, size in product(("boiler", "truck", "kiln", "pump", "ship"), ("small", "large")))
QUANTITIES = ("co2e-per-kwh", "co2e-per-litre", "co2e-per-kg", "co2-per-gj")
TABLES = (
    ("desnz", "fuels", ("2019", "2020", "2021", "2022", "2024", "2025")),
    ("ademe", "base-carbone", ("22.0",)),
    ("epa", "hub", ("2023", "2024", "2025")),
)


class Keys:
    """What `Neighbours` asks of a table."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys


def large() -> Keys:
    """120,000 keys of ten publishers' tables."""
    chance = random.Random(7)
    found = set()
    for publisher, dataset, vintages in TABLES:
        for fuel, use, number in product(FUELS, USES, range(60)):
            quantity = chance.choice(QUANTITIES)
            for vintage in vintages:
                found.add(f"{publisher}/{dataset}/{vintage}/{fuel}/{use}/model-{number}/{quantity}")
                found.add(f"{publisher}/{dataset}/{vintage}/{fuel}/{use}/model-{number}/of-ch4/{quantity}")
    return Keys(sorted(found))


@pytest.fixture(scope="module")
def near() -> Neighbours:
    return Neighbours(large(), declared_aliases())


def test_the_same_path_in_other_editions_comes_first(near: Neighbours) -> None:
    path = next(key for key in near._keys if key.startswith("desnz/fuels/2022/"))
    found = near.find(path.replace("/2022/", "/2023/"), 3)
    assert [reason for _, reason in found] == [f"same dataset, vintage {year}" for year in (2025, 2024, 2022)]
    assert found[2][0] == f"ef://{path}"


def test_a_slip_of_the_pen_is_found_among_all(near: Neighbours) -> None:
    for path in near._keys[:: len(near._keys) // 12]:
        (first, reason), *_ = near.find(path.replace("model", "modle"), 3)
        assert (first, reason) == (f"ef://{path}", "spelled almost the same")


def test_a_table_is_named_where_the_row_is_not(near: Neighbours) -> None:
    assert near.find("desnz/fuels/2023", 3) == (
        ("ef://desnz/fuels/2025", "same dataset, vintage 2025"),
        ("ef://desnz/fuels/2024", "same dataset, vintage 2024"),
        ("ef://desnz/fuels/2022", "same dataset, vintage 2022"),
    )


def test_what_is_given_exists(near: Neighbours) -> None:
    keys = near._keys
    for path in ("desnz", "iea/diesel", "x/y/diesel", "naturl-gas", "epa/hub/2031/methane/co2e-per-kwh"):
        found = near.find(path, 3)
        assert found
        for ref, reason in found:
            assert reason
            assert any(key == ref[5:] or key.startswith(f"{ref[5:]}/") for key in keys)


@pytest.mark.parametrize("path", ["", "x", "no/such/thing", "a/b/c/co2e-per-kwh", "one/two/three/four/diesel", "gwp"])
def test_what_is_far_off_is_not_given(near: Neighbours, path: str) -> None:
    assert near.find(path, 3) == ()


def test_a_small_and_an_empty_table() -> None:
    assert Neighbours(Keys([]), declared_aliases()).find("a/b/c", 3) == ()
    (only,) = Neighbours(Keys(["a/b/c/d/e"]), declared_aliases()).find("a/b/x/d/e", 3)
    assert only[0] == "ef://a/b/c/d/e"


def test_one_slip() -> None:
    assert {"diesel", "diesels", "deisel", "diesl"} <= one_slip("dieesel") | one_slip("diesel") | {"diesel"}
    assert "natural" in one_slip("natral")
    assert one_slip("gas") == set()
    assert one_slip("x" * 40) == set()
