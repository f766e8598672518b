"""All gates over one candidate, held against the reviewed list.

Belongs here: running, joining with `emission_factors/findings/*.yaml`. Does not belong here: any single check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml
from greenlang.factors.gates.report import Decision, Finding, Report
from greenlang.factors.table import FactorTable

# A gate gives its findings and the keys that it could compare with something.
Gate = Callable[[FactorTable, FactorTable | None], tuple[list[Finding], set[str]]]

_DECISIONS = frozenset({"keep", "exclude"})


def gate_name(gate: Gate) -> str:
    """What a gate's findings carry as their gate, and the name of its check."""
    return gate.__name__


def reviewed(folder: Path) -> dict[str, Finding]:
    """The decisions of people, by `Finding.id`. Raises FactorTableError for one without decision or reason.

    Each file maps a gate to entries of ``keys``, ``decision``, ``reason``.
    """
    found: dict[str, Finding] = {}
    for path in sorted(folder.glob("*.yaml")):
        for gate, entries in (read_yaml(path) or {}).items():
            for entry in entries:
                if set(entry) != {"keys", "decision", "reason"} or entry["decision"] not in _DECISIONS:
                    raise FactorTableError(
                        f"{path.name}: {gate}: an entry has `keys`, `decision` and `reason`: {entry}"
                    )
                if not str(entry["reason"]).strip():
                    raise FactorTableError(f"{path.name}: {gate}: a decision needs its reason")
                for key in entry["keys"]:
                    finding = Finding(gate, key, "", cast("Decision", entry["decision"]), str(entry["reason"]).strip())
                    if finding.id in found:
                        raise FactorTableError(f"{path.name}: `{finding.id}` is decided twice")
                    found[finding.id] = finding
    return found


def run_gates(
    table: FactorTable, before: FactorTable | None, gates: tuple[Gate, ...] | None = None, folder: Path | None = None
) -> Report:
    """Every gate over a candidate. A reviewed finding about a row that is there and that no gate finds has vanished."""
    from greenlang.factors.gates.all import GATES

    decided = reviewed(folder or data() / "emission_factors" / "findings")
    findings: dict[str, Finding] = {}
    compared: set[str] = set()
    examined: dict[str, int] = {}
    for gate in GATES if gates is None else gates:
        found, keys = gate(table, before)
        compared |= keys
        examined[gate_name(gate)] = len(keys)
        for finding in found:
            known = decided.get(finding.id)
            findings[finding.id] = (
                finding if known is None else replace(finding, decision=known.decision, reason=known.reason)
            )
    vanished = tuple(
        sorted(id_ for id_, finding in decided.items() if id_ not in findings and table.get(finding.key) is not None)
    )
    return Report(tuple(findings[id_] for id_ in sorted(findings)), frozenset(compared), vanished, examined)
