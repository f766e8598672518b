"""The Grafana dashboards of design document 000, section 12, as JSON: ``python -m tools.dashboards`` writes them.

Belongs here: which panel shows what. Does not belong here: series (`greenlang.telemetry.declared`), rules.

They are built with Grafana's own types (grafana-foundation-sdk); a panel has the name that the document gives it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "grafana" / "dashboards"
T = 'tenant=~"$tenant"'
G, D = "greenlang_factory_generations_total", "greenlang_factory_generation_duration_seconds"
COST, CALLS = "greenlang_factory_generation_cost_usd", "greenlang_factory_llm_calls_total"
RANGE, STEP = "$__range", "$__rate_interval"


@dataclass(frozen=True)
class Panel:
    """``kind``: stat, gauge, timeseries, bargauge or heatmap. ``queries``: PromQL, each with its legend.

    ``buckets``: the series are a histogram's, cumulated, which Grafana is to take apart.
    """

    name: str
    says: str
    kind: str
    unit: str
    queries: Mapping[str, str]  # legend -> expression
    buckets: bool = False


def _stat(name: str, says: str, unit: str, expression: str, legend: str = "") -> Panel:
    return Panel(name, says, "stat", unit, {legend: expression})


def _trend(name: str, says: str, unit: str, legend: str, expression: str) -> Panel:
    return Panel(name, says, "timeseries", unit, {legend: expression})


def _bars(name: str, says: str, unit: str, legend: str, expression: str) -> Panel:
    return Panel(name, says, "bargauge", unit, {legend: expression})


def _buckets(name: str, says: str, unit: str, expression: str, kind: str = "bargauge") -> Panel:
    return Panel(name, says, kind, unit, {"{{le}}": expression}, buckets=True)


DASHBOARDS: Mapping[str, Sequence[Panel]] = {
    "factory_overview": (
        _stat(
            *("total_agents_generated", "Agents that stand in the registry.", "short"),
            f'sum(greenlang_factory_agents{{outcome="registered", {T}}})',
        ),
        _stat(
            *("success_rate_7d", "Builds of the last seven days that ended in the registry.", "percentunit"),
            f'sum(increase({G}{{status="registered", {T}}}[7d])) / sum(increase({G}{{{T}}}[7d]))',
        ),
        _stat(
            *("avg_generation_time", "Mean seconds of a build in the range shown.", "s"),
            f'sum(increase({D}_sum{{stage="total", {T}}}[{RANGE}]))'
            f' / sum(increase({D}_count{{stage="total", {T}}}[{RANGE}]))',
        ),
        _stat(
            *("current_queue_size", "Specs that wait: files in the inbox, orders by priority.", "short"),
            *(f"sum by (priority) (greenlang_factory_queue_size{{{T}}})", "{{priority}}"),
        ),
        _trend(
            *("cost_per_agent_trend", "US dollars paid to providers for a build, mean over a day.", "currencyUSD"),
            *("a build", f"sum(increase({COST}_sum{{{T}}}[1d])) / sum(increase({G}{{{T}}}[1d]))"),
        ),
        _bars(
            *("top_failures_by_dimension", "The ten dimensions that builds failed most, in seven days.", "short"),
            "{{dimension}}",
            f"topk(10, sum by (dimension) (increase(greenlang_factory_validation_failures_total{{{T}}}[7d])))",
        ),
    ),
    "generation_performance": (
        _buckets(
            *("generation_duration_histogram", "How many builds took how long.", "s"),
            *(f'sum by (le) (increase({D}_bucket{{stage="total", {T}}}[{STEP}]))', "heatmap"),
        ),
        _trend(
            *("stage_breakdown_timeline", "Seconds of work a second, by stage.", "s", "{{stage}}"),
            f'sum by (stage) (rate({D}_sum{{stage!="total", {T}}}[{STEP}]))',
        ),
        _buckets(
            *("refinement_attempts_distribution", "Builds by how many attempts of repair they needed.", "short"),
            f"sum by (le) (increase(greenlang_factory_refinement_attempts_bucket{{{T}}}[{RANGE}]))",
        ),
        _trend(
            *("concurrent_generations", "Worker processes of the runs under way.", "short", "workers"),
            f"sum(greenlang_factory_workers{{{T}}})",
        ),
        _trend(
            *("throughput_per_hour", "Builds in the hour before, by outcome.", "short", "{{status}}"),
            f"sum by (status) (increase({G}{{{T}}}[1h]))",
        ),
    ),
    "quality_metrics": (
        _buckets(
            *("test_coverage_distribution", "Builds by the coverage of their tests, in the range shown.", "percent"),
            f"sum by (le) (increase(greenlang_factory_generation_coverage_percent_bucket{{{T}}}[{RANGE}]))",
        ),
        _bars(
            *("validation_pass_rate_by_dimension", "Agents that pass, of those it applies to.", "percentunit"),
            "{{dimension}}",
            f'sum by (dimension) (greenlang_factory_dimension_agents{{status="passed", {T}}})'
            f' / sum by (dimension) (greenlang_factory_dimension_agents{{status=~"passed|failed", {T}}})',
        ),
        Panel(
            *("security_scores", "Mean over all agents, and the ten lowest of those shown.", "timeseries", "short"),
            {
                "mean": f'avg(greenlang_factory_dimension_score_mean{{dimension="compliance_security", {T}}})',
                "{{agent_id}}": "bottomk(10, greenlang_factory_validation_score"
                f'{{dimension="compliance_security", {T}}})',
            },
        ),
        _stat(
            *("determinism_verification_status", "Agents by what their repeated runs showed.", "short"),
            *(f'sum by (status) (greenlang_factory_dimension_agents{{dimension="determinism", {T}}})', "{{status}}"),
        ),
        _trend(
            *("code_complexity_trends", "Share of functions with at most ten branches, mean over agents."),
            *("percentunit", "simple functions", f"avg(greenlang_factory_code_complexity_ratio{{{T}}})"),
        ),
    ),
    "cost_analysis": (
        _bars(
            *("cost_by_llm_provider", "US dollars paid in the range shown.", "currencyUSD", "{{provider}}"),
            f"sum by (provider) (increase(greenlang_factory_llm_cost_usd_total{{{T}}}[{RANGE}]))",
        ),
        _trend(
            *("tokens_usage_trend", "Tokens in the hour before.", "short", "{{provider}} {{model}}"),
            f"sum by (provider, model) (increase(greenlang_factory_llm_tokens_used{{{T}}}[1h]))",
        ),
        _bars(
            *("cost_per_domain", "US dollars paid for the agents of a domain.", "currencyUSD", "{{domain}}"),
            f"sum by (domain) (increase(greenlang_factory_domain_cost_usd_total{{{T}}}[{RANGE}]))",
        ),
        Panel(
            *("budget_utilization", "Of an agent's budget what a build cost that asked a model, mean; of a night's"),
            *("gauge", "percentunit"),
            {
                "an agent's": f'sum(increase({COST}_sum{{llm_provider!="none", {T}}}[{RANGE}]))'
                f' / sum(increase({COST}_count{{llm_provider!="none", {T}}}[{RANGE}]))'
                f' / max(greenlang_factory_llm_budget_usd{{scope="agent", {T}}})',
                "a night's": f"sum(increase(greenlang_factory_llm_cost_usd_total{{{T}}}[1d]))"
                f' / max(greenlang_factory_llm_budget_usd{{scope="night", {T}}})',
            },
        ),
        _bars(
            *("cost_savings_from_cache", "US dollars that replayed calls had cost when they were recorded here."),
            *("currencyUSD", "{{provider}}"),
            f"sum by (provider) (increase(greenlang_factory_llm_saved_usd_total{{{T}}}[{RANGE}]))",
        ),
    ),
    "llm_usage": (
        _trend(
            *("requests_by_provider", "Calls in the hour before, replays left out.", "short", "{{provider}}"),
            f'sum by (provider) (increase({CALLS}{{result!="replayed", {T}}}[1h]))',
        ),
        _bars(
            *("token_consumption", "Tokens in the range shown.", "short", "{{provider}} {{model}}"),
            f"sum by (provider, model) (increase(greenlang_factory_llm_tokens_used{{{T}}}[{RANGE}]))",
        ),
        _trend(
            *("latency_by_model", "Seconds within which 95 of 100 answers came.", "s", "{{model}}"),
            "histogram_quantile(0.95, sum by (model, le) "
            f"(rate(greenlang_factory_llm_latency_seconds_bucket{{{T}}}[1h])))",
        ),
        _trend(
            *("error_rates", "Calls that were not answered, of those that were made.", "percentunit", "{{provider}}"),
            f'(sum by (provider) (rate({CALLS}{{result!~"answered|replayed", {T}}}[1h]))'
            f' or 0 * sum by (provider) (rate({CALLS}{{result!="replayed", {T}}}[1h])))'
            f' / sum by (provider) (rate({CALLS}{{result!="replayed", {T}}}[1h]))',
        ),
        _trend(
            *("fallback_triggers", "Questions that another model had not answered, by who did.", "short"),
            *("{{provider}}", f"sum by (provider) (increase(greenlang_factory_llm_fallbacks_total{{{T}}}[1h]))"),
        ),
    ),
}


def made() -> dict[str, str]:
    """File name -> JSON of each dashboard."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    found = {}
    for name, panels in DASHBOARDS.items():
        board = _told(json.loads(JSONEncoder().encode(_dashboard(name, panels))))
        for variable in board["templating"]["list"]:
            del variable["id"]  # one for all, which Grafana replaces
        found[f"{name}.json"] = json.dumps(board, indent=2, sort_keys=True) + "\n"
    return found


