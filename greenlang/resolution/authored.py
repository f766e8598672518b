"""Plans out of what the author wrote in prose, tried like every other; and an overlay's formula beside such a text.

Belongs here: which of the equations that were found stands. Does not belong here: finding and binding them (``prose``).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial

from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas.check import Scope
from greenlang.formulas.evaluate import evaluate
from greenlang.resolution import run
from greenlang.resolution.given import conflict
from greenlang.resolution.plan import Evidence, OutputPlan
from greenlang.resolution.prose import Found
from greenlang.resolution.prove import close, scope_of, short
from greenlang.resolution.work import Work
from greenlang.specs.model import OutputSpec


def prose(work: Work) -> None:
    """Plans out of the author's texts, until no further one is found: one may use the output of another."""
    for out in work.open():
        stated = work.finder.value(out)
        if stated is not None:
            node, note = stated
            with suppress(FormulaError):
                work.plan(out, "prose", "", node, notes=(note,))
    if work.finder.empty:
        return
    _agree(work)
    waiting = [o for o in work.open() if o.numeric]
    while waiting:
        points = work.points()
        done = []
        for out in waiting:
            search = work.finder.search(out, work.plans, _scope(work), points)
            work.said_of[out.name] = search.refused
            if search.found and not search.waits:
                work.said_of[out.name] = _written(work, out, search.found) + search.refused
                done.append(out)
            elif not search.waits:
                done.append(out)
        entered = [o for o in done if o.name in work.plans]
        waiting = [o for o in waiting if o.name not in work.plans and o not in done]
        if not entered:
            return


def _scope(work: Work) -> Scope:
    return Scope(scope_of(work.spec), work.pinner.factor)


def _written(work: Work, out: OutputSpec, found: list[Found]) -> list[str]:
    """Enter the one equation that stands every trial; else why none does, with the numbers."""
    good: list[Found] = []
    why: list[str] = []
    for one in found:
        refused = work.trial(out, partial(_write, work, out, one), certain=one.reading.certain)
        if not refused:
            good.append(one)
        else:
            why.append(f"{one.label}: {refused}" + (f"; {one.reading.doubt}" if one.reading.doubt else ""))
    if len(good) == 1:
        _write(work, out, good[0])
        return []
    return [*(f"{one.label} (one of {len(good)} that fit, none is chosen)" for one in good), *why]


def _write(work: Work, out: OutputSpec, found: Found) -> None:
    """Raises FormulaError."""
    source = found.written.source
    work.plan(out, "prose", "", found.reading.tree, notes=found.notes, place=(source.line, source.column))


def _agree(work: Work) -> None:
    """An overlay's formula beside a text of the author: if both give the same numbers the text is the plan."""
    given = {g.output: g for g in work.spec.formulas.values() if g.means == "overlay" and g.output in work.plans}
    points = work.points() if given else []
    for name, formula in given.items():
        out = work.spec.outputs[name]
        if not out.numeric or work.plans[name].means != "overlay":
            continue
        others = {n: p for n, p in work.plans.items() if n != name}
        certain = [f for f in work.finder.search(out, others, _scope(work), points).found if f.reading.certain]
        if len(certain) != 1 or work.trial(out, partial(_write, work, out, certain[0])):
            continue  # the worked cases speak for the reviewer
        mine = work.plans[name]
        _write(work, out, certain[0])
        if differ := _differ(work, mine, work.plans[name]):
            work.plans[name] = mine
            conflict(work, formula, f"the author's text {certain[0].written.label} gives {differ}")
        else:
            note = Evidence("note", f"the overlay gives the same: {mine.text}")
            work.plans[name] = replace(work.plans[name], evidence=(*work.plans[name].evidence, note))


def _differ(work: Work, one: OutputPlan, other: OutputPlan) -> str:
    """Two numbers where two plans of an output differ; empty where they never do."""
    rows = run.tables(work.used_lookups())
    for inputs, computed in work.points():
        try:
            a, b = (evaluate(p.expression, run.bound(p.expression, inputs, computed), rows) for p in (one, other))
        except (CalculationError, KeyError):
            continue
        if isinstance(a, Decimal) and isinstance(b, Decimal) and a != b and not close(a, b, None):
            return f"{short(b)} where the overlay gives {short(a)}"
    return ""
