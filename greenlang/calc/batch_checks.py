"""What may be wrong with a row before anything is computed: each with its status and a sentence, as SQL.

Symbols are looked at in the order of their declaration, as the engine does; the first thing that is wrong is the row's
status. Statuses are the codes of `greenlang.calc.mistakes`, and those of a batch: unreadable, missing_id, doubled_id.

Belongs here: conditions and sentences. Does not belong here: the query that they stand in (``batch_plan``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from greenlang_sdk.decimals import normal_text

from greenlang.calc.batch_binding import Binding
from greenlang.calc.batch_combinations import Combinations
from greenlang.calc.batch_numbers import NumberColumn
from greenlang.calc.batch_source import UNREADABLE
from greenlang.calc.batch_units import Path
from greenlang.formulas.declare import FormulaSymbol
from greenlang.sql import literal, quoted

_SHOWN = 60  # characters of a cell that a sentence repeats


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the columns that a query makes for itself; the number of a symbol is its place among those used."""

    prefix: str
    used: tuple[str, ...]

    def of(self, letter: str, symbol: str) -> str:
        """n number · x text or truth value · e, w mistake · u unit · f, t figure · k key of the factor row."""
        return f"{self.prefix}_{letter}{self.used.index(symbol)}"

    def own(self, name: str) -> str:
        """A column of the query that belongs to no symbol."""
        return f"{self.prefix}_{name}"


@dataclass(frozen=True, slots=True)
class Check:
    """``condition`` holds where it is wrong; ``code`` and ``reason`` are SQL."""

    condition: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class RowChecks:
    """``fine`` holds where nothing is wrong with a row of narrow numbers; ``checks`` tell what is, in order."""

    fine: tuple[str, ...]
    checks: tuple[Check, ...]


def row_checks(
    binding: Binding,
    numbers: dict[str, NumberColumn],
    made: Combinations,
    names: Names,
    ids: Sequence[str],
    *,
    unreadable: bool,
    doubled: bool,
) -> RowChecks:
    """Every check of a row."""
    fine: list[str] = []
    found: list[Check] = []
    if unreadable:
        found.append(Check(f"{UNREADABLE} IS NOT NULL", "'unreadable'", UNREADABLE))
        fine.append(f"{UNREADABLE} IS NULL")
    for name in ids:
        reason = literal(f"the id column `{name}` is empty: without an id a row cannot be found again")
        found.append(Check(f"{quoted(name)} IS NULL", "'missing_id'", reason))
        fine.append(f"{quoted(name)} IS NOT NULL")
    if doubled:
        times = names.own("times")
        reason = f"concat('this id stands on ', {times}, ' rows: name more id columns, or keep one of the rows')"
        found.append(Check(f"{times} IS NOT NULL", "'doubled_id'", reason))
        fine.append(f"{times} IS NULL")
    fine.append(names.own("fine"))
    for symbol in binding.used:
        for part in _symbol(symbol, binding, numbers, made, names):
            if isinstance(part, Check):
                found.append(part)
            else:
                fine.append(part)
    refusal = names.own("refusal")
    found.append(Check(f"{refusal} IS NOT NULL", "'mixed_basis'", refusal))
    return RowChecks(tuple(fine), tuple(found))


def _symbol(
    name: str, binding: Binding, numbers: dict[str, NumberColumn], made: Combinations, names: Names
) -> Iterator[Check | str]:
    """The checks of one symbol, and what must hold of it where nothing is wrong."""
    symbol = binding.symbol(name)
    place = f"inputs.{name}"
    if name in binding.factors:
        wrong, why = names.of("e", name), names.of("w", name)
        yield Check(f"{wrong} IS NOT NULL", wrong, why)
    elif name in binding.numbers:
        yield from _number(name, symbol, numbers[binding.numbers[name].column], made, names)
    elif name in binding.texts:
        column = names.of("x", name)
        yield Check(f"{column} IS NULL", "'missing_input'", literal(f"{place}: the {symbol.meaning} is missing"))
        yield f"{column} IS NOT NULL"
        if symbol.enum:
            known = ", ".join(map(literal, symbol.enum))
            told = literal(f"` is none of those allowed; there is {', '.join(symbol.enum)}")
            shown = f"left({column}, {_SHOWN})"
            test = f"{column} IN ({known})"
            yield Check(f"NOT {test}", "'not_allowed'", f"concat({literal(f'{place}: `')}, {shown}, {told})")
            yield test
    elif name in binding.truths:
        column = quoted(binding.truths[name])
        yield Check(f"{column} IS NULL", "'missing_input'", literal(f"{place}: the {symbol.meaning} is missing"))
        shown = f"left(CAST({column} AS VARCHAR), {_SHOWN})"
        told = f"concat({literal(f'{place}: `')}, {shown}, '` is neither true nor false')"
        yield Check(f"{names.of('x', name)} IS NULL", "'wrong_type'", told)
        yield f"{names.of('x', name)} IS NOT NULL"


