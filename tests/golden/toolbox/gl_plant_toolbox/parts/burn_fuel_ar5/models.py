"""What the tool takes and what it gives. Units stand in brackets at the end of each description."""

from typing import Literal

from greenlang_sdk.models import AgentInput, AgentOutput, Number, Text
from pydantic import Field


class Input(AgentInput):
    """What the tool is given."""

    fuel_type: Literal["natural_gas", "diesel", "coal", "electricity"]
    consumption: Number = Field(ge=0, description="Energy in the fuel (gross) [kWh]")
    country: Text = Field(pattern="^[A-Z]{2}$", description='ISO code such as "US"')


class Output(AgentOutput):
    """What the tool answers."""

    co2e_kg: Number = Field(description="Greenhouse gases released [kgCO2e]")
    co2_kg: Number = Field(description="[kgCO2]")
    ch4_kg: Number = Field(description="[kgCH4]")
    calculation_provenance: Text = Field(description="SHA-256 hash of calculation chain")
