"""What an author is told of references and inputs: lost, read as another, on another GWP set, not covered, unused.

Belongs here: findings that need no running of plans. Does not belong here: finding plans (``resolve``), golden
cases and properties (``prove``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from greenlang.formulas.tree import Lookup, Name, walk
from greenlang.resolution.pin import Pinner
from greenlang.resolution.plan import FactorLookup, OutputPlan, unique_gaps
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec


def overlay_file(spec: AgentSpec, overlay: bool) -> str:
    """The file of a finding: that of the overlay, or empty for the spec itself."""
    return spec.overlay.name if overlay and spec.overlay is not None else ""


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
            f"nearest: {near}" if near else "see `greenlang factors stats`",
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
        only = f", {target.activity}" if target.activity else ""
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
        given = spec.formulas.get(name)
        line, column = (given.line, given.column) if given else (0, 0)
        file = overlay_file(spec, given is not None and given.means == "overlay")
        yield Diagnostic("GLS024", "error", message, hint, line, column, file=file)


def uncovered(spec: AgentSpec, lookups: Mapping[str, FactorLookup]) -> Iterator[Diagnostic]:
    """Values that the spec allows and its references do not hold: no error, but the author should know."""
    for table, gap in unique_gaps(lookups):
        alias = next((a for a in spec.factors if table.name.startswith(a)), "")
        ref = spec.factors.get(alias)
        where = ", ".join(f"any other {n}" if v == "*" else f"{n} = {v}" for n, v in gap.selectors)
        yield Diagnostic(
            "GLS061",
            "warning",
            f"not covered: {where}: {gap.reason}",
            "the agent answers such input with this reason; mend a misspelt value, or widen the references",
            ref.line if ref else 0,
            ref.column if ref else 0,
            file=overlay_file(spec, ref is not None and ref.overlay),
        )


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
