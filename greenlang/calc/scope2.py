"""Scope 2 by both methods in one call, with the lines of scope 3 category 3 that stand beside it.

Location-based: all energy at the grid average. Market-based: contractual instruments that meet the quality criteria,
each for the volume it has; then the supplier's rate; then the residual mix; and where there is none the grid average,
which the result discloses. Rules and citations: `emission_factors/accounting/scope2.yaml`, from the GHG Protocol Scope
2 Guidance (2015). Supply of fuels, grid losses and the supply of these are never inside scope 2; biogenic CO2 is
outside the scopes.

Belongs here: putting a result together. Does not belong here: criteria (``scope2_criteria``), volumes
(``scope2_allocate``), factor rows (``scope2_factors``), reading (``scope2_shapes``), files and the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from greenlang_sdk import decimals
from greenlang_sdk.decimals import normal_text

from greenlang.calc.binding import GIVEN_BASIS
from greenlang.calc.certificate import plain_values
from greenlang.calc.context import CalculationContext, check_context
from greenlang.calc.engine import ENGINE, CalculationEngine
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import ratio_of
from greenlang.calc.scope2_allocate import Covered, Offer, allocate, decimals_of, exact_decimal
from greenlang.calc.scope2_criteria import Verdict, containing, judged, markets, suited
from greenlang.calc.scope2_factors import Expected, GasRate, elsewhere, outside_rate, rates
from greenlang.calc.scope2_lines import method_total, of_rate, of_rows
from greenlang.calc.scope2_result import (
    LOCATION,
    MARKET,
    Disclosure,
    InstrumentReport,
    MethodTotal,
    Scope2Line,
    Scope2Result,
)
from greenlang.calc.scope2_rules import declared_rules
from greenlang.calc.scope2_shapes import (
    Asked,
    Consumption,
    Instrument,
    Rate,
    ResidualMix,
    Scope2Request,
    plain_request,
    read_request,
)

_KWH = "kWh"


def calculate(
    engine: CalculationEngine, request: Scope2Request | Mapping[str, Any], context: CalculationContext | None = None
) -> Scope2Result:
    """Scope 2 location-based and market-based. Mistakes come back as ``mistakes``, all of them.

    ``request`` is a `Scope2Request`, or plain values for `scope2_shapes.read_request`.
    """
    context = context or CalculationContext()
    mistakes = check_context(context, engine.table.release, engine.sources.gwp_sets)
    asked: Scope2Request | None
    if isinstance(request, Scope2Request):
        asked = request
    else:
        asked, wrong = read_request(request)
        mistakes += wrong
    if mistakes or asked is None:
        return Scope2Result(success=False, mistakes=tuple(mistakes))
    return _Work(engine, asked, context).result()


class _Work:
    def __init__(self, engine: CalculationEngine, request: Scope2Request, context: CalculationContext) -> None:
        self.engine, self.request, self.context = engine, request, context
        self.rules = declared_rules()
        self.lines: list[Scope2Line] = []
        self.disclosures: list[Disclosure] = []
        self.warnings: list[str] = []
        self.mistakes: list[Mistake] = []
        self.grids: dict[str, tuple[GasRate, ...]] = {}
        self.outsides: dict[str, GasRate] = {}
        self.instruments = {entry.id: entry for entry in request.instruments}

    def result(self) -> Scope2Result:
        for number, consumption in enumerate(self.request.consumption):
            self.sources(consumption, f"consumption[{number}]")
        for number, instrument in enumerate(self.request.instruments):
            self.based(instrument.rate, f"instruments[{number}].rate")
        if self.mistakes:
            return Scope2Result(success=False, mistakes=tuple(self.mistakes))
        self.location()
        reports = self.market()
        self.upstream()
        totals = [self.total(method) for method in (LOCATION, MARKET)]
        if self.mistakes:
            return Scope2Result(success=False, mistakes=tuple(self.mistakes))
        self.disclose_the_rest()
        return Scope2Result(
            success=True,
            location=totals[0],
            market=totals[1],
            lines=tuple(self.lines),
            instruments=reports,
            disclosures=tuple(dict.fromkeys(self.disclosures)),
            warnings=tuple(dict.fromkeys(self.warnings)),
            around=self.around(),
        )

    def around(self) -> dict[str, Any]:
        return {
            "request": plain_request(self.request),
            "context": self.context.as_dict(),
            "release": {"name": self.engine.table.release, "digest": self.engine.table.digest},
            "engine": plain_values(ENGINE),
            "rules": self.rules.document,
        }

    # factor rows

    def sources(self, consumption: Consumption, place: str) -> None:
        """The rates of the grid of a consumption, and its biogenic CO2."""
        found = self.rates(consumption, consumption.grid, f"{place}.grid", self.expected(consumption, LOCATION))
        if found:
            self.grids[consumption.id] = found
        if consumption.outside is not None:
            try:
                outside = outside_rate(
                    self.engine, consumption.outside, consumption.unit, f"{place}.outside", self.context
                )
            except Refused as error:
                self.mistakes.append(error.at(f"{place}.outside"))
                return
            self.outsides[consumption.id] = outside
            self.warnings += outside.warnings

    def expected(self, consumption: Consumption, method: str) -> Expected:
        rule = self.rules.factor
        method = method if consumption.energy == "electricity" else ""
        return self.wanted(consumption, rule.stage, rule.scope, method, rule.why)

    def wanted(self, consumption: Consumption, stage: str, scope: str, method: str, why: str) -> Expected:
        return Expected(
            stage=stage, scope=scope, method=method, why=why, region=consumption.region, year=consumption.year
        )

    def rates(self, consumption: Consumption, asked: Asked, place: str, expected: Expected) -> tuple[GasRate, ...]:
        try:
            found = rates(self.engine, asked, consumption.unit, place, expected, self.context)
        except Refused as error:
            self.mistakes.append(error.at(place))
            return ()
        for rate in found:
            self.warnings += rate.warnings
            row = self.engine.table.get(rate.record.key)
            assert row is not None
            self.warnings += elsewhere(row, expected, containing(consumption.region))
        if [rate.gas for rate in found] == ["CO2"]:
            self.disclose("co2-only", line=f"{consumption.id} ({found[0].record.key})")
        return found

    def based(self, rate: Rate | None, place: str) -> str:
        """The basis of a rate that the user states; none for a rate of zero."""
        if rate is None:
            return ""
        if rate.basis and rate.basis not in self.engine.sources.bases:
            message = f"`{rate.basis}` is no basis that is known"
            self.mistakes.append(
                Mistake("basis", f"{place}.basis", message, near(rate.basis, self.engine.sources.bases))
            )
        return (rate.basis or GIVEN_BASIS) if rate.value else ""

    # lines

    def location(self) -> None:
        """All energy at the grid average."""
        for consumption in self.request.consumption:
            self.of_grid(consumption, consumption.quantity, LOCATION, "grid")

    def of_grid(self, consumption: Consumption, quantity: Decimal, method: str, tranche: str) -> None:
        label = self.rules.label("location-based")
        for rate in self.grids[consumption.id]:
            self.lines.append(of_rows(consumption, quantity, method, tranche, label, rate))
        outside = self.outsides.get(consumption.id)
        if outside is not None:
            self.lines.append(of_rows(consumption, quantity, method, tranche, label, outside))

    def market(self) -> tuple[InstrumentReport, ...]:
        """Instruments first, then what is left of them; how each instrument fared."""
        offers, verdicts, unfit = self.offers()
        ratios = {entry.id: ratio_of(entry.unit, _KWH)[0] for entry in self.request.consumption}
        consumed = {entry.id: Fraction(entry.quantity) * ratios[entry.id] for entry in self.request.consumption}
        covered, unused = allocate(consumed, offers)
        for consumption in self.request.consumption:
            parts = [part for part in covered if part.consumption == consumption.id]
            amounts = decimals_of([part.amount / ratios[consumption.id] for part in parts], consumption.quantity)
            for part, amount in zip(parts, amounts, strict=True):
                if part.offer:
                    self.of_instrument(consumption, amount, self.instruments[part.offer])
                else:
                    self.of_rest(consumption, amount)
        return tuple(self.report(entry, covered, unused, verdicts, unfit) for entry in self.request.instruments)

    def offers(self) -> tuple[list[Offer], dict[str, tuple[Verdict, ...]], dict[str, dict[str, tuple[Verdict, ...]]]]:
        """What may be applied in its order, and what the criteria say."""
        offers = []
        verdicts = {entry.id: judged(entry, self.rules) for entry in self.request.instruments}
        unfit: dict[str, dict[str, tuple[Verdict, ...]]] = {}
        ordered = sorted(self.request.instruments, key=lambda entry: self.rules.rank(entry.kind))
        for instrument in ordered:
            unfit[instrument.id] = {}
            to = []
            for consumption in self.request.consumption:
                if instrument.energy != consumption.energy:
                    continue
                if instrument.applies_to and consumption.id not in instrument.applies_to:
                    continue
                wrong = tuple(
                    verdict for verdict in suited(instrument, consumption, self.request, self.rules) if not verdict.met
                )
                if wrong:
                    unfit[instrument.id][consumption.id] = wrong
                else:
                    to.append(consumption.id)
            if all(verdict.met for verdict in verdicts[instrument.id]) and to:
                volume = None
                if instrument.volume is not None:
                    volume = Fraction(instrument.volume) * ratio_of(instrument.unit, _KWH)[0]
                offers.append(Offer(instrument.id, volume, tuple(to)))
        return offers, verdicts, unfit

    def report(
        self,
        instrument: Instrument,
        covered: Sequence[Covered],
        unused: Mapping[str, Fraction],
        verdicts: Mapping[str, tuple[Verdict, ...]],
        unfit: Mapping[str, Mapping[str, tuple[Verdict, ...]]],
    ) -> InstrumentReport:
        unit = instrument.unit or _KWH
        ratio = ratio_of(unit, _KWH)[0]
        applied = sum((part.amount for part in covered if part.offer == instrument.id), Fraction(0))
        volume = instrument.volume or Decimal(0)
        left = unused.get(instrument.id, Fraction(volume) * ratio)
        report = InstrumentReport(
            id=instrument.id,
            kind=instrument.kind,
            applied=_decimal(applied / ratio),
            unused=_decimal(left / ratio),
            unit=unit,
            verdicts=verdicts[instrument.id],
            unfit=dict(unfit[instrument.id]),
        )
        if report.failed:
            self.disclose("failed-instrument", instrument=instrument.id, reasons=_reasons(report.failed))
        else:
            for name, wrong in report.unfit.items():
                elsewhere = any(verdict.criterion == "market" for verdict in wrong)
                if elsewhere and name not in instrument.applies_to:
                    continue  # certificates of one market beside consumption in another are nothing to be told
                self.disclose("partly-unfit", instrument=instrument.id, consumption=name, reasons=_reasons(wrong))
            if left:
                self.disclose("unused-volume", instrument=instrument.id, quantity=normal_text(report.unused), unit=unit)
        return report

    def of_instrument(self, consumption: Consumption, quantity: Decimal, instrument: Instrument) -> None:
        assert instrument.rate is not None, "an instrument without a rate fails a criterion"
        place = f"instruments.{instrument.id}"
        label = self.rules.label(instrument.kind)
        for rate in (instrument.rate, instrument.outside):
            if rate is not None:
                basis = self.based(rate, f"{place}.rate") if rate is instrument.rate else ""
                self.lines.append(of_rate(consumption, quantity, instrument.id, label, rate, basis, place))
        if instrument.outside is not None:
            return
        if not instrument.rate.value:
            self.disclose("zero-rate", instrument=instrument.id)

    def of_rest(self, consumption: Consumption, quantity: Decimal) -> None:
        """What no instrument covers: the residual mix, or the grid average with its disclosure."""
        found = self.residual_mix(consumption)
        if found is None:
            if quantity:
                self.disclose(
                    "no-residual-mix",
                    market=" or ".join(markets(consumption)),
                    year=str(consumption.year),
                    quantity=normal_text(quantity),
                    unit=consumption.unit,
                )
            self.of_grid(consumption, quantity, MARKET, "location-based")
            return
        number, mix = found
        place, label = f"residual_mixes[{number}]", self.rules.label("residual-mix")
        if mix.rate is not None:
            basis = self.based(mix.rate, f"{place}.rate")
            self.lines.append(of_rate(consumption, quantity, "residual-mix", label, mix.rate, basis, place))
            return
        assert mix.factor is not None
        for rate in self.rates(consumption, mix.factor, f"{place}.factor", self.expected(consumption, MARKET)):
            self.lines.append(of_rows(consumption, quantity, MARKET, "residual-mix", label, rate))

    def residual_mix(self, consumption: Consumption) -> tuple[int, ResidualMix] | None:
        """The residual mix of the nearest market that has one for the year."""
        for market in markets(consumption):
            for number, mix in enumerate(self.request.residual_mixes):
                same = mix.market.casefold() == market.casefold() and mix.energy == consumption.energy
                if same and consumption.year in mix.used_for:
                    return number, mix
        return None

    def upstream(self) -> None:
        """The lines of scope 3 category 3 that are asked for."""
        for number, consumption in enumerate(self.request.consumption):
            for entry in self.rules.upstream:
                asked = getattr(consumption, entry.name)
                if asked is None:
                    continue
                place = f"consumption[{number}].{entry.name}"
                expected = self.wanted(consumption, entry.stage, "3", "", self.rules.upstream_citation)
                for rate in self.rates(consumption, asked, place, expected):
                    self.lines.append(
                        of_rows(consumption, consumption.quantity, "", "", entry.label, rate, stage=entry.stage)
                    )

    # totals and disclosures

    def total(self, method: str) -> MethodTotal:
        total, mistake = method_total(self.lines, method, self.context.policy)
        if mistake is not None:
            self.mistakes.append(mistake)
        return total

    def disclose_the_rest(self) -> None:
        if self.request.before or self.request.after:
            self.disclose("vintage-window", before=str(self.request.before), after=str(self.request.after))
        if not any(line.tranche in self.instruments for line in self.lines):
            self.disclose("no-instruments")
        if any(line.outside for line in self.lines):
            self.disclose("biogenic")

    def disclose(self, code: str, **names: str) -> None:
        self.disclosures.append(Disclosure(code=code, text=self.rules.disclosures[code].format(**names)))


def _reasons(verdicts: Iterable[Verdict]) -> str:
    return "; ".join(f"criterion {verdict.number} ({verdict.criterion}): {verdict.reason}" for verdict in verdicts)


def _decimal(value: Fraction) -> Decimal:
    """A fraction for people: exact where a decimal holds it, else to 34 digits."""
    try:
        return exact_decimal(value)
    except ValueError:
        return decimals.CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))
