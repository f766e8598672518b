"""Emission rates per unit of energy from factor rows: as CO2e where the publisher gives it, else gas by gas with GWPs.

A row for scope 2 must cover the generation of the energy and nothing else; rows for upstream lines must be of their
own stage. Belongs here: finding those rows and bringing them into the unit of the consumption. Does not belong here:
the selection rule, quantities of energy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from greenlang_sdk import decimals

from greenlang.calc.basis import ANY
from greenlang.calc.context import CalculationContext
from greenlang.calc.given import GivenRef, GivenRequest
from greenlang.calc.mistakes import Refused
from greenlang.calc.overlaps_rules import declared_rules as overlap_rules
from greenlang.calc.quantity import Conversion
from greenlang.calc.records import FactorRecord
from greenlang.calc.scope2_rules import declared_rules
from greenlang.calc.scope2_shapes import Asked
from greenlang.calc.sourcing import Sourced, Wanted
from greenlang.factors.model import Factor
from greenlang.factors.select_model import Request, SelectionRefused

if TYPE_CHECKING:
    from greenlang.calc.engine import CalculationEngine

_SHOWN = 3
_GASES = (("CH4", "ch4", "kgCO2e/kgCH4"), ("N2O", "n2o", "kgCO2e/kgN2O"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GasRate:
    """CO2e of one gas, or of all, per unit of energy: ``value`` in ``unit`` from ``record``, and ``gwp`` if by gas."""

    gas: str
    value: Decimal
    unit: str
    basis: str
    record: FactorRecord
    gwp: FactorRecord | None = None
    conversions: tuple[Conversion, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a row must be: the stage of the energy's life, its scope if that matters, and the method of scope 2.

    A request that names neither region nor year asks for those here.
    """

    stage: str
    scope: str
    method: str
    why: str
    region: str
    year: int


def rates(
    engine: CalculationEngine,
    asked: Asked,
    per: str,
    place: str,
    expected: Expected,
    context: CalculationContext,
) -> tuple[GasRate, ...]:
    """Rates per ``per`` (kWh): one in CO2e, or CO2 with the CH4 and N2O that its publisher gives. Raises Refused."""
    asked = _filled(asked, expected)
    try:
        return _rates(engine, asked, per, place, expected, context)
    except Refused as error:
        raise _instead(engine, asked, expected, error, place) from None


def _rates(
    engine: CalculationEngine, asked: Asked, per: str, place: str, expected: Expected, context: CalculationContext
) -> tuple[GasRate, ...]:
    if _whole(engine, asked):
        found = _sourced(engine, asked, "CO2e", f"kgCO2e/({per})", place, context)
        _checked(engine, found.record, expected, place)
        return (_rate("CO2e", found, found.value, f"kgCO2e/{per}", found.basis),)
    carbon = _sourced(engine, asked, "CO2", f"kgCO2/({per})", place, context)
    _checked(engine, carbon.record, expected, place)
    out = [_rate("CO2", carbon, carbon.value, f"kgCO2e/{per}", ANY)]
    for gas, activity, unit in _GASES:
        found_gas = _maybe(engine, asked, gas, f"kg{gas}/({per})", place, context)
        if found_gas is None:
            continue
        _checked(engine, found_gas.record, expected, place)
        gwp = engine.sources.gwp(None, Wanted(f"GWP of {gas}", place, unit, f"GWP of {gas}", gas, activity), context)
        with decimals.calculation():
            value = found_gas.value * gwp.value
        rate = _rate(gas, found_gas, value, f"kgCO2e/{per}", gwp.basis)
        out.append(replace(rate, gwp=gwp.record, warnings=(*rate.warnings, *gwp.warnings)))
    return tuple(out)


def outside_rate(engine: CalculationEngine, asked: Asked, per: str, place: str, context: CalculationContext) -> GasRate:
    """The biogenic CO2 per unit of energy: outside the scopes. Raises Refused."""
    found = _sourced(engine, asked, "CO2b", f"kgCO2b/({per})", place, context)
    return _rate("CO2b", found, found.value, f"kgCO2b/{per}", "")


def _filled(asked: Asked, expected: Expected) -> Asked:
    """A request with region and year of the consumption, and the method, so that no figure of the other can answer."""
    if not isinstance(asked, GivenRequest):
        return asked
    filled: dict[str, str | int | bool] = {"region": expected.region, "year": expected.year}
    if expected.method:
        filled["scope2_method"] = expected.method
    return GivenRequest({**filled, **asked.fields})


def _whole(engine: CalculationEngine, asked: Asked) -> bool:
    """Whether there is a figure in CO2e; if there is none at all, gases are looked for."""
    if isinstance(asked, GivenRef):
        rows = engine.table.below(asked.ref.removeprefix("ef://").partition("@")[0])
        return not rows or any(row.gas == "CO2e" for row in rows)
    if asked.fields.get("gas") not in {None, "CO2e"}:
        return False
    try:
        engine.selector.select(Request(**{**asked.fields, "gas": "CO2e"}))  # type: ignore[arg-type]
    except SelectionRefused as refused:
        return bool(refused.candidates) or not _has_gases(engine, asked)
    return True


def _has_gases(engine: CalculationEngine, asked: GivenRequest) -> bool:
    try:
        engine.selector.select(Request(**{**asked.fields, "gas": "CO2"}))  # type: ignore[arg-type]
    except SelectionRefused as refused:
        return bool(refused.candidates)
    return True


