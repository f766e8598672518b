"""The DuckDB back-end of the differential runs: the plans of one part as one SQL statement over all its hidden inputs.

Every figure is asked twice where that can be. *Exact*: DECIMAL and whole numbers alone (``greenlang.formulas.sql``),
for plans that are short enough and rows that fit into 38 digits. *DOUBLE*: every plan and every row
(``differential_double``). Nothing of ours runs inside: the declared Decimal function is not called, since asking our
own arithmetic twice is no second opinion.

Belongs here: the statement, and what its answers say. Does not belong here: comparing them (``differential``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from greenlang_sdk.decimals import normal_text

from greenlang.errors import FormulaError
from greenlang.formulas.evaluate import Tables
from greenlang.formulas.exact import declared_functions
from greenlang.formulas.sql import ColumnType, CompiledSql, compile_sql
from greenlang.formulas.tree import If, Lookup, Name, Node, Number, TableCall, Text, children, rebuild, walk
from greenlang.quality.differential_double import NUDGES, SHAKES, Cell, Doubles
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import Given, InputSpec
from greenlang.sql import literal

if TYPE_CHECKING:
    import duckdb

SQL_LENGTH = 2500  # characters of exact SQL for one agent: DuckDB plans a thousand of them in three milliseconds
LONG_SQL = 10_000  # in the nightly tier
DIGITS = 12  # that a DOUBLE is trusted with, where its own movement does not speak against it
_FLOOR = 10.0**-DIGITS
_CAUTION = 4  # times the movement of a figure under the nudges
_WORTHLESS = 1e-6  # a figure that is less sure than this says nothing
_CHARACTERS = 20  # of exact SQL at least for a part of a formula
_LONG = "its exact SQL is long"
_WIDTH = 38
_NARROW = 14  # digits of one number, before and after the point


@dataclass(frozen=True, slots=True)
class Doubled:
    """A figure in DOUBLE, and how far from it the true one may lie."""

    value: float
    slack: float

    def holds(self, claimed: Iterable[str], decimals: int) -> bool:
        """Whether this allows all of these rounded figures: one only, where all of the slack rounds to it."""
        try:
            wrong = [text for text in claimed if abs(float(text) - self.value) > self.slack]
        except ValueError:
            return False  # no number at all
        if not wrong:  # what lies inside is its own rounding
            return True
        low, high = (run.canonical(Decimal(self.value + side), decimals) for side in (-self.slack, self.slack))
        return all(Decimal(low) <= Decimal(text) <= Decimal(high) for text in wrong)

    def text(self, decimals: int) -> str:
        """The figure as it would be declared."""
        return run.canonical(Decimal(self.value), decimals)


@dataclass(slots=True)
class Answers:
    """What DuckDB says of one output, input by input; None where it says nothing."""

    exact: list[str | None] = field(default_factory=list)
    double: list[Doubled | str | None] = field(default_factory=list)  # a text for a text or a truth value
    why: str = ""  # the output has no exact SQL


@dataclass(frozen=True, slots=True)
class _Exact:
    """An output as exact SQL, and the texts that its numbers stand for."""

    sql: CompiledSql
    texts: tuple[str, ...] = ()


def ask(
    part: Resolution, outputs: Sequence[str], given: Sequence[Mapping[str, Given]], budget: int
) -> dict[str, Answers]:
    """What DuckDB says of the outputs. ``budget``: characters of exact SQL."""
    import duckdb

    asking = _Asking(part, outputs, [run.with_defaults(part.spec, one) for one in given], budget)
    if not given:
        return asking.answers
    try:
        asking.read(_connection().execute(asking.statement()).fetchall())
    except duckdb.Error as error:
        asking.refused(f"DuckDB refused the query: {str(error).splitlines()[0]}")
    return asking.answers


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One connection a process: opening one takes longer than asking."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")  # so few rows are never shared out
    connection.execute("PRAGMA disable_optimizer")  # which takes longer than so few rows do
    return connection


class _NotExact(Exception):
    """Why an output has no exact SQL."""


class _Asking:
    """One statement, and what is needed to read its answers."""

    def __init__(self, part: Resolution, outputs: Sequence[str], given: list[dict[str, Given]], budget: int) -> None:
        self.part = part
        self.outputs = outputs
        self.given = given
        self.narrow = [_narrow(one) for one in given]
        self.trees, self.tables = _asked_rows(part, outputs, given)
        self.used = {name: _outputs_used(tree) for name, tree in self.trees.items()}
        self.columns = dict(self._columns())
        self.answers = {name: Answers() for name in outputs}
        self.exact: dict[str, _Exact] = {}
        for name, (size, functions) in sorted(self._measured().items(), key=lambda m: m[1][0]):  # short ones first
            try:
                if functions:
                    raise _NotExact(f"it uses {', '.join(sorted(functions))}")
                if size * _CHARACTERS > budget:
                    raise _NotExact(_LONG)
                self.exact[name] = made = self._compiled(name, budget)
                budget -= len(made.sql.plain) + len(made.sql.reason)
            except (_NotExact, FormulaError) as why:
                self.answers[name].why = str(why)

    def _measured(self) -> dict[str, tuple[int, set[str]]]:
        """Of each output with those that it uses put in: how many parts it has, and which declared functions."""
        found: dict[str, tuple[int, set[str]]] = {}
        for name in self.outputs:
            tree, used = self.trees[name], [found[other] for other in self.used[name]]
            size = _size(tree) + sum(size for size, _ in used)
            found[name] = size, set(declared_functions(tree)).union(*(functions for _, functions in used))
        return found

    # the statement

    def statement(self) -> str:
        """Rows as texts, so that nothing is rounded on the way; then columns, exact figures, and DOUBLE in layers."""
        ports = list(self.part.spec.inputs)
        rows = (
            f"({place}, {narrow}, {', '.join(_literal(one.get(name)) for name in ports)})"
            for place, (one, narrow) in enumerate(zip(self.given, self.narrow, strict=True))
        )
        names = "".join(f", t{i}" for i in range(len(ports)))
        nudges = ", ".join(f"({nudge!r}::DOUBLE)" for nudge in NUDGES)
        query = f"(VALUES {', '.join(rows)}) AS texts(place, narrow{names}), (VALUES {nudges}) AS nudges(nudge)"
        cells = {name: self._cell(i, port) for i, (name, port) in enumerate(self.part.spec.inputs.items())}
        query = _layer(
            [*SHAKES, *self._casts(), *(f"{made} AS b{i}" for i, (_, made, _) in enumerate(cells.values()) if made)],
            query,
        )
        exact = [
            f"{sql} AS {head}{at}"
            for at, column in enumerate(self.exact.values())
            for sql, head in ((column.sql.plain, "p"), (column.sql.reason, "s"))
        ]
        query = _layer(
            [*exact, *(f"{moved} AS d{i}" for i, (_, _, moved) in enumerate(cells.values()) if moved)], query
        )
        doubles = Doubles({name: cell for name, (cell, _, _) in cells.items()}, self._places(), self.tables)
        for level in self._levels():
            query = _layer([f"{doubles.sql(self.trees[name])} AS {doubles.outputs[name]}" for name in level], query)
        wanted = [f"p{at}, s{at}" for at in range(len(self.exact))] + list(doubles.outputs.values())
        return f"SELECT place, nudge, {', '.join(wanted)} FROM {query}"  # noqa: S608 - literals of ours, quoted

    def _places(self) -> dict[str, str]:
        return {name: f"o{at}" for at, name in enumerate(self.outputs)}

    def _levels(self) -> list[list[str]]:
        """The outputs, those that use others behind them."""
        level: dict[str, int] = {}
        for name in self.outputs:
            level[name] = max((level[other] + 1 for other in self.used[name]), default=0)
        return [[n for n in self.outputs if level[n] == depth] for depth in range(max(level.values(), default=-1) + 1)]

    def _casts(self) -> Iterator[str]:
        """The columns that exact SQL reads; NULL in rows that it is not asked for."""
        asked = "narrow AND nudge = 0"
        for name, column in self.columns.items():
            if name in self.part.spec.inputs and self.exact:
                text = column.sql.replace("c", "t")
                made = f"CAST({_json(text, column)} AS {_sql_type(column)})"
                yield f"CASE WHEN {asked} THEN {made} END AS {column.sql}"

    def _cell(self, place: int, port: InputSpec) -> tuple[Cell, str, str]:
        """An input in DOUBLE: where it stands, the column that holds it, and the column that holds it moved."""
        text, base = f"t{place}", f"b{place}"
        weight = 1 + place / (len(self.part.spec.inputs) + 1)
        if port.columns:
            types = ", ".join(f'"{c.name}" {_double_type(c)}' for c in port.columns)
            inside = {c.name: _column(c, weight + at / 1000) for at, c in enumerate(port.columns)}
            return Cell(base, columns=inside), f"CAST(CAST({text} AS JSON) AS STRUCT({types})[])", ""
        if port.dtype == "bool":
            return Cell(base, key=text), f"CAST({text} AS BOOLEAN)", ""
        if not port.numeric:
            return Cell(text, key=text), "", ""
        return Cell(base, f"d{place}", text), f"CAST({text} AS DOUBLE)", f"{base} * (1e0 + nudge * {weight!r}::DOUBLE)"

    # exact SQL

    def _columns(self) -> Iterator[tuple[str, ColumnType]]:
        rows = [one for one, narrow in zip(self.given, self.narrow, strict=True) if narrow]
        for place, (name, port) in enumerate(self.part.spec.inputs.items()):
            column = _type_of(port, [one.get(name) for one in rows])
            if column is not None:
                yield name, replace(column, sql=f"c{place}")
                if port.dtype == "int32":
                    yield f"{name} as text", ColumnType(kind="text", sql=f"CAST(c{place} AS VARCHAR)")

    def _compiled(self, output: str, budget: int) -> _Exact:
        """One output as exact SQL. Raises _NotExact or FormulaError with the reason where it has none."""
        if not any(self.narrow):
            raise _NotExact(f"every input has a number of more than {_NARROW} digits")
        tree, texts = self._whole(self.trees[output]), tuple[str, ...]()
        if tree.type == "truth":
            one, none = Number(value=Decimal(1), unit="1"), Number(value=Decimal(0), unit="1")
            tree, texts = If(condition=tree, then=one, otherwise=none, unit="1"), ("false", "true")
        elif tree.type == "text":
            texts = tuple(dict.fromkeys(n.value for n in _leaves(tree)))
            tree = _numbered(tree, texts)
        digits = self.part.plans[output].decimals or 0
        sql = compile_sql(tree, self.columns, decimals=digits, tables=self.tables)
        if not sql.plain:
            raise _NotExact(f"its steps do not fit into {_WIDTH} digits")
        if len(sql.plain) + len(sql.reason) > budget:
            raise _NotExact(_LONG)
        return _Exact(sql, texts)

    def _whole(self, tree: Node) -> Node:
        """A plan with the plans that it uses put in: exact SQL computes each output from the inputs alone."""

        def put(node: Node) -> Node:
            if isinstance(node, Name) and node.kind == "output":
                return put(self.trees[node.name])
            if isinstance(node, Name) and node.kind == "input" and node.name not in self.columns:
                raise _NotExact(f"`{node.name}` is no column: more than {_WIDTH} digits, or of no plain kind")
            if isinstance(node, Lookup):
                whole = (n for n in node.inputs if self.part.spec.inputs[n].dtype == "int32")
                keys = {n: f"{n} as text" for n in whole}  # a whole number selects a row by its text
                return replace(node, inputs=tuple(keys.get(n, n) for n in node.inputs))
            return rebuild(node, put)

        return put(tree)

    # the answers

    def read(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Put the rows of the statement where they belong."""
        by_input = {(place, nudge): cells for place, nudge, *cells in rows}
        heads = 2 * len(self.exact)
        for place, narrow in enumerate(self.narrow):
            base, *moved = (by_input[place, nudge] for nudge in NUDGES)
            for at, (name, column) in enumerate(self.exact.items()):
                told = self._exact_text(name, column, base[2 * at], base[2 * at + 1]) if narrow else None
                self.answers[name].exact.append(told)
            for at, name in enumerate(self.outputs, heads):
                digits = self.part.plans[name].decimals or 0
                self.answers[name].double.append(_doubled(base[at], [row[at] for row in moved], digits))
        for name in self.outputs:
            if name not in self.exact:
                self.answers[name].exact = [None] * len(self.given)

    def refused(self, why: str) -> None:
        """DuckDB did not answer at all."""
        for name in self.outputs:
            self.answers[name] = Answers([None] * len(self.given), [None] * len(self.given), why)

    def _exact_text(self, name: str, column: _Exact, value: Decimal | None, status: str | None) -> str | None:
        """The declared figure; a refusal with its reason; None where the row does not fit into 38 digits."""
        if value is not None:
            return column.texts[int(value)] if column.texts else run.canonical(value, self.part.plans[name].decimals)
        return None if status in {None, "ok"} else f"refused: {status}"


