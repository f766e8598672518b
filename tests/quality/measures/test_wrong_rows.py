"""Pinned rows that are not as the factor table has them, each with a digest that is true for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk.canonical import digest

from tests.quality.measures.planted import (
    FACTORS,
    FLEET,
    FUELS,
    UK,
    Wrong,
    both,
    check,
    data,
    row,
    vectors,
)


def without_row(content: dict[str, Any]) -> None:
    content["factors"] = [r for r in content["factors"] if "diesel-fuel" not in r["key"]]
    for table in content["tables"]:
        table["rows"] = [r for r in table["rows"] if "diesel-fuel" not in r["factor"]]


def one_too_many(content: dict[str, Any]) -> None:
    more = content["factors"][0] | {"key": "made/up/row", "publisher": "made"}
    content["factors"].append(more | {"digest": digest({k: v for k, v in more.items() if k != "digest"})})


def without_gap(content: dict[str, Any]) -> None:
    for table in content["tables"]:
        table["gaps"] = table["gaps"][:1]


PINNED: Wrong = {
    "figure changed with its digest and the vectors": (
        UK,
        both(
            row(lambda r: r.update(value="0.178", cell_text="0.178")),
            vectors(lambda c: c["figures"][0].update(value="0.178")),
        ),
        {"determinism.pinned rows", "determinism.literal audit", "determinism.differential", "determinism.as expected"},
        'value of desnz/electricity/2025/electricity-generated/co2e-per-kwh is "0.178"',
    ),
    "row left out": (
        FLEET,
        data(FACTORS, without_row),
        {"determinism.pinned rows"},
        "diesel-fuel/co2-per-gallon is left out",
    ),
    "row too many": (UK, data(FACTORS, one_too_many), {"determinism.pinned rows"}, "made/up/row is not pinned"),
    "another source": (UK, row(lambda r: r.update(document="Made up")), {"determinism.pinned rows"}, "document of"),
    "another place": (
        UK,
        row(lambda r: r.update(cell="A1")),
        {"determinism.pinned rows", "operations.one answer"},
        "cell of",
    ),
    "another licence": (UK, row(lambda r: r.update(licence="CC0")), {"determinism.pinned rows"}, "licence of"),
    "another vintage": (UK, row(lambda r: r.update(vintage="2024")), {"determinism.pinned rows"}, 'is "2024"'),
    "another release of the source": (
        UK,
        row(lambda r: r.update(source_digest="0" * 64)),
        {"determinism.pinned rows"},
        "source_digest",
    ),
    "field of a row left out": (UK, row(lambda r: r.pop("gwp_set")), {"determinism.pinned rows"}, "gwp_set of"),
    "gap left out": (FUELS, data(FACTORS, without_gap), {"determinism.pinned rows"}, "gaps of ef_ch4 lacks"),
    "unit of a look-up": (
        UK,
        data(FACTORS, lambda c: c["tables"][0].update(unit="kgCO2e/MWh")),
        {"determinism.pinned rows"},
        "unit of generation",
    ),
}


@pytest.mark.parametrize("name", PINNED)
def test_a_row_that_is_not_the_factor_table_s_is_told(name: str, tmp_path: Path) -> None:
    check(PINNED[name], tmp_path / "pack")
