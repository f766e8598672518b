"""Numbers of the SQL back-end: exact fractions over columns, as DuckDB expressions on DECIMAL and HUGEINT.

A value is ``c * n / d``: ``c`` a fraction known when compiling (literals, conversions and the scales of columns go
there and cost no digits), ``n`` and ``d`` whole numbers of the row. Beside it stands, where there is no ``d``, the same
value as ``k * dec`` with a DECIMAL expression, which is faster.

Widths are known beforehand from the types of the columns. What may not fit into 38 digits is ``risky``; then the digits
that the row's own values have (``digits``, an SQL expression) are added up first, and only rows in which all steps fit
are computed. ``guards`` lists what must be 38 at most.

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

Digits = int | str  # a number of digits: known, or an SQL expression
Guards = frozenset[str]
_NONE: Guards = frozenset()


@dataclass(frozen=True, slots=True)
class Term:
    """A whole number of the row: a HUGEINT expression, and the largest size it can have."""

    sql: str
    bound: int
    digits: Digits
    guards: Guards = _NONE  # of steps whose digits are not part of ``digits``

    @property
    def needs(self) -> Guards:
        """What must be 38 at most so that the term can be computed."""
        return self.guards | _guard(self.digits) if self.bound > MAX_INTEGER else self.guards


@dataclass(frozen=True, slots=True)
class Dec:
    """A DECIMAL(precision, scale) expression. ``risky``: its steps are only known to fit if ``digits`` are 38."""

    sql: str
    precision: int
    scale: int
    digits: Digits
    risky: bool = False
    guards: Guards = _NONE

    @property
    def whole(self) -> int:
        """Digits before the point."""
        return self.precision - self.scale

    @property
    def needs(self) -> Guards:
        """What must be 38 at most so that the expression can be computed."""
        return self.guards | _guard(self.digits) if self.risky else self.guards


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


@dataclass(frozen=True, slots=True)
class Condition:
    """A BOOLEAN expression, and what must be 38 digits at most so that it can be computed."""

    sql: str
    needs: Guards = _NONE


# --- digits ---------------------------------------------------------------------------------------------------------


def _guard(digits: Digits) -> Guards:
    return frozenset({str(digits)})


def _sum(a: Digits, b: Digits) -> Digits:
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if a == 0 or b == 0:
        return b if a == 0 else a
    return f"{a} + {b}"


def _largest(a: Digits, b: Digits) -> Digits:
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    return a if a == b else f"greatest({a}, {b})"


def _length(number: int) -> int:
    """Digits of a whole constant; multiplying by a power of ten adds one less than it has."""
    text = str(abs(number))
    return len(text) - (text.strip("0") == "1")


def counted(dec: Dec) -> str:
    """How many digits the value of a row has, as SQL; at least one."""
    plain = f"CAST(abs({dec.sql}) AS VARCHAR)"
    return f"greatest(length(ltrim(replace({plain}, '.', ''), '0')), 1)"


# --- columns and constants ------------------------------------------------------------------------------------------


def constant(value: Fraction) -> Value:
    """A value that is the same in every row."""
    return Value(value)


def column(sql: str, precision: int, scale: int, digits: Digits | None = None) -> Value:
    """A DECIMAL column. ``digits`` tells how many a row's value has."""
    known = precision if digits is None else digits
    dec = Dec(f"CAST({sql} AS DECIMAL({precision},{scale}))", precision, scale, known)
    return Value(Fraction(1, 10**scale), whole(dec), None, Fraction(1), dec)


def whole(dec: Dec) -> Term:
    """A DECIMAL without its point: 12.50 as 1250."""
    bound = 10**dec.precision - 1
    if not dec.scale:
        return Term(f"CAST({dec.sql} AS HUGEINT)", bound, dec.digits, dec.needs)
    ten = Dec(f"CAST({10**dec.scale} AS DECIMAL({dec.scale + 1},0))", dec.scale + 1, 0, dec.scale)
    product = dec_times(dec, ten)
    assert product is not None  # its scale is that of ``dec``
    needs = dec.needs | _guard(product.digits) if dec.precision + dec.scale > WIDTH else dec.needs
    return Term(f"CAST({product.sql} AS HUGEINT)", bound, dec.digits, needs)