def _doubled(value: Any, moved: list[Any], decimals: int) -> Doubled | str | None:
    """What DOUBLE says; None where its own movement, or its limits, leave nothing of it."""
    if isinstance(value, (str, bool)):
        text = str(value).lower() if isinstance(value, bool) else value
        return text if all(other == value for other in moved) else None
    if any(other is None or not math.isfinite(other) for other in (value, *moved)):
        return None
    slack = _FLOOR * abs(value) + _CAUTION * max(abs(other - value) for other in moved)
    worth = max(_WORTHLESS * abs(value), 10.0**-decimals)
    return Doubled(value, slack) if slack <= worth else None


def _asked_rows(
    part: Resolution, outputs: Sequence[str], given: Sequence[Mapping[str, Given]]
) -> tuple[dict[str, Node], Tables]:
    """The plans and the look-ups with those rows only whose keys occur: long tables make long SQL."""
    trees = {name: part.plans[name].expression for name in outputs}
    cells = [v for one in given for v in one.values()]
    cells += [cell for v in cells if isinstance(v, tuple) for row in v for cell in row.values()]
    known = {str(v) for v in cells if isinstance(v, (str, int))}
    known |= {n.value for tree in trees.values() for n in walk(tree) if isinstance(n, Text)}

    def kept(rows: Mapping[tuple[str, ...], Decimal]) -> dict[tuple[str, ...], Decimal]:
        return {key: value for key, value in rows.items() if known.issuperset(key)}

    def put(node: Node) -> Node:
        node = rebuild(node, put)
        return replace(node, rows=kept(node.rows)) if isinstance(node, TableCall) and node.rows else node

    tables = {name: kept(rows) for name, rows in run.tables(part.lookups).items()}
    return {name: put(tree) for name, tree in trees.items()}, tables


