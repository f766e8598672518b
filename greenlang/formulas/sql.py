"""The DuckDB back-end: a checked tree -> SQL on DECIMAL that gives the same digits as ``exact``.

How two back-ends agree to the last digit. The meaning of a tree is an exact fraction, rounded once, half-even, at the
declared output. This module computes that fraction with whole numbers: a value is ``c * n / d`` where ``c`` is known
when compiling (literals, conversion factors, scales of columns) and ``n`` and ``d`` are whole-number expressions of
the row; every division waits until the end, where one exact whole division rounds half-even (``sql_numbers``). Trees
without a division by a column stay on DECIMAL all along: products, sums, one ``round_even``. No DOUBLE occurs.

Thirty-eight digits. From the declared widths of the columns it is known which steps may not fit into 38 digits (HUGEINT
or DECIMAL(38)). If none, the SQL stands alone. If some, DuckDB's own overflow check decides row by row inside TRY, and
only rows that do overflow are computed by the declared Decimal function (``declared``), by the same exact rules.

Trees with sqrt, exp, ln, log10 or a power that is not a written whole number go through that function as a whole, and
are not ``exact``: these functions give 34 digits. So do sums whose rows divide by a column (exact, by fractions).

One bad row never stops others: its value is NULL and its status division_by_zero, domain, overflow, missing or
out_of_range, the same as the ``kind`` of the error that ``exact`` raises for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from greenlang.errors import FormulaError
from greenlang.formulas import declared, sql_numbers
from greenlang.formulas.declare import FormulaSymbol
from greenlang.formulas.evaluate import Tables
from greenlang.formulas.exact import declared_functions, program
from greenlang.formulas.normal import tree_digest
from greenlang.formulas.prove import CompiledFormula, decimals_of
from greenlang.formulas.show import show
from greenlang.formulas.sql_status import STATUSES, after, status_of
from greenlang.formulas.sql_tree import TEXT, TRUTH, ColumnType, Writer
from greenlang.formulas.tree import Node, Number, substitute
from greenlang.sql import quoted

if TYPE_CHECKING:
    import duckdb

__all__ = ["STATUSES", "TEXT", "TRUTH", "ColumnType", "CompiledSql", "compile_formula", "compile_sql"]


@dataclass(frozen=True, slots=True)
class CompiledSql:
    """A tree as SQL: ``expression`` and ``status_expression``, or a whole ``select``, which is faster where ``path``
    is not ``sql``.

    ``exact``: no declared function is part of the formula (``functions`` names them). ``path`` tells how it runs:
    ``sql`` alone, ``sql or function`` (rows that do not fit into 38 digits), ``function`` (every row).
    """

    path: Literal["sql", "sql or function", "function"]
    decimals: int
    functions: tuple[str, ...] = ()
    plain: str = ""  # the value without the declared function; NULL where there is none, or where it does not fit
    reason: str = "'ok'"  # the status without the function; NULL where it does not fit
    call: str = ""  # the declared function
    parts: tuple[str, ...] = ()  # every expression inside, for tests of types
    key: str = ""
    program: declared.Program | None = None

    @property
    def exact(self) -> bool:
        """Whether every answer is the exact fraction, rounded once."""
        return not self.functions

    @property
    def expression(self) -> str:
        """DECIMAL(38, decimals); NULL where there is no answer."""
        if self.path == "sql":
            return self.plain
        value = self._of_call(self.call)
        if self.path == "function":
            return f"CASE WHEN coalesce({self.reason}, 'ok') = 'ok' THEN {value} END"
        return f"coalesce({self.plain}, CASE WHEN coalesce({self.reason}, 'ok') = 'ok' THEN {value} END)"

    @property
    def status_expression(self) -> str:
        """``ok``, or why there is no answer (STATUSES)."""
        if self.path == "sql":
            return self.reason
        said = f"CASE WHEN starts_with({self.call}, '=') THEN 'ok' ELSE {self.call} END"
        status = f"coalesce(nullif({self.reason}, 'ok'), {said})"
        return status if self.path == "function" else f"CASE WHEN {self.plain} IS NOT NULL THEN 'ok' ELSE {status} END"

    def select(self, source: str, *, value: str = "value", status: str = "status", how: str = "") -> str:
        """A query over a table or a sub-query in brackets: its columns, the value and the status.

        Each part is computed once in a row, and the function only where it is needed. ``how`` names one more column:
        ``sql`` or ``function`` where there is an answer.
        """
        if self.path == "sql":
            told = f", CASE WHEN {value} IS NOT NULL THEN 'sql' END AS {how}" if how else ""
            inner = f"SELECT *, {self.plain} AS {value}, {self.reason} AS {status} FROM {source}"  # noqa: S608
            return f"SELECT *{told} FROM ({inner})" if how else inner  # noqa: S608
        plain = self.plain or f"CAST(NULL AS DECIMAL({sql_numbers.WIDTH},{self.decimals}))"
        reason = f"CASE WHEN gl_plain IS NULL THEN nullif({self.reason}, 'ok') END"
        call = f"CASE WHEN gl_plain IS NULL AND gl_reason IS NULL THEN {self.call} END"
        ran = "CASE WHEN gl_plain IS NOT NULL THEN 'sql' WHEN starts_with(gl_call, '=') THEN 'function' END"
        made = f"coalesce(gl_plain, {self._of_call('gl_call')})"
        said = "coalesce(gl_reason, CASE WHEN NOT starts_with(gl_call, '=') THEN gl_call END, 'ok')"
        one = f"SELECT *, {plain} AS gl_plain FROM {source}"  # noqa: S608 - names and expressions of ours
        two = f"SELECT *, {reason} AS gl_reason FROM ({one})"  # noqa: S608
        three = f"SELECT *, {call} AS gl_call FROM ({two})"  # noqa: S608
        rest = f"* EXCLUDE (gl_plain, gl_reason, gl_call), {made} AS {value}, {said} AS {status}"
        return f"SELECT {rest}{f', {ran} AS {how}' if how else ''} FROM ({three})"  # noqa: S608

    def _of_call(self, text: str) -> str:
        return f"TRY_CAST(substr({text}, 2) AS DECIMAL({sql_numbers.WIDTH},{self.decimals}))"

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Register on a connection what the expression calls. Nothing to do for plain SQL."""
        if self.program is not None:
            declared.declare(self.key, self.program)
            declared.register(connection)


