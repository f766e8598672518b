"""The plan of each output as a person would work it out on paper: formula, numbers, each step, rounding.

Belongs here: what is written, as plain values. Does not belong here: colours, tables, commands (``greenlang.cli``).

The numbers are those of the spec's first case that can be computed, or ordinary values within the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from greenlang_sdk import decimals

from greenlang.errors import CalculationError
from greenlang.formulas.check import pretty
from greenlang.formulas.evaluate import Tables, Value, evaluate
from greenlang.formulas.library import library
from greenlang.formulas.show import show
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Lookup,
    Name,
    Negate,
    Node,
    Number,
    Sum,
    TableCall,
    Text,
    Truth,
    children,
    rebuild,
    walk,
)
from greenlang.resolution import run, samples
from greenlang.resolution.plan import FactorLookup, Missing, OutputPlan, Resolution
from greenlang.specs.model import AgentSpec, Given

_HELD = (Name, Lookup, TableCall, Sum)  # what stands for one value
_DIGITS = 9  # significant digits on paper; the calculation itself keeps 34
_MAX_STEPS = 12
_MEANS = {
    "given": "the formula in the spec",
    "property": "a property of the spec",
    "prose": "the author's text",
    "library": "the formula library",
    "overlay": "a reviewed overlay",
    "system": "the runtime",
}


@dataclass(frozen=True, slots=True)
class FactorUsed:
    """A pinned row as it stands in a calculation."""

    name: str
    ref: str
    value: str
    unit: str
    citation: str


@dataclass(frozen=True, slots=True)
class Worked:
    """One output on paper. ``steps`` are lines; the first is the formula, the last the rounded result."""

    output: str
    unit: str
    means: str
    steps: tuple[str, ...]
    citation: str = ""
    factors: tuple[FactorUsed, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """One part on paper: the case whose numbers are used, the outputs in the order of calculation, what is missing."""

    part: str
    case: str
    given: dict[str, str]
    outputs: tuple[Worked, ...]
    missing: tuple[Missing, ...]
    gaps: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def explain(resolution: Resolution) -> tuple[Paper, ...]:
    """Every part of a resolution on paper; a flat spec is one part without a name."""
    return tuple(_paper(one) for one in resolution.flat)


def _paper(one: Resolution) -> Paper:
    case, inputs, computed = _case(one)
    rows = run.tables(one.lookups)
    outputs = tuple(_worked(one, one.plans[name], inputs, computed, rows) for name in one.order)
    gaps = tuple(f"{g.where}: {g.reason}" for g in one.gaps)
    ordered = ((n, inputs[n]) for n in one.spec.inputs if n in inputs)
    given = {name: _quantity(value, _unit_of(one.spec, name)) for name, value in ordered}
    return Paper(one.spec.part, case, given, outputs, one.missing, gaps)


def _case(one: Resolution) -> tuple[str, dict[str, Given], dict[str, Value]]:
    """What the numbers are from, the inputs, and the outputs unrounded."""
    rows = run.tables(one.lookups)
    for label, given in _cases(one):
        try:
            computed = run.outputs(one.spec, one.plans, one.order, rows, given)
        except CalculationError:
            continue
        return label, run.with_defaults(one.spec, given), computed
    return "", {}, {}


def _cases(one: Resolution) -> Iterator[tuple[str, Mapping[str, Given]]]:
    for case in one.spec.golden:
        yield f"{'worked example' if case.origin == 'example' else 'golden case'} `{case.name}`", case.input
    for given in samples.combinations(one.spec, one.lookups):
        yield "ordinary values within the bounds", given


def _worked(
    one: Resolution, plan: OutputPlan, inputs: dict[str, Given], computed: dict[str, Value], rows: Tables
) -> Worked:
    out = one.spec.outputs[plan.output]
    unit = pretty(out.unit) if out.numeric and out.unit != "1" else ""
    steps = [f"{plan.output} = {plan.text}"]
    if plan.output in computed:
        values = run.bound(plan.expression, inputs, computed)
        steps += _Writer(one, values, rows).steps(plan)
    evidence = tuple(f"{e.kind}: {e.text}" for e in plan.evidence)
    steps = [step for i, step in enumerate(steps) if i == 0 or step != steps[i - 1]]
    used = tuple(_factors(one.lookups, plan.expression, inputs))
    return Worked(plan.output, unit, _MEANS[plan.means], tuple(steps), plan.citation, used, evidence)


class _Writer:
    """Writes one formula with the numbers of one case."""

    def __init__(self, one: Resolution, values: Mapping[str, Given], rows: Tables) -> None:
        self.one = one
        self.values = values
        self.rows = rows

    def value(self, node: Node) -> Value:
        return evaluate(node, self.values, self.rows)

    def steps(self, plan: OutputPlan) -> list[str]:
        tree, pad = plan.expression, " " * len(plan.output)
        inner = _bare(tree)
        taken = _taken(tree, self.value) if plan.decimals is not None else tree
        lines: list[str] = []
        if not isinstance(inner, (Text, Truth)):
            numbers = self.numbers(_bare(taken))
            if any(True for _ in children(inner)) or isinstance(inner, _HELD):
                lines.append(f"{pad} = {numbers}")
        if plan.decimals is None:
            return [*lines, f"{pad} = {_text(self.value(tree))}"]
        lines += [f"{pad}   {line}" for line in self.inside(_bare(taken))]
        lines += self.result(tree, pad)
        return lines + self.rounding(plan, pad)

    def result(self, tree: Node, pad: str) -> list[str]:
        """The value in the unit that it works out to, and in the output's where that is another."""
        out: list[str] = []
        chain: list[Node] = [tree]
        while isinstance(chain[-1], Convert):
            chain.append(chain[-1].operand)
        for node in reversed(chain):
            if not isinstance(node, Number):
                line = f"{pad} = {_quantity(self.value(node), node.unit or '1')}"
                out += [line] if line not in out else []
        return out

    def rounding(self, plan: OutputPlan, pad: str) -> list[str]:
        value = self.value(plan.expression)
        assert isinstance(value, Decimal)
        rounded = decimals.round_output(value, plan.decimals or 0)
        unit = self.one.spec.outputs[plan.output].unit
        kept = f"rounded half-even to {plan.decimals} digits after the point"
        return [f"{pad} ≈ {_quantity(rounded, unit, whole=True)} ({kept})"] if rounded != value else []

    def numbers(self, node: Node) -> str:
        """The formula with its names replaced by what they are."""
        return show(self.filled(node))

    def filled(self, node: Node) -> Node:
        if isinstance(node, Convert) and isinstance(_bare(node), (*_HELD, Number)):
            return self.written(node)
        if isinstance(node, _HELD):
            return self.written(node)
        return rebuild(node, self.filled)

    def written(self, node: Node) -> Node:
        if isinstance(node, Sum):
            return Name(self.terms(node))
        value = self.value(node)
        if isinstance(value, Decimal):
            text = _quantity(value, node.unit or "1")
            return Name(f"({text})" if " " in text and value < 0 else text)
        return Name(_text(value))

    def terms(self, node: Sum) -> str:
        """A sum over a table, a term for each of its first rows."""
        rows = self.values[node.table]
        assert isinstance(rows, tuple)
        each = [{f"{node.table}.{column}": cell for column, cell in row.items()} for row in rows[:_MAX_STEPS]]
        written = [_Writer(self.one, {**self.values, **row}, self.rows).numbers(node.body) for row in each]
        return f"({' + '.join([*written, *(['...'] if len(rows) > len(each) else [])]) or '0'})"

    def inside(self, tree: Node) -> list[str]:
        """The sub-expressions with their results, innermost first; conversions of single values are told, too."""
        lines: dict[str, None] = {}
        for node, outer in _innermost_first(tree, tree):
            leaf = _bare(node)
            if isinstance(node, Convert) and isinstance(leaf, _HELD):
                a, b = (_quantity(self.value(n), n.unit or "1") for n in (leaf, node))
                if a != b:
                    lines[f"{a} = {b}"] = None
            elif isinstance(node, (Arithmetic, Call)) and node is not tree and not _literal(node):
                short = show(rebuild(node, self.result_of))
                values = (_quantity(self.value(n), n.unit or "1") for n in (node, outer))
                lines[" = ".join(dict.fromkeys((short, *values)))] = None
        return list(lines)[:_MAX_STEPS]

    def result_of(self, node: Node) -> Node:
        """A sub-expression that has a line of its own, as its result."""
        if isinstance(_bare(node), (Arithmetic, Call)) and not _literal(node):
            return self.written(node)
        return self.filled(node)


