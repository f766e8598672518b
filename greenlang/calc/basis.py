"""Evaluating a checked tree with CO2e that knows its basis: every value carries its share on each basis.

A basis is a GWP set with its horizon (AR5GWP100), EF3.0, EF3.1, or what a publisher left unsaid, which is alike only
within one edition of one dataset: "unstated (ademe/base-carbone/22)". CO2 itself counts the same in every GWP set, so
what comes from CO2 alone (`ANY`) joins every basis.

Rules: terms of a sum, a difference, a comparison, min and max must be on one basis; so must the two sides of a product
or a ratio that both hold CO2e. What unlike bases do is refused, or recorded where a policy allows it. Shares follow the
arithmetic while CO2e stands in the value once; beyond that (a root, CO2e below the line) several bases become one
share, "mixed here".

The numbers are those of `greenlang.formulas.evaluate`, by the same operations in the same order; tests hold the two
together. Belongs here: shares. Does not belong here: where values come from, rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from typing import cast

from greenlang_sdk import decimals

from greenlang.calc.mistakes import Code, Refused
from greenlang.calc.quantity import CO2, CO2E, power_of, shown
from greenlang.errors import CalculationError
from greenlang.formulas.conversion import scaled
from greenlang.formulas.declare import Given
from greenlang.formulas.evaluate import DECLARED, LookupMiss, Value, compare, kind_of, table_value
from greenlang.formulas.show import show
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Logic,
    Name,
    Negate,
    Node,
    Not,
    Number,
    Sum,
    TableCall,
    Text,
    Truth,
    walk,
)

ANY = "any GWP set (CO2 itself)"
UNSTATED = "unstated"
MIXED = "mixed here"

Shares = Mapping[str, Decimal]
_NONE: Shares = {}


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value and its shares by basis. No shares: there is no CO2e in it (or it is a bare zero)."""

    value: Value
    shares: Shares = field(default_factory=dict)

    @property
    def bases(self) -> frozenset[str]:
        """The bases, without that of CO2 itself."""
        return frozenset(self.shares) - {ANY}


TaggedRows = Sequence[Mapping[str, Tagged]]
TaggedValues = Mapping[str, Tagged | TaggedRows]


@dataclass(frozen=True, slots=True)
class Mixing:
    """Unlike bases that met, where a policy allowed it."""

    place: str
    expression: str
    bases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableUse:
    """A value taken from a parameter table."""

    table: str
    column: str
    key: tuple[tuple[str, str], ...]
    value: Decimal
    unit: str


def untagged(value: Tagged | TaggedRows) -> Given:
    """The value alone, as the formula language takes it."""
    if isinstance(value, Tagged):
        plain = value.value
        return Decimal(plain) if isinstance(plain, int) and not isinstance(plain, bool) else plain
    return tuple({name: cell.value for name, cell in row.items()} for row in value)


def stated(basis: str) -> bool:
    """Whether a basis is a named one."""
    return not basis.startswith((UNSTATED, "mixed"))


def allowed(policy: str, bases: frozenset[str]) -> bool:
    """Whether CO2e on these bases may meet under a policy."""
    if len(bases) <= 1 or policy == "disclose-mixed":
        return True
    named = {basis for basis in bases if stated(basis)}
    unsaid = {basis for basis in bases if basis.startswith(UNSTATED)}
    return policy == "disclose-unstated" and len(named) <= 1 and named | unsaid == bases


def written(number: Decimal, unit: str | None, owner: str) -> Shares:
    """The shares of a figure that a formula holds itself.

    A bare zero has no basis, 1 kgCO2e/kgCO2 is that of CO2 itself, and of other CO2e nobody states it.
    """
    if unit is None or not number or not power_of(CO2E, unit):
        return _NONE
    if power_of(CO2E, unit) == 1 and power_of(CO2, unit) == -1 and _is_one(number, unit):
        return {ANY: number}
    return {f"{UNSTATED} ({owner})": number}


