"""What a spend answers: every step with its figures, the emissions, or what is missing.

Belongs here: shapes of answers and their plain form. Does not belong here: computing them (``spend``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from greenlang.calc.certificate import plain_values
from greenlang.calc.mistakes import Mistake
from greenlang.calc.overlaps_lines import Line, line_of
from greenlang.calc.quantity import Conversion, shown
from greenlang.calc.records import FactorRecord
from greenlang.calc.sealed import sealed
from greenlang.calc.spend_tables import Cited
from greenlang.factors.table import FactorTable

FORMAT = "greenlang-spend/1"
LIST = "greenlang-spends/1"
UNIT = "kgCO2e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount with all that its value depends on."""

    amount: Decimal
    currency: str
    year: int
    price_basis: str

    def __str__(self) -> str:
        return f"{shown(self.amount)} {self.currency} of {self.year} at {self.price_basis} prices"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendStep:
    """One step: ``before`` × ``ratio`` = ``after``, from which figures, and where they are published.

    ``skipped`` says why nothing was to be done; then the ratio is 1. ``why`` is the reason for the step and its place
    in the order. The last step leaves the money as it is and gives ``emissions`` in kgCO2e.
    """

    step: str
    text: str
    before: Money
    after: Money
    ratio: Decimal
    figures: tuple[Cited, ...]
    why: str
    order_citation: str
    skipped: str = ""
    emissions: Decimal | None = None

    def __str__(self) -> str:
        if self.skipped:
            return f"{self.step}: nothing to do, {self.skipped}"
        cited = "; ".join(dict.fromkeys(figure.citation for figure in self.figures if figure.citation))
        ratio, after = shown(self.ratio), str(self.after)
        if self.emissions is not None:
            ratio, after = f"{ratio} {UNIT}/{self.before.currency}", f"{shown(self.emissions)} {UNIT}"
        return f"{self.step}: {self.before} × {ratio} = {after}" + (f" ({cited})" if cited else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendResult:
    """Emissions of a spend in kgCO2e, with every step, or what is missing."""

    success: bool
    id: str = ""
    value: Decimal | None = None
    exact: Decimal | None = None
    unit: str = UNIT
    basis: str = ""
    category: str = ""
    steps: tuple[SpendStep, ...] = ()
    factor: FactorRecord | None = None
    conversions: tuple[Conversion, ...] = ()
    warnings: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    around: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, sealed: `greenlang.calc.verify_accounting` computes them again."""
        if not self.success:
            return {"success": False, "id": self.id, "mistakes": plain_values(self.mistakes)}
        names = ("id", "value", "exact", "unit", "basis", "category", "steps", "factor", "conversions", "warnings")
        content: dict[str, Any] = plain_values(
            {"format": FORMAT, **self.around, **{name: getattr(self, name) for name in names}}
        )
        return sealed(content)

    def line(self, table: FactorTable) -> Line:
        """The line of an inventory, for `greenlang.calc.overlaps`. Only for a success."""
        assert self.factor is not None
        assert self.exact is not None
        row = table.get(self.factor.key)
        assert row is not None
        spot = self.around["request"]
        said: dict[str, Any] = {
            "id": self.id,
            "value": self.exact,
            "unit": UNIT,
            "basis": self.basis,
            "activity": self.id,
            "place": spot.get("place", ""),
            "period": str(spot["year"]),
        }
        if self.category:
            said |= {"category": self.category, "scope": "3"}
        return line_of(row, table, **said)


def plain_list(results: Sequence[SpendResult]) -> dict[str, Any]:
    """Several spends in one file, those that were not computed too, sealed as a whole."""
    return sealed({"format": LIST, "spends": [result.as_dict() for result in results]})
