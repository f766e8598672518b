"""``resolve``: a plan for every output, by the first means that gives a certain one.

The order: given in the spec; stated by an equality among its properties; the runtime's own values (the SHA-256 of the
calculation chain); the one formula of the library that fits and reproduces the golden cases. Errors in what the spec
itself says make findings (the spec is refused); an output for which nothing certain is found is `Missing` (the agent
is incomplete).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from itertools import islice
from typing import Any

from greenlang import units
from greenlang.errors import CalculationError, FormulaError
from greenlang.factors.table import FactorTable
from greenlang.formulas.check import Scope, check, fit, pretty
from greenlang.formulas.evaluate import LookupMiss
from greenlang.formulas.library import FormulaLibrary, substitute
from greenlang.formulas.parse import parse
from greenlang.formulas.show import show
from greenlang.formulas.tree import Arithmetic, Convert, FactorCall, Lookup, Name, Node, SystemValue, walk
from greenlang.resolution import run, samples
from greenlang.resolution.consistency import contradictions
from greenlang.resolution.match import Candidate, candidates, heating_value, unknown_words, words
from greenlang.resolution.pin import Pinner
from greenlang.resolution.plan import (
    Evidence,
    FactorLookup,
    Means,
    Missing,
    OutputPlan,
    Resolution,
    Vector,
    unique_gaps,
)
from greenlang.resolution.properties import Relation, Rule, read_rules
from greenlang.resolution.prove import Proof, prove, scope_of
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, FormulaGiven, OutputSpec, Scalar
from greenlang.specs.reader import violates

_DIGEST_WORDS = frozenset({"sha", "hash", "digest"})
MAX_GAP_VECTORS = 12


def resolve(spec: AgentSpec, table: FactorTable, library: FormulaLibrary) -> Resolution:
    """Find, prove and order the plans of a spec. Never raises for a spec's mistakes."""
    return _Resolver(spec, table, library).run()


