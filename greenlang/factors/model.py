"""One emission factor, as a row.

The key of a factor is its reference without scheme and release, ``publisher/dataset/vintage/activity/quantity``,
for example ``epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu``. A reference that ends earlier
(``ef://epa/stationary-combustion/2024``) names the table of all rows below it. Where
the region or the boundary tells rows apart, they stand in the key too: ``epa/egrid/2023/electricity/camx/co2-per-mwh``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Factor:
    """One row of the factor table. Texts that do not apply are empty, numbers not published are None."""

    key: str
    publisher: str  # epa, ipcc, desnz, ec
    dataset: str  # stationary-combustion, gwp, ...
    vintage: str  # the publisher's own edition: 2024, ar6
    activity: str  # natural-gas; may hold further segments: "gasoline-passenger-cars/2021"
    category: str  # the heading the publisher prints above the row: "coal-and-coke"
    gas: str  # CO2 | CH4 | N2O | CO2e | a refrigerant's name | "" for heat contents
    gwp_set: str  # AR4GWP100 | AR5GWP100 | AR6GWP100 for CO2e and GWP rows, else ""
    region: str  # ISO 3166-1 alpha-2, or the publisher's own code such as an eGRID subregion
    value: Decimal
    cell_text: str  # what the publisher's cell holds, before rounding of float noise
    unit: str  # kgCO2/mmBtu
    per: str  # denominator alone: mmBtu
    data_year: int | None
    publication_year: int
    scope: str  # "1" | "2" | "3" | ""
    boundary: str  # TTW | WTT | WTW | cradle-to-gate | direct | indirect | total (CBAM) | ""
    scope2_method: str  # location-based | market-based | ""
    calorific_basis: str  # HHV | LHV | ""
    biogenic: bool
    licence: str
    document: str
    table: str
    cell: str  # "Emission Factors Hub!E39", or a page
    source_digest: str  # SHA-256 of the publisher's file
    note: str = ""

    @property
    def ref(self) -> str:
        """The reference without release."""
        return f"ef://{self.key}"

    @property
    def citation(self) -> str:
        """Document, table and place, in one line."""
        return ", ".join(part for part in (self.document, self.table, self.cell) if part)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; Decimal stays Decimal."""
        return {name: getattr(self, name) for name in self.__slots__}
