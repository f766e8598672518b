"""How far each row of a built catalogue has come: not served, waiting, refused or incomplete, generated, certified.

Belongs here: the reports of a build beside what the factory says of its specs. Does not belong here: asking the factory
(its outcomes and registered agents come in as plain values).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from greenlang.catalogue.build import NOT_SERVED_FILE, SERVED_FILE, csv_bytes
from greenlang.errors import CatalogueError

NOT_SERVED, WAITING, CERTIFIED = "not served", "waiting", "certified"
COUNTS = ("catalogued", "served", "generated", "certified")
_MADE = frozenset({"registered", "quarantined", "infrastructure"})  # outcomes that a pack may stand behind


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered agent. ``certificate`` is its digest, empty where the pack no longer holds that very certificate."""

    spec_digest: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One row. ``state`` is one of the three above, or the outcome of the line; ``generated``: a pack was made of it.

    ``failed_by`` is what rows that fail alike have in common: subdomain and sector, or the template.
    """

    row: str
    domain: str
    agent_id: str
    version: str
    template: str
    state: str
    generated: bool
    failed_by: str
    reason: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that fail alike, with the reason that most of them have."""

    state: str
    failed_by: str
    reason: str
    rows: int


def standings(
    folder: Path,
    outcomes: Iterable[Mapping[str, Any]],
    registered: Mapping[tuple[str, str], Registered],
) -> list[Standing]:
    """The rows of the build in ``folder``, by their ids.

    ``outcomes`` are rows with ``key``, ``outcome``, ``reason``, ``pack_digest`` and ``consumed_digest``; ``registered``
    maps agent id and version. Raises CatalogueError if nothing was built there.
    """
    by_key = {str(o["key"]): o for o in outcomes}
    found = [_served(row, by_key, registered) for row in _rows(folder / SERVED_FILE)]
    found += map(_not_served, _rows(folder / NOT_SERVED_FILE))
    return sorted(found, key=lambda s: s.row)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise CatalogueError(
            f"{path.parent} holds no built catalogue: `greenlang catalogue build FILE.csv -o {path.parent}` makes one"
        )
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _served(
    row: Mapping[str, str],
    outcomes: Mapping[str, Mapping[str, Any]],
    registered: Mapping[tuple[str, str], Registered],
) -> Standing:
    outcome = outcomes.get(f"{row['agent_id']}@{row['version']}-{row['sha256'][:8]}")
    entry = registered.get((row["agent_id"], row["version"]))
    state, reason, certificate = WAITING, "not yet through the line: `greenlang agent batch` takes it there", ""
    if entry is not None and entry.spec_digest == row["sha256"] and entry.certificate:
        state, reason, certificate = CERTIFIED, "", entry.certificate
    elif outcome is not None and outcome["outcome"] != "registered":
        state, reason = str(outcome["outcome"]), str(outcome["reason"])
    elif entry is not None and entry.spec_digest == row["sha256"]:
        state, reason = "registered", "its pack no longer holds the certificate that the registry names"
    elif entry is not None:
        reason = "its id and version are registered with another spec: raise the version of its template"
    failed_by = f"template {row['template']}" if state not in {WAITING, CERTIFIED} else ""
    made = outcome is not None and outcome["outcome"] in _MADE and bool(outcome["consumed_digest"])
    generated = state == CERTIFIED or made or (outcome is not None and bool(outcome["pack_digest"]))
    place = (row["row"], row["domain"], row["agent_id"], row["version"], row["template"])
    return Standing(*place, state, generated, failed_by, reason, certificate)


def _not_served(row: Mapping[str, str]) -> Standing:
    word = f"{row['why']} {row[row['why']]}" if row["why"] in {"category", "region", "sector"} else ""
    failed_by = ", ".join(filter(None, (row["domain"], row["subdomain"], word)))
    return Standing(row["row"], row["domain"], "", "", "", NOT_SERVED, False, failed_by, row["reason"], "")


def counts(found: Iterable[Standing]) -> dict[str, int]:
    """Rows catalogued, of them served, of these generated, of these certified."""
    rows = list(found)
    served = [s for s in rows if s.state != NOT_SERVED]
    generated, certified = sum(s.generated for s in served), sum(s.state == CERTIFIED for s in served)
    return dict(zip(COUNTS, (len(rows), len(served), generated, certified), strict=True))


def by_domain(found: Iterable[Standing]) -> dict[str, dict[str, int]]:
    """The counts of each domain."""
    rows: dict[str, list[Standing]] = {}
    for one in found:
        rows.setdefault(one.domain, []).append(one)
    return {domain: counts(rows[domain]) for domain in sorted(rows)}


def by_reason(found: Iterable[Standing]) -> list[Group]:
    """What is not certified, in groups; the largest come first."""
    reasons: dict[tuple[str, str], Counter[str]] = {}
    for one in found:
        if one.state != CERTIFIED:
            reasons.setdefault((one.state, one.failed_by), Counter())[one.reason] += 1
    groups = [Group(*key, told.most_common(1)[0][0], told.total()) for key, told in reasons.items()]
    return sorted(groups, key=lambda g: (-g.rows, g.state, g.failed_by))


def report_csv(found: Iterable[Standing]) -> bytes:
    """Every row with its state, as CSV."""
    return csv_bytes(Standing.__dataclass_fields__, map(asdict, found))