def _number(
    name: str, symbol: FormulaSymbol, column: NumberColumn, made: Combinations, names: Names
) -> Iterator[Check | str]:
    place, value, cell = f"inputs.{name}", names.of("n", name), quoted(column.name)
    optional = symbol.default is not None
    if not optional:
        told = literal(f"{place}: the {symbol.meaning} is missing; give a number in {symbol.unit}")
        yield Check(f"{cell} IS NULL", "'missing_input'", told)
    if column.kind != "exact":
        end = literal("` is no number; write it like 1234.5, without grouping, with a point")
        told = f"concat({literal(f'{place}: `')}, left({column.text}, {_SHOWN}), {end})"
        yield Check(f"{cell} IS NOT NULL AND NOT ({column.valid})", "'not_a_number'", told)
    wrong, why = names.of("e", name), names.of("w", name)
    yield Check(f"{cell} IS NOT NULL AND {wrong} IS NOT NULL", wrong, why)
    inside = _inside(name, symbol, column, made, names)
    if inside:
        low, high = ("open" if bound is None else normal_text(bound) for bound in symbol.range)
        end = literal(f" is outside the valid range of the {symbol.meaning}, {low} to {high} {symbol.unit}")
        told = f"concat({literal(f'{place}: ')}, {column.text}, ' ', {names.of('u', name)}, {end})"
        yield Check(f"{value} IS NOT NULL AND NOT ({inside})", "'out_of_range'", told)
    test = f"{value} IS NOT NULL" + (f" AND ({inside})" if inside else "")
    yield f"({cell} IS NULL OR ({test}))" if optional else test


def _inside(name: str, symbol: FormulaSymbol, column: NumberColumn, made: Combinations, names: Names) -> str:
    """SQL: whether the number lies in its valid range, whatever unit it was given in; empty if all numbers do."""
    paths = {row.units[name]: row.paths[name] for row in made.rows if name in row.paths and name in row.units}
    tests = {unit: _between(symbol, path, column, names.of("n", name)) for unit, path in paths.items()}
    if len(set(tests.values())) <= 1:
        return next(iter(tests.values()), "")
    cases = " ".join(f"WHEN {literal(unit)} THEN {test or 'TRUE'}" for unit, test in tests.items())
    return f"CASE {names.of('u', name)} {cases} ELSE TRUE END"


def _between(symbol: FormulaSymbol, path: Path, column: NumberColumn, value: str) -> str:
    """The range brought into the unit of the column, and to its digits: exact, since the numbers have no more."""
    scale = Fraction(10) ** column.scale
    low, high = (None if bound is None else path.back(Fraction(bound)) * scale for bound in symbol.range)
    if path.ratio < 0:
        low, high = high, low
    limit = 10**column.precision
    tests = []
    if low is not None and (least := math.ceil(low)) > -limit:
        tests.append(f"{value} >= {_constant(least, column)}" if least < limit else "FALSE")
    if high is not None and (most := math.floor(high)) < limit:
        tests.append(f"{value} <= {_constant(most, column)}" if most > -limit else "FALSE")
    return " AND ".join(tests)


def _constant(whole: int, column: NumberColumn) -> str:
    digits = f"{abs(whole):0{column.scale + 1}d}"
    text = f"{digits[: len(digits) - column.scale]}.{digits[len(digits) - column.scale :]}".rstrip(".")
    return f"CAST('{'-' if whole < 0 else ''}{text}' AS {column.type})"
