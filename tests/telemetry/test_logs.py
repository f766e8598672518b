"""Log lines as JSON: the fields of the document, of the span that is current, and never a secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from greenlang.factory.outcome import AgentOutcome, DimensionResult, Ended, StageOutcome
from greenlang.settings import Settings
from greenlang.telemetry import logs, process
from greenlang.telemetry.runs import told
from greenlang.telemetry.trace import adopt, span
from tests.metrics.conftest import outcome

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    logs.switched_off()


@pytest.fixture
def settings_of_api(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var")


def configured(**changes: Any) -> None:
    logs.configure(Settings(log_format="json", **changes))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_has_the_fields_of_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    configured()
    with span("x", fields={"agent_id": "heat/boiler", "job_id": "j", "user_id": "eve"}) as made:
        try:
            raise LookupError("no such thing")
        except LookupError:
            extra = {"fields": {"duration_ms": 1.5}}
            logging.getLogger("greenlang.quality.scan").exception("it failed: %s", "why", extra=extra)
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    error = line.pop("error")
    assert (error["type"], error["details"]) == ("LookupError", "no such thing")
    assert "test_logs.py" in error["stack"]
    assert line == {
        "level": "ERROR",
        "service": "agent-factory",
        "component": "validator",
        "message": "it failed: why",
        "trace_id": made.trace_id,
        "span_id": made.span_id,
        "agent_id": "heat/boiler",
        "job_id": "j",
        "user_id": "eve",
        "duration_ms": 1.5,
    }


def test_levels_are_as_the_settings_say(capsys: pytest.CaptureFixture[str]) -> None:
    configured(log_level="WARNING")
    logging.getLogger("greenlang.api").info("unheard")
    logging.getLogger("greenlang.api").warning("heard")
    logging.getLogger("somebody.else").info("unheard")
    logging.getLogger("somebody.else").warning("heard too")
    assert [(one["message"], one["component"]) for one in lines(capsys)] == [("heard", "api"), ("heard too", "other")]


def test_text_leaves_everything_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = list(logging.getLogger().handlers)
    logs.configure(Settings())
    assert logging.getLogger().handlers == before
    assert not logs.on()


def test_no_secret_that_is_known_is_in_any_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "smtp").write_text("smtp://me:in-the-file@mail.example.org\n")
    monkeypatch.setenv("SOME_API_KEY", 'quoted"and\\back')
    monkeypatch.setenv("DATABASE", "postgresql://me:hunter2hunter2@db/x")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=collector-token")
    configured(
        registry_url="postgresql://me:of-the-registry@db/x",
        alert_webhook=SecretStr("https://hooks.example.org/of-the-webhook"),
        smtp_url_file=tmp_path / "smtp",
    )
    secrets = (
        *('quoted"and\\back', "hunter2hunter2", "collector-token", "of-the-registry", "in-the-file"),
        *("https://hooks.example.org/of-the-webhook", "of-an-address"),
    )
    log = logging.getLogger("greenlang.api")
    for secret in secrets[:-1]:
        log.error("is %s told?", secret, extra={"fields": {"error": {"type": "x", "details": f"<{secret}>"}}})
    log.error("postgresql://me:of-an-address@db/y?x=1")
    try:
        raise ValueError(secrets[0])
    except ValueError:
        log.exception("and here?")
    said = capsys.readouterr().err
    assert len([json.loads(line) for line in said.splitlines()]) == len(secrets) + 1
    for secret in secrets:
        assert secret not in said
        assert json.dumps(secret)[1:-1] not in said


@pytest.mark.parametrize(
    "name",
    [
        *("PGPASSWORD", "OPENAI_APIKEY", "SMTP_PASS", "MYSQL_PWD", "AZURE_ACCOUNTKEY", "GITHUB_PAT", "NPM_TOKENS"),
        *("GPG_PASSPHRASE", "AWS_SECRETACCESSKEY", "SENTRY_DSN", "NPM_CONFIG_AUTH", "app_secret", "REDISCREDENTIALS"),
    ],
)
def test_variables_that_are_named_like_secrets_are_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hunter2hunter2")
    configured()
    logging.getLogger("greenlang.api").error("it is hunter2hunter2")
    assert [line["message"] for line in lines(capsys)] == ["it is [key]"]


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "SSH_AUTH_SOCK", "TOKEN_FILE", "SSL_KEY_PATH", "KEYBOARD", "PATH", "COMPASS", "AUTHOR"]
)
def test_variables_that_say_where_or_something_else_are_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/some/place/of/mine")
    configured()
    logging.getLogger("greenlang.api").error("in /some/place/of/mine")
    assert [line["message"] for line in lines(capsys)] == ["in /some/place/of/mine"]


def test_a_password_is_known_as_it_stands_in_an_address_and_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE", "postgresql://me:p%40ss%2Fword+one@db/x")
    configured()
    for said in ("p%40ss%2Fword+one", "p@ss/word+one", "p@ss/word one"):
        logging.getLogger("greenlang.api").error("refused: %s", said)
    assert [line["message"] for line in lines(capsys)] == ["refused: [key]"] * 3


def test_a_long_path_costs_and_fills_no_line(settings_of_api: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """What masks secrets takes time with the length of a text, and runs on the loop that answers everybody."""
    from starlette.testclient import TestClient

    from greenlang.api.app import create_app

    configured()
    seen: list[int] = []
    mask = logs.without_secrets
    with pytest.MonkeyPatch.context() as patched, TestClient(create_app(settings_of_api)) as client:
        patched.setattr(logs, "without_secrets", lambda text: seen.append(len(text)) or mask(text))
        assert client.get("/" + "%3F" * 20_000).status_code == 404
        assert client.request("A&" * 5_000, "/").status_code in {401, 404, 405}
    one, two = (line for line in lines(capsys) if "path" in line)
    assert one["path"] == "/" + "?" * 999
    assert len(two["method"]) == 20
    assert 0 < max(seen) <= 1000


def test_a_run_tells_its_agents_its_stages_and_what_they_failed(capsys: pytest.CaptureFixture[str]) -> None:
    configured(log_level="DEBUG")
    failed = DimensionResult("tests", "Tests", "failed", 72.0, 85.0, 2.0, True, "72 %", "too few")
    agents = [
        outcome(outcome="quarantined", reason="tests: 72", dimensions=(failed,)),
        outcome("heat/kept", rebuilt=False),
    ]

    def line(on_stage: Ended | None) -> Iterator[StageOutcome]:
        for agent in agents:
            assert on_stage is not None
            on_stage(agent.key, "spec_validation")
            logging.getLogger("greenlang.factory").info("within")
            yield StageOutcome(agent.key, "spec_validation", "done", 0.25)
            yield StageOutcome(agent.key, "quality_validation", "failed", 1.5, agent)

    heard: list[tuple[str, str]] = []
    yielded = list(told(line, run_id="r1", entrance="cli", on_stage=lambda key, stage: heard.append((key, stage))))
    assert len(yielded) == 4
    assert heard == [(agent.key, "spec_validation") for agent in agents]
    said = lines(capsys)
    assert {one["trace_id"] for one in said} == {said[0]["trace_id"]}
    assert {one["job_id"] for one in said} == {"r1"}
    (validation,) = [one for one in said if one["message"] == "Validation failed"]
    assert validation["component"] == "validator"
    assert (validation["dimension"], validation["expected"], validation["actual"]) == ("tests", 85.0, 72.0)
    assert validation["error"] == {"type": "DimensionFailed", "details": "too few"}
    (bad,) = [one for one in said if one["message"] == "agent quarantined"]
    assert (bad["level"], bad["agent_id"]) == ("ERROR", "heat/boiler")
    assert bad["error"] == {"type": "quarantined", "details": "tests: 72"}
    stages = [one for one in said if one["message"] == "stage ended" and one["agent_id"] == "heat/boiler"]
    assert [(one["stage"], one["duration_ms"]) for one in stages] == [
        ("spec_validation", 250.0),
        ("quality_validation", 1500.0),
    ]
    assert (said[-1]["message"], said[-1]["quarantined"], said[-1]["kept"]) == ("run ended", 1, 1)


def test_a_run_that_breaks_or_is_left_says_so_and_ends_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    configured()
    over: list[str] = []

    def line(on_stage: Ended | None) -> Iterator[StageOutcome]:
        try:
            yield StageOutcome("k", "spec_validation", "done", 0.0)
            raise OSError("disk full")
        finally:
            over.append("over")

    with pytest.raises(OSError, match="disk full"):
        list(told(line, run_id="r", entrance="cli", on_stage=None))
    left = told(line, run_id="r", entrance="cli", on_stage=None)
    next(left)
    left.close()  # type: ignore[attr-defined]
    assert over == ["over", "over"]
    ends = [one for one in lines(capsys) if one["message"] == "run ended"]
    assert [(one["level"], one["error"]["type"]) for one in ends] == [
        ("ERROR", "OSError"),
        ("ERROR", "its caller has left it"),
    ]


def test_without_json_and_traces_the_line_is_called_as_it_is() -> None:
    given: list[Ended | None] = []

    def line(on_stage: Ended | None) -> Iterator[StageOutcome]:
        given.append(on_stage)
        yield StageOutcome("k", "spec_validation", "done", 0.0, AgentOutcome("k", "f", "refused", ""))

    assert len(list(told(line, run_id="r", entrance="cli", on_stage=None))) == 1
    assert given == [None]


def test_a_worker_writes_lines_of_its_parents_trace_and_names_its_agent() -> None:
    program = """
import logging
from greenlang.settings import Settings
from greenlang.telemetry import process
process.start_worker(Settings())
process.works_on("heat/boiler@1.0.0-abcdef12")
logging.getLogger("greenlang.llm").warning("one")
process.works_on("")
logging.getLogger("greenlang.llm").warning("two")
"""
    adopt(f"00-{TRACE}-b7ad6b7169203331-01")
    try:
        environment = {**process.environment(), "GREENLANG_LOG_FORMAT": "json"}
    finally:
        adopt(None)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    one, two = (json.loads(line) for line in done.stderr.splitlines())
    assert (one["trace_id"], two["trace_id"]) == (TRACE, TRACE)
    assert (one["agent_id"], two.get("agent_id")) == ("heat/boiler", None)
