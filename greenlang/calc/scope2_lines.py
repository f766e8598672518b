"""Lines of scope 2 and of scope 3 category 3, and the total of a method.

Belongs here: quantity times rate, rounded once; adding up. Does not belong here: which rate counts (``scope2``).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal, localcontext
from typing import Any

from greenlang_sdk import decimals
from greenlang_sdk.decimals import round_output

from greenlang import units
from greenlang.calc.basis import ANY, allowed, shares_of
from greenlang.calc.context import POLICIES
from greenlang.calc.mistakes import Mistake
from greenlang.calc.quantity import Conversion, convert
from greenlang.calc.records import Share
from greenlang.calc.scope2_factors import GasRate
from greenlang.calc.scope2_result import LOCATION, MARKET, MethodTotal, Scope2Line
from greenlang.calc.scope2_rules import declared_rules
from greenlang.calc.scope2_shapes import Consumption, Rate

UNIT = "kgCO2e"
_WIDE = Context(prec=2_000)
_SHARE_DIGITS = 6


def of_rows(
    consumption: Consumption,
    quantity: Decimal,
    method: str,
    tranche: str,
    label: str,
    rate: GasRate,
    *,
    stage: str = "",
) -> Scope2Line:
    """A line on a factor row; with a ``stage`` it is one of scope 3 category 3."""
    citation = rate.record.citation + (f"; {rate.gwp.citation}" if rate.gwp is not None else "")
    return _made(
        consumption,
        quantity,
        method,
        tranche,
        label,
        gas=rate.gas,
        rate=rate.value,
        rate_unit=rate.unit,
        basis=rate.basis,
        citation=citation,
        stage=stage,
        factor=rate.record,
        gwp=rate.gwp,
        conversions=rate.conversions,
    )


def of_rate(
    consumption: Consumption, quantity: Decimal, tranche: str, label: str, rate: Rate, basis: str, place: str
) -> Scope2Line:
    """A market-based line on a rate that the user states. Raises Refused if its unit does not convert."""
    outside = "CO2b" in rate.unit
    numerator = "kgCO2b" if outside else UNIT
    conversions: tuple[Conversion, ...] = ()
    value = rate.value
    made = convert(rate.value, rate.unit, f"{numerator}/({consumption.unit})", place)
    if made is not None:
        conversions, value = (made,), made.result
    return _made(
        consumption,
        quantity,
        MARKET,
        tranche,
        label,
        gas="CO2b" if outside else "CO2e",
        rate=value,
        rate_unit=f"{numerator}/{consumption.unit}",
        basis="" if outside else basis,
        citation=rate.citation,
        conversions=conversions,
    )


def _made(
    consumption: Consumption,
    quantity: Decimal,
    method: str,
    tranche: str,
    label: str,
    *,
    gas: str,
    rate: Decimal,
    rate_unit: str,
    stage: str = "",
    **more: Any,
) -> Scope2Line:
    with decimals.calculation():
        exact = quantity * rate
        share = quantity / consumption.quantity * 100 if consumption.quantity else Decimal(0)
    head = {LOCATION: "location", MARKET: f"market/{tranche}", "": f"3.3/{stage}"}[method]
    return Scope2Line(
        id=f"{consumption.id}/{head}/{gas}",
        consumption=consumption.id,
        method=method,
        scope="3" if stage else "2",
        category="3.3" if stage else "",
        stage=stage or declared_rules().factor.stage,
        tranche=tranche,
        label=label,
        quantity=quantity,
        unit=consumption.unit,
        share=round_output(share, _SHARE_DIGITS),
        gas=gas,
        rate=rate,
        rate_unit=rate_unit,
        value=round_output(exact, units.output_decimals(UNIT)),
        exact=exact,
        outside=gas == "CO2b",
        **more,
    )


def method_total(lines: Iterable[Scope2Line], method: str, policy: str) -> tuple[MethodTotal, Mistake | None]:
    """The total of a method over its lines, and a mistake where it stands on bases that may not meet."""
    own = [line for line in lines if line.method == method]
    inside = [line for line in own if not line.outside]
    by_basis: dict[str, Decimal] = {}
    for line in inside:
        if line.exact:
            by_basis[line.basis] = _WIDE.add(by_basis.get(line.basis, Decimal(0)), line.exact)
    named = frozenset(by_basis) - {ANY}
    mistake = None
    if not allowed(policy, named):
        message = f"the {method} result stands on unlike bases: {', '.join(sorted(named))}"
        mend = f"take factors on one basis, or name a policy: {', '.join(POLICIES)}"
        mistake = Mistake("mixed_basis", method, message, mend)
    digits = units.output_decimals(UNIT)
    exact = _sum(line.exact for line in inside)
    value = round_output(exact, digits)
    if len(named) == 1:
        by_basis = {next(iter(named)): value}
    rounded = {basis: round_output(part, digits) for basis, part in by_basis.items()}
    with localcontext(_WIDE):
        whole = shares_of(value, rounded)
    total = MethodTotal(
        method=method,
        value=value,
        exact=exact,
        unit=UNIT,
        shares=tuple(Share(basis=basis, value=whole[basis]) for basis in sorted(whole)),
        outside=round_output(_sum(line.exact for line in own if line.outside), digits),
    )
    return total, mistake


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _WIDE.add(total, value)
    return total
