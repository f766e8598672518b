"""How a factor was selected, and what a search found, as tables for people and JSON for programs.

Belongs here: how `greenlang factors explain` and `greenlang factors search` look. Does not belong here: the rule
(``greenlang.factors.select``), ranking (``greenlang.factors.search``), the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, islice
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING

import typer

from greenlang.cli.show import as_json, digits, plain, table

if TYPE_CHECKING:
    from greenlang.client import Client, Document
    from greenlang.factors import Factor
    from greenlang.factors.search import Hit
    from greenlang.factors.select import Request, Selection, SelectionRefused, Selector

SHOWN = 20  # rejected and remaining rows that are listed
_NARROWEST = 20  # columns of text in a very narrow terminal


@dataclass(frozen=True, slots=True)
class Explained:
    """How the rule answered, as plain values: with ``refused`` where it gives no factor.

    ``factors`` are the rows that are shown in full: the one that was taken, or those that remain.
    """

    told: Document
    factors: tuple[Factor, ...] = ()


def explain(selector: Selector, request: Request, *, json: bool = False, rejected: int = SHOWN) -> bool:
    """Print how the rule answers a request: the answer or the refusal, each step, and up to ``rejected`` rejected rows.

    True where there is an answer; whoever calls ends with exit code 1 where there is none.
    """
    found = explained(selector, request, rejected)
    show(found, json=json)
    return "refused" not in found.told


def explained(selector: Selector, request: Request, rejected: int) -> Explained:
    """What the rule says over the tables of this machine."""
    from greenlang.factors.select import SelectionRefused
    from greenlang.factors.select_model import said

    def rows(of: Selection | SelectionRefused) -> list[Document]:
        return [{"key": row.key, "reason": row.reason} for row in islice(of.rejected, rejected)]

    try:
        selection = selector.select(request)
    except SelectionRefused as refused:
        told = {
            "refused": refused.sentence,
            "hint": refused.hint,
            "request": said(refused.request),
            "candidates": list(refused.candidates),
            "words": refused.words,
            "mends": [{"say": dict(mend.changes), "ref": mend.ref} for mend in refused.mends],
            "steps": [{"rule": step.rule, "text": step.text, "left": step.left} for step in refused.steps],
            "rejected": refused.rejected_counts,
            "rejected_rows": rows(refused),
        }
        remaining = (selector.table.get(key) for key in refused.candidates[:SHOWN])
        return Explained(plain(told), tuple(row for row in remaining if row is not None))
    return Explained(plain({**selection.as_dict(), "rejected_rows": rows(selection)}), (selection.factor,))


def fetched(client: Client, told: Document) -> Explained:
    """What the rule says over the tables of a server: its answer, and the rows that are shown in full."""
    from greenlang.client import catalogue

    if "refused" in told:
        refs = [f"ef://{key}" for key in told["candidates"][:SHOWN]]
    else:
        refs = [told["ref"].partition("@")[0]]
        told["value"] = digits(Decimal(told["value"]))
        told["conversion"]["factor"] = digits(Decimal(told["conversion"]["factor"]))
    return Explained(told, tuple(row for ref in refs for row in client.send(catalogue.factors(ref))))


def show(found: Explained, *, json: bool = False) -> None:
    """Print it: the factor in the asked unit, or why there is none and what would mend it; how far the rule came."""
    told = found.told
    if json:
        as_json(told)
        return
    asked = ", ".join(f"{name}={value}" for name, value in told["request"].items())
    if "refused" in told:
        _facts([("asked", asked), ("refused", told["refused"]), ("mend", told["hint"])])
    else:
        (factor,) = found.factors
        changed = told["conversion"]["citation"]
        _facts(
            [
                ("asked", asked),
                ("factor", told["ref"]),
                ("value", f"{told['value']} {told['unit']}"),
                ("as published", f"{digits(factor.value)} {factor.unit}" if changed else ""),
                ("conversion", changed),
                *(("warning", warning) for warning in told["warnings"]),
                ("relaxed", "; ".join(told["relaxed"])),
                ("basis", factor.gwp_set),
                ("boundary", factor.boundary),
                ("citation", factor.citation),
                ("note", factor.note),
            ]
        )
    _steps(told["steps"])
    if told.get("candidates"):
        _remaining(found.factors, len(told["candidates"]))
    _rejected(told["rejected"], told["rejected_rows"])


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


def _steps(steps: Sequence[Document]) -> None:
    if steps:
        typer.echo("\nstep  rows left")
    for number, step in enumerate(steps, start=1):
        _folded(f"{number:>4}  {step['left']:>9}  ", f"{step['rule']}: {step['text']}")


def _remaining(rows: Sequence[Factor], number: int) -> None:
    """The rows between which the rule does not decide, each with what a person chooses by."""
    typer.echo(f"\nremaining rows: {number}")
    for row in rows:
        said = [row.region or "everywhere", row.boundary or "boundary not stated", row.calorific_basis, row.gwp_set]
        _folded("  ", row.ref)
        _folded("    ", ", ".join(filter(None, (f"{digits(row.value)} {row.unit}", *said))))
    if number > len(rows):
        typer.echo(f"  ... and {number - len(rows)} more")


def _rejected(counts: dict[str, int], rows: Sequence[Document]) -> None:
    """How many rows fell out for which reason, and the first of them."""
    if not counts:
        return
    typer.echo("")
    _folded("", "rejected rows, each by its first reason in the order of the steps; later steps never saw it")
    for reason, count in counts.items():
        _folded(f"{count:>9}  ", reason)
    for reason, alike in groupby(rows, key=lambda row: row["reason"]):
        typer.echo("")
        _folded("", f"{reason}:")
        for row in alike:
            _folded("  ", f"ef://{row['key']}")
    total = sum(counts.values())
    if total > len(rows):
        typer.echo(f"\n{total} rows were rejected; {len(rows)} are listed")
