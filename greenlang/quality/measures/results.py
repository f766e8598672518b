"""Making results of measures.

Belongs here: shares, counts, words. Does not belong here: what is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality.tools import Finding

NOT_RUN = "was not run"
MOST_DETAILS = 200


def share(
    name: str, good: int, total: int, what: str, missing: Sequence[str] = (), details: Iterable[Detail] | None = None
) -> MeasureResult:
    """``good`` of ``total``; nothing to count is not met. Without details, one is made of each that is missing."""
    part = good / total if total else 0.0
    tail = f" (not: {some(missing)})" if missing else ""
    told = tuple(details) if details is not None else tuple(Detail(f"{m}: not among the {what}") for m in missing)
    return MeasureResult(
        name, part, bool(total) and good == total, f"{good} of {total} {what}{tail}", told[:MOST_DETAILS]
    )


def none(name: str, found: Sequence[Detail], what: str) -> MeasureResult:
    """Met if nothing was found; each finding costs a tenth."""
    if not found:
        return MeasureResult(name, 1.0, True, f"no {what}")
    text = f"{len(found)} {what}: {some([place(d) for d in found])}"
    return MeasureResult(name, max(0.0, 1.0 - len(found) / 10), False, text, tuple(found[:MOST_DETAILS]))


def either(
    name: str,
    problems: Sequence[Detail],
    good: str,
    figures: Mapping[str, float] | None = None,
) -> MeasureResult:
    """All or nothing: met without a problem, in the words ``good``."""
    if not problems:
        return MeasureResult(name, 1.0, True, good, figures=figures or {})
    text = some([place(d) for d in problems])
    return MeasureResult(name, 0.0, False, text, tuple(problems[:MOST_DETAILS]), figures or {})


def inapplicable(name: str, reason: str, details: Iterable[Detail] = ()) -> MeasureResult:
    """What could not be measured, and why; it never scores."""
    return MeasureResult(name, None, False, reason, tuple(details))


def short(text: str, most: int = 80) -> str:
    """A foreign text as a message quotes it."""
    return text if len(text) <= most else f"{text[:most]}..."


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few, and how many more."""
    more = len(names) - most
    return "; ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def place(detail: Detail) -> str:
    """``path:line: rule message``; without the rule where the message ends with it."""
    where = f"{detail.path}:{detail.line}: " if detail.line else f"{detail.path}: " if detail.path else ""
    said = not detail.rule or detail.message.endswith(f": {detail.rule}")
    return f"{where}{detail.message}" if said else f"{where}{detail.rule} {detail.message}"


def of_findings(findings: Iterable[Finding], mend: str = "") -> list[Detail]:
    """What a tool found, as details."""
    return [Detail(f.message, f.path, f.line, f.code, mend) for f in findings]
