"""A plan as SQL on DOUBLE: the second opinion where exact SQL is impossible or too long.

DuckDB's own floating point knows nothing of our Decimal code, of its roots, powers and roundings. What a DOUBLE
cannot tell is measured instead of guessed: each row is computed three times, with the inputs as they are and with
every input moved in its fourteenth digit, up and down, each input by a part of its own; so is what is added or taken
away, at every step. How far the figure moves then says how much it can be trusted: cancellation, steep functions and
conditions at their edge all show in it.

Belongs here: one rule a kind of node. Does not belong here: asking DuckDB, comparing (``differential_sql``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from greenlang.formulas.evaluate import Tables
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
)
from greenlang.sql import literal

NUDGE = 1e-14
NUDGES = (0.0, NUDGE, -NUDGE)
SHAKES = ("1e0 + nudge * 1.9e0 AS shake", "1e0 - nudge * 1.7e0 AS shake_other")  # columns that must be there
_OPS = {"==": "=", "!=": "<>"}
_FUNCTIONS = {"min": "least", "max": "greatest", "abs": "abs", "exp": "exp"}


@dataclass(frozen=True, slots=True)
class Cell:
    """An input, or a column of a table: its value, the same ``moved`` by the row's nudge, its text as a key."""

    sql: str
    moved: str = ""
    key: str = ""
    columns: Mapping[str, Cell] | None = None  # of a table; ``{row}`` stands for the variable of its row


@dataclass(frozen=True, slots=True)
class Doubles:
    """Writes checked trees. ``inputs`` and ``outputs`` say where names stand; ``tables`` holds the rows of look-ups."""

    inputs: Mapping[str, Cell]
    outputs: Mapping[str, str]
    tables: Tables
    row: Mapping[str, str] | None = None  # table -> the variable of its row, inside a sum

    def sql(self, node: Node) -> str:
        """The value of a tree: DOUBLE, BOOLEAN or VARCHAR. NULL where a row of a look-up is missing, or over zero."""
        match node:
            case Number(value=value):
                return number(value)
            case Text(value=text):
                return literal(text)
            case Truth(value=truth):
                return str(truth).upper()
            case Name(name=name, kind="output"):
                return self.outputs[name]
            case Name():
                cell = self.cell(node.name)
                return cell.moved or cell.sql
            case Lookup(table=table, inputs=names):
                return chosen([self.inputs[name].key for name in names], self.tables[table])
            case TableCall(select=select, rows=rows):
                return chosen([self.sql(value) for _, value in select], rows or {})
            case Sum():
                return self.sum(node)
            case Convert(operand=operand, factor=factor, shift=shift):
                inner = self.sql(operand) if factor == 1 else f"({self.sql(operand)} * {number(factor)})"
                return f"({inner} + {number(shift)} * shake_other)" if shift else inner
            case Negate(operand=operand):
                return f"(-{self.sql(operand)})"
            case Arithmetic(op=op, left=left, right=right):
                first, second = self.sql(left), self.sql(right)
                if op in "+-":  # else two terms that nearly cancel could move alike
                    first, second = f"{first} * shake", f"{second} * shake_other"
                if op == "/" and not (isinstance(right, Number) and right.value):
                    second = f"nullif({second}, 0e0)"
                return f"pow({first}, {second})" if op == "**" else f"({first} {op} {second})"
            case Compare():
                return self.compare(node)
            case Logic(op=op, left=left, right=right):
                return f"({self.sql(left)} {op} {self.sql(right)})"
            case Not(operand=operand):
                return f"(NOT {self.sql(operand)})"
            case Call(function=function, arguments=arguments):
                return called(function, [self.sql(a) for a in arguments])
            case If(condition=condition, then=then, otherwise=otherwise):
                return f"CASE WHEN {self.sql(condition)} THEN {self.sql(then)} ELSE {self.sql(otherwise)} END"
        raise TypeError(f"no SQL for a {type(node).__name__}")

    def cell(self, name: str) -> Cell:
        table, _, column = name.partition(".")
        if not column or table not in (self.row or {}):
            return self.inputs[name]
        assert self.row is not None
        held, row = (self.inputs[table].columns or {})[column], self.row[table]
        return Cell(held.sql.format(row=row), held.moved.format(row=row))

    def compare(self, node: Compare) -> str:
        """A comparison. Inputs that are held against written numbers or each other do not move: a DOUBLE knows their
        order for sure. Whether two calculated numbers are equal it never knows.
        """
        sides = (node.left, node.right)
        if all(isinstance(n, Number) or (isinstance(n, Name) and n.kind != "output") for n in sides):
            left, right = (self.cell(n.name).sql if isinstance(n, Name) else self.sql(n) for n in sides)
            return f"({left} {_OPS.get(node.op, node.op)} {right})"
        test = f"({self.sql(node.left)} {_OPS.get(node.op, node.op)} {self.sql(node.right)})"
        unknown = node.op in _OPS and node.left.type == "number"
        return f"CASE WHEN nudge = 0 THEN {test} END" if unknown else test

    def sum(self, node: Sum) -> str:
        row = f"r{len(self.row or {}) + 1}"
        body = replace(self, row={**(self.row or {}), node.table: row}).sql(node.body)
        moved = f"lambda {row}, i{row}: {body} * (1e0 + nudge * i{row})"
        return f"coalesce(list_sum(list_transform({self.inputs[node.table].sql}, {moved})), 0e0)"


def number(value: Decimal) -> str:
    """A number as a DOUBLE; without an exponent DuckDB would take it for a DECIMAL."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def chosen(keys: Iterable[str], rows: Mapping[tuple[str, ...], Decimal]) -> str:
    """The value of a row, by its keys; NULL where there is none."""
    keys = list(keys)
    if not rows:
        return "CAST(NULL AS DOUBLE)"
    if not keys:
        return number(rows[()])
    if len(keys) == 1:
        return f"CASE {keys[0]} {' '.join(f'WHEN {literal(k)} THEN {number(v)}' for (k,), v in rows.items())} END"
    cases = (
        f"WHEN {' AND '.join(f'{k} = {literal(v)}' for k, v in zip(keys, key, strict=True))} THEN {number(value)}"
        for key, value in rows.items()
    )
    return f"CASE {' '.join(cases)} END"


def called(function: str, arguments: list[str]) -> str:
    """A function of the language. Nothing raises: one bad row must not end the query."""
    match function:
        case "sqrt":
            return f"pow({arguments[0]}, 0.5e0)"  # NaN below zero
        case "ln" | "log10":
            return f"{function}(nullif(greatest({arguments[0]}, 0e0), 0e0))"
        case "round":
            return f"round_even({arguments[0]}, CAST({arguments[1]} AS INTEGER))"
    return f"{_FUNCTIONS[function]}({', '.join(arguments)})"
