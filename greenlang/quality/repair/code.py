"""The fourth rung: a model is shown what failed in the visible half and proposes replacements in the agent's own files.

Belongs here: what the model is told, and what of its reply may be applied. Does not belong here: judging the result,
rounds, budgets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from greenlang.factory import whole
from greenlang.llm.ask import Ask
from greenlang.llm.numbers import foreign_numbers, known_numbers, material_check
from greenlang.llm.prompts import shortened
from greenlang.llm.replies import CodeRepair, FailureExplanation
from greenlang.quality.repair.classes import NEVER_MODEL, NOT_CODE, Failure, settled
from greenlang.quality.repair.outcome import Attempt, RepairRequest
from greenlang.quality.repair.patches import Patch, allowed_files, out_of_bounds, patched
from greenlang.quality.repair.split import Split

MOST_FAILURES = 30
_MOST_MESSAGE = 2_000
_MOST_SOURCE = 120_000
_MOST_SPEC = 40_000
TOO_LONG = "too long to be shown beside the others"
_ON_HIDDEN_INPUTS = "differential"  # the measure over inputs that the judge draws


def shown(failures: Sequence[Failure], half: Split) -> list[dict[str, Any]]:
    """What a model is told of the failures: tests of the visible half only, and no held-out figure in any text."""
    told = []
    for failure in _without_hidden_inputs(failures):
        test = "::" in failure.where
        if (test and not half.shows(failure.where)) or failure.kind in NEVER_MODEL or failure.kind in NOT_CODE:
            continue
        row = {
            "class": failure.label,
            "where": failure.where,
            "message": half.safe(settled(failure.message)[:_MOST_MESSAGE]),
            "path": failure.path,
            "line": failure.line,
            "mend": half.safe(failure.mend),
        }
        told.append({k: v for k, v in row.items() if v})
    return _first(told)


def _first(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first failures; that there are more is told."""
    rest = len(told) - MOST_FAILURES
    return told if rest <= 0 else [*told[:MOST_FAILURES], {"message": f"{rest} more failures are not listed"}]


def _without_hidden_inputs(failures: Sequence[Failure]) -> Iterator[Failure]:
    """The failures, with one line for all that the judge found on inputs of its own: those are held out as a whole."""
    hidden = [f for f in failures if f.where == _ON_HIDDEN_INPUTS]
    yield from (f for f in failures if f.where != _ON_HIDDEN_INPUTS)
    if hidden:
        message = f"agent and reference evaluator disagree {len(hidden)} times on inputs that are not told"
        yield Failure("differential", message, _ON_HIDDEN_INPUTS)


def question(
    request: RepairRequest,
    folder: Path,
    failures: Sequence[Failure],
    half: Split,
    history: Sequence[Attempt],
    generated: Mapping[str, bytes],
) -> Ask[CodeRepair]:
    """The question of a round. It holds no test, no vector and nothing of the spec but its plan.

    A reply that may not be applied is told so in a re-ask, as often as the gateway re-asks.
    """
    values = {
        "failures": shown(failures, half),
        "files": sources(folder, request.package),
        "plan": plan(request),
        "history": told(history, half),
        "references": list(request.examples),
    }

    def check(reply: CodeRepair) -> list[str]:
        why = refused(request, folder, patches(reply), generated)
        return [why] if why else []

    return Ask(
        "code_repair",
        values,
        CodeRepair,
        agent=request.key,
        stage="refinement",
        check=check,
        aside=("references",),
    )


def explanation(
    request: RepairRequest, folder: Path, failures: Sequence[Failure], half: Split, history: Sequence[Attempt]
) -> Ask[FailureExplanation]:
    """The question why the agent failed; the answer goes into the dossier and decides nothing."""
    named = {f.path for f in failures}
    files = [f for f in sources(folder, request.package) if f["path"] in named]
    raw = request.resolution.spec.raw or (request.source.data.decode(errors="replace") if request.source else "")
    values = {
        "failures": _first(
            [{"class": f.label, "where": f.where, "message": settled(f.message)[:_MOST_MESSAGE]} for f in failures]
        ),
        "files": files,
        "spec": shortened(raw, _MOST_SPEC),
        "history": told(history, half),
    }
    check = material_check(values)  # no figure that it was not shown
    return Ask("failure_explanation", values, FailureExplanation, agent=request.key, stage="refinement", check=check)


def sources(folder: Path, package: str) -> list[dict[str, str]]:
    """The files that may be patched, with their text up to a limit over all; what is too long for it is named."""
    found, left = [], _MOST_SOURCE
    for name in allowed_files(folder, package):
        text = (folder / name).read_bytes().decode("utf-8", errors="replace")
        if len(text) > left:
            found.append({"path": name, "left_out": TOO_LONG})
            continue
        left -= len(text)
        found.append({"path": name, "text": text})
    return found


def unseen(ask: Ask[CodeRepair]) -> tuple[str, ...]:
    """Files that a question names without their text."""
    return tuple(f["path"] for f in ask.values["files"] if "left_out" in f)


def plan(request: RepairRequest) -> list[dict[str, str]]:
    """How each output is to be calculated."""
    given = whole.units(request.resolution)
    return [
        {"output": name, "unit": given.get(name, ""), "formula": p.text, "decimals": str(p.decimals)}
        for name, p in whole.plans(request.resolution).items()
    ]


def told(history: Sequence[Attempt], half: Split) -> list[dict[str, str]]:
    """Earlier rounds: what was changed and what came of it; of the held-out half only how many passed."""
    return [
        {
            "round": str(a.round),
            "result": a.status,
            "reason": half.safe(settled(a.reason)),
            "diff": a.diff,
            "tests": a.rates.text if a.rates else "",
        }
        for a in history
        if a.rung == "code"
    ]


def patches(reply: CodeRepair) -> tuple[Patch, ...]:
    """The replacements of a reply. The line that it names is for people: the expected text must stand there once."""
    return tuple(Patch(p.file, p.old, p.new, p.explanation) for p in reply.patches)


def refused(request: RepairRequest, folder: Path, proposed: Sequence[Patch], generated: Mapping[str, bytes]) -> str:
    """Why a reply may not be applied to ``folder``, "" if it may: places, texts, and numbers."""
    return out_of_bounds(folder, request.package, proposed) or foreign(request, folder, proposed, generated)


def foreign(request: RepairRequest, folder: Path, proposed: Sequence[Patch], generated: Mapping[str, bytes]) -> str:
    """Why patches bring in a number that stands neither in the spec, the tables nor the generator's code; "" if none.

    The whole files are read as they come out, since a patch may put digits beside others that stand there. This is the
    cheap check before a trial; the literal audit of the judgement traces each number to its place.
    """
    own = [d.decode() for n, d in generated.items() if n.startswith(f"{request.package}/") and n.endswith(".py")]
    rows = [f.value for f in request.resolution.pinned if f.value is not None]
    known = known_numbers(request.resolution.spec.raw, rows, own)
    texts, why = patched(folder, proposed)
    if why:
        return ""  # it cannot be applied, and applying it tells why
    for path, (before, after) in texts.items():
        if extra := foreign_numbers(after, known | known_numbers(before)):
            return f"{path}: the number {extra[0].text} stands neither in the spec nor in the tables"
    return ""
