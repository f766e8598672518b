"""What surrounds a calculation: release, GWP set, precision, as-of date, tenant, boundary, policy.

Consolidation approaches: GHG Protocol, A Corporate Accounting and Reporting Standard, revised edition (2004), chapter
3; inventory (operational) boundary: chapter 4.

Belongs here: the context and what may stand in it. Does not belong here: clocks; the caller names the day.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from greenlang.calc.mistakes import Mistake, near

APPROACHES = ("operational-control", "financial-control", "equity-share")
USES = ("inventory", "project", "finance")
POLICIES = {
    "disclose-unstated": "CO2e whose basis is not stated may join CO2e on one stated basis; each share is disclosed",
    "disclose-mixed": "CO2e on unlike bases may be added; each share is disclosed",
}
MAX_PRECISION = 30
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculationContext:
    """The context of a calculation. Everything has a plain default; nothing is read from the environment.

    ``release`` the factor release that must be in force, "" for whichever is · ``gwp_set`` "AR5GWP100" · ``precision``
    fewer digits after the point than the unit's own · ``as_of`` "2025-03-31" · ``policy`` one of `POLICIES`, "" refuses
    unlike bases · ``consolidation_approach`` one of `APPROACHES` · ``permitted_use`` what factors may be made for.
    """

    release: str = ""
    gwp_set: str = ""
    precision: int | None = None
    as_of: str = ""
    tenant: str = ""
    inventory_boundary: str = ""
    consolidation_approach: str = ""
    policy: str = ""
    permitted_use: str = "inventory"

    def as_dict(self) -> dict[str, str | int | None]:
        """Plain values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def year(self) -> int | None:
        """The year of ``as_of``."""
        return int(self.as_of[:4]) if self.as_of else None


def read_context(raw: Mapping[str, Any]) -> tuple[CalculationContext, list[Mistake]]:
    """A context from plain values, and what is wrong with them."""
    known = {field.name for field in fields(CalculationContext)}
    wrong = [
        Mistake("context", f"context.{name}", "the context has no such entry", near(str(name), known))
        for name in raw
        if name not in known
    ]
    context = CalculationContext(**{name: value for name, value in raw.items() if name in known})
    return context, wrong


def check_context(context: CalculationContext, release: str, gwp_sets: Collection[str]) -> list[Mistake]:
    """What is wrong with a context, for a table of ``release`` with GWPs of ``gwp_sets``."""
    texts = {name: value for name, value in context.as_dict().items() if name != "precision"}
    wrong = [
        Mistake("context", f"context.{name}", f"a text of at most {_LONGEST} characters is needed")
        for name, value in texts.items()
        if not isinstance(value, str) or len(value) > _LONGEST
    ]
    if wrong:
        return wrong
    if context.release and context.release != release:
        wrong.append(
            Mistake(
                "release",
                "context.release",
                f"the calculation asks for release {context.release}, the table in force is {release}",
                "load that release, or leave the release out",
            )
        )
    precision = context.precision
    if precision is not None and (
        isinstance(precision, bool) or not isinstance(precision, int) or not 0 <= precision <= MAX_PRECISION
    ):
        wrong.append(Mistake("context", "context.precision", f"a whole number from 0 to {MAX_PRECISION} is needed"))
    if context.as_of and not _is_day(context.as_of):
        wrong.append(Mistake("context", "context.as_of", f"`{context.as_of}` is no day", "write it like 2025-03-31"))
    choices: tuple[tuple[str, str, Collection[str]], ...] = (
        ("gwp_set", context.gwp_set, gwp_sets),
        ("consolidation_approach", context.consolidation_approach, APPROACHES),
        ("policy", context.policy, POLICIES),
        ("permitted_use", context.permitted_use or "?", USES),
    )
    for name, value, allowed in choices:
        if value and value not in allowed:
            wrong.append(Mistake("context", f"context.{name}", f"`{value}` is unknown", near(value, allowed)))
    return wrong


def _is_day(text: str) -> bool:
    match = _DAY.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return year > 0 and 1 <= month <= 12 and 1 <= day <= lengths[month - 1]
