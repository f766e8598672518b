"""Walking a checked tree for the SQL back-end: each node becomes a value, a condition or a text, with its guards.

Belongs here: one rule a kind of node, and the columns that a tree reads. Does not belong here: the algebra of values
(``sql_numbers``), what is made of them (``sql``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas import declared, sql_numbers
from greenlang.formulas.conversion import ratio
from greenlang.formulas.declare import FormulaColumn, FormulaSymbol
from greenlang.formulas.evaluate import Tables
from greenlang.formulas.exact import program, whole_exponent
from greenlang.formulas.show import show
from greenlang.formulas.sql_numbers import Condition, Value
from greenlang.formulas.sql_status import Guard, after, first_bad, flat, status_of
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
from greenlang.sql import literal, quoted

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


_Made = tuple[Value | Condition | str, list[Guard]]
_SQL_OPS = {"==": "=", "!=": "<>"}


class TooWide(Exception):
    """What plain SQL cannot hold: the declared function computes it."""


class Writer:
    """Writes a tree, and remembers what that needs."""

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
                cells = ", ".join(f"{quoted(c)}: CAST(gl_row.{quoted(c)} AS VARCHAR)" for c in given.columns)
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
        return self.column(name).sql or quoted(name)

    def limits(self, symbols: Mapping[str, FormulaSymbol], tree: Node) -> list[Guard]:
        """Missing values and those outside their valid range, symbol by symbol as they are declared."""
        guards: list[Guard] = []
        read = self.names(tree)
        for name, symbol in symbols.items():
            if name not in read:
                continue
            sql, given = self.sql(name), self.column(name)
            guards.append(Guard(f"{sql} IS NULL", "missing"))
            if symbol.type == "table":
                cells = {c: f"gl_row.{quoted(c)}" for c in symbol.columns}
                absent = [Guard(f"{cell} IS NULL", "missing") for cell in cells.values()]
                beyond = [
                    guard
                    for c, column in symbol.columns.items()
                    for guard in self.outside(column, cells[c], given.columns[c], sql, "gl_row")
                ]
                guards += [Guard("", first_bad(sql, status_of(part))) for part in (absent, beyond) if part]
            else:
                guards += self.outside(symbol, sql, given)
        return guards

    def outside(
        self, symbol: FormulaSymbol | FormulaColumn, sql: str, given: ColumnType, table: str = "", variable: str = ""
    ) -> list[Guard]:
        """The guard of a range or an enum, if there is one."""
        if symbol.type == "text" and symbol.enum:
            return [Guard(f"{sql} NOT IN ({', '.join(map(literal, symbol.enum))})", "out_of_range")]
        tests = []
        for op, bound in (("<", symbol.range[0]), (">", symbol.range[1])):
            if bound is not None and symbol.type == "number":
                value = self.number_column(sql, given, table, variable)
                test = sql_numbers.compare(op, value, sql_numbers.constant(Fraction(bound)))
                self.needs |= test.needs
                tests.append(test.sql)
        return [Guard(" OR ".join(tests), "out_of_range")] if tests else []

    # nodes

    def attempt(self, tree: Node) -> tuple[Value, list[Guard]] | None:
        """The tree as plain SQL; None if it needs the declared function."""
        try:
            value, guards = self.number(tree)
        except TooWide:
            return None
        size = len(status_of(guards)) + sum(len(t.sql) for t in (value.n, value.d, value.dec) if t is not None)
        return None if size > MAX_TEXT or _hopeless(value) else (value, guards)

    def number(self, node: Node) -> tuple[Value, list[Guard]]:
        made, guards = self.any(node)
        assert isinstance(made, Value), f"{show(node)} is no number"
        if not self.row:
            self.parts += [part.sql for part in (made.n, made.d, made.dec) if part is not None]
        return made, guards

    def truth(self, node: Node) -> tuple[Condition, list[Guard]]:
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
                return literal(text), []
            case Truth(value=truth):
                return Condition(str(truth).upper()), []
            case Name():
                return self.name(node)
            case Lookup():
                return self.lookup(node)
            case TableCall(select=select, rows=rows):
                made = [self.any(value) for _, value in select]
                return self.rows(rows or {}, [str(sql) for sql, _ in made], flat(g for _, g in made))
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
                later = [Guard(a.sql, then=tuple(second)) if op == "and" else Guard(a.sql, otherwise=tuple(second))]
                return Condition(f"({a.sql} {op.upper()} {b.sql})", a.needs | b.needs), after(first, later)
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
            return sql_numbers.constant(Fraction(1)), [Guard("", f"'{error.kind}'")]
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
            given, sql = self.column(table).columns.get(rest), f"{self.row[table]}.{quoted(rest)}"
            if given is None:
                raise FormulaError(f"the table `{table}` is given without its column `{rest}`")
        else:
            given, sql = self.column(node.name), self.sql(node.name)
        if given.kind != node.type:
            raise FormulaError(f"`{node.name}` is a {node.type}, its column a {given.kind}")
        guards = [Guard(f"{sql} IS NULL", "missing")]
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
        return self.rows(self.tables[node.table], [str(sql) for sql, _ in made], flat(g for _, g in made))

    def rows(self, rows: Mapping[tuple[str, ...], Decimal], keys: list[str], guards: list[Guard]) -> _Made:
        """A value taken by its keys: a CASE over the rows of a small table."""
        if not rows:
            return sql_numbers.constant(Fraction(1)), after(guards, [Guard("", "'missing'")])
        scale = max(max(-int(v.as_tuple().exponent), 0) for v in rows.values())
        whole = {key: int(v.scaleb(scale)) if scale else int(v) for key, v in rows.items()}
        precision = max(scale, *(len(str(abs(v))) for v in whole.values()))
        if precision > sql_numbers.WIDTH:
            raise TooWide
        tests = {
            key: " AND ".join(f"{k} = {literal(v)}" for k, v in zip(keys, key, strict=True)) or "TRUE" for key in rows
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
        value = replace(value, strict=False)  # a key that is missing may leave a value behind
        return value, after(guards, [Guard(f"NOT ({' OR '.join(f'({t})' for t in tests.values())})", "missing")])

    def sum(self, node: Sum) -> _Made:
        sql, outside = self.sql(node.table), self.row
        self.depth += 1
        variable = f"gl_row_{self.depth}"
        self.row = outside | {node.table: variable}
        body, inner = self.number(node.body)
        self.row = outside
        if body.d is not None:
            raise TooWide  # rows with denominators of their own have no common one
        guards = [Guard(f"{sql} IS NULL", "missing")]
        if inner:
            guards.append(Guard("", first_bad(sql, status_of(inner), variable)))
        rows = self.leaf(f"coalesce(length(CAST(len({sql}) AS VARCHAR)), 1)")
        return sql_numbers.total(sql, variable, body, rows), guards

    def arithmetic(self, node: Arithmetic) -> _Made:
        left, first = self.number(node.left)
        right, second = self.number(node.right)
        guards = after(first, second)
        match node.op:
            case "+":
                return sql_numbers.add(left, right), guards
            case "-":
                return sql_numbers.add(left, sql_numbers.multiply(right, sql_numbers.constant(Fraction(-1)))), guards
            case "*":
                return sql_numbers.multiply(left, right), guards
        if not right.c:
            return sql_numbers.constant(Fraction(1)), after(guards, [Guard("", "'division_by_zero'")])
        if right.n is not None:  # else it is one over something
            guards = after(guards, [self.zero(right, "division_by_zero")])
        return sql_numbers.divide(left, right), guards

    def zero(self, value: Value, code: str) -> Guard:
        test = sql_numbers.is_zero(value)
        self.needs |= test.needs
        return Guard(test.sql, code)

    def power(self, node: Arithmetic) -> _Made:
        exponent = whole_exponent(node)
        assert exponent is not None  # others are declared functions
        if abs(exponent) > MAX_FACTORS:
            raise TooWide
        base, guards = self.number(node.left)
        if exponent <= 0:
            if not base.c:
                return base, after(guards, [Guard("", "'domain'")])
            guards = after(guards, [self.zero(base, "domain")] if base.n is not None else [])
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
            return sql_numbers.compare(op, left, right), after(first, second)
        a, b = (x.sql if isinstance(x, Condition) else x for x in (left, right))
        return Condition(f"({a} {op} {b})"), after(first, second)

    def function(self, node: Call) -> _Made:
        made = [self.number(a) for a in node.arguments]
        values, guards = [v for v, _ in made], flat(g for _, g in made)
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
        guards = after(first, [Guard(test.sql, then=tuple(yes), otherwise=tuple(no))])
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
