"""One night of the factory as a value: what was built, what failed and why, what it cost, what the factors changed.

A night is made from the stored rows alone, so that a past one can be made again and is the same. Belongs here: the
figures. Does not belong here: comparing builds (`changes`), words and layout (`telling`).
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from greenlang.digest import changes
from greenlang.digest.nights import Span, span
from greenlang.digest.source import IDENTITY, Source, answered
from greenlang.metrics.catalogue import STANDS
from greenlang.quality.report.charts import percentile
from greenlang.quality.report.page import Part
from greenlang.settings import Settings
from greenlang.specs.codes import CODES

FORM = "greenlang-morning/1"
SHOWN = 20  # rows of a list; how many more there are is told beside it
Fate = Literal["new", "rebuilt", "mended", "fell", "failed_new", "failed_again"]
_STALE = re.compile(r"^stale: [^:]*: ")
_COLUMNS = (
    "part, key, run_id, agent_id, version, file, outcome, reason, spec_digest, pack_digest, consumed_digest, "
    f"mutant_tier, seconds, report, written_at, {IDENTITY} AS identity"
)


@dataclass(frozen=True, slots=True)
class Agent:
    """A spec of the night. ``was`` is its outcome before the night, empty for a new one; ``seconds`` of its build.

    ``report`` is the folder of its quality report, relative to ``var``; empty where it was not judged.
    """

    spec: str
    outcome: str
    was: str
    reason: str
    seconds: float
    report: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Specs that failed alike: how many, the first of them, and why that one failed."""

    outcome: str
    kind: str
    agents: int
    examples: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one provider's models did. ``estimated_usd`` is the part of ``usd`` that is a worst case."""

    provider: str
    calls: int
    replayed: int
    tokens: int
    usd: Decimal
    estimated_usd: Decimal


