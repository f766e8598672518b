"""Two ways to mean an equation: over quantities (``Q = m × cp × ΔT``) or over bare numbers (``tonnes = kg / 1000``).

The formula language computes with quantities and converts units by itself, so a written 1000, 100 or 459.67 that only
converts would convert twice. Such a literal is found by running both meanings: it is left out where the quantities
then give exactly the numbers that the text gives. Where the two differ and nothing explains it, both are told.

Belongs here: which literals are conversions. Does not belong here: symbols (``prose_bind``), golden cases (``prove``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations, islice

from greenlang import units
from greenlang.errors import CalculationError, FormulaError, UnitError
from greenlang.formulas.check import Scope, check, fit
from greenlang.formulas.evaluate import Value, evaluate
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Convert,
    FactorCall,
    Name,
    Negate,
    Node,
    Number,
    children,
    rebuild,
    walk,
)
from greenlang.resolution import run
from greenlang.resolution.prose_bind import AT

MAX_READINGS = 64
_EXACT = Decimal("1e-12")
_STRUCTURE = frozenset(map(Decimal, ("0", "1", "2", "3", "4", "0.5", "0.25", "0.75")))
CALENDAR = {
    Decimal(8760): "hour/year",
    Decimal(8766): "hour/year",
    Decimal(365): "day/year",
    Decimal(12): "month/year",
    Decimal(52): "week/year",
    Decimal(24): "hour/day",
}
_CONVERTS = "{} in the text only converts units, which the formula does itself"
_ZEROS = {Decimal("273.15"), Decimal("459.67"), Decimal("273.16"), Decimal("460"), Decimal("273")}
_ZERO = "a temperature in it may count from absolute zero or from that of its scale: write K, or add 273.15"
Sample = tuple[Mapping[str, Value], Mapping[str, Value]]  # inputs and outputs by name


@dataclass(frozen=True, slots=True)
class Reading:
    """A tree over quantities, and what was found out; ``certain`` is False where only a golden case can tell."""

    tree: Node
    notes: tuple[str, ...] = ()
    certain: bool = True
    doubt: str = ""


def read_equation(
    tree: Node, raw: Node, unit: str, target: str, scope: Scope, samples: Iterable[Sample], ports: Mapping[str, str]
) -> Reading:
    """The reading of an equation. Raises FormulaError where none fits the dimensions.

    ``raw`` is the tree over plain numbers, its result in ``target`` (a unit that converts into ``unit``, the
    output's); ``ports`` are the units of inputs and outputs by the name that a formula uses.
    """
    whole = _fitted(tree, unit, scope)
    literals = _literals(tree)
    if isinstance(whole, FormulaError) and not literals:
        raise whole
    points = list(_points(raw, unit, target, samples, ports))
    for start, said in _starts(tree):
        found = _explained(start, unit, scope, points)
        if found is not None:
            return Reading(found[0], tuple(dict.fromkeys((*said, *found[1]))))
    if isinstance(whole, FormulaError):
        raise whole
    if _absolute(whole) and (not points or _ratio(whole, points) is None):
        return Reading(tree, certain=False, doubt=_ZERO)
    strange = [n for n in literals if n.value not in _STRUCTURE]
    if not strange:  # no number can be a conversion: the declared units are not coherent, and need not be
        return Reading(tree)
    ratio = _ratio(whole, points) if points else None
    shown = ", ".join(f"{n.value:f}" for n in strange)
    apart = f", {ratio:.6g} times apart" if ratio is not None else ""
    return Reading(
        tree,
        certain=False,
        doubt=f"over quantities and over bare numbers it gives different results{apart}: is {shown} a conversion?",
    )


def _starts(tree: Node) -> list[tuple[Node, tuple[str, ...]]]:
    """The tree as it stands, and with the hours of a year and their like given their unit."""
    known = {id(n): CALENDAR[n.value] for n in _literals(tree) if n.value in CALENDAR}
    if not known:
        return [(tree, ())]
    said = tuple(f"{n.value:f} in the text is {known[id(n)]}" for n in _literals(tree) if id(n) in known)
    return [(tree, ()), (_measured(tree, known), said)]


def _measured(node: Node, known: Mapping[int, str]) -> Node:
    if isinstance(node, Number):
        return replace(node, written_unit=known[id(node)]) if id(node) in known else node
    return rebuild(node, lambda part: _measured(part, known))


def _explained(
    tree: Node, unit: str, scope: Scope, points: list[tuple[Sample, Decimal]]
) -> tuple[Node, tuple[str, ...]] | None:
    """The tree without the literals that only convert, if it then gives the numbers of the text everywhere."""
    literals = _literals(tree) if points else []
    for count in range(min(4, len(literals)) + 1):
        for gone in islice(combinations(literals, count), MAX_READINGS):
            left = tree if not gone else _without(tree, frozenset(map(id, gone)))
            found = _fitted(left, unit, scope) if left is not None and points else None
            if left is None or found is None or isinstance(found, FormulaError):
                continue
            ratio = _ratio(found, points)
            if ratio is not None and (abs(ratio - 1) <= _EXACT or _rounded(tree, gone, ratio)):
                return left, tuple(_CONVERTS.format(f"{n.value:f}") for n in gone)
    return None


def _absolute(checked: Node) -> bool:
    """Whether a temperature in degC or degF stands in a product or a sum, and so counts from absolute zero."""
    return any(
        isinstance(side, Convert) and units.is_offset(side.source_unit)
        for part in walk(checked)
        if isinstance(part, Arithmetic) and part.op != "-"
        for side in (part.left, part.right)
    )


def _fitted(tree: Node, unit: str, scope: Scope) -> Node | FormulaError:
    try:
        return fit(check(tree, scope), unit)
    except FormulaError as error:
        return error


def _literals(tree: Node) -> list[Number]:
    """The bare numbers of a tree that stand as terms or factors, exponents and roundings left out."""
    out: list[Number] = []

    def visit(node: Node) -> None:
        if isinstance(node, Number):
            if node.written_unit is None:
                out.append(node)
        elif isinstance(node, Arithmetic) and node.op == "**":
            visit(node.left)
        elif not (isinstance(node, Call) and node.function == "round"):
            for child in children(node):
                visit(child)

    visit(tree)
    return out


def _without(node: Node, gone: frozenset[int]) -> Node | None:
    """The tree without some literals; None where one of them cannot be left out at its place."""
    match node:
        case Number():
            return None if id(node) in gone else node
        case Negate(operand=x):
            inner = _without(x, gone)
            return None if inner is None else Negate(inner, offset=node.offset)
        case Arithmetic(op=op, left=a, right=b):
            if isinstance(b, Number) and id(b) in gone:
                shift = op in {"+", "-"} and b.value in _ZEROS
                return _without(a, gone) if op in {"*", "/"} or shift else None
            if isinstance(a, Number) and id(a) in gone:
                return _without(b, gone) if op == "*" else None
            left, right = _without(a, gone), _without(b, gone)
            if left is None or right is None:
                return None
            return Arithmetic(op, left, right, offset=node.offset)
        case Call(function=function, arguments=arguments):
            parts = [_without(a, gone) for a in arguments]
            if any(p is None for p in parts):
                return None
            return Call(function, tuple(p for p in parts if p is not None), offset=node.offset)
        case _:
            return node


def _points(
    raw: Node, unit: str, target: str, samples: Iterable[Sample], ports: Mapping[str, str]
) -> Iterable[tuple[Sample, Decimal]]:
    """Samples with what the text gives as bare numbers, converted from the unit of its left side into the output's."""
    if any(isinstance(n, FactorCall) for n in walk(raw)):
        return
    names = {n.name for n in walk(raw) if isinstance(n, Name)}
    convert = _into(target, unit)
    for sample in samples:
        try:
            values = {name: _number(name, sample, ports) for name in names}
            got = evaluate(raw, values, {})
        except (CalculationError, KeyError):
            continue
        if isinstance(got, Decimal):
            yield sample, convert(got)


def _number(name: str, sample: Sample, ports: Mapping[str, str]) -> Decimal:
    port, at, unit = name.partition(AT)
    side, _, bare = port.partition(".")
    value = sample[0 if side == "input" else 1][bare]
    number = Decimal(value) if isinstance(value, int) else value
    assert isinstance(number, Decimal)
    return _into(ports[port], unit)(number) if at else number


def _into(source: str, target: str) -> Callable[[Decimal], Decimal]:
    try:
        factor, shift = units.conversion(source, target)
    except UnitError:
        factor, shift = Decimal(1), Decimal(0)
    return lambda value: value * factor + shift


def _ratio(checked: Node, points: list[tuple[Sample, Decimal]]) -> Decimal | None:
    """What the text's numbers are of the quantities', where that is the same everywhere; None where it is not."""
    ratios: list[Decimal] = []
    for sample, wanted in points:
        try:
            got = evaluate(checked, run.bound(checked, *sample), {})
        except (CalculationError, KeyError):
            continue
        if not isinstance(got, Decimal):
            return None
        if not got or not wanted:
            if abs(got - wanted) > _EXACT * max(abs(got), abs(wanted), Decimal(1)):
                return None
            continue
        ratios.append(wanted / got)
    if not ratios or any(abs(r - ratios[0]) > Decimal("1e-9") * abs(ratios[0]) for r in ratios):
        return None
    return ratios[0]


def _rounded(tree: Node, gone: tuple[Number, ...], ratio: Decimal) -> bool:
    """Whether the literals are the exact conversion, one of them rounded to its own four or more digits."""
    odd = [n for n in gone if n.value.normalize().as_tuple().digits != (1,)]  # the others are powers of ten
    if len(odd) != 1 or len(odd[0].value.as_tuple().digits) < 4 or abs(ratio - 1) > Decimal("1e-3"):
        return False
    literal = odd[0].value
    below = any(isinstance(n, Arithmetic) and n.op == "/" and n.right is odd[0] for n in walk(tree))
    exact = literal * ratio if below else literal / ratio
    return exact.quantize(literal) == literal
