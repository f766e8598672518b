"""Odd One, version 1.0.0."""

from .agent import Agent
from .models import Input, Output
from .tools import TOOLS

AGENT = Agent()

__all__ = ["AGENT", "TOOLS", "Agent", "Input", "Output"]
