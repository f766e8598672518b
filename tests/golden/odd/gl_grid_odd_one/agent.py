"""The agent: it checks its input, calls its tools in order and rounds at the end."""

from collections.abc import Mapping

from greenlang_sdk.agent import CalculatorAgent, ExecutionContext, need
from greenlang_sdk.decimals import round_output, round_whole
from greenlang_sdk.factors import PinnedTable

from . import factors, tools
from .models import Input, Output


class Agent(CalculatorAgent[Input, Output]):
    """Odd One.

    Call ``run`` with an Input or a mapping, or ``call_tool`` for a single figure. ``health`` proves the
    pinned rows.
    """

    agent_id = "grid/odd_one"
    version = "1.0.0"
    input_model = Input
    output_model = Output
    tools = tools.TOOLS

    def execute(self, given: Input, context: ExecutionContext) -> Output:
        """Every output, in an order in which each comes after those that it needs."""
        emissions = context.step(tools.emissions, energy=given.energy, year=given.year)
        clean = context.step(tools.clean, emissions=emissions, limit=need(given.limit, "limit"))
        whole = context.step(tools.whole, emissions=emissions)
        return Output(
            emissions=round_output(emissions, 6),
            clean=clean,
            whole=round_whole(whole, "whole"),
        )

    def factor_tables(self) -> Mapping[str, PinnedTable]:
        """The pinned look-up tables."""
        return factors.tables()
