"""A small factor table and a small formula library of their own, so that these tests do not move with the figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from greenlang.calc import CalculationContext
from greenlang.factors import Factor

FORMULAS = """\
formulas:
  - id: carbon/test/by-gas
    name: Gases of a fuel
    domain: carbon
    citation: {document: "A guideline, 2020", locator: Equation 1}
    symbols:
      energy: {origin: input, unit: kWh, meaning: energy burnt, range: [0, 1000000000]}
      ef_co2: {origin: factor, gas: CO2, unit: kgCO2/kWh, meaning: CO2 factor, range: [0, null]}
      ef_ch4: {origin: factor, gas: CH4, unit: kgCH4/kWh, meaning: CH4 factor, range: [0, null]}
      gwp_ch4: {origin: gwp, gas: CH4, activity: ch4, unit: kgCO2e/kgCH4, meaning: GWP of CH4}
      oxidation: {origin: parameter, unit: "1", meaning: oxidised share, default: 0.99, source: Table 1, range: [0, 1]}
    outputs:
      co2: {unit: kgCO2, expression: energy * ef_co2 * oxidation, meaning: CO2}
      co2e: {unit: kgCO2e, expression: "co2 * 1 [kgCO2e/kgCO2] + energy * ef_ch4 * gwp_ch4", meaning: all gases}
      intensity: {unit: kgCO2e/kWh, expression: co2e / energy, meaning: intensity}
    vectors:
      - source: worked by hand
        given: {energy: 1000, ef_co2: 0.2, ef_ch4: 0.001, gwp_ch4: 28}
        expect: {co2: 198, co2e: 226, intensity: 0.226}

  - id: carbon/test/two-sources
    name: Two sources
    domain: carbon
    citation: {document: "A guideline, 2020", locator: Equation 2}
    symbols:
      a: {origin: input, unit: kWh, meaning: first energy}
      ef_a: {origin: factor, gas: CO2e, unit: kgCO2e/kWh, meaning: first factor}
      b: {origin: input, unit: kWh, meaning: second energy}
      ef_b: {origin: factor, gas: CO2e, unit: kgCO2e/kWh, meaning: second factor}
    outputs:
      co2e: {unit: kgCO2e, expression: a * ef_a + b * ef_b, meaning: both}
    vectors:
      - source: worked by hand
        given: {a: 1, ef_a: 2, b: 3, ef_b: 4}
        expect: {co2e: 14}

  - id: carbon/test/fleet
    name: Fuels of a fleet
    domain: carbon
    citation: {document: "A guideline, 2020", locator: Equation 3}
    symbols:
      fuels:
        origin: input
        type: table
        meaning: fuels bought
        columns:
          kind: {type: text, enum: [diesel, petrol], meaning: kind of fuel}
          volume: {unit: litre, range: [0, null], meaning: volume}
          ef: {unit: kgCO2e/litre, range: [0, null], meaning: factor}
      audited: {origin: input, type: truth, meaning: whether the books were audited}
      site: {origin: input, type: text, enum: [open, closed], meaning: kind of site}
      uplift: {origin: parameter, unit: percent, meaning: uplift without audit, default: 5, source: "Table 2"}
    outputs:
      mass:
        unit: kg
        expression: 'sum(fuels, fuels.volume * if(fuels.kind == "diesel", 0.84 [kg/litre], 0.75 [kg/litre]))'
        meaning: mass
      co2e:
        unit: tCO2e
        expression: sum(fuels, fuels.volume * fuels.ef) * if(audited, 1, 1 + uplift)
        meaning: emissions
      loss: {unit: kg, expression: 'mass * table("losses", "share", site = site)', meaning: losses}
    vectors:
      - source: worked by hand
        given:
          fuels: [{kind: diesel, volume: 1000, ef: 2.5}, {kind: petrol, volume: 100, ef: 2}]
          audited: true
          site: open
        expect: {mass: 915, co2e: 2.7, loss: 9.15}

  - id: carbon/test/wood
    name: Wood
    domain: carbon
    citation: {document: "A guideline, 2020", locator: Equation 4}
    symbols:
      energy: {origin: input, unit: MWh, meaning: energy of the wood}
      ef_bio: {origin: factor, gas: CO2b, unit: kgCO2b/kWh, meaning: biogenic CO2 factor}
      ef_ch4: {origin: factor, gas: CH4b, unit: kgCH4b/kWh, meaning: CH4 factor}
      gwp: {origin: gwp, gas: CH4b, activity: ch4-non-fossil, unit: kgCO2e/kgCH4b, meaning: GWP of biogenic CH4}
    outputs:
      biogenic: {unit: kgCO2b, expression: energy * ef_bio, meaning: "biogenic CO2, outside the total"}
      co2e: {unit: kgCO2e, expression: energy * ef_ch4 * gwp, meaning: methane}
    vectors:
      - source: worked by hand
        given: {energy: 1, ef_bio: 0.3, ef_ch4: 0.0001, gwp: 27}
        expect: {biogenic: 300, co2e: 2.7}

  - id: carbon/test/share
    name: Share of a supplier
    domain: carbon
    citation: {document: "A guideline, 2020", locator: Equation 5}
    symbols:
      part: {origin: input, unit: tCO2e, meaning: of the part, range: [null, null]}
      whole: {origin: input, unit: tCO2e, meaning: of the whole}
      area: {origin: input, unit: m^2, meaning: floor, range: [null, null]}
    outputs:
      share: {unit: "1", expression: part / whole, meaning: share}
      side: {unit: m, expression: sqrt(area) * share, meaning: side}
      root: {unit: "1", expression: ln(share), meaning: logarithm}
    vectors:
      - source: worked by hand
        given: {part: 5, whole: 5, area: 4}
        expect: {share: 1, side: 2, root: 0}

  - id: carbon/test/temperatures
    name: Temperatures
    domain: carbon
    citation: {document: "A guideline, 2020", locator: Equation 6}
    symbols:
      T: {origin: input, unit: K, meaning: temperature of the gas}
      dT: {origin: input, unit: K, meaning: temperature rise}
    outputs:
      share: {unit: "1", expression: dT / T, meaning: share}
    vectors:
      - source: worked by hand
        given: {T: 300, dT: 30}
        expect: {share: 0.1}
