"""Spend-based emissions: an amount of money, step by step, to the prices of a factor, and then the factor.

The order is fixed, declared with its reasons in `emission_factors/accounting/spend.yaml`, and shown on the result:
deductible tax out, deflated in the currency of the spend to the factor's price year, exchanged at that year's average,
from purchaser to basic prices, times the factor. A figure that a step needs and nobody gives is a refusal.

Belongs here: the steps. Does not belong here: the user's tables (``spend_tables``), files and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from greenlang_sdk import decimals
from greenlang_sdk.decimals import round_output

from greenlang import units
from greenlang.calc.accounting_rules import declaration, many
from greenlang.calc.certificate import plain_values
from greenlang.calc.context import CalculationContext, check_context
from greenlang.calc.engine import ENGINE, CalculationEngine
from greenlang.calc.given import GivenRef, GivenRequest, plain
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.sourcing import Wanted
from greenlang.calc.spend_result import UNIT, Money, SpendResult, SpendStep
from greenlang.calc.spend_shapes import Spend, read_spend
from greenlang.calc.spend_tables import Cited, MoneyTables, recorded
from greenlang.errors import FactorNotFound
from greenlang.factors.model import Factor
from greenlang.factors.select_model import Request, SelectionRefused

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class OrderedStep:
    """One step of the declared order."""

    step: str
    text: str
    why: str
    citation: str
    needs: str


@cache
def declared_order() -> dict[str, OrderedStep]:
    """The steps by name, in their order. Raises FactorTableError if the file cannot be read."""
    entries = many(OrderedStep, declaration("spend")["order"], "spend.yaml: order")
    return {entry.step: entry for entry in entries}


def calculate(
    engine: CalculationEngine,
    spend: Spend | Mapping[str, Any],
    tables: MoneyTables | None = None,
    context: CalculationContext | None = None,
) -> SpendResult:
    """The emissions of a spend. What is missing comes back as ``mistakes``, all of it, and nothing is computed."""
    context = context or CalculationContext()
    mistakes = check_context(context, engine.table.release, engine.sources.gwp_sets)
    asked: Spend | None
    if isinstance(spend, Spend):
        asked = spend
    else:
        asked, wrong = read_spend(spend)
        mistakes += wrong
    if asked is None or mistakes:
        return SpendResult(success=False, id=asked.id if asked else "", mistakes=tuple(mistakes))
    return _Work(engine, asked, tables or MoneyTables(), context).result()


class _Work:
    def __init__(
        self, engine: CalculationEngine, spend: Spend, tables: MoneyTables, context: CalculationContext
    ) -> None:
        self.engine, self.spend, self.tables, self.context = engine, spend, tables, context
        self.order = declared_order()
        self.steps: list[SpendStep] = []
        self.mistakes: list[Mistake] = []
        self.used: list[dict[str, Any]] = []  # figures of the user's tables
        self.money = Money(amount=spend.amount, currency=spend.currency, year=spend.year, price_basis=spend.price_basis)

    def result(self) -> SpendResult:
        try:
            row, target = self.target()
        except Refused as error:
            return SpendResult(success=False, id=self.spend.id, mistakes=(error.at("factor"),))
        self.vat()
        self.deflate(target.year)
        self.exchange(target.currency)
        self.margin(target.price_basis)
        if self.mistakes:
            return SpendResult(success=False, id=self.spend.id, mistakes=tuple(self.mistakes))
        try:
            found = self.engine.sources.factor(
                GivenRef(row.ref) if isinstance(self.spend.factor, GivenRef) else self.spend.factor,
                Wanted("factor", "factor", f"kgCO2e/{target.currency}", "factor per unit of money", "CO2e"),
                self.context,
            )
        except Refused as error:
            return SpendResult(success=False, id=self.spend.id, mistakes=(error.at("factor"),))
        with decimals.calculation():
            exact = self.money.amount * found.value
        figure = Cited(value=found.value, citation=row.citation, digest=found.record.row_digest)
        self.step("factor", self.money, found.value, (figure,), emissions=exact)
        return SpendResult(
            success=True,
            id=self.spend.id,
            value=round_output(exact, units.output_decimals(UNIT)),
            exact=exact,
            basis=found.basis,
            category=self.spend.category or row.scope_category,
            steps=tuple(self.steps),
            factor=found.record,
            conversions=found.conversions,
            warnings=(*found.warnings, *self.stated(row)),
            around=self.around(),
        )

    def target(self) -> tuple[Factor, Money]:
        """The factor row, and the money that it counts in. Raises Refused."""
        spend = self.spend
        row = self.row()
        if not row.currency:
            raise Refused("factor_unfit", f"{row.ref} is not per unit of money", "name a factor per unit of money")
        price_year = row.price_year if row.price_year is not None else spend.factor_price_year
        price_basis = row.price_basis or spend.factor_price_basis
        missing = [
            what
            for what, known in (("price year", price_year), ("price basis (purchaser or basic)", price_basis))
            if not known
        ]
        if missing:
            raise Refused(
                "missing_input",
                f"the publisher of {row.ref} does not say its {' and its '.join(missing)}",
                "say factor_price_year and factor_price_basis, with factor_citation",
            )
        if row.price_year is not None and spend.factor_price_year not in {None, row.price_year}:
            raise Refused("factor_unfit", f"{row.ref} is in prices of {row.price_year}", "leave factor_price_year out")
        if row.price_basis and spend.factor_price_basis not in {"", row.price_basis}:
            raise Refused("factor_unfit", f"{row.ref} is at {row.price_basis} prices", "leave factor_price_basis out")
        assert price_year is not None
        return row, Money(amount=Decimal(0), currency=row.currency, year=price_year, price_basis=price_basis)

    def stated(self, row: Factor) -> list[str]:
        """What the user says of the factor in its publisher's place."""
        spend = self.spend
        said = [
            f"{what} {value}"
            for what, value, own in (
                ("price year", spend.factor_price_year, row.price_year),
                ("price basis", spend.factor_price_basis, row.price_basis),
            )
            if value and not own
        ]
        return [f"{row.ref}: {' and '.join(said)} stated by the user: {spend.factor_citation}"] if said else []

    def row(self) -> Factor:
        """The row that is named or selected. Raises Refused."""
        asked = self.spend.factor
        if isinstance(asked, GivenRequest):
            try:
                return self.engine.selector.select(Request(**asked.fields)).factor  # type: ignore[arg-type]
            except SelectionRefused as error:
                raise Refused("factor_refused", error.sentence, error.hint or "say more in the request") from None
        try:
            rows = self.engine.table.resolve(asked.ref)
        except FactorNotFound as error:
            raise Refused("factor_not_found", str(error), "give one of these") from None
        if len(rows) == 1:
            return rows[0]
        fits = [row for row in rows if row.currency and row.gas == "CO2e"]
        if len(fits) != 1:
            listed = ", ".join(row.ref for row in fits[:_SHOWN]) or "another reference"
            message = f"{len(fits)} of the rows below {asked.ref} are CO2e per unit of money"
            raise Refused("factor_ambiguous", message, f"name one: {listed}")
        return fits[0]

    # the steps, in their order

    def vat(self) -> None:
        """Deductible tax out."""
        spend = self.spend
        if spend.vat != "included":
            self.skip("vat", "there is no value added tax on it" if spend.vat == "none" else "the amount holds none")
            return
        if not spend.vat_deductible:
            self.skip("vat", "the tax cannot be deducted, so it is a part of the purchaser's price")
            return
        assert spend.vat_rate is not None
        with decimals.calculation():
            ratio = 1 / (1 + spend.vat_rate / 100)
            amount = spend.amount / (1 + spend.vat_rate / 100)
        rate = Cited(value=spend.vat_rate, citation="stated by the user, in percent", digest="")
        self.step("vat", self._with(amount=amount), ratio, (rate,))

    def deflate(self, year: int) -> None:
        """To the prices of the factor's year, in the currency of the spend."""
        spend, money = self.spend, self.money
        if money.year == year:
            self.skip("deflate", f"the factor is in prices of {year} too")
            return
        series = self.series(year)
        if series is None:
            return
        before, after = (self.tables.indices.get((money.currency, series, one)) for one in (money.year, year))
        missing = [str(one) for one, found in ((money.year, before), (year, after)) if found is None]
        if before is None or after is None:
            named = f" ({series})" if series else ""
            self.missing("deflate", f"no price index of {money.currency}{named} for {' and '.join(missing)} is given")
            self.money = self._with(year=year)  # so that further gaps are told for the right year
            return
        self.used += [
            recorded("deflators", (money.currency, series, one), found)
            for one, found in ((money.year, before), (year, after))
        ]
        with decimals.calculation():
            ratio = after.value / before.value
            amount = money.amount * after.value / before.value
        self.step("deflate", self._with(amount=amount, year=year), ratio, (after, before))
        assert spend.year == money.year

    def series(self, year: int) -> str | None:
        """The price index to use; None, with a mistake, where that is not clear."""
        known = self.tables.series(self.money.currency)
        wanted = self.spend.series
        if wanted and wanted in known:
            return wanted
        if not wanted and len(known) == 1:
            return known[0]
        if not known:
            gap = f"{self.money.year} and {year}"
            self.missing("deflate", f"no price index of {self.money.currency} for {gap} is given")
        elif wanted:
            self.missing("deflate", f"there is no price index `{wanted}` of {self.money.currency}", near(wanted, known))
        else:
            message = f"several price indices of {self.money.currency} are given"
            self.missing("deflate", message, f"name one as series: {', '.join(known)}")
        self.money = self._with(year=year)
        return None

    def exchange(self, currency: str) -> None:
        """At the average rate of the factor's price year."""
        money = self.money
        if money.currency == currency:
            self.skip("exchange", f"the factor is per {currency} too")
            return
        found = self.tables.rate(money.currency, currency, money.year)
        if found is None:
            self.missing("exchange", f"no exchange rate from {money.currency} to {currency} for {money.year} is given")
            self.money = self._with(currency=currency)
            return
        key = self.tables.used(money.currency, currency, money.year)
        self.used.append(recorded("exchange-rates", key, self.tables.rates[key]))
        with decimals.calculation():
            amount = money.amount * found.value
        self.step("exchange", self._with(amount=amount, currency=currency), found.value, (found,))

    def margin(self, price_basis: str) -> None:
        """From purchaser to basic prices, or back."""
        money = self.money
        if money.price_basis == price_basis:
            self.skip("margin", f"the factor is at {price_basis} prices too")
            return
        known = self.tables.products()
        product = self.spend.product or (known[0] if len(known) == 1 else "")
        found = self.tables.margins.get((product, money.year))
        if found is None:
            named = f"`{product}`" if product else "the product"
            hint = near(self.spend.product, known) if known else ""
            self.missing("margin", f"no share of the basic price for {named} in {money.year} is given", hint)
            return
        self.used.append(recorded("margins", (product, money.year), found))
        with decimals.calculation():
            ratio = found.value if price_basis == "basic" else 1 / found.value
            amount = money.amount * found.value if price_basis == "basic" else money.amount / found.value
        self.step("margin", self._with(amount=amount, price_basis=price_basis), ratio, (found,))

    def step(self, name: str, after: Money, ratio: Decimal, figures: tuple[Cited, ...], **more: Any) -> None:
        declared = self.order[name]
        self.steps.append(
            SpendStep(
                step=name,
                text=declared.text,
                before=self.money,
                after=after,
                ratio=ratio,
                figures=figures,
                why=declared.why.strip(),
                order_citation=declared.citation,
                **more,
            )
        )
        self.money = after

    def skip(self, name: str, reason: str) -> None:
        self.step(name, self.money, Decimal(1), (), skipped=reason)

    def missing(self, name: str, message: str, mend: str = "") -> None:
        mend = mend or f"give {self.order[name].needs}, with its citation"
        self.mistakes.append(Mistake("missing_input", f"tables.{name}", message, mend))

    def _with(self, **changes: Any) -> Money:
        money = self.money
        names = ("amount", "currency", "year", "price_basis")
        return Money(**{**{name: getattr(money, name) for name in names}, **changes})

    def around(self) -> dict[str, Any]:
        spend = self.spend
        request = {name: getattr(spend, name) for name in Spend.__slots__ if getattr(spend, name) not in (None, "")}
        return {
            "request": {**request, "factor": plain(spend.factor)},
            "context": self.context.as_dict(),
            "tables": self.used,
            "release": {"name": self.engine.table.release, "digest": self.engine.table.digest},
            "engine": plain_values(ENGINE),
        }