def compile_sql(
    tree: Node,
    columns: Mapping[str, ColumnType],
    *,
    decimals: int,
    tables: Tables | None = None,
    symbols: Mapping[str, FormulaSymbol] | None = None,
    alone: bool = True,
) -> CompiledSql:
    """A checked numeric tree as SQL over columns, rounded half-even to ``decimals`` digits after the point.

    ``columns`` has an entry for every name of the tree, and for every look-up that is not in ``tables`` (it is a
    column then: the factor that was joined). ``symbols`` adds their valid ranges and enums: out_of_range. Without
    ``alone`` every row goes through the declared function: DuckDB plans a long expression longer than it makes a few
    calls. Raises FormulaError for a name without a column, or one of another kind.
    """
    if tree.type != "number":
        raise FormulaError(f"`{show(tree)}` is no number")
    if not 0 <= decimals <= sql_numbers.WIDTH:
        raise FormulaError(f"an output has 0 to {sql_numbers.WIDTH} digits after the point, not {decimals}")
    writer = Writer(columns, tables or {})
    functions = declared_functions(tree)
    limits = writer.limits(symbols or {}, tree)
    made = None if functions or not alone else writer.attempt(tree)
    if made is None:
        reason = writer.tried(tree, status_of(limits)) if limits else "'ok'"
        called = CompiledSql("function", decimals, functions, reason=reason)
        return _with_function(called, writer, tree, tables, symbols)
    value, guards = made[0], after(limits, made[1])
    status = status_of(guards)
    result, needs = sql_numbers.output(value, decimals)
    if not (value.strict and all(g.code == "missing" for g in guards)):  # else NULL comes by itself
        result = f"CASE WHEN {status} = 'ok' THEN {result} END"
    parts = tuple(dict.fromkeys(writer.parts))
    if not needs and not writer.needs:
        return CompiledSql("sql", decimals, plain=result, reason=status, parts=parts)
    plain, reason = writer.tried(tree, result, needs), writer.tried(tree, status)
    mixed = CompiledSql("sql or function", decimals, plain=plain, reason=reason, parts=parts)
    return _with_function(mixed, writer, tree, tables, symbols)


def _with_function(
    sql: CompiledSql,
    writer: Writer,
    tree: Node,
    tables: Tables | None,
    symbols: Mapping[str, FormulaSymbol] | None,
) -> CompiledSql:
    """The same, with the call of the declared function."""
    names, kinds, columns = writer.arguments(tree)
    limits = {name: symbol for name, symbol in (symbols or {}).items() if name in names}
    key = f"{tree_digest(tree)}:{sql.decimals}:{_rows_digest(tables, limits)}"
    ready = declared.Program(program(tree, tables), names, kinds, columns, sql.decimals, limits)
    return replace(sql, call=writer.call(tree, key), key=key, program=ready)


def compile_formula(
    whole: CompiledFormula, output: str, columns: Mapping[str, ColumnType], *, decimals: int | None = None
) -> CompiledSql:
    """One output of a library formula as SQL. Ranges and enums are checked.

    Symbols with a default need no column; where they have one, the default stands in rows that are NULL.
    """
    formula = whole.formula
    tree = whole.single(output)
    defaults = {
        name: Number(symbol.default, unit=symbol.unit)
        for name, symbol in formula.symbols.items()
        if name not in columns and symbol.default is not None
    }
    given = dict(columns)
    for name, symbol in formula.symbols.items():
        if name in columns and symbol.default is not None:
            given[name] = _with_default(name, columns[name], symbol.default)
    symbols = {name: formula.symbols[name] for name in whole.used(output) if name not in defaults}
    digits = decimals_of(formula, output) if decimals is None else decimals
    return compile_sql(substitute(tree, defaults), given, decimals=digits, symbols=symbols)


def _with_default(name: str, column: ColumnType, default: Decimal) -> ColumnType:
    """The column of a parameter, with its default in the rows that give none."""
    literal = sql_numbers.literal(Fraction(default))
    if literal is None:
        raise FormulaError(f"the default of `{name}` has more than {sql_numbers.WIDTH} digits")
    scale = max(column.scale, literal.scale)
    precision = max(column.precision - column.scale, literal.whole) + scale
    if precision > sql_numbers.WIDTH:
        raise FormulaError(f"`{name}` and its default do not fit into one DECIMAL: give a narrower column")
    return replace(
        column, precision=precision, scale=scale, sql=f"coalesce({column.sql or quoted(name)}, {literal.sql})"
    )


def _rows_digest(tables: Tables | None, symbols: Mapping[str, FormulaSymbol]) -> str:
    """A short text that differs where the rows of look-ups or the limits of symbols differ."""
    rows = [(name, sorted((k, str(v)) for k, v in rows.items())) for name, rows in sorted((tables or {}).items())]
    limits = [(name, str(s.range), s.enum, str(s.columns)) for name, s in sorted(symbols.items())]
    return hashlib.sha256(repr((rows, limits)).encode()).hexdigest()[:16]
