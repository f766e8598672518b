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
    Sum,
    children,
    rebuild,
    walk,
)
from greenlang.resolution import run
from greenlang.resolution.prose_bind import AT
from greenlang.specs.model import Given

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
MOLAR = {  # a molar mass above another: 44/12 turns carbon into CO2
    (Decimal(44), Decimal(12)): "kgCO2/kg",
    (Decimal(16), Decimal(12)): "kgCH4/kg",
    (Decimal(44), Decimal(28)): "kgN2O/kg",
}
_MOLAR_ABOVE = frozenset(above for above, _ in MOLAR)
_MOLAR_PAIRS = [set(pair) for pair in MOLAR]
_CONVERTS = "{} in the text only converts units, which the formula does itself"
_BARE = "the text counts in bare numbers of the declared units, and a worked case proves it"
_ONLY_BARE = "it would hold over bare numbers only"
_IDLE = "{} looks like a conversion, but the declared units need none"
_FAMILIAR = {Decimal(60), Decimal(3600), Decimal("3.6"), Decimal("3.67"), Decimal("3.667"), Decimal("3.664")}
_ZEROS = {Decimal(32), Decimal("273.15"), Decimal("459.67"), Decimal("273.16"), Decimal("460"), Decimal("273")}
_ZERO = "a temperature in it may count from absolute zero or from that of its scale: write K, or add 273.15"
Sample = tuple[Mapping[str, Given], Mapping[str, Value]]  # inputs and outputs by name


@dataclass(frozen=True, slots=True)
class Reading:
    """A tree over quantities, and what was found out; ``certain`` is False where only a golden case can tell."""

    tree: Node
    notes: tuple[str, ...] = ()
    certain: bool = True
    doubt: str = ""


def reading(
    tree: Node, raw: Node, unit: str, target: str, scope: Scope, samples: Iterable[Sample], ports: Mapping[str, str]
) -> Reading:
    """What an equation means, and whether that is certain. Raises FormulaError where none fits the dimensions.

    ``raw`` is the tree over plain numbers, its result in ``target`` (a unit that converts into ``unit``, the
    output's); ``ports`` are the units of inputs and outputs by the name that a formula uses.
    """
    whole = _fitted(tree, unit, scope)
    literals = _literals(tree)
    if isinstance(whole, FormulaError) and not literals:
        raise whole
    points = list(_points(raw, unit, target, [*samples, *_generic(ports)], ports))
    for start, said in _starts(tree):
        found = _explained(start, unit, scope, points)
        if found is not None:
            notes = tuple(dict.fromkeys((*said, *found[1])))
            idle = ", ".join(f"{n.value:f}" for n in _idle(found[0]))
            return Reading(found[0], notes, certain=not idle, doubt=_IDLE.format(idle) if idle else "")
    if isinstance(whole, FormulaError):
        counted = _counted(raw, unit, target, scope, ports) if _empirical(tree) else None
        if counted is None:
            raise whole
        return Reading(counted, (_BARE,), certain=False, doubt=f"{whole}; {_ONLY_BARE}")
    if _absolute(whole) and (not points or _ratio(whole, points) is None):
        return Reading(tree, certain=False, doubt=_ZERO)
    strange = [n for n in literals if n.value not in _STRUCTURE]
    if not strange:  # no number can be a conversion: the declared units are not coherent, and need not be
        return Reading(tree)
    ratio = _ratio(whole, points) if points else None
    shown = ", ".join(f"{n.value:f}" for n in strange)
    apart = f", {ratio:.6g} times apart" if ratio is not None else ""
    doubt = f"over quantities and over bare numbers it gives different results{apart}: is {shown} a conversion?"
    return Reading(tree, certain=False, doubt=doubt)


def _idle(tree: Node) -> list[Number]:
    """Numbers that look like conversions where the units need none: kW times hours, divided by 1000, are no kWh.

    So does 44/12 where what it multiplies is CO2 already.
    """
    there = [n for n in _literals(tree) if n.value in _MOLAR_ABOVE]
    carbon = [n for n in there if any({n.value, m.value} in _MOLAR_PAIRS for m in _literals(tree))]
    sides = (side for n in walk(tree) if isinstance(n, Arithmetic) and n.op in {"*", "/"} for side in (n.left, n.right))
    return [
        n
        for n in sides
        if isinstance(n, Number) and n.written_unit is None and (n.value in _FAMILIAR or _power_of_ten(n.value))
    ] + carbon


def _power_of_ten(value: Decimal) -> bool:
    """100, 1000, 0.001 and so on; 0.01 may well be one per cent of something."""
    clean = value.normalize().as_tuple()
    return clean.digits == (1,) and isinstance(clean.exponent, int) and (clean.exponent >= 2 or clean.exponent <= -3)


def _empirical(tree: Node) -> bool:
    """Whether a coefficient or a power by a quantity may carry a unit that the text leaves out."""
    powers = (n.right for n in walk(tree) if isinstance(n, Arithmetic) and n.op == "**")
    return any(n.value not in _STRUCTURE for n in _literals(tree)) or any(
        isinstance(n, Name) for power in powers for n in walk(power)
    )


def _counted(raw: Node, unit: str, target: str, scope: Scope, ports: Mapping[str, str]) -> Node | None:
    """The equation over bare numbers: ``1 - 0.005 × age`` counts age in years. None where that has no meaning."""
    if any(isinstance(n, FactorCall | Sum) for n in walk(raw)) or units.is_offset(target):
        return None

    def bare(node: Node) -> Node:
        if (step := _difference(node, ports)) is not None:
            return step
        if not isinstance(node, Name):
            return rebuild(node, bare)
        port, _, written = node.name.partition(AT)
        if port not in ports:
            return node  # a text
        return _without_unit(Name(port), ports[port], written or ports[port])

    tree = bare(raw)
    if target not in {"", "1"}:
        tree = Arithmetic("*", tree, Number(Decimal(1), target))
    return None if isinstance(_fitted(tree, unit, scope), FormulaError) else tree


