"""Toolbox, version 1.0.0.

Several tools of a plant in one agent.
"""

from .agent import Agent

AGENT = Agent()

__all__ = ["AGENT", "Agent"]
