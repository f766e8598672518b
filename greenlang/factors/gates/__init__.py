"""Plausibility gates: what is wrong with figures that read well, and what people have decided about it.

Belongs here: checks over the rows of a release candidate, the reviewed list of findings. Does not belong here: layouts,
selection, and mending: a gate never changes a figure.
"""

from __future__ import annotations

from greenlang.factors.gates.report import Finding, Report

__all__ = ["Finding", "Report"]