def _size(tree: Node) -> int:
    return 1 + sum(_size(child) for child in children(tree))


def _outputs_used(tree: Node) -> list[str]:
    """Each output that a plan uses, as often as it does."""
    return [n.name for n in walk(tree) if isinstance(n, Name) and n.kind == "output"]


def _narrow(given: Mapping[str, Given]) -> bool:
    """Whether every number fits into half of the digits of a column: wider ones make slow SQL."""
    cells = [*given.values(), *(cell for v in given.values() if isinstance(v, tuple) for r in v for cell in r.values())]
    return all(_digits(cell) <= _NARROW for cell in cells if isinstance(cell, Decimal))


def _digits(value: Decimal) -> int:
    exponent = int(value.as_tuple().exponent)
    return max(value.adjusted() + 1, 1) + max(-exponent, 0)


def _type_of(declared: InputSpec, values: list[Any]) -> ColumnType | None:
    """The narrowest column that holds the values; None for a kind that SQL does not hold."""
    if declared.columns:
        cells = [row for value in values if isinstance(value, tuple) for row in value]
        types = {c.name: _type_of(c, [row.get(c.name) for row in cells]) for c in declared.columns}
        held = {name: kind for name, kind in types.items() if kind is not None}
        return ColumnType(kind="table", columns=held) if len(held) == len(types) else None
    if declared.numeric:
        numbers = [Decimal(v) for v in values if isinstance(v, (Decimal, int))]
        scale = max([0, *(-int(v.as_tuple().exponent) for v in numbers)])
        before = max([1, *(v.adjusted() + 1 for v in numbers)])
        return ColumnType(before + scale, scale) if before + scale <= _WIDTH else None
    return {"string": ColumnType(kind="text"), "bool": ColumnType(kind="truth")}.get(declared.dtype)


