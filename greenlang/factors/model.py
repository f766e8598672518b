"""One emission factor, as a row.

The key of a factor is its reference without scheme and release, ``publisher/dataset/vintage/activity/quantity``,
for example ``epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu``. A reference that ends earlier
(``ef://epa/stationary-combustion/2024``) names the table of all rows below it. Where
the region or the boundary tells rows apart, they stand in the key too: ``epa/egrid/2023/electricity/camx/co2-per-mwh``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import normal_text


@dataclass(frozen=True, slots=True)
class Factor:
    """One row of the factor table. Texts that do not apply are empty, numbers not published are None."""

    key: str
    publisher: str  # ademe, desnz, ec, eea, epa, ipcc, owid, unfccc
    dataset: str  # stationary-combustion, gwp, ...
    vintage: str  # the publisher's own edition: 2024, ar6
    activity: str  # natural-gas; may hold further segments: "gasoline-passenger-cars/2021"
    category: str  # the heading the publisher prints above the row: "coal-and-coke"
    gas: str  # CO2 | CH4 | N2O | CO2e | a refrigerant's name | "" for heat contents
    gwp_set: str  # basis of CO2e and GWP rows: AR4GWP100 ..., EF3.0, mixed, unstated; else ""
    region: str  # ISO 3166 code, or the publisher's own such as an eGRID subregion; "" is everywhere
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
    kind: str = "factor"  # factor | gas-part | stage | ingredient-share | gwp | derived | property
    name: str = ""  # the publisher's own words for the row, in the publisher's language
    language: str = "en"
    region_name: str = ""  # the publisher's own words for the region, where they are no code
    reporting_year: int | None = None  # the year that the publisher made the figure for
    scope_category: str = ""  # GHG Protocol scope 3 category: "3.1" ... "3.15"
    radiative_forcing: str = ""  # with | without | ""
    permitted_use: str = "inventory"  # inventory | project | finance
    currency: str = ""  # ISO 4217, for factors per unit of money
    price_year: int | None = None
    price_basis: str = ""  # purchaser | basic | ""
    uncertainty: Decimal | None = None  # half width, in percent of the value, as published; None is not zero
    uncertainty_distribution: str = ""  # normal | lognormal | uniform | triangular | "" (not stated)
    uncertainty_confidence: Decimal | None = None  # in percent: 95
    data_quality: str = ""  # the publisher's own score, with its scale
    part_of: str = ""  # key of the whole that this row is a part of; never sum both
    taken_from: str = ""  # publisher that the figure was taken over from: no independent witness
    status: str = "valid"  # valid | archived | superseded | projection
    source_file: str = ""  # name of the publisher's file
    source_row: int | None = None  # row in it, from 1, where it has rows

    @property
    def gwp_named(self) -> str:
        """The GWP set where the publisher names exactly one, else empty."""
        return "" if self.gwp_set in {"unstated", "mixed"} else self.gwp_set

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


def plain_row(factor: Factor) -> dict[str, Any]:
    """A factor row as plain values; numbers are texts in normal form. Its canonical JSON is what is digested."""
    row = factor.as_dict()
    return {name: normal_text(value) if isinstance(value, Decimal) else value for name, value in row.items()}


@lru_cache(maxsize=4_096)  # more than one agent pins, and each is asked for several times
def row_digest(factor: Factor) -> str:
    """SHA-256 of a factor row (RFC 8785)."""
    return digest(plain_row(factor))
