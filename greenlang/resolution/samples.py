"""Inputs to try plans on: representative values within the declared bounds, chosen by rule, never at random."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice, product
from typing import Any

from greenlang.resolution.plan import FactorLookup
from greenlang.specs.model import AgentSpec, Given, InputSpec, Rows, Scalar
from greenlang.specs.pattern_examples import example
from greenlang.specs.reader import violates

MAX_COMBINATIONS = 24
_LEAST, _MOST = Decimal(-(2**31)), Decimal(2**31 - 1)  # of an int32
_STEPS = (Decimal("0"), Decimal("1"), Decimal("10.5"), Decimal("1000"))
Inputs = dict[str, Given]


def numbers(item: InputSpec) -> list[Decimal]:
    """Ascending values of a numeric input: both ends (just inside an open one) and some between."""
    low = item.ge if item.ge is not None else item.gt
    high = item.le if item.le is not None else item.lt
    if item.dtype == "int32":  # an end that no such number reaches is none
        low = low if low is not None and low >= _LEAST else None
        high = high if high is not None and high <= _MOST else None
    if low is None and high is None:
        values = list(_STEPS[1:])
    elif high is None:
        assert low is not None
        values = [low + s for s in _STEPS if s or item.ge is not None]
    elif low is None:
        values = [high - s for s in reversed(_STEPS) if s or item.le is not None]
    else:
        span = high - low
        values = [low + span * f for f in (Decimal("0.01"), Decimal("0.25"), Decimal("0.5"), Decimal("0.9"))]
        values = [*([low] if item.ge is not None else []), *values, *([high] if item.le is not None else [])]
    if item.dtype == "int32":
        values = [v.to_integral_value() for v in values]
        values = [v for v in values if (_LEAST if low is None else low) <= v <= (_MOST if high is None else high)]
    if item.enum:
        values = sorted(Decimal(v) for v in item.enum if isinstance(v, Decimal | int))
    return [v for v in dict.fromkeys(values) if not violates(item, typed(item, v))]


def typed(item: InputSpec, value: Decimal) -> Scalar:
    """The value in the input's own type."""
    return int(value) if item.dtype == "int32" else value


def tables(item: InputSpec) -> list[Rows]:
    """Tables to try: two rows, one row, no row, and a row of ends; none where a needed cell has no ordinary value."""
    middles = {column.name: middle(column, {}) for column in item.columns}
    first = {name: value for name, value in middles.items() if isinstance(value, Decimal | int | str)}
    if any(column.required and column.name not in first for column in item.columns):
        return []
    last = dict(first)
    for column in (c for c in item.columns if c.name in first):
        values: list[Scalar] = [typed(column, v) for v in numbers(column)] if column.numeric else texts(column, {})
        last[column.name] = values[-1] if values else first[column.name]
    return [(first, last), (first,), (), (last, first, first)]


def middle(item: InputSpec, lookups: dict[str, FactorLookup]) -> Given | None:
    """One ordinary value of an input; None where the rules here find none that is allowed."""
    if item.columns:
        return next(iter(tables(item)), None)
    held = covered(item, lookups)
    if item.default is not None and (not held or str(item.default) in map(str, held)):
        return item.default
    if held and item.numeric:
        return held[-1]
    if item.default is not None:
        return item.default
    if item.numeric:
        values = numbers(item)
        return typed(item, values[len(values) // 2]) if values else None
    found = texts(item, lookups)
    return found[0] if found else None


def texts(item: InputSpec, lookups: dict[str, FactorLookup]) -> list[Scalar]:
    """Values of an input that is no number: its enum, else what the look-ups cover, else a word."""
    if item.dtype == "bool":
        return [v for v in (True, False) if not item.enum or v in item.enum]
    held = covered(item, lookups)
    if item.enum:
        return [v for v in item.enum if not held or str(v) in held] or list(item.enum)
    guesses: list[Scalar] = [v for v in ("text", "TEXT", "US", "A1", "1") if not violates(item, v)]
    if not guesses and item.pattern and (found := example(item.pattern)) is not None:
        guesses = [found]
    return held or guesses[:1]


def covered(item: InputSpec, lookups: dict[str, FactorLookup]) -> list[Scalar]:
    """The values of a selecting input that hold a row, in order; empty for an input that selects none."""
    found: dict[str, None] = {}
    for table in lookups.values():
        if item.name in table.inputs:
            at = table.inputs.index(item.name)
            found.update(dict.fromkeys(key[at] for key in table.rows))
    if not item.numeric:
        return list(found)
    return sorted(int(v) for v in found if v.lstrip("-").isdigit() and not violates(item, int(v)))


def base_inputs(spec: AgentSpec, lookups: dict[str, FactorLookup]) -> Inputs | None:
    """An ordinary value for each input, with the first golden case's where the rules find none; None if one lacks."""
    golden = spec.golden[0].input if spec.golden else {}
    out: Inputs = {}
    for name, item in spec.inputs.items():
        value = middle(item, lookups)
        value = golden.get(name) if value is None else value
        if value is not None:
            out[name] = value
        elif item.required:
            return None
    return out


def combinations(spec: AgentSpec, lookups: dict[str, FactorLookup]) -> list[Inputs]:
    """Up to MAX_COMBINATIONS inputs: each value of each input once around the middle, then mixtures."""
    found = base_inputs(spec, lookups)
    if found is None:
        return []
    base = found
    choices: dict[str, list[Any]] = {
        n: tables(i)
        if i.columns
        else covered(i, lookups) or [typed(i, v) for v in numbers(i)]
        if i.numeric
        else texts(i, lookups)
        for n, i in spec.inputs.items()
    }
    out: list[Inputs] = [base]
    for name, values in choices.items():
        out.extend({**base, name: v} for v in values[:8] if v != base.get(name))
    choices = {n: v[:3] for n, v in choices.items() if v}
    out.extend(
        {**base, **dict(zip(choices, m, strict=True))} for m in islice(product(*choices.values()), MAX_COMBINATIONS)
    )
    unique = {tuple((k, str(v)) for k, v in i.items()): i for i in out}
    return list(unique.values())[:MAX_COMBINATIONS]
