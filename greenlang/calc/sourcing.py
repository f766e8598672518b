"""Factor rows for the symbols of a formula: by reference, by the selection rule, or by the GWP set of the context.

A row must be of the symbol's gas, of a unit that converts, biogenic only where the symbol is, and made for the use
that the context permits. Fossil and biogenic methane, biogenic CO2 and fluorinated gases are gases of their own in
formulas, while publishers write kg CH4, kg CO2, kg: the row's unit is then named after the symbol's gas, and that is
recorded like a conversion.

Belongs here: finding a row and bringing it into the symbol's unit. Does not belong here: the selection rule itself
(`greenlang.factors.select`), arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from greenlang.calc.basis import ANY, UNSTATED
from greenlang.calc.context import CalculationContext
from greenlang.calc.given import GivenRef, GivenRequest
from greenlang.calc.mistakes import Refused, near
from greenlang.calc.quantity import Conversion, convert, gas_of, has_co2e
from greenlang.calc.records import FactorRecord
from greenlang.errors import FactorNotFound
from greenlang.factors.model import Factor, row_digest
from greenlang.factors.select_model import Request, SelectionRefused
from greenlang.factors.standing import Standing
from greenlang.factors.table import FactorTable
from greenlang.formulas.declare import FormulaColumn, FormulaSymbol

if TYPE_CHECKING:
    from greenlang.factors.select import Selection, Selector

NAMED_APART = "the publisher's unit, named after the gas of the formula"
_PLAIN = {"CO2b": ("CO2", "CO2e"), "CH4f": ("CH4",), "CH4b": ("CH4",)}
_FLUORINATED = ("HFC", "PFC", "CF4", "C2F6", "SF6", "NF3")
_MASS = r"((?:[kMG]|kilo)?g|t|lb)"
# Sets before AR5 give one value for all methane; where a set tells the origins apart, the symbol's own comes first.
_METHANE = {"ch4-fossil": ("ch4-fossil", "ch4"), "ch4-non-fossil": ("ch4-non-fossil", "ch4")}
_METHANE_GAS = {"CH4f": "ch4-fossil", "CH4b": "ch4-non-fossil"}
_NET = {"net", "lower", "lhv", "ncv"}
_GROSS = {"gross", "higher", "hhv", "gcv"}
_HEATING = {"HHV": "gross", "LHV": "net"}
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a symbol needs. ``gas`` is empty where any will do (heat contents, inputs)."""

    symbol: str
    place: str
    unit: str
    meaning: str
    gas: str = ""
    activity: str = ""

    @classmethod
    def of(cls, name: str, place: str, symbol: FormulaSymbol | FormulaColumn) -> Wanted:
        """What a declared symbol or column needs."""
        if isinstance(symbol, FormulaColumn):
            return cls(name, place, symbol.unit, symbol.meaning)
        return cls(name, place, symbol.unit, symbol.meaning, symbol.gas, symbol.activity)

    @property
    def biogenic(self) -> bool:
        """Whether it is biogenic CO2."""
        return self.gas == "CO2b" or "CO2b" in self.unit


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value in the symbol's unit, its basis, and how it came about."""

    value: Decimal
    basis: str
    record: FactorRecord
    conversions: tuple[Conversion, ...]
    warnings: tuple[str, ...]


