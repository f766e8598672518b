"""The calculations of burn_fuel: one function for each output, in exact decimals.

They do not round; the agent rounds once, when every output is known.
"""

from decimal import Decimal

from greenlang_sdk.agent import Tool

from ...factors import lookup

MMBTU_PER_KWH_NUMERATOR = Decimal(180000000)  # 1 kWh in mmBtu, an exact ratio: its numerator
MMBTU_PER_KWH_DENOMINATOR = Decimal(52752792631)  # 1 kWh in mmBtu, an exact ratio: its denominator
KGCH4_PER_GCH4 = Decimal("0.001")  # 1 gCH4 in kgCH4


def co2_kg(*, consumption: Decimal, fuel_type: str, country: str) -> Decimal:
    """Co2 kg [kgCO2].

    co2_kg = consumption × co2_factor

    Sources:
        EPA GHG Emission Factors Hub 2024, Table 1, distillate-fuel-oil-no-2, CO2; natural-gas,
            CO2
    """
    co2_factor = lookup("co2_factor", fuel_type, country)
    return consumption * MMBTU_PER_KWH_NUMERATOR / MMBTU_PER_KWH_DENOMINATOR * co2_factor


def ch4_kg(*, consumption: Decimal, fuel_type: str, country: str) -> Decimal:
    """Ch4 kg [kgCH4].

    ch4_kg = consumption × ch4_factor

    Sources:
        EPA GHG Emission Factors Hub 2024, Table 1, distillate-fuel-oil-no-2, CH4; natural-gas,
            CH4
    """
    ch4_factor = lookup("ch4_factor", fuel_type, country)
    return (
        consumption
        * MMBTU_PER_KWH_NUMERATOR
        / MMBTU_PER_KWH_DENOMINATOR
        * ch4_factor
        * KGCH4_PER_GCH4
    )


def co2e_kg(*, co2_kg: Decimal, ch4_kg: Decimal) -> Decimal:
    """Greenhouse gases released [kgCO2e].

    co2e_kg = co2_kg + ch4_kg × gwp_ch4

    Sources:
        GHG Protocol, chapter 6
        EPA GHG Emission Factors Hub 2024, Table 1, gwp, CH4
    """
    gwp_ch4 = lookup("burn_fuel.gwp_ch4")
    return co2_kg + ch4_kg * gwp_ch4


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            co2_kg,
            output="co2_kg",
            unit="kgCO2",
            formula="consumption × co2_factor",
            citation=(
                "EPA GHG Emission Factors Hub 2024, Table 1, distillate-fuel-oil-no-2, CO2; "
                "natural-gas, CO2"
            ),
            decimals=6,
        ),
        Tool(
            ch4_kg,
            output="ch4_kg",
            unit="kgCH4",
            formula="consumption × ch4_factor",
            citation=(
                "EPA GHG Emission Factors Hub 2024, Table 1, distillate-fuel-oil-no-2, CH4; "
                "natural-gas, CH4"
            ),
            decimals=6,
        ),
        Tool(
            co2e_kg,
            output="co2e_kg",
            unit="kgCO2e",
            formula="co2_kg + ch4_kg × gwp_ch4",
            citation="GHG Protocol, chapter 6",
            decimals=6,
        ),
    )
}
