"""A resolution that is asked again and again: what its plans answer, and where two expressions have one value.

Belongs here: evaluating and moving inputs, with a count of what it costs. Does not belong here: what is looked for
(``near_misses``, ``ties``, ``deciding``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from greenlang_sdk.decimals import CONTEXT, DecimalError, calculation

from greenlang.errors import CalculationError
from greenlang.factory import limits
from greenlang.factory.deciding import Inputs, Parts
from greenlang.formulas.evaluate import LookupMiss, Tables, Value, evaluate
from greenlang.formulas.tree import Name, Node, walk
from greenlang.resolution import run
from greenlang.resolution.plan import OutputPlan, Resolution, Vector
from greenlang.specs.model import Given

_BASES = 3
_STEPS = 8
_AROUND = (Decimal("0.9"), Decimal("1.1"), Decimal("0.5"), Decimal(2))
_STEPS_BESIDE = (-1, 1, -3, 3)
Root = tuple[str, Inputs]  # the number that was moved, and where two expressions met


class Search:
    """A resolution that is asked again and again."""

    def __init__(self, resolution: Resolution, bases: list[Inputs]) -> None:
        self.resolution = resolution
        self.spec = resolution.spec
        self.plans = resolution.plans
        self.rows: Tables = run.tables(resolution.lookups)
        self.left = 0  # evaluations that may still be made
        self.bases = bases[:_BASES]
        self.taken = [(given, self.run(given)) for given in bases]
        self.numbers = [name for name, i in self.spec.inputs.items() if i.dtype == "float64" and not i.enum]
        self.whole = {name for name, i in self.spec.inputs.items() if i.dtype == "int32" and not i.enum}
        self.shared = self.spec.inputs.keys() & self.spec.outputs.keys()
        self.reach: dict[str, frozenset[str]] = {}
        self.found: dict[
            tuple[int, int, int], tuple[list[Root], Iterator[Root | None]]
        ] = {}  # roots, and where the rest comes

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

    def parts(self, given: Inputs, answer: dict[str, Value]) -> Parts:
        """The value of any part of a plan for inputs that are answered."""
        known: dict[int, Value | None] = {}

        def value(tree: Node) -> Value | None:
            if id(tree) not in known:
                known[id(tree)] = self.value(tree, given, answer)
            return known[id(tree)]

        return value

    def _before(self, tree: Node, given: Inputs) -> dict[str, Value] | None:
        """The outputs that an expression needs."""
        needed = [n.name for n in walk(tree) if isinstance(n, Name) and n.kind == "output"]
        if not needed:
            return {}
        self.left -= 1
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

    def met(self, tree: Node, other: Node, given: Inputs) -> Iterator[Root | None]:
        """As `roots`; those that were found for the same place before come first, and cost nothing."""
        key = (id(tree), id(other), id(given))
        found, rest = self.found.setdefault(key, ([], self.roots(tree, other, given)))
        yield from found
        for root in rest:
            if root is not None:
                found.append(root)
            yield root

    def roots(self, tree: Node, other: Node, given: Inputs) -> Iterator[Root | None]:
        """Inputs on which two expressions have one value: a number is moved along the secant until they do.

        None where a number leads nowhere, so that who asks can give up.
        """
        for name in (*self.numbers, *sorted(self.whole)):
            if name in self.names(tree) | self.names(other) and isinstance(given.get(name), (Decimal, int)):
                found = self._root(tree, other, given, name)
                yield None if found is None else (name, found)

    def _root(self, tree: Node, other: Node, given: Inputs, name: str) -> Inputs | None:
        first, second = given, self.beside(given, name)
        a, b = self._distance(tree, other, first), self._distance(tree, other, second) if second else None
        for _ in range(_STEPS):
            if a is None or b is None or second is None or a == b:
                return None
            if not b:
                return second
            x, y = Decimal(str(first[name])), Decimal(str(second[name]))
            with calculation():
                wanted = y - b * (y - x) / (b - a)
            if (short := self._met(tree, other, second, name, shortened(wanted))) is not None:
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

    def beside(self, given: Inputs, name: str) -> Inputs | None:
        moved = (self.set(given, name, value) for value in self.around(given, name, (*_AROUND, Decimal("0.99"))))
        return next((found for found in moved if found is not None), None)

    def around(self, given: Inputs, name: str, shares: Iterable[Decimal] = _AROUND) -> Iterator[Decimal]:
        """Values to both sides of a number; of a whole one those beside it, then some way off."""
        value = Decimal(str(given[name]))
        if name in self.whole:
            yield from (value + step for step in _STEPS_BESIDE)
        else:
            yield from (CONTEXT.multiply(value, share) if value else share for share in shares)

    def next_numbers(self, given: Inputs) -> Iterator[Inputs]:
        """Each whole number one up, one down, and doubled."""
        for name, declared in self.spec.inputs.items():
            value = given.get(name)
            if declared.dtype == "int32" and isinstance(value, (Decimal, int)):
                for other in (int(value) + 1, int(value) - 1, 2 * int(value)):
                    if limits.fits(declared, Decimal(other)) and not declared.enum:
                        yield {**given, name: other}

    def _distance(self, tree: Node, other: Node, given: Inputs) -> Decimal | None:
        a, b = self.value(tree, given), self.value(other, given)
        if not isinstance(a, Decimal) or not isinstance(b, Decimal):
            return None
        return CONTEXT.subtract(a, b)


def shortened(value: Decimal) -> Decimal:
    """The value without the digits that a division left: 20.00000...01 is 20."""
    if not value:
        return value
    return value.quantize(Decimal(1).scaleb(max(value.adjusted() - 18, -40)), context=CONTEXT).normalize(CONTEXT)
