"""Three ways to one figure: the generated agent, the Decimal back-end, the DuckDB back-end, on inputs nobody has seen.

The agent answered in the sandbox (bytes); the Decimal back-end is the reference evaluator on the plans; the DuckDB
back-end is the same plans as SQL on DECIMAL, one query a part, run on one thread and on several. All are compared to
the last digit after the declared rounding. An output that SQL cannot express is named, never left out in silence.

Belongs here: asking the back-ends, comparing. Does not belong here: drawing inputs (``differential_inputs``), running
the agent (``greenlang.sandbox``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from greenlang_sdk.decimals import normal_text

from greenlang.errors import CalculationError, FormulaError
from greenlang.factory import whole
from greenlang.formulas import declared
from greenlang.formulas.evaluate import LookupMiss
from greenlang.formulas.sql import ColumnType, CompiledSql, compile_sql
from greenlang.formulas.tree import If, Lookup, Name, Node, Number, Text, rebuild, walk
from greenlang.quality.differential_inputs import inputs
from greenlang.quality.judgement import Difference
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import Given, InputSpec

if TYPE_CHECKING:
    import duckdb

__all__ = ["Compared", "differences", "inputs"]

THREADS = (1, 4)
SQL_LENGTH = 2500  # DuckDB plans a thousand characters in three milliseconds
_CHARACTERS = 20  # of SQL at least for a part of a formula
_MOST_NODES = 3000  # of an output with those that it uses put in
_STATUS = {"missing": "not_covered"}
_OVERFLOW = "refused: overflow"  # more digits than a DuckDB number holds: a limit of the back-end, no other figure
_WIDTH = 38
_NARROW = 14  # digits of one number, before and after the point


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared. ``not_in_sql`` names every output that DuckDB could not be asked for, with the reason."""

    inputs: int = 0
    answered: int = 0  # inputs that have an answer
    wide: int = 0  # inputs with more digits than a column of 18, which DuckDB was not asked
    figures: int = 0  # single outputs compared between agent and Decimal back-end
    in_sql: int = 0  # single outputs compared with DuckDB as well
    plain_sql: int = 0  # of those, computed without the declared Decimal function
    beyond_sql: int = 0  # single outputs of more digits than DuckDB holds; agent and Decimal back-end are compared
    not_in_sql: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """One sentence."""
        threads = " and ".join(map(str, THREADS))
        said = (
            f"{self.inputs} hidden inputs, {self.answered} answered, {self.wide} of many digits; {self.figures} "
            f"figures of agent and Decimal back-end compared, {self.in_sql} of them with DuckDB at {threads} threads"
        )
        if self.beyond_sql:
            said += f"; {self.beyond_sql} figures have more digits than DuckDB holds"
        if self.not_in_sql:
            said += f"; not in SQL: {', '.join(f'{name} ({why})' for name, why in self.not_in_sql)}"
        return said


