"""Proof by running: golden cases reproduced, properties tried on sampled inputs. Findings carry the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from greenlang_sdk import decimals

from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas.check import Scope, Symbol, check
from greenlang.formulas.evaluate import LookupMiss, Tables, Value, evaluate
from greenlang.formulas.tree import Compare, FactorCall, Name, Node, children, walk
from greenlang.resolution import run, samples
from greenlang.resolution.pin import Pinner
from greenlang.resolution.plan import Evidence, FactorLookup, OutputPlan
from greenlang.resolution.properties import Monotone, Relation, Rule, Unread
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import NUMERIC, AgentSpec, Expectation, Given, GoldenCase, InputSpec, Limit, Property, Scalar
from greenlang.specs.patterns import matches

DEFAULT_TOLERANCE = Decimal("1e-9")


@dataclass
class Proof:
    """What running the plans showed: evidence by output, and findings."""

    evidence: dict[str, list[Evidence]] = field(default_factory=dict)
    failures: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    refuted: dict[str, list[str]] = field(
        default_factory=dict
    )  # outputs that a worked example contradicts: the numbers

    def trust(self, output: str, kind: str, text: str) -> None:
        """Add a reason to trust an output's plan."""
        self.evidence.setdefault(output, []).append(Evidence(kind, text))  # type: ignore[arg-type]


def scope_of(spec: AgentSpec) -> dict[str, Symbol]:
    """The names that formulas and properties of a spec may use."""
    symbols: dict[str, Symbol] = {}
    for item in spec.inputs.values():
        symbols[item.name] = _symbol(item, item.name, "input")
    for out in spec.outputs.values():
        key = f"output.{out.name}" if out.name in spec.inputs else out.name  # the bare name is then the input's
        symbols[key] = Symbol(out.name, "output", _type(out.dtype), out.unit if out.numeric else None)
    return symbols


def _symbol(item: InputSpec, name: str, kind: Literal["input", "column"]) -> Symbol:
    if item.columns:
        columns = tuple(_symbol(column, f"{name}.{column.name}", "column") for column in item.columns)
        return Symbol(name, kind, "table", columns=columns)
    enum = tuple(map(str, item.enum)) if item.dtype == "string" else ()
    return Symbol(name, kind, _type(item.dtype), item.unit if item.numeric else None, enum)


def _type(dtype: str) -> Literal["number", "text", "truth"]:
    if dtype in NUMERIC:
        return "number"
    return "truth" if dtype == "bool" else "text"


def close(got: Decimal, wanted: Decimal, tolerance: Decimal | None) -> bool:
    """Whether two numbers agree within a relative tolerance (default 1e-9)."""
    return abs(got - wanted) <= (tolerance if tolerance is not None else DEFAULT_TOLERANCE) * abs(wanted)


def short(value: Value, like: Value | None = None) -> str:
    """A number for a sentence: with the digits of the number it is compared to, or six significant ones."""
    if not isinstance(value, Decimal):
        return str(value)
    if isinstance(like, Decimal) and isinstance(exponent := like.as_tuple().exponent, int) and exponent < 0:
        return f"{value:.{-exponent}f}"
    return decimals.normal_text(Decimal(f"{value:.6g}"))


def prove(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: Iterable[str],
    lookups: Mapping[str, FactorLookup],
    rules: Iterable[Rule],
    pinner: Pinner,
) -> Proof:
    """Run every golden case and property that the plans reach."""
    proof = Proof()
    rows = run.tables(lookups)
    order = tuple(order)
    for case in spec.golden:
        _golden(spec, plans, order, rows, case, proof)
    points = tried(spec, plans, order, rows, lookups) if any(isinstance(r, Relation) for r in rules) else []
    for rule in rules:
        match rule:
            case Unread(source=source, reason=reason):
                proof.warnings.append(_untried(source, reason))
            case Monotone():
                _monotone(spec, plans, order, rows, lookups, rule, proof)
            case Relation():
                _relation(spec, plans, rule, points, pinner, proof)
    return proof


