"""What an author is told of references and inputs: lost, read as another, on another GWP set, not covered, unused.

Belongs here: findings that need no running of plans. Does not belong here: finding plans (``resolve``), golden
cases and properties (``prove``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from greenlang.formulas.tree import Lookup, Name, Node, TableCall, Text, walk
from greenlang.resolution.pin import Pinner
from greenlang.resolution.plan import FactorLookup, OutputPlan, unique_gaps
from greenlang.specs.diagnostics import Diagnostic, Severity
from greenlang.specs.model import AgentSpec


def overlay_file(spec: AgentSpec, overlay: bool) -> str:
    """The file of a finding: that of the overlay, or empty for the spec itself."""
    return spec.overlay.name if overlay and spec.overlay is not None else ""


def of_formula(
    spec: AgentSpec,
    output: str,
    code: str,
    severity: Severity,
    message: str,
    hint: str,
    place: tuple[int, int] = (0, 0),
    path: str = "",
) -> Diagnostic:
    """A finding where the formula of an output is given; at ``place`` of the spec where none is."""
    given = spec.formulas.get(output)
    line, column = (given.line, given.column) if given else place
    file = overlay_file(spec, given is not None and given.means == "overlay")
    return Diagnostic(code, severity, message, hint, line, column, path, file)


def references(spec: AgentSpec, pinner: Pinner) -> Iterator[Diagnostic]:
    """References that name nothing, that are read as others, and that are declared on another GWP set."""
    for alias, error in pinner.unresolved.items():
        ref = spec.factors[alias]
        near = "; ".join(f"{r} ({why})" for r, why in error.nearest)
        reviewed = pinner.foreign.get(alias)
        why = f": {reviewed[0].none}" if reviewed is not None and reviewed[0].none else ""
        yield Diagnostic(
            "GLS031",
            "error",
            f"`{ref.ref}` names no factor of release {pinner.table.release}{why}",
            f"nearest: {near}" if near else "nothing held is like it; `greenlang factors search` looks by words",
            ref.line,
            ref.column,
            f"compute.factors.{alias}",
            overlay_file(spec, ref.overlay),
        )
    yield from _foreign(spec, pinner)
    for alias, rows in pinner.rows.items():
        ref = spec.factors[alias]
        sets = {r.gwp_named for r in rows if r.gwp_named}
        if ref.gwp_set and sets and ref.gwp_set not in sets:
            yield Diagnostic(
                "GLS024",
                "error",
                f"`{alias}` is declared on {ref.gwp_set}, its rows are on {' and '.join(sorted(sets))}",
                "declare the GWP set that the publisher used, or refer to another table",
                ref.line,
                ref.column,
                f"compute.factors.{alias}.gwp_set",
                overlay_file(spec, ref.overlay),
            )


def _foreign(spec: AgentSpec, pinner: Pinner) -> Iterator[Diagnostic]:
    for alias, (entry, target) in pinner.foreign.items():
        if target is None:
            continue  # told as one that names nothing
        ref = spec.factors[alias]
        narrowed = [column for column in ("activity", "region") if getattr(target, column)]
        meant = [sorted({str(getattr(row, column)) for row in pinner.rows[alias]}) for column in narrowed]
        only = "".join(f", {values[0]}" for values in meant if len(values) == 1)
        yield Diagnostic(
            "GLS032",
            "warning" if target.warning else "info",
            f"`{ref.ref}` is read as {target.ref}{only}" + (f": {target.warning}" if target.warning else ""),
            entry.evidence,
            ref.line,
            ref.column,
            f"compute.factors.{alias}",
            overlay_file(spec, ref.overlay),
        )


def bases(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], lookups: Mapping[str, FactorLookup]
) -> Iterator[Diagnostic]:
    """CO2e of unlike GWP sets is not added, also not through other outputs; an undeclared set is said."""
    known: dict[str, frozenset[str]] = {}
    for name in order:
        parts = tuple(walk(plans[name].expression))
        rows = (r for p in parts if isinstance(p, Lookup) for r in lookups[p.table].rows.values())
        sets = {r.gwp_named for r in rows if r.gwp_named}
        sets.update(s for p in parts if isinstance(p, Name) and p.kind == "output" for s in known.get(p.name, ()))
        known[name] = frozenset(sets)
        if len(sets) > 1:
            message, hint = f"`{name}` adds CO2e of {' and '.join(sorted(sets))}", "use factors of one GWP set"
        elif sets and spec.gwp_set and sets != {spec.gwp_set}:
            message = f"`{name}` is on {sets.pop()}, the spec declares {spec.gwp_set}"
            hint = "declare the GWP set of the factors, or refer to factors of the declared one"
        else:
            continue
        yield of_formula(spec, name, "GLS024", "error", message, hint)


def uncovered(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], lookups: Mapping[str, FactorLookup]
) -> Iterator[Diagnostic]:
    """Values that the spec allows and its references do not hold: no error, but the author should know."""
    yield from _no_row(spec, plans)
    for table, gap in unique_gaps(lookups):
        alias = next((a for a in spec.factors if table.name.startswith(a)), "")
        ref = spec.factors.get(alias)
        yield Diagnostic(
            "GLS061",
            "warning",
            f"not covered: {gap.where}: {gap.reason}",
            "the agent answers such input with this reason; mend a misspelt value, or widen the references",
            ref.line if ref else 0,
            ref.column if ref else 0,
            file=overlay_file(spec, ref is not None and ref.overlay),
        )


def _no_row(spec: AgentSpec, plans: Mapping[str, OutputPlan]) -> Iterator[Diagnostic]:
    """Texts that the spec allows and a parameter table has no value for."""
    for plan in plans.values():
        for call in (p for p in walk(plan.expression) if isinstance(p, TableCall) and p.rows is not None):
            keys = [node for _, node in call.select]
            choices = [_texts(spec, node) for node in keys]
            for values in product(*choices):
                if values in (call.rows or {}):
                    continue
                told = zip(keys, values, strict=True)
                where = ", ".join(f"{k.name} = {v}" for k, v in told if isinstance(k, Name))
                yield of_formula(
                    spec,
                    plan.output,
                    "GLS061",
                    "warning",
                    f"not covered: {where}: the parameter table `{call.table}` has no {call.column} there",
                    "the agent answers such input with this reason; mend a misspelt value, or drop it from the `enum`",
                )


def _texts(spec: AgentSpec, node: Node) -> tuple[str, ...]:
    """What a key of a parameter table can be, as far as the spec says."""
    if isinstance(node, Text):
        return (node.value,)
    item = spec.inputs.get(node.name) if isinstance(node, Name) else None
    return tuple(map(str, item.enum)) if item is not None else ()


def unused(
    spec: AgentSpec, pinner: Pinner, lookups: Mapping[str, FactorLookup], used: set[str]
) -> Iterator[Diagnostic]:
    """References and inputs without influence, in a spec whose every output has a plan."""
    pinned = {r.key for t in lookups.values() for r in t.rows.values()}
    for alias, ref in spec.factors.items():
        if alias in pinner.rows and not any(r.key in pinned for r in pinner.rows[alias]):
            yield Diagnostic(
                "GLS062",
                "warning",
                f"reference `{alias}` ({ref.ref}) is used by no formula",
                "remove it, or use it: factor(...)",
                ref.line,
                ref.column,
                file=overlay_file(spec, ref.overlay),
            )
    for name in spec.inputs:
        if name not in used:
            yield Diagnostic(
                "GLS060",
                "warning",
                f"input `{name}` has no influence on any output",
                "remove it, or use it in a formula",
                path=f"compute.inputs.{name}",
            )
