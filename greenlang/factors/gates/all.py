"""The gates, in the order in which they run.

Belongs here: the list. Does not belong here: any check.
"""

from __future__ import annotations

from greenlang.factors.gates.labels import gwp_label, not_certified, parts_and_wholes
from greenlang.factors.gates.magnitude import against_other_publishers, against_siblings
from greenlang.factors.gates.run import Gate
from greenlang.factors.gates.slips import as_printed, dropped_point, unit_scale
from greenlang.factors.gates.sums import double_gwp, gases_add_up
from greenlang.factors.gates.vintages import against_previous_release, against_previous_vintage
from greenlang.factors.gates.zeros import zero_or_repeated

GATES: tuple[Gate, ...] = (
    as_printed,
    against_other_publishers,
    against_siblings,
    against_previous_release,
    against_previous_vintage,
    unit_scale,
    dropped_point,
    gases_add_up,
    double_gwp,
    gwp_label,
    parts_and_wholes,
    not_certified,
    zero_or_repeated,
)
