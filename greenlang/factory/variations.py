"""Vectors that move every input at once: more digits than are kept, each number by a share of its own, flags turned.

Golden cases leave out what has a default, and the reference vectors of the resolution move one input after the other.
So a supplier's factor of zero, or a flag that is never set, hides whole branches and terms. These vectors do not.

Belongs here: inputs around an answered case, and what the reference evaluator answers. Does not belong here: inputs on
which one slip shows (``near_misses``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import cycle, islice

from greenlang_sdk.decimals import CONTEXT

from greenlang.errors import CalculationError
from greenlang.factory import limits
from greenlang.formulas.evaluate import LookupMiss, Tables
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution, Vector
from greenlang.specs.model import Given, InputSpec, Scalar

_MANY = (Decimal("1.0123456789012345678"), Decimal("0.9876543210987654322"))
_FROM_ZERO = tuple(share - 1 for share in _MANY)
_SHARES = tuple(map(Decimal, ("1.37", "0.83", "1.13", "0.71", "1.61", "0.93", "0.59", "1.23", "0.47")))
_NEAR = Decimal("0.125")  # of the way to a share, where the whole way has no answer
Inputs = dict[str, Given]


def variations(resolution: Resolution, bases: Sequence[Mapping[str, Given]]) -> Iterator[Vector]:
    """Vectors around the first of ``bases`` and the second; none of them a refusal."""
    rows = run.tables(resolution.lookups)
    base = dict(bases[0])
    fine = _with_many_digits(resolution, base)
    found = _answered("many_digits", resolution, rows, fine) if fine != base else None
    if found is not None:
        yield found
    for turn, start in enumerate(islice(cycle(bases[:2]), 2)):
        for part in (Decimal(1), _NEAR):
            moved = _moved(resolution, start, turn, part)
            vector = _answered(f"all_moved_{turn + 1}", resolution, rows, moved) if moved != start else None
            if vector is not None:
                yield vector
                break


def _answered(name: str, resolution: Resolution, rows: Tables, given: Inputs) -> Vector | None:
    spec, plans = resolution.spec, resolution.plans
    try:
        got = run.outputs(spec, plans, resolution.order, rows, given)
    except (CalculationError, LookupMiss, KeyError):  # refused, or an input lacks that the plans need
        return None
    expect = {output: run.canonical(value, plans[output].decimals) for output, value in got.items()}
    return Vector(name, "reference", given, expect)


def _with_many_digits(resolution: Resolution, base: Inputs) -> Inputs:
    """More digits than any output keeps, so that the last rounding shows."""
    given = dict(base)
    for name, value in base.items():
        declared = resolution.spec.inputs[name]
        if isinstance(value, tuple):
            columns = {column.name: column for column in declared.columns}
            given[name] = tuple(
                {cell: _fine(columns[cell], one) if cell in columns else one for cell, one in row.items()}
                for row in value
            )
        else:
            given[name] = _fine(declared, value)
    return given


def _fine(declared: InputSpec, value: Scalar) -> Scalar:
    if declared.dtype != "float64" or declared.enum or not isinstance(value, (Decimal, int)):
        return value
    wanted = [CONTEXT.multiply(Decimal(value), share) for share in _MANY] if value else list(_FROM_ZERO)
    return next((fine for fine in wanted if limits.fits(declared, fine)), value)


def _moved(resolution: Resolution, base: Mapping[str, Given], turn: int, part: Decimal) -> Inputs:
    """Each number by another share, those with a default too; flags set in the first turn, every other in the next."""
    given = dict(base)
    shares = islice(cycle(_SHARES), 4 * turn, None)
    flags = cycle((True,) if not turn else (False, True))
    for name, declared in resolution.spec.inputs.items():
        known = base.get(name, declared.default)
        if declared.enum:
            continue
        if declared.dtype == "bool":
            given[name] = next(flags)
        elif isinstance(known, tuple) and declared.columns:
            columns = {column.name: column for column in declared.columns}
            given[name] = tuple(
                {
                    cell: _cell(columns[cell], value, next(shares), part) if cell in columns else value
                    for cell, value in row.items()
                }
                for row in known
            )
        elif declared.numeric:
            value = limits.sample(declared) if known is None else known
            if not isinstance(value, tuple):
                given[name] = _cell(declared, value, next(shares), part)
    return given


def _cell(declared: InputSpec, value: Scalar, share: Decimal, part: Decimal) -> Scalar:
    """A number moved as far as its limits allow; anything else as it is."""
    if not declared.numeric or declared.enum or isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        return value
    start = Decimal(value) if value else _away_from_zero(declared)
    for factor in (share, 2 - share, 1 + (share - 1) * _NEAR, 1 - (share - 1) * _NEAR):
        wanted = CONTEXT.multiply(start, CONTEXT.add(1, CONTEXT.multiply(factor - 1, part)))
        if declared.dtype == "int32":
            wanted = wanted.to_integral_value()
        if limits.fits(declared, wanted):
            return int(wanted) if declared.dtype == "int32" else wanted
    return value


def _away_from_zero(declared: InputSpec) -> Decimal:
    """A number to start from where the case has zero, which no share moves."""
    found = limits.sample(replace(declared, default=None))
    return Decimal(found) if isinstance(found, (Decimal, int)) and found else Decimal(1)
