"""The uncertain quantities of one calculation, with the values that they move.

Belongs here: which quantity stands behind which symbol or cell, and the values of the formula with slopes or with
drawn deviations. Does not belong here: distributions (``uncertainty_inputs``), propagation (``uncertainty``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from greenlang_sdk import decimals

from greenlang.calc.basis import Tagged
from greenlang.calc.binding import Bound
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.records import FactorRecord
from greenlang.calc.uncertainty_inputs import Source, Uncertainty, UncertaintyRule, of_row, spread
from greenlang.calc.uncertainty_tree import Cell, Sloped, SlopedRows, SlopedValues
from greenlang.factors.table import SCHEME, FactorTable, split_ref
from greenlang.formulas.declare import FormulaSymbol, LibraryFormula
from greenlang.formulas.tree import TableCall

_ROW = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of the calculation: its value in its symbol's unit, and the quantity that moves it ("" for none)."""

    value: Decimal
    source: str


_Known = _Number | str | bool
_Values = dict[str, "_Known | list[dict[str, _Known]]"]


@dataclass(slots=True)
class Quantities:
    """All quantities, and the values of the symbols in terms of them."""

    rule: UncertaintyRule
    sources: dict[str, Source] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    values: _Values = field(default_factory=dict)
    of_tables: dict[str, Uncertainty] = field(default_factory=dict)
    deviations: Mapping[str, Decimal] | None = None  # while a trial runs

    def point(self) -> SlopedValues:
        """The values as they were calculated, each with its slope by its own quantity."""
        self.deviations = None
        return self._made()

    def drawn(self, deviations: Mapping[str, Decimal]) -> SlopedValues:
        """The values of one trial; a quantity without a deviation stays."""
        self.deviations = deviations
        return self._made()

    def of_table(self, node: TableCall, key: tuple[str, ...], value: Decimal) -> Sloped:
        """A value of a parameter table. Its quantity joins the others when it is first met."""
        name = f"table {node.table}.{node.column}[{', '.join(key)}]"
        if name not in self.sources:
            said = self.of_tables.get(name) or self.of_tables.get(name.partition("[")[0])
            self.sources[name] = self.told(name, f"{node.column} of {node.table}", said, node.unit or "1")
        number = _Number(value, name)
        return self._slope(number) if self.deviations is None else self._moved(number)

    def slope(self, name: str, value: Decimal) -> Decimal:
        """How fast a value moves with its own quantity: by itself for each whole relative change, else one to one."""
        known = self.sources[name].spread
        return value if known is None or known.relative else Decimal(1)

    def unused(self) -> list[Mistake]:
        """Statements about values of parameter tables that the formula did not read."""
        read = {name.partition("[")[0] for name in self.sources} | self.sources.keys()
        return [
            Mistake("unknown_input", f"uncertainties.{name}", "the calculation reads no such value of a table")
            for name in self.of_tables
            if name not in read
        ]

    def _made(self) -> SlopedValues:
        turn = self._slope if self.deviations is None else self._moved

        def cell(known: _Known) -> Cell:
            return turn(known) if isinstance(known, _Number) else known

        out: dict[str, Cell | SlopedRows] = {}
        for name, known in self.values.items():
            if isinstance(known, list):
                out[name] = [{column: cell(entry) for column, entry in row.items()} for row in known]
            else:
                out[name] = cell(known)
        return out

    def _slope(self, number: _Number) -> Sloped:
        if not number.source:
            return Sloped(number.value)
        return Sloped(number.value, {number.source: self.slope(number.source, number.value)})

    def _moved(self, number: _Number) -> Sloped:
        assert self.deviations is not None
        deviation = self.deviations.get(number.source)
        if deviation is None:
            return Sloped(number.value)
        known = self.sources[number.source].spread
        assert known is not None
        context = decimals.CONTEXT
        moved = context.multiply if known.relative else context.add
        return Sloped(moved(number.value, deviation))

    def told(self, name: str, meaning: str, said: Uncertainty | None, unit: str) -> Source:
        """A quantity in ``unit`` as the caller states it; what is wrong with the statement is collected."""
        if said is None:
            return Source(id=name, meaning=meaning, spread=None)
        try:
            return Source(id=name, meaning=meaning, spread=spread(said, unit, self.rule), told_by="caller")
        except Refused as error:
            self.mistakes.append(error.at(f"uncertainties.{name}"))
            return Source(id=name, meaning=meaning, spread=None)


