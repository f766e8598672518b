"""The factory's series, kept from scrape to scrape: what was counted stays, and only new rows are read.

Belongs here: adding up, choosing the agents that are shown one by one. Does not belong here: reading tables
(`greenlang.telemetry.reading`), what waits (`greenlang.telemetry.queues`), HTTP.

Counters follow the tables and not the process: whoever asks, and whenever it was started, gets the same figures.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlang.metrics.catalogue import OUTCOMES
from greenlang.settings import Settings
from greenlang.telemetry import declared as d
from greenlang.telemetry.exposition import Histogram, Labels, Metric, histogram_lines, lines, text
from greenlang.telemetry.queues import waiting
from greenlang.telemetry.reading import Delta, Reader

NO_MODEL = "none"
UNDER_WAY = 300.0  # seconds since its last row after which a run without an end counts as killed
_SETTLED = timedelta(hours=1)  # after which a build is counted with what it cost, also where its run has no end
_REMEMBERED = 50_000  # calls whose ids are kept, since one that was written twice comes twice in short order
_LOW = 85.0  # percent: agents below are shown first, for the rule LowTestCoverage of 000, section 12


class FactorySeries:
    """The series of one tenant's factory. Safe between threads; two of them over one folder say the same.

    ``home``: the settings of the machine, where the launcher's queue is; those of the default tenant if not given.
    """

    def __init__(self, settings: Settings, home: Settings | None = None) -> None:
        self.settings = settings
        self.home = home or settings
        self._lock = threading.Lock()
        self._reader = Reader(settings.tables)
        self._counters: dict[Metric, Counter[Labels]] = defaultdict(Counter)
        self._histograms: dict[Metric, Histogram] = {
            metric: Histogram(metric) for metric in (d.DURATION, d.COST, d.REFINEMENTS, d.COVERED, d.LATENCY)
        }
        self._standing: dict[str, tuple[datetime, str]] = {}  # key -> written_at, outcome
        self._agents: dict[str, _Agent] = {}
        self._runs: dict[str, tuple[Any, ...]] = {}
        self._calls = _Calls()
        self._open: list[tuple[str, str, datetime]] = []  # builds whose cost is not certain yet
        self._drawn: str | None = None  # what follows from the rows; None: to be drawn again

    def text(self, more: Mapping[Labels, float] | None = None) -> str:
        """Every series in Prometheus' format. ``more``: hit ratios of layers that this process knows.

        Raises OSError where the tables cannot be read.
        """
        with self._lock:
            self._take(self._reader.read())
            if self._drawn is None:
                self._drawn = text(self._lines())
            runs = list(self._runs.values())
        ratios = {**self._ratios(runs), **(more or {})}
        now: dict[Metric, Mapping[Labels, float]] = {
            d.QUEUE: {(name,): float(size) for name, size in waiting(self.settings, self.home).items()},
            d.CACHE_HITS: ratios,
            d.BUDGET: self._budgets(),
            d.WORKERS: {(): float(_under_way(runs))},
        }
        return self._drawn + text(line for metric, values in now.items() for line in lines(metric, values))

    # --- taking up ------------------------------------------------------------------------------------------------

    def _take(self, delta: Delta) -> None:
        for row in delta.runs:
            self._runs[row[0]] = row
        self._open += delta.ended
        self._calls.take(delta.calls, self._counters, self._histograms[d.LATENCY])
        settled = self._settle() or bool(delta.free)
        if delta.free:
            self._histograms[d.COST].of((NO_MODEL,)).add(0, delta.free, 0.0)
        if not (settled or delta.runs or delta.builds or delta.standing or delta.calls):
            return
        self._drawn = None
        for outcome, domain, category, n in delta.builds:
            for each in OUTCOMES:  # at 0 too, or the first failure of a domain would be no increase
                self._counters[d.GENERATIONS][each, domain, category] += 0
            self._counters[d.GENERATIONS][outcome, domain, category] += n
        for dimension, n in delta.failures:
            self._counters[d.FAILURES][(dimension,)] += n
        for stage, place, n, seconds in delta.stages:
            self._histograms[d.DURATION].of((stage,)).add(place, n, seconds)
        for place, n, percent in delta.covered:
            self._histograms[d.COVERED].of(()).add(place, n, percent)
        for registered, attempts, n in delta.attempts:
            for _ in range(n):
                self._histograms[d.REFINEMENTS].observe((str(registered).lower(),), attempts)
        for key, outcome, written in delta.standing:
            if key not in self._standing or self._standing[key][0] <= written:
                self._standing[key] = (written, outcome)
        self._judged(delta)

    def _judged(self, delta: Delta) -> None:
        newer = {
            agent_id: _Agent(written, coverage)
            for agent_id, written, coverage in delta.judged
            if agent_id not in self._agents or self._agents[agent_id].written <= written
        }
        for agent_id, dimension, status, score in delta.scores:
            if agent_id in newer:
                newer[agent_id].scores[dimension] = (status, score)
        for agent_id, share in delta.complexity:
            if agent_id in newer:
                newer[agent_id].complexity = share
        self._agents.update(newer)

    def _settle(self) -> bool:
        """Count what builds have cost whose run has ended, or which ended long ago; whether there was one."""
        before = datetime.now(UTC).replace(tzinfo=None) - _SETTLED
        left = []
        for build in self._open:
            key, run, written = build
            ended = run in self._runs and self._runs[run][3] is not None
            if not ended and written > before:
                left.append(build)
                continue
            cost = self._calls.spent(key, written) or {NO_MODEL: 0.0}
            for provider, usd in cost.items():
                self._histograms[d.COST].observe((provider,), usd)
        settled = len(left) < len(self._open)
        self._open = left
        return settled

    # --- drawing --------------------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[str]:
        for metric in (d.GENERATIONS, d.FAILURES, d.TOKENS, d.CALLS, d.LLM_COST, d.DOMAIN_COST, d.SAVED, d.FALLBACKS):
            yield from lines(metric, self._counters[metric])
        for histogram in self._histograms.values():
            yield from histogram_lines(histogram)
        outcomes: Counter[Labels] = Counter((outcome,) for _, outcome in self._standing.values() if outcome)
        yield from lines(d.AGENTS, outcomes)
        yield from self._dimensions()
        yield from self._shown()
        yield from lines(d.LAST_RUN, self._last_runs())

    def _dimensions(self) -> Iterator[str]:
        statuses: Counter[Labels] = Counter()
        sums: dict[Labels, list[float]] = defaultdict(lambda: [0.0, 0.0])
        complexity = []
        for agent in self._agents.values():
            if agent.complexity is not None:
                complexity.append(agent.complexity)
            for dimension, (status, score) in agent.scores.items():
                statuses[dimension, status] += 1
                if score is not None:
                    pair = sums[(dimension,)]
                    pair[0] += score
                    pair[1] += 1
        yield from lines(d.DIMENSIONS, statuses)
        yield from lines(d.DIMENSION_SCORE, {labels: total / n for labels, (total, n) in sums.items()})
        yield from lines(d.COMPLEXITY, {(): sum(complexity) / len(complexity)} if complexity else {})

    def _shown(self) -> Iterator[str]:
        """Agents one by one: those with a low coverage or a failed dimension, then the newest, as many as allowed."""
        order = sorted(self._agents.items(), key=lambda item: (not item[1].poor, -_seconds(item[1].written), item[0]))
        shown = order[: self.settings.telemetry_agents]
        scores: dict[Labels, float] = {
            (agent_id, dimension): score
            for agent_id, agent in shown
            for dimension, (_, score) in agent.scores.items()
            if score is not None
        }
        yield from lines(d.SCORE, scores)
        yield from lines(d.COVERAGE, {(a,): agent.coverage for a, agent in shown if agent.coverage is not None})

    def _last_runs(self) -> dict[Labels, float]:
        last: dict[Labels, float] = {}
        for _, _, entrance, finished, *_ in self._runs.values():
            if finished is not None:
                ended = _seconds(finished)
                last[(entrance,)] = max(last.get((entrance,), 0.0), ended)
        return last

    def _budgets(self) -> dict[Labels, float]:
        budgets = {"agent": self.settings.llm_budget_usd, "night": self.settings.nightly_budget_usd}
        return {(scope,): float(usd) for scope, usd in budgets.items() if usd is not None}

    def _ratios(self, runs: list[tuple[Any, ...]]) -> dict[Labels, float]:
        """What was kept in the last run that ended, and how many questions to models a recording answered."""
        found: dict[Labels, float] = {}
        ended = [row for row in runs if row[3] is not None and row[5]]
        if ended:
            last = max(ended, key=lambda row: row[3])
            found[("outcomes",)] = last[6] / last[5]
        by_result: Counter[str] = Counter()
        for labels, n in self._counters[d.CALLS].items():
            by_result[labels[2]] += n
        asked = by_result["replayed"] + by_result["answered"]
        if asked:
            found[("cassettes",)] = by_result["replayed"] / asked
        return found


class _Agent:
    """What the last judged build of an agent showed."""

    __slots__ = ("complexity", "coverage", "scores", "written")

    def __init__(self, written: datetime, coverage: float | None) -> None:
        self.written = written
        self.coverage = coverage
        self.scores: dict[str, tuple[str, float | None]] = {}
        self.complexity: float | None = None

    @property
    def poor(self) -> bool:
        low = self.coverage is not None and self.coverage < _LOW
        return low or any(status == "failed" for status, _ in self.scores.values())


class _Calls:
    """Calls of models: what was paid for which key and not yet counted with a build, and what a recording had cost."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._paid: dict[str, list[tuple[datetime, str, float]]] = defaultdict(list)
        self._recorded: dict[str, tuple[str, float]] = {}  # digest of a request -> provider, US dollars
        self._failed: dict[tuple[str, str, int, int], tuple[str, str]] = {}  # a question -> who did not answer it

    def take(self, rows: list[tuple[Any, ...]], counters: Mapping[Metric, Counter[Labels]], latency: Histogram) -> None:
        for call_id, key, created, provider, model, call, tokens, usd, ms, digest, sample, reask in rows:
            if call_id in self._ids:
                continue
            self._remember(call_id)
            counters[d.CALLS][provider, model, call] += 1
            if call == "replayed":
                by, cost = self._recorded.get(digest, (provider, 0.0))
                _add(counters[d.SAVED], (by,), cost)
                continue
            _add(counters[d.TOKENS], (provider, model), tokens)
            _add(counters[d.LLM_COST], (provider, model), usd)
            _add(counters[d.DOMAIN_COST], (key.partition("/")[0],), usd)
            self._paid[key].append((created, provider, usd))
            question = (key, digest, sample, reask)
            if call == "answered":
                latency.observe((provider, model), ms / 1000)
                self._recorded[digest] = (provider, usd)
                if self._failed.pop(question, (provider, model)) != (provider, model):
                    counters[d.FALLBACKS][(provider,)] += 1
            else:
                self._failed[question] = (provider, model)

    def spent(self, key: str, until: datetime) -> dict[str, float]:
        """What a build has paid to each provider; it is forgotten then, so that the next one is not told it again."""
        by_provider: dict[str, float] = defaultdict(float)
        later = []
        for created, provider, usd in self._paid.pop(key, ()):
            if created <= until:
                by_provider[provider] += usd
            else:
                later.append((created, provider, usd))
        if later:
            self._paid[key] = later
        return by_provider

    def _remember(self, call_id: str) -> None:
        self._ids[call_id] = None
        while len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)


def _add(counter: Counter[Labels], labels: Labels, value: float) -> None:
    counter[labels] += value  # type: ignore[assignment] # a counter of Prometheus' may count dollars


def _seconds(moment: datetime) -> float:
    """Since 1970, of a moment as the tables hold it: UTC without a zone."""
    return moment.replace(tzinfo=UTC).timestamp()


def _under_way(runs: list[tuple[Any, ...]]) -> int:
    now = time.time()
    return sum(
        workers or 0
        for _, written, _, finished, workers, *_ in runs
        if finished is None and now - _seconds(written) < UNDER_WAY
    )
