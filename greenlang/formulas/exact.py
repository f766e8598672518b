"""The exact back-end: a checked tree -> a Python function that rounds once, at the declared output.

``+ - * /``, powers with a written whole exponent, ``round``, ``min``, ``max``, ``abs``, ``sum``, look-ups, comparisons
and conversions are computed on whole numbers (numerator and denominator), so nothing is rounded before the output; the
answer does not depend on the order of operations. sqrt, exp, ln, log10 and other powers are *declared functions*: they
take and give 34 significant digits, half-even (``greenlang_sdk.decimals``).

A conversion factor that was rounded to 34 digits (1 kWh in mmBtu) stands for the fraction that
`greenlang.formulas.conversion` finds. `greenlang.formulas.sql` computes the same in DuckDB. ``evaluate`` is the
34-digit reference of generated agents: it differs only where 34 digits do not tell on which side of a tie a value
lies.

Belongs here: the meaning of exactness, shared by one-off calculation, batch fall-back and agreement tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from fractions import Fraction

from greenlang_sdk import decimals

from greenlang.errors import CalculationError
from greenlang.formulas.conversion import ratio
from greenlang.formulas.evaluate import DECLARED, LookupMiss, Rows, Tables, Value, compare, no_answer, table_value
from greenlang.formulas.show import show
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Logic,
    Lookup,
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

DIGITS = 38  # of an output, before and after the point together: what DECIMAL(38, s) holds
MAX_POWER = 64  # written whole exponents up to here are multiplied out
_MAX_BITS = 40_000
_REDUCE_BITS = 2_000

Pair = tuple[int, int]  # numerator, denominator; the denominator is above zero
Given = Mapping[str, Value | Rows | None]
Number_ = Callable[[Given], Pair]
Any_ = Callable[[Given], "Pair | str | bool"]


def declared_functions(node: Node) -> tuple[str, ...]:
    """The declared functions that a tree uses, sorted; without any, its answer is exact."""
    found = {n.function for n in walk(node) if isinstance(n, Call) and n.function in DECLARED}
    found |= {"power" for n in walk(node) if isinstance(n, Arithmetic) and n.op == "**" and whole_exponent(n) is None}
    return tuple(sorted(found))


def whole_exponent(node: Arithmetic) -> int | None:
    """The exponent, if it is a written whole number that is multiplied out."""
    right, sign = node.right, 1
    if isinstance(right, Negate):
        right, sign = right.operand, -1
    if isinstance(right, Number) and right.value == right.value.to_integral_value() and abs(right.value) <= MAX_POWER:
        return sign * int(right.value)
    return None


def answer(node: Node, given: Given, tables: Tables | None = None, *, decimals: int) -> Decimal:
    """The value of a checked tree, rounded half-even once, with ``decimals`` digits after the point.

    Raises CalculationError; its ``kind`` is division_by_zero, domain, overflow or missing.
    """
    return rounded(program(node, tables)(given), decimals)


def rounded(pair: Pair | str | bool, decimals: int) -> Decimal:
    """A fraction as the Decimal of an output. Raises CalculationError (overflow) beyond 38 digits."""
    assert isinstance(pair, tuple), f"{pair!r} is no number"
    whole = divide_half_even(pair[0] * 10**decimals, pair[1])
    if abs(whole) >= 10**DIGITS:
        raise CalculationError(f"the result has more than {DIGITS} digits", kind="overflow")
    return Decimal(whole).scaleb(-decimals, _WIDE)


def divide_half_even(numerator: int, denominator: int) -> int:
    """The nearest whole number; the even one of two."""
    quotient, rest = divmod(abs(numerator), denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient & 1):
        quotient += 1
    return -quotient if numerator < 0 else quotient


_WIDE = decimals.CONTEXT.copy()
_WIDE.prec = DIGITS + 2
_ONE: Pair = (1, 1)


def program(node: Node, tables: Tables | None = None) -> Any_:
    """A function from what is given to the value of the tree: a fraction, a text or a truth value."""
    return _Compiler(tables or {}).any(node)


class _Compiler:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def number(self, node: Node) -> Number_:
        compiled = self.any(node)

        def run(given: Given) -> Pair:
            value = compiled(given)
            assert isinstance(value, tuple), f"{show(node)} is {value!r}"
            return value

        return compiled if node.type == "number" else run  # type: ignore[return-value]

    def any(self, node: Node) -> Any_:
        match node:
            case Number(value=value):
                constant = _pair(Fraction(value))
                return lambda _: constant
            case Text(value=text):
                return lambda _: text
            case Truth(value=truth):
                return lambda _: truth
            case Name(name=name):
                return lambda given: _named(given, name)
            case Lookup():
                return self.lookup(node)
            case TableCall():
                return self.table(node)
            case Sum():
                return self.sum(node)
            case Convert(operand=operand, factor=factor, shift=shift):
                return self.linear(operand, ratio(factor), ratio(shift) if shift else Fraction(0))
            case Negate(operand=operand):
                return self.linear(operand, Fraction(-1), Fraction(0))
            case Arithmetic(op="**"):
                return self.power(node)
            case Arithmetic():
                return self.arithmetic(node)
            case Compare():
                return self.compare(node)
            case Logic(op=op, left=left, right=right):
                a, b = self.any(left), self.any(right)
                return (lambda given: a(given) and b(given)) if op == "and" else (lambda given: a(given) or b(given))
            case Not(operand=operand):
                inner = self.any(operand)
                return lambda given: not inner(given)
            case Call():
                return self.call(node)
            case If(condition=condition, then=then, otherwise=otherwise):
                test, yes, no = self.any(condition), self.any(then), self.any(otherwise)
                return lambda given: yes(given) if test(given) else no(given)
        raise TypeError(f"no value for a {type(node).__name__}")

    def lookup(self, node: Lookup) -> Any_:
        rows = self.tables.get(node.table)
        if rows is None:
            return lambda given: _named(given, node.table)
        pairs = {key: _pair(Fraction(value)) for key, value in rows.items()}

        def run(given: Given) -> Pair:
            key = tuple(str(_present(given, name)) for name in node.inputs)
            if key not in pairs:
                raise LookupMiss(f"`{node.table}` has no row for {', '.join(key)}", kind="missing")
            return pairs[key]

        return run

    def table(self, node: TableCall) -> Any_:
        keys = [self.any(value) for _, value in node.select]

        def run(given: Given) -> Pair:
            return _pair(Fraction(table_value(node, tuple(str(key(given)) for key in keys))))

        return run

    def sum(self, node: Sum) -> Any_:
        body, table = self.number(node.body), node.table

        def run(given: Given) -> Pair:
            rows = given.get(table)
            if rows is None or isinstance(rows, (Decimal, int, str)):
                raise CalculationError(f"`{table}` is not given", kind="missing")
            n, d = 0, 1
            for row in rows:
                a, b = body({**given, **{f"{table}.{column}": value for column, value in row.items()}})
                n, d = (n + a, d) if b == d else (n * b + a * d, d * b)
            return _fit(n, d, node)

        return run

    def linear(self, operand: Node, factor: Fraction, shift: Fraction) -> Any_:
        inner = self.number(operand)
        p, q, s, t = *_pair(factor), *_pair(shift)
        if s:
            p, q, s = p * t, q * t, s * q

        def run(given: Given) -> Pair:
            n, d = inner(given)
            return n * p + s * d, d * q

        return run

    def arithmetic(self, node: Arithmetic) -> Any_:
        left, right, op = self.number(node.left), self.number(node.right), node.op

        def add(given: Given) -> Pair:
            (a, b), (c, d) = left(given), right(given)
            return (a + c, b) if b == d else _fit(a * d + c * b, b * d, node)

        def subtract(given: Given) -> Pair:
            (a, b), (c, d) = left(given), right(given)
            return (a - c, b) if b == d else _fit(a * d - c * b, b * d, node)

        def multiply(given: Given) -> Pair:
            (a, b), (c, d) = left(given), right(given)
            return _fit(a * c, b * d, node)

        def divide(given: Given) -> Pair:
            (a, b), (c, d) = left(given), right(given)
            if not c:
                raise CalculationError(f"division by zero in `{show(node)}`", kind="division_by_zero")
            return _fit(a * d, b * c, node) if c > 0 else _fit(-a * d, -b * c, node)

        return {"+": add, "-": subtract, "*": multiply, "/": divide}[op]

    def power(self, node: Arithmetic) -> Any_:
        base, exponent = self.number(node.left), whole_exponent(node)
        if exponent is None:
            right = self.number(node.right)
            return lambda given: _declare(node, decimals.power, base(given), right(given))

        def run(given: Given) -> Pair:
            n, d = base(given)
            if exponent <= 0:
                if not n:
                    raise CalculationError(f"zero to the power of zero or less in `{show(node)}`", kind="domain")
                n, d = (d, n) if n > 0 else (-d, -n)
            return _fit(n ** abs(exponent), d ** abs(exponent), node)

        return run

    def compare(self, node: Compare) -> Any_:
        left, right, op = self.any(node.left), self.any(node.right), node.op

        def run(given: Given) -> bool:
            a, b = left(given), right(given)
            if isinstance(a, tuple) and isinstance(b, tuple):
                return compare(op, a[0] * b[1], b[0] * a[1])
            assert not isinstance(a, tuple)
            assert not isinstance(b, tuple)
            return compare(op, a, b)

        return run

    def call(self, node: Call) -> Any_:
        parts = [self.number(a) for a in node.arguments]
        if node.function in DECLARED:
            function, first = DECLARED[node.function], parts[0]
            return lambda given: _declare(node, function, first(given))
        if node.function == "abs":
            return lambda given: _absolute(parts[0](given))
        if node.function == "round":
            assert isinstance(node.arguments[1], Number)
            scale = _pair(Fraction(10) ** int(node.arguments[1].value))

            def run(given: Given) -> Pair:
                n, d = parts[0](given)
                return divide_half_even(n * scale[0], d * scale[1]) * scale[1], scale[0]

            return run
        best = -1 if node.function == "min" else 1

        def extreme(given: Given) -> Pair:
            chosen, *rest = (part(given) for part in parts)
            for other in rest:
                if best * (other[0] * chosen[1] - chosen[0] * other[1]) > 0:
                    chosen = other
            return chosen

        return extreme


def _pair(value: Fraction) -> Pair:
    return value.numerator, value.denominator


def _absolute(pair: Pair) -> Pair:
    return abs(pair[0]), pair[1]


def _fit(n: int, d: int, node: Node) -> Pair:
    """A fraction, reduced where it has grown long. Raises CalculationError for one that grows without end."""
    if d.bit_length() > _REDUCE_BITS:
        n, d = _pair(Fraction(n, d))
    if n.bit_length() + d.bit_length() > _MAX_BITS:
        raise CalculationError(f"the result is too large in `{show(node)}`", kind="overflow")
    return n, d


def _present(given: Given, name: str) -> Value:
    value = given.get(name)
    if value is None:
        raise CalculationError(f"`{name}` is not given", kind="missing")
    assert isinstance(value, (Decimal, int, str)), f"{name} is a table"
    return value


def _named(given: Given, name: str) -> Pair | str | bool:
    value = _present(given, name)
    if isinstance(value, (str, bool)):
        return value
    return (value, 1) if isinstance(value, int) else value.as_integer_ratio()


def _declare(node: Node, function: Callable[..., Decimal], *arguments: Pair) -> Pair:
    """A declared function: 34 digits in, 34 digits out."""
    context = decimals.CONTEXT
    try:
        result = function(*(context.divide(Decimal(n), Decimal(d)) for n, d in arguments))
    except (DecimalException, decimals.DecimalError) as error:
        raise no_answer(error, node) from error
    n, d = result.as_integer_ratio()
    return _fit(n, d, node)