def literal(value: Fraction) -> Dec | None:
    """A constant as DECIMAL, if it has an end and fits."""
    scale = terminating(value)
    if scale is None or scale > WIDTH:
        return None
    number = abs(value.numerator * 10**scale // value.denominator)
    precision = max(len(str(number)), scale, 1)
    if precision > WIDTH:
        return None
    text = f"{'-' if value < 0 else ''}{Decimal(number).scaleb(-scale):f}"
    return Dec(f"CAST('{text}' AS DECIMAL({precision},{scale}))", precision, scale, _length(number))


def terminating(value: Fraction) -> int | None:
    """How many digits after the point a fraction needs; None if they never end."""
    d, twos, fives = value.denominator, 0, 0
    while d % 2 == 0:
        d, twos = d // 2, twos + 1
    while d % 5 == 0:
        d, fives = d // 5, fives + 1
    return max(twos, fives) if d == 1 else None


# --- whole numbers --------------------------------------------------------------------------------------------------


def times(a: Term | None, b: Term | None) -> Term | None:
    """A product; None is one."""
    if a is None or b is None:
        return a or b
    return Term(f"({a.sql} * {b.sql})", a.bound * b.bound, _sum(a.digits, b.digits), a.guards | b.guards)


def scaled(a: Term | None, factor: int) -> Term:
    """A term times a whole constant."""
    if a is None:
        return Term(f"{factor}::HUGEINT", abs(factor), len(str(abs(factor))))
    if factor == 1:
        return a
    return Term(f"({a.sql} * {factor}::HUGEINT)", a.bound * abs(factor), _sum(a.digits, _length(factor)), a.guards)


def plus(a: Term, b: Term) -> Term:
    """A sum."""
    digits = _sum(_largest(a.digits, b.digits), 1)
    return Term(f"({a.sql} + {b.sql})", a.bound + b.bound, digits, a.guards | b.guards)


def common(a: Fraction, b: Fraction) -> Fraction:
    """The largest fraction above zero of which both are whole multiples."""
    if not a or not b:
        return abs(a or b) or Fraction(1)
    bottom = math.lcm(a.denominator, b.denominator)
    return Fraction(math.gcd(int(a * bottom), int(b * bottom)), bottom)


# --- decimals -------------------------------------------------------------------------------------------------------


def dec_times(a: Dec, b: Dec) -> Dec | None:
    """A product; beyond 38 digits its width is that of the row.

    DuckDB gives the product of two types of up to 18 digits 18 digits again where its scale is below 18, though it may
    need 36: one side is widened first.
    """
    scale, precision = a.scale + b.scale, a.precision + b.precision
    digits, guards, risky = _sum(a.digits, b.digits), a.guards | b.guards, a.risky or b.risky
    if scale > WIDTH:
        return None
    if precision > WIDTH:
        return Dec(f"({_wide(a, WIDTH)} * {_wide(b, WIDTH)})", WIDTH, scale, digits, True, guards)
    if precision > NARROW and max(a.precision, b.precision) <= NARROW and scale < NARROW:
        sql = f"({_wide(a, NARROW + 1)} * {b.sql})"
        return Dec(sql, NARROW + 1 + b.precision, scale, digits, risky, guards)
    return Dec(f"({a.sql} * {b.sql})", precision, scale, digits, risky, guards)


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


def aligned(decs: list[Dec]) -> list[Dec]:
    """The same values in one DECIMAL type."""
    scale, before = max(d.scale for d in decs), max(d.whole for d in decs)
    precision = min(before + scale, WIDTH)
    out = []
    for d in decs:
        sql = (
            d.sql if (d.precision, d.scale) == (precision, scale) else f"CAST({d.sql} AS DECIMAL({precision},{scale}))"
        )
        risky = d.risky or before + scale > WIDTH
        out.append(Dec(sql, precision, scale, _sum(d.digits, scale - d.scale), risky, d.guards))
    return out


def alike(values: list[Value]) -> tuple[Fraction, list[Dec]] | None:
    """Every value as ``k`` times a DECIMAL of one type, with one ``k``; None if one of them cannot."""
    rows = [v for v in values if v.dec is not None]
    if not rows or any(v.dec is None and v.constant is None for v in values):
        return None
    k = rows[0].k
    out: list[Dec] = []
    for v in values:
        part = literal(v.c / k) if v.dec is None else dec_scaled(v.dec, v.k / k)
        if part is None:
            return None
        out.append(part)
    return k, aligned(out)


def _joined(sql: str, x: Dec, y: Dec) -> Dec:
    """An expression that is one or the other of two DECIMALs of one type."""
    return Dec(sql, x.precision, x.scale, _largest(x.digits, y.digits), x.risky or y.risky, x.guards | y.guards)


# --- values ---------------------------------------------------------------------------------------------------------


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
        return replace(b if a.constant == 0 else a, strict=a.strict and b.strict)
    dec, k = None, Fraction(1)
    if found := alike([a, b]):
        k, (x, y) = found
        dec = _joined(f"({x.sql} + {y.sql})", x, y)
        risky = dec.risky or x.precision == WIDTH
        dec = replace(dec, precision=min(x.precision + 1, WIDTH), digits=_sum(dec.digits, 1), risky=risky)
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
    dec, k = None, Fraction(1)
    if found := alike([a, b]):
        k, (x, y) = found
        dec = _joined(f"CASE WHEN {condition.sql} THEN {x.sql} ELSE {y.sql} END", x, y)
        dec = replace(dec, guards=dec.guards | condition.needs)
    c = common(a.c, b.c)
    n = _case(condition, scaled(a.n, int(a.c / c)), scaled(b.n, int(b.c / c)))
    d = None if a.d is None and b.d is None else _case(condition, scaled(a.d, 1), scaled(b.d, 1))
    return Value(c, n, d, k, dec, strict=False)


def _case(condition: Condition, a: Term, b: Term) -> Term:
    sql = f"CASE WHEN {condition.sql} THEN {a.sql} ELSE {b.sql} END"
    guards = a.guards | b.guards | condition.needs
    return Term(sql, max(a.bound, b.bound), _largest(a.digits, b.digits), guards)


_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}


