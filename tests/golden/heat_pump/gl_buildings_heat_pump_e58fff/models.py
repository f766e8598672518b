"""What the agent takes and what it gives. Units stand in brackets at the end of each description."""

from decimal import Decimal
from typing import Annotated

from greenlang_sdk.models import AgentInput, AgentOutput, Number, Text, Truth, Whole, one_of
from pydantic import Field


class Input(AgentInput):
    """What the agent is given."""

    lambda_: Number = Field(
        validation_alias="lambda",
        serialization_alias="lambda",
        ge=-30,
        le=Decimal("40.5"),
        description="Source | outside air [degC]",
    )
    sink: Number = Field(gt=0, lt=90, description="[degC]")
    grade: Number = Field(default=Decimal("0.45"), gt=0, le=1, description="Second-law\\efficiency")
    units: Whole = Field(ge=1)
    cap: Annotated[Number, one_of(Decimal(5), Decimal("7.5"))]
    note: Text | None = Field(default=None, description='"""quoted"""')
    copy_: Truth = Field(default=False, validation_alias="copy", serialization_alias="copy")


class Output(AgentOutput):
    """What the agent answers."""

    cop: Number = Field(description="Coefficient of performance")
    size: Number
    label: Text