def _golden(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    rows: Tables,
    case: GoldenCase,
    proof: Proof,
) -> None:
    try:
        got = run.outputs(spec, plans, order, rows, case.input)
    except CalculationError as error:
        if not case.set_aside:
            message = f"{_called(case)} cannot be computed: {error}"
            _against(proof, case, "", message, "mend the case, or widen the references", (case.line, case.column))
        return
    for name, wanted in case.expect.items():
        if name in got:
            _expected(plans[name], case, wanted, got[name], proof)
    for limit in case.limits:
        if limit.output in got:
            _limit(plans[limit.output], case, limit, got[limit.output], proof)


def _called(case: GoldenCase) -> str:
    return f"{'worked example' if case.origin == 'example' else 'golden case'} `{case.name}`"


def _expected(plan: OutputPlan, case: GoldenCase, wanted: Expectation, value: Value, proof: Proof) -> None:
    name = plan.output
    if isinstance(value, Decimal):
        expected = Decimal(wanted.value) if isinstance(wanted.value, int) else wanted.value
        assert isinstance(expected, Decimal)
        rounded = Decimal(run.canonical(value, plan.decimals))
        good = close(value, expected, wanted.tol) or rounded == expected
        good = good or (wanted.within is not None and abs(value - expected) <= wanted.within)
        numbers = f"{short(value, expected)} computed, {expected} expected"
        tolerance = f" (tolerance {wanted.tol:.2g})" if wanted.tol is not None else ""
    else:
        good, numbers, tolerance = value == wanted.value, f"{value} computed, {wanted.value} expected", ""
    if good:
        proof.trust(name, "golden", f"{_called(case)}: {numbers}{tolerance}")
        return
    message = f"{_called(case)}: {name} is {numbers}{tolerance}, by {name} = {plan.text}"
    hint = _slip(value, wanted.value) or "mend the expected value or the formula"
    place = (wanted.line, wanted.column) if case.origin == "example" and wanted.line else (case.line, case.column)
    _against(proof, case, name, message, hint, place)


def _limit(plan: OutputPlan, case: GoldenCase, limit: Limit, value: Value, proof: Proof) -> None:
    """At least, at most, or of a pattern."""
    if isinstance(value, Decimal) and isinstance(limit.value, Decimal):
        good = value >= limit.value if limit.kind == "ge" else value <= limit.value
        words = f"at {'least' if limit.kind == 'ge' else 'most'} {limit.value}"
    elif isinstance(value, str) and isinstance(limit.value, str):
        good, words = matches(limit.value, value), f"of the form {limit.value}"
    else:
        return
    if good:
        proof.trust(plan.output, "golden", f"{_called(case)}: {short(value)} computed, {words} expected")
        return
    message = f"{_called(case)}: {plan.output} is {short(value)} computed, {words} expected, by {plan.text}"
    _against(proof, case, plan.output, message, "mend the limit or the formula", (limit.line, limit.column))


def _against(proof: Proof, case: GoldenCase, output: str, message: str, hint: str, place: tuple[int, int]) -> None:
    """A case that the plans contradict: an author's test is an error, a worked example is a claim that was checked."""
    if case.origin == "golden" and not case.set_aside:
        proof.failures.append(Diagnostic("GLS051", "error", message, hint, *place))
        return
    if case.set_aside:
        message = f"{message}; set aside: {case.set_aside}"
        hint = "the overlay sets the case aside; mend it in the spec"
    elif output:
        proof.refuted.setdefault(output, []).append(message)
        hint += ", or set the example aside in an overlay, with the reason"
    proof.warnings.append(Diagnostic("GLS053", "warning", message, hint, *place))


_SLIPS = {
    Decimal("3.6"): "kWh against MJ",
    Decimal("0.45359237"): "pounds against kilograms",
    Decimal("0.90718474"): "short tons against tonnes",
    Decimal("1.609344"): "miles against kilometres",
    Decimal("3.785411784"): "US gallons against litres",
    Decimal(100): "percent against a share",
}


