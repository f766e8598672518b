"""Does a spec contradict itself? Tried without any factor, so it is said also where references fail.

An intensity is the ratio of two outputs: if co2e_kg [kgCO2e], energy_mj [MJ] and intensity [kgCO2e/MJ] are declared,
energy_mj is given by the spec itself, and no reference varies with an input, then co2e_kg = c × energy_mj with ONE c
for all golden cases and all properties. Each case that says otherwise is reported with both numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from greenlang import units
from greenlang.errors import CalculationError
from greenlang.resolution import run
from greenlang.resolution.plan import OutputPlan
from greenlang.resolution.properties import Monotone, Rule
from greenlang.resolution.prove import Step, close, first_against, ladder, short
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, GoldenCase, OutputSpec


def contradictions(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    rules: Iterable[Rule],
    choices: Iterable[bool] = (),
) -> Iterator[Diagnostic]:
    """Findings about golden cases and properties that no one intensity can satisfy."""
    if any(choices):
        return  # a reference holds several rows, so the intensity may well vary with an input
    known = {n: p for n, p in plans.items() if p.means == "property"}
    inner = tuple(n for n in order if n in known)
    rules = tuple(rules)
    for ratio, top, bottom in _triples(spec, known):
        if ratio.name in plans or top.name in plans or _varies(spec, ratio.name):
            continue
        anchor = _anchor(spec, known, inner, ratio, top, bottom)
        if anchor is None:
            continue
        case, c = anchor
        for other in spec.golden:
            finding = _case(spec, known, inner, (ratio, top, bottom), case, c, other)
            if finding is not None:
                yield finding
        for rule in rules:
            if isinstance(rule, Monotone) and rule.output == top.name and spec.inputs[rule.input].numeric:
                steps = [(x, y * c) for x, y in ladder(spec, known, inner, {}, {}, rule.input, bottom.name)]
                against = first_against(steps, rule.direction)
                if against is not None:
                    yield _property(rule, ratio, bottom, known[bottom.name].text, anchor, against)


def _varies(spec: AgentSpec, ratio: str) -> bool:
    """Whether the golden cases themselves state several values of the ratio, further apart than their tolerance."""
    said = [c.expect[ratio] for c in spec.golden if ratio in c.expect]
    values = [Decimal(str(e.value)) for e in said]
    return any(not close(v, values[0], said[0].tol) for v in values[1:])


def _property(
    rule: Monotone,
    ratio: OutputSpec,
    bottom: OutputSpec,
    formula: str,
    anchor: tuple[GoldenCase, Decimal],
    against: tuple[Step, Step],
) -> Diagnostic:
    (x0, y0), (x1, y1) = against
    case, c = anchor
    return Diagnostic(
        "GLS052",
        "error",
        f"property `{rule.source.name}` ({rule.source.rule}) contradicts the spec's own {bottom.name} = {formula}: "
        f"with {rule.output} = {ratio.name} × {bottom.name} and {ratio.name} {c} (golden case `{case.name}`), "
        f"{rule.output} is {short(y0)} at {rule.input} = {short(x0)} and {short(y1)} at {short(x1)}",
        "one of the two is wrong: decide which",
        rule.source.line,
        rule.source.column,
    )


def _triples(spec: AgentSpec, known: Mapping[str, OutputPlan]) -> Iterator[tuple[OutputSpec, OutputSpec, OutputSpec]]:
    numeric = [o for o in spec.outputs.values() if o.numeric and o.unit != "1"]
    for bottom in (o for o in numeric if o.name in known):
        for top in (o for o in numeric if o.name not in known):
            unit = units.combine(top.unit, "/", bottom.unit)
            for ratio in (o for o in numeric if o.name not in {top.name, bottom.name} and o.name not in known):
                if units.same_dimension(ratio.unit, unit) and units.conversion(ratio.unit, unit)[0] == 1:
                    yield ratio, top, bottom


def _bottom(
    spec: AgentSpec, known: Mapping[str, OutputPlan], order: tuple[str, ...], case: GoldenCase, name: str
) -> Decimal | None:
    try:
        value = run.outputs(spec, known, order, {}, case.input)[name]
    except CalculationError:
        return None
    return value if isinstance(value, Decimal) and value else None


def _anchor(
    spec: AgentSpec,
    known: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    ratio: OutputSpec,
    top: OutputSpec,
    bottom: OutputSpec,
) -> tuple[GoldenCase, Decimal] | None:
    """The first case that states the ratio and agrees with itself."""
    for case in spec.golden:
        stated = case.expect.get(ratio.name)
        total = case.expect.get(top.name)
        below = _bottom(spec, known, order, case, bottom.name)
        if stated is None or total is None or below is None:
            continue
        c, wanted = Decimal(str(stated.value)), Decimal(str(total.value))
        if close(c * below, wanted, total.tol):
            return case, c
    return None


def _case(
    spec: AgentSpec,
    known: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    triple: tuple[OutputSpec, OutputSpec, OutputSpec],
    anchor: GoldenCase,
    c: Decimal,
    case: GoldenCase,
) -> Diagnostic | None:
    ratio, top, bottom = triple
    said = case.expect.get(top.name)
    below = _bottom(spec, known, order, case, bottom.name)
    if said is None or below is None or case is anchor:
        return None
    wanted = Decimal(str(said.value))
    implied = c * below
    if close(implied, wanted, said.tol):
        return None
    return Diagnostic(
        "GLS051",
        "error",
        f"golden case `{case.name}` says {top.name} = {wanted}, but {ratio.name} {c} (golden case `{anchor.name}`) × "
        f"{bottom.name} {short(below)} = {short(implied, wanted)}",
        "no reference varies with an input, so one intensity must serve all cases: mend one of them",
        case.line,
        case.column,
    )
