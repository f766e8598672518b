"""How a factor was selected, and what a search found, as tables for people and JSON for programs.

Belongs here: how `greenlang factors explain` and `greenlang factors search` look. Does not belong here: the rule
(``greenlang.factors.select``), ranking (``greenlang.factors.search``), the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import typer

from greenlang.cli.show import as_json, digits, facts, table

if TYPE_CHECKING:
    from greenlang.factors.search import Hit
    from greenlang.factors.select import Rejected, Request, Selection, SelectionRefused, Selector, Step

SHOWN = 20  # rejected and remaining rows that are listed


def explain(selector: Selector, request: Request, *, json: bool = False, rejected: int = SHOWN) -> bool:
    """Print how the rule answers a request: the answer or the refusal, each step, and up to ``rejected`` rejected rows.

    True where there is an answer; whoever calls ends with exit code 1 where there is none.
    """
    from greenlang.factors.select import SelectionRefused

    try:
        selection = selector.select(request)
    except SelectionRefused as refused:
        print_refusal(refused, json=json, rejected=rejected)
        return False
    print_selection(selection, json=json, rejected=rejected)
    return True


def print_selection(selection: Selection, *, json: bool = False, rejected: int = SHOWN) -> None:
    """The selected factor in the asked unit, and how it was found."""
    if json:
        as_json({**selection.as_dict(), "rejected_rows": _plain(islice(selection.rejected, rejected))})
        return
    factor = selection.factor
    changed = selection.conversion.citation
    facts(
        [
            ("asked", _words(selection.request)),
            ("factor", f"{factor.ref}@{selection.release}"),
            ("value", f"{digits(selection.value)} {selection.unit}"),
            ("as published", f"{digits(factor.value)} {factor.unit}" if changed else ""),
            ("conversion", changed),
            ("relaxed", "; ".join(selection.relaxed)),
            ("basis", factor.gwp_set),
            ("citation", factor.citation),
            ("note", factor.note),
        ]
    )
    _steps(selection.steps)
    _rejected(selection.rejected_counts, selection.rejected, rejected)


def print_refusal(refused: SelectionRefused, *, json: bool = False, rejected: int = SHOWN) -> None:
    """Why there is no answer, what would mend it, and how far the rule came."""
    from greenlang.factors.select_model import said

    if json:
        as_json(
            {
                "refused": refused.sentence,
                "hint": refused.hint,
                "request": said(refused.request),
                "candidates": list(refused.candidates),
                "words": refused.words,
                "steps": [{"rule": step.rule, "text": step.text, "left": step.left} for step in refused.steps],
                "rejected": refused.rejected_counts,
                "rejected_rows": _plain(islice(refused.rejected, rejected)),
            }
        )
        return
    facts([("asked", _words(refused.request)), ("refused", refused.sentence), ("mend", refused.hint)])
    _steps(refused.steps)
    if refused.candidates:
        table(("remains",), [(f"ef://{key}",) for key in refused.candidates[:SHOWN]])
        if len(refused.candidates) > SHOWN:
            typer.echo(f"... and {len(refused.candidates) - SHOWN} more")
    _rejected(refused.rejected_counts, refused.rejected, rejected)


def print_hits(query: str, hits: Sequence[Hit], *, json: bool = False) -> None:
    """What a search found, the best first."""
    if json:
        as_json(
            [
                {
                    "ref": hit.factor.ref,
                    "score": round(hit.score, 3),
                    "alike": hit.alike,
                    **hit.factor.as_dict(),
                    "citation": hit.factor.citation,
                }
                for hit in hits
            ]
        )
        return
    if not hits:
        typer.echo(f"nothing is called `{query}`")
        return
    rows = [
        (
            hit.factor.ref,
            digits(hit.factor.value),
            hit.factor.unit,
            hit.factor.name or hit.factor.activity,
            hit.factor.region or "everywhere",
            hit.factor.boundary,
            f"{hit.alike} alike" if hit.alike else "",
        )
        for hit in hits
    ]
    table(("reference", "value", "unit", "name", "region", "boundary", "further rows"), rows, right=(1,))
    typer.echo("`greenlang factors explain` selects one by the rule; further rows are other gases, editions and units.")


def _words(request: Request) -> str:
    from greenlang.factors.select_model import said

    return ", ".join(f"{name}={value}" for name, value in said(request).items())


def _steps(steps: Sequence[Step]) -> None:
    rows = [(number, step.rule, step.text, step.left) for number, step in enumerate(steps, start=1)]
    table(("step", "rule", "what it did", "rows left"), rows, right=(0, 3), title="Steps")


def _rejected(counts: dict[str, int], rows: Iterable[Rejected], limit: int) -> None:
    if not counts:
        return
    total = sum(counts.values())
    table(("rows", "rejected because"), [(count, reason) for reason, count in counts.items()], right=(0,))
    listed = list(islice(rows, limit))
    if listed:
        table(("rejected row", "because"), [(f"ef://{row.key}", row.reason) for row in listed])
    if total > len(listed):
        typer.echo(f"{total} rows were rejected; {len(listed)} are listed")


def _plain(rows: Iterable[Rejected]) -> list[dict[str, Any]]:
    return [{"key": row.key, "reason": row.reason} for row in rows]
