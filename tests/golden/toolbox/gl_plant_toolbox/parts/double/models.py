"""What the tool takes and what it gives. Units stand in brackets at the end of each description."""

from greenlang_sdk.models import AgentInput, AgentOutput, Number


class Input(AgentInput):
    """What the tool is given."""

    a: Number


class Output(AgentOutput):
    """What the tool answers."""

    b: Number
