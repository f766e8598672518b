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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas import declared, sql_numbers
from greenlang.formulas.declare import FormulaColumn, FormulaSymbol
from greenlang.formulas.evaluate import Tables
from greenlang.formulas.exact import declared_functions, program, ratio, whole_exponent
from greenlang.formulas.normal import tree_digest
from greenlang.formulas.prove import CompiledFormula, decimals_of
from greenlang.formulas.show import show
from greenlang.formulas.sql_numbers import Condition, Value
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
    substitute,
    walk,
)

if TYPE_CHECKING:
    import duckdb

STATUSES = ("ok", "division_by_zero", "domain", "overflow", "missing", "out_of_range")
MAX_TEXT = 100_000  # characters of SQL; a longer expression goes through the declared function
MAX_FACTORS = 12  # a power is multiplied out in SQL up to here


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column of the batch: DECIMAL(precision, scale), or a text, a truth value, a table (a list of structs).

    ``sql`` is how the column is written, its quoted name if empty. The type must hold the column's values whole: a
    wider column would be rounded here. Narrow types make faster SQL: 18 digits fit into 64 bits.
    """

    precision: int = 18
    scale: int = 6
    kind: Literal["number", "text", "truth", "table"] = "number"
    sql: str = ""
    columns: Mapping[str, ColumnType] = field(default_factory=dict)  # of a table

    def __post_init__(self) -> None:
        if not (0 <= self.scale <= self.precision <= sql_numbers.WIDTH and self.precision >= 1):
            raise FormulaError(f"DECIMAL({self.precision},{self.scale}) is no type of DuckDB")


TEXT = ColumnType(kind="text")
TRUTH = ColumnType(kind="truth")


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
    def declared_function(self) -> bool:
        """Whether the formula uses sqrt, exp, ln, log10 or a power, which give 34 digits."""
        return not self.exact

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
) -> CompiledSql:
    """A checked numeric tree as SQL over columns, rounded half-even to ``decimals`` digits after the point.

    ``columns`` has an entry for every name of the tree, and for every look-up that is not in ``tables`` (it is a
    column then: the factor that was joined). ``symbols`` adds their valid ranges and enums: out_of_range. Raises
    FormulaError for a name without a column, or one of another kind.
    """
    if tree.type != "number":
        raise FormulaError(f"`{show(tree)}` is no number")
    if not 0 <= decimals <= sql_numbers.WIDTH:
        raise FormulaError(f"an output has 0 to {sql_numbers.WIDTH} digits after the point, not {decimals}")
    writer = _Writer(columns, tables or {})
    functions = declared_functions(tree)
    limits = writer.limits(symbols or {}, tree)
    made = None if functions else writer.attempt(tree)
    if made is None:
        reason = writer.tried(tree, _status(limits)) if limits else "'ok'"
        alone = CompiledSql("function", decimals, functions, reason=reason)
        return _with_function(alone, writer, tree, tables, symbols)
    value, guards = made[0], _after(limits, made[1])
    status = _status(guards)
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
    writer: _Writer,
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
        column, precision=precision, scale=scale, sql=f"coalesce({column.sql or _quoted(name)}, {literal.sql})"
    )


def _rows_digest(tables: Tables | None, symbols: Mapping[str, FormulaSymbol]) -> str:
    """A short text that differs where the rows of look-ups or the limits of symbols differ."""
    rows = [(name, sorted((k, str(v)) for k, v in rows.items())) for name, rows in sorted((tables or {}).items())]
    limits = [(name, str(s.range), s.enum, str(s.columns)) for name, s in sorted(symbols.items())]
    return hashlib.sha256(repr((rows, limits)).encode()).hexdigest()[:16]


# --- statuses -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Guard:
    """One reason for having no answer. A ``branch`` has reasons of its own on either side of a condition."""

    condition: str
    code: str = ""  # empty for a branch; a status expression if ``condition`` is empty
    then: tuple[_Guard, ...] = ()
    otherwise: tuple[_Guard, ...] = ()


def _after(first: Iterable[_Guard], then: Iterable[_Guard]) -> list[_Guard]:
    """Reasons in the order in which they are met; one that was asked already is not asked again."""
    out = list(first)
    known = {(g.condition, g.code) for g in out if g.code}
    for guard in then:
        if guard.code:
            if (guard.condition, guard.code) not in known:
                known.add((guard.condition, guard.code))
                out.append(guard)
            continue
        a = tuple(g for g in guard.then if (g.condition, g.code) not in known)
        b = tuple(g for g in guard.otherwise if (g.condition, g.code) not in known)
        if a or b:
            out.append(replace(guard, then=a, otherwise=b))
    return out


def _status(guards: Iterable[_Guard]) -> str:
    """The first reason that holds, else ``ok``."""
    listed = list(guards)
    if not listed:
        return "'ok'"
    cases = []
    while listed and listed[0].code and listed[0].condition:
        guard = listed.pop(0)
        cases.append(f"WHEN {guard.condition} THEN '{guard.code}'")
    if cases:
        return f"CASE {' '.join(cases)} ELSE {_status(listed)} END"
    guard, rest = listed[0], listed[1:]
    own = guard.code
    if not own:
        own = f"CASE WHEN {guard.condition} THEN {_status(guard.then)} ELSE {_status(guard.otherwise)} END"
    return f"coalesce(nullif({own}, 'ok'), {_status(rest)})" if rest else own


# --- trees ----------------------------------------------------------------------------------------------------------

_Made = tuple[Value | Condition | str, list[_Guard]]
_SQL_OPS = {"==": "=", "!=": "<>"}


class _TooWide(Exception):
    """What plain SQL cannot hold: the declared function computes it."""


class _Writer:
    def __init__(self, columns: Mapping[str, ColumnType], tables: Tables) -> None:
        names = [name.lower() for name, given in columns.items() if not given.sql]
        if len(set(names)) != len(names):
            raise FormulaError("two names differ in capitals only, which DuckDB takes for one: give `sql` for them")
        self.columns = columns
        self.tables = tables
        self.needs: set[str] = set()  # what must be 38 digits at most so that the status can be computed
        self.leaves: list[str] = []  # the numbers of digits that are counted in each row
        self.parts: list[str] = []
        self.row: dict[str, str] = {}  # table -> the variable of its row, inside a sum
        self.depth = 0  # sums so far: each has a variable of its own

    # names and arguments

    def names(self, tree: Node) -> tuple[str, ...]:
        """Every column that a tree reads, in order of appearance."""
        found: dict[str, None] = {}
        tables = {n.table for n in walk(tree) if isinstance(n, Sum)}
        for node in walk(tree):
            match node:
                case Name(name=name):
                    table = name.partition(".")[0]
                    found[table if table in tables else name] = None
                case Sum(table=table):
                    found[table] = None
                case Lookup(table=table, inputs=inputs):
                    found |= dict.fromkeys(inputs if table in self.tables else (table,))
        return tuple(found)

    def arguments(self, tree: Node) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, dict[str, str]]]:
        names = self.names(tree)
        tables: dict[str, dict[str, str]] = {
            n: {c: t.kind for c, t in self.column(n).columns.items()} for n in names if self.column(n).columns
        }
        return names, tuple(self.column(n).kind for n in names), tables

    def call(self, tree: Node, key: str) -> str:
        texts = []
        for name in self.names(tree):
            given, sql = self.column(name), self.sql(name)
            if given.kind == "table":
                cells = ", ".join(f"{_quoted(c)}: CAST(gl_row.{_quoted(c)} AS VARCHAR)" for c in given.columns)
                texts.append(f"CAST(to_json(list_transform({sql}, lambda gl_row: {{{cells}}})) AS VARCHAR)")
            elif given.kind == "number":
                texts.append(f"CAST(CAST({sql} AS DECIMAL({given.precision},{given.scale})) AS VARCHAR)")
            else:
                texts.append(f"CAST({sql} AS VARCHAR)")
        values = f"[{', '.join(texts)}]" if texts else "CAST([] AS VARCHAR[])"
        return f"{declared.FUNCTION}('{key}', {values})"

    def tried(self, tree: Node, sql: str, needs: sql_numbers.Guards = frozenset()) -> str:
        """The expression, NULL in rows whose digits do not fit.

        It stands inside a lambda, whose body the optimizer does not look into: it would compute a part that occurs
        twice outside of TRY, where one overflow ends the query.
        """
        names, guards = self.names(tree), sorted(self.needs | needs)
        if guards:
            counts = ", ".join(f"d{i} := {count}" for i, count in enumerate(self.leaves))
            fits = " AND ".join(f"{guard} <= {sql_numbers.WIDTH}" for guard in guards)
            inner = f"CASE WHEN {fits} THEN {sql} END"
            sql = f"list_transform([struct_pack({counts})], lambda gl_d: {inner})[1]" if counts else inner
        return f"TRY(list_transform([{self.sql(names[0])}], lambda gl_all: {sql})[1])" if names else f"TRY({sql})"

    def leaf(self, count: str) -> str:
        """Where the number of digits of a value stands, counted once in a row."""
        if count not in self.leaves:
            self.leaves.append(count)
        return f"gl_d.d{self.leaves.index(count)}"

    def column(self, name: str) -> ColumnType:
        if name not in self.columns:
            raise FormulaError(f"no column is given for `{name}`")
        return self.columns[name]

    def sql(self, name: str) -> str:
        return self.column(name).sql or _quoted(name)

    def limits(self, symbols: Mapping[str, FormulaSymbol], tree: Node) -> list[_Guard]:
        """Missing values and those outside their valid range, symbol by symbol as they are declared."""
        guards: list[_Guard] = []
        read = self.names(tree)
        for name, symbol in symbols.items():
            if name not in read:
                continue
            sql, given = self.sql(name), self.column(name)
            guards.append(_Guard(f"{sql} IS NULL", "missing"))
            if symbol.type == "table":
                cells = {c: f"gl_row.{_quoted(c)}" for c in symbol.columns}
                absent = [_Guard(f"{cell} IS NULL", "missing") for cell in cells.values()]
                beyond = [
                    guard
                    for c, column in symbol.columns.items()
                    for guard in self.outside(column, cells[c], given.columns[c], sql, "gl_row")
                ]
                guards += [_Guard("", _first_bad(sql, _status(part))) for part in (absent, beyond) if part]
            else:
                guards += self.outside(symbol, sql, given)
        return guards

    def outside(
        self, symbol: FormulaSymbol | FormulaColumn, sql: str, given: ColumnType, table: str = "", variable: str = ""
    ) -> list[_Guard]:
        """The guard of a range or an enum, if there is one."""
        if symbol.type == "text" and symbol.enum:
            return [_Guard(f"{sql} NOT IN ({', '.join(map(_text, symbol.enum))})", "out_of_range")]
        tests = []
        for op, bound in (("<", symbol.range[0]), (">", symbol.range[1])):
            if bound is not None and symbol.type == "number":
                value = self.number_column(sql, given, table, variable)
                test = sql_numbers.compare(op, value, sql_numbers.constant(Fraction(bound)))
                self.needs |= test.needs
                tests.append(test.sql)
        return [_Guard(" OR ".join(tests), "out_of_range")] if tests else []

    # nodes

    def attempt(self, tree: Node) -> tuple[Value, list[_Guard]] | None:
        """The tree as plain SQL; None if it needs the declared function."""
        try:
            value, guards = self.number(tree)
        except _TooWide:
            return None
        size = len(_status(guards)) + sum(len(t.sql) for t in (value.n, value.d, value.dec) if t is not None)
        return None if size > MAX_TEXT or _hopeless(value) else (value, guards)

    def number(self, node: Node) -> tuple[Value, list[_Guard]]:
        made, guards = self.any(node)
        assert isinstance(made, Value), f"{show(node)} is no number"
        if not self.row:
            self.parts += [part.sql for part in (made.n, made.d, made.dec) if part is not None]
        return made, guards

    def truth(self, node: Node) -> tuple[Condition, list[_Guard]]:
        made, guards = self.any(node)
        assert isinstance(made, Condition), f"{show(node)} is neither true nor false"
        self.needs |= made.needs
        if not self.row:
            self.parts.append(made.sql)
        return made, guards

    def any(self, node: Node) -> _Made:
        if isinstance(node, (Arithmetic, Convert, Negate, Call)) and _constant(node):
            return self.folded(node)
        match node:
            case Number(value=value):
                return sql_numbers.constant(Fraction(value)), []
            case Text(value=text):
                return _text(text), []
            case Truth(value=truth):
                return Condition(str(truth).upper()), []
            case Name():
                return self.name(node)
            case Lookup():
                return self.lookup(node)
            case TableCall(select=select, rows=rows):
                made = [self.any(value) for _, value in select]
                return self.rows(rows or {}, [str(sql) for sql, _ in made], _flat(g for _, g in made))
            case Sum():
                return self.sum(node)
            case Convert(operand=operand, factor=factor, shift=shift):
                return self.linear(operand, ratio(factor), ratio(shift))
            case Negate(operand=operand):
                return self.linear(operand, Fraction(-1), Fraction(0))
            case Arithmetic(op="**"):
                return self.power(node)
            case Arithmetic():
                return self.arithmetic(node)
            case Compare():
                return self.compare(node)
            case Logic(op=op, left=left, right=right):
                a, first = self.truth(left)
                b, second = self.truth(right)
                later = [_Guard(a.sql, then=tuple(second)) if op == "and" else _Guard(a.sql, otherwise=tuple(second))]
                return Condition(f"({a.sql} {op.upper()} {b.sql})", a.needs | b.needs), _after(first, later)
            case Not(operand=operand):
                test, guards = self.truth(operand)
                return Condition(f"(NOT {test.sql})", test.needs), guards
            case Call():
                return self.function(node)
            case If():
                return self.choice(node)
        raise TypeError(f"no SQL for a {type(node).__name__}")

    def folded(self, node: Node) -> _Made:
        """A part without columns, computed now."""
        try:
            pair = program(node)({})
        except CalculationError as error:
            return sql_numbers.constant(Fraction(1)), [_Guard("", f"'{error.kind}'")]
        assert isinstance(pair, tuple)
        return sql_numbers.constant(Fraction(*pair)), []

    def linear(self, operand: Node, factor: Fraction, shift: Fraction) -> _Made:
        value, guards = self.number(operand)
        value = sql_numbers.multiply(value, sql_numbers.constant(factor))
        return sql_numbers.add(value, sql_numbers.constant(shift)), guards

    def name(self, node: Name) -> _Made:
        table, _, rest = node.name.partition(".")
        place = (self.sql(table), self.row[table]) if rest and table in self.row else ("", "")
        if rest and table in self.row:
            given, sql = self.column(table).columns.get(rest), f"{self.row[table]}.{_quoted(rest)}"
            if given is None:
                raise FormulaError(f"the table `{table}` is given without its column `{rest}`")
        else:
            given, sql = self.column(node.name), self.sql(node.name)
        if given.kind != node.type:
            raise FormulaError(f"`{node.name}` is a {node.type}, its column a {given.kind}")
        guards = [_Guard(f"{sql} IS NULL", "missing")]
        if given.kind == "number":
            return self.number_column(sql, given, *place), guards
        return (Condition(f"CAST({sql} AS BOOLEAN)") if given.kind == "truth" else f"CAST({sql} AS VARCHAR)"), guards

    def number_column(self, sql: str, given: ColumnType, table: str = "", variable: str = "") -> Value:
        """A numeric column, or a cell of a table: then the digits are those of its longest value in the row."""
        dec = sql_numbers.column(sql, given.precision, given.scale).dec
        assert dec is not None
        count = sql_numbers.counted(dec)
        if table:
            count = f"coalesce(list_max(list_transform({table}, lambda {variable}: {count})), 1)"
        return sql_numbers.column(sql, given.precision, given.scale, self.leaf(count))

    def lookup(self, node: Lookup) -> _Made:
        if node.table not in self.tables:
            return self.name(Name(node.table, type="number", unit=node.unit))
        made = [self.name(Name(name, type="text")) for name in node.inputs]
        return self.rows(self.tables[node.table], [str(sql) for sql, _ in made], _flat(g for _, g in made))

    def rows(self, rows: Mapping[tuple[str, ...], Decimal], keys: list[str], guards: list[_Guard]) -> _Made:
        """A value taken by its keys: a CASE over the rows of a small table."""
        if not rows:
            return sql_numbers.constant(Fraction(1)), _after(guards, [_Guard("", "'missing'")])
        scale = max(max(-int(v.as_tuple().exponent), 0) for v in rows.values())
        whole = {key: int(v.scaleb(scale)) if scale else int(v) for key, v in rows.items()}
        precision = max(scale, *(len(str(abs(v))) for v in whole.values()))
        if precision > sql_numbers.WIDTH:
            raise _TooWide
        tests = {
            key: " AND ".join(f"{k} = {_text(v)}" for k, v in zip(keys, key, strict=True)) or "TRUE" for key in rows
        }
        cases = " ".join(
            f"WHEN {tests[key]} THEN CAST('{Decimal(v).scaleb(-scale):f}' AS DECIMAL({precision},{scale}))"
            for key, v in whole.items()
        )
        case = f"CASE {cases} END"
        value = (
            sql_numbers.column(case, precision, scale)  # its keys may be cells of a row: its digits are those of all
            if self.row
            else self.number_column(case, ColumnType(precision, scale))
        )
        return value, _after(guards, [_Guard(f"NOT ({' OR '.join(f'({t})' for t in tests.values())})", "missing")])

    def sum(self, node: Sum) -> _Made:
        sql, outside = self.sql(node.table), self.row
        self.depth += 1
        variable = f"gl_row_{self.depth}"
        self.row = outside | {node.table: variable}
        body, inner = self.number(node.body)
        self.row = outside
        if body.d is not None:
            raise _TooWide  # rows with denominators of their own have no common one
        guards = [_Guard(f"{sql} IS NULL", "missing")]
        if inner:
            guards.append(_Guard("", _first_bad(sql, _status(inner), variable)))
        rows = self.leaf(f"coalesce(length(CAST(len({sql}) AS VARCHAR)), 1)")
        return sql_numbers.total(sql, variable, body, rows), guards

    def arithmetic(self, node: Arithmetic) -> _Made:
        left, first = self.number(node.left)
        right, second = self.number(node.right)
        guards = _after(first, second)
        match node.op:
            case "+":
                return sql_numbers.add(left, right), guards
            case "-":
                return sql_numbers.add(left, sql_numbers.multiply(right, sql_numbers.constant(Fraction(-1)))), guards
            case "*":
                return sql_numbers.multiply(left, right), guards
        if not right.c:
            return sql_numbers.constant(Fraction(1)), _after(guards, [_Guard("", "'division_by_zero'")])
        if right.n is not None:  # else it is one over something
            guards = _after(guards, [self.zero(right, "division_by_zero")])
        return sql_numbers.divide(left, right), guards

    def zero(self, value: Value, code: str) -> _Guard:
        test = sql_numbers.is_zero(value)
        self.needs |= test.needs
        return _Guard(test.sql, code)

    def power(self, node: Arithmetic) -> _Made:
        exponent = whole_exponent(node)
        assert exponent is not None  # others are declared functions
        if abs(exponent) > MAX_FACTORS:
            raise _TooWide
        base, guards = self.number(node.left)
        if exponent <= 0:
            if not base.c:
                return base, _after(guards, [_Guard("", "'domain'")])
            guards = _after(guards, [self.zero(base, "domain")] if base.n is not None else [])
        value = sql_numbers.constant(Fraction(1))
        for _ in range(abs(exponent)):
            value = sql_numbers.multiply(value, base)
        if exponent < 0:
            value = sql_numbers.divide(sql_numbers.constant(Fraction(1)), value)
        return value, guards

    def compare(self, node: Compare) -> _Made:
        left, first = self.any(node.left)
        right, second = self.any(node.right)
        op = _SQL_OPS.get(node.op, node.op)
        if isinstance(left, Value) and isinstance(right, Value):
            return sql_numbers.compare(op, left, right), _after(first, second)
        a, b = (x.sql if isinstance(x, Condition) else x for x in (left, right))
        return Condition(f"({a} {op} {b})"), _after(first, second)

    def function(self, node: Call) -> _Made:
        made = [self.number(a) for a in node.arguments]
        values, guards = [v for v, _ in made], _flat(g for _, g in made)
        if node.function == "abs":
            return sql_numbers.absolute(values[0]), guards
        if node.function == "round":
            assert isinstance(node.arguments[1], Number)
            return sql_numbers.rounded(values[0], int(node.arguments[1].value)), guards
        value = values[0]
        for other in values[1:]:
            value = sql_numbers.extreme("least" if node.function == "min" else "greatest", value, other)
        return value, guards

    def choice(self, node: If) -> _Made:
        test, first = self.truth(node.condition)
        then, yes = self.any(node.then)
        otherwise, no = self.any(node.otherwise)
        guards = _after(first, [_Guard(test.sql, then=tuple(yes), otherwise=tuple(no))])
        if isinstance(then, Value) and isinstance(otherwise, Value):
            return sql_numbers.choose(test, then, otherwise), guards
        a, b = (x.sql if isinstance(x, Condition) else x for x in (then, otherwise))
        case = f"CASE WHEN {test.sql} THEN {a} ELSE {b} END"
        return (Condition(case, test.needs) if isinstance(then, Condition) else case), guards


def _constant(node: Node) -> bool:
    return not any(isinstance(n, (Name, Lookup, TableCall, Sum)) for n in walk(node))


def _hopeless(value: Value) -> bool:
    """Whether a constant alone fills 38 digits, so that no row would fit."""
    parts = (value.k,) if value.dec is not None else (value.c,)
    return any(abs(p.numerator) > 10**30 or p.denominator > 10**34 for p in parts)


def _flat(parts: Iterable[list[_Guard]]) -> list[_Guard]:
    out: list[_Guard] = []
    for part in parts:
        out = _after(out, part)
    return out


def _first_bad(table: str, status: str, variable: str = "gl_row") -> str:
    """The first status of a row that is not ok, else ok."""
    each = f"list_transform({table}, lambda {variable}: {status})"
    return f"coalesce(list_filter({each}, lambda gl_status: gl_status <> 'ok')[1], 'ok')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
