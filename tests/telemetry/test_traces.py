"""One trace from whoever asked to each stage of an agent, at a collector; and log lines that name it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.errors import SettingsError
from greenlang.launcher_local import LocalLauncher
from greenlang.settings import Settings
from greenlang.telemetry import export, process, trace
from greenlang.telemetry.trace import TAG, adopt, begun, carried, current, ended, span, taken, within
from tests import libraries
from tests.line.line_tools import example
from tests.telemetry.receiver import Collector

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
STAGES = {
    *("spec_validation", "reference_selection", "agent_generation", "test_generation"),
    *("quality_validation", "packaging", "registration"),
}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_an_api_call_a_job_a_run_and_each_stage_are_one_trace(
    collected: Collector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(var=tmp_path / "var", workers=1)
    settings.var.mkdir()
    libraries.tell(settings.var)
    process.start(settings)
    launcher = LocalLauncher(settings)
    app = create_app(settings, launcher=launcher, sign_in=False)
    with TestClient(app, base_url="http://localhost") as client:
        sent = {"spec": example("boiler").decode()}
        headers = {"traceparent": f"00-{TRACE}-{CLIENT}-01"}
        asked = client.post("/api/v1/factory/generate", json=sent, headers=headers).json()
        until = time.monotonic() + 120
        while (told := client.get(f"/api/v1/factory/jobs/{asked['job_id']}").json())["status"] != "completed":
            assert told["status"] != "failed", told
            assert time.monotonic() < until
            time.sleep(0.3)
    launcher.wait(60)
    export.flush()

    call, job, run, agent = collected.named("POST /api/v1/factory/generate", "job", "run", "agent")
    assert {one.trace_id.hex() for one in (call, job, run, agent)} == {TRACE}
    chain = [one.parent_span_id.hex() for one in (call, job, run, agent)]
    assert chain == [CLIENT, call.span_id.hex(), job.span_id.hex(), run.span_id.hex()]
    stages = [one for one in collected.spans if one.parent_span_id == agent.span_id]
    assert {one.name for one in stages} >= STAGES
    for one in stages:
        assert run.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano <= run.end_time_unix_nano
    took = {one.name: one.end_time_unix_nano - one.start_time_unix_nano for one in stages}
    assert took["quality_validation"] > took["packaging"] > 0
    assert collected.services == {"agent-factory"}

    here, there = lines(capsys.readouterr().err), lines((settings.var / "launches" / "log").read_text())
    (answered,) = [one for one in here if one["message"] == "POST /api/v1/factory/generate"]
    assert (answered["component"], answered["trace_id"], answered["status"]) == ("api", TRACE, 202)
    assert answered["user_id"]
    assert [one["trace_id"] for one in here if one["message"] == "agents are asked for"] == [TRACE]
    begin, *_, end = there
    assert (begin["message"], end["message"]) == ("run started", "run ended")
    assert {one["trace_id"] for one in there} == {TRACE}
    assert {one["job_id"] for one in there} == {asked["batch_id"]}
    (registered,) = [one for one in there if one["message"] == "agent registered"]
    assert registered["agent_id"] == "buildings/gas_boiler_uk_v1"
    assert registered["span_id"] == agent.span_id.hex()
    assert registered["duration_ms"] > 0


def test_a_tick_of_the_sensor_and_what_its_run_does_are_one_trace(
    collected: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANG_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("GREENLANG_SETTLE_SECONDS", "0")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    adopt(None)  # whatever ran in this process before
    from dagster import DagsterInstance, build_sensor_context

    from greenlang_pipelines.definitions import build_defs
    from resources.factory import FactoryResource

    inbox = tmp_path / "var" / "bucket" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "broken.yaml").write_text("id: [")  # it is refused, so that no worker is needed
    defs = build_defs().get_repository_def()
    with DagsterInstance.ephemeral() as instance:
        resources = {"factory": FactoryResource()}
        context = build_sensor_context(instance=instance, resources=resources, repository_def=defs)
        (request,) = defs.get_sensor_def("inbox_sensor").evaluate_tick(context).run_requests or ()
        tag = request.tags[TAG]
        job = defs.get_job("line_batch")
        assert job.execute_in_process(instance=instance, run_config=request.run_config, tags=request.tags).success
    adopt(None)
    export.flush()

    tick, run, agent, stage = collected.named("inbox_sensor", "run", "agent", "spec_validation")
    assert tag == f"00-{tick.trace_id.hex()}-{tick.span_id.hex()}-01"
    assert {one.trace_id for one in (tick, run, agent, stage)} == {tick.trace_id}
    chain = [one.parent_span_id for one in (tick, run, agent, stage)]
    assert chain == [b"", tick.span_id, run.span_id, agent.span_id]
    assert stage.status.code == stage.status.STATUS_CODE_ERROR
    told = [one for one in lines(capsys.readouterr().err) if "trace_id" in one]
    assert {one["trace_id"] for one in told} == {tick.trace_id.hex()}
    assert {one["component"] for one in told} >= {"sensor", "generator"}
    (refused,) = [one for one in told if one["message"] == "agent refused"]
    assert (refused["level"], refused["error"]["type"]) == ("WARNING", "refused")


def test_what_is_handed_on_is_taken_up() -> None:
    adopt(None)  # whatever ran in this process before
    with span("outer", fields={"job_id": "j"}) as outer:
        assert carried() == {"traceparent": f"00-{outer.trace_id}-{outer.span_id}-01"}
        with span("inner") as inner:
            assert (inner.trace_id, inner.parent, inner.fields) == (outer.trace_id, outer.span_id, {"job_id": "j"})
        assert current() is outer
    assert carried() == {}
    assert process.environment().get("TRACEPARENT") is None


@pytest.mark.parametrize(
    "header",
    [None, "", "nonsense", f"00-{'0' * 32}-{CLIENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{CLIENT}-01"],
)
def test_a_header_that_names_no_span_begins_a_trace_of_its_own(header: str | None) -> None:
    assert taken(header) is None
    assert begun("x", parent=taken(header)).parent == ""


def test_a_trace_that_its_beginner_does_not_sample_is_not_exported() -> None:
    found: list[str] = []
    trace.export_to(lambda one: found.append(one.name))
    try:
        for flags in ("00", "01"):
            with within(taken(f"00-{TRACE}-{CLIENT}-{flags}")):
                ended(begun(flags))
    finally:
        trace.export_to(None)
    assert found == ["01"]


def test_a_block_that_raises_is_a_span_that_failed() -> None:
    with pytest.raises(LookupError), span("x") as made:
        raise LookupError
    assert made.failed == "LookupError"


def test_traces_without_the_package_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match=r"pip install 'greenlang\[telemetry\]'"):
        export.begin(Settings(traces="on"))


def test_nothing_is_imported_and_nothing_is_exported_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert not export.wanted(Settings())
    assert not export.wanted(Settings(traces="off"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert export.wanted(Settings())
    assert not export.wanted(Settings(traces="off"))
