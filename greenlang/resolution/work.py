"""What the means of finding a plan share: the plans so far, what is missing, how a plan is entered, tried, taken back.

Belongs here: the state of one spec (or part) while its plans are found, and what may be asked of it. Does not belong
here: where a plan comes from (one module a means), in which order they are asked (``resolve``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from greenlang import units
from greenlang.errors import FormulaError
from greenlang.factors.table import FactorTable
from greenlang.formulas.check import Scope, Symbol, check, fit, pretty
from greenlang.formulas.library import FormulaLibrary
from greenlang.formulas.show import show
from greenlang.formulas.tree import Arithmetic, Convert, Lookup, Name, Negate, Node, Number, Sum, walk
from greenlang.resolution import order, run, told
from greenlang.resolution.pin import Pinner
from greenlang.resolution.plan import Evidence, FactorLookup, Means, Missing, OutputPlan
from greenlang.resolution.properties import Rule, read_rules
from greenlang.resolution.prose import ProseFinder
from greenlang.resolution.prose_units import supplied
from greenlang.resolution.prove import Proof, Tried, close, prove, scope_of, tried, unknown, unknown_units
from greenlang.resolution.telling import untold
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, OutputSpec

MAX_POINTS = 12
_CONVERTS = Decimal("0.005")  # a conversion in a text is often rounded


class Work:
    """One flat spec while its plans are found."""

    def __init__(self, spec: AgentSpec, table: FactorTable, library: FormulaLibrary) -> None:
        spec, taken = supplied(spec)
        self.spec = spec
        self.library = library
        self.pinner = Pinner(spec, table)
        self.plans: dict[str, OutputPlan] = {}
        self.missing: dict[str, Missing] = {}
        self.findings: list[Diagnostic] = taken
        self.rules: tuple[Rule, ...] = read_rules(spec)
        self.wrong: set[str] = set()  # outputs whose own formula is in error
        self.finder = ProseFinder(spec)
        self.said_of: dict[str, list[str]] = {}  # output -> why its texts give no plan

    def open(self) -> list[OutputSpec]:
        """The outputs that have no plan and no mistake of their own."""
        return [o for o in self.spec.outputs.values() if o.name not in self.plans and o.name not in self.wrong]

    def said(self, output: str) -> tuple[str, ...]:
        """What became of the author's texts about an output."""
        return tuple(self.said_of.get(output, ())) or self.finder.sentences(output)

    # --- entering a plan -------------------------------------------------------------------------------------------

    def scope(self, enums: Mapping[str, tuple[str, ...]] | None = None) -> Scope:
        """What a formula of this spec may use. ``enums``: the values that a library formula knows of an input."""
        symbols = scope_of(self.spec)
        for name, values in (enums or {}).items():
            symbols[name] = _widened(symbols[name], values)
        return Scope(symbols, self.pinner.factor, self.library.tables.get)

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
        enums: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Check a tree and enter it as the plan of an output. Raises FormulaError."""
        if out.numeric and not out.unit:
            raise FormulaError(unknown_units([out.name]))
        if blank := unknown(self.spec, tree):
            raise FormulaError(blank)
        checked = check(tree, self.scope(enums), source=source)
        if out.numeric:
            checked = fit(checked, out.unit, source=source)
        elif checked.type != {"string": "text", "bool": "truth"}.get(out.dtype):
            raise FormulaError(f"`{out.name}` is a {out.dtype}, the formula gives a {checked.type}")
        self.given_always(checked)
        if same := run.clash(checked):
            raise FormulaError(f"`{same}` is an input and an output, and one formula cannot use both")
        self.shifted(out, checked, place)
        if means in {"given", "overlay", "property"} and formula_id is None:
            self.findings.extend(twice(self, out, checked))
        evidence = [*notes]
        if out.numeric:
            evidence.append(Evidence("dimensions", f"the units work out to {pretty(checked.unit or '1')}"))
        decimals = units.output_decimals(out.unit, out.dtype) if out.numeric else None
        self.plans[out.name] = OutputPlan(
            out.name, means, checked, show(checked), decimals, formula_id, citation, tuple(evidence)
        )

    def given_always(self, tree: Node) -> None:
        """Raises FormulaError where a formula uses inputs that may be left out and have no default."""
        lacking: dict[str, int] = {}  # name -> where it stands
        for part in walk(tree):
            names: tuple[str, ...] = ()
            if isinstance(part, Name) and part.kind == "input":
                names = (part.name,)
            elif isinstance(part, Lookup):
                names = part.inputs
            for name in names:
                item = self.spec.inputs[name]
                if not item.required and item.default is None:
                    lacking.setdefault(name, part.offset)
        if lacking:
            listed = ", ".join(f"`{name}`" for name in lacking)
            why = "may be left out and has no default: make it `required`, or give it one"
            if len(lacking) > 1:
                why = "may be left out and have no defaults: make them `required`, or give them some"
            raise FormulaError(f"{listed} {why}", offset=min(lacking.values()))

    def shifted(self, out: OutputSpec, tree: Node, place: tuple[int, int]) -> None:
        """A temperature in degC that multiplies counts from absolute zero: said, because a difference may be meant."""
        for part in walk(tree):
            if not isinstance(part, Arithmetic) or part.op not in {"*", "/"}:
                continue
            for side in (part.left, part.right):
                if isinstance(side, Convert) and isinstance(side.operand, Name) and units.is_offset(side.source_unit):
                    self.findings.append(
                        told.of_formula(
                            self.spec,
                            out.name,
                            "GLS043",
                            "warning",
                            f"formula of `{out.name}`: `{side.operand.name}` counts from absolute zero in a product "
                            f"({side.source_unit} becomes kelvin)",
                            "right for Carnot and gas laws; a difference of temperatures is declared in K",
                            place,
                        )
                    )

    # --- trying plans ----------------------------------------------------------------------------------------------

    def proof(self, arranged: tuple[str, ...]) -> Proof:
        """Every golden case and property that the plans reach."""
        return prove(self.spec, self.plans, arranged, self.used_lookups(), self.rules, self.pinner)

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
            mine = proof.refuted.get(out.name, []) + [d.message for d in proof.failures if about(d, out.name)]
            why = mine[0] if mine else more(proof) if more is not None else ""
            if not why and not certain:
                why = self.untold(out.name, arranged)
            findings += [
                d for d in proof.warnings if d.code == "GLS053" and about(d, out.name) and out.name in proof.refuted
            ]
        except FormulaError as error:
            why = str(error)
        finally:
            self.plans, self.findings, self.wrong = plans, findings, wrong
        return why

    def untold(self, output: str, arranged: tuple[str, ...]) -> str:
        """Why no golden case tells the plan of an output from others; empty if one does."""
        return untold(self.spec, self.plans, arranged, run.tables(self.used_lookups()), output)

    def proved(self, arranged: tuple[str, ...]) -> tuple[str, ...]:
        """Take back what a worked example contradicts, and what needs an output without a plan."""
        proof = self.proof(arranged)
        for name, messages in proof.refuted.items():
            if name in self.plans and self.plans[name].means != "given":
                self.findings += [d for d in proof.warnings if d.code == "GLS053" and about(d, name)]
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

    def points(self) -> list[Tried]:
        """Sampled inputs with what the plans give for them so far."""
        lookups = self.used_lookups()
        return tried(self.spec, self.plans, self.ordered(), run.tables(lookups), lookups)[:MAX_POINTS]

    # --- what the plans use ----------------------------------------------------------------------------------------

    def ordered(self) -> tuple[str, ...]:
        """Outputs after those that they use. A circle is a finding, and its outputs lose their plans."""
        used = order.needs(self.plans)
        done, circles = order.arranged(self.spec.outputs, used)
        for circle in circles:
            message = f"circular outputs: {' → '.join([*circle, circle[0]])}"
            hint = "give one of them a formula over inputs only"
            self.findings.append(told.of_formula(self.spec, circle[0], "GLS042", "error", message, hint))
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

    def used(self) -> set[str]:
        """Inputs and outputs that the plans use, in formulas or to select rows."""
        parts = [p for plan in self.plans.values() for p in walk(plan.expression)]
        names = {p.name for p in parts if isinstance(p, Name)} | {p.table for p in parts if isinstance(p, Sum)}
        return names | {n for t in self.used_lookups().values() for n in t.inputs}

    def used_lookups(self) -> dict[str, FactorLookup]:
        """The look-ups that the plans read."""
        used = {p.table for plan in self.plans.values() for p in walk(plan.expression) if isinstance(p, Lookup)}
        return {n: t for n, t in sorted(self.pinner.lookups.items()) if n in used}


def twice(work: Work, out: OutputSpec, tree: Node) -> Iterator[Diagnostic]:
    """A literal that only converts units (``mass_kg / 1000`` for an output in t), where the language does so itself."""
    for part in walk(tree):
        if not isinstance(part, Convert) or part.shift:
            continue
        for literal, times in _multipliers(part.operand):
            if close(times, part.factor, _CONVERTS):
                source, target = pretty(part.source_unit), pretty(part.unit or "1")
                yield told.of_formula(
                    work.spec,
                    out.name,
                    "GLS044",
                    "warning",
                    f"formula of `{out.name}`: {source} becomes {target} by itself, and {literal:f} in "
                    f"`{show(part.operand)}` converts once more",
                    f"leave {literal:f} out, or give it its unit: {literal:f} [1]",
                )


def _multipliers(node: Node, *, below: bool = False) -> Iterator[tuple[Decimal, Decimal]]:
    """The bare numbers of a chain of products: as they are written, and what each multiplies by.

    ``(1/1000) [kg/kg]`` is a number with its unit: nobody wrote it to convert.
    """
    if isinstance(node, Arithmetic) and node.op in {"*", "/"}:
        if isinstance(node.right, Number) and node.right.written_unit is not None and _computed(node.left):
            return
        yield from _multipliers(node.left, below=below)
        yield from _multipliers(node.right, below=below != (node.op == "/"))
    elif isinstance(node, Number) and node.written_unit is None and node.value not in {0, 1}:
        yield node.value, 1 / node.value if below else node.value


def _computed(node: Node) -> bool:
    """Whether a node is a literal that is computed, of bare numbers alone."""
    return all(
        isinstance(part, Arithmetic | Negate) or (isinstance(part, Number) and part.written_unit is None)
        for part in walk(node)
    )


def _widened(symbol: Symbol, values: tuple[str, ...]) -> Symbol:
    return replace(symbol, enum=tuple(dict.fromkeys((*symbol.enum, *values))))


def about(finding: Diagnostic, output: str) -> bool:
    """Whether a finding is about an output."""
    return re.search(rf"\b{re.escape(output)}\b", finding.message) is not None


def reproduces(proof: Proof, output: str) -> bool:
    """Whether a golden case proves an output."""
    return any(e.kind == "golden" for e in proof.evidence.get(output, ()))
