"""One module of code, one of tests, and their spec, as a person writes them who has no pack."""

SPEC = """\
schema_version: "2.0.0"
id: heat/pump_cop
name: COP of a heat pump
version: "1.0.0"
summary: Heat delivered for each unit of electricity
tags: [heat]
owners: ["@heat"]
license: Apache-2.0
compute:
  entrypoint: python://agent:Agent
  deterministic: true
  inputs:
    heat: {dtype: float64, unit: kWh, required: true, ge: 0, description: Heat delivered}
    electricity: {dtype: float64, unit: kWh, required: true, gt: 0, description: Electricity used}
  outputs:
    cop: {dtype: float64, unit: "1", description: Coefficient of performance}
  factors: {}
  formulas:
    cop: heat / electricity
tests:
  golden:
    - name: three
      input: {heat: 9, electricity: 3}
      expect: {cop: {value: 3, tol: 0.001}}
"""

AGENT = '''\
"""The coefficient of performance of a heat pump."""

from decimal import Decimal

from greenlang_sdk.agent import CalculatorAgent, ExecutionContext, Tool
from greenlang_sdk.decimals import round_output
from greenlang_sdk.models import AgentInput, AgentOutput, Number
from pydantic import Field


class Input(AgentInput):
    """What is measured."""

    heat: Number = Field(ge=0, description="heat delivered [kWh]")
    electricity: Number = Field(gt=0, description="electricity used [kWh]")


class Output(AgentOutput):
    """What is computed."""

    cop: Number = Field(description="coefficient of performance")


def cop(*, heat: Decimal, electricity: Decimal) -> Decimal:
    """Heat delivered for each unit of electricity."""
    return heat / electricity


class Agent(CalculatorAgent[Input, Output]):
    """Computes the coefficient of performance."""

    agent_id = "heat/pump_cop"
    version = "1.0.0"
    input_model = Input
    output_model = Output
    tools = {"cop": Tool(cop, output="cop", unit="1", formula="heat / electricity", decimals=6)}

    def execute(self, given: Input, context: ExecutionContext) -> Output:
        """The output for one input."""
        value = context.step(cop, heat=given.heat, electricity=given.electricity)
        return Output(cop=round_output(value, 6))
'''

TESTS = '''\
"""Tests of the heat pump."""

import pytest
from greenlang_sdk.testing import calculate

from agent import Agent

CASES = [(heat, electricity) for heat in range(1, 8) for electricity in range(1, 8)]


@pytest.mark.parametrize(("heat", "electricity"), CASES)
def test_cop_is_heat_over_electricity(heat: int, electricity: int) -> None:
    given = {"heat": heat * electricity, "electricity": electricity}
    result = Agent().run(given)
    assert result.data is not None
    assert result.data.cop == heat
    assert calculate(Agent(), given)["cop"] == heat


@pytest.mark.parametrize(("heat", "electricity"), [(-1, 1), (1, 0), (1, -1)])
def test_what_no_heat_pump_does_is_refused(heat: int, electricity: int) -> None:
    result = Agent().run({"heat": heat, "electricity": electricity})
    assert not result.success
    assert result.errors[0].code == "invalid_input"


def test_nothing_delivered_is_nothing() -> None:
    result = Agent().run({"heat": 0, "electricity": 1})
    assert result.data is not None
    assert result.data.cop == 0


def test_a_third_is_rounded_to_six_digits() -> None:
    result = Agent().run({"heat": 1, "electricity": 3})
    assert str(result.data) == "cop=Decimal('0.333333')"
'''
