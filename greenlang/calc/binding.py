"""Binding: what was given, to the symbols of a formula, each value in its declared unit, with every mistake collected.

Belongs here: which kinds of giving suit which symbol, units, ranges, enums, defaults, overrides. Does not belong here:
finding factor rows (``sourcing``), evaluating (``basis``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from greenlang_sdk.decimals import normal_text

from greenlang.calc.basis import UNSTATED, Shares, Tagged, TaggedRows, written
from greenlang.calc.context import CalculationContext
from greenlang.calc.given import (
    Given,
    GivenNumber,
    GivenRef,
    GivenRequest,
    GivenRows,
    GivenText,
    GivenTruth,
    Override,
    plain,
    read_given,
)
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import Conversion, convert, has_co2e, known_unit, misleading, shown
from greenlang.calc.records import CellUsed, FactorRecord, InputRecord, OverrideRecord, ParameterRecord
from greenlang.calc.sourcing import Sourced, Sources, Wanted
from greenlang.formulas.declare import FormulaColumn, FormulaSymbol, LibraryFormula, within

_DIFFERENCE = {"difference", "differences", "rise", "drop", "fall", "lift", "gradient"}
GIVEN_BASIS = f"{UNSTATED} (given)"


@dataclass(slots=True)
class Bound:
    """The symbols with their values, and how each came about."""

    values: dict[str, Tagged | TaggedRows] = field(default_factory=dict)
    inputs: list[InputRecord] = field(default_factory=list)
    parameters: list[ParameterRecord] = field(default_factory=list)
    factors: list[FactorRecord] = field(default_factory=list)
    overrides: list[OverrideRecord] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def bind(formula: LibraryFormula, given: Mapping[str, object], context: CalculationContext, sources: Sources) -> Bound:
    """Every symbol of the formula bound, or the mistakes that keep it from it."""
    binder = _Binder(context, sources, formula.id)
    for name in given:
        if name not in formula.symbols:
            binder.wrong(
                "unknown_input", f"inputs.{name}", "the formula has no such symbol", near(name, formula.symbols)
            )
    for name, symbol in formula.symbols.items():
        try:
            binder.symbol(name, symbol, given)
        except Refused as error:
            binder.out.mistakes.append(error.at(f"inputs.{name}"))
    return binder.out


class _Binder:
    def __init__(self, context: CalculationContext, sources: Sources, owner: str) -> None:
        self.context = context
        self.owner = owner
        self.sources = sources
        self.out = Bound()

    def wrong(self, code: str, place: str, message: str, mend: str = "") -> None:
        self.out.mistakes.append(Mistake(code, place, message, mend))  # type: ignore[arg-type]

    def symbol(self, name: str, symbol: FormulaSymbol, given: Mapping[str, object]) -> None:
        place = f"inputs.{name}"
        if given.get(name) is None:
            self.absent(name, symbol, place)
            return
        if symbol.origin == "constant":
            raise Refused("wrong_type", f"`{name}` is a constant of nature and cannot be given", "leave it out")
        if symbol.origin == "gwp" and isinstance(text := given[name], str) and not text.startswith("ef://"):
            found: Given | None = GivenText(text)
        else:
            found, mistakes = read_given(given[name], symbol, place)
            self.out.mistakes += mistakes
        if found is not None:
            self.take(name, symbol, found, place)

    def absent(self, name: str, symbol: FormulaSymbol, place: str) -> None:
        """A symbol that was not given: a default, a constant, a GWP of the set, or a mistake."""
        if symbol.default is not None:
            record = ParameterRecord(
                name=name,
                origin=symbol.origin,
                meaning=symbol.meaning,
                value=symbol.default,
                unit=symbol.unit,
                source=symbol.source,
            )
            self.out.parameters.append(record)
            self.out.values[name] = Tagged(symbol.default, written(symbol.default, symbol.unit, self.owner))
        elif symbol.origin == "gwp":
            self.sourced(name, self.sources.gwp(None, Wanted.of(name, place, symbol), self.context), symbol)
        else:
            self.wrong("missing_input", place, f"the {symbol.meaning} is missing", _how(symbol))

    def take(self, name: str, symbol: FormulaSymbol, given: Given, place: str) -> None:
        """One symbol, in the way in which it was given."""
        wanted = Wanted.of(name, place, symbol)
        match given:
            case GivenRows(rows=rows):
                self.table(name, symbol, rows, given)
            case GivenRef() if symbol.origin == "gwp":
                self.sourced(name, self.sources.gwp(given, wanted, self.context), symbol, given)
            case GivenText(text=text) if symbol.origin == "gwp":
                if symbol.activity:
                    raise Refused(
                        "wrong_type", f"the formula says itself which GWP it needs: {symbol.activity}", "leave it out"
                    )
                self.sourced(name, self.sources.gwp(text, wanted, self.context), symbol, given)
            case GivenRef() | GivenRequest() if symbol.type == "number" and symbol.origin != "gwp":
                self.sourced(name, self.sources.factor(given, wanted, self.context), symbol, given)
            case Override() if symbol.origin != "input":
                self.override(name, symbol, given, place)
            case GivenNumber() if symbol.origin in {"input", "parameter"} and symbol.type == "number":
                value, unit, basis = self.number(given, symbol, place)
                self.out.values[name] = Tagged(value, _shares(value, symbol.unit, basis))
                self.input(name, symbol, given, value, unit, basis)
            case GivenText(text=text) if symbol.type == "text":
                self.text(text, symbol.enum, place)
                self.out.values[name] = Tagged(text)
                self.input(name, symbol, given, text)
            case GivenTruth(truth=truth) if symbol.type == "truth":
                self.out.values[name] = Tagged(truth)
                self.input(name, symbol, given, truth)
            case _:
                raise Refused("wrong_type", _unsuited(symbol, given), _how(symbol))

    def input(
        self,
        name: str,
        symbol: FormulaSymbol,
        given: Given,
        value: Decimal | str | bool | None = None,
        unit: str = "",
        basis: str = "",
        rows: tuple[dict[str, CellUsed], ...] = (),
    ) -> None:
        self.out.inputs.append(
            InputRecord(
                name=name,
                origin=symbol.origin,
                given=plain(given),
                value=value,
                unit=unit,
                basis=basis,
                rows=rows,
            )
        )

    def number(self, given: GivenNumber, symbol: FormulaSymbol | FormulaColumn, place: str) -> tuple[Decimal, str, str]:
        """A number in the declared unit, with its basis if it is CO2e."""
        value = given.value
        if given.unit and given.unit != symbol.unit:
            known_unit(given.unit)
            if told := misleading(given.unit):
                self.out.warnings.append(f"{place.removeprefix('inputs.')}: {told}")
            if (conversion := convert(value, given.unit, symbol.unit, place)) is not None:
                self.out.conversions.append(conversion)
                value = conversion.result
                self.shifted(conversion, symbol)
        self.ranged(value, symbol)
        return value, symbol.unit, self.basis(given.basis, symbol.unit, place)

    def shifted(self, conversion: Conversion, symbol: FormulaSymbol | FormulaColumn) -> None:
        """20 degC is 293.15 K as a temperature and 20 K as a difference: which one is meant is said, or refused."""
        if not conversion.shift:
            return
        given = f"{shown(conversion.value)} {conversion.unit}"
        if _DIFFERENCE & set(re.findall(r"[a-z]+", symbol.meaning.lower())):
            raise Refused("unit", f"{given} is a temperature, not a {symbol.meaning}", "give it in K or delta_degC")
        self.out.warnings.append(
            f"{conversion.place.removeprefix('inputs.')}: {given} counts as a temperature, "
            f"{shown(conversion.result)} {conversion.into}; a difference is given in K or delta_degC"
        )

    def basis(self, told: str, unit: str, place: str) -> str:
        """The basis of CO2e that was given; one that nobody states is unstated, with a warning."""
        if not has_co2e(unit):
            if told:
                raise Refused("basis", f"a basis belongs to CO2e, and this is in {unit}", "leave the basis out")
            return ""
        if not told or told == UNSTATED:
            self.out.warnings.append(f"{place.removeprefix('inputs.')}: CO2e is given without its basis")
            return GIVEN_BASIS
        if told not in self.sources.bases:
            raise Refused("basis", f"`{told}` is no basis that is known", near(told, self.sources.bases))
        return told

    def ranged(self, value: Decimal, symbol: FormulaSymbol | FormulaColumn) -> None:
        if within(value, symbol.range):
            return
        low, high = ("open" if bound is None else normal_text(bound) for bound in symbol.range)
        mend = "check the value and its unit"
        if value < 0 and symbol.range[0] == 0:
            mend = "check its sign; only formulas for credits, removals and changes declare that it may be below zero"
        raise Refused(
            "out_of_range",
            f"{shown(value)} {symbol.unit} is outside the valid range of the {symbol.meaning}, {low} to {high}",
            mend,
        )

    def text(self, text: str, enum: tuple[str, ...], place: str) -> None:
        if enum and text not in enum:
            hint = near(text, enum) or f"there is {', '.join(enum)}"
            raise Refused("not_allowed", f'"{text}" is none of those allowed', hint, place)

    def override(self, name: str, symbol: FormulaSymbol, given: Override, place: str) -> None:
        assert isinstance(given.value, Decimal)
        number = GivenNumber(given.value, given.unit, given.basis)
        value, unit, basis = self.number(number, symbol, place)
        self.out.overrides.append(
            OverrideRecord(
                symbol=name,
                meaning=symbol.meaning,
                value=given.value,
                unit=given.unit,
                basis=basis,
                reason=given.reason,
                approver=given.approver,
                citation=given.citation,
                used_value=value,
                used_unit=unit,
            )
        )
        self.out.warnings.append(
            f"{name}: a figure approved by {given.approver} stands in place of the {symbol.meaning}"
        )
        self.out.values[name] = Tagged(value, _shares(value, symbol.unit, basis))
        self.input(name, symbol, given)

    def sourced(self, name: str, sourced: Sourced, symbol: FormulaSymbol, given: Given | None = None) -> None:
        """A value from a factor row."""
        self.ranged(sourced.value, symbol)
        self.keep(sourced)
        self.out.values[name] = Tagged(sourced.value, _shares(sourced.value, symbol.unit, sourced.basis))
        if given is not None:
            self.input(name, symbol, given)

    def keep(self, sourced: Sourced) -> None:
        self.out.factors.append(sourced.record)
        self.out.conversions += sourced.conversions
        self.out.warnings += sourced.warnings

    def table(self, name: str, symbol: FormulaSymbol, rows: tuple[dict[str, Given], ...], given: Given) -> None:
        bound: list[dict[str, Tagged]] = []
        used: list[dict[str, CellUsed]] = []
        for number, row in enumerate(rows):
            cells: dict[str, CellUsed] = {}
            for column, cell in row.items():
                place = f"inputs.{name}[{number}].{column}"
                try:
                    cells[column] = self.cell(cell, symbol.columns[column], place)
                except Refused as error:
                    self.out.mistakes.append(error.at(place))
            used.append(cells)
            bound.append({column: _tagged(cell) for column, cell in cells.items()})
        self.out.values[name] = bound
        self.input(name, symbol, given, rows=tuple(used))

    def cell(self, given: Given, column: FormulaColumn, place: str) -> CellUsed:
        match given:
            case GivenNumber() if column.type == "number":
                value, unit, basis = self.number(given, column, place)
                return CellUsed(value=value, unit=unit, basis=basis)
            case GivenRef() | GivenRequest() if column.type == "number":
                wanted = Wanted.of(place.removeprefix("inputs."), place, column)
                sourced = self.sources.factor(given, wanted, self.context)
                self.ranged(sourced.value, column)
                self.keep(sourced)
                return CellUsed(value=sourced.value, unit=column.unit, basis=sourced.basis)
            case GivenText(text=text) if column.type == "text":
                self.text(text, column.enum, place)
                return CellUsed(value=text, unit="", basis="")
            case GivenTruth(truth=truth) if column.type == "truth":
                return CellUsed(value=truth, unit="", basis="")
        raise Refused("wrong_type", _unsuited(column, given), f"give a {column.type}")


def _tagged(cell: CellUsed) -> Tagged:
    if isinstance(cell.value, Decimal):
        return Tagged(cell.value, _shares(cell.value, cell.unit, cell.basis))
    return Tagged(cell.value)


def _shares(value: Decimal, unit: str, basis: str) -> Shares:
    return {basis: value} if has_co2e(unit) else {}


def _how(symbol: FormulaSymbol) -> str:
    """How a symbol is given."""
    if symbol.type == "table":
        return f"give a list of rows with {', '.join(symbol.columns)}"
    if symbol.type != "number":
        return f"give one of {', '.join(symbol.enum)}" if symbol.enum else f"give a {symbol.type}"
    if symbol.origin == "factor":
        return f"give an ef:// reference, a request, or an override with approver, in {symbol.unit}"
    if symbol.origin == "gwp":
        return "name the GWP set in the context, or give an override with approver"
    return f"give a number in {symbol.unit}"


def _unsuited(symbol: FormulaSymbol | FormulaColumn, given: Given) -> str:
    kinds = {
        GivenNumber: "a bare number",
        GivenText: "a text",
        GivenTruth: "a truth value",
        GivenRows: "rows",
        GivenRef: "a reference",
        GivenRequest: "a request",
        Override: "an override",
    }
    what = "a factor" if isinstance(symbol, FormulaSymbol) and symbol.origin == "factor" else f"a {symbol.type}"
    what = "a GWP" if isinstance(symbol, FormulaSymbol) and symbol.origin == "gwp" else what
    return f"{kinds[type(given)]} cannot stand for {what}"
