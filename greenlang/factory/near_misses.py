"""Vectors that tell a plan from its near misses: a limit that lies one off, a forgotten case, ties rounded up.

Most slips show on any input. These do not: ``>`` for ``>=`` shows where both sides are equal, a forgotten ``min`` where
it holds something back, half-up for half-even on a tie. So the inputs on which they show are searched for, on the
trees alone, and the expected values come from the reference evaluator.

Belongs here: near misses of a tree, and the search. Does not belong here: other cases (``cases``), mutants of code
(``greenlang.quality.mutation``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, DecimalException, localcontext
from itertools import chain

from greenlang_sdk.decimals import CONTEXT, DecimalError, calculation

from greenlang.errors import CalculationError
from greenlang.factory import limits
from greenlang.formulas.evaluate import LookupMiss, Tables, Value, evaluate
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    If,
    Logic,
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
from greenlang.resolution.plan import OutputPlan, Resolution, Vector
from greenlang.specs.model import Given

MOST = 16  # vectors for a part; pathological specs must not fill their packs
_BASES = 3
_STEPS = 8
_CASES, _TIES = 150, 90  # evaluations of a part at most: a search must not cost more than the rest of the pack
_EACH = 30  # for an output at least
_ONE = 40  # of them for one place at most, so that one without an answer does not take all
_FLIPPED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_AROUND = (Decimal("0.9"), Decimal("1.1"), Decimal("0.5"), Decimal(2))
_STEPS_BESIDE = (-1, 1, -3, 3)
Inputs = dict[str, Given]


def telling(resolution: Resolution, bases: Iterable[Inputs]) -> list[Vector]:
    """Vectors beside those of the resolution, at most MOST. ``bases`` are inputs from which the search starts."""
    found: list[Vector] = []
    with localcontext(CONTEXT):
        search = _Search(resolution, list(bases))
        for given in chain(_as_far(_cases(search)), _as_far(_ties(search))):
            vector = search.vector(f"told_apart_{len(found) + 1}", given)
            search.taken.append((given, search.run(given)))
            found.append(vector)
            if len(found) == MOST:
                break
    return found


def _as_far(found: Iterator[Inputs]) -> Iterator[Inputs]:
    """What a search gives before it comes to the end of all numbers."""
    try:
        yield from found
    except (CalculationError, DecimalError, DecimalException):
        return


def tie(resolution: Resolution, output: str, bases: Iterable[Inputs]) -> Inputs | None:
    """Inputs whose value for an output lies on a tie that half-even rounds down; None where none was found."""
    with localcontext(CONTEXT):
        return _tie(_Search(resolution, list(bases)), resolution.plans[output])


class _Search:
    """A resolution that is asked again and again."""

    def __init__(self, resolution: Resolution, bases: list[Inputs]) -> None:
        self.resolution = resolution
        self.spec = resolution.spec
        self.plans = resolution.plans
        self.rows: Tables = run.tables(resolution.lookups)
        self.left = _TIES  # evaluations that may still be made
        self.bases = bases[:_BASES]
        self.taken = [(given, self.run(given)) for given in bases]
        self.numbers = [name for name, i in self.spec.inputs.items() if i.dtype == "float64" and not i.enum]
        self.whole = {name for name, i in self.spec.inputs.items() if i.dtype == "int32" and not i.enum}
        self.shared = self.spec.inputs.keys() & self.spec.outputs.keys()
        self.reach: dict[str, frozenset[str]] = {}

    def run(self, given: Mapping[str, Given], last: str = "") -> dict[str, Value] | str:
        """Unrounded outputs, those up to ``last`` if it is given, or the code of the refusal; ``""`` where an input
        lacks that the plans need.
        """
        self.left -= 1
        order = self.resolution.order
        try:
            wanted = order[: order.index(last) + 1] if last else order
            return run.outputs(self.spec, self.plans, wanted, self.rows, given)
        except LookupMiss:
            return "not_covered"
        except CalculationError:
            return "calculation"
        except KeyError:
            return ""

    def vector(self, name: str, given: Inputs) -> Vector:
        answer = self.run(given)
        if isinstance(answer, str):
            return Vector(name, "reference", given, error=answer)
        expect = {output: run.canonical(value, self.plans[output].decimals) for output, value in answer.items()}
        return Vector(name, "reference", given, expect)

    def names(self, tree: Node) -> frozenset[str]:
        """The inputs that an expression depends on, through other outputs too."""
        found: set[str] = set()
        for node in walk(tree):
            if isinstance(node, Name) and node.kind == "input":
                found.add(node.name)
            elif isinstance(node, Name) and node.kind == "output":
                if node.name not in self.reach:
                    self.reach[node.name] = self.names(self.plans[node.name].expression)
                found |= self.reach[node.name]
        return frozenset(found)

    def value(self, tree: Node, given: Inputs, answer: dict[str, Value] | str | None = None) -> Value | None:
        """An expression for these inputs; None where it has no value."""
        inputs = run.with_defaults(self.spec, given)
        computed = answer if isinstance(answer, dict) else self._before(tree, given)
        if computed is None:
            return None
        try:
            seen = run.bound(tree, inputs, computed) if self.shared else {**inputs, **computed}
            return evaluate(tree, seen, self.rows)
        except (CalculationError, KeyError):
            return None

    def _before(self, tree: Node, given: Inputs) -> dict[str, Value] | None:
        """The outputs that an expression needs."""
        self.left -= 1
        needed = [n.name for n in walk(tree) if isinstance(n, Name) and n.kind == "output"]
        order = self.resolution.order
        last = max((order.index(name) for name in needed), default=-1)
        try:
            return run.outputs(self.spec, self.plans, order[: last + 1], self.rows, given)
        except (CalculationError, KeyError):
            return None

    def tells(self, plan: OutputPlan, miss: Node, given: Inputs, answer: dict[str, Value] | str) -> bool:
        """Whether the agent answers otherwise for these inputs if a plan is replaced by its near miss."""
        if answer == "":
            return False
        value = self.value(miss, given, answer)
        if isinstance(answer, str):
            own = self.value(plan.expression, given, answer)
            return answer == "calculation" and (own is None) != (value is None)
        if value is None:
            return True
        try:
            return run.canonical(value, plan.decimals) != run.canonical(answer[plan.output], plan.decimals)
        except DecimalError:
            return True

    def set(self, given: Inputs, name: str, value: Decimal) -> Inputs | None:
        """The inputs with one number changed; None where the spec does not allow it."""
        value = CONTEXT.plus(value)
        if not limits.fits(self.spec.inputs[name], value):
            return None
        return {**given, name: int(value) if name in self.whole else value}

    def roots(self, tree: Node, other: Node, given: Inputs) -> Iterator[tuple[str, Inputs]]:
        """Inputs on which two expressions have one value: a number is moved along the secant until they do."""
        for name in (*self.numbers, *sorted(self.whole)):
            if name in self.names(tree) | self.names(other) and isinstance(given.get(name), (Decimal, int)):
                found = self._root(tree, other, given, name)
                if found is not None:
                    yield name, found

    def _root(self, tree: Node, other: Node, given: Inputs, name: str) -> Inputs | None:
        first, second = given, self._beside(given, name)
        a, b = self._distance(tree, other, first), self._distance(tree, other, second) if second else None
        for _ in range(_STEPS):
            if a is None or b is None or second is None or a == b:
                return None
            if not b:
                return second
            x, y = Decimal(str(first[name])), Decimal(str(second[name]))
            with calculation():
                wanted = y - b * (y - x) / (b - a)
            if (short := self._met(tree, other, second, name, _short(wanted))) is not None:
                return short
            first, a, second = second, b, self.set(second, name, wanted)
            b = self._distance(tree, other, second) if second else None
        if second is None or b is None:
            return None
        last = Decimal(str(second[name]))  # where 34 digits end, the value beside may be the one
        beside = (last, CONTEXT.next_plus(last), CONTEXT.next_minus(last))
        met = (self._met(tree, other, second, name, value) for value in beside)
        return next((found for found in met if found is not None), None)

    def _met(self, tree: Node, other: Node, given: Inputs, name: str, value: Decimal) -> Inputs | None:
        """The inputs with one number changed, if both expressions have one value then."""
        found = self.set(given, name, value)
        return found if found is not None and self._distance(tree, other, found) == 0 else None

    def _beside(self, given: Inputs, name: str) -> Inputs | None:
        moved = (self.set(given, name, value) for value in self.around(given, name, (*_AROUND, Decimal("0.99"))))
        return next((found for found in moved if found is not None), None)

    def around(self, given: Inputs, name: str, shares: Iterable[Decimal] = _AROUND) -> Iterator[Decimal]:
        """Values to both sides of a number; of a whole one those beside it, then some way off."""
        value = Decimal(str(given[name]))
        if name in self.whole:
            yield from (value + step for step in _STEPS_BESIDE)
        else:
            yield from (CONTEXT.multiply(value, share) if value else share for share in shares)

    def _distance(self, tree: Node, other: Node, given: Inputs) -> Decimal | None:
        a, b = self.value(tree, given), self.value(other, given)
        if not isinstance(a, Decimal) or not isinstance(b, Decimal):
            return None
        return CONTEXT.subtract(a, b)


def _short(value: Decimal) -> Decimal:
    """The value without the digits that a division left: 20.00000...01 is 20."""
    if not value:
        return value
    return value.quantize(Decimal(1).scaleb(max(value.adjusted() - 18, -40)), context=CONTEXT).normalize(CONTEXT)


# --- cases of a formula ---------------------------------------------------------------------------------------------


def near_misses(tree: Node) -> Iterator[tuple[Node, Node, tuple[Node, Node] | None]]:
    """(place, tree with the slip, two sides whose meeting shows it) for each delicate place of a tree."""
    for node in _outside_sums(tree):
        for miss, sides in _misses(node):
            yield node, _put(tree, node, miss), sides


def _outside_sums(node: Node) -> Iterator[Node]:
    """The node and its parts; what is computed row by row is left to the vectors of the table."""
    yield node
    for child in () if isinstance(node, Sum) else children(node):
        yield from _outside_sums(child)


def _misses(node: Node) -> Iterator[tuple[Node, tuple[Node, Node] | None]]:
    match node:
        case Compare(op=op, left=left, right=right) if op in _FLIPPED:
            yield replace(node, op=_FLIPPED[op]), (left, right)  # type: ignore[arg-type]
        case If(condition=condition, then=then, otherwise=otherwise):
            ordered = (c for c in walk(condition) if isinstance(c, Compare) and c.left.type == "number")
            sides = next(((c.left, c.right) for c in ordered), None)
            yield then, sides
            yield otherwise, sides
        case Logic(left=left, right=right):
            for kept, dropped in ((left, right), (right, left)):
                sides = (dropped.left, dropped.right) if isinstance(dropped, Compare) else None
                yield kept, sides if sides and sides[0].type == "number" else None
        case Call(function="min" | "max", arguments=arguments) if len(arguments) > 1:
            for dropped in arguments:
                rest = tuple(a for a in arguments if a is not dropped)
                miss = rest[0] if len(rest) == 1 else replace(node, arguments=rest)
                yield miss, (dropped, rest[0])
        case Call(function="abs", arguments=(operand,)):
            yield operand, None
        case Arithmetic(op="**", left=left, right=right) if not isinstance(right, Number):
            yield replace(node, left=Negate(operand=left, unit=left.unit)), None  # shows for odd exponents


def _put(tree: Node, place: Node, new: Node) -> Node:
    return new if tree is place else rebuild(tree, lambda part: _put(part, place, new))


def _cases(search: _Search) -> Iterator[Inputs]:
    search.left = _CASES
    for output in search.resolution.order:
        plan = search.plans[output]
        if plan.means == "system":
            continue
        search.left = max(search.left, _EACH)
        for _, miss, sides in near_misses(plan.expression):
            if any(search.tells(plan, miss, given, answer) for given, answer in search.taken):
                continue
            most = search.left - _ONE
            for given in _candidates(search, sides):
                if search.left < max(most, 0):
                    break
                if search.tells(plan, miss, given, search.run(given)):
                    yield given
                    break


def _candidates(search: _Search, sides: tuple[Node, Node] | None) -> Iterator[Inputs]:
    """Inputs where two sides meet, and some to the left and right of that; then the ends of every number."""
    for given in search.bases if sides else ():
        assert sides is not None
        for name, met in search.roots(*sides, given):
            yield met
            for value in search.around(met, name):
                moved = search.set(met, name, value)
                if moved is not None:
                    yield moved
    for given in search.bases[:2]:
        yield from _ends(search, given)


def _ends(search: _Search, given: Inputs) -> Iterator[Inputs]:
    yield from _next_numbers(search, given)
    for name, declared in search.spec.inputs.items():
        if declared.dtype == "bool" and not declared.enum:
            yield {**given, name: not given.get(name, declared.default)}
        for _, value in limits.inside(declared) if not declared.enum else ():
            yield {**given, name: int(value) if declared.dtype == "int32" else value}


def _next_numbers(search: _Search, given: Inputs) -> Iterator[Inputs]:
    """Each whole number one up, one down, and doubled."""
    for name, declared in search.spec.inputs.items():
        value = given.get(name)
        if declared.dtype == "int32" and isinstance(value, (Decimal, int)):
            for other in (int(value) + 1, int(value) - 1, 2 * int(value)):
                if limits.fits(declared, Decimal(other)) and not declared.enum:
                    yield {**given, name: other}


# --- ties -----------------------------------------------------------------------------------------------------------


def _ties(search: _Search) -> Iterator[Inputs]:
    search.left = _TIES
    for output in search.resolution.order:
        plan = search.plans[output]
        if plan.decimals is None or not search.spec.outputs[output].numeric:
            continue
        if any(isinstance(answer, dict) and _on_tie(answer[output], plan.decimals) for _, answer in search.taken):
            continue
        found = (_tie(search, plan) if search.left > 0 else None) or _odd(search, plan)
        if found is not None:
            yield found


def _on_tie(value: Value, decimals: int) -> bool:
    """Whether half-even and half-up round a value to different numbers, and one digit less to a third one."""
    if not isinstance(value, Decimal):
        return False
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent <= decimals or value.adjusted() > 40:
        return False
    shifted = value.copy_abs().scaleb(decimals, CONTEXT)
    whole = shifted.to_integral_value("ROUND_FLOOR", CONTEXT)
    return CONTEXT.subtract(shifted, whole) == Decimal("0.5") and whole % 2 == 0 and (whole % 10 != 0 or not decimals)


def _odd(search: _Search, plan: OutputPlan) -> Inputs | None:
    """Inputs whose value shows the last digit that is kept, and has more; None where the vectors show one already."""
    if any(isinstance(answer, dict) and _long(answer[plan.output], plan.decimals or 0) for _, answer in search.taken):
        return None
    for given in search.bases[:2]:
        for found in _next_numbers(search, given):
            answer = search.run(found)
            if isinstance(answer, dict) and _long(answer[plan.output], plan.decimals or 0):
                return found
    return None


def _long(value: Value, decimals: int) -> bool:
    """Whether one digit more and one digit less both give another number."""
    if not isinstance(value, Decimal) or value.adjusted() > 40:
        return False
    less, kept, more = (run.canonical(value, max(digits, 0)) for digits in (decimals - 1, decimals, decimals + 1))
    return kept != more and (kept != less or not decimals)


def _tie(search: _Search, plan: OutputPlan) -> Inputs | None:
    decimals = plan.decimals or 0
    inputs = [n for n in search.numbers if n in search.names(plan.expression)]
    for given in search.bases[:2]:
        for name in inputs[:3]:
            if not isinstance(given.get(name), (Decimal, int)):
                continue
            for found in _on_the_way(search, plan, given, name, decimals):
                answer = search.run(found, plan.output)
                if isinstance(answer, dict) and _on_tie(answer[plan.output], decimals):
                    return found
    return None


def _on_the_way(search: _Search, plan: OutputPlan, given: Inputs, name: str, decimals: int) -> Iterator[Inputs]:
    """Inputs near which a value that is a straight line in one number lies on a tie."""
    beside = search._beside(given, name)
    a, b = search.run(given, plan.output), search.run(beside, plan.output) if beside else ""
    if beside is None or isinstance(a, str) or isinstance(b, str):
        return
    x, y = Decimal(str(given[name])), Decimal(str(beside[name]))
    p, q = a[plan.output], b[plan.output]
    if not isinstance(p, Decimal) or not isinstance(q, Decimal) or p == q or p.adjusted() > 24:
        return
    half = Decimal(5).scaleb(-decimals - 1)
    even = (p.scaleb(decimals) / 2).to_integral_value() * 2
    for step in (0, 2, -2, 4, 22):
        if decimals and (even + step) % 10 == 0:
            continue  # its last digit would not show
        target = CONTEXT.add(CONTEXT.plus((even + step).scaleb(-decimals)), half.copy_sign(even + step or p))
        with calculation():
            wanted = x + (target - p) * (y - x) / (q - p)
        for value in dict.fromkeys((_short(wanted), wanted, CONTEXT.next_plus(wanted), CONTEXT.next_minus(wanted))):
            found = search.set(given, name, value)
            if found is not None:
                yield found
