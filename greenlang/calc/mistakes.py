"""What a user of the engine did wrong, as values: a code, the place, a sentence, and what to do instead.

Belongs here: the shape of a mistake, and a list that collects them. Does not belong here: finding them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Code = Literal[
    "unknown_formula",  # no formula of that id
    "broken_formula",  # the formula's own declaration does not hold
    "syntax",  # text that is no expression
    "dimension",  # units that do not fit together inside an expression
    "missing_input",
    "unknown_input",
    "not_a_number",
    "wrong_type",
    "unit",  # a unit that does not parse, or of another kind
    "basis",  # a CO2e basis that nobody knows, or of something that is no CO2e
    "not_allowed",  # a text that is none of those allowed
    "out_of_range",
    "factor_not_found",
    "factor_ambiguous",
    "factor_refused",  # the selection rule has no single answer
    "factor_unfit",  # another gas, biogenic, another use than the inventory's
    "gwp",
    "override",  # without value, unit, reason or approver
    "context",
    "release",
    "mixed_basis",  # CO2e on unlike bases, and no policy that allows it
    "division_by_zero",
    "domain",
    "overflow",
    "missing",  # a look-up without a row
]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake. ``place`` is dotted: ``inputs.fuels[2].mass``, ``context.gwp_set``, ``outputs.co2e``, ``formula``.

    ``mend`` says what to do instead.
    """

    code: Code
    place: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"; {self.mend}" if self.mend else "")

    def as_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"code": self.code, "place": self.place, "message": self.message, "mend": self.mend}


class Refused(Exception):
    """Carries a mistake from the depth where it is found to the place that collects; it never leaves this room."""

    def __init__(self, code: Code, message: str, mend: str = "", place: str = "") -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.mend = mend
        self.place = place

    def at(self, place: str) -> Mistake:
        """The mistake; ``place`` counts where the finder did not say a nearer one."""
        return Mistake(self.code, self.place or place, self.message, self.mend)


def near(name: str, known: Iterable[str]) -> str:
    """``did you mean `x`?`` where something known is close; else what there is, if that is little."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there is {', '.join(names)}" if 0 < len(names) <= 12 else ""
