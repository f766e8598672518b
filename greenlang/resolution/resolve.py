"""``resolve``: a plan for every output, by the first means that gives a certain one.

`MEANS` is the order in which they are asked; each has a module of its own, and `Work` is what they share. Errors in
what the spec itself says make findings (the spec is refused); an output for which nothing certain is found is `Missing`
(the agent is incomplete).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from greenlang.factors.table import FactorTable
from greenlang.formulas.library import FormulaLibrary
from greenlang.resolution import authored, choose, given, stated, told
from greenlang.resolution.consistency import contradictions
from greenlang.resolution.plan import Missing, Resolution, Vector
from greenlang.resolution.prose import ProseFinder
from greenlang.resolution.vectors import unanswered, vectors
from greenlang.resolution.work import Work
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.tables import accounted, as_inputs, summed


def _contradictions(work: Work) -> None:
    """What the spec states about its outputs and its own formulas deny."""
    several = (len(rows) > 1 for rows in work.pinner.rows.values())
    work.findings.extend(contradictions(work.spec, work.plans, work.ordered(), work.rules, several))


MEANS = (
    given.given,  # compute.formulas: an expression, or the id of a formula of the library
    stated.equalities,  # a property: output.x == ...
    given.overlays,  # a reviewed overlay; where the author's prose gives the same, the prose is the plan
    stated.system,  # the runtime's own values
    _contradictions,
    authored.prose,  # physics_formula: "COP = Q_delivered / W_electrical"
    choose.match,  # the one formula of the library that fits; what is left is missing
)


def resolve(spec: AgentSpec, table: FactorTable, library: FormulaLibrary) -> Resolution:
    """Find, prove and order the plans of a spec, or of each of its parts. Never raises for a spec's mistakes."""
    if not spec.parts:
        return _part(spec, table, library)
    parts = tuple(_part(part, table, library) for part in spec.parts)
    for one, before in zip(parts, spec.parts, strict=True):
        lists = one.spec.inputs.keys() & before.unused.keys()
        spec = replace(spec, ledger=accounted(spec.ledger, before.home, lists))
    missing = tuple(
        replace(m, output=f"{one.spec.part}.{m.output}") for one in parts for m in _declared(one.missing, one.spec)
    )
    everywhere = Counter(d for one in parts for d in dict.fromkeys(one.diagnostics))
    findings = (
        d for d, count in everywhere.items() if d.code != "GLS062" or count == len(parts)
    )  # used by another part
    ordered = sorted(findings, key=lambda d: (d.file, d.line, d.column, d.code, d.message))
    return Resolution(spec, {}, (), {}, missing, tuple(ordered), parts=parts)


def _part(spec: AgentSpec, table: FactorTable, library: FormulaLibrary) -> Resolution:
    """One flat spec. Lists that its texts sum over are inputs, if the plans then use them."""
    lists = ProseFinder(spec).summed() & spec.unused.keys() if spec.unused else set()
    found = _flat(Work(as_inputs(spec, dict.fromkeys(lists, frozenset())), table, library))
    used = lists & summed(plan.expression for plan in found.plans.values()).keys()
    if used == lists or found.missing:
        return found
    return _flat(Work(as_inputs(spec, dict.fromkeys(used, frozenset())), table, library))


def _flat(work: Work) -> Resolution:
    """Ask the means in their order, prove what they gave, and gather what is to be told."""
    spec = work.spec
    work.findings.extend(told.references(spec, work.pinner))
    for means in MEANS:
        means(work)
    arranged = work.proved(work.ordered())
    lookups = work.used_lookups()
    work.findings.extend(told.bases(spec, work.plans, arranged, work.pinner.lookups))
    proof = work.proof(arranged)
    work.findings.extend(d for d in proof.failures if not _known(work, d))
    work.findings.extend(proof.warnings)
    if not work.missing and not work.wrong:
        work.findings.extend(told.unused(spec, work.pinner, lookups, work.used()))
    work.findings.extend(told.uncovered(spec, work.plans, lookups))
    plans = {n: replace(p, evidence=(*p.evidence, *proof.evidence.get(n, ()))) for n, p in work.plans.items()}
    made: tuple[Vector, ...] = ()
    if not work.missing and not any(d.severity == "error" for d in work.findings):
        made = tuple(vectors(spec, plans, arranged, lookups))
        if not any(vector.expect for vector in made) and (lacking := unanswered(spec, plans, arranged, lookups)):
            work.missing[lacking.output], made = lacking, ()
    unique = dict.fromkeys(sorted(work.findings, key=lambda d: (d.line, d.column, d.code, d.message)))
    return Resolution(
        spec, plans, arranged, lookups, tuple(_declared(work.missing.values(), spec)), tuple(unique), made
    )


def _known(work: Work, finding: Diagnostic) -> bool:
    """A golden case or property that is already reported as a contradiction is not reported twice."""
    return any((d.code, d.line, d.column) == (finding.code, finding.line, finding.column) for d in work.findings)


def _declared(missing: Iterable[Missing], spec: AgentSpec) -> list[Missing]:
    """What is missing in the order in which the spec declares its outputs."""
    place = {name: i for i, name in enumerate(spec.outputs)}
    return sorted(missing, key=lambda m: place.get(m.output, len(place)))
