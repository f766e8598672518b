"""What a calculation used, as rows: they stand in the result and in its certificate.

Belongs here: shapes. Does not belong here: how they are found, digests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a formula, a figure or a default is published. ``digest`` is that of the factor row, formula or table."""

    what: str
    text: str
    ref: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellUsed:
    """A cell of a table input, as it entered the arithmetic. ``basis`` is that of CO2e."""

    value: Decimal | str | bool
    unit: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRecord:
    """What was given for a symbol, and what entered the arithmetic: ``value`` in ``unit``, or the rows of a table.

    For factors ``value`` is None: the factor's own record tells it.
    """

    name: str
    origin: str
    given: dict[str, Any]
    value: Decimal | str | bool | None = None
    unit: str = ""
    basis: str = ""
    rows: tuple[dict[str, CellUsed], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRecord:
    """A default or a constant that was used, with its source."""

    name: str
    origin: str
    meaning: str
    value: Decimal
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRecord:
    """A value taken from a parameter table of the formula library."""

    table: str
    column: str
    key: dict[str, str]
    value: Decimal
    unit: str
    citation: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRecord:
    """A factor row: as it stands in the release, and as it entered the arithmetic.

    ``symbol`` is the symbol, or the cell (``fuels[2].ef``). ``chosen_by`` is reference, selection or GWP set.
    """

    symbol: str
    key: str
    value: Decimal
    unit: str
    gas: str
    basis: str
    biogenic: bool
    region: str
    boundary: str
    calorific_basis: str
    citation: str
    licence: str
    row_digest: str
    source_digest: str
    chosen_by: str
    steps: tuple[str, ...]
    used_value: Decimal
    used_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRecord:
    """A figure in place of a factor, a GWP or a parameter, with who approved it."""

    symbol: str
    meaning: str
    value: Decimal
    unit: str
    basis: str
    reason: str
    approver: str
    citation: str
    used_value: Decimal
    used_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of an output stands on one basis."""

    basis: str
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """An output: ``value`` rounded half-even to ``decimals`` digits after the point, ``exact`` before that.

    ``shares`` add up to ``value``. ``outside_totals``: it is biogenic CO2, which no total may hold.
    """

    name: str
    meaning: str
    unit: str
    value: Decimal
    exact: Decimal
    decimals: int
    shares: tuple[Share, ...] = ()
    outside_totals: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkedStep:
    """A step as a person writes it on paper, a line each."""

    name: str
    lines: tuple[str, ...] = field(default_factory=tuple)