def _slip(got: Value, wanted: Scalar) -> str:
    """A hint where two numbers are apart by a well-known factor; empty otherwise."""
    if not isinstance(got, Decimal) or isinstance(wanted, str | bool) or not got or not wanted:
        return ""
    ratio = abs(Decimal(got) / Decimal(wanted))
    for power in (1, 2, 3):
        for factor in (Decimal(1000) ** power, 1 / Decimal(1000) ** power):
            if close(ratio, factor, Decimal("0.005")):
                apart = "1000" if power == 1 else f"1000^{power}"
                return f"they are apart by {apart}: is a unit kg for t, or Wh for kWh?"
    for factor, what in _SLIPS.items():
        if close(ratio, factor, Decimal("0.001")) or close(ratio, 1 / factor, Decimal("0.001")):
            return f"they are apart by {factor}: {what}?"
    return ""


Tried = tuple[dict[str, Given], dict[str, Value]]  # inputs and outputs


def tried(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    rows: Tables,
    lookups: Mapping[str, FactorLookup],
) -> list[Tried]:
    """Inputs and outputs, for every sample that can be computed."""
    out: list[Tried] = []
    for given in [*samples.combinations(spec, dict(lookups)), *(c.input for c in spec.golden)]:
        try:
            computed = run.outputs(spec, plans, order, rows, given)
        except CalculationError:
            continue
        out.append((run.with_defaults(spec, given), computed))
    return out


def _relation(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    rule: Relation,
    points: list[Tried],
    pinner: Pinner,
    proof: Proof,
) -> None:
    source = rule.source
    if blank := unknown(spec, rule.tree):
        proof.warnings.append(_untried(source, blank))
        return
    try:
        tree = check(rule.tree, Scope(scope_of(spec), pinner.factor), source=source.rule)
    except FormulaError as error:
        if spec.dialect != "B":
            proof.warnings.append(_untried(source, str(error)))
            return
        proof.failures.append(
            Diagnostic(
                "GLS041",
                "error",
                f"property `{source.name}`: {error}",
                "mend the rule",
                source.line,
                source.column,
            )
        )
        return
    uses = {n.name for n in walk(tree) if isinstance(n, Name) and n.kind != "column"}
    touched = {n.name for n in walk(tree) if isinstance(n, Name) and n.kind == "output"}
    if same := run.clash(tree):
        proof.warnings.append(_untried(source, f"`{same}` is an input and an output"))
        return
    if not touched <= {p for p in plans if plans[p].means != "system"}:
        return
    rows = run.tables(pinner.lookups)  # a property may refer to factors that no plan uses
    held = 0
    for inputs, computed in points:
        if not touched <= computed.keys() or not uses - touched <= inputs.keys():
            continue
        values = run.bound(tree, inputs, computed)
        shown = ", ".join(f"{u} = {short(v)}" for u in sorted(uses) if not isinstance(v := values[u], tuple))
        try:
            good = _holds(tree, values, source.tolerance, rows)
        except LookupMiss:
            continue
        except CalculationError:
            proof.failures.append(
                Diagnostic(
                    "GLS052",
                    "error",
                    f"property `{source.name}` ({source.rule}) has no answer at {shown}",
                    "exclude these inputs by bounds, or mend the rule",
                    source.line,
                    source.column,
                )
            )
            return
        if not good:
            proof.failures.append(
                Diagnostic(
                    "GLS052",
                    "error",
                    f"property `{source.name}` ({source.rule}) fails at {shown}",
                    "mend the rule or the formula",
                    source.line,
                    source.column,
                )
            )
            return
        held += 1
    for name in sorted(touched):
        if held:
            proof.trust(name, "property", f"property `{source.name}` ({source.rule}) holds on {held} inputs")


def _untried(source: Property, reason: str) -> Diagnostic:
    return Diagnostic(
        "GLS050",
        "warning",
        f"property `{source.name}` is not understood and was not tried: {reason}",
        "write it as a comparison, or `output.x is nondecreasing in input.y`",
        source.line,
        source.column,
    )