def _sourced(
    engine: CalculationEngine, asked: Asked, gas: str, unit: str, place: str, context: CalculationContext
) -> Sourced:
    if isinstance(asked, GivenRequest):
        asked = GivenRequest({**asked.fields, "gas": "CO2" if gas == "CO2b" else gas})
    return engine.sources.factor(asked, Wanted(place, place, unit, "emission rate of energy", gas), context)


def _maybe(
    engine: CalculationEngine, asked: Asked, gas: str, unit: str, place: str, context: CalculationContext
) -> Sourced | None:
    """The figure of a further gas, or None where the publisher gives none. Raises Refused for several."""
    if isinstance(asked, GivenRef):
        rows = engine.table.below(asked.ref.removeprefix("ef://").partition("@")[0])
        if not any(row.gas == gas for row in rows):
            return None
    else:
        try:
            engine.selector.select(Request(**{**asked.fields, "gas": gas}))  # type: ignore[arg-type]
        except SelectionRefused as refused:
            if not refused.candidates:
                return None
    return _sourced(engine, asked, gas, unit, place, context)


def _checked(engine: CalculationEngine, record: FactorRecord, expected: Expected, place: str) -> None:
    row = engine.table.get(record.key)
    assert row is not None, f"{record.key} was bound from the table"
    if problems := list(_problems(row, expected)):
        mend = _mend(engine, expected, _fitting(engine, expected))
        raise Refused("factor_unfit", f"{row.ref} {'; it '.join(problems)}. {expected.why}", mend, place)


def _problems(row: Factor, expected: Expected) -> Iterable[str]:
    """What is wrong with a row, each as the end of a sentence about it."""
    stage, covers = overlap_rules().stage(row), declared_rules().covers
    if stage != expected.stage:
        yield f"covers {covers(stage)}, and {covers(expected.stage)} is needed"
    elif expected.scope and row.scope != expected.scope:
        yield f"is of {f'scope {row.scope}' if row.scope else 'no named scope'}, and scope {expected.scope} is needed"
    if expected.method and row.scope2_method not in {"", expected.method}:
        yield f"is {row.scope2_method}, and a {expected.method} one is needed"


def _mend(engine: CalculationEngine, expected: Expected, fit: list[str]) -> str:
    """Which rows would do: of electricity, whose rows name their method, those of the region."""
    wanted = f"name a row for {declared_rules().covers(expected.stage)}"
    if not expected.method:
        return wanted
    if fit:
        more = f", and {len(fit) - _SHOWN:,} more" if len(fit) > _SHOWN else ""
        return f"{wanted}, such as {', '.join(fit[:_SHOWN])}{more}"
    return f"{wanted}; release {engine.table.release} holds none that is {expected.method} for {expected.region}"


def _fitting(engine: CalculationEngine, expected: Expected) -> list[str]:
    """References of rows of the method and the region that a consumption could stand on, the nearest years first."""
    if not expected.method:
        return []
    table = engine.table
    columns = (table.column(name) for name in ("region", "scope2_method", "kind", "unit"))
    found = [
        table.at(number)
        for number, (region, method, kind, unit) in enumerate(zip(*columns, strict=True))
        if region == expected.region and method == expected.method and kind == "factor" and _per_energy(unit)
    ]
    rows = [row for row in found if not row.biogenic and not list(_problems(row, expected))]
    return [row.ref for row in sorted(rows, key=lambda row: (_years(row, expected), row.key))]


def _years(row: Factor, expected: Expected) -> int:
    return abs((row.reporting_year or row.data_year or row.publication_year) - expected.year)


def _per_energy(unit: str) -> bool:
    from greenlang import units

    return any(units.same_dimension(unit, f"kg{gas}/kWh") for gas in ("CO2e", "CO2"))


def _instead(engine: CalculationEngine, asked: Asked, expected: Expected, error: Refused, place: str) -> Refused:
    """A refusal of the selection rule, with the life-cycle intensity that is there for the region and never counts."""
    if error.code != "factor_refused" or not isinstance(asked, GivenRequest) or expected.stage != "use":
        return error
    said = {name: value for name, value in asked.fields.items() if name != "scope2_method"}
    try:
        row = engine.selector.select(Request(**{**said, "gas": "CO2e", "boundary": "life-cycle"})).factor  # type: ignore[arg-type]
    except SelectionRefused:
        return error
    if not (problems := list(_problems(row, expected))):
        return error
    message = f"{error.message}; {row.ref} is there, but it {'; it '.join(problems)}. {expected.why}"
    fit = _fitting(engine, expected)
    mend = _mend(engine, expected, fit)
    if fit and not {"boundary", "source"} & asked.fields.keys():
        mend = f"{mend}; or: {error.mend}"
    return Refused(error.code, message, mend, place)


def elsewhere(row: Factor, expected: Expected, regions: Iterable[str]) -> list[str]:
    """What does not fit between a row and the place and year of the consumption; a row for everywhere fits."""
    out = []
    if row.region and row.region.casefold() not in {region.casefold() for region in regions}:
        out.append(f"{row.ref} is for {row.region}, the energy was consumed in {expected.region}")
    if row.reporting_year not in {None, expected.year}:
        out.append(f"{row.ref} is for {row.reporting_year}, the energy was consumed in {expected.year}")
    return out


def _rate(gas: str, found: Sourced, value: Decimal, unit: str, basis: str) -> GasRate:
    return GasRate(
        gas=gas,
        value=value,
        unit=unit,
        basis=basis,
        record=found.record,
        conversions=found.conversions,
        warnings=found.warnings,
    )
