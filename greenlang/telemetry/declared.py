"""Every metric, declared once: name, type, labels, buckets and what it means. docs/telemetry.md has them as tables.

Belongs here: declarations. Does not belong here: values.

`DOCUMENTED` are those of design document 000: section 12, and ``greenlang_factory_validation_failures_total`` of
section 7, letter for letter. `OWN` are what its dashboards and rules need beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence

from greenlang.telemetry.exposition import Metric

GENERATIONS = Metric(
    "greenlang_factory_generations_total",
    "counter",
    ("status", "domain", "category"),
    "Builds by outcome; domain is the first segment of the agent's id, category the second of three or more.",
)
DURATION = Metric(
    "greenlang_factory_generation_duration_seconds",
    "histogram",
    ("stage",),
    "Seconds of a build by stage; stage total is the whole build, so never add up all stages.",
    (10, 30, 60, 120, 300, 600, 1200),
)
COST = Metric(
    "greenlang_factory_generation_cost_usd",
    "histogram",
    ("llm_provider",),
    "US dollars that a build paid to a provider, counted when its run has ended; none: it asked no model.",
    (0.1, 0.5, 1, 2, 5, 10),
)
SCORE = Metric(
    "greenlang_factory_validation_score",
    "gauge",
    ("agent_id", "dimension"),
    "Score of an agent's last judged build, 0 to 100. Some agents only: see GREENLANG_TELEMETRY_AGENTS.",
)
COVERAGE = Metric(
    "greenlang_factory_test_coverage_percent",
    "gauge",
    ("agent_id",),
    "Coverage by the tests of an agent's last judged build. Some agents only: see GREENLANG_TELEMETRY_AGENTS.",
)
REFINEMENTS = Metric(
    "greenlang_factory_refinement_attempts",
    "histogram",
    ("success",),
    "Attempts of the repair ladder on a build that needed any; success: whether it was registered.",
    (1, 2, 3, 4, 5),
)
QUEUE = Metric(
    "greenlang_factory_queue_size",
    "gauge",
    ("priority",),
    "Specs that wait: inbox are files nobody has taken up, a number is the priority of an order that was given, shards "
    "are agents of a planned batch of which no machine has sent anything yet.",
)
TOKENS = Metric(
    "greenlang_factory_llm_tokens_used",
    "counter",
    ("provider", "model"),
    "Tokens of requests and replies, as the providers counted them; a replay uses none.",
)
CACHE_HITS = Metric(
    "greenlang_factory_cache_hit_ratio",
    "gauge",
    ("cache_layer",),
    "Share answered from what is kept, 0 to 1: cassettes (questions to models), outcomes (specs of the last run), "
    "api (reads of this service's processes).",
)
FAILURES = Metric(
    "greenlang_factory_validation_failures_total", "counter", ("dimension",), "Dimensions that builds have failed."
)

DOCUMENTED: Sequence[Metric] = (
    *(GENERATIONS, DURATION, COST, SCORE, COVERAGE, REFINEMENTS, QUEUE, TOKENS, CACHE_HITS, FAILURES),
)

AGENTS = Metric("greenlang_factory_agents", "gauge", ("outcome",), "Specs by their last outcome.")
DIMENSIONS = Metric(
    "greenlang_factory_dimension_agents",
    "gauge",
    ("dimension", "status"),
    "Agents by what the last judged build of each met of a dimension; all agents.",
)
DIMENSION_SCORE = Metric(
    "greenlang_factory_dimension_score_mean", "gauge", ("dimension",), "Mean score of a dimension over all agents."
)
COMPLEXITY = Metric(
    "greenlang_factory_code_complexity_ratio",
    "gauge",
    (),
    "Share of an agent's functions with at most ten branches, 0 to 1; mean over all agents.",
)
COVERED = Metric(
    "greenlang_factory_generation_coverage_percent",
    "histogram",
    (),
    "Coverage by the tests of every judged build.",
    (50, 70, 80, 85, 90, 95, 99, 100),
)
CALLS = Metric(
    "greenlang_factory_llm_calls_total",
    "counter",
    ("provider", "model", "result"),
    "Calls of language models by what became of them; replayed: from a recording, nobody was called.",
)
LLM_COST = Metric(
    "greenlang_factory_llm_cost_usd_total", "counter", ("provider", "model"), "US dollars paid to providers."
)
DOMAIN_COST = Metric(
    "greenlang_factory_domain_cost_usd_total",
    "counter",
    ("domain",),
    "US dollars paid to providers for the agents of a domain.",
)
SAVED = Metric(
    "greenlang_factory_llm_saved_usd_total",
    "counter",
    ("provider",),
    "US dollars that the recorded calls had cost here each time one is replayed; recordings from elsewhere count 0.",
)
LATENCY = Metric(
    "greenlang_factory_llm_latency_seconds",
    "histogram",
    ("provider", "model"),
    "Seconds until an answered call of a model ended.",
    (0.5, 1, 2, 5, 10, 30, 60, 120),
)
FALLBACKS = Metric(
    "greenlang_factory_llm_fallbacks_total",
    "counter",
    ("provider",),
    "Questions that this provider answered after another model, or provider, had not.",
)
BUDGET = Metric(
    "greenlang_factory_llm_budget_usd", "gauge", ("scope",), "US dollars that models may cost: one agent, one night."
)
WORKERS = Metric(
    "greenlang_factory_workers", "gauge", (), "Worker processes of runs that are under way (written to in 5 minutes)."
)
LAST_RUN = Metric(
    "greenlang_factory_last_run_timestamp_seconds",
    "gauge",
    ("entrance",),
    "When the last run of an entrance ended, seconds since 1970.",
)
REQUESTS = Metric(
    "greenlang_api_requests_total",
    "counter",
    ("process", "method", "route", "status"),
    "Answers of the API by process, route and status; route (memory): a read answered from memory.",
)
REQUEST_SECONDS = Metric(
    "greenlang_api_request_duration_seconds",
    "histogram",
    ("process", "method"),
    "Seconds until the API had begun to answer.",
    (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)

OWN: Sequence[Metric] = (
    *(AGENTS, DIMENSIONS, DIMENSION_SCORE, COMPLEXITY, COVERED, CALLS, LLM_COST, DOMAIN_COST, SAVED, LATENCY),
    *(FALLBACKS, BUDGET, WORKERS, LAST_RUN, REQUESTS, REQUEST_SECONDS),
)


def page() -> str:
    """Both tables in Markdown, for docs/telemetry.md."""
    return "\n".join(
        ["Of document 000:", "", *_table(DOCUMENTED), "", "Beyond it, for its dashboards and rules:", "", *_table(OWN)]
    )


def _table(metrics: Sequence[Metric]) -> list[str]:
    head = ["| metric | type | labels | what it is |", "|---|---|---|---|"]
    return head + [
        f"| `{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels) or '–'} | {m.help} |"
        for m in metrics
    ]
