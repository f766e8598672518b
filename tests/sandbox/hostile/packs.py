"""All hostile packs, declared: what each tries, and who has to stop it.

Belongs here: all of them, and the table of the page docs/sandbox.md. Does not belong here: running (`test_matrix.py`).
"""

from __future__ import annotations

from tests.sandbox.hostile import packs_files, packs_forged, packs_gate, packs_processes
from tests.sandbox.hostile.declared import Hostile

PACKS: tuple[Hostile, ...] = (
    *packs_files.PACKS,
    *packs_processes.PACKS,
    *packs_forged.PACKS,
    *packs_gate.PACKS,
)

_STOPPED = {
    "answers": "the answers differ under other conditions",
    "mutants": "no mutant dies, or an unchanged copy fails",
    "coverage": "the coverage falls below what is required",
    "harmless": "nothing comes of it",
}


def table() -> list[tuple[str, str, str, str]]:
    """A row a pack for the page: name, what it tries, the gate's rule, what stops it without the gate."""
    return [(p.name, p.tries, p.gate or "–", _STOPPED[p.then] if p.then else f"`{p.jail}`") for p in PACKS]
