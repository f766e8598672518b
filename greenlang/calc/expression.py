"""Checking the text of an expression against named inputs, with every mistake in it and not only the first.

Belongs here: validation of expressions that stand in no library. Does not belong here: the language itself
(`greenlang.formulas`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from greenlang.calc.mistakes import Mistake, Refused
from greenlang.calc.quantity import Quantity, known_unit, read_number
from greenlang.calc.result import ValidationResult
from greenlang.errors import FormulaError, UnitError
from greenlang.formulas.check import Scope, Symbol, check, pretty
from greenlang.formulas.parse import parse
from greenlang.formulas.show import show
from greenlang.formulas.tables import TableSet
from greenlang.formulas.tree import Name, Node, Sum, children, walk

RESULT = "result"


def validate_expression(text: str, inputs: Mapping[str, Any], tables: TableSet | None = None) -> ValidationResult:
    """Parse and check an expression.

    ``inputs`` maps each name to a quantity ("12 kWh", `Quantity`), a bare unit ("kWh"), a number without unit, a text
    in quotes, a truth value, or a list with one row of a table. The unit of the value is ``outputs["result"]``.
    """
    mistakes: list[Mistake] = []
    symbols: dict[str, Symbol] = {}
    for name, raw in inputs.items():
        try:
            symbols[name] = _symbol(name, raw)
        except Refused as error:
            mistakes.append(error.at(f"inputs.{name}"))
            symbols[name] = Symbol(name, "input", "number", "1")
    try:
        tree = parse(text)
    except FormulaError as error:
        mistakes.append(Mistake("syntax", f"formula[{error.offset}]", str(error), "see docs/formulas.md"))
        return ValidationResult(valid=False, mistakes=tuple(mistakes))
    broken = {mistake.place.removeprefix("inputs.") for mistake in mistakes}
    scope = Scope(symbols, table=tables.get if tables is not None else None)
    found = _all(tree, scope, text, broken)
    used = {part.name if isinstance(part, Name) else part.table for part in walk(tree) if isinstance(part, (Name, Sum))}
    warnings = tuple(
        f"inputs.{name}: the expression does not use it"
        for name in inputs
        if not any(one == name or one.startswith(f"{name}.") or one == f"input.{name}" for one in used)
    )
    mistakes += found
    if mistakes:
        return ValidationResult(valid=False, mistakes=tuple(mistakes), warnings=warnings)
    unit = check(tree, scope, source=text).unit or ""
    return ValidationResult(valid=True, outputs={RESULT: pretty(unit) if unit != "1" else "1"}, warnings=warnings)


def _all(node: Node, scope: Scope, text: str, broken: set[str]) -> list[Mistake]:
    """Every mistake of a tree: those of its parts, or its own where the parts are right."""
    try:
        check(node, scope, source=text)
    except (FormulaError, UnitError) as error:
        inside = scope
        if isinstance(node, Sum):
            table = scope.find(node.table)
            columns = table.columns if table is not None else ()
            inside = Scope(scope.symbols | {column.name: column for column in columns}, table=scope.table)
        found = [mistake for part in children(node) for mistake in _all(part, inside, text, broken)]
        if found or any(isinstance(part, Name) and part.name in broken for part in walk(node)):
            return found
        offset = error.offset if isinstance(error, FormulaError) else node.offset
        return [Mistake("dimension", f"formula[{offset}]", str(error), f"see `{show(node)}`")]
    return []


def _symbol(name: str, raw: object) -> Symbol:
    if isinstance(raw, bool):
        return Symbol(name, "input", "truth")
    if isinstance(raw, Quantity):
        return _number(name, raw.unit or "1")
    if isinstance(raw, (Decimal, int, float)):
        return _number(name, "1")
    if isinstance(raw, Mapping) and isinstance(raw.get("unit"), str):
        return _number(name, raw["unit"] or "1")
    if isinstance(raw, list) and raw and isinstance(raw[0], Mapping):
        columns = tuple(_column(name, str(column), cell) for column, cell in raw[0].items())
        return Symbol(name, "input", "table", columns=columns)
    if not isinstance(raw, str):
        raise Refused("wrong_type", f"a {type(raw).__name__} is no quantity", "give a quantity, a unit or a text")
    if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'":
        return Symbol(name, "input", "text")
    if raw[:1].isdigit() or raw[:1] in "+-.":
        return _number(name, read_number(raw)[1] or "1")
    return _number(name, raw)


def _column(table: str, column: str, cell: object) -> Symbol:
    symbol = _symbol(column, cell)
    return Symbol(f"{table}.{column}", "column", symbol.type, symbol.unit)


def _number(name: str, unit: str) -> Symbol:
    known_unit(unit)
    return Symbol(name, "input", "number", unit)
