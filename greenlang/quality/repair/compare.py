"""Whether a repair made anything worse: two judgements, dimension by dimension and measure by measure; two halves.

Belongs here: comparing. Does not belong here: scores, thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator

from greenlang.factory.outcome import DimensionResult
from greenlang.quality.judgement import Judgement
from greenlang.quality.repair.split import Rates

_SAME = 1e-9


def lowered(before: Judgement, after: Judgement, *, statuses_only: bool = False) -> tuple[str, ...]:
    """What is worse after than before, a phrase each; empty if nothing is.

    A dimension is worse if it passed and does not now, or if what was measured both times scores less. A measure is
    worse if it was met and is not, has a smaller share, or is not taken any more. What is measured for the first time
    (because the pack can now be imported) lowers nothing, even if the mean of its dimension falls by it.

    ``statuses_only``: the code did not parse or could not be imported before, so that shares were taken of less; only
    dimensions that passed are held.
    """
    new = {d.name: d for d in after.dimensions}
    found: list[str] = []
    for old in before.dimensions:
        now = new.get(old.name)
        if now is None:
            found.append(f"{old.title} is no longer judged")
            continue
        if old.status == "passed" and now.status != "passed":
            found.append(f"{old.title} passed before and is {now.status.replace('_', ' ')} now")
        if not statuses_only:
            found += _dimension(old, now)
    return tuple(found)


def overfit(before: Rates, after: Rates) -> str:
    """Why a change fits the half that it was shown and not the other, "" where it does not."""
    if after.held_out is None or after.visible is None:
        return ""
    if before.held_out is not None and after.held_out < before.held_out:
        return f"fewer held-out tests pass ({after.text})"
    if before.visible is not None and after.visible <= before.visible:
        return ""
    if before.held_out is None:
        return f"it fits the visible half better than the other ({after.text})" if (after.gap or 0) > 0 else ""
    gained = after.held_out > before.held_out or after.held_out == 1
    return "" if gained else f"it mends the visible half only ({after.text})"


def _dimension(old: DimensionResult, now: DimensionResult) -> Iterator[str]:
    measures = {m.name: m for m in now.measures}
    for was in old.measures:
        is_ = measures.get(was.name)
        if was.share is None:
            continue
        if is_ is None or is_.share is None:
            yield f"{old.title}, {was.name}: was measured and is not now"
        elif (was.met and not is_.met) or is_.share < was.share - _SAME:
            yield f"{old.title}, {was.name}: {was.share:.4g} before, {is_.share:.4g} now"
    if not (old.measures and now.measures) and old.score is not None and (now.score or 0.0) < old.score - _SAME:
        yield f"{old.title}: {old.score:g} before, {now.score or 0:g} now"
