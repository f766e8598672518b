"""Specs: the AgentSpec model, one reader per dialect, and checks whose findings are values.

Belongs here: reading YAML with positions, dialects, diagnostics. Does not belong here: looking up factors or
finding plans (``greenlang.resolution``), writing files.
"""