def unknown(spec: AgentSpec, tree: Node) -> str:
    """Why an unchecked tree cannot be checked for units: somebody's unit is unknown; empty if all are known."""
    lost: dict[str, None] = {}
    for node in _computed(tree):
        if not isinstance(node, Name):
            continue
        side, dot, bare = node.name.partition(".")
        table = spec.inputs.get(side)
        if table is not None and any(c.name == bare and c.numeric and not c.unit for c in table.columns):
            lost[node.name] = None
        name = bare if dot and side in {"input", "output"} else node.name
        port = spec.outputs.get(name) if side == "output" else spec.inputs.get(name) or spec.outputs.get(name)
        if port is not None and port.numeric and not port.unit:
            lost[name] = None
    return unknown_units(lost) if lost else ""


def _computed(node: Node) -> Iterator[Node]:
    """The nodes that take part in arithmetic: what only selects a factor row has no unit."""
    yield node
    if not isinstance(node, FactorCall):
        for child in children(node):
            yield from _computed(child)


def unknown_units(names: Iterable[str]) -> str:
    """What to do about parameters whose unit nobody states."""
    listed = [f"`{n}`" for n in names]
    if len(listed) == 1:
        which = f"the unit of {listed[0]} is"
    else:
        which = f"the units of {', '.join(listed[:-1])} and {listed[-1]} are"
    return f"{which} unknown: state it with `unit`, or in an overlay under `units`"


def _holds(tree: Node, values: dict[str, Given], tolerance: Decimal | None, rows: Tables) -> bool:
    if isinstance(tree, Compare) and tree.op == "==":
        left, right = evaluate(tree.left, values, rows), evaluate(tree.right, values, rows)
        if isinstance(left, Decimal) and isinstance(right, Decimal):
            return close(left, right, tolerance) or left == right
    return bool(evaluate(tree, values, rows))


def _monotone(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    rows: Tables,
    lookups: Mapping[str, FactorLookup],
    rule: Monotone,
    proof: Proof,
) -> None:
    computed = rule.output in order and plans[rule.output].means != "system"
    if not computed or not spec.inputs[rule.input].numeric:
        return
    steps = ladder(spec, plans, order, rows, dict(lookups), rule.input, rule.output)
    against = first_against(steps, rule.direction)
    source = rule.source
    if against is not None:
        (x0, y0), (x1, y1) = against
        proof.failures.append(
            Diagnostic(
                "GLS052",
                "error",
                f"property `{source.name}` ({source.rule}) fails: {rule.output} is {short(y0)} at "
                f"{rule.input} = {short(x0)} and {short(y1)} at {short(x1)}",
                "mend the rule or the formula",
                source.line,
                source.column,
            )
        )
    elif len(steps) > 1:
        proof.trust(rule.output, "property", f"property `{source.name}` holds on {len(steps)} steps of {rule.input}")


Step = tuple[Decimal, Decimal]


def ladder(
    spec: AgentSpec,
    plans: Mapping[str, OutputPlan],
    order: tuple[str, ...],
    rows: Tables,
    lookups: dict[str, FactorLookup],
    varied: str,
    output: str,
) -> list[Step]:
    """(input, output) along ascending values of one input, all others ordinary."""
    item = spec.inputs[varied]
    base = samples.base_inputs(spec, lookups)
    steps: list[Step] = []
    if base is None:
        return steps
    for value in samples.numbers(item):
        try:
            got = run.outputs(spec, plans, order, rows, {**base, varied: samples.typed(item, value)})
        except CalculationError:
            continue
        result = got[output]
        if isinstance(result, Decimal):
            steps.append((value, result))
    return steps


def first_against(steps: list[Step], direction: str) -> tuple[Step, Step] | None:
    """The first neighbouring pair that goes the wrong way."""
    for a, b in pairwise(steps):
        if (b[1] < a[1]) if direction == "nondecreasing" else (b[1] > a[1]):
            return a, b
    return None
