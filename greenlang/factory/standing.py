"""What stands: agents of which nothing can come, because nothing that they were built of has changed.

``var/state/world.json`` names the world (tables, templates, code) that every accepted spec was tried against. While it
is the world of now, a registered agent is told from its row: no worker and no sandbox is started to find that out.
Overlays are no part of the world, nor is the registry, which may be another one by now: these are looked at each time.

Belongs here: that file, and what the rows say. Does not belong here: comparing what an agent renders to
(``greenlang.factory.build``), the batch (``greenlang.factory.line``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from greenlang.factory.attest import envelope_path
from greenlang.factory.build import Built, Clock, Task
from greenlang.factory.outcome import AgentOutcome
from greenlang.llm.waiting import AtHand
from greenlang.metrics import MetricsStore
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import identity, slug

AGAIN = frozenset({"infrastructure", "refused"})  # a refused spec still in specs/ was killed before its move
STANDING = (
    "state",
    "score",
    "coverage",
    "tests_passed",
    "tests_total",
    "pack_digest",
    "certificate_digest",
    "consumed_digest",
    "sandbox_profile",
    "mutant_tier",
    "report",
)
_NAMES = ("agent_id", "version", "name", "spec_digest", "dialect")


def undecided(row: Mapping[str, Any] | None, at_hand: AtHand) -> bool:
    """Whether a spec has no outcome that stands: none, a mishap, or one that waited for a model that has come."""
    if row is None or row["outcome"] in AGAIN:
        return True
    waits_for = str(row.get("waits_for") or "")
    return waits_for != "" and at_hand.came(waits_for)


def held(key: str, row: Mapping[str, Any], registered: Mapping[tuple[str, str], str]) -> bool:
    """Whether the registry holds what a row calls registered, of this spec; True for all other rows.

    ``registered`` is (agent id, version) -> digest of the spec.
    """
    return str(row["outcome"]) != "registered" or registered.get(identity(key)) == str(row["spec_digest"])


def tried_less(row: Mapping[str, Any], mutants: int | str) -> bool:
    """Whether a registered agent met fewer mutants than are asked for."""
    if row.get("outcome") != "registered":
        return False
    met = str(row.get("mutant_tier") or 0)
    return met != "all" and (mutants == "all" or int(met) < int(mutants))


def unchanged(
    settings: Settings, tasks: Sequence[Task], rows: Mapping[str, Mapping[str, Any]], store: MetricsStore
) -> dict[str, Built]:
    """By key, what comes of the tasks whose agent stands, in a world that every accepted spec was tried against."""
    kept = [task for task in tasks if task.standing and _whole(settings.packs / slug(task.key))]
    overlays = store.overlays([task.key for task in kept])
    kept = [task for task in kept if _overlay(task) == overlays.get(task.key, "")]
    return as_told([rows[task.key] for task in kept], store)


def as_told(rows: Sequence[Mapping[str, Any]], store: MetricsStore) -> dict[str, Built]:
    """By key, what is told of registered agents that stand, from their rows alone."""
    texts = store.texts([str(row["key"]) for row in rows])
    built = {}
    for row in rows:
        summary, findings = texts[row["key"]]
        outcome = AgentOutcome(
            row["key"],
            row["file"],
            "registered",
            "unchanged",
            **{name: row[name] for name in (*_NAMES, *STANDING)},
            rebuilt=False,
            diagnostics=tuple(Diagnostic(**finding) for finding in findings),
            summary=summary,
        )
        built[outcome.key] = Clock(outcome.key).built(outcome, last="agent_generation")
    return built


def _overlay(task: Task) -> str:
    return "" if task.source.overlay is None else hashlib.sha256(task.source.overlay).hexdigest()


def _whole(pack: Path) -> bool:
    return pack.is_dir() and envelope_path(pack).is_file()  # a run may have ended before it was signed


# --- the world ------------------------------------------------------------------------------------------------------


def world_of(settings: Settings) -> str:
    """The world that every accepted spec was tried against; "" where there is none."""
    try:
        return str(json.loads(_path(settings).read_text())["world"])
    except (FileNotFoundError, ValueError, KeyError):
        return ""


def remember(settings: Settings, world: str) -> None:
    """Every accepted spec was tried against this world: until it changes, only new specs are stale."""
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({"world": world}))
    temporary.replace(path)


def forget(settings: Settings) -> None:
    """Some specs are about to be tried against another world than the rest."""
    _path(settings).unlink(missing_ok=True)


def _path(settings: Settings) -> Path:
    return settings.var / "state" / "world.json"