class Evaluator:
    """Evaluates the outputs of one formula. ``mixings`` and ``tables`` tell what happened on the way."""

    def __init__(self, values: TaggedValues, *, policy: str = "", owner: str = "formula") -> None:
        self.values = dict(values)
        self.policy = policy
        self.owner = owner  # whose literals and table cells are unstated: the formula's id
        self.place = ""
        self.mixings: list[Mixing] = []
        self.tables: list[TableUse] = []

    def evaluate(self, node: Node, place: str) -> Tagged:
        """The value of a checked tree. Raises Refused: an arithmetic error, a look-up miss, or unlike bases."""
        self.place = place
        with decimals.calculation():
            return self.tagged(node)

    def tagged(self, node: Node) -> Tagged:
        match node:
            case Number(value=number, unit=unit):
                return Tagged(number, written(number, unit, self.owner))
            case Text(value=text):
                return Tagged(text)
            case Truth(value=truth):
                return Tagged(truth)
            case Name(name=name):
                found = self.values[name]
                assert isinstance(found, Tagged), f"{name} is a table"
                return found
            case TableCall():
                return self.cell(node)
            case Sum():
                return self.sum(node)
            case Convert(operand=operand, factor=factor, shift=shift):
                inner = self.tagged(operand)
                value = self.guard(node, lambda: scaled(_number(inner), factor))
                shares = {basis: scaled(share, factor) for basis, share in inner.shares.items()}
                return Tagged(value + shift if shift else value, shares)
            case Negate(operand=operand):
                inner = self.tagged(operand)
                return Tagged(-_number(inner), {basis: -share for basis, share in inner.shares.items()})
            case Arithmetic():
                return self.arithmetic(node)
            case Compare(op=op, left=left, right=right):
                a, b = self.tagged(left), self.tagged(right)
                self.meet(node, "compares", (left, a), (right, b))
                return Tagged(compare(op, a.value, b.value))
            case Logic(op=op, left=left, right=right):
                first = bool(self.tagged(left).value)
                undecided = first == (op == "and")
                return Tagged(bool(self.tagged(right).value) if undecided else first)
            case Not(operand=operand):
                return Tagged(not self.tagged(operand).value)
            case Call():
                return self.call(node)
            case If(condition=condition, then=then, otherwise=otherwise):
                return self.tagged(then if self.tagged(condition).value else otherwise)
        raise TypeError(f"no value for a {type(node).__name__}")

    def cell(self, node: TableCall) -> Tagged:
        key = tuple((name, str(self.tagged(part).value)) for name, part in node.select)
        try:
            value = table_value(node, tuple(text for _, text in key))
        except LookupMiss as error:
            raise Refused("missing", str(error), "choose other keys", self.place) from None
        unit = node.unit or "1"
        use = TableUse(node.table, node.column, key, value, unit)
        if use not in self.tables:
            self.tables.append(use)
        return Tagged(value, written(value, unit, node.table))

    def sum(self, node: Sum) -> Tagged:
        rows = cast(TaggedRows, self.values[node.table])
        total = Tagged(Decimal(0))
        outside = self.values
        for number, row in enumerate(rows, start=1):
            self.values = outside | {f"{node.table}.{column}": value for column, value in row.items()}
            try:
                total = self.joined(node, total, self.tagged(node.body))
            except Refused as error:
                message = f"row {number} of {node.table}: {error.message}"
                raise Refused(error.code, message, error.mend, error.place) from None
            finally:
                self.values = outside
        return total

    def joined(self, node: Sum, total: Tagged, term: Tagged) -> Tagged:
        """The rows so far and one more."""
        self.meet(node, "adds to the rows before it:", (node.body, total), (node.body, term))
        value = self.guard(node, lambda: _number(total) + _number(term))
        return Tagged(value, _added(total.shares, term.shares))

    def arithmetic(self, node: Arithmetic) -> Tagged:
        left, right = self.tagged(node.left), self.tagged(node.right)
        a, b = _number(left), _number(right)
        match node.op:
            case "+":
                self.meet(node, "adds", (node.left, left), (node.right, right))
                return Tagged(self.guard(node, lambda: a + b), _added(left.shares, right.shares))
            case "-":
                self.meet(node, "subtracts", (node.left, left), (node.right, right))
                taken = {basis: -share for basis, share in right.shares.items()}
                return Tagged(self.guard(node, lambda: a - b), _added(left.shares, taken))
            case "*":
                value = self.guard(node, lambda: a * b)
                if not (left.shares and right.shares):
                    by, whole = (b, left) if left.shares else (a, right)
                    return Tagged(value, {basis: share * by for basis, share in whole.shares.items()})
            case "/":
                value = self.guard(node, lambda: a / b, (left, right))
                if not right.shares:
                    return Tagged(value, {basis: share / b for basis, share in left.shares.items()})
            case "**":
                value = self.guard(node, lambda: decimals.power(a, b), (left, right))
        self.meet(node, "relates", (node.left, left), (node.right, right))
        return self.whole(node, value, left, right)

    def whole(self, node: Node, value: Decimal, *parts: Tagged) -> Tagged:
        """A value in which the shares cannot be told apart any more: one share, or none if no CO2e is left."""
        if not any(part.shares for part in parts) or node.unit is None or not power_of(CO2E, node.unit):
            return Tagged(value)
        bases = frozenset().union(*(part.bases for part in parts))
        if len(bases) > 1:
            self.record(node, bases)
            return Tagged(value, {MIXED: value})
        return Tagged(value, {next(iter(bases), ANY): value})

    def call(self, node: Call) -> Tagged:
        arguments = [self.tagged(a) for a in node.arguments]
        numbers = [_number(a) for a in arguments]
        match node.function:
            case "min" | "max":
                first, *rest = zip(node.arguments, arguments, strict=True)
                for other in rest:
                    self.meet(node, "compares", first, other)
                pick = min if node.function == "min" else max
                return arguments[pick(range(len(numbers)), key=numbers.__getitem__)]
            case "abs":
                sign = -1 if numbers[0] < 0 else 1
                return Tagged(abs(numbers[0]), {basis: sign * s for basis, s in arguments[0].shares.items()})
            case "round":
                value = decimals.round_half_even(*numbers)
                return Tagged(value, shares_of(value, arguments[0].shares))
        value = self.guard(node, lambda: DECLARED[node.function](numbers[0]), arguments)
        return self.whole(node, value, *arguments)

    def meet(self, node: Node, verb: str, one: tuple[Node, Tagged], other: tuple[Node, Tagged]) -> None:
        """Two terms that stand on one basis, or whose meeting a policy allows."""
        bases = one[1].bases | other[1].bases
        if len(bases) <= 1:
            return
        if not allowed(self.policy, bases):
            a, b = (f"`{show(part)}` on {self.named(part, tagged)}" for part, tagged in (one, other))
            raise Refused(
                "mixed_basis",
                f"`{show(node)}` {verb} {a} and {b}",
                "take factors on one basis, or name a policy in the context: disclose-unstated, disclose-mixed",
                self.place,
            )
        self.record(node, bases)

    def named(self, node: Node, tagged: Tagged) -> str:
        """The bases of a term, each with the names that bring it in."""
        out = []
        for basis in sorted(tagged.bases):
            names = {
                part.name
                for part in walk(node)
                if isinstance(part, Name)
                and isinstance(found := self.values.get(part.name), Tagged)
                and basis in found.shares
            }
            out.append(f"{basis} ({', '.join(sorted(names))})" if names else basis)
        return " and ".join(out)

    def record(self, node: Node, bases: frozenset[str]) -> None:
        mixing = Mixing(self.place, show(node), tuple(sorted(bases)))
        if mixing not in self.mixings:
            self.mixings.append(mixing)

    def guard(self, node: Node, compute: Callable[[], Decimal], operands: Sequence[Tagged] = ()) -> Decimal:
        """The value, or the arithmetic error with the sub-expression in which it happened."""
        try:
            return compute()
        except (DecimalException, decimals.DecimalError, CalculationError) as error:
            with_values = ", ".join(shown(_number(operand)) for operand in operands)
            what = f"`{show(node)}`" + (f" with {with_values}" if with_values else "")
            kind = cast(Code, kind_of(error))
            raise Refused(kind, f"{_SENTENCES[kind]} in {what}", _MENDS[kind], self.place) from None


