"""What the repair ladder is asked and what it answers, as values.

Belongs here: the types that the line, the metrics and the reports read, and the rows made of them. Does not belong
here: climbing (`greenlang.quality.repair.ladder`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from greenlang.factory.source import SpecSource
from greenlang.llm.ask import Disclosure, Why
from greenlang.llm.disclosing import for_artifact
from greenlang.provenance import bytes_digest
from greenlang.quality.judgement import Judgement
from greenlang.quality.repair.classes import Failure
from greenlang.quality.repair.split import Rates
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.trial import Trial
from greenlang.specs.diagnostics import Diagnostic

Rung = Literal["mechanical", "template", "overlay", "code", "quarantine"]
RUNGS: tuple[Rung, ...] = ("mechanical", "template", "overlay", "code", "quarantine")
RepairStatus = Literal[
    "repaired",  # a copy of the pack passes every required dimension: `folder`
    "proposed",  # an overlay stands every check and waits for a person: `proposal`
    "quarantined",  # every rung was tried
    "exhausted",  # the budget or the rounds ended before the ladder did
    "stopped",  # the same failure again, or the sandbox failed on our side
    "not_repairable",  # nothing on the ladder may touch what is wrong
]
AttemptStatus = Literal[
    "repaired",
    "improved",  # kept: something is better, nothing is worse, not all is well
    "proposed",
    "refused",  # tried and dropped; the reason says what it would have made worse
    "no_change",  # the rung gave a pack that was judged before
    "no_answer",  # the model gave none; the reason says why
    "skipped",  # the rung does not fit these failures
    "infrastructure",  # our side failed
]
BUDGET_USD = Decimal(5)
ROUNDS = 3
CODE_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """A pack that was run and judged."""

    judgement: Judgement
    trial: Trial


TryPack = Callable[[Path], Judged]
Regenerate = Callable[[], Mapping[str, bytes]]
Resolve = Callable[[bytes], tuple[Resolution | None, tuple[Diagnostic, ...]]]


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """What is to be repaired.

    ``pack`` and ``judged`` are None for a spec that has no plan yet; then only an overlay can be proposed. ``work`` is
    a folder for copies (it is emptied first), ``dossiers`` the folder in which a dossier gets a folder of its own.
    ``known`` are fingerprints of ladders on which a model's code was tried in vain (`RepairOutcome.fingerprint`, in the
    rows of rung ``quarantine`` with status ``refused``): they are not paid for again.
    ``examples`` are compact texts of reference agents, for prompts.
    """

    key: str
    package: str
    resolution: Resolution
    work: Path
    dossiers: Path
    pack: Path | None = None
    judged: Judged | None = None
    source: SpecSource | None = None
    budget_usd: Decimal = BUDGET_USD
    rounds: int = ROUNDS
    samples: int = 1
    known: frozenset[str] = frozenset()
    examples: tuple[str, ...] = ()
    explain: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try on one rung. ``before`` and ``after``: failures by class. ``diff`` is a unified diff of what it changed.

    ``rates`` is how the visible and the held-out half of the tests did after it, None where nothing was run.
    """

    rung: Rung
    round: int
    status: AttemptStatus
    reason: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    digest_before: str = ""
    digest_after: str = ""
    seconds: float = 0.0
    usd: Decimal = Decimal(0)
    diff: str = ""
    rates: Rates | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An overlay that a model proposed and the resolver accepted. It counts only when a person has signed it.

    ``overlay`` are the bytes of the file, with ``reviewed.by`` left empty, so that the factory refuses it as it is.
    ``stability`` is the share of the samples whose plans answer as these do; None for one sample.
    """

    name: str
    overlay: bytes
    outputs: Mapping[str, str]  # output -> expression
    disclosure: Disclosure
    stability: float | None = None


@dataclass(frozen=True, slots=True)
class RepairOutcome:
    """What came of a repair. ``folder`` is the repaired copy (below ``work``), the pack itself is never touched.

    ``usd`` is what was paid; ``recorded_usd`` what the replayed answers had cost when they were recorded.
    """

    key: str
    status: RepairStatus
    reason: str
    attempts: tuple[Attempt, ...]
    failures: tuple[Failure, ...]
    fingerprint: str
    folder: Path | None = None
    judged: Judged | None = None
    proposal: Proposal | None = None
    dossier: Path | None = None
    rates: Rates | None = None
    usd: Decimal = Decimal(0)
    recorded_usd: Decimal = Decimal(0)
    rounds: int = 0
    disclosures: tuple[Disclosure, ...] = ()
    explanation: str = ""
    journal: tuple[Mapping[str, Any], ...] = ()
    unseen: tuple[str, ...] = ()  # files that were too long for the question, where a model was asked
    wants: Why | None = None  # why a rung that a model might have climbed had none; None where that did not matter

    @property
    def repaired(self) -> bool:
        """Whether `folder` holds a pack that passes."""
        return self.status == "repaired"

    def rows(self) -> tuple[dict[str, Any], ...]:
        """Rows of the table ``repairs``: one an attempt and class of failure.

        Seconds and dollars of an attempt are split evenly over its classes, so that their sums are true.
        """
        return tuple(row for n, attempt in enumerate(self.attempts) for row in _rows(self, n, attempt))

    def attested(self) -> dict[str, Any]:
        """What the certificate of a repaired pack says: the rungs that changed it, and the models that had a part.

        The same bytes whether a model was asked or a recording answered; empty for a pack that nothing changed.
        """
        kept = [a for a in self.attempts if a.status in {"repaired", "improved"}] if self.repaired else []
        if not kept:
            return {}
        asked = self.disclosures if any(a.rung == "code" for a in kept) else ()
        return {
            "changes": [{"rung": a.rung, "round": a.round, "diff": bytes_digest(a.diff.encode())} for a in kept],
            "models": [for_artifact(d) for d in asked],
        }

    def lineage(self) -> tuple[dict[str, Any], ...]:
        """Rows for the agent's lineage: which rung changed the repaired pack, with the digest of the change."""
        if not self.repaired:
            return ()
        kept = [a for a in self.attempts if a.status in {"repaired", "improved"}]
        told = "; ".join(f"{d.provider} {d.model}, {d.prompt}" for d in self.disclosures)
        return tuple(
            {
                "kind": "repair",
                "ref": f"{a.rung} {a.round}",
                "digest": bytes_digest(a.diff.encode()),
                "citation": told if a.rung == "code" else f"by {a.rung}",
            }
            for a in kept
        )


def _rows(outcome: RepairOutcome, n: int, attempt: Attempt) -> list[dict[str, Any]]:
    classes = sorted(attempt.before) or [""]
    rates = attempt.rates
    return [
        {
            "key": outcome.key,
            "n": n,
            "rung": attempt.rung,
            "round": attempt.round,
            "error_class": kind,
            "status": attempt.status,
            "reason": attempt.reason,
            "failures_before": attempt.before.get(kind, 0),
            "failures_after": attempt.after.get(kind, 0),
            "seconds": attempt.seconds / len(classes),
            "usd": float(attempt.usd) / len(classes),
            "visible_rate": rates.visible if rates else None,
            "held_out_rate": rates.held_out if rates else None,
            "digest_before": attempt.digest_before,
            "digest_after": attempt.digest_after,
            "fingerprint": outcome.fingerprint,
        }
        for kind in classes
    ]
