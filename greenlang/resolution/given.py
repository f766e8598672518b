"""Formulas that the spec or a reviewed overlay gives: an expression, or a formula of the library by its id.

Belongs here: entering them, and what an author is told of one that is wrong. Does not belong here: what the symbols of
a named formula stand for (``named``), finding one that nobody names (``choose``).
"""

from __future__ import annotations

from greenlang.errors import FormulaError
from greenlang.formulas.parse import parse
from greenlang.formulas.tree import FactorCall, walk
from greenlang.resolution import told
from greenlang.resolution.named import from_library
from greenlang.resolution.plan import Evidence
from greenlang.resolution.work import Work
from greenlang.specs.model import FormulaGiven


def given(work: Work) -> None:
    """The formulas of the spec itself."""
    for formula in work.spec.formulas.values():
        if formula.means == "given":
            _enter(work, formula)


def overlays(work: Work) -> None:
    """A reviewer's formulas; what the spec itself gives by a property stands before them."""
    for formula in work.spec.formulas.values():
        name = formula.output
        if formula.means != "overlay" or name not in work.spec.outputs:
            continue  # left out by the same overlay
        if name in work.plans:
            conflict(work, formula, f"the spec's own property gives {name} = {work.plans[name].text}")
        else:
            _enter(work, formula)


def conflict(work: Work, formula: FormulaGiven, message: str) -> None:
    """Tell that an overlay's formula is not what the spec itself says."""
    said = f"the overlay's formula of `{formula.output}` is not all that is said: {message}"
    hint, path = "remove the one that is wrong", f"formulas.{formula.output}"
    work.findings.append(told.of_formula(work.spec, formula.output, "GLS054", "warning", said, hint, path=path))


def _enter(work: Work, formula: FormulaGiven) -> None:
    out = work.spec.outputs[formula.output]
    overlay = formula.means == "overlay"
    by = f"given by the reviewed overlay: {formula.source}" if overlay else "given in the spec"
    try:
        if formula.expression is None:
            from_library(work, out, formula)
            return
        tree = parse(formula.expression)
        notes = (Evidence("formula", by),)
        work.plan(out, formula.means, formula.expression, tree, citation=formula.source, notes=notes)
    except FormulaError as error:
        work.wrong.add(out.name)
        if _needs_lost_reference(work, formula):
            return  # the reference is reported where it stands
        code = "GLS041" if " add " in str(error) or "convert" in str(error) else "GLS040"
        path = f"formulas.{out.name}" if overlay else f"compute.formulas.{out.name}"
        message, hint = f"formula of `{out.name}`: {error}", _hint(formula, error)
        work.findings.append(told.of_formula(work.spec, out.name, code, "error", message, hint, path=path))


def _needs_lost_reference(work: Work, formula: FormulaGiven) -> bool:
    texts = [formula.expression, *(text for _, text in formula.bind)]
    calls = (n for t in texts if t is not None for n in walk(parse(t)) if isinstance(n, FactorCall))
    return any(call.alias in work.pinner.unresolved for call in calls)


def _hint(formula: FormulaGiven, error: FormulaError) -> str:
    text = formula.expression or ""
    if text and error.offset and len(text) < 200:
        return f"at the mark »: {text[: error.offset]}»{text[error.offset :]}"
    return "mend the formula"
