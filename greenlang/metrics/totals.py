"""What the factory did, in a few figures.

Belongs here: figures over every spec. Does not belong here: rows (``query``), printing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from greenlang.metrics.query import query
from greenlang.settings import Settings

_SPECS = """
SELECT count(*), count(*) FILTER (outcome = 'registered'), coalesce(avg(seconds) FILTER (pack_digest IS NOT NULL), 0),
    coalesce(avg(score) FILTER (outcome = 'registered'), 0), coalesce(avg(coverage) FILTER (outcome = 'registered'), 0)
FROM agents"""
_ROUNDS = "SELECT count(DISTINCT (partition, rung, round)) FILTER (status <> 'skipped') FROM repairs"
_MODELS = "SELECT coalesce(sum(cost_usd), 0), count(*) FILTER (call <> 'replayed') FROM llm_usage"


@dataclass(frozen=True, slots=True)
class FactoryMetrics:
    """Figures over every spec that the factory was given, each with its last outcome. 0 where there is nothing.

    ``success_rate`` (0 to 1) is the part of all specs that is registered. Times are seconds of one agent's own stages;
    ``avg_refinements`` attempts on the repair ladder, ``avg_cost_usd`` what models cost, by spec.
    """

    total_agents: int = 0
    registered: int = 0
    success_rate: float = 0.0
    avg_generation_time: float = 0.0
    avg_refinements: float = 0.0
    avg_score: float = 0.0
    avg_coverage: float = 0.0
    total_cost_usd: Decimal = Decimal(0)
    avg_cost_usd: Decimal = Decimal(0)
    model_calls: int = 0


def totals(settings: Settings) -> FactoryMetrics:
    """The figures of the factory in ``settings.var``. Raises QueryError where the metrics cannot be read."""
    if not settings.var.is_dir():
        return FactoryMetrics()
    ((agents, registered, seconds, score, coverage),) = query(settings, _SPECS).rows
    ((rounds,),) = query(settings, _ROUNDS).rows
    ((cost, calls),) = query(settings, _MODELS).rows
    return FactoryMetrics(
        total_agents=agents,
        registered=registered,
        success_rate=registered / agents if agents else 0.0,
        avg_generation_time=seconds,
        avg_refinements=rounds / agents if agents else 0.0,
        avg_score=score,
        avg_coverage=coverage,
        total_cost_usd=Decimal(cost),
        avg_cost_usd=Decimal(cost) / agents if agents else Decimal(0),
        model_calls=calls,
    )