def _told(value: Any) -> Any:
    """Without the members that are null."""
    if isinstance(value, dict):
        return {name: _told(inner) for name, inner in value.items() if inner is not None}
    return [_told(inner) for inner in value] if isinstance(value, list) else value


def _dashboard(name: str, panels: Sequence[Panel]) -> Any:
    from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable
    from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh

    source = DataSourceRef(type_val="prometheus", uid="${datasource}")
    board = (
        Dashboard(name)
        .uid(f"greenlang-{name.replace('_', '-')}")
        .tags(["greenlang"])
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("utc")
        .readonly()
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            QueryVariable("tenant")
            .label("tenant")
            .datasource(source)
            .query("label_values(greenlang_factory_agents, tenant)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .include_all(True)
            .all_value(".*")
        )
    )
    for panel in panels:
        board = board.with_panel(_panel(panel, source))
    return board.build()


def _panel(panel: Panel, source: Any) -> Any:
    from grafana_foundation_sdk.builders import bargauge, gauge, heatmap, prometheus, stat, timeseries
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

    kinds = {"stat": stat, "gauge": gauge, "timeseries": timeseries, "bargauge": bargauge, "heatmap": heatmap}
    built = kinds[panel.kind].Panel().title(panel.name).description(panel.says).datasource(source)
    built = built.unit(panel.unit).span(8).height(8)
    if panel.kind == "heatmap":
        built = built.calculate(False)
    for place, (legend, expression) in enumerate(panel.queries.items()):
        query = prometheus.Dataquery().expr(expression).legend_format(legend or "__auto").ref_id("ABC"[place])
        query = query.range() if panel.kind in ("timeseries", "heatmap") else query.instant()
        if panel.buckets:
            query = query.format(PromQueryFormat.HEATMAP)
        built = built.with_target(query)
    return built


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, text in made().items():
        (FOLDER / file).write_text(text)
