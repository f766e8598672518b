"""burn_fuel_ar5: Calculate carbon emissions with zero hallucination."""

from .agent import Agent
from .models import Input, Output
from .tools import TOOLS

__all__ = ["TOOLS", "Agent", "Input", "Output"]