class Sources:
    """The factor table as a source of values for symbols."""

    def __init__(self, table: FactorTable, selector: Callable[[], Selector]) -> None:
        self.table = table
        self.selector = selector

    def factor(self, given: GivenRef | GivenRequest, wanted: Wanted, context: CalculationContext) -> Sourced:
        """The row that is named or asked for. Raises Refused."""
        if isinstance(given, GivenRequest):
            return self._selected(given, wanted, context)
        try:
            rows = self.table.resolve(given.ref)
        except FactorNotFound as error:
            raise Refused("factor_not_found", str(error), "give one of these") from None
        steps: tuple[str, ...] = ()
        if len(rows) > 1:
            rows, steps = self._narrowed(given.ref, rows, wanted)
        row = rows[0]
        sourced = _sourced(row, row.value, row.unit, wanted, context, by="reference", steps=steps)
        return replace(sourced, warnings=(*sourced.warnings, *self._kept_out(row, wanted)))

    def _kept_out(self, row: Factor, wanted: Wanted) -> list[str]:
        """Naming a row reaches one that a finding keeps out of selection; that is said."""
        number = self.table.position(row.key)
        finding = self._standings[number].finding if number is not None else ""
        return [f"{wanted.symbol}: a finding keeps {row.ref} out of selection: {finding}"] if finding else []

    @cached_property
    def _standings(self) -> list[Standing]:
        return self.table.standings()

    def _narrowed(self, ref: str, rows: Sequence[Factor], wanted: Wanted) -> tuple[tuple[Factor, ...], tuple[str, ...]]:
        fits = tuple(row for row in rows if not _unfit(row, wanted) and _named_apart(row.unit, row, wanted) is not None)
        if len(fits) == 1:
            return fits, (f"{ref} names {len(rows)} rows; one of them is {wanted.gas or 'what fits'} in {wanted.unit}",)
        if not fits:
            near_by = [row for row in rows if _named_apart(row.unit, row, wanted) is not None]
            why = "; ".join(f"{row.ref} {_unfit(row, wanted)}" for row in near_by[:_SHOWN])
            raise Refused(
                "factor_unfit",
                f"none of the {len(rows)} rows below `{ref}` is the {wanted.meaning}, {wanted.gas} in {wanted.unit}"
                + (f": {why}" if why else ""),
                "name another reference",
            )
        listed = ", ".join(row.ref for row in fits[:_SHOWN])
        raise Refused("factor_ambiguous", f"{len(fits)} rows below `{ref}` fit", f"name one: {listed}")

    def _selected(self, given: GivenRequest, wanted: Wanted, context: CalculationContext) -> Sourced:
        asked: dict[str, Any] = dict(given.fields)
        gas = wanted.gas or gas_of(wanted.unit)
        asked.setdefault("gas", "" if asked.get("kind") == "property" else _PLAIN.get(gas, (gas,))[0])
        asked.setdefault("permitted_use", context.permitted_use)
        if wanted.biogenic:
            asked.setdefault("biogenic", True)
        try:
            selection = self.selector().select(Request(**asked))
        except SelectionRefused as error:
            raise Refused("factor_refused", error.sentence, error.hint or "say more in the request") from None
        steps = tuple(f"{step.rule}: {step.text} ({step.left} left)" for step in selection.steps)
        sourced = _sourced(
            selection.factor,
            selection.value,
            selection.unit,
            wanted,
            context,
            by="selection",
            steps=steps,
            before=_made(selection, wanted.place),
        )
        told = (f"{wanted.symbol}: {warning}" for warning in selection.warnings)
        return replace(sourced, warnings=(*sourced.warnings, *told))

    def gwp(self, given: object, wanted: Wanted, context: CalculationContext) -> Sourced:
        """The GWP of the context's set. Raises Refused.

        ``given`` is a text that names the gas where the formula does not, or a reference.
        """
        if not context.gwp_set:
            raise Refused(
                "gwp",
                f"the formula needs the {wanted.meaning}, and the context names no GWP set",
                f"name one of {', '.join(self.gwp_sets)}",
                "context.gwp_set",
            )
        if isinstance(given, GivenRef):
            return self._named_gwp(given, wanted, context)
        activity = wanted.activity or str(given or "").strip().lower() or wanted.gas.lower()
        tried = _METHANE.get(_METHANE_GAS.get(wanted.gas, activity), (activity,))
        for name in tried:
            if found := self._by_gwp.get((context.gwp_set, name)):
                break
        else:
            known = [name for gwp_set, name in self._by_gwp if gwp_set == context.gwp_set]
            raise Refused("gwp", f"{context.gwp_set} holds no GWP of {activity or 'nothing'}", near(activity, known))
        rows = [self.table.at(number) for number in found]
        if len({row.value for row in rows}) > 1:
            listed = ", ".join(f"{row.ref} ({row.value})" for row in rows[:_SHOWN])
            raise Refused("factor_ambiguous", f"{context.gwp_set} holds several GWPs of {name}", f"name one: {listed}")
        sourced = _sourced(rows[0], rows[0].value, rows[0].unit, wanted, context, by="GWP set")
        return replace(sourced, warnings=(*sourced.warnings, *self._methane(name, tried, wanted, context)))

    def _methane(self, name: str, tried: tuple[str, ...], wanted: Wanted, context: CalculationContext) -> list[str]:
        if name != tried[0]:
            return [f"{wanted.symbol}: {context.gwp_set} has no {tried[0]} of its own in this release; {name} is taken"]
        apart = {
            self.table.at(found[0]).value
            for other in ("ch4-fossil", "ch4-non-fossil")
            if (found := self._by_gwp.get((context.gwp_set, other)))
        }
        if name == "ch4" and apart:
            values = " and ".join(f"{value.normalize():f}" for value in sorted(apart))
            return [
                f"{wanted.symbol}: {context.gwp_set} tells methane by its origin ({values}), the formula does not; "
                "the value for methane as a whole is taken"
            ]
        return []

    def _named_gwp(self, given: GivenRef, wanted: Wanted, context: CalculationContext) -> Sourced:
        sourced = self.factor(given, wanted, context)
        row = self.table.get(sourced.record.key)
        assert row is not None
        if row.gwp_set != context.gwp_set:
            raise Refused(
                "gwp",
                f"{row.ref} is on {row.gwp_set or 'no GWP set'}, the context asks for {context.gwp_set}",
                "name a row of that set, or leave the reference out",
            )
        if wanted.activity and row.activity not in _METHANE.get(wanted.activity, (wanted.activity,)):
            raise Refused("gwp", f"{row.ref} is the GWP of {row.activity}, not of {wanted.activity}")
        return sourced

    @cached_property
    def gwp_sets(self) -> list[str]:
        """The GWP sets of which the table holds GWPs."""
        return sorted({name for name, _ in self._by_gwp})

    @cached_property
    def bases(self) -> list[str]:
        """Every basis that a CO2e figure can be stated on."""
        return sorted({*self.gwp_sets, *(name for name in self.table.column("gwp_set") if name)})

    @cached_property
    def _by_gwp(self) -> dict[tuple[str, str], list[int]]:
        """(GWP set, activity) -> places in the table."""
        found: dict[tuple[str, str], list[int]] = {}
        columns = (self.table.column(name) for name in ("kind", "publisher", "gwp_set", "activity"))
        for number, (kind, publisher, gwp_set, activity) in enumerate(zip(*columns, strict=True)):
            if kind == "gwp" and publisher == "ipcc":
                found.setdefault((gwp_set, activity), []).append(number)
        return found


