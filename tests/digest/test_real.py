"""Reports over what the real line wrote: one example built, a file refused, and a second run that keeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.cli.main import app
from greenlang.digest import dashboard_of, last_night, night_of, summary_text
from greenlang.factory import line
from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import query
from greenlang.settings import Settings
from tests import libraries
from tests.telemetry.reading import samples

ROOT = Path(__file__).resolve().parents[2]
SPEC = _paths.data() / "templates" / "specs" / "examples" / "boiler.pack.yaml"


@pytest.mark.slow
def test_a_real_batch_is_told_as_it_was(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var", workers=1, mutants=1)
    bucket = Bucket.open(settings.bucket_address)
    bucket.write("inbox/boiler.pack.yaml", SPEC.read_bytes())
    bucket.write("inbox/broken.yaml", b"a: [1, 2")
    libraries.tell(settings.var)
    built = [s.agent for s in line.run_batch(settings, entrance="test", settle=False) if s.agent is not None]
    (agent,) = (outcome for outcome in built if outcome.outcome == "registered")
    told_by_series(settings, agent)
    list(line.run_batch(settings, keys=[agent.key], entrance="nightly", settle=False))
    night = night_of(settings, last_night(settings, datetime.now(UTC)) + timedelta(days=1))
    assert (night.new, night.failed_new, night.rebuilt, night.kept, night.unfinished) == (1, 1, 0, 1, 0)
    assert night.standing == {"refused": 1, "registered": 1}
    assert [(f.kind.partition(":")[0], f.examples) for f in night.failures.shown] == [("GLS002", ("broken.yaml",))]
    assert night.slowest.shown[0].spec == f"{agent.agent_id} {agent.version}"
    assert {stage.name for stage in night.stages} == set(agent.stage_seconds)
    assert night.release == line.FactorTable.in_force(settings.tables).release
    assert night.fallen.shown == ()
    assert "Registered for the first time" not in summary_text(night)
    board = dashboard_of(settings, night.name)
    assert [line_.pass_rate for line_ in board.nights] == [0.5]
    assert len(board.dimensions) == 12
    assert board.pinned["factor"] == sum(used["kind"] == "factor" for used in agent.lineage)


def told_by_series(settings: Settings, agent: AgentOutcome) -> None:
    """`greenlang telemetry write` after the batch: what the line recorded, and nothing else."""
    target = settings.var / "greenlang.prom"
    done = CliRunner().invoke(app, ["--var", str(settings.var), "telemetry", "write", str(target)])
    assert done.exit_code == 0, done.output
    found = samples(target.read_text())
    domain = agent.agent_id.split("/")[0]
    for status, of in (("registered", domain), ("refused", "")):
        assert found[f'greenlang_factory_generations_total{{status="{status}",domain="{of}",category=""}}'] == 1
    seconds = "greenlang_factory_generation_duration_seconds"
    for stage, took in agent.stage_seconds.items():
        assert found[f'{seconds}_count{{stage="{stage}"}}'] >= 1
        assert found[f'{seconds}_sum{{stage="{stage}"}}'] >= took > 0
    for one in agent.dimensions:
        assert found[f'greenlang_factory_dimension_agents{{dimension="{one.name}",status="{one.status}"}}'] == 1
        if one.score is not None:
            name = f'greenlang_factory_validation_score{{agent_id="{agent.agent_id}",dimension="{one.name}"}}'
            assert found[name] == one.score
    assert found[f'greenlang_factory_test_coverage_percent{{agent_id="{agent.agent_id}"}}'] == agent.coverage
    assert found['greenlang_factory_generation_cost_usd_count{llm_provider="none"}'] == 2
    assert found['greenlang_factory_last_run_timestamp_seconds{entrance="test"}'] > 0
    assert (found["greenlang_factory_workers"], found['greenlang_factory_queue_size{priority="inbox"}']) == (0, 0)


NOTEBOOK = """
import json
from notebooks.factory import app
_, found = app.run()
names = ("outcomes", "nights", "dimensions", "stages", "factors")
print(json.dumps({name: json.loads(found[name].to_json(orient="records")) for name in names}))
"""


def outside(settings: Settings) -> dict[str, str]:
    return {**os.environ, "GREENLANG_VAR": str(settings.var), "MPLBACKEND": "agg"}


@pytest.mark.slow
def test_the_notebook_gives_what_the_catalogue_holds(settings: Settings) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], cwd=ROOT, env=outside(settings), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    counted = dict(query(settings, "SELECT outcome, count(*) FROM agents GROUP BY outcome").rows)
    assert {row["outcome"]: row["specs"] for row in found["outcomes"]} == counted
    assert [(row["registered"], row["failed"]) for row in found["nights"]] == [(6, 3), (4, 2), (1, 0)]
    assert [row["agents"] for row in found["factors"]] == [2, 2]
    assert {row["title"]: row["passed"] for row in found["dimensions"]} == {"Tests": 87.5, "Security": 100.0}


@pytest.mark.slow
def test_the_notebook_runs_headless_to_a_page_with_its_charts(settings: Settings, tmp_path: Path) -> None:
    page = tmp_path / "notebook.html"
    command = [sys.executable, "-m", "marimo", "-q", "export", "html", "notebooks/factory.py", "-o", str(page)]
    ran = subprocess.run(command, cwd=ROOT, env=outside(settings), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr  # 1 where a cell failed
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") >= 3
    assert "Quality dimensions" in text
