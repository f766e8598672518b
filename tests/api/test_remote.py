"""What the command line asks a server for: policies, decay, how specs stand, and trials that change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.metrics import MetricsStore
from greenlang.registry import Pin, Registry
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.policy_file import DEFAULT, supplied
from greenlang.settings import Settings
from tests.api.conftest import Signed
from tests.api.test_front import AGENTS, problem
from tests.api.test_front import TENANTS as OWN
from tests.api.test_registry import REGISTRY, told
from tests.metrics.conftest import outcome, run_info
from tests.registry.lives import BOILER, enter


@pytest.fixture
def mine(signed: Signed) -> dict[str, str]:
    return signed("super_admin", name="ann")


def test_a_policy_is_shown_with_every_criterion(client: TestClient, mine: dict[str, str]) -> None:
    shown = told(client.get(f"{REGISTRY}/policies/{DEFAULT}", headers=mine))
    assert (shown["name"], shown["in_force"], shown["text"]) == (DEFAULT, True, supplied()[DEFAULT])
    assert shown["policy"]["promotions"]["certified"]["calls_at_least"] > 0
    assert told(client.get(f"{REGISTRY}/policies/{DEFAULT}@{shown['digest']}", headers=mine)) == shown
    assert "there are" in problem(client.get(f"{REGISTRY}/policies/nowhere", headers=mine), 404)["detail"]


def test_two_policies_are_compared_over_the_tenants_builds(
    client: TestClient, registry: Registry, mine: dict[str, str]
) -> None:
    enter(registry)
    assert Lifecycle(registry).promote(BOILER, "experimental", "first").taken
    strict = "name: strict\npromotions:\n  experimental: {score_at_least: 99}\n  certified: {}\n"
    asked = {"old": {"name": DEFAULT}, "new": {"text": strict}}
    found = told(client.post(f"{REGISTRY}/policies/diff", json=asked, headers=mine))
    assert found["new"].startswith("strict@")
    [change] = found["items"]
    assert (change["kind"], change["before"], change["after"]) == ("state", "experimental", "draft")
    assert [check["name"] for check in change["why"]] == ["score_at_least"]
    alike = {"old": {"name": DEFAULT}, "new": {"name": DEFAULT}}
    assert told(client.post(f"{REGISTRY}/policies/diff", json=alike, headers=mine))["items"] == []
    wrong = {"old": {"name": DEFAULT}, "new": {"text": "name: x\nnonsense: 1\n"}}
    refused = problem(client.post(f"{REGISTRY}/policies/diff", json=wrong, headers=mine), 422)
    assert any(one["place"] == "policy:2:1" for one in refused["findings"])
    both = {"old": {"name": "v1", "text": strict}, "new": {"name": "v1"}}
    problem(client.post(f"{REGISTRY}/policies/diff", json=both, headers=mine), 422)


def test_a_policy_is_put_in_force_by_its_name(client: TestClient, mine: dict[str, str]) -> None:
    other = next(name for name in supplied() if name != DEFAULT)
    url = f"{REGISTRY}/policies"
    assert told(client.post(url, json={"name": other, "dry_run": True}, headers=mine))["in_force"] is False
    assert told(client.get(f"{url}/{DEFAULT}", headers=mine))["in_force"] is True
    assert told(client.post(url, json={"name": other}, headers=mine), 201)["in_force"] is True
    assert told(client.get(f"{url}/{other}", headers=mine))["in_force"] is True


def test_superseded_pins_flag_their_builds(client: TestClient, registry: Registry, mine: dict[str, str]) -> None:
    ref = enter(registry, Pin("factor", "ef://epa/none/2020/x", "1" * 64))
    trial = told(client.post(f"{REGISTRY}/decay", json={"dry_run": True}, headers=mine))
    assert ([one["build"] for one in trial["flagged"]], trial["taken"]) == ([ref], False)
    status = f"{AGENTS}/heat/boiler@1.0.0/promotion-status"
    assert told(client.get(status, headers=mine))["flags"] == []
    assert told(client.post(f"{REGISTRY}/decay", json={}, headers=mine))["flagged"] == trial["flagged"]
    [flag] = told(client.get(status, headers=mine))["flags"]
    assert (flag["ref"], flag["until"]) == ("ef://epa/none/2020/x", None)
    assert told(client.post(f"{REGISTRY}/decay", json={}, headers=mine))["flagged"] == []


def test_a_builds_own_steps_are_told_of_where_it_is_named(
    client: TestClient, registry: Registry, mine: dict[str, str]
) -> None:
    enter(registry)
    enter(registry, pack="d")
    url = f"{AGENTS}/heat/boiler@1.0.0/transitions"
    assert len(told(client.get(url, headers=mine))["items"]) == 2
    [step] = told(client.get(f"{url}?digest={'d' * 12}", headers=mine))["items"]
    assert step["pack_digest"] == "d" * 64


def test_how_the_specs_stand_and_what_became_of_them(
    client: TestClient, settings: Settings, mine: dict[str, str]
) -> None:
    assert told(client.get("/api/v1/factory/status", headers=mine))["outcomes"] == {}
    refused = [outcome(f"grid/p{number}", outcome="refused", reason="no factor") for number in range(3)]
    MetricsStore(settings).write([outcome(), *refused], run_info())
    status = told(client.get("/api/v1/factory/status?limit=2", headers=mine))
    assert status["outcomes"] == {"registered": 1, "refused": 3}
    rest = told(client.get(f"/api/v1/factory/status?limit=2&cursor={status['next']}", headers=mine))
    failed = [one["spec"] for one in [*status["failed"], *rest["failed"]]]
    assert (failed, rest["next"]) == ([f"grid/p{number} 1.0.0" for number in range(3)], None)
    log, url = [], "/api/v1/factory/log?limit=3"
    while url:
        answer = client.get(url, headers=mine)
        log += told(answer)["items"]
        url = answer.headers.get("link", "").partition(">")[0].lstrip("<")
    assert sorted(line["spec"] for line in log) == [f"grid/p{n} 1.0.0" for n in range(3)] + ["heat/boiler 1.0.0"]
    assert told(client.get("/api/v1/factory/log?outcome=quarantined", headers=mine))["items"] == []
    problem(client.get("/api/v1/factory/log?cursor=WyJ4IiwieSIsInoiXQ", headers=mine), 422)


TRIALS: list[tuple[str, str, Any]] = [
    ("POST", f"{OWN}/lists", {"kind": "deny", "pattern": "heat/*", "reason": "old"}),
    ("PUT", f"{OWN}/quotas/versions", {"most": 3}),
    ("PUT", f"{OWN}/environments/staging", {"least_state": "draft"}),
    ("PUT", f"{OWN}/residency", {"residency": "eu", "reason": "moved to Frankfurt"}),
    ("POST", f"{OWN}/keys", {"name": "ci", "roles": ["viewer"]}),
    ("POST", f"{AGENTS}/heat/boiler@1.0.0/yank", {"reason": "wrong"}),
    ("POST", f"{AGENTS}/heat/boiler@1.0.0/usage", {"day": "2026-01-01", "calls": 3}),
]


@pytest.mark.parametrize(("method", "url", "body"), TRIALS, ids=[one[1].rpartition("/")[2] for one in TRIALS])
def test_a_trial_answers_as_the_real_thing_and_changes_nothing(
    client: TestClient, registry: Registry, mine: dict[str, str], method: str, url: str, body: dict[str, Any]
) -> None:
    enter(registry)
    events = f"{OWN}/audit?limit=1"
    before = told(client.get(events, headers=mine))["items"]
    trial = told(client.request(method, url, json={**body, "dry_run": True}, headers=mine))
    assert told(client.get(events, headers=mine))["items"] == before
    done = client.request(method, url, json=body, headers=mine)
    assert done.status_code in (200, 201), done.text
    assert set(done.json()) == set(trial)
    assert told(client.get(events, headers=mine))["items"] != before


def test_a_key_and_a_line_can_be_ended_on_trial(client: TestClient, mine: dict[str, str]) -> None:
    key = told(client.post(f"{OWN}/keys", json={"name": "ci", "roles": ["viewer"]}, headers=mine), 201)["key"]["id"]
    line = {"kind": "deny", "pattern": "heat/*", "reason": "old"}
    number = told(client.post(f"{OWN}/lists", json=line, headers=mine), 201)["id"]
    told(client.delete(f"{OWN}/keys/{key}?dry_run=true", headers=mine))
    told(client.delete(f"{OWN}/lists/{number}?dry_run=true", headers=mine))
    standing = {one["id"]: one["state"] for one in told(client.get(f"{OWN}/keys", headers=mine))["items"]}
    assert standing[key] == "valid"
    assert [one["id"] for one in told(client.get(f"{OWN}/lists", headers=mine))["items"]] == [number]
