"""The order of calculation: every output after those that it uses; circles are found, not entered.

Belongs here: the graph of outputs. Does not belong here: what becomes of a circle (``work``), finding one (``specs``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from greenlang.formulas.tree import Name, walk
from greenlang.resolution.plan import OutputPlan
from greenlang.specs.cycles import circles


def needs(plans: Mapping[str, OutputPlan]) -> dict[str, list[str]]:
    """Output -> the outputs that its plan uses."""
    return {
        n: sorted({p.name for p in walk(plan.expression) if isinstance(p, Name) and p.kind == "output"})
        for n, plan in plans.items()
    }


def arranged(names: Iterable[str], used: Mapping[str, list[str]]) -> tuple[list[str], list[list[str]]]:
    """The planned names, each after what it uses; or nothing, and the circles."""
    if found := list(circles(used)):
        return [], found
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in used and name not in done:
            for other in used[name]:
                visit(other)
            done[name] = None

    for name in names:
        visit(name)
    return list(done), []


def ready(done: Iterable[str], used: Mapping[str, list[str]], plans: Mapping[str, OutputPlan]) -> tuple[str, ...]:
    """Of arranged names, those that can be computed: everything that they use can."""
    out: dict[str, None] = {}
    for name in done:
        if name in plans and all(other in out for other in used[name]):
            out[name] = None
    return tuple(out)
