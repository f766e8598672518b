"""Do the back-ends agree? Every vector and seeded inputs of every output, in SQL and in exact fractions.

Inputs are drawn from SHA-256 of a seed, the formula and a counter: the same on every machine, other ones for another
seed (a daily check may take the date). Zeros, missing values and values at the ends of ranges are among them.

Belongs here: drawing inputs and comparing. Does not belong here: either back-end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from greenlang.errors import CalculationError
from greenlang.formulas.declare import FormulaColumn, FormulaSymbol, Given, LibraryFormula, Range, SymbolType
from greenlang.formulas.exact import declared_functions, rounded
from greenlang.formulas.prove import CompiledFormula, compiled, decimals_of
from greenlang.formulas.sql import ColumnType, compile_formula
from greenlang.formulas.tree import TableCall, Text, walk

if TYPE_CHECKING:
    import duckdb

PRECISION, SCALE = 18, 6
_FEW = 50


@dataclass(frozen=True, slots=True)
class Agreement:
    """One output of one formula: how it ran and where the back-ends differ."""

    formula: str
    output: str
    path: str  # sql | sql or function | function
    exact: bool
    vectors: int
    inputs: int
    answered: int  # inputs that have an answer
    in_sql: int  # of those, computed by plain SQL
    differences: int
    example: str = ""  # the first difference


def agreement(formulas: Iterable[LibraryFormula], *, inputs: int = 1000, seed: str = "") -> Iterator[Agreement]:
    """One row an output. Raises FormulaError for a formula that does not compile."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        for formula in formulas:
            whole = compiled(formula)
            defaults: dict[str, Given | None] = {
                n: s.default for n, s in formula.symbols.items() if s.origin == "parameter"
            }
            vectors = [{**defaults, **v.given} for v in formula.vectors]
            alone = all(declared_functions(whole.single(output)) for output in formula.outputs)
            rows = [*vectors, *draw(whole, min(inputs, _FEW) if alone else inputs, seed)]
            columns = _columns(formula, rows)
            _fill(connection, columns, rows)
            for output in formula.outputs:
                yield _compare(connection, whole, output, columns, rows, len(vectors))


def _compare(
    connection: duckdb.DuckDBPyConnection,
    whole: CompiledFormula,
    output: str,
    columns: Mapping[str, ColumnType],
    rows: list[dict[str, Given | None]],
    vectors: int,
) -> Agreement:
    sql = compile_formula(whole, output, columns)
    sql.prepare(connection)
    if sql.path == "function":
        rows = rows[: vectors + _FEW]  # the same function on both sides: only its way through SQL is tested
    query = sql.select(f"(SELECT * FROM given WHERE place < {len(rows)})", how="how")  # noqa: S608 - our own table
    answers = connection.execute(f"SELECT value, status, how FROM ({query}) ORDER BY place").fetchall()  # noqa: S608
    differences, answered, in_sql, example = 0, 0, 0, ""
    ask = whole.asker(output)
    digits = decimals_of(whole.formula, output)
    for row, (value, status, how) in zip(rows, answers, strict=True):
        expected: tuple[Decimal | None, str]
        try:
            expected = (rounded(ask(row), digits), "ok")
        except CalculationError as error:
            expected = (None, error.kind)
        answered += expected[1] == "ok"
        in_sql += how == "sql"
        if (value, status) != expected:
            differences += 1
            example = example or f"{row}: SQL {value} {status}, Decimal {expected[0]} {expected[1]}"
    return Agreement(
        whole.formula.id,
        output,
        sql.path,
        sql.exact,
        vectors,
        len(rows) - vectors,
        answered,
        in_sql,
        differences,
        example,
    )


# --- inputs ---------------------------------------------------------------------------------------------------------


class _Draw:
    """Whole numbers from SHA-256 of a text and a counter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.count = 0
        self.bits = 0
        self.left = 0

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1; limit is far below 2**40."""
        if self.left < 40:
            digest = hashlib.sha256(f"{self.text}:{self.count}".encode()).digest()
            self.bits, self.left, self.count = int.from_bytes(digest, "big"), 256, self.count + 1
        value, self.bits, self.left = self.bits & (2**40 - 1), self.bits >> 40, self.left - 40
        return value % limit


