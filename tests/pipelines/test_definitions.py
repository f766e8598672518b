"""The code location loads, and nothing in it gets lost silently."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dagster import AssetKey, Definitions, StaticPartitionsDefinition

from greenlang.factors.gates.all import GATES
from greenlang.factors.gates.run import gate_name
from greenlang_pipelines.definitions import build_defs

ROOT = Path(__file__).resolve().parents[2]

RAW = [f"raw_{name}" for name in ("ademe", "desnz", "ec", "eea", "epa", "ipcc", "owid", "unfccc")]
ASSETS = {
    "raw_embedded": ("emission_factors", set()),
    **{name: ("emission_factors", set[str]()) for name in RAW},
    "factors": ("emission_factors", {"raw_embedded", *RAW}),
    "formulas": ("emission_factors", set()),
    "factor_release": ("emission_factors", {"factors", "formulas"}),
    "spec_inbox": ("agents", set()),
    "agent_spec": ("agents", {"spec_inbox", "factor_release"}),
    "agent_code": ("agents", {"agent_spec"}),
    "agent_tests": ("agents", {"agent_code"}),
    "agent_docs": ("agents", {"agent_tests"}),
    "qa_report": ("agents", {"agent_docs"}),
    "agent_pack": ("agents", {"qa_report"}),
    "registry_entry": ("agents", {"agent_pack"}),
    "factory_metrics": ("analytics", {"registry_entry"}),
    "mirror_tables": ("analytics", {"factory_metrics"}),
    "morning_report": ("analytics", {"factory_metrics"}),
    "dashboard": ("analytics", {"factory_metrics"}),
}
CHECKS = {
    *(gate_name(gate) for gate in GATES),
    "embedded_files_are_there",
    "factor_keys_are_unique",
    "parquet_holds_the_embedded_figures",
    "formulas_are_cited_and_worked",
    "back_ends_agree",
    "metrics_agree_with_the_registry",
}


def test_the_definitions_are_all_there() -> None:
    defs = build_defs()
    Definitions.validate_loadable(defs)
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert {
        name: (spec.group_name, {d.asset_key.to_user_string() for d in spec.deps}) for name, spec in specs.items()
    } == ASSETS
    assert {key.name for key in defs.resolve_asset_graph().asset_check_keys} == CHECKS
    repository = defs.get_repository_def()
    jobs = {name for name in repository.job_names if not name.startswith("__")}
    assert jobs == {"line_batch", "line_machines", "reference_tables", "daily_agreement", "daily_metrics", "morning"}
    assert {s.name for s in repository.schedule_defs} == {"nightly", "daily_catalogue", "daily_agreement", "morning"}
    assert {s.name for s in repository.sensor_defs} == {
        "inbox_sensor",
        "tables_sensor",
        "nightly_catch_up",
        "failure_alerts",
        "freshness_alerts",
    }


def test_every_asset_says_what_it_is_whose_and_of_what_kind() -> None:
    for spec in build_defs().resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert "domain" in spec.tags, spec.key


def test_agents_and_editions_are_partitions_and_the_rest_is_not() -> None:
    graph = build_defs().resolve_asset_graph()
    for name, (group, _) in ASSETS.items():
        partitions = graph.get(AssetKey(name)).partitions_def
        assert (getattr(partitions, "name", None) == "agents") == (group == "agents" and name != "spec_inbox")
        assert (name in RAW) == isinstance(partitions, StaticPartitionsDefinition)


def test_the_code_location_loads_without_the_library_s_heavy_parts() -> None:
    """Dagster re-imports the location in every run and every step."""
    program = (
        "import sys, greenlang_pipelines.definitions\n"
        "print([m for m in ('pandas', 'duckdb', 'pint', 'mypy', 'litellm', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
