"""The last rung: a folder for a person who has to decide: what failed, what was tried, what it cost, what to do now.

Belongs here: laying it out and writing it whole. Does not belong here: deciding. No machine path and no secret stands
in it; a failure of class ``secret`` names a place only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from greenlang.factory.pack import publish_pack
from greenlang.factory.text import one_line
from greenlang.llm.ask import Why
from greenlang.llm.disclosing import for_artifact
from greenlang.quality.repair.classes import NEVER_MODEL, ErrorClass, Failure
from greenlang.quality.repair.outcome import Attempt, RepairOutcome, RepairRequest
from greenlang.quality.repair.patches import Change
from greenlang.specs.model import slug

PAGE = "dossier.md"
DATA = "dossier.json"
JOURNAL = "journal.json"
_MOST = 100
_WHAT_TO_DO: dict[ErrorClass, str] = {
    "syntax": "The generator never writes such a file: find out who changed the pack, and build it again.",
    "import": "A name is missing or foreign. Take the change back, or report the template that wrote it.",
    "lint": "Run `ruff check --fix` on the file that is named, or take the change back.",
    "types": "Mend the types where they are named; if the file is as generated, report the template.",
    "test": "Compare the plan with the failed cases: is the formula meant like this, is the worked case right? "
    "`greenlang agent explain` writes the plan out.",
    "coverage": "The suite does not reach the lines that are named: report it with the spec; suites are generated.",
    "mutants": "The survivors show changes that no test notices. A worked case with other figures kills most of them.",
    "literal": "A number stands in the code and in no source. Find its source, state it in the spec, and build again.",
    "nondeterminism": "Something asks for time, chance or order. Nothing generated does: look at the changed lines.",
    "differential": "Agent and reference evaluator disagree on the inputs that are listed. Report it with the spec.",
    "time_out": "The agent does not end in its time. Look for a loop, or raise GREENLANG_TEST_SECONDS.",
    "memory": "The agent takes more memory than it may. Look for a growing list, or raise GREENLANG_TEST_MEMORY_MB.",
    "escape": "Treat the pack as hostile: keep it, do not run it by hand, find out where it came from.",
    "gate": "The code asks for something that no agent needs. Find out who wrote it before you run it.",
    "security": "Mend the lines that are named; a rule that is wrong here is a fault of the template.",
    "secret": "Revoke what was written there, then remove it from pack and spec.",
    "spec": "Mend the spec, or review the proposed overlay if one lies beside this page.",
    "documents": "Complete the descriptions in the spec, from which the documents are made.",
    "deployment": "The manifests come from templates: report the finding with the spec.",
    "service": "Look at the figures beside the measure; the limits stand in docs/quality.md.",
    "supply": "Look at the component or licence that is named, and at the advisory file.",
    "infrastructure": "Nothing is wrong with the agent: build it again.",
    "other": "Read the message; if it is ours, report it with the spec.",
}


_WHAT_WOULD_COME: dict[Why, str] = {
    "no_model": "Set a key, configure a provider or import recordings (`greenlang llm status` tells what there is).",
    "not_recorded": "Record the answer where a model may be called, and import it: `greenlang llm cassettes import`.",
    "budget": "Raise GREENLANG_LLM_BUDGET_USD, if the agent is worth it.",
    "night_budget": "The next night asks again; raise GREENLANG_NIGHTLY_BUDGET_USD where nights often end so.",
    "rounds": "Raise GREENLANG_LLM_ROUNDS, if the agent is worth it.",
    "unavailable": "The providers did not answer.",
}


def write(request: RepairRequest, outcome: RepairOutcome, changes: Sequence[Change]) -> Path:
    """Write the dossier and return its folder; one that stands for the key is replaced as a whole."""
    target = request.dossiers / slug(request.key)
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / PAGE).write_text(page(request, outcome), encoding="utf-8")
    _json(fresh / DATA, data(request, outcome))
    told = not any(f.kind == "secret" for f in outcome.failures)  # a change holds the text that it takes away
    _json(fresh / JOURNAL, [c.as_dict() for c in changes] if told else [])
    for n, attempt in enumerate(outcome.attempts, 1):
        if attempt.diff and told:
            (fresh / f"{n:02d}-{attempt.rung}-{attempt.status}.diff").write_text(attempt.diff, encoding="utf-8")
    if outcome.proposal is not None:
        (fresh / Path(outcome.proposal.name).name).write_bytes(outcome.proposal.overlay)
    publish_pack(fresh, target)
    return target


def clear(dossiers: Path, key: str) -> None:
    """Remove the dossier on an agent that needs none any more; no error where there is none."""
    shutil.rmtree(dossiers / slug(key), ignore_errors=True)


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def data(request: RepairRequest, outcome: RepairOutcome) -> dict[str, Any]:
    """The dossier as plain values. Held-out tests are named here: it is for people, and no prompt is made of it."""
    return {
        "key": request.key,
        "spec_digest": request.resolution.spec.digest,
        "status": outcome.status,
        "reason": outcome.reason,
        "fingerprint": outcome.fingerprint,
        "failures": [
            {
                "class": f.kind,
                "category": f.category,
                "fingerprint": f.fingerprint,
                "where": f.where,
                "path": f.path,
                "line": f.line,
                "message": _message(f),
                "required": f.required,
                "mend": f.mend,
            }
            for f in outcome.failures
        ],
        "attempts": [_attempt(a) for a in outcome.attempts],
        "tests": outcome.rates.text if outcome.rates else "",
        "gap": outcome.rates.gap if outcome.rates else None,
        "usd": str(outcome.usd),
        "recorded_usd": str(outcome.recorded_usd),
        "budget_usd": str(request.budget_usd),
        "rounds": outcome.rounds,
        "unseen": list(outcome.unseen),
        "stability": outcome.proposal.stability if outcome.proposal else None,
        "explanation": outcome.explanation,
        "models": [
            {**for_artifact(d), "dropped": dict(d.dropped), "replayed": d.replayed, "usd": str(d.cost_usd)}
            for d in outcome.disclosures
        ],
    }


def _attempt(a: Attempt) -> dict[str, Any]:
    return {
        "rung": a.rung,
        "round": a.round,
        "status": a.status,
        "reason": a.reason,
        "before": dict(a.before),
        "after": dict(a.after),
        "digest_before": a.digest_before,
        "digest_after": a.digest_after,
        "seconds": round(a.seconds, 3),
        "usd": str(a.usd),
        "tests": a.rates.text if a.rates else "",
    }


def _message(failure: Failure) -> str:
    return "(not repeated here)" if failure.kind == "secret" else failure.message


def page(request: RepairRequest, outcome: RepairOutcome) -> str:
    """The page for people, in Markdown."""
    lines = [
        f"# {request.key}: {outcome.status.replace('_', ' ')}",
        "",
        outcome.reason,
        "",
        "## What to do",
        "",
        *_to_do(outcome),
        "",
        "## What failed",
        "",
        "| class | where | what | fingerprint |",
        "|---|---|---|---|",
    ]
    for f in outcome.failures[:_MOST]:
        place = f"{f.path}:{f.line}" if f.line else f.path
        lines.append(f"| {f.label} | {_cell(f.where)} {_cell(place)} | {_cell(_message(f))} | `{f.fingerprint}` |")
    if len(outcome.failures) > _MOST:
        lines.append(f"| | | and {len(outcome.failures) - _MOST} more in {DATA} | |")
    lines += ["", "## What was tried", "", "| rung | result | why | failures | tests | seconds | USD |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for a in outcome.attempts:
        rung = f"{a.rung} {a.round}" if a.round else a.rung
        counts = f"{sum(a.before.values())} → {sum(a.after.values())}" if a.after or a.digest_after else ""
        tests = a.rates.text if a.rates else ""
        lines.append(
            f"| {rung} | {a.status.replace('_', ' ')} | {_cell(a.reason)} | {counts} | {tests} "
            f"| {a.seconds:.2f} | {a.usd} |"
        )
    lines += ["", f"Paid: {outcome.usd} of {request.budget_usd} USD in {outcome.rounds} rounds.", ""]
    if outcome.unseen:
        lines += [f"No model was shown {', '.join(outcome.unseen)}: too long for a question.", ""]
    if outcome.rates and outcome.rates.gap is not None:
        lines += [f"Gap between the half that a repair sees and the other: {outcome.rates.gap:+.3f}.", ""]
    if outcome.explanation:
        lines += ["## What a model says about it", "", "An opinion; nothing was decided by it.", ""]
        lines += [*(f"> {line}" for line in outcome.explanation.splitlines()), ""]
    return "\n".join([*lines, *_reproduce(request)])


def _to_do(outcome: RepairOutcome) -> list[str]:
    lines = []
    if outcome.proposal is not None:
        lines.append(
            f"- Read `{outcome.proposal.name}` beside this page. If it says what the author means, write your name "
            "into `reviewed` and drop it into the inbox."
        )
    kinds = dict.fromkeys(f.kind for f in sorted(outcome.failures, key=lambda f: not f.required))
    lines += [f"- **{kind}**: {_WHAT_TO_DO[kind]}" for kind in kinds]
    lines += [f"- No model was asked, because of {k}: {NEVER_MODEL[k]}." for k in kinds if k in NEVER_MODEL]
    if outcome.wants in _WHAT_WOULD_COME:
        lines.append(f"- {_WHAT_WOULD_COME[outcome.wants]} The next batch then climbs again.")
    return lines or ["- Nothing failed any more; build it again."]


def _reproduce(request: RepairRequest) -> list[str]:
    name = request.source.name if request.source else "spec.yaml"
    return [
        "## How to see it again",
        "",
        "```sh",
        f"greenlang agent explain {name}   # the plan of every output",
        f"greenlang agent create {name}    # build, test and judge it again",
        "```",
        "",
        f"`{JOURNAL}` holds every change that was kept, with the text before and after; the `.diff` files show every "
        "change that was tried.",
        "",
    ]


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")[:300]
