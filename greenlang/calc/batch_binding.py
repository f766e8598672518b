"""A mapping held against its formula: what is the same in every row, what comes from columns, what is wrong.

What is the same in every row (figures, references, GWPs of the set, defaults) is bound once, by the engine's own rules;
a mistake in it keeps the batch from starting, since every row would fail.

Belongs here: the roles of symbols and columns. Does not belong here: the rows (``batch_plan``), combinations of factors
(``batch_combinations``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from greenlang_sdk.decimals import calculation

from greenlang.calc.batch_formula import BatchFormula
from greenlang.calc.batch_mapping import BatchMapping, FactorEntry, FromColumn, InputEntry, MappingMistake
from greenlang.calc.batch_units import figure
from greenlang.calc.binding import Bound, bind
from greenlang.calc.context import CalculationContext, check_context
from greenlang.calc.engine import CalculationEngine
from greenlang.calc.given import REQUEST_FIELDS
from greenlang.calc.mistakes import Mistake, near
from greenlang.calc.quantity import has_co2e
from greenlang.calc.sourcing import Sources
from greenlang.formulas.declare import FormulaSymbol, LibraryFormula
from greenlang.formulas.reading import Citation
from greenlang.formulas.tree import Name, Node, Number, Text, Truth, walk

OWN_COLUMNS = ("combination", "status", "reason", "row_digest")
RESERVED = "gl_"


@dataclass(slots=True)
class Binding:
    """The roles of a formula's symbols in a batch."""

    formula: BatchFormula
    context: CalculationContext
    outputs: dict[str, str]  # output -> column, in the order of the formula
    used: tuple[str, ...]  # symbols that these outputs need, in the order of their declaration
    constants: Bound
    numbers: dict[str, InputEntry] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # symbol -> column
    truths: dict[str, str] = field(default_factory=dict)
    factors: dict[str, FactorEntry] = field(default_factory=dict)  # those that depend on the row

    @property
    def declaration(self) -> LibraryFormula:
        """The formula as it is declared."""
        return self.formula.formula

    def symbol(self, name: str) -> FormulaSymbol:
        """The declaration of a symbol."""
        return self.declaration.symbols[name]

    @property
    def factor_columns(self) -> dict[str, str]:
        """Symbol -> column of the results that names the key of its factor row."""
        return {name: f"{name}_key" for name in self.factors}

    @property
    def basis_columns(self) -> dict[str, str]:
        """Output -> column of the results that names the basis of its CO2e."""
        return {
            name: f"{column}_basis"
            for name, column in self.outputs.items()
            if has_co2e(self.declaration.outputs[name].unit)
        }

    @property
    def trees(self) -> dict[str, Node]:
        """The checked trees of the outputs and of those before them that they read, in order."""
        trees = self.formula.compiled.trees
        needed = set(self.outputs)
        for name in reversed(trees):
            if name in needed:
                needed |= {part.name for part in walk(trees[name]) if isinstance(part, Name)}
        return {name: tree for name, tree in trees.items() if name in needed}

    def constant_nodes(self) -> dict[str, Node]:
        """What is the same in every row, as nodes that stand in place of its name."""
        out: dict[str, Node] = {}
        for name, tagged in self.constants.values.items():
            unit = self.symbol(name).unit
            value = getattr(tagged, "value", None)
            if isinstance(value, bool):
                out[name] = Truth(value, type="truth")
            elif isinstance(value, str):
                out[name] = Text(value, type="text")
            else:
                assert isinstance(value, Decimal)
                steps = [step for step in self.constants.conversions if step.place == f"inputs.{name}"]
                base, path = figure(value, steps)
                out[name] = path.node(Number(base, unit=unit), unit)
        return out