def basis_of(row: Factor) -> str:
    """The basis of a row's CO2e: its GWP set; what a publisher leaves unsaid is alike only within one edition."""
    if row.kind == "gwp" and row.gas == "CO2" and row.value == 1:
        return ANY
    if row.gwp_named:
        return row.gwp_named
    return f"{row.gwp_set or UNSTATED} ({row.publisher}/{row.dataset}/{row.vintage})"


def _sourced(
    row: Factor,
    value: Decimal,
    unit: str,
    wanted: Wanted,
    context: CalculationContext,
    *,
    by: str,
    steps: tuple[str, ...] = (),
    before: tuple[Conversion, ...] = (),
) -> Sourced:
    """The row in the symbol's unit. Raises Refused if it does not suit the symbol."""
    if why := _unfit(row, wanted):
        raise Refused("factor_unfit", f"{row.ref} {why}", "name another row, or an override with reason and approver")
    if row.permitted_use != context.permitted_use:
        raise Refused(
            "factor_unfit",
            f"{row.ref} is made for {row.permitted_use} use, the context permits {context.permitted_use}",
            f"name a row for {context.permitted_use}, or set permitted_use in the context",
        )
    named = _named_apart(unit, row, wanted)
    if named is None:
        raise Refused(
            "unit", f"{row.ref} is in {unit}, {wanted.symbol} is {wanted.unit}", f"name a row that is {wanted.unit}"
        )
    conversions = list(before)
    if named != unit:
        conversions.append(
            Conversion(
                place=wanted.place,
                value=value,
                unit=unit,
                into=named,
                factor=Decimal(1),
                shift=Decimal(0),
                result=value,
                why=NAMED_APART,
            )
        )
    if (last := convert(value, named, wanted.unit, wanted.place)) is not None:
        conversions.append(last)
        value = last.result
    basis = basis_of(row) if has_co2e(wanted.unit) else ""
    record = FactorRecord(
        symbol=wanted.symbol,
        key=row.key,
        value=row.value,
        unit=row.unit,
        gas=row.gas,
        basis=basis,
        biogenic=row.biogenic,
        region=row.region,
        boundary=row.boundary,
        calorific_basis=row.calorific_basis,
        citation=row.citation,
        licence=row.licence,
        row_digest=row_digest(row),
        source_digest=row.source_digest,
        chosen_by=by,
        steps=steps,
        used_value=value,
        used_unit=wanted.unit,
    )
    return Sourced(value, basis, record, tuple(conversions), tuple(_warnings(row, wanted, context)))


