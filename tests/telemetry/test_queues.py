"""What Dagster has queued, by its GraphQL: a question that its schema takes, and what is made of the answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from greenlang.settings import Settings
from greenlang.telemetry import queues_dagster
from greenlang.telemetry.queues import waiting

Post = Callable[..., httpx.Response]


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Questions that were asked; answered with three runs."""
    asked: list[dict[str, Any]] = []
    runs = [
        {"greenlang/keys": "7", "dagster/priority": "3"},
        {"greenlang/files": "20"},
        {"greenlang/keys": "5", "greenlang/tenant": "acme"},
        {},
    ]

    def post(url: str, *, json: dict[str, Any], timeout: float) -> httpx.Response:
        asked.append(json)
        told = [{"tags": [{"key": key, "value": value} for key, value in tags.items()]} for tags in runs]
        answer = {"data": {"runsOrError": {"__typename": "Runs", "results": told}}}
        return httpx.Response(200, json=answer, request=httpx.Request("POST", url))

    monkeypatch.setattr(queues_dagster.httpx, "post", post)
    return asked


def test_runs_that_wait_count_by_priority_and_tenant(posted: list[dict[str, Any]], tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var", launcher="dagster")
    assert waiting(settings, settings) == {"inbox": 0, "0": 21, "3": 7}
    assert queues_dagster.queued("http://x", "acme") == {"0": 5}


def test_dagster_takes_the_question(posted: list[dict[str, Any]]) -> None:
    from dagster_graphql.schema import create_schema
    from graphql import OperationDefinitionNode, get_variable_values, parse, validate

    queues_dagster.queued("http://x", "default")
    (asked,) = posted
    schema, document = create_schema().graphql_schema, parse(asked["query"])
    assert validate(schema, document) == []
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert isinstance(get_variable_values(schema, operation.variable_definitions or (), asked["variables"]), dict)


def test_a_dagster_that_is_away_leaves_its_queue_out_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(queues_dagster.httpx, "post", away)
    settings = Settings(var=tmp_path / "var", launcher="dagster")
    with caplog.at_level(logging.WARNING):
        assert waiting(settings, settings) == {"inbox": 0}
    assert "does not tell what it has queued: refused" in caplog.text
    monkeypatch.setattr(
        queues_dagster.httpx, "post", lambda url, **_: httpx.Response(200, text=json.dumps({"data": None}),
                                                                      request=httpx.Request("POST", url))
    )  # fmt: skip
    assert waiting(settings, settings) == {"inbox": 0}
