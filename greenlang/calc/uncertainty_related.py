"""Correlation between quantities: reading it, checking that it can be, and bringing it into drawn deviates.

Belongs here: coefficients of correlation. Does not belong here: one factor row that is used twice, which is one
quantity (``uncertainty_quantities``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from greenlang_sdk import decimals

from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import exact
from greenlang.calc.uncertainty_inputs import Source
from greenlang.factors.table import SCHEME, split_ref

_NOTHING = Decimal("1e-25")  # a pivot below this is zero: coefficients of plus or minus one


@dataclass(frozen=True, slots=True)
class Correlation:
    """Coefficient ``r`` between the quantities ``a`` and ``b``."""

    a: str
    b: str
    r: Decimal

    def plain(self) -> dict[str, str]:
        """As texts."""
        return {"a": self.a, "b": self.b, "r": decimals.normal_text(self.r)}


def read_correlations(raw: Iterable[Mapping[str, Any] | Correlation]) -> tuple[list[Correlation], list[Mistake]]:
    """Correlations from plain values, and what is wrong with them."""
    out: list[Correlation] = []
    wrong: list[Mistake] = []
    for number, entry in enumerate(raw):
        place = f"correlations[{number}]"
        try:
            if isinstance(entry, Correlation):
                found = entry
            elif isinstance(entry, Mapping) and set(entry) == {"a", "b", "r"}:
                found = Correlation(str(entry["a"]), str(entry["b"]), exact(entry["r"]))
            else:
                raise Refused("wrong_type", "a correlation has a, b and r, and nothing else")
            if not -1 <= found.r <= 1:
                raise Refused("out_of_range", f"r is {found.r}", "a coefficient lies between -1 and 1")
            out.append(found)
        except Refused as error:
            wrong.append(error.at(place))
    return out, wrong


@dataclass(frozen=True, slots=True)
class Related:
    """Coefficients by pair of quantities, both ways round."""

    pairs: Mapping[tuple[str, str], Decimal]

    @classmethod
    def of(cls, entries: Iterable[Correlation], sources: Mapping[str, Source]) -> Related:
        """The correlations of these quantities. Raises Refused for one that cannot be."""
        pairs: dict[tuple[str, str], Decimal] = {}
        for number, entry in enumerate(entries):
            place = f"correlations[{number}]"
            a, b = (_known(name, sources, place) for name in (entry.a, entry.b))
            if a == b or (a, b) in pairs:
                message = f"{a} is one quantity" if a == b else f"{a} and {b} are correlated twice"
                raise Refused("not_allowed", message, "name two quantities, and each pair once", place)
            pairs[a, b] = pairs[b, a] = entry.r
        related = cls(pairs)
        related.factors()
        return related

    @property
    def names(self) -> list[str]:
        """Every quantity that is correlated with another, sorted."""
        return sorted({name for pair in self.pairs for name in pair})

    def together(self, amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """For each quantity its amount and those correlated with it, weighed: the inner sum of equation 13."""
        out = dict(amounts)
        for (a, b), r in sorted(self.pairs.items()):
            if a in amounts and b in amounts:
                out[a] += r * amounts[b]
        return out

    def factors(self) -> dict[str, dict[str, Decimal]]:
        """The lower triangle L with L L' = R (Cholesky), by names. Raises Refused if R is no correlation matrix."""
        rows: dict[str, dict[str, Decimal]] = {}
        with decimals.calculation():
            for name in self.names:
                row: dict[str, Decimal] = {}
                for other, before in rows.items():
                    covered = sum((row[k] * before[k] for k in before if k in row and k != other), Decimal(0))
                    left = self.pairs.get((name, other), Decimal(0)) - covered
                    if abs(before[other]) <= _NOTHING:
                        if abs(left) > _NOTHING.sqrt():
                            raise _contradicting()
                        row[other] = Decimal(0)
                    else:
                        row[other] = left / before[other]
                pivot = 1 - sum((value * value for value in row.values()), Decimal(0))
                if pivot < -_NOTHING.sqrt():
                    raise _contradicting()
                row[name] = decimals.sqrt(pivot) if pivot > _NOTHING else Decimal(0)
                rows[name] = row
        return rows


def _known(name: str, sources: Mapping[str, Source], place: str) -> str:
    name = f"{SCHEME}{split_ref(name)[0]}" if name.startswith(SCHEME) else name
    source = sources.get(name)
    if source is None:
        raise Refused("unknown_input", f"the calculation has no quantity `{name}`", near(name, sources), place)
    if source.spread is None:
        raise Refused("missing_input", f"nobody states the uncertainty of {name}", "state it", place)
    return name


def _contradicting() -> Refused:
    return Refused(
        "out_of_range",
        "the coefficients contradict each other: no quantities can be correlated so",
        "give a positive semidefinite matrix",
        "correlations",
    )
