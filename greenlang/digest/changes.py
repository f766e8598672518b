"""What changed: between two builds of an agent, and between two factor releases, with the agents that it touched.

Belongs here: comparing, as far as the stored rows tell. Does not belong here: how a release is compared with another
(`greenlang.factors.changelog`), flags of builds (`greenlang.registry.decay`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from greenlang.digest.nights import Span
from greenlang.digest.source import Source
from greenlang.quality.report.page import Part
from greenlang.settings import Settings
from greenlang.sql import literal

ROWS = 15  # changed factor rows that are shown, those with the most agents first
# What an agent's lineage says of it beside its spec; the digest of a spec stands in its outcome.
_USED = {"factor": "factor rows", "formula": "formulas", "parameter": "parameters", "overlay": "overlay"}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why agents were rebuilt. One that was rebuilt for several causes counts in each."""

    name: str
    agents: int


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A changed row. ``relative`` is (new - old) / old; ``agents`` pinned it when the night began."""

    what: str
    key: str
    old: Decimal | None
    new: Decimal | None
    unit: str
    relative: Decimal | None
    agents: int


@dataclass(frozen=True, slots=True)
class FactorChange:
    """Another factor release came into force. ``rows`` are changed or withdrawn rows that an agent pinned.

    ``compared``: both releases are stored, and were compared row by row; else only what agents pin tells of changes.
    ``touched`` agents pinned one of them when the night began; of these ``rebuilt`` are registered again,
    ``failed`` no longer can be built, and ``waiting`` had no outcome in the night.
    """

    before: str
    after: str
    compared: bool
    added: int
    changed: int
    withdrawn: int
    touched: int
    rebuilt: int
    failed: int
    waiting: int
    rows: Part[FactorRow]


def causes(
    source: Source, names: Sequence[str], now: Mapping[str, Mapping[str, Any]], before: Mapping[str, Mapping[str, Any]]
) -> tuple[Cause, ...]:
    """Why these agents were built again, by comparing the rows ``now`` and ``before`` and what both builds used."""
    used: dict[str, set[str]] = {name: set() for name in names}
    sides = [
        f"SELECT identity, l.kind, l.ref, l.digest FROM {side} JOIN ({own}) l USING (part, key)"  # noqa: S608
        for side in ("now", "before")
        for own in [source.rows("lineage", f"kind IN {tuple(_USED)} AND part IN (SELECT part FROM {side})")]  # noqa: S608
    ]
    differing = (
        f"SELECT DISTINCT coalesce(n.identity, b.identity), coalesce(n.kind, b.kind) FROM ({sides[0]}) n "  # noqa: S608
        f"FULL JOIN ({sides[1]}) b ON n.identity = b.identity AND n.kind = b.kind AND n.ref = b.ref "
        "WHERE n.digest IS DISTINCT FROM b.digest"
    )
    for name, kind in source.ask(differing):
        if name in used:
            used[name].add(_USED[kind])
    counts: Counter[str] = Counter()
    for name, kinds in used.items():
        counts.update(kinds | _of_rows(now[name], before[name], bool(kinds)))
    return tuple(Cause(name, agents) for name, agents in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def _of_rows(now: Mapping[str, Any], before: Mapping[str, Any], found: bool) -> set[str]:
    """Causes that the outcomes tell. Templates, code and rules are in no row: they are what is left."""
    if now["spec_digest"] != before["spec_digest"]:
        return {"spec"}
    if found:
        return set()
    if now["consumed_digest"] != before["consumed_digest"]:
        return {"templates, code or what judges"}
    return {"other mutants" if now["mutant_tier"] != before["mutant_tier"] else "asked for: nothing had changed"}


def release_until(source: Source, moment: datetime) -> str:
    """The factor release of the last run that began before ``moment``; empty where there is none."""
    rows = source.ask(
        "SELECT factor_release FROM runs WHERE started_at < $moment AND factor_release <> '' "
        "ORDER BY started_at DESC, run_id DESC LIMIT 1",
        moment=moment,
    )
    return str(rows[0][0]) if rows else ""


def factor_change(source: Source, settings: Settings, of: Span) -> FactorChange | None:
    """What another release in this night changed, and for whom; None where the release stayed, or is the first.

    Needs the table ``standing_before`` of the night's begin, and ``now`` with the night's last outcomes (identity).
    """
    old, new = release_until(source, of.begin), release_until(source, of.end)
    if not old or not new or old == new:
        return None
    lineage = source.rows("lineage", "kind = 'factor' AND part IN (SELECT part FROM standing_before)")
    source.run(
        "CREATE OR REPLACE TEMP TABLE pinned AS SELECT DISTINCT identity, "  # noqa: S608
        f"replace(l.ref, 'ef://', '') AS factor, l.digest FROM standing_before JOIN ({lineage}) l USING (part, key) "
        "WHERE pack_digest <> ''"
    )
    with _changelog(settings, old, new) as path:
        if path is None:
            source.run(f"CREATE OR REPLACE TEMP TABLE differing AS {_by_pins(source)}")
        else:
            read = f"SELECT what, key, old, new, unit, relative FROM read_parquet({literal(str(path))})"  # noqa: S608
            source.run(f"CREATE OR REPLACE TEMP TABLE differing AS {read}")
    ((added, changed, withdrawn),) = source.ask(
        "SELECT count(*) FILTER (what = 'added'), count(*) FILTER (what = 'changed'), "
        "count(*) FILTER (what = 'withdrawn') FROM differing"
    )
    ((touched, rebuilt, failed),) = source.ask(
        "SELECT count(*), count(*) FILTER (outcome = 'registered'), count(*) FILTER (outcome <> 'registered') FROM "
        "(SELECT DISTINCT identity FROM pinned JOIN differing ON factor = differing.key) LEFT JOIN now USING (identity)"
    )
    rows = source.ask(
        "SELECT what, key, old, new, unit, relative, agents FROM differing JOIN (SELECT factor, "
        "count(DISTINCT identity) AS agents FROM pinned GROUP BY factor) ON factor = key "
        "ORDER BY agents DESC, abs(relative::DOUBLE) DESC NULLS LAST, key"
    )
    shown = (
        FactorRow(what, key, value, now, unit, Decimal(part) if part else None, agents)
        for what, key, value, now, unit, part, agents in rows
    )
    counts = (touched, rebuilt, failed, touched - rebuilt - failed)
    return FactorChange(old, new, path is not None, added, changed, withdrawn, *counts, Part.of(shown, ROWS))


def _by_pins(source: Source) -> str:
    """SQL of the rows that agents pinned before and pin otherwise now: all that is known of a base not kept."""
    lineage = source.rows("lineage", "kind = 'factor' AND part IN (SELECT part FROM now)")
    return (
        "SELECT DISTINCT 'changed' AS what, factor AS key, NULL::DECIMAL(38, 24) AS old, "  # noqa: S608
        "NULL::DECIMAL(38, 24) AS new, '' AS unit, NULL::VARCHAR AS relative FROM pinned "
        f"JOIN (SELECT identity, l.ref, l.digest FROM now JOIN ({lineage}) l USING (part, key)) found "
        "ON found.identity = pinned.identity AND found.ref = 'ef://' || factor WHERE found.digest <> pinned.digest"
    )


@contextmanager
def _changelog(settings: Settings, old: str, new: str) -> Iterator[Path | None]:
    """What changed from one stored release to another, as Parquet; None where one of them is not stored."""
    from greenlang.factors.changelog import changes, write_changes
    from greenlang.factors.storage import STANDING, read_arrow
    from greenlang.sync import releases

    store = releases(settings)
    if not {old, new} <= set(store.names()):
        yield None
        return
    before, after = store.get(old), store.get(new)
    if after.before == old:
        yield after.folder / "changelog.parquet"
        return
    digests = read_arrow(after.folder / STANDING, ["row_digest"]).column("row_digest").to_pylist()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "changelog.parquet"
        write_changes(changes(before.folder, after.parquet, digests), path)
        yield path
