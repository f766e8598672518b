"""Carbon Calculator V1, version 1.0.0.

Calculate carbon emissions with zero hallucination.
"""

from .agent import Agent
from .models import Input, Output
from .tools import TOOLS

AGENT = Agent()

__all__ = ["AGENT", "TOOLS", "Agent", "Input", "Output"]
