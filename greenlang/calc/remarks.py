"""What a result must say of the factor rows that it stands on: `emission_factors/accounting/remarks.yaml`.

Belongs here: which rows a remark is for, and its sentence. Does not belong here: the remarks (the file), warnings that
follow from a row's own fields (``sourcing``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from greenlang.calc.accounting_rules import declaration, many
from greenlang.calc.records import FactorRecord

_CELL = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True, eq=False)
class Remark:
    """A sentence about rows whose key matches one of ``keys``; ``instead`` maps formulas to another sentence."""

    keys: tuple[str, ...]
    text: str
    citation: str
    instead: Mapping[str, str]

    def on(self, key: str) -> bool:
        """Whether it is for the row with this key."""
        return any(fnmatchcase(key, pattern) for pattern in self.keys)


@cache
def declared_remarks() -> tuple[Remark, ...]:
    """The remarks of this installation. Raises FactorTableError if the file cannot be read."""
    return many(Remark, declaration("remarks")["remarks"], "remarks.yaml: remarks")


def remarks(factors: Iterable[FactorRecord], formula: str) -> list[str]:
    """The sentences for the rows of a result of ``formula``: one for each symbol, however many rows it took."""
    keys: dict[tuple[str, Remark], dict[str, None]] = {}
    for record in factors:
        for remark in declared_remarks():
            if remark.on(record.key):
                column = _CELL.sub("", record.symbol)  # fuels[3].ef: one sentence for the whole column
                keys.setdefault((column, remark), {})[record.key] = None
    return [_sentence(remark, symbol, list(found), formula) for (symbol, remark), found in keys.items()]


def _sentence(remark: Remark, symbol: str, keys: list[str], formula: str) -> str:
    more = f" (and {len(keys) - 1:,} more rows)" if len(keys) > 1 else ""
    text = remark.instead.get(formula, remark.text).strip()
    return f"{symbol}: ef://{keys[0]}{more} {text} ({remark.citation})"
