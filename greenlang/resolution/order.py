"""The order of calculation: every output after those that it uses; circles are found, not entered.

Belongs here: the graph of outputs. Does not belong here: what becomes of a circle (``resolve``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from greenlang.formulas.tree import Name, walk
from greenlang.resolution.plan import OutputPlan


def needs(plans: Mapping[str, OutputPlan]) -> dict[str, list[str]]:
    """Output -> the outputs that its plan uses."""
    return {
        n: sorted({p.name for p in walk(plan.expression) if isinstance(p, Name) and p.kind == "output"})
        for n, plan in plans.items()
    }


def arranged(names: Iterable[str], used: Mapping[str, list[str]]) -> tuple[list[str], list[list[str]]]:
    """The planned names, each after what it uses, and the circles (first name repeated at the end)."""
    done: list[str] = []
    state: dict[str, int] = {}
    circles: list[list[str]] = []

    def visit(name: str, trail: list[str]) -> None:
        if state.get(name) == 2 or name not in used:
            return
        if state.get(name) == 1:
            circles.append([*trail[trail.index(name) :], name])
            return
        state[name] = 1
        for other in used[name]:
            visit(other, [*trail, name])
        state[name] = 2
        done.append(name)

    for name in names:
        visit(name, [])
    return done, circles


def ready(done: Iterable[str], used: Mapping[str, list[str]], plans: Mapping[str, OutputPlan]) -> tuple[str, ...]:
    """Of arranged names, those that can be computed: everything that they use can."""
    out: dict[str, None] = {}
    for name in done:
        if name in plans and all(other in out for other in used[name]):
            out[name] = None
    return tuple(out)
