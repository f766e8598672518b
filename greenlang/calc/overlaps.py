"""No double counting: findings about a set of lines, and a total that is refused while a certain one stands.

What may be counted twice is declared in `emission_factors/accounting/overlaps.yaml`. Belongs here: the public names.
Does not belong here: the work (``overlaps_lines``, ``overlaps_check``, ``overlaps_total``), files, the command line.
"""

from __future__ import annotations

from greenlang.calc.overlaps_check import Finding, check
from greenlang.calc.overlaps_lines import Line, certificate_lines, line_of, read_lines
from greenlang.calc.overlaps_rules import OverlapRules, declared_rules
from greenlang.calc.overlaps_total import Resolution, Total, total

__all__ = [
    "Finding",
    "Line",
    "OverlapRules",
    "Resolution",
    "Total",
    "certificate_lines",
    "check",
    "declared_rules",
    "line_of",
    "read_lines",
    "total",
]