def compare(op: str, a: Value, b: Value) -> Condition:
    """``a op b`` with a sign of SQL."""
    if a.constant is not None and b.constant is not None:
        return Condition(f"({_sign(a.constant - b.constant)} {op} 0)")
    if found := alike([a, b]):
        k, (x, y) = found
        return Condition(f"({x.sql} {op if k > 0 else _FLIPPED[op]} {y.sql})", x.needs | y.needs)
    _, one, other, d = together(a, b)
    needs = one.needs | other.needs
    if d is None or op in {"=", "<>"}:
        return Condition(f"({one.sql} {op} {other.sql})", needs)
    flipped = f"({one.sql} {_FLIPPED[op]} {other.sql})"
    return Condition(f"CASE WHEN {d.sql} < 0 THEN {flipped} ELSE ({one.sql} {op} {other.sql}) END", needs | d.needs)


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def extreme(function: str, a: Value, b: Value) -> Value:
    """``least`` or ``greatest`` of two."""
    if a.d is not None or b.d is not None:
        return choose(compare("<=" if function == "least" else ">=", a, b), a, b)
    dec, k = None, Fraction(1)
    if found := alike([a, b]):
        k, (x, y) = found
        mine = function if k > 0 else {"least": "greatest", "greatest": "least"}[function]
        dec = _joined(f"{mine}({x.sql}, {y.sql})", x, y)
    c, one, two, _ = together(a, b)
    digits = _largest(one.digits, two.digits)
    n = Term(f"{function}({one.sql}, {two.sql})", max(one.bound, two.bound), digits, one.guards | two.guards)
    return Value(c, n, None, k, dec, strict=False)


def total(table: str, row: str, a: Value, rows: Digits) -> Value:
    """The sum of ``a`` over the rows of a list column, whose number has ``rows`` digits; ``a`` has no denominator."""
    assert a.d is None
    if a.dec is not None:
        kind = f"DECIMAL({WIDTH},{a.dec.scale})"
        listed = f"list_sum(list_transform({table}, lambda {row}: CAST({a.dec.sql} AS {kind})))"
        whole_sum, digits = f"coalesce({listed}, CAST(0 AS {kind}))", _sum(a.dec.digits, rows)
        dec = Dec(whole_sum, WIDTH, a.dec.scale, digits, True, a.dec.needs)
        return Value(a.k / 10**dec.scale, whole(dec), None, a.k, dec, strict=False)
    each = scaled(a.n, 1)
    listed = f"coalesce(list_sum(list_transform({table}, lambda {row}: {each.sql})), 0::HUGEINT)"
    return Value(a.c, Term(listed, MAX_INTEGER + 1, _sum(each.digits, rows), each.needs), None, strict=False)