def bind_mapping(
    mapping: BatchMapping, formula: BatchFormula, engine: CalculationEngine, types: Mapping[str, str]
) -> tuple[Binding | None, list[MappingMistake]]:
    """The roles, or every mistake. ``types`` are the columns of the activities."""
    declared = formula.formula
    context = mapping.calculation_context()
    mistakes = [_told(m) for m in check_context(context, engine.table.release, engine.sources.gwp_sets)]
    mistakes += _outputs(mapping, declared)
    chosen = mapping.outputs or {name: name for name in declared.outputs}
    outputs = {name: chosen[name] for name in declared.outputs if name in chosen}
    names = {name for output in outputs for name in formula.compiled.used(output)}
    used = tuple(name for name in declared.symbols if name in names)
    binding = Binding(formula, context, outputs, used, Bound())
    mistakes += list(_symbols(mapping, declared, used))
    mistakes += list(_column_roles(mapping, binding))
    mistakes += list(_fixed_units(binding, engine.sources))
    given = _constants(mapping)
    rows = {*binding.numbers, *binding.texts, *binding.truths, *binding.factors}
    constant = {name: declared.symbols[name] for name in used if name not in rows}
    wrong = {mistake.place for mistake in mistakes}
    with calculation():
        bound = bind(
            replace(declared, symbols=constant),
            {name: raw for name, raw in given.items() if name in constant},
            context,
            engine.sources,
        )
    mistakes += [
        told for m in bound.mistakes if m.place != "context.gwp_set" or not wrong for told in [_told(m, mapping)]
    ]
    binding.constants = bound
    mistakes += _collisions(mapping, binding)
    mistakes += _types(binding, types)
    return (None, list(dict.fromkeys(mistakes))) if mistakes else (binding, [])


def _told(mistake: Mistake, mapping: BatchMapping | None = None) -> MappingMistake:
    place = mistake.place
    name = place.removeprefix("inputs.")
    if mapping is not None and name in mapping.factors:
        place = f"factors.{name}"
    return MappingMistake(place, mistake.message, mistake.mend)


def _outputs(mapping: BatchMapping, formula: LibraryFormula) -> list[MappingMistake]:
    return [
        MappingMistake(f"outputs.{name}", "the formula has no such output", near(name, formula.outputs))
        for name in mapping.outputs
        if name not in formula.outputs
    ]


def _symbols(mapping: BatchMapping, formula: LibraryFormula, used: tuple[str, ...]) -> Iterator[MappingMistake]:
    """Entries under the wrong heading, or of nothing, and symbols that nothing feeds."""
    headings = {"inputs": {"input", "parameter"}, "factors": {"factor", "gwp", "parameter"}}
    for heading, entries in (("inputs", mapping.inputs), ("factors", mapping.factors)):
        for name in entries:
            place = f"{heading}.{name}"
            symbol = formula.symbols.get(name)
            if symbol is None:
                yield MappingMistake(place, "the formula has no such symbol", near(name, formula.symbols))
            elif symbol.type == "table":
                yield MappingMistake(place, "a batch has no table inputs", "take a formula of one row, or `calc once`")
            elif symbol.origin == "constant":
                yield MappingMistake(place, "this is a constant of nature and cannot be given", "leave it out")
            elif symbol.origin not in headings[heading]:
                other = "factors" if heading == "inputs" else "inputs"
                yield MappingMistake(place, f"`{name}` is a {symbol.origin}", f"put it under `{other}`")
    for name in used:
        symbol = formula.symbols[name]
        if name in mapping.inputs or name in mapping.factors or symbol.default is not None or symbol.origin == "gwp":
            continue
        heading = "factors" if symbol.origin == "factor" else "inputs"
        what = f", in {symbol.unit}" if symbol.unit else ""
        yield MappingMistake(f"{heading}.{name}", f"nothing feeds the {symbol.meaning}{what}", "name a column for it")


def _column_roles(mapping: BatchMapping, binding: Binding) -> Iterator[MappingMistake]:
    """Which symbol is fed by which column."""
    symbols = binding.declaration.symbols
    for name, entry in mapping.inputs.items():
        if not entry.column or name not in binding.used or symbols[name].origin not in {"input", "parameter"}:
            continue
        symbol = symbols[name]
        if symbol.type == "number":
            binding.numbers[name] = entry
            yield from _number(name, entry, symbol)
        elif entry.unit or entry.unit_column or entry.basis or entry.basis_column:
            yield MappingMistake(f"inputs.{name}", f"a {symbol.type} has neither unit nor basis", "leave them out")
        else:
            (binding.texts if symbol.type == "text" else binding.truths)[name] = entry.column
    for name, factor in mapping.factors.items():
        if name not in binding.used or symbols[name].origin == "input":
            continue
        if factor.column or any(isinstance(word, FromColumn) for word in factor.select.values()):
            binding.factors[name] = factor
        yield from _select(name, factor, symbols[name])


