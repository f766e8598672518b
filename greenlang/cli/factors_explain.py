"""How a factor was selected, and what a search found, as tables for people and JSON for programs.

Belongs here: how `greenlang factors explain` and `greenlang factors search` look. Does not belong here: the rule
(``greenlang.factors.select``), ranking (``greenlang.factors.search``), the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import typer

from greenlang.cli.show import as_json, digits, table

if TYPE_CHECKING:
    from greenlang.factors import FactorTable
    from greenlang.factors.search import Hit
    from greenlang.factors.select import Rejected, Request, Selection, SelectionRefused, Selector, Step

SHOWN = 20  # rejected and remaining rows that are listed
_NARROWEST = 20  # columns of text in a very narrow terminal


def explain(selector: Selector, request: Request, *, json: bool = False, rejected: int = SHOWN) -> bool:
    """Print how the rule answers a request: the answer or the refusal, each step, and up to ``rejected`` rejected rows.

    True where there is an answer; whoever calls ends with exit code 1 where there is none.
    """
    from greenlang.factors.select import SelectionRefused

    try:
        selection = selector.select(request)
    except SelectionRefused as refused:
        print_refusal(refused, selector.table, json=json, rejected=rejected)
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
    _facts(
        [
            ("asked", _words(selection.request)),
            ("factor", f"{factor.ref}@{selection.release}"),
            ("value", f"{digits(selection.value)} {selection.unit}"),
            ("as published", f"{digits(factor.value)} {factor.unit}" if changed else ""),
            ("conversion", changed),
            *(("warning", warning) for warning in selection.warnings),
            ("relaxed", "; ".join(selection.relaxed)),
            ("basis", factor.gwp_set),
            ("boundary", factor.boundary),
            ("citation", factor.citation),
            ("note", factor.note),
        ]
    )
    _steps(selection.steps)
    _rejected(selection.rejected_counts, selection.rejected, rejected)


def print_refusal(
    refused: SelectionRefused, factors: FactorTable, *, json: bool = False, rejected: int = SHOWN
) -> None:
    """Why there is no answer, what would mend it, how far the rule came. ``factors`` is the table that was asked."""
    from greenlang.factors.select_model import said

    if json:
        as_json(
            {
                "refused": refused.sentence,
                "hint": refused.hint,
                "request": said(refused.request),
                "candidates": list(refused.candidates),
                "words": refused.words,
                "mends": [{"say": dict(mend.changes), "ref": mend.ref} for mend in refused.mends],
                "steps": [{"rule": step.rule, "text": step.text, "left": step.left} for step in refused.steps],
                "rejected": refused.rejected_counts,
                "rejected_rows": _plain(islice(refused.rejected, rejected)),
            }
        )
        return
    _facts([("asked", _words(refused.request)), ("refused", refused.sentence), ("mend", refused.hint)])
    _steps(refused.steps)
    if refused.candidates:
        _remaining(refused.candidates, factors)
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
                    "standing": hit.mark,
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
            hit.mark,
            f"{hit.alike} alike" if hit.alike else "",
        )
        for hit in hits
    ]
    columns = ("reference", "value", "unit", "name", "region", "boundary", "standing", "further rows")
    table(columns, rows, right=(1,))
    typer.echo("`greenlang factors explain` selects one by the rule; further rows are of other gases, editions, years")
    typer.echo("or regions, or in a multiple of the unit.")
    if any(hit.mark for hit in hits):
        typer.echo("A word under `standing` says why that row is not eligible by default.")


def _words(request: Request) -> str:
    from greenlang.factors.select_model import said

    return ", ".join(f"{name}={value}" for name, value in said(request).items())


def _facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Names and values below each other, values folded to the width of the terminal."""
    lines = [(name, value) for name, value in pairs if value]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        _folded(f"{name:<{width}}  ", value)


def _folded(start: str, text: str) -> None:
    """``start`` and ``text``, which goes on below itself. A reference is never cut, so that it can be copied."""
    columns = max(get_terminal_size().columns, len(start) + _NARROWEST)
    lines = wrap(text, columns - len(start), break_long_words=False, break_on_hyphens=False) or [""]
    typer.echo(start + f"\n{' ' * len(start)}".join(lines))


def _steps(steps: Sequence[Step]) -> None:
    if steps:
        typer.echo("\nstep  rows left")
    for number, step in enumerate(steps, start=1):
        _folded(f"{number:>4}  {step.left:>9}  ", f"{step.rule}: {step.text}")


def _remaining(keys: Sequence[str], factors: FactorTable) -> None:
    """The rows between which the rule does not decide, each with what a person chooses by."""
    typer.echo(f"\nremaining rows: {len(keys)}")
    for key in keys[:SHOWN]:
        row = factors.get(key)
        assert row is not None
        said = [row.region or "everywhere", row.boundary or "boundary not stated", row.calorific_basis, row.gwp_set]
        _folded("  ", f"ef://{key}")
        _folded("    ", ", ".join(filter(None, (f"{digits(row.value)} {row.unit}", *said))))
    if len(keys) > SHOWN:
        typer.echo(f"  ... and {len(keys) - SHOWN} more")


def _rejected(counts: dict[str, int], rows: Iterable[Rejected], limit: int) -> None:
    """How many rows fell out for which reason, and the first of them."""
    if not counts:
        return
    typer.echo("")
    _folded("", "rejected rows, each by its first reason in the order of the steps; later steps never saw it")
    for reason, count in counts.items():
        _folded(f"{count:>9}  ", reason)
    listed = list(islice(rows, limit))
    for reason, alike in groupby(listed, key=lambda row: row.reason):
        typer.echo("")
        _folded("", f"{reason}:")
        for row in alike:
            _folded("  ", f"ef://{row.key}")
    total = sum(counts.values())
    if total > len(listed):
        typer.echo(f"\n{total} rows were rejected; {len(listed)} are listed")


def _plain(rows: Iterable[Rejected]) -> list[dict[str, Any]]:
    return [{"key": row.key, "reason": row.reason} for row in rows]
