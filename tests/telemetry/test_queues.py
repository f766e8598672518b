"""What Dagster has queued, by its GraphQL: a question that its schema takes, and what is made of the answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from greenlang.exchange import home
from greenlang.exchange.bundle import bundled
from greenlang.exchange.machine import parcel_name
from greenlang.exchange.orders import unbuilt
from greenlang.exchange.store import Store
from greenlang.settings import Settings
from greenlang.telemetry import queues_dagster
from greenlang.telemetry.queues import waiting
from tests.machines.two import NAMES, Machines, example

LINE = [{"key": "greenlang/line", "value": "batch"}]
UNDER_WAY = {"pipelineName": "line_machines", "statuses": ["STARTED"]}
Post = Callable[..., httpx.Response]


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Questions that were asked; answered with four runs that wait, and none at work on several machines."""
    asked: list[dict[str, Any]] = []
    runs = [
        {"greenlang/keys": "7", "dagster/priority": "3"},
        {"greenlang/files": "20"},  # the sensor's, in line_machines
        {"greenlang/keys": "5", "greenlang/tenant": "acme"},
        {},
    ]

    def post(url: str, *, json: dict[str, Any], timeout: float) -> httpx.Response:
        asked.append(json)
        of = json["variables"]["of"]
        chosen = runs if of.get("tags") == LINE and "pipelineName" not in of else []
        told = [{"tags": [{"key": key, "value": value} for key, value in tags.items()]} for tags in chosen]
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
    queues_dagster.on_machines("http://x")
    assert len(posted) == 2
    schema = create_schema().graphql_schema
    for asked in posted:
        document = parse(asked["query"])
        assert validate(schema, document) == []
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert isinstance(get_variable_values(schema, operation.variable_definitions or (), asked["variables"]), dict)


def test_the_tag_that_is_asked_for_is_that_of_both_jobs() -> None:
    from greenlang_pipelines.jobs import line_batch
    from greenlang_pipelines.machines import LINE_MACHINES, line_machines

    (tag,) = LINE
    for job in (line_batch, line_machines(Settings())):
        assert job.tags[tag["key"]] == tag["value"]
    assert queues_dagster.MACHINES == LINE_MACHINES


def test_what_machines_have_to_send_of_a_planned_batch_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machines = Machines(tmp_path)
    assert waiting(machines.home, machines.home).get("shards", 0) == 0
    machines.drop(**{name: example(name) for name in NAMES})
    plan = home.plan(machines.home.model_copy(update={"shard_size": 2}), "night-1", entrance="test")
    assert (plan.keys, plan.shards) == (2, 1)
    by_dagster = machines.home.model_copy(update={"launcher": "dagster"})
    assert waiting(machines.home, machines.home) == {"inbox": 0, "0": 0, "shards": 2}
    assert "shards" not in waiting(machines.home.of_tenant("acme"), machines.home), "their nights are line_batch's"
    # A run that was given up leaves its orders: nobody waits for them. A Dagster that is away stops no worker.
    monkeypatch.setattr(queues_dagster, "_runs", lambda _, of: [])
    assert waiting(by_dagster, by_dagster)["shards"] == 0
    monkeypatch.setattr(queues_dagster, "_runs", lambda _, of: [{"tags": []}] if of == UNDER_WAY else [])
    assert waiting(by_dagster, by_dagster)["shards"] == 2
    monkeypatch.setattr(queues_dagster, "_runs", _away)
    assert waiting(by_dagster, by_dagster) == {"inbox": 0, "shards": 2}
    # A parcel came; while home lands it, and afterwards, it does not wait again.
    machines.store.write(parcel_name(plan.batch, 1), bundled({}))
    assert waiting(machines.home, machines.home)["shards"] == 0
    seen = []
    delete = Store.delete

    def watched(store: Store, names: Iterable[str]) -> None:
        for name in names:
            delete(store, [name])
            seen.append(unbuilt(machines.store))

    monkeypatch.setattr(Store, "delete", watched)
    home.close(machines.home, plan)
    assert seen
    assert set(seen) == {0}
    assert not machines.store.names("orders")


def _away(*_: object) -> list[Any]:
    raise OSError("away")


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
