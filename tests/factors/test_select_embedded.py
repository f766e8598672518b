"""Selection over the embedded base, as a person would ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from greenlang.factors import FactorTable
from greenlang.factors.select import Request, Selection, SelectionRefused, Selector

SELECTOR = Selector(FactorTable.load())


def answer(**asked: Any) -> Selection:
    return SELECTOR.select(Request(**asked))


@pytest.mark.parametrize(
    ("asked", "key", "value", "unit"),
    [
        (
            {"activity": "electricity", "region": "UK", "year": 2025},
            "desnz/electricity/2025/electricity-generated/co2e-per-kwh",
            "0.177",
            "kgCO2e/kWh",
        ),
        (
            {"activity": "electricity", "region": "CAMX", "year": 2025, "gas": "CO2", "source": "EPA"},
            "epa/egrid/2023/electricity/camx/co2-per-mwh",
            "436.655",
            "lbCO2/MWh",
        ),
        (
            {"activity": "electricity", "region": "CAMX", "year": 2022, "gas": "CO2", "source": "EPA"},
            "epa/egrid/2022/electricity/camx/co2-per-mwh",
            "497.443",
            "lbCO2/MWh",
        ),
        (
            {"activity": "natural gas", "region": "US", "year": 2025, "gas": "CO2", "per": "mmBtu"},
            "epa/stationary-combustion/2025/natural-gas/co2-per-mmbtu",
            "53.06",
            "kgCO2/mmBtu",
        ),
        (
            {"activity": "natural_gas", "region": "GB", "year": 2025, "per": "MWh", "calorific_basis": "HHV"},
            "desnz/fuels/2025/natural-gas/co2e-per-kwh-gross",
            "182.96",
            "kgCO2e/MWh",
        ),
        (
            {"activity": "76011000", "region": "China", "year": 2027, "boundary": "total"},
            "ec/cbam/2025-2621/total/7601/cn/co2e-per-t",
            "3",
            "tCO2e/t",
        ),
        (
            {"activity": "methane", "kind": "gwp", "gas": "CH4", "gwp_set": "AR5GWP100"},
            "ipcc/gwp/ar5/ch4/gwp-100",
            "28",
            "kgCO2e/kgCH4",
        ),
        (
            {"activity": "hgv", "region": "GB", "year": 2025, "per": "tonne.km"},
            "desnz/freight/2025/hgv-all/average-laden/co2e-per-tonne-km",
            None,
            "kgCO2e/tonne_km",
        ),
    ],
)
def test_what_a_person_asks(asked: dict[str, Any], key: str, value: str | None, unit: str) -> None:
    found = answer(**asked)
    assert found.factor.key == key
    assert found.unit in {unit, unit.replace("tonne_km", "tonne.km")}
    assert value is None or found.value == Decimal(value)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"activity": "natural gas", "region": "GB", "year": 2025, "per": "kWh"},
            "2 rows remain; `calorific_basis` (HHV, LHV) decides",
        ),
        (
            {"activity": "natural gas", "region": "US", "year": 2025, "source": "epa"},
            "no figure with gas CO2e; ask for `gas` (CH4, CO2, N2O) and `per` (mmBtu, scf), and bring each to CO2e",
        ),
        (
            {"activity": "25231000", "region": "CN", "boundary": "total"},
            "2 rows remain; `activity` (25231000/route-a, 25231000/route-b) decides",
        ),
        (
            {"activity": "wood", "region": "US", "year": 2025, "gas": "CO2"},
            "no figure with biogenic origin not biogenic; there is biogenic and `per` (mmBtu, short_ton); biogenic",
        ),
        (
            {"activity": "electricity", "region": "GB", "year": 2025, "scope2_method": "market-based"},
            "no figure with scope 2 method market-based; there is scope2_method=location-based; scope 2 method never",
        ),
        (
            {"activity": "coal", "region": "US", "gas": "CO2", "per": "mmBtu", "year": 2025},
            "no activity is called `coal`; perhaps `anthracite-coal`, `bituminous-coal`, ",
        ),
    ],
)
def test_what_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectionRefused) as caught:
        answer(**asked)
    assert str(caught.value).startswith(message)


def test_a_default_answer_is_one_that_its_standing_calls_eligible() -> None:
    table = SELECTOR.table
    eligible = {key for key, standing in zip(table.keys, table.standings(), strict=True) if standing.eligible}
    tried = found = 0
    for factor in list(table)[::7]:
        if factor.gas and not factor.biogenic:
            tried += 1
            try:
                selection = answer(
                    activity=factor.activity,
                    region=factor.region or None,
                    source=f"{factor.publisher}/{factor.dataset}/{factor.vintage}",
                    gas=factor.gas,
                    per=factor.per,
                    boundary=factor.boundary,
                    calorific_basis=factor.calorific_basis or None,
                    kind="gwp" if factor.kind == "gwp" else "factor",
                )
            except SelectionRefused:
                continue
            found += 1
            assert selection.factor.key in eligible
    assert found > 0.8 * tried
