"""`Idempotency-Key`: what is sent again is done once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from greenlang.api.idempotency import digest
from greenlang.api.principal import need
from greenlang.errors import RegistryError
from greenlang.registry import Registry
from greenlang.registry.keys import Keys
from tests.api.conftest import Signed
from tests.api.test_front import TENANTS, problem


def _deny(client: TestClient, headers: dict[str, str], key: str, pattern: str = "heat/*") -> Any:
    new = {"kind": "deny", "pattern": pattern, "reason": "r"}
    return client.post(f"{TENANTS}/lists", json=new, headers=headers | {"Idempotency-Key": key})


def test_what_is_sent_again_is_answered_again_and_done_once(client: TestClient, signed: Signed) -> None:
    mine = signed("tenant_admin")
    first, again = _deny(client, mine, "k1"), _deny(client, mine, "k1")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(client.get(f"{TENANTS}/lists", headers=mine).json()["items"]) == 1
    assert problem(_deny(client, mine, "k1", "other"), 422)["type"].endswith("key-reused")
    assert _deny(client, mine, "k2").status_code == 201
    assert _deny(client, signed("tenant_admin", name="another"), "k1").status_code == 201, "a key is its owner's own"


def test_a_refusal_is_answered_again_too(client: TestClient, signed: Signed) -> None:
    mine = signed("tenant_admin")
    for replayed in (None, "true"):
        answer = _deny(client, mine, "k", "no pattern!")
        problem(answer, 422)
        assert answer.headers.get("idempotency-replayed") == replayed


def test_a_secret_is_not_kept_to_be_told_again(client: TestClient, registry: Registry, signed: Signed) -> None:
    mine = signed("factory_admin", name="admin") | {"Idempotency-Key": "k"}
    new = {"name": "ci", "roles": ["viewer"]}
    first = client.post(f"{TENANTS}/keys", json=new, headers=mine)
    again = client.post(f"{TENANTS}/keys", json=new, headers=mine)
    assert first.status_code == 201
    assert "secret" in problem(again, 409)["detail"]
    assert len(Keys(registry).list()) == 2
    with registry.transaction() as connection:
        kept = connection.exec_driver_sql("select body from idempotency_keys").scalars().all()
    assert all(first.json()["plain"] not in body for body in kept)


def test_while_it_is_being_done_the_same_key_is_told_so(app: FastAPI, registry: Registry, signed: Signed) -> None:
    mine = signed("tenant_admin") | {"Idempotency-Key": "k"}
    answers: list[Any] = []

    def slow() -> dict[str, int]:
        if not answers:
            answers.append(None)
            answers.append(client.post("/slow", headers=mine))
        return {"done": 1}

    app.add_api_route("/slow", slow, methods=["POST"], dependencies=[need("read_registry")])
    with TestClient(app) as client:
        assert client.post("/slow", headers=mine).json() == {"done": 1}
        assert answers[1].headers["retry-after"] == "1"
        problem(answers[1], 409)


def test_what_failed_may_be_tried_again(app: FastAPI, signed: Signed) -> None:
    mine = signed("tenant_admin") | {"Idempotency-Key": "k"}
    tries = iter([RegistryError("down"), KeyError("bug"), None])

    def shaky() -> dict[str, int]:
        error = next(tries)
        if error is not None:
            raise error
        return {"done": 1}

    app.add_api_route("/shaky", shaky, methods=["POST"], dependencies=[need("read_registry")])
    with TestClient(app, raise_server_exceptions=False) as client:
        assert [client.post("/shaky", headers=mine).status_code for _ in range(3)] == [503, 500, 200]


@pytest.mark.parametrize(("asked", "answers"), [(False, [503, 409]), (True, [503, 503])])
def test_what_may_have_been_committed_is_not_done_again_under_its_key(
    app: FastAPI, registry: Registry, signed: Signed, asked: bool, answers: list[int]
) -> None:
    mine = signed("tenant_admin") | {"Idempotency-Key": "k"}

    def lost() -> None:
        with registry.transaction(write=True) as connection:
            connection.connection.dbapi_connection.close()  # type: ignore[union-attr]
            if asked:  # something before the end: nothing was committed
                connection.exec_driver_sql("select 1")

    app.add_api_route("/lost", lost, methods=["POST"], dependencies=[need("read_registry")])
    with TestClient(app) as client:
        assert [client.post("/lost", headers=mine).status_code for _ in answers] == answers


def test_what_was_cancelled_may_go_on_and_is_not_done_again_under_its_key(app: FastAPI, signed: Signed) -> None:
    mine = signed("tenant_admin") | {"Idempotency-Key": "k"}
    done: list[int] = []

    async def slow() -> None:
        done.append(1)
        await asyncio.sleep(60 * (len(done) == 1))

    app.add_api_route("/slow", slow, methods=["POST"], dependencies=[need("read_registry")])

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a.test") as client:
            first = asyncio.create_task(client.post("/slow", headers=mine))
            while not done:
                await asyncio.sleep(0.01)
            first.cancel()  # as the server does that is told to stop
            await asyncio.wait([first])
            problem(await client.post("/slow", headers=mine), 409)

    asyncio.run(asyncio.wait_for(run(), 30))
    assert done == [1]


def test_a_large_body_is_hashed_while_others_are_served(
    client: TestClient, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_loop = []

    def hashed(*parts: Any) -> str:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            on_the_loop.append(False)
        else:
            on_the_loop.append(True)
        return digest(*parts)

    monkeypatch.setattr("greenlang.api.front.digest", hashed)
    mine = signed("tenant_admin")
    answers = [_deny(client, mine, pattern[:9], pattern) for pattern in ("heat/*", "x" * 300_000, "x" * 300_000)]
    assert on_the_loop == [True, False, False]
    problem(answers[1], 422)