def _leaves(tree: Node) -> Iterator[Text]:
    """The texts that an expression can give. Raises _NotExact for one that is not written."""
    if isinstance(tree, If):
        yield from _leaves(tree.then)
        yield from _leaves(tree.otherwise)
    elif isinstance(tree, Text):
        yield tree
    else:
        raise _NotExact("its text is not written in the formula")


def _numbered(tree: Node, texts: tuple[str, ...]) -> Node:
    """The tree that gives the place of its text."""
    if isinstance(tree, If):
        then, otherwise = _numbered(tree.then, texts), _numbered(tree.otherwise, texts)
        return If(condition=tree.condition, then=then, otherwise=otherwise, unit="1")
    assert isinstance(tree, Text)
    return Number(value=Decimal(texts.index(tree.value)), unit="1")


def _layer(columns: Iterable[str], source: str) -> str:
    added = ", ".join(columns)
    return f"(SELECT *, {added} FROM {source})" if added else source  # noqa: S608


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, tuple):
        value = json.dumps([{name: _plain(cell) for name, cell in row.items()} for row in value])
    return literal(str(_plain(value)))


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return normal_text(value) if isinstance(value, Decimal) else str(value)


def _json(text: str, column: ColumnType) -> str:
    return f"CAST({text} AS JSON)" if column.kind == "table" else text


def _sql_type(column: ColumnType) -> str:
    if column.kind == "table":
        cells = ", ".join(f'"{name}" {_sql_type(kind)}' for name, kind in column.columns.items())
        return f"STRUCT({cells})[]"
    return {"text": "VARCHAR", "truth": "BOOLEAN"}.get(column.kind, f"DECIMAL({column.precision},{column.scale})")


def _double_type(port: InputSpec) -> str:
    return "BOOLEAN" if port.dtype == "bool" else "DOUBLE" if port.numeric else "VARCHAR"


def _column(port: InputSpec, weight: float) -> Cell:
    """A column of a table in DOUBLE, moved as inputs are."""
    sql = f'{{row}}."{port.name}"'
    moved = f"({sql} * (1e0 + nudge * {weight!r}::DOUBLE))" if port.numeric else ""
    return Cell(sql, moved)
