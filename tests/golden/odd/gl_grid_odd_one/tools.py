"""The tools of the agent: one function for each output, in exact decimals.

Tools do not round; the agent rounds once, when every output is known.
"""

from decimal import Decimal

from greenlang_sdk.agent import Tool

from .factors import lookup


def emissions(*, energy: Decimal, year: Decimal) -> Decimal:
    """Emissions [kg].

    emissions = energy × grid

    Sources:
        EPA GHG Emission Factors Hub 2024, Table 1, grid-2023, CO2; grid-2024, CO2
    """
    grid = lookup("grid", year)
    return energy * grid


def clean(*, emissions: Decimal, limit: Decimal) -> bool:
    """Clean.

    clean = emissions < limit
    """
    return emissions < limit


def whole(*, emissions: Decimal) -> Decimal:
    """Whole [kg].

    whole = emissions
    """
    return max(emissions, Decimal(0))


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            emissions,
            output="emissions",
            unit="kg",
            formula="energy × grid",
            citation="EPA GHG Emission Factors Hub 2024, Table 1, grid-2023, CO2; grid-2024, CO2",
            decimals=6,
        ),
        Tool(
            clean,
            output="clean",
            unit="1",
            formula="emissions < limit",
        ),
        Tool(
            whole,
            output="whole",
            unit="kg",
            formula="emissions",
            decimals=0,
        ),
    )
}
