"""Discovery leads to instances that live, and to none that nobody has heard of."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from greenlang.errors import DiscoveryError, NotRegistered, ReferenceInvalid
from greenlang.registry import PUBLIC, Caller, Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.discovery import discover, health
from greenlang.registry.health import UNKNOWN, Health, at, by_metrics, checked
from greenlang.registry.heartbeats import heartbeat
from tests.registry.test_registry import entry

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("metrics", "score"),
    [
        ({}, 1.0),
        ({"calls": 0, "errors": 0}, 1.0),
        ({"calls": 1000, "errors": 10}, 1.0),  # 1 %, as promotion allows
        ({"calls": 1000, "errors": 55}, 0.5),
        ({"calls": 1000, "errors": 100}, 0.0),
        ({"calls": 3, "errors": 3}, 0.0),
        ({"latency_p95_ms": 500}, 1.0),
        ({"latency_p95_ms": 1000}, 0.5),
        ({"latency_p95_ms": 1000, "latency_target_ms": 2000}, 1.0),
        ({"calls": 1000, "errors": 55, "latency_p95_ms": 2000}, 0.25),  # the worst counts
    ],
)
def test_the_score_follows_the_written_rule(metrics: dict[str, float], score: float) -> None:
    assert by_metrics(checked(metrics)).score == pytest.approx(score)


@pytest.mark.parametrize(("seconds", "score"), [(0, 1.0), (60, 1.0), (180, 0.5), (300, 0.0), (10_000, 0.0), (-30, 1.0)])
def test_a_heartbeat_ages(seconds: int, score: float) -> None:
    assert at(Health(1.0), NOW - timedelta(seconds=seconds), NOW).score == pytest.approx(score)


def test_what_nobody_heard_of_is_unknown_and_the_reason_is_told() -> None:
    assert UNKNOWN.status == "unknown"
    assert by_metrics({"calls": 10, "errors": 1}).reason == "10.0% of 10 calls failed"
    assert at(Health(1.0), NOW - timedelta(seconds=180), NOW).reason == "last heartbeat 180 s ago"
    assert [Health(score).status for score in (1.0, 0.8, 0.79, 0.0)] == ["healthy", "healthy", "degraded", "down"]


@pytest.mark.parametrize(
    "metrics",
    [
        {"calls": -1},
        {"calls": 1, "errors": 2},
        {"latency_p95_ms": float("nan")},
        {"latency_p95_ms": float("inf")},
        {"latency_target_ms": 0},
        {"happiness": 1},
    ],
)
def test_figures_that_cannot_be_are_refused(registry: Registry, metrics: dict[str, float]) -> None:
    registry.register(entry())
    with pytest.raises(DiscoveryError):
        heartbeat(registry, "heat/boiler", "a", metrics=metrics)
    assert health(registry, "heat/boiler").health == UNKNOWN


@pytest.mark.parametrize(
    "values",
    [
        {"instance": " "},
        {"instance": "x" * 201},
        {"endpoint": "javascript:alert(1)"},
        {"endpoint": "https://user:secret@host/x"},
        {"location": "x" * 41},
    ],
)
def test_an_instance_that_cannot_be_is_refused(registry: Registry, values: dict[str, Any]) -> None:
    registry.register(entry())
    with pytest.raises(DiscoveryError):
        heartbeat(registry, "heat/boiler", **{"instance": "a", **values})


def _found(registry: Registry, *capabilities: str, **asked: Any) -> list[tuple[str, str, list[str]]]:
    found = discover(registry, capabilities or ("scope1",), **asked)
    return [(one.entry.agent_id, one.entry.version, [i.instance for i in one.instances]) for one in found]


def test_only_what_lives_is_discovered(registry: Registry) -> None:
    registry.register(entry())
    registry.register(entry("heat/silent"))
    assert _found(registry) == []
    heartbeat(registry, "heat/boiler@1.0.0", "a", endpoint="https://a.example/boiler", location="eu-west")
    assert _found(registry) == [("heat/boiler", "1.0.0", ["a"])]
    (found,) = discover(registry, ["SCOPE1", "nobody-has-this"])
    assert found.capabilities == ("scope1",)
    assert found.instances[0].endpoint == "https://a.example/boiler"
    assert found.health.score == 1.0
    later = datetime.now(UTC) + timedelta(minutes=6)
    assert _found(registry, now=later) == []
    assert health(registry, "heat/boiler", now=later).health.status == "down"


def test_without_a_least_health_the_unknown_come_last(registry: Registry) -> None:
    registry.register(entry())
    registry.register(entry("heat/silent"))
    heartbeat(registry, "heat/boiler", "a")
    assert _found(registry, min_health=0) == [("heat/boiler", "1.0.0", ["a"]), ("heat/silent", "1.0.0", [])]
    assert discover(registry, ["scope1"], min_health=0)[1].health == UNKNOWN


def test_an_ill_instance_is_not_discovered_and_comes_back_when_it_is_well(registry: Registry) -> None:
    registry.register(entry())
    heartbeat(registry, "heat/boiler", "a", metrics={"calls": 100, "errors": 20})
    assert _found(registry) == []
    assert health(registry, "heat/boiler").health.reason == "20.0% of 100 calls failed"
    heartbeat(registry, "heat/boiler", "b")
    assert _found(registry) == [("heat/boiler", "1.0.0", ["b"])]
    heartbeat(registry, "heat/boiler", "a", metrics={"calls": 100, "errors": 0})
    assert sorted(_found(registry)[0][2]) == ["a", "b"]


def test_more_of_the_capabilities_comes_first_then_the_place(registry: Registry) -> None:
    registry.register(entry("a/far", tags=("scope1",)))
    registry.register(entry("b/near", tags=("scope1",)))
    registry.register(entry("c/both", tags=("scope1", "steam")))
    for agent_id, location in (("a/far", "us-east"), ("b/near", "eu-west"), ("c/both", "us-east")):
        heartbeat(registry, agent_id, "one", location=location)
    found = _found(registry, "scope1", "steam", location="EU-west")
    assert [agent_id for agent_id, _, _ in found] == ["c/both", "b/near", "a/far"]
    assert len(_found(registry, "scope1", limit=2)) == 2


def test_the_place_comes_before_the_health_among_instances(registry: Registry) -> None:
    registry.register(entry())
    heartbeat(registry, "heat/boiler", "far", location="us")
    heartbeat(registry, "heat/boiler", "near", location="eu", metrics={"latency_p95_ms": 600})
    assert _found(registry, location="eu")[0][2] == ["near", "far"]
    assert _found(registry)[0][2] == ["far", "near"]


def test_versions_are_chosen_by_range_and_the_latest_of_them_counts(registry: Registry) -> None:
    for version in ("1.2.0", "1.10.0", "2.0.0"):
        registry.register(entry(version=version))
        heartbeat(registry, f"heat/boiler@{version}", f"of-{version}")
    assert _found(registry) == [("heat/boiler", "2.0.0", ["of-2.0.0"])]
    assert _found(registry, version=">=1.2,<2") == [("heat/boiler", "1.10.0", ["of-1.10.0"])]
    assert _found(registry, version="<1.2") == []
    with pytest.raises(ReferenceInvalid, match="no range of versions"):
        discover(registry, ["scope1"], version="about 1")


def test_callers_keep_their_instance_and_spread_over_all(registry: Registry) -> None:
    registry.register(entry())
    for number in range(4):
        heartbeat(registry, "heat/boiler", f"i{number}")
    first = Counter(_found(registry, key=f"caller {n}")[0][2][0] for n in range(80))
    assert set(first) == {"i0", "i1", "i2", "i3"}
    assert max(first.values()) < 40
    assert {_found(registry, key="caller 7")[0][2][0] for _ in range(3)} == {_found(registry, key="caller 7")[0][2][0]}


def test_nobody_is_led_to_what_was_yanked(registry: Registry) -> None:
    registry.register(entry())
    heartbeat(registry, "heat/boiler", "a")
    registry.yank("heat/boiler", "1.0.0", "b" * 64, "wrong factor")
    assert _found(registry) == []
    with pytest.raises(DiscoveryError, match="yanked"):
        heartbeat(registry, "heat/boiler@1.0.0", "a")


def test_a_heartbeat_for_what_is_not_registered_is_refused(registry: Registry) -> None:
    with pytest.raises(NotRegistered):
        heartbeat(registry, "no/such", "a")
    with pytest.raises(NotRegistered):
        health(registry, "no/such")


@pytest.mark.parametrize(
    "asked", [{"capabilities": ()}, {"capabilities": (" ",)}, {"min_health": 1.1}, {"min_health": -1}, {"limit": 0}]
)
def test_questions_that_cannot_be_meant_are_refused(registry: Registry, asked: dict[str, Any]) -> None:
    with pytest.raises(DiscoveryError):
        discover(registry, **{"capabilities": ("scope1",), **asked})


def test_joining_and_moving_are_audited_and_beating_is_not(registry: Registry) -> None:
    registry.register(entry())
    for location in ("eu", "eu", "us", "us"):
        heartbeat(registry, "heat/boiler", "a", location=location)
    assert [e.event for e in AuditLog(registry).query(event="instance.*")] == ["instance.moved", "instance.joined"]


def test_tenants_run_public_agents_and_see_no_instances_of_each_other(postgres_url: str, keys: Any) -> None:
    with Registry(postgres_url, caller=Caller(PUBLIC), keys=keys) as public:
        one, other = public.as_caller(Caller("one")), public.as_caller(Caller("other"))
        public.register(entry())
        heartbeat(one, "heat/boiler", "of-one")
        assert _found(one) == [("heat/boiler", "1.0.0", ["of-one"])]
        assert _found(other) == []
        assert health(other, "heat/boiler").health == UNKNOWN
        heartbeat(public, "heat/boiler", "of-all")
        assert _found(other) == [("heat/boiler", "1.0.0", ["of-all"])]
        other.register(entry(version="3.0.0", spec_digest="d" * 64, pack_digest="e" * 64))
        assert _found(other) == [], "the tenant's own agent of that id comes instead, and it runs nowhere"
