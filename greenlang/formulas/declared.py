"""The one declared Decimal function of the SQL back-end: ``greenlang_exact(tree, values)`` on a DuckDB connection.

It computes a whole row by `greenlang.formulas.exact`, for trees that plain DECIMAL cannot hold: those that use sqrt,
exp, ln, log10 or a power, and single rows whose numbers do not fit into 38 digits. It takes and gives text, never a
DOUBLE: ``=12.500000`` for a value, else the kind of the error.

Belongs here: the function and its registration. Does not belong here: when it is called (``sql``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from greenlang.errors import CalculationError
from greenlang.formulas.declare import FormulaSymbol, checked
from greenlang.formulas.evaluate import Rows, Value
from greenlang.formulas.exact import Any_, rounded

if TYPE_CHECKING:
    import duckdb

FUNCTION = "greenlang_exact"


@dataclass(frozen=True, slots=True)
class Program:
    """A tree to run, the names and kinds of its values in the order they are given, and the digits of its answer."""

    run: Any_
    names: tuple[str, ...]
    kinds: tuple[str, ...]  # number | text | truth | table
    table_kinds: dict[str, dict[str, str]]  # of tables: column -> kind
    decimals: int
    symbols: dict[str, FormulaSymbol] = field(default_factory=dict)  # whose valid ranges are checked first


_PROGRAMS: dict[str, Program] = {}  # by digest: what a name means never changes


def declare(key: str, program: Program) -> None:
    """Let the function know a tree."""
    _PROGRAMS[key] = program


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the function on a connection, once."""
    import duckdb

    try:
        connection.create_function(
            FUNCTION, call, ["VARCHAR", "VARCHAR[]"], "VARCHAR", null_handling="special", side_effects=False
        )  # type: ignore[call-overload]  # the stubs know the enum only, the text is documented
    except duckdb.NotImplementedException as error:  # asking whether it is there takes longer than all else
        if "already created" not in str(error):
            raise


def call(key: str, values: list[str | None]) -> str:
    """One row."""
    program = _PROGRAMS[key]
    try:
        given: dict[str, Any] = {
            name: None if text is None else _READ[kind](text, program.table_kinds.get(name, {}))
            for name, kind, text in zip(program.names, program.kinds, values, strict=True)
        }
        given |= checked(program.symbols, given)
        return f"={rounded(program.run(given), program.decimals):f}"
    except CalculationError as error:
        return error.kind


def _rows(text: str, kinds: Mapping[str, str]) -> Rows:
    """The rows of a table input; a value that is not there is left out."""
    return tuple(
        {
            name: Decimal(row[name]) if kind == "number" else row[name]
            for name, kind in kinds.items()
            if row[name] is not None
        }
        for row in json.loads(text)
    )


_READ: dict[str, Callable[[str, Any], Value | Rows]] = {
    "number": lambda text, _: Decimal(text),
    "text": lambda text, _: text,
    "truth": lambda text, _: text == "true",
    "table": _rows,
}
