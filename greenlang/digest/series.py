"""Many nights as a value: how the factory did from night to night, and how it stands after the last of them.

Belongs here: the figures of the dashboard. Does not belong here: words and layout (`board`), one night's (`night`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from greenlang.digest.changes import FactorChange, factor_change
from greenlang.digest.night import SHOWN, Slow, Stage, slow_of
from greenlang.digest.nights import Span, night_at, span
from greenlang.digest.source import IDENTITY, Source, answered, spans_table
from greenlang.metrics.catalogue import OUTCOMES, STANDS
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.report.page import Part
from greenlang.settings import Settings

NIGHTS = 90
RELEASES = 6  # changes of the factor release that are looked into
DATASETS, DOMAINS, FACTORS = 12, 8, 15
_AT_ONCE = 100_000  # agents whose dimensions are looked at together
_ORDER = {dimension.name: number for number, dimension in enumerate(DIMENSIONS)}


@dataclass(frozen=True, slots=True)
class NightLine:
    """One night. ``outcomes`` counts the specs that had an outcome in it, ``standing`` all that were known at its end.

    ``seconds`` is the wall clock of its runs, ``p50`` and ``p95`` the seconds of one agent's own stages (None where
    nothing was built), ``usd`` what models cost by provider.
    """

    name: date
    runs: int
    kept: int
    seconds: float
    release: str
    outcomes: dict[str, int] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    p50: float | None = None
    p95: float | None = None
    usd: dict[str, Decimal] = field(default_factory=dict)

    @property
    def built(self) -> int:
        """Specs that had an outcome."""
        return sum(self.outcomes.values())

    @property
    def pass_rate(self) -> float | None:
        """Registered specs of all that were known, 0 to 1; None where none was known."""
        known = sum(self.standing.values())
        return self.standing.get("registered", 0) / known if known else None

    @property
    def cost(self) -> Decimal:
        """US dollars of all providers."""
        return sum(self.usd.values(), Decimal(0))


@dataclass(frozen=True, slots=True)
class DimensionLine:
    """A quality dimension over the agents as they stand, and the share that passed of each night's builds."""

    name: str
    title: str
    required: bool
    passed: int
    failed: int
    not_applicable: int
    score: float | None
    nights: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class DatasetLine:
    """A publisher's dataset: rows of it that registered agents pin, and these agents in all and by domain."""

    name: str
    factors: int
    agents: int
    domains: dict[str, int]


