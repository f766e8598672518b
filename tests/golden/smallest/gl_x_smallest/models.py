"""What the agent takes and what it gives. Units stand in brackets at the end of each description."""

from greenlang_sdk.models import AgentInput, AgentOutput, Number


class Input(AgentInput):
    """What the agent is given."""

    a: Number


class Output(AgentOutput):
    """What the agent answers."""

    b: Number
