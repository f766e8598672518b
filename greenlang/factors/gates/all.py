"""The gates, in the order in which they run.

Belongs here: the list. Does not belong here: any check.
"""

from __future__ import annotations

from greenlang.factors.gates.labels import gwp_label, parts_and_wholes
from greenlang.factors.gates.run import Gate

GATES: tuple[Gate, ...] = (gwp_label, parts_and_wholes)
