"""The SQL back-end: the digits of the exact one, no DOUBLE anywhere, and no row that stops others."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas.check import Scope, Symbol, check, fit
from greenlang.formulas.declare import FormulaSymbol
from greenlang.formulas.exact import answer
from greenlang.formulas.parse import parse
from greenlang.formulas.sql import TEXT, TRUTH, ColumnType, CompiledSql, compile_sql
from greenlang.formulas.tables import Column, ParameterTable
from greenlang.formulas.tree import Lookup, Node

# n, m and q are what a lambda might be called; the types are narrow, 64-bit, wide and widest
TYPES = {
    "n": ColumnType(18, 6),
    "m": ColumnType(18, 12),
    "q": ColumnType(9, 2),
    "w": ColumnType(38, 10),
    "i": ColumnType(19, 0),
    "kind": TEXT,
    "on": TRUTH,
    "energy": ColumnType(18, 3),
    "hot": ColumnType(9, 2),
    "fuels": ColumnType(kind="table", columns={"mass": ColumnType(18, 6), "ef": ColumnType(18, 6), "kind": TEXT}),
}
_ROW = (
    Symbol("fuels.mass", "column", "number", "1"),
    Symbol("fuels.ef", "column", "number", "1"),
    Symbol("fuels.kind", "column", "text"),
)
TABLE = ParameterTable(
    "mcf",
    None,  # type: ignore[arg-type]
    ("kind",),
    {"f": Column("1", "")},
    {("a",): {"f": Decimal("0.4")}, ("b'",): {"f": Decimal("-12.75")}, ("c",): {"f": Decimal(3)}},
)
SCOPE = Scope(
    {
        **{name: Symbol(name, "symbol", "number", "1") for name in "nmqwi"},
        "kind": Symbol("kind", "symbol", "text"),
        "on": Symbol("on", "symbol", "truth"),
        "energy": Symbol("energy", "symbol", "number", "kWh"),
        "hot": Symbol("hot", "symbol", "number", "degF"),
        "fuels": Symbol("fuels", "symbol", "table", None, (), _ROW),
    },
    table=lambda _: TABLE,
)
SQL_TYPES = {
    name: {"text": "VARCHAR", "truth": "BOOLEAN"}.get(t.kind, f"DECIMAL({t.precision},{t.scale})")
    for name, t in TYPES.items()
} | {"fuels": "STRUCT(mass DECIMAL(18,6), ef DECIMAL(18,6), kind VARCHAR)[]"}


def tree(text: str, unit: str = "1") -> Node:
    return fit(check(parse(text), SCOPE, source=text), unit)


def literal(name: str, value: Any) -> str:
    if value is None:
        text = "NULL"
    elif isinstance(value, bool):
        text = str(value)
    elif isinstance(value, str):
        text = "'" + value.replace("'", "''") + "'"
    elif isinstance(value, list):
        cells = ({k: literal("", v) for k, v in row.items()} for row in value)
        text = f"[{', '.join('{' + ', '.join(f'{k}: {v}' for k, v in row.items()) + '}' for row in cells)}]"
    else:
        text = f"'{value:f}'"
    return f"CAST({text} AS {SQL_TYPES[name]})" if name else text


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def ask(
    con: duckdb.DuckDBPyConnection, sql: CompiledSql, rows: list[Mapping[str, Any]]
) -> list[tuple[Decimal | None, str]]:
    """Value and status of each row: as expressions and as a select, which must say the same."""
    selects = [
        f"SELECT {place} AS place, " + ", ".join(f'{literal(n, row.get(n))} AS "{n}"' for n in TYPES)
        for place, row in enumerate(rows)
    ]
    con.execute("CREATE OR REPLACE TABLE given AS " + " UNION ALL ".join(selects))
    sql.prepare(con)
    one = con.execute(f"SELECT {sql.expression}, {sql.status_expression} FROM given ORDER BY place").fetchall()
    two = con.execute(f"SELECT value, status FROM ({sql.select('given')}) ORDER BY place").fetchall()
    assert one == two
    return one


def expected(node: Node, row: Mapping[str, Any], decimals: int) -> tuple[Decimal | None, str]:
    try:
        return answer(node, row, decimals=decimals), "ok"
    except CalculationError as error:
        return None, error.kind


def number(text: str) -> Decimal:
    return Decimal(text)


ROWS: list[Mapping[str, Any]] = [
    {
        "n": number("12.5"),
        "m": number("0.000000123456"),
        "q": number("-3.25"),
        "w": number("99999.5"),
        "i": number("7"),
        "kind": "a",
        "on": True,
        "energy": number("1000"),
        "hot": number("70"),
        "fuels": [
            {"mass": number("2.5"), "ef": number("3"), "kind": "a"},
            {"mass": number("0.1"), "ef": number("-7"), "kind": "b'"},
        ],
    },
    {
        "n": number("0"),
        "m": number("0"),
        "q": number("0"),
        "w": number("0"),
        "i": number("0"),
        "kind": "b'",
        "on": False,
        "energy": number("0"),
        "hot": number("-40"),
        "fuels": [],
    },
    {
        "n": number("999999999999.999999"),
        "m": number("-999999.999999999999"),
        "q": number("9999999.99"),
        "w": number("-9999999999999999999999999999.9999999999"),
        "i": number("9999999999999999999"),
        "kind": "none",
        "on": True,
        "energy": number("999999999999999"),
        "hot": number("0.5"),
        "fuels": [{"mass": number("999999999999.999999"), "ef": number("-999999999999.999999"), "kind": "c"}] * 3,
    },
    {},
    {"n": number("1"), "m": None, "q": number("2"), "fuels": [{"mass": None, "ef": number("1"), "kind": "a"}]},
]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("n * m", "sql"),
        ("n * q * 44 / 12", "sql"),
        ("n + q - i", "sql"),
        ("-n", "sql"),
        ("5", "sql"),
        ("n / q", "sql"),
        ("n * m * w", "sql or function"),
        ("n * m / (q * i)", "sql or function"),
        ("n / m + q / i", "sql or function"),
        ("1 / (1 / n + 1 / q)", "sql"),
        ("n ** 3 - q ** -2", "sql or function"),
        ("q ** 0", "sql"),
        ("0 * n / 7", "sql"),
        ("n * 0.0001 - q * 1000", "sql"),
        ("min(n, q, 5) + max(n / q, m)", "sql"),
        ("min(-n, 2 * n) - max(-n, -q)", "sql"),
        ("abs(n / q - 3)", "sql"),
        ("round(n / 7, 2) + round(q, -1) + round(m, 6)", "sql"),
        ("round(n, 2) * round(q, 0)", "sql"),
        ("if(n > q, n / q, q)", "sql"),
        ("if(q == 0, 0, n / q)", "sql"),
        ("if(n / q > m, 1, 2)", "sql"),
        ("if(n / q >= 2 and not (q < 0) or m != 0, n, m)", "sql"),
        ('if(kind == "a" and 1 / q < 0, 1, 2)', "sql"),
        ('if(kind == "a" or 1 / q < 0, 1, 2)', "sql"),
        ("if(on, n, q) * if(on == true, 1, 0)", "sql"),
        ('n * table("mcf", "f", kind = kind)', "sql"),
        ('n * table("mcf", "f", kind = if(on, "a", "c"))', "sql"),
        ("sum(fuels, fuels.mass * fuels.ef)", "sql or function"),
        ("sum(fuels, fuels.mass) / sum(fuels, fuels.ef)", "sql or function"),
        ("sum(fuels, 1)", "sql or function"),
        ('sum(fuels, fuels.mass * table("mcf", "f", kind = fuels.kind) / 3)', "sql or function"),
        ('sum(fuels, if(fuels.kind == "a", fuels.mass, n))', "sql or function"),
        ("sum(fuels, max(fuels.mass, fuels.ef) / 7) * q", "sql or function"),
        ("sum(fuels, fuels.mass / fuels.ef)", "function"),
        ("sum(fuels, round(fuels.mass / 3, 2))", "sql or function"),
        ("sqrt(n) + ln(q)", "function"),
        ("n ** q", "function"),
        ("n ** 40", "function"),
        ("exp(i)", "function"),
        ("1 / 0 + n", "sql"),
        ("if(n > 0, 1 / 0, 2)", "sql"),
        ("n / (q - q)", "sql"),
        ("w * w", "sql or function"),
        ("w + w", "sql or function"),
        ("w", "sql"),
    ],
)
@pytest.mark.parametrize("decimals", [0, 6, 12])
def test_both_back_ends_say_the_same(con: duckdb.DuckDBPyConnection, text: str, path: str, decimals: int) -> None:
    node = tree(text)
    sql = compile_sql(node, TYPES, decimals=decimals)
    assert ask(con, sql, ROWS) == [expected(node, row, decimals) for row in ROWS]
    if decimals == 6:
        assert sql.path == path
    assert sql.exact == (not sql.functions)


@pytest.mark.parametrize("unit", ["mmBtu", "MWh", "GWh", "TWh", "J", "therm"])
def test_units_convert_in_sql(con: duckdb.DuckDBPyConnection, unit: str) -> None:
    node = tree("energy", unit)
    assert ask(con, compile_sql(node, TYPES, decimals=6), ROWS) == [expected(node, row, 6) for row in ROWS]


def test_shifted_scales_convert_in_sql(con: duckdb.DuckDBPyConnection) -> None:
    node = tree("hot", "K")
    got = ask(con, compile_sql(node, TYPES, decimals=12), ROWS)
    assert got == [expected(node, row, 12) for row in ROWS]
    assert got[1][0] == Decimal("233.15")


def test_ties_go_to_the_even_digit(con: duckdb.DuckDBPyConnection) -> None:
    rows: list[Mapping[str, Any]] = [
        {"n": number(t), "i": number("1")} for t in ("0.5", "1.5", "2.5", "-0.5", "-1.5", "-2.5")
    ]
    for text in ("n", "n * i", "n / i", "n * 2 / 2", "n / 3 * 3"):
        got = ask(con, compile_sql(tree(text), TYPES, decimals=0), rows)
        assert [value for value, _ in got] == [0, 2, 2, 0, -2, -2], text


def test_small_values_are_not_lost(con: duckdb.DuckDBPyConnection) -> None:
    got = ask(con, compile_sql(tree("m / 1000"), TYPES, decimals=12), ROWS[:1])
    assert got == [(Decimal("0.000000000123"), "ok")]


_LEAVES = st.sampled_from(["n", "m", "q", "w", "i", "2", "0.25", "7", "1000"])
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "/"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(inner, st.sampled_from(["<", ">=", "=="]), inner, inner, inner).map(
            lambda t: f"if({t[0]} {t[1]} {t[2]}, {t[3]}, {t[4]})"
        ),
        inner.map(lambda t: f"abs({t})"),
        inner.map(lambda t: f"round({t}, 2)"),
        inner.map(lambda t: f"({t}) ** 2"),
    ),
    max_leaves=8,
)


def _numbers(name: str) -> st.SearchStrategy[Decimal]:
    given_type = TYPES[name]
    most = 10**given_type.precision - 1
    sizes = st.one_of(st.integers(-most, most), st.integers(-(10**6), 10**6), st.just(0))
    return sizes.map(lambda n: Decimal(f"{n}E-{given_type.scale}"))


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    _TREES,
    st.lists(st.fixed_dictionaries({n: _numbers(n) for n in "nmqwi"}), min_size=1, max_size=6),
    st.sampled_from([0, 6, 12]),
)
def test_any_tree_agrees_on_any_row(
    con: duckdb.DuckDBPyConnection, text: str, rows: list[Mapping[str, Decimal]], decimals: int
) -> None:
    node = tree(text)
    sql = compile_sql(node, TYPES, decimals=decimals)
    assert ask(con, sql, list(rows)) == [expected(node, row, decimals) for row in rows]
    for part in sql.parts:
        types(con, part)


def types(con: duckdb.DuckDBPyConnection, *expressions: str) -> set[str]:
    """The types of expressions over the table; none may be binary."""
    found = {con.execute(f"SELECT typeof({e}) FROM given LIMIT 1").fetchall()[0][0] for e in expressions}
    assert not any(word in t for t in found for word in ("DOUBLE", "FLOAT", "REAL")), found
    return found


@pytest.mark.parametrize(
    "text", ["n * m", "n * m / q + w / 3", "if(n > m / q, round(n, 2), abs(q)) ** 2", "sum(fuels, fuels.mass * n) / q"]
)
def test_no_double_in_any_part_or_plan(con: duckdb.DuckDBPyConnection, text: str) -> None:
    sql = compile_sql(tree(text), TYPES, decimals=6)
    ask(con, sql, ROWS[:2])
    assert sql.parts
    types(con, *sql.parts)
    assert types(con, sql.expression) == {"DECIMAL(38,6)"}
    plan = con.execute(f"EXPLAIN {sql.select('given')}").fetchall()[0][1]
    assert "DOUBLE" not in plan
    assert "FLOAT" not in plan


def test_a_bad_row_never_stops_others(con: duckdb.DuckDBPyConnection) -> None:
    """Parts that overflow occur twice: the optimizer must not compute them where an overflow ends the query."""
    text = "(w * w * w) / q + (w * w * w) / n + if(w * w * w > 0, w * w, 1)"
    rows: list[Mapping[str, Any]] = [
        {"w": number("9999999999999999999999999999"), "q": number("1"), "n": number("1")},
        {"w": number("2"), "q": number("1"), "n": number("1")},
        {"w": number("2"), "q": number("0"), "n": number("1")},
        {"w": None, "q": number("0"), "n": number("1")},
    ]
    node = tree(text)
    one, two = compile_sql(node, TYPES, decimals=6), compile_sql(tree("w * w * w"), TYPES, decimals=6)
    got = ask(con, one, rows)
    assert [status for _, status in got] == ["overflow", "ok", "division_by_zero", "missing"]
    assert got[1][0] == 20
    two.prepare(con)
    several = f"{one.expression}, {one.status_expression}, {two.expression}, {two.status_expression}"
    again = con.execute(f"SELECT {several} FROM given ORDER BY place").fetchall()
    assert [row[:2] for row in again] == got
    assert [row[3] for row in again] == ["overflow", "ok", "ok", "missing"]


def test_threads_and_order_change_nothing(con: duckdb.DuckDBPyConnection) -> None:
    node = tree("n * m / q + w")
    sql = compile_sql(node, TYPES, decimals=12)
    sql.prepare(con)
    draw = random.Random(7)
    values = [(i, draw.randint(-(10**9), 10**9), draw.randint(0, 10**12), draw.randint(-3, 99)) for i in range(30_000)]
    con.execute("CREATE TABLE raw(place INT, a BIGINT, b BIGINT, c INT)")
    con.executemany("INSERT INTO raw VALUES (?, ?, ?, ?)", values[:200])
    con.execute("INSERT INTO raw SELECT place + 200 * k, a + k, b - k, c FROM raw, range(1, 150) r(k)")
    source = (
        "(SELECT place, CAST(a / 1000 AS DECIMAL(18,6)) n, CAST(b AS DECIMAL(18,0)) * 0.000000000001 m0,"
        " CAST(m0 AS DECIMAL(18,12)) m, CAST(c AS DECIMAL(9,2)) q, CAST(a AS DECIMAL(38,10)) w FROM raw ORDER BY {})"
    )
    answers = []
    for threads, order in ((1, "place"), (2, "place"), (8, "hash(place)")):
        con.execute(f"SET threads = {threads}")
        answers.append(
            con.execute(
                f"SELECT place, value, status FROM ({sql.select(source.format(order))}) ORDER BY place"
            ).fetchall()
        )
    assert answers[0] == answers[1] == answers[2]


def test_valid_ranges_are_a_status(con: duckdb.DuckDBPyConnection) -> None:
    symbols = {
        "n": FormulaSymbol("input", "1", "", range=(Decimal(0), Decimal(100))),
        "kind": FormulaSymbol("input", "", "", "text", enum=("a", "b'")),
        "q": FormulaSymbol("input", "1", "", range=(None, Decimal("9.5"))),
    }
    sql = compile_sql(tree('if(kind == "a", n, n / q)'), TYPES, decimals=6, symbols=symbols)
    rows: list[Mapping[str, Any]] = [
        {"n": number(n), "kind": kind, "q": number(q)}
        for n, kind, q in (
            ("0", "a", "1"),
            ("100", "b'", "9.5"),
            ("100.000001", "a", "1"),
            ("1", "c", "1"),
            ("1", "a", "9.51"),
            ("1", "b'", "0"),
        )
    ]
    statuses = [status for _, status in ask(con, sql, rows)]
    assert statuses == ["ok", "ok", "out_of_range", "out_of_range", "out_of_range", "division_by_zero"]


def test_pinned_look_ups_are_a_case_or_a_joined_column(con: duckdb.DuckDBPyConnection) -> None:
    node = tree("n * 2")
    look = Lookup("ef", ("kind",), unit="1")
    whole = type(node)(op="*", left=node, right=look, unit="1")  # type: ignore[call-arg]
    tables = {"ef": {("a",): Decimal("0.5"), ("b'",): Decimal(3)}}
    rows: list[Mapping[str, Any]] = [{"n": number("4"), "kind": k} for k in ("a", "b'", "c", None)]
    by_case = ask(con, compile_sql(whole, TYPES, decimals=6, tables=tables), rows)
    assert by_case == [(Decimal(4), "ok"), (Decimal(24), "ok"), (None, "missing"), (None, "missing")]
    joined = compile_sql(whole, {**TYPES, "ef": ColumnType(18, 6, sql='"q"')}, decimals=6)
    assert ask(con, joined, [{"n": number("4"), "q": number("0.5")}]) == [(Decimal(4), "ok")]


def test_a_product_stays_one_multiplication_and_one_rounding() -> None:
    sql = compile_sql(tree("n * m"), TYPES, decimals=6)
    product = '(CAST("n" AS DECIMAL(18,6)) * CAST("m" AS DECIMAL(18,12)))'
    assert sql.expression == f"CAST(round_even({product}, 6) AS DECIMAL(38,6))"
    assert sql.path == "sql"


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("n * m", {"n": TYPES["n"]}, "no column is given for `m`"),
        ("n * 2", {"n": TEXT}, "`n` is a number, its column a text"),
        ("n * m", {"n": TYPES["n"], "N": TYPES["n"], "m": TYPES["m"]}, "differ in capitals only"),
        ("sum(fuels, fuels.mass)", {"fuels": ColumnType(kind="table")}, "given without its column `mass`"),
    ],
)
def test_columns_that_do_not_fit_are_refused(text: str, columns: dict[str, ColumnType], message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        compile_sql(tree(text), columns, decimals=6)


def test_a_type_that_duckdb_does_not_have_is_refused() -> None:
    with pytest.raises(FormulaError, match=r"DECIMAL\(39,6\) is no type of DuckDB"):
        ColumnType(39, 6)
    with pytest.raises(FormulaError, match="is no number"):
        compile_sql(check(parse("n > 1"), SCOPE), TYPES, decimals=6)
