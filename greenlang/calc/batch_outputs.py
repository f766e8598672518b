"""The outputs of a batch as SQL: one exact expression for each way of converting, and the declared function beside it.

A tree has the factors' and inputs' conversions put in as exact fractions, and what is the same in every row as
constants. `greenlang.formulas.sql` makes it SQL. Rows that 38 digits do not hold go through the declared function
(`greenlang.formulas.declared`), which takes the cells as they were given and applies the same tree.

Belongs here: trees, SQL and programs of outputs. Does not belong here: checks of rows, the query around.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from greenlang_sdk.decimals import CONTEXT, NotANumber, to_decimal

from greenlang import units
from greenlang.calc.basis import Tagged
from greenlang.calc.batch_basis import asked
from greenlang.calc.batch_binding import Binding
from greenlang.calc.batch_checks import Names
from greenlang.calc.batch_combinations import Combination, Combinations, Variant
from greenlang.calc.batch_numbers import NumberColumn
from greenlang.calc.batch_units import Path
from greenlang.errors import CalculationError
from greenlang.formulas import declared
from greenlang.formulas.exact import program
from greenlang.formulas.normal import tree_digest
from greenlang.formulas.show import show
from greenlang.formulas.sql import ColumnType, CompiledSql, compile_sql
from greenlang.formulas.sql_numbers import WIDTH
from greenlang.formulas.tree import If, Name, Node, Number, substitute, walk
from greenlang.sql import literal

if TYPE_CHECKING:
    import duckdb

_SENTENCES = {
    "division_by_zero": "division by zero",
    "domain": "no value is defined",
    "overflow": f"the result is too large: a batch holds {WIDTH} digits",
    "missing": "a table has no row for these keys",
    "out_of_range": "a value is outside its valid range",
    "not_a_number": "a number of this size cannot be calculated with",
}


@dataclass(frozen=True, slots=True)
class OutputSql:
    """One output. ``plain``, ``reason`` and ``call`` are SQL over the columns of the first layer."""

    name: str
    column: str
    unit: str
    decimals: int
    plain: str
    reason: str
    call: str  # empty where no row can need it
    sentence: str  # SQL, over the status in a column ``gl_why``

    @property
    def type(self) -> str:
        """The type of its column."""
        return f"DECIMAL({WIDTH},{self.decimals})"


def compile_outputs(
    connection: duckdb.DuckDBPyConnection,
    binding: Binding,
    numbers: dict[str, NumberColumn],
    made: Combinations,
    names: Names,
) -> list[OutputSql]:
    """Every output, in the order of the formula; what they call is registered on the connection."""
    constants = binding.constant_nodes()
    columns = _columns(binding, numbers, made, names)
    wide = made.wide or any(numbers[entry.column].wide for entry in binding.numbers.values())
    out = []
    for name, column in binding.outputs.items():
        declaration = binding.declaration.outputs[name]
        decimals = units.output_decimals(declaration.unit)
        if binding.context.precision is not None:
            decimals = min(decimals, binding.context.precision)
        tree = substitute(binding.formula.compiled.single(name), constants)
        ready: list[CompiledSql] = []
        calls: list[str] = []
        for variant in made.variants:
            own = substitute(tree, _converted(binding, variant))
            ready.append(compile_sql(own, columns, decimals=decimals))
            calls.append(_call(own, binding, variant, decimals, numbers, names))
        needed = wide or any(one.path != "sql" for one in ready)
        if needed:
            declared.register(connection)
        out.append(
            OutputSql(
                name,
                column,
                declaration.unit,
                decimals,
                _by_variant([one.plain or f"CAST(NULL AS DECIMAL({WIDTH},{decimals}))" for one in ready], names),
                _by_variant([one.reason for one in ready], names),
                _by_variant(calls, names) if needed else "",
                _sentence(name, binding),
            )
        )
    return out


def _columns(
    binding: Binding, numbers: dict[str, NumberColumn], made: Combinations, names: Names
) -> dict[str, ColumnType]:
    out: dict[str, ColumnType] = {}
    for name, entry in binding.numbers.items():
        column = numbers[entry.column]
        out[name] = ColumnType(column.precision, column.scale, sql=names.of("n", name))
        out[f"{name}?"] = ColumnType(kind="truth", sql=f"({names.of('n', name)} IS NOT NULL)")
    for name, (precision, scale) in made.widths.items():
        out[name] = ColumnType(precision, scale, sql=names.of("f", name))
    out |= {name: ColumnType(kind="text", sql=names.of("x", name)) for name in binding.texts}
    return out | {name: ColumnType(kind="truth", sql=names.of("x", name)) for name in binding.truths}


def _converted(binding: Binding, variant: Variant) -> dict[str, Node]:
    """Symbols of columns, converted; a parameter whose cell is empty has its default."""
    out: dict[str, Node] = {}
    for name, path in variant:
        symbol = binding.symbol(name)
        node = path.node(Name(name, kind="symbol", unit=symbol.unit), symbol.unit)
        if name in binding.numbers and symbol.default is not None:
            there = Name(f"{name}?", kind="symbol", type="truth")
            node = If(there, node, Number(symbol.default, unit=symbol.unit), unit=symbol.unit)
        out[name] = node
    return out


def _by_variant(parts: list[str], names: Names) -> str:
    """The part of the row's own way of converting; one part alone where all are the same."""
    if len(set(parts)) == 1:
        return parts[0]
    cases = " ".join(f"WHEN {number} THEN {part}" for number, part in enumerate(parts))
    return f"CASE {names.own('variant')} {cases} END"


