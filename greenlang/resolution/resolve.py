"""``resolve``: a plan for every output, by the first means that gives a certain one.

The order: given in the spec; stated by an equality among its properties; the runtime's own values (the SHA-256 of the
calculation chain); the one formula of the library that fits and reproduces the golden cases. Errors in what the spec
itself says make findings (the spec is refused); an output for which nothing certain is found is `Missing` (the agent
is incomplete).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from functools import partial

from greenlang import units
from greenlang.errors import CalculationError, FormulaError
from greenlang.factors.table import FactorTable
from greenlang.formulas.check import Scope, check, fit, pretty
from greenlang.formulas.evaluate import evaluate
from greenlang.formulas.library import FormulaLibrary, FormulaSymbol, LibraryFormula, substitute
from greenlang.formulas.parse import parse
from greenlang.formulas.show import show
from greenlang.formulas.tree import Arithmetic, Convert, FactorCall, Lookup, Name, Node, SystemValue, walk
from greenlang.resolution import order, run, told
from greenlang.resolution.consistency import contradictions
from greenlang.resolution.held import own_value, own_values, shown, tree_of, used_symbols
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
)
from greenlang.resolution.properties import Relation, Rule, read_rules
from greenlang.resolution.prose import Found, ProseFinder
from greenlang.resolution.prove import Proof, Tried, close, prove, scope_of, short, tried, unknown, unknown_units
from greenlang.resolution.vectors import vectors
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, FormulaGiven, OutputSpec

MAX_POINTS = 12
_DIGEST_WORDS = frozenset({"sha", "hash", "digest"})


def resolve(spec: AgentSpec, table: FactorTable, library: FormulaLibrary) -> Resolution:
    """Find, prove and order the plans of a spec, or of each of its parts. Never raises for a spec's mistakes."""
    if not spec.parts:
        return _Resolver(spec, table, library).run()
    parts = tuple(_Resolver(part, table, library).run() for part in spec.parts)
    missing = tuple(
        replace(m, output=f"{one.spec.part}.{m.output}") for one in parts for m in sorted_missing(one.missing, one.spec)
    )
    everywhere = Counter(d for one in parts for d in dict.fromkeys(one.diagnostics))
    findings = (
        d for d, count in everywhere.items() if d.code != "GLS062" or count == len(parts)
    )  # used by another part
    ordered = sorted(findings, key=lambda d: (d.file, d.line, d.column, d.code, d.message))
    return Resolution(spec, {}, (), {}, missing, tuple(ordered), parts=parts)


