"""The agent: it hands a call to the tool that is named, and answers in its own name."""

from typing import Any

from greenlang_sdk.agent import CalculatorAgent
from greenlang_sdk.toolbox import ToolboxAgent

from .parts import burn_fuel, burn_fuel_ar5, double, heat_pump


class Agent(ToolboxAgent):
    """Several tools of a plant in one agent.

    Call ``call`` with the name of a tool and its input, or ``run`` with both; ``health`` to prove the
    pinned factors. ``agents`` holds the agent of each tool.
    """

    agent_id = "plant/toolbox"
    version = "1.0.0"

    def __init__(self) -> None:
        self.agents: dict[str, CalculatorAgent[Any, Any]] = {
            "burn_fuel": burn_fuel.Agent(),
            "burn_fuel_ar5": burn_fuel_ar5.Agent(),
            "heat_pump": heat_pump.Agent(),
            "Double": double.Agent(),
        }
        super().__init__(self.agents)
