"""Rules and dashboards: valid for Prometheus' own tool, fired on made series, and about series that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from greenlang.telemetry.declared import DOCUMENTED, OWN
from tests.telemetry.reading import program
from tools.dashboards import DASHBOARDS, FOLDER, made

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PANELS = {
    "factory_overview": [
        *("total_agents_generated", "success_rate_7d", "avg_generation_time", "current_queue_size"),
        *("cost_per_agent_trend", "top_failures_by_dimension"),
    ],
    "generation_performance": [
        *("generation_duration_histogram", "stage_breakdown_timeline", "refinement_attempts_distribution"),
        *("concurrent_generations", "throughput_per_hour"),
    ],
    "quality_metrics": [
        *("test_coverage_distribution", "validation_pass_rate_by_dimension", "security_scores"),
        *("determinism_verification_status", "code_complexity_trends"),
    ],
    "cost_analysis": [
        *("cost_by_llm_provider", "tokens_usage_trend", "cost_per_domain", "budget_utilization"),
        "cost_savings_from_cache",
    ],
    "llm_usage": [
        *("requests_by_provider", "token_consumption", "latency_by_model", "error_rates", "fallback_triggers"),
    ],
}


def exposed() -> set[str]:
    names = set()
    for metric in (*DOCUMENTED, *OWN):
        ends = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        names |= {metric.name + end for end in ends}
    return names


def run(*command: str) -> None:
    done = subprocess.run([program("promtool"), *command], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


def expressions() -> Iterator[tuple[str, str]]:
    for file in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                text = target["expr"].replace("$tenant", ".*").replace("$__range", "1d")
                yield f"{file.stem} {panel['title']}", text.replace("$__rate_interval", "5m")


def test_the_alerts_of_the_document_are_there_and_prometheus_takes_them() -> None:
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"]
    found = {rule["alert"]: (rule["for"], rule["labels"]["severity"]) for rule in group["rules"]}
    said = {
        "HighGenerationFailureRate": ("5m", "critical"),
        "SlowGeneration": ("10m", "warning"),
        "LowTestCoverage": ("1m", "warning"),
        "HighCostPerAgent": ("30m", "warning"),
        "LLMProviderDown": ("2m", "critical"),
    }
    assert found.items() >= said.items()
    run("check", "rules", str(DEPLOY / "prometheus" / "rules.yml"))


def test_every_alert_fires_on_made_series_and_does_not_beside_them() -> None:
    tested = yaml.safe_load((DEPLOY / "prometheus" / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tested for case in test["alert_rule_test"]]
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"]
    for rule in group["rules"]:
        expected = [bool(case["exp_alerts"]) for case in cases if case["alertname"] == rule["alert"]]
        assert set(expected) == {True, False}, rule["alert"]
    run("test", "rules", str(DEPLOY / "prometheus" / "rules_test.yml"))


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    for name in ("prometheus.yml", "rules.yml"):
        shutil.copy(DEPLOY / "prometheus" / name, tmp_path)
    (tmp_path / "greenlang.token").write_text("gl_x")
    run("check", "config", str(tmp_path / "prometheus.yml"))


def test_the_dashboards_have_the_panels_of_the_document_and_are_as_they_are_made() -> None:
    found = {name: [panel.name for panel in panels] for name, panels in DASHBOARDS.items()}
    assert found == PANELS
    assert {file.name: file.read_text() for file in FOLDER.glob("*.json")} == made()


@pytest.mark.parametrize("name", sorted(PANELS))
def test_a_dashboard_is_what_grafanas_own_types_read_and_write(name: str) -> None:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    ours = json.loads((FOLDER / f"{name}.json").read_text())
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))

    def lost(mine: object, theirs: object, place: str) -> Iterator[str]:
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for key, value in mine.items():
                yield from lost(value, theirs.get(key), f"{place}.{key}")
        elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
            for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
                yield from lost(one, other, f"{place}[{number}]")
        elif mine != theirs:
            yield f"{place}: {mine!r} is read as {theirs!r}"

    assert list(lost(ours, again, name)) == []
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in ours["panels"]]
    assert len(set(places)) == len(places)


def test_rules_and_dashboards_ask_for_metrics_that_there_are_and_are_promql(tmp_path: Path) -> None:
    asked = dict(expressions())
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"]
    texts = [*asked.values(), *(rule["expr"] for rule in group["rules"])]
    named = {name for text in texts for name in re.findall(r"greenlang_\w+", text)}
    assert named
    assert named <= exposed()
    rules = [{"record": f"r:{n}", "expr": text} for n, text in enumerate(texts)]
    (tmp_path / "all.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    run("check", "rules", str(tmp_path / "all.yml"))