class _Resolver:
    def __init__(self, spec: AgentSpec, table: FactorTable, library: FormulaLibrary) -> None:
        self.spec = spec
        self.library = library
        self.pinner = Pinner(spec, table)
        self.plans: dict[str, OutputPlan] = {}
        self.missing: dict[str, Missing] = {}
        self.findings: list[Diagnostic] = []
        self.rules: tuple[Rule, ...] = read_rules(spec)
        self.wrong: set[str] = set()  # outputs whose own formula is in error

    def run(self) -> Resolution:
        self.references()
        for given in self.spec.formulas.values():
            self.given(given)
        self.equalities()
        self.system()
        order = self.ordered()
        several = (len(rows) > 1 for rows in self.pinner.rows.values())
        self.findings.extend(contradictions(self.spec, self.plans, order, self.rules, several))
        self.match()
        order = self.ordered()
        self.bases(order)
        lookups = self.used_lookups()
        proof = self.proof(order)
        self.findings.extend(d for d in proof.failures if not self.told(d))
        self.findings.extend(proof.warnings)
        self.unused()
        self.uncovered(lookups)
        plans = {n: replace(p, evidence=(*p.evidence, *proof.evidence.get(n, ()))) for n, p in self.plans.items()}
        vectors: tuple[Vector, ...] = ()
        errors = any(d.severity == "error" for d in self.findings)
        if not self.missing and not errors:
            vectors = tuple(_vectors(self.spec, plans, order, lookups))
        unique = dict.fromkeys(sorted(self.findings, key=lambda d: (d.line, d.column, d.code, d.message)))
        return Resolution(self.spec, plans, order, lookups, tuple(self.missing.values()), tuple(unique), vectors)

    def proof(self, order: tuple[str, ...]) -> Proof:
        return prove(self.spec, self.plans, order, self.used_lookups(), self.rules, self.pinner)

    def told(self, finding: Diagnostic) -> bool:
        """A golden case or property that is already reported as a contradiction is not reported twice."""
        return any((d.code, d.line, d.column) == (finding.code, finding.line, finding.column) for d in self.findings)

    # --- means ----------------------------------------------------------------------------------------------------

    def references(self) -> None:
        for alias, error in self.pinner.unresolved.items():
            ref = self.spec.factors[alias]
            near = "; ".join(f"{r} ({why})" for r, why in error.nearest)
            self.findings.append(
                Diagnostic(
                    "GLS031",
                    "error",
                    f"`{ref.ref}` names no factor of release {self.pinner.table.release}",
                    f"nearest: {near}" if near else "see `greenlang factors stats`",
                    ref.line,
                    ref.column,
                    f"compute.factors.{alias}",
                )
            )

        for alias, rows in self.pinner.rows.items():
            ref = self.spec.factors[alias]
            sets = {r.gwp_named for r in rows if r.gwp_named}
            if ref.gwp_set and sets and ref.gwp_set not in sets:
                self.findings.append(
                    Diagnostic(
                        "GLS024",
                        "error",
                        f"`{alias}` is declared on {ref.gwp_set}, its rows are on {' and '.join(sorted(sets))}",
                        "declare the GWP set that the publisher used, or refer to another table",
                        ref.line,
                        ref.column,
                        f"compute.factors.{alias}.gwp_set",
                    )
                )

    def given(self, given: FormulaGiven) -> None:
        out = self.spec.outputs[given.output]
        try:
            if given.expression is not None:
                self.plan(
                    out,
                    "given",
                    given.expression,
                    parse(given.expression),
                    notes=(Evidence("formula", "given in the spec"),),
                )
                return
            self.from_library(out, given)
        except FormulaError as error:
            self.wrong.add(out.name)
            if self.needs_lost_reference(given):
                return  # the reference is reported where it stands
            code = "GLS041" if " add " in str(error) or "convert" in str(error) else "GLS040"
            self.findings.append(
                Diagnostic(
                    code,
                    "error",
                    f"formula of `{out.name}`: {error}",
                    _hint(given, error),
                    given.line,
                    given.column,
                    f"compute.formulas.{out.name}",
                )
            )

    def needs_lost_reference(self, given: FormulaGiven) -> bool:
        texts = [given.expression, *(text for _, text in given.bind)]
        calls = (n for t in texts if t is not None for n in walk(parse(t)) if isinstance(n, FactorCall))
        return any(call.alias in self.pinner.unresolved for call in calls)

    def from_library(self, out: OutputSpec, given: FormulaGiven) -> None:
        formula = self.library.get(given.formula_id or "")
        if formula is None:
            raise FormulaError(f"there is no formula `{given.formula_id}` in the library")
        fits = [n for n, o in formula.outputs.items() if units.same_dimension(o.unit, out.unit)]
        if len(fits) != 1:
            raise FormulaError(f"`{formula.id}` has {len(fits) or 'no'} outputs in {out.unit}")
        bound: dict[str, Node] = {symbol: parse(text) for symbol, text in given.bind}
        for name in bound.keys() - formula.symbols.keys():
            near = get_close_matches(name, formula.symbols, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else f" (it has {', '.join(formula.symbols)})"
            raise FormulaError(f"`{formula.id}` has no symbol `{name}`{hint}")
        scope = Scope(scope_of(self.spec), self.pinner.factor)
        for name, node in bound.items():
            fit(check(node, scope), formula.symbols[name].unit)
        for name, symbol in formula.symbols.items():
            if name not in bound and (symbol.origin != "input" or name not in self.spec.inputs):
                raise FormulaError(f"`{formula.id}` needs `{name}` ({symbol.meaning}, {symbol.unit}): bind it")
        trees = formula.trees()
        tree = trees[fits[0]]
        for inner in reversed(list(formula.outputs)):
            tree = substitute(tree, {inner: trees[inner]}) if inner != fits[0] else tree
        citation = f"{formula.citation.document}, {formula.citation.locator}"
        self.plan(
            out,
            "given",
            formula.outputs[fits[0]].expression,
            substitute(tree, bound),
            formula_id=formula.id,
            citation=citation,
            notes=(Evidence("formula", f"{formula.id}, named by the spec"),),
        )

    def plan(
        self,
        out: OutputSpec,
        means: Means,
        source: str,
        tree: Node,
        *,
        formula_id: str | None = None,
        citation: str = "",
        notes: Iterable[Evidence] = (),
    ) -> None:
        """Check a tree and enter it as the plan of an output. Raises FormulaError."""
        checked = check(tree, Scope(scope_of(self.spec), self.pinner.factor), source=source)
        if out.numeric:
            checked = fit(checked, out.unit, source=source)
        elif checked.type != {"string": "text", "bool": "truth"}.get(out.dtype):
            raise FormulaError(f"`{out.name}` is a {out.dtype}, the formula gives a {checked.type}")
        for part in walk(checked):
            names: tuple[str, ...] = ()
            if isinstance(part, Name) and part.kind == "input":
                names = (part.name,)
            elif isinstance(part, Lookup):
                names = part.inputs
            for name in names:
                item = self.spec.inputs[name]
                if not item.required and item.default is None:
                    raise FormulaError(f"`{name}` may be left out and has no default", offset=part.offset)
        self.shifted(out, checked)
        evidence = [*notes]
        if out.numeric:
            evidence.append(Evidence("dimensions", f"the units work out to {pretty(checked.unit or '1')}"))
        decimals = units.output_decimals(out.unit, out.dtype) if out.numeric else None
        self.plans[out.name] = OutputPlan(
            out.name, means, checked, show(checked), decimals, formula_id, citation, tuple(evidence)
        )

    def shifted(self, out: OutputSpec, tree: Node) -> None:
        """A temperature in degC that multiplies counts from absolute zero: said, because a difference may be meant."""
        for part in walk(tree):
            if not isinstance(part, Arithmetic) or part.op not in {"*", "/"}:
                continue
            for side in (part.left, part.right):
                if isinstance(side, Convert) and isinstance(side.operand, Name) and units.is_offset(side.source_unit):
                    given = self.spec.formulas.get(out.name)
                    self.findings.append(
                        Diagnostic(
                            "GLS043",
                            "warning",
                            f"formula of `{out.name}`: `{side.operand.name}` counts from absolute zero in a product "
                            f"({side.source_unit} becomes kelvin)",
                            "right for Carnot and gas laws; a difference of temperatures is declared in K",
                            given.line if given else 0,
                            given.column if given else 0,
                        )
                    )

    def equalities(self) -> None:
        for rule in self.rules:
            if not isinstance(rule, Relation) or rule.defines is None or rule.expression is None:
                continue
            name, expression = rule.defines, rule.expression
            if name in self.plans and rule.other is not None:
                name, expression = rule.other
            if name in self.plans or name in self.wrong or not self.spec.outputs[name].numeric:
                continue
            if self.leads_to(expression, name):
                continue  # it would close a circle, so it is a check and no plan
            note = Evidence("property", f"`{rule.source.name}` states {rule.source.rule}")
            try:
                self.plan(self.spec.outputs[name], "property", rule.source.rule, expression, notes=(note,))
            except FormulaError as error:
                self.findings.append(
                    Diagnostic(
                        "GLS041",
                        "error",
                        f"property `{rule.source.name}`: {error}",
                        "mend the rule",
                        rule.source.line,
                        rule.source.column,
                    )
                )

    def leads_to(self, node: Node, target: str) -> bool:
        """Whether an expression needs an output, directly or through the plans of others."""
        seen: set[str] = set()
        ahead = [p.name.removeprefix("output.") for p in walk(node) if isinstance(p, Name)]
        while ahead:
            name = ahead.pop()
            if name == target and name in self.spec.outputs:
                return True
            if name in self.plans and name not in seen:
                seen.add(name)
                ahead += [
                    p.name for p in walk(self.plans[name].expression) if isinstance(p, Name) and p.kind == "output"
                ]
        return False

    def system(self) -> None:
        for out in self.spec.outputs.values():
            told = words(out.name) | words(out.description)
            chain = "provenance" in told or "calculation" in told
            if out.name in self.plans or out.dtype != "string" or not chain or not told & _DIGEST_WORDS:
                continue
            note = f'named by the spec: {out.name}, "{out.description}"'
            node = SystemValue("provenance", type="text")
            self.plans[out.name] = OutputPlan(
                out.name,
                "system",
                node,
                "SHA-256 of the calculation chain",
                None,
                evidence=(Evidence("note", note),),
            )

    def match(self) -> None:
        open_outputs = [o for o in self.spec.outputs.values() if o.name not in self.plans and o.name not in self.wrong]
        found: dict[str, list[Candidate]] = {}
        for out in open_outputs:
            if not out.numeric:
                self.missing[out.name] = Missing(
                    out.name,
                    f"nothing says how the {out.dtype} `{out.name}` comes about; no formula gives a {out.dtype}",
                )
                continue
            found[out.name] = candidates(self.spec, out, self.library, self.pinner)
        whole = [c for cs in found.values() for c in cs if not c.reason]
        for out in (self.spec.outputs[n] for n in found):
            self.choose(out, found[out.name], whole)

    def choose(self, out: OutputSpec, found: list[Candidate], whole: list[Candidate]) -> None:
        """Enter the one candidate that binds, uses every number and reproduces the golden cases; else say why not."""
        good: list[Candidate] = []
        near: list[str] = [c.label for c in found if c.reason]
        for candidate in (c for c in found if not c.reason):
            why = self.refuse(out, candidate, whole)
            if why:
                near.append(f"{candidate.label}: {why}")
            else:
                good.append(candidate)
        if len(good) == 1:
            self.enter(out, good[0])
            return
        if good:
            reason = f"{len(good)} formulas fit and none is chosen"
            near = [c.label for c in good] + near
        else:
            reason = "no formula of the library fits" if not near else "no formula of the library fits for certain"
        self.missing[out.name] = Missing(out.name, reason, tuple(near))

    def refuse(self, out: OutputSpec, candidate: Candidate, whole: list[Candidate]) -> str:
        """Why a bound candidate is not certain, with the numbers; empty if it is."""
        needed = {n for n, i in self.spec.inputs.items() if i.numeric or i.enum or i.dtype == "bool"}
        kin = {n for c in whole if c.formula.id == candidate.formula.id for n in c.inputs}
        trial = dict(self.plans)
        try:
            self.enter(out, candidate)
            lookups = self.used_lookups()
            left = needed - self.used() - kin
            rows = [r for t in lookups.values() for r in t.rows.values()]
            proof = self.proof(self.ordered())
        except FormulaError as error:
            return str(error)
        finally:
            self.plans = trial
        if left:
            return f"it leaves {', '.join(sorted(left))} unused"
        mine = [d.message for d in proof.failures if out.name in d.message]
        if mine:
            return mine[0]
        if why := heating_value(self.spec, candidate, rows):
            return why
        proved = any(e.kind == "golden" for e in proof.evidence.get(out.name, ()))
        strange = unknown_words(self.spec, out.name, candidate)
        if strange and not proved:
            return f"it fits, but it knows nothing of {', '.join(sorted(strange))}, and no golden case proves it"
        return ""

    def used(self) -> set[str]:
        """Inputs and outputs that the plans use, in formulas or to select rows."""
        names = {p.name for plan in self.plans.values() for p in walk(plan.expression) if isinstance(p, Name)}
        return names | {n for t in self.used_lookups().values() for n in t.inputs}

    def enter(self, out: OutputSpec, candidate: Candidate) -> None:
        formula = candidate.formula
        trees = formula.trees()
        tree = trees[candidate.output]
        for inner in reversed([n for n in formula.outputs if n != candidate.output]):
            tree = substitute(tree, {inner: trees[inner]})
        citation = f"{formula.citation.document}, {formula.citation.locator}"
        notes = (
            Evidence("formula", f"{formula.id}, the one formula of the library that fits"),
            *(Evidence("factors", note) for note in candidate.notes),
        )
        self.plan(
            out,
            "library",
            formula.outputs[candidate.output].expression,
            substitute(tree, candidate.bound),
            formula_id=formula.id,
            citation=citation,
            notes=notes,
        )

    # --- order, use, bases ----------------------------------------------------------------------------------------

    def ordered(self) -> tuple[str, ...]:
        """Outputs after those that they use. A circle is a finding, and its outputs lose their plans."""
        needs = {
            n: sorted({p.name for p in walk(plan.expression) if isinstance(p, Name) and p.kind == "output"})
            for n, plan in self.plans.items()
        }
        done: list[str] = []
        state: dict[str, int] = {}
        circles: list[list[str]] = []

        def visit(name: str, trail: list[str]) -> None:
            if state.get(name) == 2 or name not in needs:
                return
            if state.get(name) == 1:
                circles.append([*trail[trail.index(name) :], name])
                return
            state[name] = 1
            for other in needs[name]:
                visit(other, [*trail, name])
            state[name] = 2
            done.append(name)

        for name in self.spec.outputs:
            visit(name, [])
        for circle in circles:
            given = self.spec.formulas.get(circle[0])
            self.findings.append(
                Diagnostic(
                    "GLS042",
                    "error",
                    f"circular outputs: {' → '.join(circle)}",
                    "give one of them a formula over inputs only",
                    given.line if given else 0,
                    given.column if given else 0,
                )
            )
            for name in circle:
                self.plans.pop(name, None)
                self.wrong.add(name)
        if circles:
            return self.ordered()
        lost = [n for n in done if any(o not in self.plans for o in needs[n])]
        for name in lost:
            if not (set(needs[name]) & self.wrong) and all(o in self.spec.outputs for o in needs[name]):
                continue  # it may still be found by a later means
            self.plans.pop(name)
            self.wrong.add(name)
        return tuple(n for n in done if n in self.plans and all(o in self.plans for o in needs[n]))

    def used_lookups(self) -> dict[str, FactorLookup]:
        used = {p.table for plan in self.plans.values() for p in walk(plan.expression) if isinstance(p, Lookup)}
        return {n: t for n, t in sorted(self.pinner.lookups.items()) if n in used}

    def bases(self, order: tuple[str, ...]) -> None:
        """CO2e of unlike GWP sets is not added, also not through other outputs; an undeclared set is said."""
        lookups = self.pinner.lookups
        known: dict[str, frozenset[str]] = {}
        for name in order:
            parts = tuple(walk(self.plans[name].expression))
            rows = (r for p in parts if isinstance(p, Lookup) for r in lookups[p.table].rows.values())
            sets = {r.gwp_named for r in rows if r.gwp_named}
            sets.update(s for p in parts if isinstance(p, Name) and p.kind == "output" for s in known.get(p.name, ()))
            known[name] = frozenset(sets)
            given = self.spec.formulas.get(name)
            line, column = (given.line, given.column) if given else (0, 0)
            if len(sets) > 1:
                self.findings.append(
                    Diagnostic(
                        "GLS024",
                        "error",
                        f"`{name}` adds CO2e of {' and '.join(sorted(sets))}",
                        "use factors of one GWP set",
                        line,
                        column,
                    )
                )
            elif sets and self.spec.gwp_set and sets != {self.spec.gwp_set}:
                self.findings.append(
                    Diagnostic(
                        "GLS024",
                        "error",
                        f"`{name}` is on {sets.pop()}, the spec declares {self.spec.gwp_set}",
                        "declare the GWP set of the factors, or refer to factors of the declared one",
                        line,
                        column,
                    )
                )

    def uncovered(self, lookups: dict[str, FactorLookup]) -> None:
        """Values that the spec allows and its references do not hold: no error, but the author should know."""
        for table, gap in unique_gaps(lookups):
            alias = next((a for a in self.spec.factors if table.name.startswith(a)), "")
            ref = self.spec.factors.get(alias)
            where = ", ".join(f"any other {n}" if v == "*" else f"{n} = {v}" for n, v in gap.selectors)
            self.findings.append(
                Diagnostic(
                    "GLS061",
                    "warning",
                    f"not covered: {where}: {gap.reason}",
                    "the agent answers such input with this reason; mend a misspelt value, or widen the references",
                    ref.line if ref else 0,
                    ref.column if ref else 0,
                )
            )

    def unused(self) -> None:
        used = self.used()
        for alias in _unused_references(self.spec, self.used_lookups(), self.pinner.rows):
            ref = self.spec.factors[alias]
            if not self.missing and not self.wrong:
                self.findings.append(
                    Diagnostic(
                        "GLS062",
                        "warning",
                        f"reference `{alias}` ({ref.ref}) is used by no formula",
                        "remove it, or use it: factor(...)",
                        ref.line,
                        ref.column,
                    )
                )
        for name, item in self.spec.inputs.items():
            if name not in used and not self.missing and not self.wrong:
                self.findings.append(
                    Diagnostic(
                        "GLS060",
                        "warning",
                        f"input `{name}` has no influence on any output",
                        "remove it, or use it in a formula",
                        path=f"compute.inputs.{item.name}",
                    )
                )


def _unused_references(spec: AgentSpec, lookups: Mapping[str, FactorLookup], rows: Mapping[str, Any]) -> list[str]:
    pinned = {r.key for t in lookups.values() for r in t.rows.values()}
    return [alias for alias in spec.factors if alias in rows and not any(r.key in pinned for r in rows[alias])]


def _hint(given: FormulaGiven, error: FormulaError) -> str:
    text = given.expression or ""
    if text and error.offset and len(text) < 200:
        return f"at the mark »: {text[: error.offset]}»{text[error.offset :]}"
    return "mend the formula"


def _vectors(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], lookups: dict[str, FactorLookup]
) -> Iterable[Vector]:
    """Golden cases, reference values by the evaluator, and inputs that must be answered with a reason."""
    rows = run.tables(lookups)
    for case in spec.golden:
        yield Vector(
            case.name,
            "golden",
            dict(case.input),
            {
                n: run.canonical(_exact(e.value), None if not spec.outputs[n].numeric else 34)
                for n, e in case.expect.items()
            },
            tolerances={n: str(e.tol) for n, e in case.expect.items() if e.tol is not None},
        )
    for i, given in enumerate(samples.combinations(spec, lookups), 1):
        try:
            got = run.outputs(spec, plans, order, rows, given)
        except LookupMiss:
            continue  # what is not covered has vectors of its own
        except CalculationError:
            yield Vector(f"undefined_{i}", "boundary", given, error="calculation")
            continue
        yield Vector(
            f"reference_{i}",
            "reference",
            given,
            {n: run.canonical(v, plans[n].decimals) for n, v in got.items()},
        )
    yield from _gap_vectors(spec, plans, order, lookups)


