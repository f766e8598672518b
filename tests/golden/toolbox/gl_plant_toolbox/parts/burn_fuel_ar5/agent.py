"""burn_fuel_ar5 as an agent: it checks its input, calculates in order and rounds at the end."""

from collections.abc import Mapping

from greenlang_sdk.agent import CalculatorAgent, ExecutionContext
from greenlang_sdk.decimals import round_output
from greenlang_sdk.factors import PinnedTable

from ... import factors
from . import tools
from .models import Input, Output


class Agent(CalculatorAgent[Input, Output]):
    """Calculate carbon emissions with zero hallucination.

    Call ``run`` with an Input or a mapping, or ``call_tool`` for a single figure. ``health`` proves the
    pinned rows.
    """

    agent_id = "plant/toolbox"
    version = "1.0.0"
    input_model = Input
    output_model = Output
    tools = tools.TOOLS

    def execute(self, given: Input, context: ExecutionContext) -> Output:
        """Every output, in an order in which each comes after those that it needs."""
        co2_kg = context.step(
            tools.co2_kg,
            consumption=given.consumption,
            fuel_type=given.fuel_type,
            country=given.country,
        )
        ch4_kg = context.step(
            tools.ch4_kg,
            consumption=given.consumption,
            fuel_type=given.fuel_type,
            country=given.country,
        )
        co2e_kg = context.step(tools.co2e_kg, co2_kg=co2_kg, ch4_kg=ch4_kg)
        return Output(
            co2e_kg=round_output(co2e_kg, 6),
            co2_kg=round_output(co2_kg, 6),
            ch4_kg=round_output(ch4_kg, 6),
            calculation_provenance=context.provenance(),
        )

    def factor_tables(self) -> Mapping[str, PinnedTable]:
        """The pinned look-up tables."""
        return factors.tables()
