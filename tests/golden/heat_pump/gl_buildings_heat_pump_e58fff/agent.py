"""The agent: it checks its input, calls its tools in order and rounds at the end."""

from greenlang_sdk.agent import CalculatorAgent, ExecutionContext
from greenlang_sdk.decimals import round_output

from . import tools
from .models import Input, Output


class Agent(CalculatorAgent[Input, Output]):
    """COP of a heat pump, per Carnot.

    Call ``run`` with an Input or a mapping, or ``call_tool`` for a single figure.
    """

    agent_id = "buildings/heat-pump"
    version = "1.0.0"
    input_model = Input
    output_model = Output
    tools = tools.TOOLS

    def execute(self, given: Input, context: ExecutionContext) -> Output:
        """Every output, in an order in which each comes after those that it needs."""
        cop = context.step(
            tools.cop,
            sink=given.sink,
            lambda_=given.lambda_,
            grade=given.grade,
            cap=given.cap,
        )
        size = context.step(tools.size, cop=cop, units=given.units)
        label = context.step(tools.label, cop=cop)
        return Output(
            cop=round_output(cop, 3),
            size=round_output(size, 4),
            label=label,
        )
