"""Pinned rows: emission factors and parameters as data, each with its digest, in tables that refuse what they do not
cover.

Belongs here: reading `factors.json` of a pack, look-ups, the record of which rows a calculation used. Does not belong
here: choosing factors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import normal_text, to_decimal
from greenlang_sdk.errors import NotCovered, PackDamaged

ANY = "*"


@dataclass(frozen=True, slots=True)
class PinnedFactor:
    """One figure, as it stood in its table when the agent was made.

    The key of an emission factor is its path (``epa/...``), that of a value of a parameter table is a whole reference:
    ``table://<table>/<keys>/<column>``.
    """

    key: str
    value: Decimal
    unit: str
    citation: str
    digest: str

    @property
    def ref(self) -> str:
        """The reference without release."""
        return self.key if "://" in self.key else f"ef://{self.key}"


@dataclass(frozen=True, slots=True)
class PinnedGap:
    """Input values that the agent accepts and its references do not cover. ``*`` stands for any other value."""

    selectors: tuple[tuple[str, str], ...]
    reason: str
    candidates: tuple[str, ...] = ()

    def covers(self, given: Mapping[str, str]) -> bool:
        """Whether the gap speaks of these input values."""
        return all(name in given and value in (ANY, given[name]) for name, value in self.selectors)

    @property
    def precision(self) -> tuple[int, int]:
        """More named values first, then more selectors."""
        return (sum(value != ANY for _, value in self.selectors), len(self.selectors))


_used: ContextVar[dict[str, PinnedFactor] | None] = ContextVar("greenlang_factors_used", default=None)


class recording:  # noqa: N801 - it is used as a function; every step of every run enters one
    """Collect the rows that look-ups inside the block return, by key, in the order of their first use."""

    __slots__ = ("_token",)

    def __enter__(self) -> dict[str, PinnedFactor]:
        rows: dict[str, PinnedFactor] = {}
        self._token = _used.set(rows)
        return rows

    def __exit__(self, *raised: object) -> None:
        _used.reset(self._token)


def key_text(value: object) -> str:
    """How a value selects a row: numbers in normal form, truth values as true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Decimal, int)):
        return normal_text(Decimal(value))
    return str(value)


@dataclass(frozen=True, slots=True)
class PinnedTable:
    """Rows selected by the values of ``inputs``. Without inputs the table holds exactly one row, under ``()``."""

    name: str
    inputs: tuple[str, ...]
    unit: str
    rows: Mapping[tuple[str, ...], PinnedFactor]
    gaps: tuple[PinnedGap, ...] = field(default=())
    label: str = ""

    def row(self, *keys: object) -> PinnedFactor:
        """The row for these input values. Raises NotCovered with the recorded reason."""
        texts = tuple(map(key_text, keys))
        found = self.rows.get(texts)
        if found is None:
            raise self._refusal(texts)
        rows = _used.get()
        if rows is not None:
            rows[found.key] = found
        return found

    def value(self, *keys: object) -> Decimal:
        """The factor for these input values, in the table's unit. Raises NotCovered with the recorded reason."""
        return self.row(*keys).value

    def _refusal(self, texts: tuple[str, ...]) -> NotCovered:
        given = dict(zip(self.inputs, texts, strict=True))
        speaking = sorted((gap for gap in self.gaps if gap.covers(given)), key=lambda gap: gap.precision, reverse=True)
        if speaking:
            gap = speaking[0]
            named = ", ".join(name for name, _ in gap.selectors)
            return NotCovered(gap.reason, field=named, candidates=gap.candidates)
        what = ", ".join(f"{name} = {value}" for name, value in given.items())
        return NotCovered(f"{self.label or self.name}: no row for {what}", field=", ".join(self.inputs))


def read_tables(path: Path) -> dict[str, PinnedTable]:
    """The look-up tables of a pack's `factors.json`.

    Raises PackDamaged if a row's digest does not fit the row.
    """
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    factors: dict[str, PinnedFactor] = {}
    for row in data["factors"]:
        stated = row.pop("digest")
        if digest(row) != stated:
            raise PackDamaged(f"{path.name}: the row {row['key']} was changed after the pack was made")
        value = to_decimal(row["value"])
        factors[row["key"]] = PinnedFactor(row["key"], value, row["unit"], _citation(row), stated)
    return {
        table["name"]: PinnedTable(
            name=table["name"],
            inputs=tuple(table["inputs"]),
            unit=table["unit"],
            label=table["label"],
            rows={tuple(r["when"]): factors[r["factor"]] for r in table["rows"]},
            gaps=tuple(
                PinnedGap(
                    tuple((s["input"], s["value"]) for s in gap["selectors"]),
                    gap["reason"],
                    tuple(gap["candidates"]),
                )
                for gap in table["gaps"]
            ),
        )
        for table in data["tables"]
    }


def _citation(row: Mapping[str, Any]) -> str:
    return ", ".join(row[part] for part in ("document", "table", "cell") if row[part])