def is_zero(a: Value) -> Condition:
    """``a = 0``, for a value with a numerator of the row."""
    if a.dec is not None:
        return Condition(f"({a.dec.sql} = 0)", a.dec.needs)
    assert a.n is not None
    return Condition(f"({a.n.sql} = 0)", a.n.needs)


def nearest(a: Value, digits: int) -> Term:
    """``a`` rounded half-even to ``digits`` after the point, as the whole number of its last digit.

    A list of one element and a lambda give a value a name, so that it is computed once even inside CASE.
    """
    factor = a.c * Fraction(10) ** digits
    n, d = scaled(a.n, factor.numerator), a.d if factor.denominator == 1 else scaled(a.d, factor.denominator)
    if d is None:
        return n
    twice = scaled(d, 2)
    fixed = a.d is None
    m, sign = (d.sql, "") if fixed else ("gl_m", " * sign(gl_m)")
    sized = m if fixed else "abs(gl_m)"
    half = f"(2 * abs(gl_n - gl_q * {m}) - {sized} + abs(gl_q) % 2 > 0)"
    bottom = m if fixed else "nullif(gl_m, 0)"
    inner = f"list_transform([gl_n // {bottom}], lambda gl_q: gl_q + CAST({half} AS TINYINT) * sign(gl_n){sign})[1]"
    outer = inner if fixed else f"list_transform([{d.sql}], lambda gl_m: {inner})[1]"
    sql = f"list_transform([{n.sql}], lambda gl_n: {outer})[1]"
    return Term(sql, n.bound + 1, n.digits, n.needs | twice.needs)


def rounded(a: Value, digits: int) -> Value:
    """``round(a, digits)`` inside an expression."""
    return Value(1 / Fraction(10) ** digits, nearest(a, digits), None, strict=a.strict)


def output(a: Value, decimals: int) -> tuple[str, Guards]:
    """``a`` as DECIMAL(38, decimals), rounded half-even, and what must be 38 digits at most for that."""
    if a.dec is not None and (found := _output_dec(a.dec, a.k, decimals)) is not None:
        return found
    term = nearest(a, decimals)
    needs = term.needs | _guard(term.digits) if term.bound >= 10**WIDTH else term.needs
    whole_number = f"CAST({term.sql} AS DECIMAL({WIDTH},0))"
    if not decimals:
        return whole_number, needs
    unit = f"CAST('{Decimal(1).scaleb(-decimals):f}' AS DECIMAL({decimals},{decimals}))"
    return f"CAST({whole_number} * {unit} AS DECIMAL({WIDTH},{decimals}))", needs


def _output_dec(dec: Dec, k: Fraction, decimals: int) -> tuple[str, Guards] | None:
    """``k * dec`` as an output. A power of ten in ``k`` (kg to t) moves the digit that is rounded, and costs none."""
    shift = terminating(k)
    if shift is None or shift > decimals:
        return None
    found = dec_scaled(dec, k * 10**shift)
    if found is None:
        return None
    dec, place, target = found, decimals - shift, f"DECIMAL({WIDTH},{decimals})"
    fits = dec.whole + 1 + decimals <= WIDTH
    needs = dec.needs if fits else dec.needs | _guard(_sum(dec.digits, decimals - shift - dec.scale + 1))
    sql, scale = (f"round_even({dec.sql}, {place})", place) if dec.scale > place else (dec.sql, dec.scale)
    if shift:
        rounded_dec = Dec(f"CAST({sql} AS DECIMAL({min(dec.whole + 1 + scale, WIDTH)},{scale}))", 0, scale, 0)
        moved = dec_scaled(replace(rounded_dec, precision=min(dec.whole + 1 + scale, WIDTH)), Fraction(1, 10**shift))
        if moved is None:
            return None
        sql = moved.sql
    return f"CAST({sql} AS {target})", needs
