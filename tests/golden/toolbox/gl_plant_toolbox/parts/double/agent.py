"""Double as an agent: it checks its input, calculates in order and rounds at the end."""

from greenlang_sdk.agent import CalculatorAgent, ExecutionContext
from greenlang_sdk.decimals import round_output

from . import tools
from .models import Input, Output


class Agent(CalculatorAgent[Input, Output]):
    """Smallest.

    Call ``run`` with an Input or a mapping, or ``call_tool`` for a single figure.
    """

    agent_id = "plant/toolbox"
    version = "1.0.0"
    input_model = Input
    output_model = Output
    tools = tools.TOOLS

    def execute(self, given: Input, context: ExecutionContext) -> Output:
        """Every output, in an order in which each comes after those that it needs."""
        b = context.step(tools.b, a=given.a)
        return Output(
            b=round_output(b, 6),
        )