_SENTENCES = {
    "division_by_zero": "division by zero",
    "domain": "no value is defined",
    "overflow": "the result is too large",
}
_MENDS = {
    "division_by_zero": "give a value that is not zero",
    "domain": "give values for which it is defined",
    "overflow": "check the size and the units of the inputs",
}


def shares_of(value: Decimal, shares: Shares) -> dict[str, Decimal]:
    """Shares that add up to a value that was rounded: the largest takes the difference."""
    if not shares:
        return {}
    largest = max(sorted(shares), key=lambda basis: abs(shares[basis]))
    others = sum((share for basis, share in shares.items() if basis != largest), Decimal(0))
    return {**shares, largest: value - others}


def _number(tagged: Tagged) -> Decimal:
    value = tagged.value
    assert isinstance(value, (Decimal, int)), f"{value!r} is no number"
    assert not isinstance(value, bool)
    return Decimal(value)


def _added(left: Shares, right: Shares) -> dict[str, Decimal]:
    return {basis: left.get(basis, Decimal(0)) + right.get(basis, Decimal(0)) for basis in {**left, **right}}


def _is_one(number: Decimal, unit: str) -> bool:
    from greenlang import units

    factor, _ = units.conversion(unit, "kgCO2e/kgCO2")
    return number * factor == 1