def quantities(
    formula: LibraryFormula,
    bound: Bound,
    table: FactorTable,
    told: Mapping[str, Uncertainty],
    rule: UncertaintyRule,
) -> Quantities:
    """The quantities of a bound formula. ``told`` maps names to what the caller states; every mistake is collected.

    A name is a symbol (``energy``), a cell (``fuels[0].mass``), a column for every row of it (``fuels.mass``), a
    factor's reference, or ``table <name>.<column>`` of a parameter table, with ``[key]`` for one row.
    """
    builder = _Builder(formula, bound, table, told, rule)
    builder.build()
    return builder.out


class _Builder:
    def __init__(
        self,
        formula: LibraryFormula,
        bound: Bound,
        table: FactorTable,
        told: Mapping[str, Uncertainty],
        rule: UncertaintyRule,
    ) -> None:
        self.formula, self.bound, self.table = formula, bound, table
        self.factors = {record.symbol: record for record in bound.factors}
        self.told = {_plain_name(name): said for name, said in told.items()}
        self.used: set[str] = set()
        self.out = Quantities(rule)
        self.out.of_tables = {name: said for name, said in self.told.items() if name.startswith("table ")}
        self.used |= self.out.of_tables.keys()

    def build(self) -> None:
        for name, symbol in self.formula.symbols.items():
            found = self.bound.values[name]
            if isinstance(found, Tagged):
                self.out.values[name] = self.known(name, found, symbol, symbol.unit, symbol.meaning)
                continue
            self.out.values[name] = [
                {
                    column: self.known(
                        f"{name}[{number}].{column}",
                        cell,
                        symbol,
                        symbol.columns[column].unit,
                        symbol.columns[column].meaning or column,
                    )
                    for column, cell in row.items()
                }
                for number, row in enumerate(found)
            ]
        for name in self.told.keys() - self.used:
            known = [*self.out.sources, *self.factors, *(_ROW.sub("", other) for other in self.out.sources)]
            message = "the calculation has no such quantity"
            self.out.mistakes.append(Mistake("unknown_input", f"uncertainties.{name}", message, near(name, known)))

    def known(self, place: str, cell: Tagged, symbol: FormulaSymbol, unit: str, meaning: str) -> _Known:
        if isinstance(cell.value, (str, bool)):
            return cell.value
        value = Decimal(cell.value)
        if symbol.origin == "constant":
            return _Number(value, "")
        record = self.factors.get(place)
        if record is None:
            self.out.sources[place] = self.plain_source(place, unit, meaning)
            return _Number(value, place)
        name = f"{SCHEME}{record.key}"
        if name not in self.out.sources:
            self.out.sources[name] = self.factor_source(name, place, record)
        elif place in self.told:
            self.used.add(place)
            self.wrong(place, f"{name} is used twice; state its uncertainty once, by its reference")
        return _Number(value, name)

    def plain_source(self, place: str, unit: str, meaning: str) -> Source:
        said = self.statement(place)
        return self.out.told(place, meaning, said, unit)

    def factor_source(self, name: str, place: str, record: FactorRecord) -> Source:
        row = self.table.get(record.key)
        assert row is not None, f"{record.key} was bound from the table"
        said = self.statement(name, place)
        if said is None:
            try:
                own = of_row(row, self.out.rule)
            except Refused as error:
                self.out.mistakes.append(error.at(name))
                own = None
            return Source(id=name, meaning=row.name or row.activity, spread=own, told_by="row" if own else "")
        if said.percent is None:
            self.wrong(name, "the uncertainty of a factor row is stated in percent")
        note = f"the row itself states {decimals.normal_text(row.uncertainty)} %" if row.uncertainty is not None else ""
        told = self.out.told(name, row.name or row.activity, said, row.unit)
        return Source(id=name, meaning=told.meaning, spread=told.spread, told_by=told.told_by, note=note)

    def statement(self, *names: str) -> Uncertainty | None:
        """What is stated under one of these names, else for the whole column of a cell; twice is a mistake."""
        there = [name for name in names if name in self.told]
        column = _ROW.sub("", names[-1])
        self.used |= {*there, column} & self.told.keys()
        if len(there) > 1:
            self.wrong(there[1], f"its uncertainty is stated twice, as `{there[0]}` too")
        return self.told.get(there[0] if there else column)

    def wrong(self, name: str, message: str) -> None:
        self.out.mistakes.append(Mistake("wrong_type", f"uncertainties.{name}", message))


def _plain_name(name: str) -> str:
    """A name as quantities have it: references without their release."""
    name = name.strip()
    return f"{SCHEME}{split_ref(name)[0]}" if name.startswith(SCHEME) else name
