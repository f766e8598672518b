"""What scope 2 answers: lines, both totals, how each instrument fared, what is disclosed.

Belongs here: shapes of answers, their plain form and digest. Does not belong here: computing them (``scope2``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from greenlang.calc.certificate import plain_values
from greenlang.calc.mistakes import Mistake
from greenlang.calc.overlaps_lines import Line
from greenlang.calc.overlaps_rules import declared_rules as overlap_rules
from greenlang.calc.quantity import Conversion
from greenlang.calc.records import FactorRecord, Share
from greenlang.calc.scope2_criteria import Verdict
from greenlang.calc.sealed import sealed
from greenlang.factors.table import FactorTable

FORMAT = "greenlang-scope-2/1"
LOCATION = "location-based"
MARKET = "market-based"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope2Line:
    """One line: ``quantity`` of a consumption times a rate, of one gas or of all.

    ``value`` is in kgCO2e (kgCO2b if ``outside``), rounded once from ``exact``. ``share`` is the part of the
    consumption, in percent. ``tranche`` says what the rate comes from: grid, the id of an instrument, residual-mix,
    location-based (the fall-back). ``factor`` and ``gwp`` are rows; a rate that the user states has none. Lines of
    scope 3 category 3 belong to neither method.
    """

    id: str
    consumption: str
    method: str
    scope: str
    category: str
    stage: str
    tranche: str
    label: str
    quantity: Decimal
    unit: str
    share: Decimal
    gas: str
    rate: Decimal
    rate_unit: str
    value: Decimal
    exact: Decimal
    basis: str
    outside: bool
    citation: str
    factor: FactorRecord | None = None
    gwp: FactorRecord | None = None
    conversions: tuple[Conversion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodTotal:
    """Scope 2 by one method, in kgCO2e, with its share on each basis; biogenic CO2 (kgCO2b) is outside."""

    method: str
    value: Decimal
    exact: Decimal
    unit: str
    shares: tuple[Share, ...]
    outside: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentReport:
    """How an instrument fared: the criteria, where it does not suit, and what of its volume was applied."""

    id: str
    kind: str
    applied: Decimal
    unused: Decimal
    unit: str
    verdicts: tuple[Verdict, ...]
    unfit: Mapping[str, tuple[Verdict, ...]]

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The criteria that it does not meet whatever the consumption."""
        return tuple(verdict for verdict in self.verdicts if not verdict.met)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What must be said beside the result: a code and a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope2Result:
    """Both results and all that stands behind them, or the mistakes that keep them from being computed."""

    success: bool
    location: MethodTotal | None = None
    market: MethodTotal | None = None
    lines: tuple[Scope2Line, ...] = ()
    instruments: tuple[InstrumentReport, ...] = ()
    disclosures: tuple[Disclosure, ...] = ()
    warnings: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    around: Mapping[str, Any] | None = None  # request, context, release, engine and rules, in plain form

    @property
    def upstream(self) -> tuple[Scope2Line, ...]:
        """The lines of scope 3 category 3."""
        return tuple(line for line in self.lines if line.category == "3.3")

    def of(self, method: str) -> tuple[Scope2Line, ...]:
        """The lines of one method."""
        return tuple(line for line in self.lines if line.method == method)

    def disclosed(self, code: str) -> tuple[str, ...]:
        """The sentences of one code."""
        return tuple(entry.text for entry in self.disclosures if entry.code == code)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, sealed: `greenlang.calc.verify_accounting` computes them again."""
        if not self.success:
            return {"success": False, "mistakes": plain_values(self.mistakes)}
        content: dict[str, Any] = plain_values(
            {
                "format": FORMAT,
                **(self.around or {}),
                "location_based": self.location,
                "market_based": self.market,
                "lines": self.lines,
                "instruments": self.instruments,
                "disclosures": self.disclosures,
                "warnings": self.warnings,
            }
        )
        return sealed(content)

    def ledger(self, table: FactorTable, consumption: Mapping[str, tuple[str, str]] | None = None) -> list[Line]:
        """The lines as an inventory has them, for `greenlang.calc.overlaps`.

        ``consumption`` maps ids to (place, period) where those are not in the request.
        """
        rules = overlap_rules()
        spots = consumption or self._spots()
        out = []
        for line in self.lines:
            row = table.get(line.factor.key) if line.factor is not None else None
            place, period = spots.get(line.consumption, ("", ""))
            out.append(
                Line(
                    id=line.id,
                    value=line.exact,
                    unit="kgCO2b" if line.outside else "kgCO2e",
                    basis=line.basis,
                    scope=line.scope,
                    category=line.category,
                    method=line.method,
                    stage=line.stage,
                    gas=line.gas,
                    activity=line.consumption,
                    tranche=line.tranche if line.method == MARKET else "",
                    place=place,
                    period=period,
                    factors=(row.key,) if row is not None else (),
                    part_of=tuple((row.key, whole) for whole in rules.wholes(row, table)) if row is not None else (),
                    biogenic=line.outside,
                )
            )
        return out

    def _spots(self) -> dict[str, tuple[str, str]]:
        given = (self.around or {}).get("request", {}).get("consumption", [])
        return {entry["id"]: (entry.get("place", ""), str(entry["year"])) for entry in given}