@dataclass(frozen=True, slots=True)
class Slow:
    """An agent by the seconds of its own stages, and the longest of these."""

    spec: str
    seconds: float
    stage: str
    stage_seconds: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage over all agents of the night: seconds in all, of the mean agent and of the 95th of 100."""

    name: str
    agents: int
    seconds: float
    mean: float
    p95: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``finished_at`` is None while it goes on, or if it was killed. Moments are UTC."""

    run_id: str
    entrance: str
    started_at: datetime
    finished_at: datetime | None
    agents: int
    kept: int
    registered: int
    failed: int
    factor_release: str

    @property
    def seconds(self) -> float | None:
        """Wall-clock seconds; None for a run that has no end."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


@dataclass(frozen=True, slots=True)
class Night:
    """One night. Every spec that had an outcome in it counts in one of the six fates, by its last outcome.

    ``standing`` counts every spec that the factory knows by its outcome at the end of the night; ``seconds`` is the
    wall clock of all runs that ended, ``build_seconds`` the stages of all agents; ``repaired`` are registered agents
    that the repair ladder changed, ``same_pack`` rebuilt ones whose pack is the one before, byte for byte.
    """

    name: date
    begin: datetime
    end: datetime
    timezone: str
    release: str
    runs: Part[Run]
    unfinished: int
    kept: int
    new: int
    rebuilt: int
    mended: int
    fell: int
    failed_new: int
    failed_again: int
    repaired: int
    same_pack: int
    seconds: float
    build_seconds: float
    usd: Decimal
    standing: dict[str, int]
    fallen: Part[Agent]
    failures: Part[Failure]
    added: Part[Agent]
    healed: Part[Agent]
    causes: tuple[changes.Cause, ...]
    factors: changes.FactorChange | None
    costs: tuple[Cost, ...]
    slowest: Part[Slow]
    stages: tuple[Stage, ...]
    form: str = FORM

    @property
    def built(self) -> int:
        """Specs that had an outcome in the night."""
        return self.new + self.rebuilt + self.mended + self.failed

    @property
    def failed(self) -> int:
        """Specs whose last outcome of the night is not registered."""
        return self.fell + self.failed_new + self.failed_again


def night_of(settings: Settings, night: date) -> Night:
    """The night of a date, which ended on that day. Raises QueryError, SettingsError."""
    return answered(settings, lambda source: _Night(settings, source, span(settings, night)).told())


class _Night:
    """The rows of one night, read once: ``now`` and ``before`` are the last row of each spec in it and before it."""

    def __init__(self, settings: Settings, source: Source, of: Span) -> None:
        self.settings, self.source, self.span = settings, source, of
        source.run("CREATE TEMP TABLE night_runs AS SELECT * FROM runs WHERE started_at >= $begin AND "
                   "started_at < $end", begin=of.begin, end=of.end)  # fmt: skip
        source.run(
            "CREATE TEMP TABLE earlier_runs AS SELECT run_id FROM runs WHERE started_at < $begin", begin=of.begin
        )
        self.last("now", "night_runs", "TRUE", f"{_COLUMNS}, diagnostics, stage_seconds")
        self.last("before", "earlier_runs", f"{IDENTITY} IN (SELECT identity FROM now)", _COLUMNS)  # noqa: S608
        self.now = {row["identity"]: row for row in source.dicts("SELECT * FROM now ORDER BY identity")}
        self.before = {row["identity"]: row for row in source.dicts("SELECT * FROM before")}
        self.fates = {name: _fate(row, self.before.get(name)) for name, row in self.now.items()}

    def last(self, name: str, runs: str, where: str, columns: str) -> None:
        """Make a table of the last row of each spec: first which ones, for a year has many, then all of it."""
        source, which = self.source, f"part, key, written_at, {IDENTITY} AS identity"
        own = source.stored("outcomes", f"run_id IN (SELECT run_id FROM {runs}) AND {where} AND {STANDS}", which)  # noqa: S608
        source.run(
            f"CREATE OR REPLACE TEMP TABLE chosen AS SELECT part, key FROM ({own}) "  # noqa: S608
            "QUALIFY row_number() OVER (PARTITION BY identity ORDER BY written_at DESC, part DESC, key DESC) = 1"
        )
        whole = source.rows("outcomes", "part IN (SELECT part FROM chosen)", columns)
        source.run(f"CREATE TEMP TABLE {name} AS FROM ({whole}) SEMI JOIN chosen USING (part, key)")

    def told(self) -> Night:
        runs, fates = self.runs(), Counter(self.fates.values())
        self.source.standing("standing_before", f"TIMESTAMP '{self.span.begin}'")
        factors = changes.factor_change(self.source, self.settings, self.span)
        costs, slow, stages = self.costs(), self.slow(), self.stages()
        return Night(
            name=self.span.name,
            begin=self.span.begin,
            end=self.span.end,
            timezone=self.settings.timezone,
            release=changes.release_until(self.source, self.span.end),
            runs=Part.of(sorted(runs, key=lambda r: (-r.agents, r.started_at, r.run_id)), SHOWN),
            unfinished=sum(run.finished_at is None for run in runs),
            kept=sum(run.kept for run in runs),
            new=fates["new"],
            rebuilt=fates["rebuilt"],
            mended=fates["mended"],
            fell=fates["fell"],
            failed_new=fates["failed_new"],
            failed_again=fates["failed_again"],
            repaired=self.repaired(),
            same_pack=sum(self.now[n]["pack_digest"] == self.before[n]["pack_digest"] for n in self.having("rebuilt")),
            seconds=round(sum(run.seconds or 0.0 for run in runs), 3),
            build_seconds=round(sum(row["seconds"] for row in self.now.values()), 3),
            usd=sum((cost.usd for cost in costs), Decimal(0)),
            standing=self.standing(),
            fallen=self.agents("fell"),
            failures=self.failures(),
            added=self.agents("new"),
            healed=self.agents("mended"),
            causes=changes.causes(self.source, self.having("rebuilt"), self.now, self.before),
            factors=factors,
            costs=costs,
            slowest=slow,
            stages=stages,
        )

    def having(self, fate: Fate) -> list[str]:
        return [name for name, found in self.fates.items() if found == fate]

    def agents(self, fate: Fate) -> Part[Agent]:
        names = self.having(fate)
        return Part(tuple(self.agent(name) for name in names[:SHOWN]), max(0, len(names) - SHOWN))

    def agent(self, name: str) -> Agent:
        row = self.now[name]
        was = self.before.get(name, {}).get("outcome", "")
        return Agent(spec_of(row), row["outcome"], was, row["reason"], round(row["seconds"], 3), row["report"] or "")

    def runs(self) -> list[Run]:
        own = self.source.rows("outcomes", f"run_id IN (SELECT run_id FROM night_runs) AND {STANDS}")  # noqa: S608
        counted = (
            "SELECT run_id, count(DISTINCT key) FILTER (outcome = 'registered') AS registered, "  # noqa: S608
            f"count(DISTINCT key) FILTER (outcome <> 'registered') AS failed FROM ({own}) GROUP BY run_id"
        )
        found = self.source.ask(
            "SELECT run_id, entrance, started_at, finished_at, agents, kept, coalesce(registered, 0), "  # noqa: S608
            f"coalesce(failed, 0), factor_release FROM night_runs LEFT JOIN ({counted}) USING (run_id)"
        )
        return [Run(*row) for row in found]

    def standing(self) -> dict[str, int]:
        """Every known spec by its outcome at the end of the night, as the view `agents` counted them then."""
        self.source.standing("standing_after", f"TIMESTAMP '{self.span.end}'")
        found = self.source.ask("SELECT outcome, count(*) FROM standing_after GROUP BY outcome ORDER BY outcome")
        self.source.run("DROP TABLE standing_after")
        return dict(found)

    def repaired(self) -> int:
        own = self.source.rows("repairs", "status = 'repaired' AND run_id IN (SELECT run_id FROM night_runs)")
        ((found,),) = self.source.ask(
            f"SELECT count(DISTINCT identity) FROM now JOIN ({own}) USING (part, key) WHERE outcome = 'registered'"  # noqa: S608
        )
        return int(found)

    def failures(self) -> Part[Failure]:
        failed = [row for row in self.now.values() if row["outcome"] != "registered"]
        own = self.source.rows("qa_dimensions", "required AND status = 'failed' "
                               "AND run_id IN (SELECT run_id FROM night_runs)")  # fmt: skip
        titles = dict(
            self.source.ask(
                "SELECT identity, string_agg(title, ', ' ORDER BY title) "  # noqa: S608
                f"FROM now JOIN ({own}) d USING (part, key) WHERE outcome = 'quarantined' GROUP BY identity"
            )
        )
        alike: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for row in failed:
            alike[row["outcome"], _kind(row, titles.get(row["identity"], ""))].append(row)
        groups = [
            Failure(*name, len(rows), tuple(spec_of(row) for row in rows[:3]), rows[0]["reason"])
            for name, rows in alike.items()
        ]
        return Part.of(sorted(groups, key=lambda g: (-g.agents, g.outcome, g.kind)), SHOWN)

    def costs(self) -> tuple[Cost, ...]:
        own = self.source.rows("llm_usage", "created_at >= $begin AND created_at < $end")
        found = self.source.ask(
            "SELECT provider, count(*) FILTER (call <> 'replayed'), count(*) FILTER (call = 'replayed'), "  # noqa: S608
            "sum(total_tokens)::BIGINT, sum(cost_usd), coalesce(sum(cost_usd) FILTER (estimated), 0) "
            f"FROM ({own}) GROUP BY provider ORDER BY sum(cost_usd) DESC, provider",
            begin=self.span.begin,
            end=self.span.end,
        )
        return tuple(Cost(*row) for row in found)

    def slow(self) -> Part[Slow]:
        rows = sorted(self.now.values(), key=lambda row: (-row["seconds"], row["identity"]))
        return Part.of((slow_of(row) for row in rows if row["seconds"] > 0), SHOWN)

    def stages(self) -> tuple[Stage, ...]:
        spent: dict[str, list[float]] = defaultdict(list)
        for row in self.now.values():
            for name, seconds in (row["stage_seconds"] or {}).items():
                spent[name].append(seconds)
        return stages_of(spent)


def stages_of(spent: Mapping[str, Iterable[float]]) -> tuple[Stage, ...]:
    """Stages by the seconds that they took, the longest first."""
    found = []
    for name, each in spent.items():
        ordered = sorted(each)
        total = sum(ordered)
        p95 = percentile(ordered, 95)
        found.append(Stage(name, len(ordered), round(total, 3), round(total / len(ordered), 4), round(p95, 4)))
    return tuple(sorted(found, key=lambda s: (-s.seconds, s.name)))


def spec_of(row: Mapping[str, Any]) -> str:
    """A spec as people name it: id and version, or its file."""
    return f"{row['agent_id']} {row['version']}".strip() if row["agent_id"] else str(row["file"])


def slow_of(row: Mapping[str, Any]) -> Slow:
    """A row's seconds and its longest stage."""
    stage, seconds = max((row["stage_seconds"] or {"": 0.0}).items(), key=lambda item: (item[1], item[0]))
    return Slow(spec_of(row), round(row["seconds"], 3), stage, round(seconds, 3))


def _fate(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> Fate:
    stood = before is not None and before["outcome"] == "registered"
    if row["outcome"] == "registered":
        return "new" if before is None else "rebuilt" if stood else "mended"
    return "failed_new" if before is None else "fell" if stood else "failed_again"


def _kind(row: Mapping[str, Any], titles: str) -> str:
    """What failures have in common: the code of the finding, the dimensions that failed, or how the reason begins."""
    if titles:
        return f"required dimensions failed: {titles}" if "," in titles else f"required dimension failed: {titles}"
    if row["outcome"] == "refused":
        codes = [d["code"] for d in json.loads(row["diagnostics"] or "[]") if d["severity"] == "error"]
        if codes:
            return f"{codes[0]}: {CODES[codes[0]].title}" if codes[0] in CODES else str(codes[0])
    reason = _STALE.sub("", row["reason"])
    head = reason.split(" for ")[0] if reason.startswith("no certain plan") else reason.split(": ")[0]
    return head or "no reason given"