@dataclass(frozen=True, slots=True)
class FactorLine:
    """A factor row and how many registered agents pin it."""

    ref: str
    citation: str
    agents: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The factory over its last nights. What stands is counted at the end of the last of them.

    ``release_before``: the factor release of the last run before the first night; empty where there was none.
    ``pinned`` counts what registered agents pin by kind; ``with_factors`` those agents that pin a factor at all.
    """

    nights: tuple[NightLine, ...]
    release_before: str
    timezone: str
    dimensions: tuple[DimensionLine, ...]
    releases: tuple[tuple[date, FactorChange], ...]
    releases_left: int
    registered: int
    with_factors: int
    pinned: dict[str, int]
    domains: tuple[str, ...]
    datasets: Part[DatasetLine]
    factors: Part[FactorLine]
    slowest: Part[Slow]
    stages: tuple[Stage, ...]


def dashboard_of(settings: Settings, until: date, nights: int = NIGHTS) -> Dashboard:
    """The last ``nights`` nights up to that of the date ``until``, beginning with the first one in which anything ran.

    Raises QueryError, SettingsError.
    """
    return answered(settings, lambda source: _Series(settings, source, until, nights).told())


class _Series:
    """The tables of a dashboard: ``nights``, ``kept`` (the last outcome of a key in each night), ``standing``."""

    def __init__(self, settings: Settings, source: Source, until: date, nights: int) -> None:
        self.settings, self.source = settings, source
        self.spans = _spans(settings, source, until, nights)
        spans_table(source, self.spans)
        end = self.spans[-1].end
        source.run(
            "CREATE TEMP TABLE run_nights AS SELECT runs.*, coalesce(night, DATE '0001-01-01') AS night FROM runs "
            "LEFT JOIN nights ON started_at >= begins AND started_at < ends WHERE started_at < $end",
            end=end,
        )
        outcome = f"CASE WHEN {STANDS} THEN outcome END AS outcome"  # none: a corrected spec has followed
        columns = f"part, key, run_id, {outcome}, seconds, written_at, {IDENTITY} AS identity"
        own = source.stored("outcomes", "run_id IN (SELECT run_id FROM run_nights)", columns)
        source.run(
            "CREATE TEMP TABLE kept AS SELECT part, key, identity, night, outcome, seconds, "  # noqa: S608
            "lag(outcome) OVER (PARTITION BY key ORDER BY night) AS was FROM (SELECT * FROM "
            f"({own}) JOIN (SELECT run_id, night FROM run_nights) USING (run_id) QUALIFY "
            "row_number() OVER (PARTITION BY key, night ORDER BY written_at DESC, part DESC) = 1)"
        )
        source.standing("standing", f"TIMESTAMP '{end}'")

    def told(self) -> Dashboard:
        lines = self.lines()
        changed = [
            one for one, line, last in zip(self.spans, lines[1:], lines, strict=False)
            if line.release != last.release and last.release
        ]  # fmt: skip
        domains, datasets = self.datasets()
        ((with_factors, registered),) = self.source.ask(
            "SELECT count(*) FILTER (identity IN (SELECT identity FROM pins WHERE kind = 'factor')), count(*) FROM "
            "(SELECT DISTINCT identity FROM standing WHERE outcome = 'registered')"
        )
        return Dashboard(
            nights=lines[1:],
            release_before=lines[0].release,
            timezone=self.settings.timezone,
            dimensions=self.dimensions(),
            releases=tuple(self.releases(changed[-RELEASES:])),
            releases_left=max(0, len(changed) - RELEASES),
            registered=registered,
            with_factors=with_factors,
            pinned=dict(self.source.ask("SELECT kind, count(DISTINCT ref) FROM pins GROUP BY kind ORDER BY kind")),
            domains=domains,
            datasets=datasets,
            factors=self.factors(),
            slowest=self.slowest(),
            stages=self.stages(),
        )

    def lines(self) -> tuple[NightLine, ...]:
        """All that was before the first night, and then the nights."""
        ask = self.source.ask
        runs = {night: rest for night, *rest in ask(
            "SELECT night, count(*), sum(kept)::BIGINT, coalesce(sum(epoch(finished_at - started_at)), 0), "
            "arg_max(factor_release, started_at) FILTER (factor_release <> '') FROM run_nights GROUP BY night"
        )}  # fmt: skip
        spent = {night: (p50, p95) for night, p50, p95 in ask(
            "SELECT night, quantile_disc(seconds, 0.5), quantile_disc(seconds, 0.95) FROM kept "
            "WHERE seconds > 0 GROUP BY night"
        )}  # fmt: skip
        outcomes, gone = _nested(
            ask("SELECT night, outcome, count(*) FROM kept WHERE outcome IS NOT NULL GROUP BY ALL")
        ), _nested(
            ask("SELECT night, was, count(*) FROM kept WHERE was IS NOT NULL GROUP BY ALL")
        )  # fmt: skip
        own = self.source.rows("llm_usage", "created_at >= (SELECT min(begins) FROM nights)")
        usd = _nested(
            ask(
                f"SELECT night, provider, sum(cost_usd) FROM ({own}) "  # noqa: S608
                "JOIN nights ON created_at >= begins AND created_at < ends GROUP BY ALL ORDER BY ALL"
            )
        )
        found, standing, release = [], dict.fromkeys(OUTCOMES, 0), ""
        for night in (date(1, 1, 1), *(one.name for one in self.spans)):
            count, kept, seconds, named = runs.get(night, (0, 0, 0.0, None))
            release = named or release
            for outcome in OUTCOMES:
                standing[outcome] += outcomes[night].get(outcome, 0) - gone[night].get(outcome, 0)
            found.append(
                NightLine(
                    night, count, kept, round(seconds, 3), release, dict(outcomes[night]),
                    {name: n for name, n in standing.items() if n}, *spent.get(night, (None, None)), dict(usd[night]),
                )
            )  # fmt: skip
        return tuple(found)

    def dimensions(self) -> tuple[DimensionLine, ...]:
        own = self.source.rows("qa_dimensions", "part IN (SELECT part FROM standing)")
        found = self.source.ask(
            "SELECT dimension, arg_max(title, part), bool_or(required), count(*) FILTER (status = 'passed'), "  # noqa: S608
            "count(*) FILTER (status = 'failed'), count(*) FILTER (status = 'not_applicable'), round(avg(score), 2) "
            f"FROM standing JOIN ({own}) d USING (part, key) GROUP BY dimension ORDER BY dimension"
        )
        shares = self.shares()
        nights = [one.name for one in self.spans]
        lines = [
            DimensionLine(name, title, need, good, bad, none, score, tuple(shares[name].get(night) for night in nights))
            for name, title, need, good, bad, none, score in found
        ]
        return tuple(sorted(lines, key=lambda line: _ORDER.get(line.name, len(_ORDER))))

    def shares(self) -> defaultdict[str, dict[date, float]]:
        """By dimension and night, the share of the builds that passed; some nights at a time, to keep memory small."""
        found: defaultdict[str, dict[date, float]] = defaultdict(dict)
        built = self.source.ask(
            "SELECT night, count(*) FROM kept WHERE night > '0001-01-01' GROUP BY night ORDER BY night"
        )
        while built:
            total = list(accumulate(agents for _, agents in built))
            some = max(1, sum(agents <= _AT_ONCE for agents in total))
            between = f"night BETWEEN DATE '{built[0][0]}' AND DATE '{built[some - 1][0]}'"
            own = self.source.rows(
                "qa_dimensions",
                f"status <> 'not_applicable' AND run_id IN (SELECT run_id FROM run_nights WHERE {between})",  # noqa: S608
                "part, key, dimension, status",
            )
            rows = self.source.ask(
                "SELECT dimension, night, count(*) FILTER (status = 'passed') / count(*) "  # noqa: S608
                f"FROM (FROM kept WHERE {between}) JOIN ({own}) d USING (part, key) GROUP BY ALL"
            )
            for dimension, night, share in rows:
                found[dimension][night] = share
            built = built[some:]
        return found

    def releases(self, spans: list[Span]) -> list[tuple[date, FactorChange]]:
        found = []
        for one in spans:
            self.source.standing("standing_before", f"TIMESTAMP '{one.begin}'")
            self.source.run(
                "CREATE OR REPLACE TEMP TABLE now AS SELECT identity, outcome, part, key FROM kept "
                "WHERE night = $night AND outcome IS NOT NULL "
                "QUALIFY row_number() OVER (PARTITION BY identity ORDER BY part DESC, key DESC) = 1",
                night=one.name,
            )
            change = factor_change(self.source, self.settings, one)
            if change is not None:
                found.append((one.name, change))
        return found[::-1]

    def datasets(self) -> tuple[tuple[str, ...], Part[DatasetLine]]:
        """Makes ``pins``, what registered agents use; the datasets by domain."""
        own = self.source.rows("lineage", "kind IN ('factor', 'formula', 'parameter') AND part IN "
                               "(SELECT part FROM standing)")  # fmt: skip
        self.source.run(
            "CREATE TEMP TABLE pins AS SELECT DISTINCT identity, split_part(identity, '/', 1) AS domain, l.kind, "  # noqa: S608
            "l.ref, l.citation, array_to_string(string_split(replace(l.ref, 'ef://', ''), '/')[:2], '/') AS dataset "
            f"FROM standing JOIN ({own}) l USING (part, key) WHERE outcome = 'registered'"
        )
        factor = "FROM pins WHERE kind = 'factor'"
        domains = tuple(
            name
            for (name,) in self.source.ask(
                f"SELECT domain {factor} GROUP BY domain ORDER BY count(DISTINCT identity) DESC, domain LIMIT {DOMAINS}"
            )
        )
        by_domain: Mapping[str, dict[str, int]] = _nested(
            self.source.ask(f"SELECT dataset, domain, count(DISTINCT identity) {factor} GROUP BY ALL")
        )
        rows = self.source.ask(
            f"SELECT dataset, count(DISTINCT ref), count(DISTINCT identity) AS agents {factor} "
            "GROUP BY dataset ORDER BY agents DESC, dataset"
        )
        lines = (DatasetLine(name, factors, agents, dict(by_domain[name])) for name, factors, agents in rows)
        return domains, Part.of(lines, DATASETS)

    def factors(self) -> Part[FactorLine]:
        rows = self.source.ask(
            "SELECT ref, max(citation), count(DISTINCT identity) AS agents FROM pins WHERE kind = 'factor' "
            "GROUP BY ref ORDER BY agents DESC, ref"
        )
        return Part.of((FactorLine(*row) for row in rows), FACTORS)

    def slowest(self) -> Part[Slow]:
        own = self.source.rows("outcomes", "seconds > 0 AND part IN (SELECT part FROM standing)")
        joined = f"FROM ({own}) o SEMI JOIN standing USING (part, key)"
        ((count,),) = self.source.ask(f"SELECT count(*) {joined}")
        rows = self.source.dicts(
            f"SELECT agent_id, version, file, seconds, stage_seconds {joined} ORDER BY seconds DESC, key LIMIT {SHOWN}"
        )
        return Part(tuple(slow_of(row) for row in rows), max(0, count - SHOWN))

    def stages(self) -> tuple[Stage, ...]:
        own = self.source.rows("outcomes", "part IN (SELECT part FROM standing)")
        rows = self.source.ask(
            "SELECT e.key, count(*), round(sum(e.value), 3), round(avg(e.value), 4), "  # noqa: S608
            "round(quantile_disc(e.value, 0.95), 4) FROM (SELECT unnest(map_entries(stage_seconds)) AS e "
            f"FROM ({own}) o SEMI JOIN standing USING (part, key)) GROUP BY e.key ORDER BY 3 DESC, 1"
        )
        return tuple(Stage(*row) for row in rows)


def _spans(settings: Settings, source: Source, until: date, nights: int) -> list[Span]:
    last = span(settings, until)
    ((first,),) = source.ask("SELECT min(started_at) FROM runs WHERE started_at < $end", end=last.end)
    begin = max(night_at(settings, first) if first else until, until - timedelta(days=nights - 1))
    return [span(settings, begin + timedelta(days=n)) for n in range((until - begin).days + 1)]


def _nested(rows: list[tuple[Any, ...]]) -> defaultdict[Any, dict[Any, Any]]:
    """Rows of two names and a value, as one mapping within another."""
    found: defaultdict[Any, dict[Any, Any]] = defaultdict(dict)
    for outer, inner, value in rows:
        found[outer][inner] = value
    return found
