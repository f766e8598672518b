"""Plans out of what the author wrote in prose: ``physics_formula: "COP = Q_delivered / W_electrical"``.

Belongs here: which equation of which text is meant for which output, with its symbols bound, and why none is. Does not
belong here: reading texts (``prose_text``), binding one symbol (``prose_bind``), proving (``prove``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from greenlang.errors import FormulaError
from greenlang.formulas.check import Scope, check
from greenlang.formulas.show import show
from greenlang.formulas.tree import Name, Node, Number, Text, Truth, substitute, walk
from greenlang.resolution.plan import Evidence
from greenlang.resolution.prose_bind import Binder, Bound, Unbound
from greenlang.resolution.prose_read import Reading, read_equation
from greenlang.resolution.prose_text import SENTENCE, Definition, Equation, Unread, read_prose
from greenlang.resolution.prove import Tried, unknown, unknown_units
from greenlang.specs.model import AgentSpec, OutputSpec, Prose

_MAX_TOLD = 4  # sentences that are told where no equation names an output


@dataclass(frozen=True, slots=True)
class Written:
    """One equation with the text that it stands in."""

    equation: Equation
    source: Prose

    @property
    def label(self) -> str:
        """As reports cite it."""
        line = f" (line {self.source.line})" if self.source.line else ""
        return f"`{self.equation.text}`{line}"


@dataclass(frozen=True, slots=True)
class Found:
    """A tree for an output, over ``input.x`` and ``output.y``, with its reading."""

    output: str
    reading: Reading
    written: Written
    notes: tuple[Evidence, ...] = ()

    @property
    def label(self) -> str:
        """One line for reports."""
        return f"{self.written.label}: {self.output} = {show(self.reading.tree)}"


@dataclass
class Search:
    """What the texts give for one output: trees, and why other equations do not count."""

    found: list[Found] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    waits: bool = False  # an equation uses an output that has no plan yet


class ProseFinder:
    """All texts of one part, read once."""

    def __init__(self, spec: AgentSpec) -> None:
        self.spec = spec
        self.written: list[Written] = []
        self.unread: list[Unread] = []
        self.definitions: dict[str, Definition] = {}
        for prose in spec.prose:
            self._read(prose)
        prefix = f"{spec.part}." if spec.part else ""
        told = spec.overlay.names if spec.overlay is not None else {}
        names = {k.removeprefix(prefix): v for k, v in told.items() if k.startswith(prefix)}
        self.binder = Binder(spec, names, self.definitions)

    def _read(self, prose: Prose) -> None:
        if prose.kind == "value":
            return
        read = read_prose(prose.text)
        if not read.equations and prose.output and prose.kind == "formula" and "=" not in prose.text:
            again = read_prose(f"{prose.output} = {prose.text}")
            read = again if again.equations else read
        self.written += [Written(e, prose) for e in read.equations]
        self.unread += read.unread
        for definition in read.definitions:
            self.definitions.setdefault(definition.symbol, definition)

    @property
    def empty(self) -> bool:
        """Whether nothing can be found here."""
        return not self.written

    @property
    def about(self) -> set[str]:
        """The outputs that a text of their own is about."""
        return {p.output for p in self.spec.prose if p.output}

    # --- values ----------------------------------------------------------------------------------------------------

    def value(self, output: OutputSpec) -> tuple[Node, Evidence] | None:
        """``value:`` of an output: it always is this text or number."""
        for prose in self.spec.prose:
            if prose.kind != "value" or prose.output != output.name:
                continue
            note = Evidence("formula", f"the spec states the value of `{output.name}`")
            if output.dtype == "string":
                return Text(prose.text), note
            if output.dtype == "bool" and prose.text.lower() in {"true", "false"}:
                return Truth(prose.text.lower() == "true"), note
            if output.numeric and prose.text.replace(".", "", 1).lstrip("-").isdigit():
                return Number(Decimal(prose.text), output.unit), note
        return None

    # --- equations -------------------------------------------------------------------------------------------------

    @cached_property
    def lefts(self) -> list[tuple[Written, list[str]]]:
        """Each equation with the outputs that its left side may name.

        Where one names an output in words, another that only has a symbol of its kind (``Q``) is a step on the way.
        """
        ranked: list[tuple[Written, int, list[str]]] = []
        for written in self.written:
            equation, source = written.equation, written.source
            of = self.spec.outputs.get(source.output)
            if of is not None and of.numeric:
                ranked.append((written, 0, [of.name]))
            else:
                words = equation.words.get(equation.left, (equation.left,))
                unit = equation.units.get(equation.left, "")
                ranked.append((written, *self.binder.lefts(equation.left, words, unit)))
        best: dict[str, int] = {}
        for _, rank, names in ranked:
            for name in names:
                best[name] = min(rank, best.get(name, rank))
        return [(written, [n for n in names if best[n] == rank]) for written, rank, names in ranked]

    def search(self, output: OutputSpec, planned: Mapping[str, object], scope: Scope, samples: list[Tried]) -> Search:
        """Every equation for an output; ``planned`` are the outputs that have a plan."""
        result = Search()
        for written, names in self.lefts:
            if output.name in names:
                self._one(output, written, names, planned, scope, samples, result)
        result.found = _distinct(result.found)
        return result

    def _one(
        self,
        output: OutputSpec,
        written: Written,
        names: list[str],
        planned: Mapping[str, object],
        scope: Scope,
        samples: list[Tried],
        result: Search,
    ) -> None:
        equation = written.equation
        if equation.condition:
            result.refused.append(f"{written.label} holds only `{equation.condition}`")
            return
        try:
            bound, notes = self._bound(written, output.name, ())
        except Unbound as why:
            result.refused.append(f"{written.label}: {why}")
            return
        uses = {
            n.name.partition(".")[2] for n in walk(bound.node) if isinstance(n, Name) and n.name.startswith("output.")
        }
        if open_ := sorted(uses - set(planned)):
            result.refused.append(f"{written.label}: it needs {', '.join(f'`{n}`' for n in open_)}, which has no plan")
            result.waits = True
            return
        blank = unknown_units([output.name]) if not output.unit else unknown(self.spec, bound.node)
        if blank:
            result.refused.append(f"{written.label}: {blank}")
            return
        if len(names) > 1 and not self._only(output, names, bound.node, scope):
            may = " or ".join(f"`{n}`" for n in names)
            result.refused.append(f"{written.label}: its left side may be {may}")
            return
        target = self.binder.unit(equation.left, equation.units.get(equation.left, "")) or output.unit
        try:
            reading = read_equation(bound.node, bound.raw, output.unit, target, scope, samples, _ports(self.spec))
        except FormulaError as error:
            result.refused.append(f"{written.label}: {error}")
            return
        evidence = [Evidence("formula", f"the author's {written.source.kind.replace('_', ' ')}: {equation.text}")]
        if notes:
            evidence.append(Evidence("note", "; ".join(notes)))
        evidence += [Evidence("note", n) for n in reading.notes]
        evidence += [Evidence("note", f"left out as a remark: ({r})") for r in equation.remarks if r]
        result.found.append(Found(output.name, reading, written, tuple(evidence)))

    def _only(self, output: OutputSpec, names: list[str], tree: Node, scope: Scope) -> bool:
        """Whether, of the outputs that the left side may be, only this one has the unit of the right side."""
        from greenlang import units

        try:
            unit = check(tree, scope).unit or "1"
        except FormulaError:
            return False
        fits = [
            n for n in names if not self.spec.outputs[n].unit or units.same_dimension(self.spec.outputs[n].unit, unit)
        ]
        return fits == [output.name]

    def _bound(self, written: Written, output: str, trail: tuple[str, ...]) -> tuple[Bound, list[str]]:
        """The right side with its symbols bound; other equations of the texts are put in. Raises Unbound."""
        equation = written.equation
        nodes: dict[str, Node] = {}
        raws: dict[str, Node] = {}
        notes: list[str] = []
        ports: dict[str, str] = {}
        for symbol in dict.fromkeys(n.name for n in walk(equation.right) if isinstance(n, Name)):
            bound, said = self._symbol(symbol, written, output, (*trail, equation.left))
            if isinstance(bound.node, Name):
                other = ports.setdefault(bound.node.name, symbol)
                if other != symbol:
                    raise Unbound(f"`{other}` and `{symbol}` would both be `{bound.node.name.partition('.')[2]}`")
            nodes[symbol], raws[symbol] = bound.node, bound.raw
            notes += said
        node, raw = substitute(equation.right, nodes), substitute(equation.right, raws)
        return Bound(node, raw), list(dict.fromkeys(notes))

    def _symbol(self, symbol: str, written: Written, output: str, trail: tuple[str, ...]) -> tuple[Bound, list[str]]:
        equation = written.equation
        words = equation.words.get(symbol, (symbol,))
        others = [(w, names) for w, names in self.lefts if _like(w.equation.left, symbol) and w is not written]
        if others and symbol not in trail:
            return self._other(symbol, others, output, trail)
        unit = equation.units.get(symbol, "")
        try:
            bound = self.binder.bind(symbol, words, unit, without=output)
        except Unbound as why:
            product = self._product(words, equation, output)
            if product is None:
                raise why from None
            return product
        return bound, [bound.said] if bound.said else []

    def _other(
        self, symbol: str, others: list[tuple[Written, list[str]]], output: str, trail: tuple[str, ...]
    ) -> tuple[Bound, list[str]]:
        """A symbol that another equation defines: the output that it names, or its right side."""
        sure = [(w, names) for w, names in others if not w.equation.condition]
        if not sure:
            raise Unbound(f"`{symbol}` is defined only `{others[0][0].equation.condition}`")
        trees = {show(w.equation.right) for w, _ in sure}
        if len(trees) > 1:
            raise Unbound(f"`{symbol}` has {len(trees)} equations: {' and '.join(sorted(trees))}")
        other, names = sure[0]
        if len(names) == 1 and names[0] != output:
            own = self.binder.bind(
                other.equation.left, other.equation.words.get(other.equation.left, ()), without=output
            )
            return own, [own.said] if own.said else []
        if output in names and len(names) == 1:
            raise Unbound(f"`{symbol}` is the output itself")
        bound, notes = self._bound(other, output, trail)
        return bound, [f"{symbol} = {show(other.equation.right)}", *notes]

    def _product(self, words: tuple[str, ...], equation: Equation, output: str) -> tuple[Bound, list[str]] | None:
        """``m cp ΔT``: symbols that only stand side by side are multiplied, if each of them is bound."""
        from greenlang.formulas.tree import Arithmetic

        if len(words) < 2:
            return None
        parts: list[Bound] = []
        for word in words:
            try:
                parts.append(self.binder.bind(word, (word,), equation.units.get(word, ""), without=output))
            except Unbound:
                return None
        node, raw = parts[0].node, parts[0].raw
        for part in parts[1:]:
            node, raw = Arithmetic("*", node, part.node), Arithmetic("*", raw, part.raw)
        return Bound(node, raw), [
            f"{' '.join(words)} is read as {' × '.join(words)}",
            *(p.said for p in parts if p.said),
        ]

    # --- what is told ----------------------------------------------------------------------------------------------

    def sentences(self, output: str) -> tuple[str, ...]:
        """The texts that no equation could be taken from, for an output that nothing names."""
        own = [p for p in self.spec.prose if p.kind != "value" and p.output in {"", output}]
        out: list[str] = []
        for prose in own:
            read = read_prose(prose.text)
            if read.equations:
                continue
            first = next((u for u in read.unread if u.reason != SENTENCE), None)
            text = " ".join(prose.text.split())
            shown = text if len(text) <= 90 else f"{text[:87]}..."
            out.append(f"`{shown}` (line {prose.line}): {first.reason if first else SENTENCE}")
        return tuple(out[:_MAX_TOLD])


def _like(a: str, b: str) -> bool:
    return a.replace("_", "").lower() == b.replace("_", "").lower() if len(a) > 2 else a == b


def _ports(spec: AgentSpec) -> dict[str, str]:
    inputs = {f"input.{i.name}": i.unit for i in spec.inputs.values() if i.numeric}
    return inputs | {f"output.{o.name}": o.unit for o in spec.outputs.values() if o.numeric}


def _distinct(found: list[Found]) -> list[Found]:
    """Equations that say the same count once."""
    kept: dict[str, Found] = {}
    for one in found:
        key = show(one.reading.tree)
        if key in kept:
            if one.written.label != kept[key].written.label:
                kept[key] = replace(kept[key], notes=kept[key].notes)
            continue
        kept[key] = one
    return list(kept.values())
