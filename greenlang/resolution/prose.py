"""Plans out of what the author wrote in prose: ``physics_formula: "COP = Q_delivered / W_electrical"``.

A text goes through these rooms, each of which knows nothing of the next:

    prose_latex, prose_signs    LaTeX and Unicode as plain signs
    prose_text                  the text as statements: equations, definitions, conditions, sentences
    prose_tokens, prose_sums, prose_right, prose_equation
                                one statement as an equation, its symbols still the author's
    prose_bind, prose_meaning, prose_words
                                a symbol as the one input or output that it is
    prose_rows                  a sum over rows: the one list, and its columns
    prose_against               what speaks against a symbol being a parameter, and against their being of one thing
    prose_join                  the right side, with what the symbols stand for put in
    prose_numbers               which of its numbers only convert units
    prose (here)                which equation is meant for which output, and why none is
    prose_units                 a unit that nobody states and that the equation leaves no doubt about

Does not belong here: proving (``prove``), choosing among the means (``resolve``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from greenlang import units
from greenlang.errors import FormulaError
from greenlang.formulas.check import Scope, check
from greenlang.formulas.show import show
from greenlang.formulas.tree import Arithmetic, Name, Node, Number, Sum, Text, Truth, walk
from greenlang.resolution.plan import Evidence
from greenlang.resolution.prose_against import wrong_part
from greenlang.resolution.prose_bind import Binder, Bound, Unbound, difference_unit
from greenlang.resolution.prose_join import Joiner, Lefts, Written, like
from greenlang.resolution.prose_latex import unlatex
from greenlang.resolution.prose_meaning import Port, same_kind, split
from greenlang.resolution.prose_numbers import Reading, reading
from greenlang.resolution.prose_rows import bound_sums, row_by_row
from greenlang.resolution.prose_signs import plain
from greenlang.resolution.prose_sums import begins
from greenlang.resolution.prose_text import Definition, read_prose
from greenlang.resolution.prose_tokens import SENTENCE, comma_figure, operates
from greenlang.resolution.prove import Tried, unknown, unknown_units
from greenlang.specs.model import AgentSpec, OutputSpec, Prose

_MAX_TOLD = 4  # sentences that are told where no equation names an output
_RETURN = re.compile(r"^\s*return\b\s*")
_NO_LIST = "it sums over rows or a range, and no input is a list of rows with numbers"
_SUMMED = "a sum over rows counts only where a worked example tells its number"
_CHANGES = re.compile(  # a remark that may be a part of the calculation: `plus 10%`, `capped at c`
    r"%|^\s*[-+*/]|\b(?:plus|minus|times|less|multipl\w+|divid\w+|add\w*|subtract\w*|increas\w+|reduc\w+|cap|capped|limit\w*|"
    r"clamp\w*|max|maximum|min|minimum|at (?:most|least)|(?:no|not) (?:more|less)|up to|exceed\w*|round\w*|"
    r"exclud\w+|except)\b",
    re.IGNORECASE,
)
_COMMA = "`{}` may be a figure of thousands or one with a decimal comma"
_CHANGED = "is `{}` a part of the calculation?"
_UNNAMED = "`{}` names no output, and `{}` is the only one that it could be"


@dataclass(frozen=True, slots=True)
class Found:
    """A tree for an output, over ``input.x`` and ``output.y``, with its reading."""

    output: str
    reading: Reading
    written: Written
    notes: tuple[Evidence, ...] = ()

    def uses(self, port: str) -> bool:
        """Whether the tree reads an input or output."""
        return any(isinstance(n, Name) and n.name.partition(".")[2] == port for n in walk(self.reading.tree))

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


class _Waits(Unbound):
    """An equation that uses an output without a plan."""


class ProseFinder:
    """All texts of one part, read once."""

    def __init__(self, spec: AgentSpec) -> None:
        self.spec = spec
        numbers = [o for o in spec.outputs.values() if o.numeric]
        self.only = numbers[0] if len(numbers) == 1 else None
        self.unnamed: list[Written] = []  # where nothing names the only output: the equations that may be its own
        self.lists = any(i.columns for i in (*spec.inputs.values(), *spec.unused.values()))
        self.written: list[Written] = []
        self.definitions: dict[str, Definition] = {}
        for prose in spec.prose:
            self._read(prose)
        lists, equations = (spec.inputs | spec.unused).values(), [w.equation for w in self.written]
        self.written = [replace(w, equation=row_by_row(w.equation, equations, lists)) for w in self.written]
        prefix = f"{spec.part}." if spec.part else ""
        told = spec.overlay.names if spec.overlay is not None else {}
        names = {k.removeprefix(prefix): v for k, v in told.items() if k.startswith(prefix)}
        self.binder = Binder(spec, names, self.definitions)
        self.joiner = Joiner(spec, self.binder, lambda: self.lefts)

    def _read(self, prose: Prose) -> None:
        if prose.kind == "value":
            return
        read = read_prose(prose.text)
        output = prose.output or (self.only.name if self.only is not None else "")
        if not read.equations and output and prose.kind != "description" and _bare(prose.text):
            again = read_prose(f"{output} = {_RETURN.sub('', prose.text)}")
            read = again if again.equations and not any(e.remarks for e in again.equations) else read
        self.written += [Written(e, prose) for e in read.equations if self.lists or not e.sums]
        for definition in read.definitions:
            self.definitions.setdefault(definition.symbol, definition)

    @property
    def empty(self) -> bool:
        """Whether nothing can be found here."""
        return not self.written

    def summed(self) -> set[str]:
        """The lists that the texts sum over, where that is certain."""
        out: set[str] = set()
        sums = ((w.equation, name) for w, names in self.lefts if w.equation.sums for name in names or ("",))
        for equation, output in sums:
            with suppress(Unbound):
                meant = bound_sums(self.binder, equation, output, ())[0]
                out |= {n.name for key in equation.sums if isinstance(n := meant.get(key), Name)}
        return out

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
            if output.numeric:
                return Number(Decimal(prose.text), output.unit), note
        return None

    # --- equations -------------------------------------------------------------------------------------------------

    @cached_property
    def lefts(self) -> Lefts:
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
        found = [(written, [n for n in names if best[n] == rank]) for written, rank, names in ranked]
        if self.only is None or any(names for _, names in found):
            return found
        self.unnamed = self._last()
        return [(written, [self.only.name] if written in self.unnamed else names) for written, names in found]

    def _last(self) -> list[Written]:
        """The equations of the one left side that no other equation uses."""
        used = {n.name for w in self.written for n in walk(w.equation.right) if isinstance(n, Name)}
        ends = [
            w
            for w in self.written
            if not isinstance(w.equation.right, Number) and not any(like(w.equation.left, symbol) for symbol in used)
        ]
        return ends if len({w.equation.left for w in ends}) == 1 else []

    def search(self, output: OutputSpec, planned: Mapping[str, object], scope: Scope, samples: list[Tried]) -> Search:
        """Every equation for an output; ``planned`` are the outputs that have a plan."""
        result = Search()
        for written, names in self.lefts:
            if output.name not in names:
                continue
            try:
                bound, notes = self._bound(output, written, names, planned, scope)
                found = self._read_as(output, written, bound, scope, samples)
            except (Unbound, FormulaError) as why:
                result.refused.append(f"{written.label}: {why}")
                result.waits |= isinstance(why, _Waits)
                continue
            result.found.append(Found(output.name, found, written, _evidence(written, notes, found)))
        result.found = _distinct(result.found)
        return result

    def _bound(
        self, output: OutputSpec, written: Written, names: list[str], planned: Mapping[str, object], scope: Scope
    ) -> tuple[Bound, list[str]]:
        """The right side with its symbols bound. Raises Unbound where anything speaks against it as a plan."""
        if written.equation.condition:
            raise Unbound(f"it holds only `{written.equation.condition}`")
        bound, notes = self.joiner.bound(written, output.name, ())
        sides = [n.name.partition(".") for n in walk(bound.node) if isinstance(n, Name)]
        if open_ := sorted({name for side, _, name in sides if side == "output"} - set(planned)):
            raise _Waits(f"it needs {', '.join(f'`{n}`' for n in open_)}, which has no plan")
        if blank := unknown_units([output.name]) if not output.unit else unknown(self.spec, bound.node):
            raise Unbound(blank)
        if why := self._of_another(output, written, bound.node):
            raise Unbound(why)
        if len(names) > 1 and not self._only(output, names, bound.node, scope):
            raise Unbound(f"its left side may be {' or '.join(f'`{n}`' for n in names)}")
        return bound, notes

    def _of_another(self, output: OutputSpec, written: Written, tree: Node) -> str:
        """Why an equation is of something else than its output: of one kind of several, of another part of a whole."""
        equation = written.equation
        for item in self.spec.inputs.values():
            for value in (str(v) for v in item.enum if item.dtype == "string"):
                kind = set(re.findall(r"[a-z]+", value.lower()))
                if kind and any(kind <= set(re.findall(r"[a-z]+", r.lower())) for r in equation.remarks):
                    return f"it holds only `{next(iter(equation.remarks))}`, and `{item.name}` may be something else"
        used = {n.name for n in walk(tree) if isinstance(n, Name)}
        for number in (n for n in walk(equation.right) if isinstance(n, Number) and n.written_unit not in {None, "1"}):
            beside = [h for h in self.binder.inputs() if h.name not in used and h.port.unit and self.only is not None]
            if same := [h for h in beside if same_kind(h.port.unit, str(number.written_unit))]:
                return f"{show(number)} may be the input `{same[0].port.name}`, which is not used"
        if not isinstance(tree, Arithmetic) or tree.op not in {"*", "/"} or written.source.output == output.name:
            return ""
        words = equation.words.get(equation.left, (equation.left,))
        said = frozenset(p.lower() for w in (*words, self.binder.said(equation.left)) for p in split(w))
        above = [self._port(name) for name in _above(tree)]
        return wrong_part(said, output, above, [h.port for h in (*self.binder.inputs(), *self.binder.outputs())])

    def _port(self, name: str) -> Port:
        """The parameter of a name in a bound tree: an input, an output, or a column of a list."""
        side, _, bare = name.partition(".")
        if side not in {"input", "output"}:
            return next(c for c in (self.spec.inputs | self.spec.unused)[side].columns if c.name == bare)
        return self.spec.inputs[bare] if side == "input" else self.spec.outputs[bare]

    def _read_as(
        self, output: OutputSpec, written: Written, bound: Bound, scope: Scope, samples: list[Tried]
    ) -> Reading:
        """What the bound equation means. Raises Unbound where that is in doubt and no case can tell, FormulaError."""
        equation = written.equation
        target = self.binder.unit(equation.left, equation.units.get(equation.left, "")) or output.unit
        target = difference_unit(target, output.unit)
        found = reading(bound.node, bound.raw, output.unit, target, scope, samples, _ports(self.spec))
        if any(isinstance(n, Sum) for n in walk(bound.node)):
            found = replace(found, certain=False, doubt="; ".join(d for d in (_SUMMED, found.doubt) if d))
        if written in self.unnamed and not self.binder.accounts(equation.left, output):
            doubt = "; ".join(d for d in (_UNNAMED.format(equation.left, output.name), found.doubt) if d)
            found = replace(found, certain=False, doubt=doubt)
        if changes := [r for r in equation.remarks if _CHANGES.search(r)]:
            bound = replace(bound, doubt="; ".join(filter(None, (bound.doubt, _CHANGED.format(changes[0])))))
        if figure := comma_figure(equation.text):
            bound = replace(bound, doubt="; ".join(filter(None, (bound.doubt, _COMMA.format(figure)))))
        if bound.doubt:
            doubt = "; ".join(d for d in (bound.doubt, found.doubt) if d)
            found = replace(found, certain=False, doubt=doubt)
        if not found.certain and not self._tellable(output):
            raise Unbound(f"no golden case tells which is meant: {found.doubt}")
        return found

    def _tellable(self, output: OutputSpec) -> bool:
        """Whether a case expects something of the output; a zero comes out of many a formula."""
        wanted = (case.expect[output.name].value for case in self.spec.golden if output.name in case.expect)
        return any(isinstance(value, Decimal | int) and value != 0 for value in wanted)

    def _only(self, output: OutputSpec, names: list[str], tree: Node, scope: Scope) -> bool:
        """Whether, of the outputs that the left side may be, only this one has the unit of the right side."""
        try:
            unit = check(tree, scope).unit or "1"
        except FormulaError:
            return False
        fits = [
            n for n in names if not self.spec.outputs[n].unit or units.same_dimension(self.spec.outputs[n].unit, unit)
        ]
        return fits == [output.name]

    # --- what is told ----------------------------------------------------------------------------------------------

    def sentences(self, output: str) -> tuple[str, ...]:
        """What the texts give for an output that nothing names: equations of something else, or none at all."""
        own = [p for p in self.spec.prose if p.kind != "value" and p.output in {"", output}]
        out = [f"{w.label}: `{w.equation.left}` names no output" for w, names in self.lefts if self.only and not names]
        for prose in own:
            read = read_prose(prose.text)
            if any(self.lists or not e.sums for e in read.equations):
                continue
            if read.equations:
                out.append(f"`{read.equations[0].text}` (line {prose.line}): {_NO_LIST}")
                continue
            first = next((u for u in read.unread if u.reason != SENTENCE), None)
            text = " ".join(prose.text.split())
            shown = text if len(text) <= 90 else f"{text[:87]}..."
            out.append(f"`{shown}` (line {prose.line}): {first.reason if first else SENTENCE}")
        return tuple(out[:_MAX_TOLD])


def _evidence(written: Written, notes: list[str], found: Reading) -> tuple[Evidence, ...]:
    equation, kind = written.equation, written.source.kind.replace("_", " ")
    said = ["; ".join(notes), *found.notes, *(f"left out as a remark: ({r})" for r in equation.remarks if r)]
    return (
        Evidence("formula", f"the author's {kind}: {equation.text}"),
        *(Evidence("note", note) for note in said if note),
    )


def _above(tree: Node) -> list[str]:
    """The parameters above the line of a quotient; none where there is no line."""
    if not isinstance(tree, Arithmetic):
        return []
    if tree.op == "*":
        return [*_above(tree.left), *_above(tree.right)]
    return [n.name for n in walk(tree.left) if isinstance(n, Name)] if tree.op == "/" else []


def _bare(text: str) -> bool:
    """Whether a text may be an expression alone, without the name of what it gives."""
    said = plain(unlatex(_RETURN.sub("", text)))
    return "=" not in text and "\n" not in text.strip() and (operates(said) or begins(said))


def _ports(spec: AgentSpec) -> dict[str, str]:
    inputs = {f"input.{i.name}": i.unit for i in spec.inputs.values() if i.numeric}
    return inputs | {f"output.{o.name}": o.unit for o in spec.outputs.values() if o.numeric}


def _distinct(found: list[Found]) -> list[Found]:
    """Equations that say the same count once."""
    kept: dict[str, Found] = {}
    for one in found:
        kept.setdefault(show(one.reading.tree), one)
    return list(kept.values())
