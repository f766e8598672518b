"""Emission factors: the factor model, the embedded base, and ``ef://`` references against a release.

Belongs here: rows, tables, references. Does not belong here: the figures themselves (``emission_factors/``),
arithmetic with activity data (``greenlang.calc``), clocks, network clients.
"""

from greenlang.factors.model import Factor
from greenlang.factors.table import FactorTable, TablesInfo, build_tables

__all__ = ["Factor", "FactorTable", "TablesInfo", "build_tables"]