def _number(name: str, entry: InputEntry, symbol: FormulaSymbol) -> Iterator[MappingMistake]:
    if (entry.basis or entry.basis_column) and not has_co2e(symbol.unit):
        yield MappingMistake(
            f"inputs.{name}", f"a basis belongs to CO2e, and this is in {symbol.unit}", "leave the basis out"
        )


def _fixed_units(binding: Binding, sources: Sources) -> Iterator[MappingMistake]:
    """Units and bases that are the same in every row, and wrong."""
    for name, entry in binding.numbers.items():
        symbol = binding.symbol(name)
        if entry.unit_column or entry.basis_column or (entry.basis and not has_co2e(symbol.unit)):
            continue
        unit = entry.unit or symbol.unit
        for mistake in probed(name, symbol, unit, entry.basis, binding.context, sources).mistakes:
            place = "basis" if mistake.code == "basis" else "unit"
            yield MappingMistake(f"inputs.{name}.{place}", mistake.message, mistake.mend)


def probed(
    name: str, symbol: FormulaSymbol, unit: str, basis: str, context: CalculationContext, sources: Sources
) -> Bound:
    """What the engine says of a unit and a basis, asked with the number one."""
    free = replace(symbol, range=(None, None), origin="input", default=None)
    formula = LibraryFormula("probe", "", "", Citation("", ""), {name: free}, {}, ())
    with calculation():
        return bind(formula, {name: {"value": 1, "unit": unit, "basis": basis}}, context, sources)


def _select(name: str, factor: FactorEntry, symbol: FormulaSymbol) -> Iterator[MappingMistake]:
    place = f"factors.{name}.select"
    for word in factor.select:
        if word not in REQUEST_FIELDS:
            yield MappingMistake(f"{place}.{word}", "a request has no such word", near(word, REQUEST_FIELDS))
    if factor.select and "activity" not in factor.select:
        yield MappingMistake(place, "the request names no activity", "say `activity`")
    if factor.select and symbol.origin == "gwp":
        yield MappingMistake(
            place, "a GWP comes from the GWP set of the context", "leave it out, or give a column that names the gas"
        )


def _constants(mapping: BatchMapping) -> dict[str, Any]:
    """What the mapping itself gives, as the engine takes it."""
    given: dict[str, Any] = {}
    for name, entry in mapping.inputs.items():
        if entry.value is not None:
            given[name] = {"value": entry.value, "unit": entry.unit, "basis": entry.basis}
        elif entry.text is not None:
            given[name] = {"text": entry.text}
        elif entry.truth is not None:
            given[name] = {"truth": entry.truth}
    for name, factor in mapping.factors.items():
        if factor.ref:
            given[name] = {"ref": factor.ref}
        elif factor.select:
            given[name] = {"request": dict(factor.select)}
        elif factor.override is not None:
            given[name] = factor.override.model_dump()
    return given


def _collisions(mapping: BatchMapping, binding: Binding) -> Iterator[MappingMistake]:
    """Columns of the results that would have one name: for DuckDB, capitals make no difference."""
    taken: dict[str, str] = {}
    names = [(f"column `{name}`", name) for name in mapping.columns]
    names += [(f"output `{name}`", column) for name, column in binding.outputs.items()]
    names += [(f"basis of `{name}`", column) for name, column in binding.basis_columns.items()]
    names += [(f"factor of `{name}`", column) for name, column in binding.factor_columns.items()]
    names += [(f"`{name}` that every result has", name) for name in OWN_COLUMNS]
    for what, name in names:
        if name.lower().startswith(RESERVED):
            yield MappingMistake("mapping", f"the name of the {what} starts with {RESERVED}", "name it otherwise")
        if name.lower() in taken:
            yield MappingMistake(
                "outputs" if what.startswith("output") else "mapping",
                f"two columns of the results would be called `{name}`: the {taken[name.lower()]} and the {what}",
                "name the outputs otherwise (`outputs: {co2e: emissions}`), or the column of the activities",
            )
        taken.setdefault(name.lower(), what)


def _types(binding: Binding, types: Mapping[str, str]) -> Iterator[MappingMistake]:
    for name, column in binding.truths.items():
        if types.get(column) not in {"BOOLEAN", "VARCHAR"}:
            yield MappingMistake(f"inputs.{name}.column", f"`{column}` holds {types.get(column)}, not true or false")
