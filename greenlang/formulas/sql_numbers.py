"""Numbers of the SQL back-end: exact fractions over columns, as DuckDB expressions on DECIMAL and HUGEINT.

A value is ``c * n / d``: ``c`` a fraction known when compiling (literals, conversions and the scales of columns go
there and cost no digits), ``n`` and ``d`` whole numbers of the row. Beside it stands, where there is no ``d``, the same
value as ``k * dec`` with a DECIMAL expression, which is faster. Widths are known beforehand; what may not fit into 38
digits is marked ``risky`` and becomes an error of DuckDB, never a wrong digit.

Belongs here: the algebra of such values. Does not belong here: trees, statuses (``sql``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

MAX_INTEGER = 2**127 - 1
WIDTH = 38  # digits of a DECIMAL
NARROW = 18  # digits that DuckDB holds in 64 bits


@dataclass(frozen=True, slots=True)
class Term:
    """A whole number of the row: a HUGEINT expression, and the largest size it can have."""

    sql: str
    bound: int
    risky: bool = False


@dataclass(frozen=True, slots=True)
class Dec:
    """A DECIMAL(precision, scale) expression."""

    sql: str
    precision: int
    scale: int
    risky: bool = False

    @property
    def whole(self) -> int:
        """Digits before the point."""
        return self.precision - self.scale


@dataclass(frozen=True, slots=True)
class Value:
    """``c * n / d``, and ``k * dec`` if that is possible. No ``n``: one. ``strict``: NULL if any part is NULL."""

    c: Fraction
    n: Term | None = None
    d: Term | None = None
    k: Fraction = Fraction(1)
    dec: Dec | None = None
    strict: bool = True

    @property
    def constant(self) -> Fraction | None:
        """The value, if no row has a say in it."""
        return self.c if self.n is None and self.d is None else None


def constant(value: Fraction) -> Value:
    """A value that is the same in every row."""
    return Value(value)


def column(sql: str, precision: int, scale: int) -> Value:
    """A DECIMAL column."""
    dec = Dec(f"CAST({sql} AS DECIMAL({precision},{scale}))", precision, scale)
    return Value(Fraction(1, 10**scale), whole(dec), None, Fraction(1), dec)


def whole(dec: Dec) -> Term:
    """A DECIMAL without its point: 12.50 as 1250."""
    bound = 10**dec.precision - 1
    if not dec.scale:
        return Term(f"CAST({dec.sql} AS HUGEINT)", bound, dec.risky)
    ten = Dec(f"CAST({10**dec.scale} AS DECIMAL({dec.scale + 1},0))", dec.scale + 1, 0)
    product = dec_times(dec, ten)
    assert product is not None  # its scale is that of ``dec``
    return Term(f"CAST({product.sql} AS HUGEINT)", bound, dec.risky or dec.precision + dec.scale > WIDTH)


def literal(value: Fraction) -> Dec | None:
    """A constant as DECIMAL, if it has an end and fits."""
    scale = terminating(value)
    if scale is None or scale > WIDTH:
        return None
    digits = abs(value.numerator * 10**scale // value.denominator)
    precision = max(len(str(digits)), scale, 1)
    if precision > WIDTH:
        return None
    text = f"{Decimal(digits).scaleb(-scale):f}"
    return Dec(f"CAST('{'-' if value < 0 else ''}{text}' AS DECIMAL({precision},{scale}))", precision, scale)


def terminating(value: Fraction) -> int | None:
    """How many digits after the point a fraction needs; None if they never end."""
    d, twos, fives = value.denominator, 0, 0
    while d % 2 == 0:
        d, twos = d // 2, twos + 1
    while d % 5 == 0:
        d, fives = d // 5, fives + 1
    return max(twos, fives) if d == 1 else None


def times(a: Term | None, b: Term | None) -> Term | None:
    """A product; None is one."""
    if a is None or b is None:
        return a or b
    bound = a.bound * b.bound
    return Term(f"({a.sql} * {b.sql})", bound, a.risky or b.risky or bound > MAX_INTEGER)


def scaled(a: Term | None, factor: int) -> Term:
    """A term times a whole constant."""
    if a is None:
        return Term(f"{factor}::HUGEINT", abs(factor), abs(factor) > MAX_INTEGER)
    if factor == 1:
        return a
    bound = a.bound * abs(factor)
    return Term(f"({a.sql} * {factor}::HUGEINT)", bound, a.risky or bound > MAX_INTEGER)


def plus(a: Term, b: Term) -> Term:
    """A sum."""
    bound = a.bound + b.bound
    return Term(f"({a.sql} + {b.sql})", bound, a.risky or b.risky or bound > MAX_INTEGER)


def common(a: Fraction, b: Fraction) -> Fraction:
    """The largest fraction above zero of which both are whole multiples."""
    if not a or not b:
        return abs(a or b) or Fraction(1)
    bottom = math.lcm(a.denominator, b.denominator)
    return Fraction(math.gcd(int(a * bottom), int(b * bottom)), bottom)


def dec_times(a: Dec, b: Dec) -> Dec | None:
    """A product; beyond 38 digits its width is checked in each row.

    DuckDB gives the product of two types of up to 18 digits 18 digits again where its scale is below 18, though it may
    need 36: one side is widened first.
    """
    scale, precision = a.scale + b.scale, a.precision + b.precision
    if scale > WIDTH:
        return None
    if precision > WIDTH:
        return Dec(f"({_wide(a, WIDTH)} * {_wide(b, WIDTH)})", WIDTH, scale, risky=True)
    if precision > NARROW and max(a.precision, b.precision) <= NARROW and scale < NARROW:
        return Dec(f"({_wide(a, NARROW + 1)} * {b.sql})", NARROW + 1 + b.precision, scale, a.risky or b.risky)
    return Dec(f"({a.sql} * {b.sql})", precision, scale, a.risky or b.risky)


def _wide(a: Dec, precision: int) -> str:
    return f"CAST({a.sql} AS DECIMAL({precision},{a.scale}))"


def dec_scaled(a: Dec, factor: Fraction) -> Dec | None:
    """A DECIMAL times a constant that has an end."""
    if factor == 1:
        return a
    if factor == -1:
        return replace(a, sql=f"(-{a.sql})")
    by = literal(factor)
    return None if by is None else dec_times(a, by)


def aligned(decs: list[Dec]) -> list[Dec] | None:
    """The same values in one DECIMAL type."""
    scale, before = max(d.scale for d in decs), max(d.whole for d in decs)
    precision = min(before + scale, WIDTH)
    out = []
    for d in decs:
        sql = (
            d.sql if (d.precision, d.scale) == (precision, scale) else f"CAST({d.sql} AS DECIMAL({precision},{scale}))"
        )
        out.append(Dec(sql, precision, scale, d.risky or before + scale > WIDTH))
    return out if scale <= WIDTH else None


def alike(values: list[Value]) -> tuple[Fraction, list[Dec]] | None:
    """Every value as ``k`` times a DECIMAL of one type, with one ``k``; None if one of them cannot."""
    rows = [v for v in values if v.dec is not None]
    if not rows or any(v.dec is None and v.constant is None for v in values):
        return None
    k = rows[0].k
    if not k:
        return None
    out: list[Dec] = []
    for v in values:
        part = literal(v.c / k) if v.dec is None else dec_scaled(v.dec, v.k / k)
        if part is None:
            return None
        out.append(part)
    types = aligned(out)
    return None if types is None else (k, types)


def multiply(a: Value, b: Value) -> Value:
    """``a * b``."""
    if a.constant == 0 or b.constant == 0:
        return Value(Fraction(0), strict=False)
    dec, k = None, a.k * b.k
    if a.constant is not None or b.constant is not None:
        k = (a.k if a.constant is None else a.c) * (b.k if b.constant is None else b.c)
        dec = a.dec or b.dec
    elif a.dec is not None and b.dec is not None:
        dec = dec_times(a.dec, b.dec)
    return Value(a.c * b.c, times(a.n, b.n), times(a.d, b.d), k, dec, a.strict and b.strict)


def divide(a: Value, b: Value) -> Value:
    """``a / b`` where ``b`` is not zero."""
    if b.constant is not None:
        return multiply(a, constant(1 / b.constant))
    return Value(a.c / b.c, times(a.n, b.d), times(a.d, b.n), strict=a.strict and b.strict)


def add(a: Value, b: Value) -> Value:
    """``a + b``."""
    if a.constant is not None and b.constant is not None:
        return constant(a.constant + b.constant)
    if a.constant == 0 or b.constant == 0:
        kept = b if a.constant == 0 else a
        return replace(kept, strict=a.strict and b.strict)
    dec, k = None, Fraction(1)
    if found := alike([a, b]):
        k, (x, y) = found
        if x.precision < WIDTH:
            dec = Dec(f"({x.sql} + {y.sql})", x.precision + 1, x.scale, x.risky or y.risky)
        else:
            dec = Dec(f"({x.sql} + {y.sql})", WIDTH, x.scale, risky=True)
    c, one, other, d = together(a, b)
    return Value(c, plus(one, other), d, k, dec, a.strict and b.strict)


def together(a: Value, b: Value) -> tuple[Fraction, Term, Term, Term | None]:
    """``(c, n1, n2, d)`` with a = c * n1 / d and b = c * n2 / d."""
    c = common(a.c, b.c)
    n1, n2 = a.n, b.n
    if (a.d and a.d.sql) == (b.d and b.d.sql):
        d = a.d
    else:
        n1, n2, d = times(n1, b.d), times(n2, a.d), times(a.d, b.d)
    return c, scaled(n1, int(a.c / c)), scaled(n2, int(b.c / c)), d


def absolute(a: Value) -> Value:
    """``abs(a)``."""
    n = None if a.n is None else replace(a.n, sql=f"abs({a.n.sql})")
    d = None if a.d is None else replace(a.d, sql=f"abs({a.d.sql})")
    dec = None if a.dec is None else replace(a.dec, sql=f"abs({a.dec.sql})")
    return Value(abs(a.c), n, d, abs(a.k), dec, a.strict)


def choose(condition: Condition, a: Value, b: Value) -> Value:
    """``a`` in the rows where the condition holds, else ``b``."""
    test, risky = condition.sql, condition.risky
    dec, k = None, Fraction(1)
    if found := alike([a, b]):
        k, (x, y) = found
        case = f"CASE WHEN {test} THEN {x.sql} ELSE {y.sql} END"
        dec = Dec(case, x.precision, x.scale, x.risky or y.risky or risky)
    c = common(a.c, b.c)
    n = _case(condition, scaled(a.n, int(a.c / c)), scaled(b.n, int(b.c / c)))
    d = None if a.d is None and b.d is None else _case(condition, scaled(a.d, 1), scaled(b.d, 1))
    return Value(c, n, d, k, dec, strict=False)


def _case(condition: Condition, a: Term, b: Term) -> Term:
    sql = f"CASE WHEN {condition.sql} THEN {a.sql} ELSE {b.sql} END"
    return Term(sql, max(a.bound, b.bound), a.risky or b.risky or condition.risky)


@dataclass(frozen=True, slots=True)
class Condition:
    """A BOOLEAN expression, and whether computing it may not fit into 38 digits."""

    sql: str
    risky: bool = False


_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}


def compare(op: str, a: Value, b: Value) -> Condition:
    """``a op b`` with a sign of SQL."""
    if found := alike([a, b]):
        k, (x, y) = found
        return Condition(f"({x.sql} {op if k > 0 else _FLIPPED[op]} {y.sql})", x.risky or y.risky)
    _, one, other, d = together(a, b)
    risky = one.risky or other.risky
    if d is None or op in {"=", "<>"}:
        return Condition(f"({one.sql} {op} {other.sql})", risky)
    flipped = f"({one.sql} {_FLIPPED[op]} {other.sql})"
    return Condition(f"CASE WHEN {d.sql} < 0 THEN {flipped} ELSE ({one.sql} {op} {other.sql}) END", risky or d.risky)


def total(table: str, row: str, a: Value) -> Value:
    """The sum of ``a`` over the rows of a list column; ``a`` has no denominator of the row."""
    assert a.d is None
    each = scaled(a.n, 1)
    n = Term(f"coalesce(list_sum(list_transform({table}, lambda {row}: {each.sql})), 0::HUGEINT)", MAX_INTEGER, True)
    if a.dec is None:
        return Value(a.c, n, None, strict=False)
    kind = f"DECIMAL({WIDTH},{a.dec.scale})"
    sum_ = f"list_sum(list_transform({table}, lambda {row}: CAST({a.dec.sql} AS {kind})))"
    return Value(a.c, n, None, a.k, Dec(f"coalesce({sum_}, CAST(0 AS {kind}))", WIDTH, a.dec.scale, True), strict=False)


def extreme(function: str, a: Value, b: Value) -> Value:
    """``least`` or ``greatest`` of two."""
    if found := alike([a, b]):
        k, (x, y) = found
        other = {"least": "greatest", "greatest": "least"}
        dec = Dec(
            f"{function if k > 0 else other[function]}({x.sql}, {y.sql})", x.precision, x.scale, x.risky or y.risky
        )
        c, one, two, _ = together(a, b)
        n = Term(f"{function}({one.sql}, {two.sql})", max(one.bound, two.bound), one.risky or two.risky)
        return Value(c, n, None, k, dec, strict=False)
    if a.d is None and b.d is None:
        c, one, two, _ = together(a, b)
        n = Term(f"{function}({one.sql}, {two.sql})", max(one.bound, two.bound), one.risky or two.risky)
        return Value(c, n, None, strict=False)
    return choose(compare("<=" if function == "least" else ">=", a, b), a, b)


def is_zero(a: Value) -> Condition:
    """``a = 0``; a constant is none here."""
    if a.dec is not None and a.k:
        return Condition(f"({a.dec.sql} = 0)", a.dec.risky)
    assert a.n is not None
    return Condition(f"({a.n.sql} = 0)", a.n.risky)


def nearest(a: Value, digits: int) -> Term:
    """``a`` rounded half-even to ``digits`` after the point, as the whole number of its last digit.

    A list of one element and a lambda give a value a name, so that it is computed once even inside CASE.
    """
    factor = a.c * Fraction(10) ** digits
    n, d = scaled(a.n, factor.numerator), a.d if factor.denominator == 1 else scaled(a.d, factor.denominator)
    if d is None:
        return n
    bound = n.bound + 1
    risky = n.risky or d.risky or 2 * max(d.bound, 1) > MAX_INTEGER
    fixed = a.d is None
    m, sign = (d.sql, "") if fixed else ("gl_m", " * sign(gl_m)")
    sized = m if fixed else "abs(gl_m)"
    half = f"(2 * abs(gl_n - gl_q * {m}) - {sized} + abs(gl_q) % 2 > 0)"
    bottom = m if fixed else "nullif(gl_m, 0)"
    inner = f"list_transform([gl_n // {bottom}], lambda gl_q: gl_q + CAST({half} AS TINYINT) * sign(gl_n){sign})[1]"
    outer = inner if fixed else f"list_transform([{d.sql}], lambda gl_m: {inner})[1]"
    return Term(f"list_transform([{n.sql}], lambda gl_n: {outer})[1]", bound, risky)


def rounded(a: Value, digits: int) -> Value:
    """``round(a, digits)`` inside an expression."""
    if a.constant is not None:
        from greenlang.formulas.exact import divide_half_even

        scale = Fraction(10) ** digits
        shifted = a.constant * scale
        return constant(divide_half_even(shifted.numerator, shifted.denominator) / scale)
    term = nearest(a, digits)
    return Value(1 / Fraction(10) ** digits, term, None, strict=a.strict)


def output(a: Value, decimals: int) -> tuple[str, bool]:
    """``a`` as DECIMAL(38, decimals), rounded half-even, and whether that is risky."""
    target = f"DECIMAL({WIDTH},{decimals})"
    if a.dec is not None and (dec := dec_scaled(a.dec, a.k)) is not None:
        sql = dec.sql if dec.scale <= decimals else f"round_even({dec.sql}, {decimals})"
        return f"CAST({sql} AS {target})", dec.risky or dec.whole + 1 > WIDTH - decimals
    term = nearest(a, decimals)
    whole_number = f"CAST({term.sql} AS DECIMAL({WIDTH},0))"
    risky = term.risky or term.bound >= 10**WIDTH
    if not decimals:
        return whole_number, risky
    unit = f"CAST('{Decimal(1).scaleb(-decimals):f}' AS DECIMAL({decimals},{decimals}))"
    return f"CAST({whole_number} * {unit} AS {target})", risky