def sorted_missing(missing: Iterable[Missing], spec: AgentSpec) -> list[Missing]:
    """What is missing in the order in which the spec declares its outputs."""
    place = {name: i for i, name in enumerate(spec.outputs)}
    return sorted(missing, key=lambda m: place.get(m.output, len(place)))


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
        self.finder = ProseFinder(spec)
        self.said_of: dict[str, list[str]] = {}  # output -> why its texts give no plan

    def run(self) -> Resolution:
        self.findings.extend(told.references(self.spec, self.pinner))
        for given in self.spec.formulas.values():
            if given.means == "given":
                self.given(given)
        self.equalities()
        for given in self.spec.formulas.values():
            if given.means == "overlay":
                self.overlay(given)
        self.system()
        several = (len(rows) > 1 for rows in self.pinner.rows.values())
        self.findings.extend(contradictions(self.spec, self.plans, self.ordered(), self.rules, several))
        self.prose()
        self.match()
        arranged = self.proved(self.ordered())
        self.findings.extend(told.bases(self.spec, self.plans, arranged, self.pinner.lookups))
        lookups = self.used_lookups()
        proof = self.proof(arranged)
        self.findings.extend(d for d in proof.failures if not self.known(d))
        self.findings.extend(proof.warnings)
        if not self.missing and not self.wrong:
            self.findings.extend(told.unused(self.spec, self.pinner, lookups, self.used()))
        self.findings.extend(told.uncovered(self.spec, lookups))
        plans = {n: replace(p, evidence=(*p.evidence, *proof.evidence.get(n, ()))) for n, p in self.plans.items()}
        made: tuple[Vector, ...] = ()
        errors = any(d.severity == "error" for d in self.findings)
        if not self.missing and not errors:
            made = tuple(vectors(self.spec, plans, arranged, lookups))
        unique = dict.fromkeys(sorted(self.findings, key=lambda d: (d.line, d.column, d.code, d.message)))
        missing = tuple(sorted_missing(self.missing.values(), self.spec))
        return Resolution(self.spec, plans, arranged, lookups, missing, tuple(unique), made)

    def proof(self, arranged: tuple[str, ...]) -> Proof:
        return prove(self.spec, self.plans, arranged, self.used_lookups(), self.rules, self.pinner)

    def known(self, finding: Diagnostic) -> bool:
        """A golden case or property that is already reported as a contradiction is not reported twice."""
        return any((d.code, d.line, d.column) == (finding.code, finding.line, finding.column) for d in self.findings)

    # --- means -----------------------------------------------------------------------------------------------------

    def file(self, overlay: bool) -> str:
        """The file of a finding: empty for the spec itself."""
        return told.overlay_file(self.spec, overlay)

    def given(self, given: FormulaGiven) -> None:
        out = self.spec.outputs[given.output]
        overlay = given.means == "overlay"
        by = f"given by the overlay {self.file(True)}: {given.source}" if overlay else "given in the spec"
        try:
            if given.expression is not None:
                note = Evidence("formula", by)
                self.plan(
                    out, given.means, given.expression, parse(given.expression), citation=given.source, notes=(note,)
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
                    f"formulas.{out.name}" if overlay else f"compute.formulas.{out.name}",
                    self.file(overlay),
                )
            )

    def overlay(self, given: FormulaGiven) -> None:
        """A reviewer's formula; what the spec itself gives by a property stands before it."""
        if given.output not in self.spec.outputs:
            return  # left out by the same overlay
        if given.output in self.plans:
            self.conflict(given, f"the spec's own property gives {given.output} = {self.plans[given.output].text}")
            return
        self.given(given)

    def conflict(self, given: FormulaGiven, message: str) -> None:
        self.findings.append(
            Diagnostic(
                "GLS054",
                "warning",
                f"the overlay's formula of `{given.output}` is not all that is said: {message}",
                "remove the one that is wrong",
                given.line,
                given.column,
                f"formulas.{given.output}",
                self.file(True),
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
        tree = tree_of(formula, fits[0])
        bound, kept = self.bound(formula, used_symbols(formula, tree), given)
        citation = f"{formula.citation.document}, {formula.citation.locator}"
        by = "the spec" if given.means == "given" else f"the overlay {self.file(True)}"
        said = (Evidence("note", given.source),) if given.source else ()
        self.plan(
            out,
            given.means,
            formula.outputs[fits[0]].expression,
            substitute(tree, bound),
            formula_id=formula.id,
            citation=citation,
            notes=(Evidence("formula", f"{formula.id}, named by {by}"), *own_values(formula, kept), *said),
        )

    def bound(
        self, formula: LibraryFormula, used: Mapping[str, FormulaSymbol], given: FormulaGiven
    ) -> tuple[dict[str, Node], list[str]]:
        """What each symbol stands for, in the symbol's unit; and the symbols that keep the formula's own value.

        In this order: the ``bind`` of the spec, its input of that name, the declared default. A constant is always its
        cited value. Raises FormulaError.
        """
        texts = dict(given.bind)
        for name in texts:
            if name not in formula.symbols:
                near = get_close_matches(name, formula.symbols, n=1)
                hint = f"; did you mean `{near[0]}`?" if near else f" (it has {', '.join(formula.symbols)})"
                raise FormulaError(f"`{formula.id}` has no symbol `{name}`{hint}")
            if formula.symbols[name].origin == "constant":
                raise FormulaError(f"`{name}` of `{formula.id}` is a constant: leave it out of `bind`")
        nodes = {name: parse(text) for name, text in texts.items() if formula.symbols[name].type == "number"}
        nodes |= {name: Name(f"input.{name}") for name in used if name not in texts and self.takes(name, used[name])}
        bound = self.fitted(formula, nodes)
        kept, open_ = [], []
        for name, symbol in used.items():
            own = own_value(symbol)
            if name in bound:
                continue
            if own is not None:
                bound[name] = own
                kept.append(name)
            else:
                open_.append(f"`{name}` ({symbol.meaning}, {symbol.unit})")
        if open_:
            raise FormulaError(f"`{formula.id}` needs {', '.join(open_)}: bind {'it' if len(open_) == 1 else 'them'}")
        return bound, kept

    def takes(self, name: str, symbol: FormulaSymbol) -> bool:
        """Whether a symbol stands for the input of its name. Raises FormulaError where that may be left out."""
        item = self.spec.inputs.get(name)
        if item is None or symbol.origin not in {"input", "parameter"}:
            return False
        if symbol.default is not None and not item.required and item.default is None:
            own = f"{shown(symbol)} ({symbol.source})"
            raise FormulaError(f"`{name}` may be left out and has no default: the formula's own is {own}")
        return True

    def fitted(self, formula: LibraryFormula, nodes: Mapping[str, Node]) -> dict[str, Node]:
        """Each node in the unit of its symbol: a bare number beside it, and a rounding, are meant in that unit."""
        scope = Scope(scope_of(self.spec), self.pinner.factor)
        return {name: fit(check(node, scope), formula.symbols[name].unit) for name, node in nodes.items()}

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
        place: tuple[int, int] = (0, 0),
    ) -> None:
        """Check a tree and enter it as the plan of an output. Raises FormulaError."""
        if out.numeric and not out.unit:
            raise FormulaError(unknown_units([out.name]))
        if blank := unknown(self.spec, tree):
            raise FormulaError(blank)
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
        if same := run.clash(checked):
            raise FormulaError(f"`{same}` is an input and an output, and one formula cannot use both")
        self.shifted(out, checked, place)
        evidence = [*notes]
        if out.numeric:
            evidence.append(Evidence("dimensions", f"the units work out to {pretty(checked.unit or '1')}"))
        decimals = units.output_decimals(out.unit, out.dtype) if out.numeric else None
        self.plans[out.name] = OutputPlan(
            out.name, means, checked, show(checked), decimals, formula_id, citation, tuple(evidence)
        )

    def shifted(self, out: OutputSpec, tree: Node, place: tuple[int, int]) -> None:
        """A temperature in degC that multiplies counts from absolute zero: said, because a difference may be meant."""
        for part in walk(tree):
            if not isinstance(part, Arithmetic) or part.op not in {"*", "/"}:
                continue
            for side in (part.left, part.right):
                if isinstance(side, Convert) and isinstance(side.operand, Name) and units.is_offset(side.source_unit):
                    given = self.spec.formulas.get(out.name)
                    line, column = (given.line, given.column) if given else place
                    self.findings.append(
                        Diagnostic(
                            "GLS043",
                            "warning",
                            f"formula of `{out.name}`: `{side.operand.name}` counts from absolute zero in a product "
                            f"({side.source_unit} becomes kelvin)",
                            "right for Carnot and gas laws; a difference of temperatures is declared in K",
                            line,
                            column,
                            file=self.file(given is not None and given.means == "overlay"),
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
            named = words(out.name) | words(out.description)
            chain = "provenance" in named or "calculation" in named
            if out.name in self.plans or out.dtype != "string" or not chain or not named & _DIGEST_WORDS:
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

    # --- what the author wrote in prose ----------------------------------------------------------------------------

    def prose(self) -> None:
        """Plans out of the author's texts, until no further one is found: one may use the output of another."""
        for out in self.open():
            stated = self.finder.value(out)
            if stated is not None:
                node, note = stated
                with suppress(FormulaError):
                    self.plan(out, "prose", "", node, notes=(note,))
        if self.finder.empty:
            return
        self.agree()
        waiting = [o for o in self.open() if o.numeric]
        while waiting:
            points = self.points()
            scope = Scope(scope_of(self.spec), self.pinner.factor)
            done = []
            for out in waiting:
                search = self.finder.search(out, self.plans, scope, points)
                self.said_of[out.name] = search.refused
                if search.found and not search.waits:
                    self.said_of[out.name] = self.written(out, search.found) + search.refused
                    done.append(out)
                elif not search.waits:
                    done.append(out)
            entered = [o for o in done if o.name in self.plans]
            waiting = [o for o in waiting if o.name not in self.plans and o not in done]
            if not entered:
                return

    def written(self, out: OutputSpec, found: list[Found]) -> list[str]:
        """Enter the one equation that stands every trial; else why none does, with the numbers."""
        good: list[Found] = []
        why: list[str] = []
        for one in found:
            refused = self.trial(out, partial(self.write, out, one), certain=one.reading.certain)
            if not refused:
                good.append(one)
            else:
                why.append(f"{one.label}: {refused}" + (f"; {one.reading.doubt}" if one.reading.doubt else ""))
        if len(good) == 1:
            self.write(out, good[0])
            return []
        return [*(f"{one.label} (one of {len(good)} that fit, none is chosen)" for one in good), *why]

    def write(self, out: OutputSpec, found: Found) -> None:
        """Raises FormulaError."""
        source = found.written.source
        self.plan(out, "prose", "", found.reading.tree, notes=found.notes, place=(source.line, source.column))

    def agree(self) -> None:
        """An overlay's formula beside a text of the author: if both give the same numbers the text is the plan."""
        given = {g.output: g for g in self.spec.formulas.values() if g.means == "overlay" and g.output in self.plans}
        points = self.points() if given else []
        scope = Scope(scope_of(self.spec), self.pinner.factor)
        for name, formula in given.items():
            out = self.spec.outputs[name]
            if not out.numeric or self.plans[name].means != "overlay":
                continue
            search = self.finder.search(out, {n: p for n, p in self.plans.items() if n != name}, scope, points)
            certain = [f for f in search.found if f.reading.certain]
            if len(certain) != 1:
                continue
            mine = self.plans[name]
            if self.trial(out, partial(self.write, out, certain[0])):
                continue  # the worked cases speak for the reviewer
            self.write(out, certain[0])
            differ = self.differ(mine, self.plans[name])
            if differ:
                self.plans[name] = mine
                self.conflict(formula, f"the author's text {certain[0].written.label} gives {differ}")
            else:
                note = Evidence("note", f"the overlay {self.file(True)} gives the same: {mine.text}")
                self.plans[name] = replace(self.plans[name], evidence=(*self.plans[name].evidence, note))

    def differ(self, one: OutputPlan, other: OutputPlan) -> str:
        """Two numbers where two plans of an output differ; empty where they never do."""
        rows = run.tables(self.used_lookups())
        for inputs, computed in self.points():
            try:
                a, b = (evaluate(p.expression, run.bound(p.expression, inputs, computed), rows) for p in (one, other))
            except (CalculationError, KeyError):
                continue
            if isinstance(a, Decimal) and isinstance(b, Decimal) and a != b and not close(a, b, None):
                return f"{short(b)} where the overlay gives {short(a)}"
        return ""

    def points(self) -> list[Tried]:
        """Sampled inputs with what the plans give for them so far."""
        lookups = self.used_lookups()
        return tried(self.spec, self.plans, self.ordered(), run.tables(lookups), lookups)[:MAX_POINTS]

    def open(self) -> list[OutputSpec]:
        """The outputs that have no plan and no mistake of their own."""
        return [o for o in self.spec.outputs.values() if o.name not in self.plans and o.name not in self.wrong]

    # --- the library -----------------------------------------------------------------------------------------------

    def match(self) -> None:
        found: dict[str, list[Candidate]] = {}
        for out in self.open():
            if not out.numeric:
                self.missing[out.name] = Missing(
                    out.name,
                    f"nothing says how the {out.dtype} `{out.name}` comes about; no formula gives {_a(out.dtype)}",
                    self.finder.sentences(out.name) if out.name in self.finder.about else (),
                )
            elif not out.unit:
                self.missing[out.name] = Missing(out.name, unknown_units([out.name]), self.said(out.name))
            else:
                found[out.name] = candidates(self.spec, out, self.library, self.pinner)
        whole = [c for cs in found.values() for c in cs if not c.reason]
        for out in (self.spec.outputs[n] for n in found):
            self.choose(out, found[out.name], whole)

    def said(self, output: str) -> tuple[str, ...]:
        """What became of the author's texts about an output."""
        return tuple(self.said_of.get(output, ())) or self.finder.sentences(output)

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
        if len(good) > 1:
            good = self.of_domain(good) or good
        if len(good) == 1:
            self.enter(out, good[0])
            return
        said = self.said_of.get(out.name, [])
        if good:
            reason = f"{len(good)} formulas fit and none is chosen"
            near = [c.label for c in good] + near
        elif said:
            reason = "neither the author's text nor a formula of the library gives it for certain"
        else:
            reason = "no formula of the library fits" if not near else "no formula of the library fits for certain"
        self.missing[out.name] = Missing(out.name, reason, (*self.said(out.name), *near))

    def of_domain(self, good: list[Candidate]) -> list[Candidate]:
        """Of formulas that all fit, the one of the domain or subject that the spec itself names; empty if not one."""
        spec = self.spec
        named = words(spec.agent_id).union(words(spec.name), *(words(t) for t in spec.tags))
        kin = [c for c in good if words(c.formula.id.rpartition("/")[0]) & named]
        return kin if len(kin) == 1 else []

    def refuse(self, out: OutputSpec, candidate: Candidate, whole: list[Candidate]) -> str:
        """Why a bound candidate is not certain, with the numbers; empty if it is."""
        needed = {n for n, i in self.spec.inputs.items() if i.numeric or i.enum or i.dtype == "bool"}
        kin = {n for c in whole if c.formula.id == candidate.formula.id for n in c.inputs}
        strange = unknown_words(self.spec, out.name, candidate)

        def more(proof: Proof) -> str:
            if left := needed - self.used() - kin:
                return f"it leaves {', '.join(sorted(left))} unused"
            rows = [r for t in self.used_lookups().values() for r in t.rows.values()]
            if why := heating_value(self.spec, candidate, rows):
                return why
            if strange and not _reproduces(proof, out.name):
                return f"it fits, but it knows nothing of {', '.join(sorted(strange))}, and no golden case proves it"
            return ""

        return self.trial(out, lambda: self.enter(out, candidate), more=more)

    def trial(
        self,
        out: OutputSpec,
        enter: Callable[[], None],
        *,
        certain: bool = True,
        more: Callable[[Proof], str] | None = None,
    ) -> str:
        """Enter a plan, run what it can be tried on, take it back; why it does not stand, empty if it does.

        What a worked example says against it is kept as a finding: the example may be what is wrong.
        """
        plans, findings, wrong = dict(self.plans), list(self.findings), set(self.wrong)
        why = ""
        try:
            enter()
            arranged = self.ordered()
            if out.name not in self.plans:
                return "it closes a circle with other outputs"
            proof = self.proof(arranged)
            mine = proof.refuted.get(out.name, []) + [d.message for d in proof.failures if _of(d, out.name)]
            why = mine[0] if mine else more(proof) if more is not None else ""
            if not why and not certain and not _reproduces(proof, out.name):
                why = "no golden case tells which is meant"
            findings += [
                d for d in proof.warnings if d.code == "GLS053" and _of(d, out.name) and out.name in proof.refuted
            ]
        except FormulaError as error:
            why = str(error)
        finally:
            self.plans, self.findings, self.wrong = plans, findings, wrong
        return why

    def used(self) -> set[str]:
        """Inputs and outputs that the plans use, in formulas or to select rows."""
        names = {p.name for plan in self.plans.values() for p in walk(plan.expression) if isinstance(p, Name)}
        return names | {n for t in self.used_lookups().values() for n in t.inputs}

    def enter(self, out: OutputSpec, candidate: Candidate) -> None:
        formula = candidate.formula
        citation = f"{formula.citation.document}, {formula.citation.locator}"
        notes = (
            Evidence("formula", f"{formula.id}, the one formula of the library that fits"),
            *own_values(formula, candidate.kept),
            *(Evidence("factors", note) for note in candidate.notes),
        )
        self.plan(
            out,
            "library",
            formula.outputs[candidate.output].expression,
            substitute(tree_of(formula, candidate.output), self.fitted(formula, candidate.bound)),
            formula_id=formula.id,
            citation=citation,
            notes=notes,
        )

    def proved(self, arranged: tuple[str, ...]) -> tuple[str, ...]:
        """Take back what a worked example contradicts, and what needs an output without a plan."""
        proof = self.proof(arranged)
        for name, messages in proof.refuted.items():
            if name in self.plans and self.plans[name].means != "given":
                self.findings += [d for d in proof.warnings if d.code == "GLS053" and _of(d, name)]
                plan = self.plans.pop(name)
                self.missing[name] = Missing(name, f"by {plan.means}, but {messages[0]}", tuple(messages[1:]))
        if proof.refuted:
            return self.proved(self.ordered())
        for name in [n for n in self.plans if n not in arranged]:
            plan = self.plans.pop(name)
            needs = {p.name for p in walk(plan.expression) if isinstance(p, Name) and p.kind == "output"}
            lost = ", ".join(f"`{n}`" for n in sorted(needs - set(arranged)))
            self.missing.setdefault(name, Missing(name, f"it is {plan.text}, and {lost} has no plan"))
        return arranged

    # --- order -------------------------------------------------------------------------------------------------------

    def ordered(self) -> tuple[str, ...]:
        """Outputs after those that they use. A circle is a finding, and its outputs lose their plans."""
        used = order.needs(self.plans)
        done, circles = order.arranged(self.spec.outputs, used)
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
                    file=self.file(given is not None and given.means == "overlay"),
                )
            )
            for name in circle:
                self.plans.pop(name, None)
                self.wrong.add(name)
        if circles:
            return self.ordered()
        for name in [n for n in done if any(o not in self.plans for o in used[n])]:
            if not (set(used[name]) & self.wrong) and all(o in self.spec.outputs for o in used[name]):
                continue  # it may still be found by a later means
            self.plans.pop(name)
            self.wrong.add(name)
        return order.ready(done, used, self.plans)

    def used_lookups(self) -> dict[str, FactorLookup]:
        """The look-ups that the plans read."""
        used = {p.table for plan in self.plans.values() for p in walk(plan.expression) if isinstance(p, Lookup)}
        return {n: t for n, t in sorted(self.pinner.lookups.items()) if n in used}


def _of(finding: Diagnostic, output: str) -> bool:
    """Whether a finding is about an output."""
    return re.search(rf"\b{re.escape(output)}\b", finding.message) is not None


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _reproduces(proof: Proof, output: str) -> bool:
    return any(e.kind == "golden" for e in proof.evidence.get(output, ()))


def _hint(given: FormulaGiven, error: FormulaError) -> str:
    text = given.expression or ""
    if text and error.offset and len(text) < 200:
        return f"at the mark »: {text[: error.offset]}»{text[error.offset :]}"
    return "mend the formula"