"""

LOSSES = """\
table: losses
citation: {document: "A guideline, 2020", locator: Table 3}
keys: [site]
columns: {share: {unit: "1", meaning: share lost}}
rows:
  - {site: open, share: 0.01}
  - {site: closed, share: 0.002}
"""


def row(key: str, value: str, unit: str, **more: Any) -> Factor:
    """A factor row; what is not said is plain."""
    publisher, dataset, vintage, *rest = key.split("/")
    plain: dict[str, Any] = {
        "category": "",
        "gas": "CO2e",
        "gwp_set": "",
        "region": "",
        "cell_text": value,
        "per": unit.partition("/")[2],
        "data_year": None,
        "publication_year": 2024,
        "scope": "",
        "boundary": "",
        "scope2_method": "",
        "calorific_basis": "",
        "biogenic": False,
        "licence": "free",
        "document": f"Document of {publisher}",
        "table": "Table 1",
        "cell": "A1",
        "source_digest": "0" * 64,
    }
    told = {"publisher": publisher, "dataset": dataset, "vintage": vintage, "activity": "/".join(rest[:-1])}
    return Factor(**{**plain, **told, "key": key, "value": Decimal(value), "unit": unit, **more})


ROWS = (
    row("epa/fuels/2024/gas/co2-per-mmbtu", "53.06", "kgCO2/mmBtu", gas="CO2", calorific_basis="HHV"),
    row("epa/fuels/2024/gas/ch4-per-mmbtu", "1.0", "gCH4/mmBtu", gas="CH4", calorific_basis="HHV"),
    row("epa/fuels/2024/wood/co2-per-mmbtu", "93.8", "kgCO2/mmBtu", gas="CO2", biogenic=True),
    row("epa/fuels/2024/wood/ch4-per-mmbtu", "7.2", "gCH4/mmBtu", gas="CH4"),
    row("desnz/power/2025/grid/co2e-per-kwh", "0.177", "kgCO2e/kWh", gwp_set="AR5GWP100", publication_year=2025),
    row("epa/power/2024/grid/co2e-per-mwh", "373.1", "kgCO2e/MWh", gwp_set="AR4GWP100"),
    row("ademe/base/22/grid/co2e-per-kwh", "0.052", "kgCO2e/kWh", gwp_set="unstated"),
    row("ademe/base/22/heat/co2e-per-kwh", "0.1", "kgCO2e/kWh", gwp_set="unstated"),
    row("unfccc/ifi/3/grid/co2e-per-kwh", "0.5", "kgCO2e/kWh", gwp_set="unstated", permitted_use="project"),
    row("desnz/fuels/2025/diesel/co2e-per-litre", "2.57082", "kgCO2e/litre", gwp_set="AR5GWP100"),
    row("ipcc/gwp/ar4/ch4/gwp-100", "25", "kgCO2e/kgCH4", gas="CH4", gwp_set="AR4GWP100", kind="gwp"),
    row("ipcc/gwp/ar5/ch4/gwp-100", "28", "kgCO2e/kgCH4", gas="CH4", gwp_set="AR5GWP100", kind="gwp"),
    row("ipcc/gwp/ar6/ch4/gwp-100", "27.9", "kgCO2e/kgCH4", gas="CH4", gwp_set="AR6GWP100", kind="gwp"),
    row("ipcc/gwp/ar6/ch4-fossil/gwp-100", "29.8", "kgCO2e/kgCH4", gas="CH4", gwp_set="AR6GWP100", kind="gwp"),
    row("ipcc/gwp/ar6/ch4-non-fossil/gwp-100", "27", "kgCO2e/kgCH4", gas="CH4", gwp_set="AR6GWP100", kind="gwp"),
)

AR5 = CalculationContext(gwp_set="AR5GWP100")
GAS: dict[str, Any] = {"energy": "1 MWh", "ef_co2": "ef://epa/fuels/2024/gas", "ef_ch4": "ef://epa/fuels/2024/gas"}
FLEET: dict[str, Any] = {
    "fuels": [
        {"kind": "diesel", "volume": "1 m^3", "ef": "ef://desnz/fuels/2025/diesel"},
        {"kind": "petrol", "volume": 100, "ef": {"value": "2.1", "unit": "kgCO2e/litre", "basis": "AR5GWP100"}},
    ],
    "audited": False,
    "site": "closed",
}
