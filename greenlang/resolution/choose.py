"""The one formula of the library that gives an output for certain; else every one that came near, with the reason.

Belongs here: choosing among candidates. Does not belong here: which formulas bind at all (``match``).
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from greenlang.resolution.held import own_values
from greenlang.resolution.match import NO_INPUT, Candidate, candidates, heating_value, of_another, unknown_words, words
from greenlang.resolution.named import bound_tree, fitted, known_texts
from greenlang.resolution.plan import Evidence, Missing
from greenlang.resolution.prove import Proof, unknown_units
from greenlang.resolution.work import Work, reproduces
from greenlang.specs.model import AgentSpec, OutputSpec

_NEAR = Decimal("0.02")  # a golden case with a wider tolerance proves little


def match(work: Work) -> None:
    """Ask the library for every output that is open; what it does not give is missing."""
    found: dict[str, list[Candidate]] = {}
    for out in work.open():
        if not out.numeric:
            work.missing[out.name] = Missing(
                out.name,
                f"nothing says how the {out.dtype} `{out.name}` comes about; no formula gives {_a(out.dtype)}",
                work.finder.sentences(out.name) if out.name in work.finder.about else (),
            )
        elif not out.unit:
            work.missing[out.name] = Missing(out.name, unknown_units([out.name]), work.said(out.name))
        else:
            found[out.name] = candidates(work.spec, out, work.library, work.pinner)
    whole = [c for cs in found.values() for c in cs if not c.reason]
    for name, listed in found.items():
        _choose(work, work.spec.outputs[name], listed, whole)


def _choose(work: Work, out: OutputSpec, found: list[Candidate], whole: list[Candidate]) -> None:
    """Enter the one candidate that binds, uses every number and reproduces the golden cases; else say why not."""
    good: list[Candidate] = []
    near = _nearest(found)
    for candidate in (c for c in found if not c.reason):
        why = _refuse(work, out, candidate, whole)
        if why:
            near.append(f"{candidate.label}: {why}")
        else:
            good.append(candidate)
    if len(good) > 1:
        good = _of_domain(work.spec, good) or good
    if len(good) == 1:
        _enter(work, out, good[0])
        return
    if good:
        reason = f"{len(good)} formulas fit and none is chosen"
        near = [c.label for c in good] + near
    elif work.said_of.get(out.name):
        reason = "neither the author's text nor a formula of the library gives it for certain"
    else:
        reason = "no formula of the library fits" if not near else "no formula of the library fits for certain"
    work.missing[out.name] = Missing(out.name, reason, (*work.said(out.name), *near))


def _nearest(found: list[Candidate]) -> list[str]:
    """What fails: those whose inputs are there, else all."""
    failed = [c for c in found if c.reason]
    bound = [c for c in failed if not c.reason.startswith(NO_INPUT)]
    return [c.label for c in bound or failed]


def _of_domain(spec: AgentSpec, good: list[Candidate]) -> list[Candidate]:
    """Of formulas that all fit, the one of the domain or subject that the spec itself names; empty if not one."""
    named = words(spec.agent_id).union(words(spec.name), *(words(t) for t in spec.tags))
    kin = [c for c in good if words(c.formula.id.rpartition("/")[0]) & named]
    return kin if len(kin) == 1 else []


def _refuse(work: Work, out: OutputSpec, candidate: Candidate, whole: list[Candidate]) -> str:
    """Why a bound candidate is not certain, with the numbers; empty if it is."""
    needed = {n for n, i in work.spec.inputs.items() if i.numeric or i.enum or i.dtype == "bool"}
    kin = {n for c in whole if c.formula.id == candidate.formula.id for n in c.inputs}
    strange = unknown_words(work.spec, out.name, candidate)

    def more(proof: Proof) -> str:
        if left := needed - work.used() - kin:
            return f"it leaves {', '.join(sorted(left))} unused"
        rows = [r for t in work.used_lookups().values() for r in t.rows.values()]
        if why := heating_value(work.spec, candidate, rows) or of_another(work.spec, out, candidate, rows, work.pinner):
            return why
        if candidate.by_meaning:
            if not _number_told(work.spec, out.name):
                return "it fits by what it means, and no golden case proves it"
            if why := work.untold(out.name, work.ordered()):
                return f"it fits by what it means, and {why}"
        if strange and not reproduces(proof, out.name):
            return f"it fits, but it knows nothing of {', '.join(sorted(strange))}, and no golden case proves it"
        return ""

    return work.trial(out, partial(_enter, work, out, candidate), more=more)


def _number_told(spec: AgentSpec, output: str) -> bool:
    """Whether a golden case tells a number of an output that not any formula gives."""
    told = (c.expect[output] for c in spec.golden if output in c.expect and not c.set_aside)
    return any(isinstance(e.value, Decimal | int) and e.value and (e.tol or 0) <= _NEAR for e in told)


def _enter(work: Work, out: OutputSpec, candidate: Candidate) -> None:
    """Raises FormulaError."""
    formula = candidate.formula
    notes = (
        Evidence("formula", f"{formula.id}, the one formula of the library that fits"),
        *own_values(formula, candidate.kept),
        *(Evidence("factors", note) for note in candidate.notes),
        *((Evidence("note", formula.note),) if formula.note else ()),
    )
    bound = fitted(work, formula, candidate.bound)
    work.plan(
        out,
        "library",
        formula.outputs[candidate.output].expression,
        bound_tree(work, formula, candidate.output, bound),
        formula_id=formula.id,
        citation=f"{formula.citation.document}, {formula.citation.locator}",
        notes=notes,
        enums=known_texts(formula, bound),
    )


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