def _innermost_first(node: Node, outer: Node) -> Iterator[tuple[Node, Node]]:
    """Each node, with the outermost conversion around it (or itself): that one's value is written."""
    inner = outer if isinstance(node, Convert) else None
    for child in () if isinstance(node, Sum) else children(node):
        yield from _innermost_first(child, inner or child)
    yield node, outer


def _bare(node: Node) -> Node:
    """Without the conversions around it."""
    return _bare(node.operand) if isinstance(node, Convert) else node


def _literal(node: Node) -> bool:
    return not any(isinstance(n, _HELD) for n in walk(node))


def _taken(tree: Node, value: Any) -> Node:
    """The branch that a condition takes: on paper nobody works the other one out."""
    if isinstance(tree, If):
        return _taken(tree.then if value(tree.condition) else tree.otherwise, value)
    if isinstance(tree, (Compare, Sum)):
        return tree
    return rebuild(tree, lambda part: _taken(part, value)) if not isinstance(tree, Negate) else tree


def _factors(lookups: Mapping[str, FactorLookup], tree: Node, inputs: Mapping[str, Given]) -> Iterator[FactorUsed]:
    """The row of each look-up that the case selects, or the one that there is."""
    for name, names in dict.fromkeys((n.table, n.inputs) for n in walk(tree) if isinstance(n, Lookup)):
        table = lookups[name]
        row = table.rows.get(tuple(str(inputs.get(n, "")) for n in names))
        if row is not None:
            yield FactorUsed(table.label or name, row.ref, decimals.normal_text(row.value), row.unit, row.citation)
    for call in (n for n in walk(tree) if isinstance(n, TableCall)):
        key = tuple(str(inputs.get(n.name, "")) if isinstance(n, Name) else _key(n) for _, n in call.select)
        value = (call.rows or {}).get(key)
        if value is not None:
            cited = library().tables.get(call.table)
            ref = f"table://{call.table}/{'/'.join(key)}/{call.column}"
            citation = f"{cited.citation.document}, {cited.locators.get(key, cited.citation.locator)}"
            meaning = cited.columns[call.column].meaning
            unit = pretty(call.unit) if call.unit and call.unit != "1" else ""
            yield FactorUsed(meaning, ref, decimals.normal_text(value), unit, citation)


def _key(node: Node) -> str:
    return node.value if isinstance(node, Text) else ""


def _unit_of(spec: AgentSpec, name: str) -> str:
    port = spec.inputs.get(name) or spec.outputs.get(name)
    return port.unit if port is not None and port.numeric else "1"


def _quantity(value: Given, unit: str, *, whole: bool = False) -> str:
    """A number with its unit, nine significant digits unless ``whole``; a table as its rows."""
    if isinstance(value, tuple):
        return "; ".join(", ".join(f"{k} = {_text(v)}" for k, v in row.items()) for row in value) or "no rows"
    if not isinstance(value, Decimal):
        return _text(value) if unit in {"1", ""} or isinstance(value, (str, bool)) else f"{value} {pretty(unit)}"
    text = decimals.normal_text(value if whole else Decimal(f"{value:.{_DIGITS}g}"))
    return text if unit in {"1", ""} else f"{text} {pretty(unit)}"


def _text(value: Value) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
