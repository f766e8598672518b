"""What the agent takes and what it gives. Units stand in brackets at the end of each description."""

from decimal import Decimal
from typing import Annotated, Any

from greenlang_sdk.models import AgentInput, AgentOutput, Number, Text, Truth, Whole, one_of
from pydantic import Field


class Input(AgentInput):
    """What the agent is given."""

    energy: Number = Field(ge=0, description="[kWh]")
    year: Annotated[Whole, one_of(Decimal(2023), Decimal(2024), Decimal(2025))]
    limit: Number | None = Field(default=None, description="[kg]")
    code: Text = Field(pattern="^U[A-Z]$")
    tags: list[Any] | None = Field(default=None)


class Output(AgentOutput):
    """What the agent answers."""

    emissions: Number = Field(description="[kg]")
    clean: Truth
    whole: Whole = Field(description="[kg]")