def _exact(value: Scalar) -> Scalar:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


_OTHER_WORDS = ("DE", "ZZ", "none-of-these", "xx", "other")


def _typed(spec: AgentSpec, name: str, value: str) -> Scalar:
    return int(value) if spec.inputs[name].dtype == "int32" else value


def _gap_vectors(
    spec: AgentSpec, plans: Mapping[str, OutputPlan], order: tuple[str, ...], lookups: dict[str, FactorLookup]
) -> Iterable[Vector]:
    rows = run.tables(lookups)
    base = samples.base_inputs(spec, lookups)
    if base is None:
        return
    for _, gap in islice(unique_gaps(lookups), MAX_GAP_VECTORS):
        given = dict(base)
        for name, value in gap.selectors:
            other = _other(spec, name, lookups) if value == "*" else _typed(spec, name, value)
            if other is not None:
                given[name] = other
        try:
            run.outputs(spec, plans, order, rows, given)
        except LookupMiss:
            label = "_".join(str(given[n]) for n, _ in gap.selectors)
            yield Vector(f"not_covered_{label}", "gap", given, error="not_covered")
        except CalculationError:
            continue


def _other(spec: AgentSpec, name: str, lookups: dict[str, FactorLookup]) -> Scalar | None:
    """A value of an input without enum that no look-up holds but its pattern and bounds allow."""
    covered = {key[t.inputs.index(name)] for t in lookups.values() if name in t.inputs for key in t.rows}
    words: tuple[Scalar, ...] = (1, 7, 1000, 99_999) if spec.inputs[name].numeric else _OTHER_WORDS
    return next((w for w in words if str(w) not in covered and not violates(spec.inputs[name], w)), None)