def _unfit(row: Factor, wanted: Wanted) -> str:
    """Why a row is not what the symbol asks for; empty if it is."""
    gases = _PLAIN.get(wanted.gas, (wanted.gas,))
    # of CO2e the unit tells all: a refrigerant's GWP names the refrigerant as its gas
    if wanted.gas not in {"", "CO2e"} and row.gas not in gases and row.kind != "gwp":
        return f"is of {row.gas or 'no gas'}, {wanted.symbol} is of {wanted.gas}"
    if row.biogenic and not wanted.biogenic:
        return f"is biogenic CO2, which stays outside totals; {wanted.symbol} is not biogenic"
    if wanted.biogenic and not row.biogenic:
        return f"is not biogenic CO2, {wanted.symbol} is"
    said = _words(wanted.meaning)
    for basis, own, against, other in (("HHV", _GROSS, _NET, "net"), ("LHV", _NET, _GROSS, "gross")):
        if row.calorific_basis == basis and said & against and not said & own:
            return f"is per {_HEATING[basis]} heating value, {wanted.symbol} is on the {other} basis"
    return ""


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def _named_apart(unit: str, row: Factor, wanted: Wanted) -> str | None:
    """The row's unit, with the gas named as the formula names it; None if it does not convert."""
    from greenlang import units

    for candidate in (unit, *_variants(unit, row, wanted)):
        if units.same_dimension(candidate, wanted.unit):
            return candidate
    return None


def _variants(unit: str, row: Factor, wanted: Wanted) -> list[str]:
    out = []
    for apart, written in _PLAIN.items():
        if apart in wanted.unit:
            out += [re.sub(rf"\b{_MASS}{gas}(?![A-Za-z0-9])", rf"\1{apart}", unit) for gas in written]
    if row.kind == "gwp" or row.gas:
        out += [re.sub(r"/kg$", f"/kg{gas}", unit) for gas in _FLUORINATED if f"kg{gas}" in wanted.unit]
    return [name for name in out if name != unit]


def _warnings(row: Factor, wanted: Wanted, context: CalculationContext) -> list[str]:
    out = []
    if row.calorific_basis and not _words(wanted.meaning) & (_NET | _GROSS):
        basis = _HEATING[row.calorific_basis]
        out.append(f"{wanted.symbol}: {row.ref} is per {basis} heating value; so must the energy be")
    if row.status != "valid":
        out.append(f"{wanted.symbol}: the publisher calls {row.ref} {row.status}")
    if row.part_of:
        out.append(f"{wanted.symbol}: {row.ref} is a part of {row.part_of}; never add the two")
    if context.year is not None and row.publication_year > context.year and row.kind != "gwp":
        out.append(f"{wanted.symbol}: {row.ref} was published in {row.publication_year}, after {context.as_of}")
    return out


def _made(selection: Selection, place: str) -> tuple[Conversion, ...]:
    """The conversion that selection made, in our form; none where it made none."""
    made = selection.conversion
    if made.factor == 1 and made.source == made.target:
        return ()
    return (
        Conversion(
            place=place,
            value=selection.factor.value,
            unit=made.source,
            into=made.target,
            factor=made.factor,
            shift=Decimal(0),
            result=selection.value,
            why="made by the selection rule",
            citation=made.citation,
        ),
    )
