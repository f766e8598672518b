"""A spec of dialect A, C or D as dialect B, with the formulas that its prose was proved to be.

Belongs here: which plans a converted file takes over, and that each is found again in it. Does not belong here: what
dialect B looks like (``greenlang.specs.convert``), how prose is proved (``prose``).
"""

from __future__ import annotations

from greenlang.factors.table import FactorTable
from greenlang.formulas.library import FormulaLibrary
from greenlang.formulas.show import show, spelled
from greenlang.resolution.resolve import resolve
from greenlang.specs.convert import Converted, to_b
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read


def convert(spec: AgentSpec, table: FactorTable, library: FormulaLibrary, *, domain: str | None = None) -> Converted:
    """``to_b``, with a formula for each output whose plan is prose, if the file that is made gives the same plan."""
    if spec.dialect == "B":
        return to_b(spec, domain=domain)
    found = {
        one.spec.part: {n: p.expression for n, p in one.plans.items() if p.means == "prose" and p.decimals is not None}
        for one in resolve(spec, table, library).flat
    }
    proved = {part: {name: spelled(tree) for name, tree in trees.items()} for part, trees in found.items()}
    made = to_b(spec, domain=domain, proved=proved)
    for name, text in made.files.items():
        part = name.removesuffix(".pack.yaml") if spec.parts else ""
        again, _ = read(text.encode(), name)
        plans = resolve(again, table, library).plans if again is not None else {}
        for output, tree in found.get(part, {}).items():
            if output not in plans or show(plans[output].expression, conversions=True) != show(tree, conversions=True):
                del proved[part][output]
    return to_b(spec, domain=domain, proved=proved)