def differences(
    resolution: Resolution, asked: Sequence[Mapping[str, Any]], answers: bytes, *, sql_length: int = SQL_LENGTH
) -> tuple[tuple[Difference, ...], Compared]:
    """Where the sources disagree on the inputs (`inputs`), which the agent answered line by line.

    ``sql_length``: characters of SQL that are asked of DuckDB for one agent; what is longer goes through DuckDB's
    declared function, which computes the same exact fraction. A line that is missing or is no JSON counts as the answer
    ``no answer``.
    """
    lines = answers.split(b"\n")
    found: list[Difference] = []
    told = Compared(inputs=len(asked))
    toolbox = whole.is_toolbox(resolution)
    for part in resolution.flat:
        places = [i for i, given in enumerate(asked) if not toolbox or given.get("tool") == part.spec.part]
        given = [_typed(part, asked[i]["arguments"] if toolbox else asked[i]) for i in places]
        agent = [_answer(lines[i] if i < len(lines) else b"") for i in places]
        head = f"{part.spec.part}." if toolbox else ""
        one, counts = _part(part, given, agent, head, sql_length // len(resolution.flat))
        found += [replace(d, case=f"hidden_{places[int(d.case)] + 1}") for d in one]
        told = Compared(
            told.inputs,
            told.answered + counts.answered,
            told.wide + counts.wide,
            told.figures + counts.figures,
            told.in_sql + counts.in_sql,
            told.plain_sql + counts.plain_sql,
            told.beyond_sql + counts.beyond_sql,
            told.not_in_sql + counts.not_in_sql,
        )
    return tuple(found), told


def _typed(part: Resolution, given: Mapping[str, Any]) -> dict[str, Given]:
    """JSON values in the types of the inputs."""
    return {name: _cell(part.spec.inputs[name], value) for name, value in given.items() if name in part.spec.inputs}


def _cell(declared: InputSpec, value: Any) -> Any:
    if declared.columns:
        columns = {column.name: column for column in declared.columns}
        return tuple({name: _cell(columns[name], cell) for name, cell in row.items()} for row in value)
    if declared.dtype == "int32":
        return int(value)
    return Decimal(str(value)) if declared.dtype == "float64" else value


def _answer(line: bytes) -> dict[str, str] | str:
    """Outputs as texts, or the code of the refusal."""
    try:
        answer = json.loads(line)
        if answer["ok"]:
            return {name: _text(value) for name, value in answer["data"].items()}
        return str(answer["error"]["code"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no answer"


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


# --- one part -------------------------------------------------------------------------------------------------------


def _part(
    part: Resolution, given: list[dict[str, Given]], agent: list[dict[str, str] | str], head: str, budget: int
) -> tuple[list[Difference], Compared]:
    outputs = [name for name in part.order if part.plans[name].means != "system"]
    decimals = [_decimal(part, one) for one in given]
    narrow = [i for i, one in enumerate(given) if _narrow(one)]
    sql = _in_duckdb(part, outputs, [given[i] for i in narrow], budget)
    rows = {place: row for row, place in enumerate(narrow)}
    found: list[Difference] = []
    figures = in_sql = plain = beyond = 0
    for place, (claimed, wanted) in enumerate(zip(agent, decimals, strict=True)):
        if isinstance(claimed, str) or isinstance(wanted, str):
            if claimed != wanted:
                found.append(Difference(str(place), f"{head}*", {"agent": _said(claimed), "decimal": _said(wanted)}))
            continue
        for name in outputs:
            figures += 1
            sources = {"agent": claimed.get(name, "no answer"), "decimal": wanted[name]}
            if name in sql.values and place in rows:
                said = _of_duckdb([texts[rows[place]] for texts in sql.values[name].values()])
                beyond += not said
                in_sql += bool(said)
                plain += bool(said) and sql.plain[name][rows[place]]
                sources |= said
            if len(set(sources.values())) > 1:
                found.append(Difference(str(place), f"{head}{name}", sources))
    missing = tuple((f"{head}{name}", why) for name, why in sql.missing.items())
    answered = sum(isinstance(one, dict) for one in decimals)
    return found, Compared(0, answered, len(given) - len(narrow), figures, in_sql, plain, beyond, missing)


def _of_duckdb(answers: Sequence[str]) -> dict[str, str]:
    """What DuckDB says at each number of threads, once where it is the same; nothing where no number of it is wide
    enough.
    """
    first, *others = answers
    if set(answers) == {_OVERFLOW}:
        return {}
    more = zip(THREADS[1:], others, strict=True)
    return {"duckdb": first} | {f"duckdb at {n} threads": other for n, other in more if other != first}


def _narrow(given: Mapping[str, Given]) -> bool:
    """Whether every number fits into half of the digits of a column: wider ones make slow SQL."""
    cells = [*given.values(), *(cell for v in given.values() if isinstance(v, tuple) for r in v for cell in r.values())]
    return all(_digits(cell) <= _NARROW for cell in cells if isinstance(cell, Decimal))


def _digits(value: Decimal) -> int:
    exponent = int(value.as_tuple().exponent)
    return max(value.adjusted() + 1, 1) + max(-exponent, 0)


def _said(answer: dict[str, str] | str) -> str:
    return answer if isinstance(answer, str) else "an answer"


def _decimal(part: Resolution, given: Mapping[str, Given]) -> dict[str, str] | str:
    """The reference evaluator's answer, as the agent would give it."""
    needed = {n.name for p in part.plans.values() for n in walk(p.expression) if isinstance(n, Name)}
    absent = [n for n, i in part.spec.inputs.items() if n in needed and n not in given and i.default is None]
    if absent:
        return "invalid_input"
    try:
        values = run.outputs(part.spec, part.plans, part.order, run.tables(part.lookups), given)
        return {name: run.canonical(value, part.plans[name].decimals) for name, value in values.items()}
    except LookupMiss:
        return "not_covered"
    except CalculationError:
        return "calculation"


# --- DuckDB ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sql:
    """Answers of DuckDB: output -> number of threads -> a text for each input."""

    values: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    plain: dict[str, list[bool]] = field(default_factory=dict)  # computed without the declared Decimal function
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Column:
    """An output as SQL, and the texts that its numbers stand for."""

    sql: CompiledSql
    texts: tuple[str, ...] = ()


def _in_duckdb(part: Resolution, outputs: Iterable[str], given: list[dict[str, Given]], budget: int) -> _Sql:
    import duckdb

    found = _Sql()
    columns = _columns(part, given)
    ready: dict[str, _Column] = {}
    for name in outputs:
        try:
            ready[name] = _compiled(part, name, columns, budget)
            budget -= len(ready[name].sql.plain) + len(ready[name].sql.reason)
        except _NotInSql as why:
            found.missing[name] = str(why)
        except FormulaError as error:
            found.missing[name] = error.args[0] if error.args else type(error).__name__
    if not ready or not given:
        return found
    connection = _connection()
    for column in ready.values():
        if column.sql.program is not None:
            declared.declare(column.sql.key, column.sql.program)
    try:
        _ask(connection, part, columns, given, ready, found)
    except duckdb.Error:  # one of them; the others are asked without it
        for name, column in ready.items():
            try:
                _ask(connection, part, columns, given, {name: column}, found)
            except duckdb.Error as error:
                found.missing[name] = f"DuckDB refused the query: {str(error).splitlines()[0]}"
    return found


def _ask(
    connection: duckdb.DuckDBPyConnection,
    part: Resolution,
    columns: Mapping[str, ColumnType],
    given: list[dict[str, Given]],
    ready: Mapping[str, _Column],
    found: _Sql,
) -> None:
    """One query, at each number of threads."""
    connection.execute(f"PREPARE asked AS {_query(columns, given, ready, part)}")  # planned once
    for threads in THREADS:
        connection.execute(f"SET threads = {threads}")
        answers = connection.execute("EXECUTE asked").fetchall()
        for place, (name, column) in enumerate(ready.items()):
            digits = part.plans[name].decimals
            cells = [row[3 * place : 3 * place + 3] for row in answers]
            found.values.setdefault(name, {})[threads] = [_shown(v, s, column, digits) for v, s, _ in cells]
            found.plain[name] = [how == "sql" for _, _, how in cells]


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One connection a process: opening one takes longer than asking."""
    import duckdb

    connection = duckdb.connect()
    declared.register(connection)
    return connection


class _NotInSql(Exception):
    """Why an output cannot be asked of DuckDB."""


def _columns(part: Resolution, given: list[dict[str, Given]]) -> dict[str, ColumnType]:
    found: dict[str, ColumnType] = {}
    for place, (name, port) in enumerate(part.spec.inputs.items()):
        values = [run.with_defaults(part.spec, one).get(name) for one in given]
        column = _type_of(port, values)
        if column is not None:
            found[name] = replace(column, sql=f"c{place}")
            if port.dtype == "int32":
                found[f"{name} as text"] = ColumnType(kind="text", sql=f"CAST(c{place} AS VARCHAR)")
    return found


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


def _compiled(part: Resolution, output: str, columns: Mapping[str, ColumnType], budget: int) -> _Column:
    """One output; through the declared function where its SQL is longer than ``budget``."""
    plan = part.plans[output]
    tree = _whole(part, plan.expression)
    texts: tuple[str, ...] = ()
    if tree.type == "truth":
        one, none = Number(value=Decimal(1), unit="1"), Number(value=Decimal(0), unit="1")
        tree, texts = If(condition=tree, then=one, otherwise=none, unit="1"), ("false", "true")
    elif tree.type == "text":
        texts = tuple(dict.fromkeys(n.value for n in _leaves(tree)))
        tree = _numbered(tree, texts)
    for node in walk(tree):
        if isinstance(node, Name) and node.kind == "input" and node.name not in columns:
            raise _NotInSql(f"`{node.name}` is no column: more than {_WIDTH} digits, or of no plain kind")
    rows, digits = run.tables(part.lookups), plan.decimals or 0
    short = sum(_CHARACTERS for _ in walk(tree)) <= budget
    sql = compile_sql(tree, columns, decimals=digits, tables=rows, alone=short)
    if short and len(sql.plain) + len(sql.reason) > budget:
        sql = compile_sql(tree, columns, decimals=digits, tables=rows, alone=False)
    return _Column(sql, texts)


def _whole(part: Resolution, tree: Node) -> Node:
    """A plan with the plans that it uses put in: DuckDB computes each output from the inputs alone."""
    left = _MOST_NODES

    def put(node: Node) -> Node:
        nonlocal left
        left -= 1
        if left < 0:
            raise _NotInSql(f"with the outputs that it uses it has more than {_MOST_NODES} parts")
        if isinstance(node, Name) and node.kind == "output":
            return put(part.plans[node.name].expression)
        if isinstance(node, Lookup):
            return replace(node, inputs=tuple(_key(part, name) for name in node.inputs))
        return rebuild(node, put)

    return put(tree)


def _key(part: Resolution, name: str) -> str:
    """The column by which an input selects a row: a whole number is asked as its text."""
    return f"{name} as text" if part.spec.inputs[name].dtype == "int32" else name


def _leaves(tree: Node) -> Iterable[Text]:
    """The texts that an expression can give."""
    match tree:
        case Text():
            return (tree,)
        case If(then=then, otherwise=otherwise):
            return (*_leaves(then), *_leaves(otherwise))
    raise _NotInSql("its text is not written in the formula")


def _numbered(tree: Node, texts: tuple[str, ...]) -> Node:
    """The tree that gives the place of its text."""
    if isinstance(tree, If):
        then, otherwise = _numbered(tree.then, texts), _numbered(tree.otherwise, texts)
        return If(condition=tree.condition, then=then, otherwise=otherwise, unit="1")
    assert isinstance(tree, Text)
    return Number(value=Decimal(texts.index(tree.value)), unit="1")


def _query(
    columns: Mapping[str, ColumnType], given: list[dict[str, Given]], ready: Mapping[str, _Column], part: Resolution
) -> str:
    """One query for all outputs and all inputs; the values stand in it as texts, so that nothing is rounded."""
    rows = []
    own = {name: column for name, column in columns.items() if name in part.spec.inputs}
    for place, one in enumerate(given):
        whole_row = run.with_defaults(part.spec, one)
        rows.append(f"({place}, {', '.join(_literal(whole_row.get(name)) for name in own)})")
    names = ", ".join(column.sql for column in own.values())
    casts = ", ".join(f"CAST({_json(c)} AS {_sql_type(c)}) AS {c.sql}" for c in own.values())
    source = f"(VALUES {', '.join(rows)}) AS texts(place, {names})" if own else f"range({len(given)}) AS r(place)"
    query = f"SELECT {casts + ', ' if casts else ''}place FROM {source}"  # noqa: S608 - literals of ours, quoted
    asked = []
    for at, column in enumerate(ready.values()):
        if column.sql.path == "function":  # a call says value and status at once: no layers of their own
            asked.append(f"NULL, {column.sql.call}, 'function'")
            continue
        query = column.sql.select(f"({query})", value=f"v{at}", status=f"s{at}", how=f"h{at}")
        asked.append(f"v{at}, s{at}, h{at}")
    return f"SELECT {', '.join(asked)} FROM ({query}) ORDER BY place"  # noqa: S608


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, tuple):
        value = json.dumps([{name: _plain(cell) for name, cell in row.items()} for row in value])
    return "'" + str(_plain(value)).replace("'", "''") + "'"


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return normal_text(value) if isinstance(value, Decimal) else str(value)


def _json(column: ColumnType) -> str:
    return f"CAST({column.sql} AS JSON)" if column.kind == "table" else column.sql


def _sql_type(column: ColumnType) -> str:
    if column.kind == "table":
        cells = ", ".join(f'"{name}" {_sql_type(kind)}' for name, kind in column.columns.items())
        return f"STRUCT({cells})[]"
    return {"text": "VARCHAR", "truth": "BOOLEAN"}.get(column.kind, f"DECIMAL({column.precision},{column.scale})")


def _shown(value: Decimal | None, status: str, column: _Column, digits: int | None) -> str:
    if status.startswith("="):
        value, status = Decimal(status[1:]), "ok"
    if status != "ok" or value is None:
        return f"refused: {status}"
    if column.texts:
        return column.texts[int(value)]
    return run.canonical(value, digits)
