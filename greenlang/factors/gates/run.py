"""All gates over one candidate, held against the reviewed list.

Belongs here: running, joining with `emission_factors/findings/*.yaml`. Does not belong here: any single check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.gates.columns import Columns, columns
from greenlang.factors.gates.report import Decision, Finding, Report
from greenlang.factors.table import FactorTable

# A gate gives its findings and the keys that it could compare with something.
Gate = Callable[[FactorTable, FactorTable | None], tuple[list[Finding], set[str]]]

_DECISIONS = frozenset({"keep", "exclude"})
_ENTRY = frozenset({"keys", "decision", "reason"})
# What these find depends on the release before, so it is gone with the next one.
WITHOUT_MEMORY = frozenset({"against_previous_release"})


def gate_name(gate: Gate) -> str:
    """What a gate's findings carry as their gate, and the name of its check."""
    return gate.__name__


def reviewed(folder: Path) -> dict[str, Finding]:
    """The decisions of people, by `Finding.id`. Raises FactorTableError for one without decision or reason.

    Each file maps a gate to entries of ``keys`` (key: what was seen), ``decision``, ``reason``; ``against`` where the
    finding needs editions that may be missing; ``also`` for rows that fall with these, though no gate finds them.
    """
    found: dict[str, Finding] = {}
    for path in sorted(folder.glob("*.yaml")):
        for gate, entries in (read_yaml(path) or {}).items():
            for entry in entries:
                _check(path.name, gate, entry)
                for key, seen in entry["keys"].items():
                    finding = Finding(
                        gate=gate,
                        key=key,
                        message="",
                        decision=cast("Decision", entry["decision"]),
                        reason=" ".join(str(entry["reason"]).split()),
                        seen=str(seen),
                        against=str(entry.get("against", "")),
                        also=", ".join(entry.get("also", ())),
                    )
                    if finding.id in found:
                        raise FactorTableError(f"{path.name}: `{finding.id}` is decided twice")
                    found[finding.id] = finding
    return found


def run_gates(
    table: FactorTable, before: FactorTable | None, gates: tuple[Gate, ...] | None = None, folder: Path | None = None
) -> Report:
    """Every gate over a candidate.

    A decision holds for the figures that it was made about: the same finding about other figures is open again. A
    reviewed finding has vanished if its row and what it was compared with are there, and no gate finds it.
    """
    from greenlang.factors.gates.all import GATES

    decided = reviewed(folder or data() / "emission_factors" / "findings")
    findings: dict[str, Finding] = {}
    compared: set[str] = set()
    examined: dict[str, int] = {}
    run = GATES if gates is None else gates
    for gate in run:
        found, keys = gate(table, before)
        compared |= keys
        examined[gate_name(gate)] = len(keys)
        for finding in found:
            findings[finding.id] = _decide(finding, decided.get(finding.id))
    names = {gate_name(gate) for gate in run} - WITHOUT_MEMORY
    rows = columns(table)
    vanished = sorted(
        id_
        for id_, finding in decided.items()
        if finding.gate in names and id_ not in findings and _expected(finding, rows)
    )
    return Report(tuple(findings[id_] for id_ in sorted(findings)), frozenset(compared), tuple(vanished), examined)


def _decide(finding: Finding, known: Finding | None) -> Finding:
    if known is None:
        return finding
    if known.seen != finding.seen:
        return replace(finding, message=f"{finding.message} (it was reviewed as `{known.seen}`)")
    return replace(finding, decision=known.decision, reason=known.reason, also=known.also)


def _expected(finding: Finding, rows: Columns) -> bool:
    if finding.key not in rows.places:
        return False
    needed = [name for name in finding.against.split(", ") if name]
    return all(name in rows.editions or (name.count("/") == 1 and rows.has(name)) for name in needed)


def _check(name: str, gate: str, entry: Any) -> None:
    if not isinstance(entry, dict) or set(entry) - {"against", "also"} != _ENTRY or entry["decision"] not in _DECISIONS:
        raise FactorTableError(f"{name}: {gate}: an entry has `keys`, `decision` and `reason`: {entry}")
    if not str(entry["reason"]).strip():
        raise FactorTableError(f"{name}: {gate}: a decision needs its reason")
    if not isinstance(entry["keys"], dict) or not entry["keys"]:
        raise FactorTableError(f"{name}: {gate}: `keys` maps each key to what was seen")
