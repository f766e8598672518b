"""The repair ladder: mend mechanically, regenerate, propose an overlay, let a model patch the code, or quarantine.

Belongs here: classes of failures, patches and their journal, the rungs, the dossier. Does not belong here: building,
running and judging packs (the caller hands them in), providers of models (`greenlang.llm`).

    ladder                  `repair`: the rungs in order, what is kept, when to stop
    asking                  what a climb may still ask of a model, what it paid, why a rung had no answer
    outcome                 request, outcome, rows for the metrics
    classes, split          failures classed and fingerprinted; the half of the tests that a repair may see
    patches, compare        what a patch may touch, journal and rollback; whether anything got worse
    mechanical, overlay, code, dossier
                            one rung each; regenerating needs no module
"""

from greenlang.quality.repair.classes import Failure, classify
from greenlang.quality.repair.ladder import repair
from greenlang.quality.repair.outcome import (
    BUDGET_USD,
    ROUNDS,
    Attempt,
    Judged,
    Proposal,
    RepairOutcome,
    RepairRequest,
)
from greenlang.quality.repair.overlay import resolver
from greenlang.quality.repair.patches import Change, Patch, rollback

__all__ = [
    "BUDGET_USD",
    "ROUNDS",
    "Attempt",
    "Change",
    "Failure",
    "Judged",
    "Patch",
    "Proposal",
    "RepairOutcome",
    "RepairRequest",
    "classify",
    "repair",
    "resolver",
    "rollback",
]
