"""ETags, and answers from memory: never older than was said, never for another."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.api.caching import Answer, Answers, Fresh, Seen
from greenlang.registry import Caller, Registry
from greenlang.settings import Settings
from tests.api.conftest import Signed, key_for
from tests.api.test_front import AGENTS, TENANTS, problem
from tests.registry.test_registry import entry


def test_an_etag_saves_the_body(client: TestClient, registry: Registry, signed: Signed) -> None:
    registry.register(entry())
    mine = signed("viewer")
    first = client.get(f"{AGENTS}/heat/boiler", headers=mine)
    again = client.get(f"{AGENTS}/heat/boiler", headers=mine | {"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    registry.register(entry(pack_digest="9" * 64))
    changed = client.get(f"{AGENTS}/heat/boiler", headers=mine | {"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.json()["pack_digest"] == "9" * 64


def test_an_answer_from_memory_is_as_old_as_was_said(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("greenlang.api.caching.time.monotonic", lambda: now[0])
    app = create_app(settings.model_copy(update={"api_fresh_ms": 100}), registry=registry)
    mine = {"X-API-Key": key_for(registry, "super_admin")}
    registry.register(entry())
    with TestClient(app) as client:

        def pack() -> str:
            return str(client.get(f"{AGENTS}/heat/boiler", headers=mine).json()["pack_digest"])[0]

        assert pack() == "b"
        registry.register(entry(pack_digest="9" * 64))  # by another process
        now[0] += 0.09
        assert pack() == "b"
        now[0] += 0.02
        assert pack() == "9"
        registry.register(entry(pack_digest="8" * 64))
        client.put(f"{TENANTS}/quotas/versions", json={"most": 5}, headers=mine)  # a write through this process
        assert pack() == "8"


def test_the_logs_end_is_read_anew_while_nobody_waits(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    now, going = [1000.0], threading.Event()
    monkeypatch.setattr("greenlang.api.caching.time", SimpleNamespace(monotonic=lambda: now[0]))
    fresh = Fresh(registry, 100)
    read = fresh._read

    def slowly(caller: Caller, known: int) -> Any:
        assert going.wait(10)
        return read(caller, known)

    monkeypatch.setattr(fresh, "_read", slowly)

    async def run() -> None:
        going.set()
        before = (await fresh.seen("default")).own
        registry.register(entry())
        going.clear()
        now[0] += 0.06
        for _ in range(3):
            assert (await fresh.seen("default")).own == before  # it is being read, and what is known still counts
        going.set()
        now[0] += 0.05
        assert (await fresh.seen("default")).own > before  # it does no longer: this one waits

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_flood_of_searches_drops_no_agent(
    settings: Settings, registry: Registry, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greenlang.api.front.MOST_LISTS", 5000)
    monkeypatch.setattr("greenlang.api.front.MOST_BYTES", 5000)
    registry.register(entry("heat/boiler"))
    mine = signed("viewer")
    app = create_app(settings, registry=registry)
    with TestClient(app) as client:
        client.get(f"{AGENTS}/heat/boiler", headers=mine)
        for number in range(20):
            found = client.get("/api/v1/registry/search", params={"q": f"boiler {number}"}, headers=mine)
            assert len(found.content) > 500
        before = app.state.requests.kept
        client.get(f"{AGENTS}/heat/boiler", headers=mine)
        assert app.state.requests.kept == before + 1


def test_small_answers_count_with_what_they_take_beside_their_body() -> None:
    answers, seen = Answers(5_000), Seen()
    keys = [("default", ("viewer",), (), "/search", b"q=%d" % number) for number in range(100)]
    for key in keys:
        answers.keep(key, Answer(0, b"", (), b'{"items":[],"next":null}'))
    assert 1 <= sum(answers.find(key, seen) is not None for key in keys) < 5
    answers.keep(("default", ("viewer",), (), "/search", b"q=" + b"x" * 5_000), Answer(0, b"", (), b""))
    assert all(answers.find(key, seen) is None for key in keys), "a long address counts too"


def test_a_search_that_did_not_wait_for_the_index_is_not_kept(
    client: TestClient, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greenlang.registry.search_index._LATE", 3600.0)
    mine = {"X-API-Key": key_for(registry, "viewer")}

    def found() -> list[str]:
        answer = client.get("/api/v1/registry/search", params={"q": "boiler"}, headers=mine)
        return sorted(one["agent_id"] for one in answer.json()["items"])

    registry.register(entry())
    assert found() == ["heat/boiler"]
    registry.register(entry("heat/other", name="Another boiler"))
    with registry._index._lock:  # as a thread holds it that updates the index
        assert found() == ["heat/boiler"]
    assert found() == ["heat/boiler", "heat/other"]


def test_what_changes_no_answer_costs_no_look_at_the_log(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    read = Fresh._read

    def counted(self: Fresh, caller: Caller, known: int) -> Any:
        looks.append(caller.tenant)
        return read(self, caller, known)

    monkeypatch.setattr(Fresh, "_read", counted)
    app = create_app(settings.model_copy(update={"api_fresh_ms": 600_000}), registry=registry)
    registry.register(entry())
    mine = {"X-API-Key": key_for(registry, "super_admin")}
    day = {"day": "2026-01-01", "calls": 1, "errors": 0}
    with TestClient(app) as client:
        for path, body, seen in (
            ("/api/v1/registry/health/heat/boiler@1.0.0", {"instance": "one"}, 1),
            (f"{AGENTS}/heat/boiler@1.0.0/usage", day, 1),
            (f"{TENANTS}/lists", {"kind": "deny", "pattern": "a/b", "reason": "r"}, 2),
        ):
            client.get(f"{AGENTS}/heat/boiler", headers=mine)
            assert client.post(path, json=body, headers=mine).is_success
            client.get(f"{AGENTS}/heat/boiler", headers=mine)
            assert len(looks) == seen, path


def test_a_write_costs_no_other_tenant_a_look(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, looks = Fresh(registry, 600_000), []

    def read(caller: Caller, known: int) -> Any:
        looks.append(caller.tenant)
        return 0, 0, []

    monkeypatch.setattr(fresh, "_read", read)

    async def looked(written: str | None) -> list[str]:
        looks.clear()
        fresh.forget(written)
        for tenant in ("acme", "rival"):
            await fresh.seen(tenant)
        return [*looks]

    async def run() -> None:
        assert await looked(None) == ["acme", "rival"]
        assert await looked("acme") == ["acme"]
        for all_see in ("public", None):
            assert await looked(all_see) == ["acme", "rival"]

    asyncio.run(asyncio.wait_for(run(), 30))


def test_what_is_remembered_is_remembered_for_whom_it_was_meant(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings.model_copy(update={"api_fresh_ms": 10_000}), registry=registry)
    registry.register(entry())
    may = {"X-API-Key": key_for(registry, "viewer")}
    may_not = {"X-API-Key": key_for(registry, "factory_admin", scopes=["manage_keys"])}
    with TestClient(app) as client:
        assert client.get(f"{AGENTS}/heat/boiler", headers=may).status_code == 200
        problem(client.get(f"{AGENTS}/heat/boiler", headers=may_not), 403)
        problem(client.get(f"{AGENTS}/heat/boiler"), 401)


def test_a_write_makes_stale_what_it_changes_and_nothing_else(client: TestClient, registry: Registry) -> None:
    registry.register(entry("heat/boiler"))
    registry.register(entry("heat/pump"))
    mine = {"X-API-Key": key_for(registry, "super_admin", name="me")}

    def names() -> tuple[str, str]:
        one = client.get(f"{AGENTS}/heat/boiler", headers=mine).json()["name"]
        listed = client.get(AGENTS, headers=mine).json()["items"][0]["name"]
        return one, listed

    assert names() == ("Boiler emissions", "Boiler emissions")
    with registry.transaction(write=True) as connection:  # past the log, so that it shows what comes from memory
        connection.exec_driver_sql("update agent_versions set name = 'New' where agent_id = 'heat/boiler'")
    assert names() == ("Boiler emissions", "Boiler emissions")
    key_for(registry, "viewer", name="another")  # in the log, and changes no answer
    problem(client.get(AGENTS), 401)
    assert names() == ("Boiler emissions", "Boiler emissions")
    registry.register(entry("heat/pump", pack_digest="9" * 64))
    assert names() == ("Boiler emissions", "New"), "another agent's: the list alone"
    registry.register(entry("heat/boiler", pack_digest="9" * 64))
    assert names() == ("New", "New")


def test_what_is_known_of_the_log_decides_what_holds() -> None:
    seen = Seen()
    seen.learn(5, 1, [])
    answers = [Answer(seen.now, b"", [], b"", agent) for agent in ("a", "b", "")]

    def hold() -> list[bool]:
        return [seen.holds(answer) for answer in answers]

    seen.learn(6, 1, [("key.issued", "x")])
    assert hold() == [True, True, True]
    seen.learn(4, 1, None)  # what an older look found, told late
    assert (seen.own, hold()) == (6, [True, True, True])
    seen.learn(7, 1, [("agent.promoted", "a@1.0.0")])
    assert hold() == [False, True, False]
    for learnt in ((8, 1, [("policy.used", "v2")]), (8, 2, []), (9000, 2, None)):
        answers = [Answer(seen.now, b"", [], b"", agent) for agent in ("a", "b", "")]
        assert hold() == [True, True, True]
        seen.learn(*learnt)
        assert hold() == [False, False, False], learnt