def _difference(node: Node, ports: Mapping[str, str]) -> Node | None:
    """A difference of two temperatures in degC or degF, counted in degrees."""
    if not (isinstance(node, Arithmetic) and node.op == "-"):
        return None
    if not (isinstance(node.left, Name) and isinstance(node.right, Name)):
        return None
    names = [n.name.partition(AT) for n in (node.left, node.right)]
    scales = {ports.get(port, "1") for port, _, _ in names} | {written for _, _, written in names if written}
    if len(scales) > 1 or not units.is_offset(scale := scales.pop()):
        return None
    apart = Arithmetic("-", Name(names[0][0]), Name(names[1][0]))
    return Arithmetic("/", apart, Number(Decimal(1), _step(scale)))


def _without_unit(name: Name, port: str, unit: str) -> Node:
    if port == "1" and unit == "1":
        return name
    if units.is_offset(unit):
        return Arithmetic("/", Arithmetic("-", name, Number(Decimal(0), unit)), Number(Decimal(1), _step(unit)))
    return Arithmetic("/", name, Number(Decimal(1), unit))


def _step(unit: str) -> str:
    """One degree of a scale with a shifted zero."""
    return {"degC": "K", "degF": "delta_degF"}.get(unit, unit)


def _starts(tree: Node) -> list[tuple[Node, tuple[str, ...]]]:
    """The tree as it stands, and with its well-known numbers given their unit: hours of a year, molar masses."""
    literals = _literals(tree)
    there = {n.value for n in literals}
    molar = {above: unit for (above, below), unit in MOLAR.items() if {above, below} <= there}
    out: list[tuple[Node, tuple[str, ...]]] = [(tree, ())]
    whole = {id(n): "percent" for n in _terms(tree) if n.value == 100}  # 100 - loss, of a loss in per cent
    tables = [{id(n): t[n.value] for n in literals if n.value in t} for t in (CALENDAR, molar, CALENDAR | molar)]
    for known in (whole, *tables):
        if known:
            said = tuple(f"{n.value:f} in the text is {known[id(n)]}" for n in literals if id(n) in known)
            out.append((_measured(tree, known), said))
    return out


def _terms(tree: Node) -> list[Number]:
    """The bare numbers to which something is added, or from which something is taken."""
    sums = (n for n in walk(tree) if isinstance(n, Arithmetic) and n.op in {"+", "-"})
    return [s for n in sums for s in (n.left, n.right) if isinstance(s, Number) and s.written_unit is None]


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
            if ratio is not None and (abs(ratio - 1) <= _EXACT or _rounded(gone, ratio)):
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
        case _:
            parts = [_without(part, gone) for part in children(node)]
            if any(part is None for part in parts):
                return None
            made = iter(parts)
            return rebuild(node, lambda part: next(made) or part)


def _generic(ports: Mapping[str, str]) -> Iterable[Sample]:
    """Unlike values for every number, upwards and downwards: where samples meet a zero, two meanings still show."""
    for start, step in ((Decimal("1.25"), Decimal("1.125")), (Decimal("97.75"), Decimal("0.8125"))):
        for names in (list(ports), list(ports)[::-1]):
            values: tuple[dict[str, Value], dict[str, Value]] = ({}, {})
            for i, name in enumerate(names):
                side, _, bare = name.partition(".")
                values[0 if side == "input" else 1][bare] = start * step**i
            yield values


def _points(
    raw: Node, unit: str, target: str, samples: Iterable[Sample], ports: Mapping[str, str]
) -> Iterable[tuple[Sample, Decimal]]:
    """Samples with what the text gives as bare numbers, converted from the unit of its left side into the output's."""
    if any(isinstance(n, FactorCall) for n in walk(raw)):
        return
    tables = {n.table for n in walk(raw) if isinstance(n, Sum)}
    names = {n.name for n in walk(raw) if isinstance(n, Name) and n.name.partition(".")[0] not in tables}
    convert = _into(target, unit)
    for sample in samples:
        try:
            values: dict[str, Given] = {name: _value(name, sample, ports) for name in names}
            values |= {table: sample[0][table] for table in tables}
            got = evaluate(raw, values, {})
        except (CalculationError, KeyError):
            continue
        if isinstance(got, Decimal):
            yield sample, convert(got)


def _value(name: str, sample: Sample, ports: Mapping[str, str]) -> Value:
    port, at, unit = name.partition(AT)
    side, _, bare = port.partition(".")
    value = sample[0][bare] if side == "input" else sample[1][bare]
    if isinstance(value, tuple):
        raise KeyError(bare)  # a table has no value of its own
    number = Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(number, Decimal):
        return value
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


def _rounded(gone: tuple[Number, ...], ratio: Decimal) -> bool:
    """Whether the literals are the exact conversion, each of them rounded to its own three or more digits."""
    odd = [n.value for n in gone if n.value.normalize().as_tuple().digits != (1,)]  # the others are powers of ten
    if not odd or any(len(v.as_tuple().digits) < 3 for v in odd):
        return False
    slack = sum((Decimal(1).scaleb(int(v.as_tuple().exponent)) / 2 / abs(v) for v in odd), Decimal(0))
    return abs(ratio - 1) <= min(slack * Decimal("1.01"), Decimal("2e-3"))
