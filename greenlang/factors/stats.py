"""How much a release holds: distinct keys by kind, source values, the account of every edition.

Belongs here: counting. Does not belong here: printing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greenlang.factors.catalogue import Edition
from greenlang.factors.release import Release
from greenlang.factors.table import FactorTable


@dataclass(frozen=True, slots=True)
class Count:
    """One edition, or the embedded base. ``kinds`` are distinct keys; ``values`` distinct cells of the source files."""

    publisher: str
    dataset: str
    vintage: str
    latest: bool
    embedded: bool
    kinds: dict[str, int]
    values: int
    checked: int
    eligible: int
    repeated: int
    seen: int | None = None
    refused: int | None = None
    reasons: dict[str, int] | None = None

    @property
    def name(self) -> str:
        """``publisher/dataset/vintage``."""
        return f"{self.publisher}/{self.dataset}/{self.vintage}"

    @property
    def factors(self) -> int:
        """Distinct keys that are factors of some kind: all but properties."""
        return sum(number for kind, number in self.kinds.items() if kind != "property")


def count(table: FactorTable, release: Release | None, editions: tuple[Edition, ...]) -> list[Count]:
    """One line an edition of the release, then one a table of the embedded base. Repeated cells are counted apart."""
    latest = {edition.name for edition in editions if edition.latest}
    accounts = {row["name"]: row for row in release.editions} if release else {}
    names = ("publisher", "dataset", "vintage", "kind", "source_digest", "cell")
    kinds: dict[tuple[str, str, str], Counter[str]] = {}
    cells: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    more: dict[tuple[str, str, str], Counter[str]] = {}
    columns = [table.column(name) for name in names]
    for (publisher, dataset, vintage, kind, digest, cell), standing in zip(
        zip(*columns, strict=True), table.standings(), strict=True
    ):
        what = (publisher, dataset, vintage)
        tally = more.setdefault(what, Counter())
        if standing.same_as:
            tally["repeated"] += 1
            continue
        tally["checked"] += standing.checked
        tally["eligible"] += standing.eligible
        kinds.setdefault(what, Counter())[kind] += 1
        cells.setdefault(what, set()).add((digest, cell))
    found = []
    for what in sorted(more):
        name = "/".join(what)
        account: dict[str, Any] = accounts.get(name, {})
        found.append(
            Count(
                *what,
                latest=name in latest,
                embedded=name not in accounts,
                kinds=dict(sorted(kinds.get(what, Counter()).items())),
                values=len(cells.get(what, ())),
                checked=more[what]["checked"],
                eligible=more[what]["eligible"],
                repeated=more[what]["repeated"],
                seen=account.get("seen"),
                refused=sum(account["refused"].values()) if account else None,
                reasons=account.get("refused"),
            )
        )
    return sorted(found, key=lambda c: c.embedded)


def totals(counts: Sequence[Count]) -> dict[str, Any]:
    """Over all lines: factors of all vintages, of the latest, by kind; catalogued, checked and eligible."""
    kinds: Counter[str] = Counter()
    for line in counts:
        kinds.update(line.kinds)
    read = [line for line in counts if line.seen is not None]
    return {
        "factors": sum(line.factors for line in counts),
        "factors_latest": sum(line.factors for line in counts if line.latest),
        "kinds": dict(sorted(kinds.items())),
        "source_values": sum(line.values for line in counts),
        "catalogued": sum(kinds.values()),
        "checked": sum(line.checked for line in counts),
        "eligible": sum(line.eligible for line in counts),
        "repeated": sum(line.repeated for line in counts),
        "values_read": sum(line.seen or 0 for line in read),
        "values_refused": sum(line.refused or 0 for line in read),
    }