def draw(whole: CompiledFormula, count: int, seed: str = "") -> list[dict[str, Given | None]]:
    """Inputs of a formula, by symbol: mostly inside the valid ranges, some zero, missing or at an end."""
    formula = whole.formula
    source = _Draw(f"{seed}:{formula.id}")
    texts = _texts(whole)
    return [
        {
            name: _drawn(source, name, symbol, texts)
            for name, symbol in formula.symbols.items()
            if symbol.origin != "constant"
        }
        for _ in range(count)
    ]


def _texts(whole: CompiledFormula) -> list[str]:
    """Texts that an expression speaks of."""
    found = {n.value for tree in whole.trees.values() for n in walk(tree) if isinstance(n, Text)}
    for tree in whole.trees.values():
        for node in walk(tree):
            if isinstance(node, TableCall) and node.rows:
                found |= {part for key in node.rows for part in key}
    return sorted(found) or ["text"]


def _drawn(source: _Draw, name: str, symbol: FormulaSymbol | FormulaColumn, texts: list[str]) -> Given | None:
    if source.below(200) == 0:
        return None
    if symbol.type == "text":
        choices = list(symbol.enum) or texts
        return choices[source.below(len(choices))]
    if symbol.type == "truth":
        return source.below(2) == 1
    if isinstance(symbol, FormulaSymbol) and symbol.type == "table":
        return tuple(
            {c: _drawn(source, c, column, texts) for c, column in symbol.columns.items()}
            for _ in range(source.below(4))
        )
    return _number(source, symbol.range)


def _number(source: _Draw, bounds: Range) -> Decimal:
    """A number with up to six digits after the point: inside its range, or of some size between 0.001 and a million."""
    low, high = bounds
    chance = source.below(40)
    if chance == 0:
        return Decimal(0)
    if chance == 1 and (low if low is not None else high) is not None:
        end = low if low is not None else high
        assert end is not None
        return round(end, SCALE)
    places = source.below(SCALE + 1)
    if low is not None and high is not None:
        share = Decimal(source.below(10**9)) / 10**9
        value = low + (high - low) * share
    else:
        value = Decimal(1 + source.below(10**6)) / 10 ** source.below(4)
        if chance == 2 and low is None:
            value = -value
        if low is not None:
            value += low if low > 0 else 0
        elif high is not None:
            value = high - value
    return round(value, places)


def _columns(formula: LibraryFormula, rows: list[dict[str, Given | None]]) -> dict[str, ColumnType]:
    """Columns of DECIMAL(18,6), wider where a value of a vector needs it."""
    out: dict[str, ColumnType] = {}
    for name, symbol in formula.symbols.items():
        if symbol.origin == "constant":
            continue
        values = [row.get(name) for row in rows]
        cells = [cell for value in values if isinstance(value, tuple) for cell in value]
        columns = {c: _column(column.type, [cell.get(c) for cell in cells]) for c, column in symbol.columns.items()}
        # names of their own: for DuckDB, w and W are one column
        out[name] = replace(_column(symbol.type, values), columns=columns, sql=f"c{len(out)}")
    return out


def _column(kind: SymbolType, values: list[Any]) -> ColumnType:
    numbers = [v for v in values if isinstance(v, Decimal)]
    scale = max([SCALE, *(-int(v.as_tuple().exponent) for v in numbers)])
    before = max([PRECISION - SCALE, *(v.adjusted() + 1 for v in numbers)])
    return ColumnType(before + scale, scale, kind)


def _type(column: ColumnType) -> str:
    if column.kind == "table":
        cells = ", ".join(f'"{c}" {_type(t)}' for c, t in column.columns.items())
        return f"STRUCT({cells})[]"
    return {"text": "VARCHAR", "truth": "BOOLEAN"}.get(column.kind, f"DECIMAL({column.precision},{column.scale})")


def _fill(
    connection: duckdb.DuckDBPyConnection, columns: Mapping[str, ColumnType], rows: list[dict[str, Given | None]]
) -> None:
    """The table ``given``: one row an input, in order."""
    import pyarrow as pa

    texts = pa.table(
        {c.sql: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name, c in columns.items()}
    )
    connection.register("texts", texts.append_column("place", pa.array(range(len(rows)))))
    casts = []
    for column in columns.values():
        text = f"CAST({column.sql} AS JSON)" if column.kind == "table" else column.sql
        casts.append(f"CAST({text} AS {_type(column)}) AS {column.sql}")
    connection.execute(f"CREATE OR REPLACE TABLE given AS SELECT {', '.join([*casts, 'place'])} FROM texts")  # noqa: S608
    connection.unregister("texts")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return json.dumps([{c: _text(v) for c, v in row.items()} for row in value])
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