def _sentence(name: str, binding: Binding) -> str:
    tree = binding.formula.compiled.trees[name]
    cases = " ".join(f"WHEN {literal(code)} THEN {literal(text)}" for code, text in _SENTENCES.items())
    end = literal(f" in `{show(tree)}`")
    return f"concat({literal(f'outputs.{name}: ')}, CASE gl_why {cases} ELSE gl_why END, {end})"


# --- the declared function ------------------------------------------------------------------------------------------


def _call(
    tree: Node, binding: Binding, variant: Variant, decimals: int, numbers: dict[str, NumberColumn], names: Names
) -> str:
    """The call of the declared function with the cells as they were given."""
    read = dict.fromkeys(n.name.removesuffix("?") for n in walk(tree) if isinstance(n, Name))
    kinds, texts = [], []
    for name in read:
        kinds.append(binding.symbol(name).type)
        if name in binding.numbers:
            texts.append(numbers[binding.numbers[name].column].text)
        elif name in binding.factors:
            texts.append(names.of("t", name))
        else:
            texts.append(f"CAST({names.of('x', name)} AS VARCHAR)")
    paths = dict(variant)
    limits = {name: (binding.symbol(name).range, paths[name]) for name in read if name in binding.numbers}
    key = hashlib.sha256(repr((tree_digest(tree), decimals, kinds, tuple(read), limits)).encode()).hexdigest()
    run = _ranged(program(tree), limits)
    declared.declare(key, declared.Program(run, tuple(read), tuple(kinds), {}, decimals))
    values = f"[{', '.join(texts)}]" if texts else "CAST([] AS VARCHAR[])"
    return f"{declared.FUNCTION}('{key}', {values})"


def _ranged(run: Any, limits: Mapping[str, tuple[Any, Path]]) -> Any:
    """The program with the valid ranges of its numbers, and with cells that are empty."""

    def ready(given: Mapping[str, Any]) -> Any:
        values = dict(given)
        for name, ((low, high), path) in limits.items():
            value = values.get(name)
            values[f"{name}?"] = value is not None
            if value is None:
                continue
            try:
                size = path.of(Fraction(to_decimal(value)))
            except NotANumber as error:
                raise CalculationError(str(error), kind="not_a_number") from None
            if (low is not None and size < Fraction(low)) or (high is not None and size > Fraction(high)):
                raise CalculationError(f"`{name}` is outside its valid range", kind="out_of_range")
        return run(values)

    return ready


# --- bases that depend on the row -----------------------------------------------------------------------------------


def bases_by_row(
    connection: duckdb.DuckDBPyConnection,
    binding: Binding,
    numbers: dict[str, NumberColumn],
    made: Combinations,
    names: Names,
) -> str:
    """SQL that gives the labels of the outputs, or a refusal after ``!``, as a list in rows that decide themselves.

    Empty if no row does.
    """
    if not any(row.settled.depends for row in made.rows):
        return ""
    function = f"greenlang_basis_{names.prefix}"
    rows = {row.number: row for row in made.rows}
    read = [name for name in binding.used if name in {**binding.numbers, **binding.texts, **binding.truths}]

    def labels(number: int, cells: list[str | None]) -> list[str]:
        row = rows[number]
        values = {n: t for n, t in {**binding.constants.values, **row.tagged}.items() if isinstance(t, Tagged)}
        for name, cell in zip(read, cells, strict=True):
            found = _tagged(name, cell, row, binding)
            if found is None:
                return []  # the row has no answer, which its status tells
            values[name] = found
        named, refusal = asked(binding.trees, values, binding.context.policy, binding.declaration.id)
        return [f"!{refusal}"] if refusal else [named.get(name, "") for name in binding.basis_columns]

    connection.create_function(
        function, labels, ["INTEGER", "VARCHAR[]"], "VARCHAR[]", null_handling="special", side_effects=False
    )  # type: ignore[call-overload]  # the stubs know the enum only, the text is documented
    cells = []
    for name in read:
        entry = binding.numbers.get(name)
        text = numbers[entry.column].text if entry else f"CAST({names.of('x', name)} AS VARCHAR)"
        cells.append(text)
    return f"CASE WHEN {names.own('by_row')} THEN {function}({names.own('c')}, [{', '.join(cells)}]) END"


def _tagged(name: str, cell: str | None, row: Combination, binding: Binding) -> Tagged | None:
    """A cell as the engine's evaluator takes it."""
    symbol = binding.symbol(name)
    if cell is None:
        return None if symbol.default is None else Tagged(symbol.default)
    if symbol.type != "number":
        return Tagged(cell == "true" if symbol.type == "truth" else cell)
    try:
        found = row.paths[name].of(Fraction(to_decimal(cell)))
        value = CONTEXT.divide(Decimal(found.numerator), Decimal(found.denominator))
    except (NotANumber, DecimalException):
        return None
    basis = row.bases.get(name)
    return Tagged(value, {basis: value} if basis else {})
