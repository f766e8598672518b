"""What every request goes through: sign-in, permissions, problems, limits."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.api.principal import PUBLIC_PATHS, need, permissions, refuse_undeclared
from greenlang.api.problems import Problem
from greenlang.api.signin import SignIn
from greenlang.errors import RegistryError, SettingsError
from greenlang.registry import Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.keys import Keys
from greenlang.registry.roles import Principal
from greenlang.settings import Settings
from tests.api.conftest import Signed, key_for

AGENTS = "/api/v1/registry/agents"
TENANTS = "/api/v1/registry/tenants/default"


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:greenlang:problem:")
    return document


# Deny by default


def test_every_route_asks_for_a_permission_or_is_public_by_name(app: FastAPI) -> None:
    bare = {path for (_, path), asked in permissions(app).items() if not asked}
    assert bare == PUBLIC_PATHS & {path for _, path in permissions(app)}
    assert len(permissions(app)) > 20


def test_a_route_that_declares_nothing_stops_the_start(app: FastAPI) -> None:
    router = APIRouter()
    router.add_api_route("/open", lambda: 1)
    app.include_router(router)
    with pytest.raises(RuntimeError, match="routes without a permission: GET /open"):
        refuse_undeclared(app)


def test_a_permission_that_there_is_not_is_a_mistake_at_start() -> None:
    with pytest.raises(ValueError, match="is no permission"):
        need("do_everything")  # type: ignore[arg-type]


def test_the_root_leads_a_browser_to_the_console_and_tells_others_what_there_is(client: TestClient) -> None:
    to = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, follow_redirects=False)
    assert (to.status_code, to.headers["location"]) == (307, "/console")
    for name, address in client.get("/").json().items():
        if name not in ("service", "version"):
            assert client.get(address, follow_redirects=False).status_code in (200, 303), name


def test_nobody_is_asked_to_sign_in(client: TestClient) -> None:
    answer = client.get(AGENTS)
    assert "sign in" in problem(answer, 401)["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer gl_default.000000000000_" + "x" * 43},
        {"X-API-Key": "gl_"},
        {"X-API-Key": "nonsense"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer a", "X-API-Key": "b"},
        {"Cookie": "greenlang_key=gl_nope"},
        {"Authorization": "Bearer ÿ"},
    ],
)
def test_what_is_no_key_is_refused_on_every_path(client: TestClient, headers: dict[str, str]) -> None:
    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    problem(client.get(AGENTS, headers=sent), 401)
    problem(client.get("/health", headers=sent), 401)


def test_a_parameter_that_there_is_not_is_refused_and_the_right_ones_are_named(
    client: TestClient, signed: Signed
) -> None:
    viewer = signed("viewer")
    detail = problem(client.get("/api/v1/registry/search?text=boiler", headers=viewer), 422)["detail"]
    assert "no parameter text" in detail
    assert "all_versions" in detail
    assert "takes none" in problem(client.get(f"{TENANTS}?limit=1", headers=viewer), 422)["detail"]


def test_a_key_signs_in_by_each_way(client: TestClient, registry: Registry) -> None:
    plain = key_for(registry, "viewer")
    ways = [{"Authorization": f"Bearer {plain}"}, {"X-API-Key": plain}, {"Cookie": f"greenlang_key={plain}"}]
    assert [client.get(AGENTS, headers=way).status_code for way in ways] == [200, 200, 200]


def test_a_cookie_is_no_proof_that_its_person_meant_it(client: TestClient, registry: Registry) -> None:
    cookie = {"Cookie": f"greenlang_key={key_for(registry, 'factory_admin')}"}
    new = {"kind": "deny", "pattern": "a", "reason": "b"}
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = client.post(f"{TENANTS}/lists", json=new, headers=cookie | foreign)
        assert "another site" in problem(answer, 403)["detail"]
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"{TENANTS}/lists", json=new, headers=cookie | own).status_code == 201


def test_who_is_not_permitted_is_refused_and_in_the_log(client: TestClient, registry: Registry, signed: Signed) -> None:
    answer = client.get(f"{TENANTS}/keys", headers=signed("viewer", name="eve"))
    assert "manage_keys" in problem(answer, 403)["detail"]
    (denied,) = AuditLog(registry).query(event="access.denied")
    assert (denied.actor, denied.subject) == ("eve", f"{TENANTS}/keys")
    assert json.loads(denied.detail)["request"] == answer.headers["x-request-id"]


def test_a_scope_takes_away(client: TestClient, signed: Signed) -> None:
    held = signed("factory_admin", scopes=["manage_keys"])
    assert client.get(f"{TENANTS}/keys", headers=held).status_code == 200
    problem(client.get(AGENTS, headers=held), 403)


def test_only_who_manages_tenants_acts_for_another(client: TestClient, registry: Registry, signed: Signed) -> None:
    other = signed("factory_admin") | {"X-Tenant": "acme"}
    assert "X-Tenant" in problem(client.get(AGENTS, headers=other), 403)["detail"]
    assert len(AuditLog(registry).query(event="access.denied")) == 1
    assert "alone" in problem(client.get(AGENTS, headers=signed("super_admin") | {"X-Tenant": "acme"}), 403)["detail"]
    assert client.get(AGENTS, headers=signed("viewer") | {"X-Tenant": "default"}).status_code == 200


def test_a_revoked_key_is_refused(client: TestClient, registry: Registry, signed: Signed) -> None:
    mine = signed("factory_admin", name="admin")
    made = client.post(f"{TENANTS}/keys", json={"name": "ci", "roles": ["viewer"]}, headers=mine)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    theirs = {"X-API-Key": made.json()["plain"]}
    assert client.get(AGENTS, headers=theirs).status_code == 200
    assert client.delete(f"{TENANTS}/keys/{made.json()['key']['id']}", headers=mine).json()["state"] == "revoked"
    assert "revoked" in problem(client.get(AGENTS, headers=theirs), 401)["detail"]


def test_a_verified_key_is_remembered_and_a_revoked_one_for_no_longer(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("greenlang.api.signin.time.monotonic", lambda: now[0])
    app = create_app(settings.model_copy(update={"api_remember_seconds": 5.0}), registry=registry)
    plain = key_for(registry, "viewer")
    with TestClient(app) as client:
        assert client.get(AGENTS, headers={"X-API-Key": plain}).status_code == 200
        Keys(registry).revoke(plain.split("_")[1])
        now[0] += 4.9
        assert client.get(AGENTS, headers={"X-API-Key": plain}).status_code == 200
        now[0] += 0.2
        problem(client.get(AGENTS, headers={"X-API-Key": plain}), 401)


def test_a_key_is_verified_anew_before_it_is_forgotten_and_once_for_all_who_wait(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked = [1000.0], []
    monkeypatch.setattr("greenlang.api.signin.time", SimpleNamespace(monotonic=lambda: now[0]))
    signin = SignIn(settings.model_copy(update={"api_remember_seconds": 5.0}), registry)
    verify, going = Keys.verify, threading.Event()

    def verified(self: Keys, plain: str) -> Principal:
        asked.append(plain)
        assert going.wait(10)
        return verify(self, plain)

    monkeypatch.setattr(Keys, "verify", verified)
    plain = key_for(registry, "viewer", name="ann")
    scope = {"type": "http", "method": "GET", "headers": [(b"x-api-key", plain.encode())]}

    async def ask() -> str:
        found = await signin.principal(scope)
        assert found is not None
        return found.caller.actor

    async def run() -> None:
        waiting = [asyncio.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(0)
        going.set()
        assert await asyncio.gather(*waiting) == ["ann"] * 20
        assert len(asked) == 1
        going.clear()
        now[0] += 3
        assert [await ask() for _ in range(5)] == ["ann"] * 5  # while the second verification is under way
        going.set()
        while len(asked) < 2 or signin.verifying:
            await asyncio.sleep(0.01)
        now[0] += 3  # six seconds after the first, three after the second
        going.clear()
        assert await ask() == "ann"
        going.set()
        while signin.verifying:
            await asyncio.sleep(0.01)
        Keys(registry).revoke(plain.split("_")[1])
        now[0] += 3
        assert await ask() == "ann"
        while signin.verifying:
            await asyncio.sleep(0.01)
        with pytest.raises(Problem, match="revoked"):  # before its five seconds were over
            await ask()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_the_one_who_stays_is_remembered_however_many_come(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked = [1000.0], []
    monkeypatch.setattr("greenlang.api.signin.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("greenlang.api.signin._MOST", 2)
    signin = SignIn(settings.model_copy(update={"api_remember_seconds": 5.0}), registry)
    verify = Keys.verify

    def verified(self: Keys, plain: str) -> Principal:
        asked.append(plain)
        return verify(self, plain)

    monkeypatch.setattr(Keys, "verify", verified)
    stays, other, new = (key_for(registry, "viewer", name=name) for name in ("stays", "other", "new"))

    async def ask(plain: str) -> None:
        await signin.principal({"type": "http", "method": "GET", "headers": [(b"x-api-key", plain.encode())]})
        while signin.verifying:
            await asyncio.sleep(0.01)

    async def run() -> None:
        for plain in (stays, other):
            await ask(plain)
        now[0] += 3
        for plain in (stays, new, stays):  # verified anew, then in nobody's place
            await ask(plain)

    asyncio.run(asyncio.wait_for(run(), 30))
    assert asked == [stays, other, stays, new]


def test_nobody_issues_a_key_that_may_more(client: TestClient, signed: Signed) -> None:
    answer = client.post(
        f"{TENANTS}/keys", json={"name": "x", "roles": ["super_admin"]}, headers=signed("tenant_admin", name="t")
    )
    assert "cannot give" in problem(answer, 422)["detail"]


# Without a sign-in


def test_without_a_sign_in_the_person_at_the_machine_may_everything(settings: Settings, registry: Registry) -> None:
    with TestClient(create_app(settings, registry=registry, sign_in=False), base_url="http://localhost:8080") as client:
        assert client.get(f"{TENANTS}/keys").status_code == 200
        assert client.post(f"{TENANTS}/keys", json={"name": "x", "roles": ["viewer"]}).status_code == 201


def test_without_a_sign_in_no_other_name_and_no_other_site_is_served(settings: Settings, registry: Registry) -> None:
    with TestClient(create_app(settings, registry=registry, sign_in=False), base_url="http://localhost:8080") as client:
        problem(client.get(AGENTS, headers={"Host": "rebound.example"}), 403)
        problem(client.post(f"{TENANTS}/keys", json={}, headers={"Origin": "http://evil.example"}), 403)
        problem(client.delete(f"{TENANTS}/keys/x", headers={"Sec-Fetch-Site": "cross-site"}), 403)


def test_a_registry_of_several_is_not_served_without_a_sign_in(settings: Settings) -> None:
    shared = Registry("postgresql://nobody@127.0.0.1:1/none", keys=settings.keys)
    with pytest.raises(SettingsError, match="without a sign-in"):
        create_app(settings, registry=shared, sign_in=False)


# Problems


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/health", 405),
        ("GET", f"{AGENTS}/not/there", 404),
        ("GET", f"{AGENTS}?limit=0", 422),
        ("GET", f"{AGENTS}?cursor=%21", 422),
        ("GET", f"{AGENTS}?domain=%00", 422),
        ("GET", f"{AGENTS}/a%00b", 422),
        ("GET", f"{AGENTS}/a@1.0.0?version=2.0.0", 422),
        ("GET", f"{AGENTS}/%20", 422),
    ],
)
def test_everything_that_is_refused_is_a_problem(
    client: TestClient, signed: Signed, method: str, path: str, status: int
) -> None:
    problem(client.request(method, path, headers=signed("viewer")), status)


def test_a_mistake_has_its_place(client: TestClient, signed: Signed) -> None:
    answer = client.post(f"{TENANTS}/lists", json={"kind": "maybe", "pattern": "x"}, headers=signed("tenant_admin"))
    places = [one["pointer"] for one in problem(answer, 422)["errors"]]
    assert places == ["/body/kind", "/body/reason"]


def test_a_database_that_does_not_answer_is_503_and_says_no_address(
    client: TestClient, registry: Registry, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = signed("viewer")

    def broken(*_: object, **__: object) -> None:
        raise RegistryError("the registry postgresql://u@db.internal cannot be used")

    monkeypatch.setattr(type(registry.database), "transaction", broken)
    for path in ("/ready", AGENTS):
        answer = client.get(path, headers=mine if path == AGENTS else {})
        assert "internal" not in json.dumps(problem(answer, 503))
        assert int(answer.headers["retry-after"]) > 0
    assert client.get("/health").status_code == 200


def test_a_bug_is_a_problem_that_tells_nothing(app: FastAPI, signed: Signed) -> None:
    def bug() -> None:
        raise KeyError("secret")

    app.add_api_route("/bug", bug, dependencies=[need("read_registry")])
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/bug", headers=signed("viewer"))
    assert "secret" not in json.dumps(problem(answer, 500))
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_answer_has_the_headers_that_protect_a_browser(client: TestClient) -> None:
    for path in ("/health", "/nowhere", AGENTS):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert len(headers["x-request-id"]) == 16
    assert client.get("/health", headers={"X-Request-ID": "abc-12345"}).headers["x-request-id"] == "abc-12345"
    assert client.get("/health", headers={"X-Request-ID": "a\tb<script>"}).headers["x-request-id"] != "a\tb<script>"


# Limits


def test_requests_are_counted_by_key(settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("greenlang.api.limits.time.monotonic", lambda: now[0])
    app = create_app(settings.model_copy(update={"api_requests_per_minute": 18}), registry=registry)
    one, other = ({"X-API-Key": key_for(registry, "viewer", name=name)} for name in ("one", "other"))
    with TestClient(app) as client:
        assert [client.get(AGENTS, headers=one).status_code for _ in range(4)] == [200, 200, 200, 429]
        limited = client.get(AGENTS, headers=one)
        assert problem(limited, 429)["type"].endswith("rate-limited")
        assert limited.headers["retry-after"] == "4"
        assert limited.headers["ratelimit-policy"] == '"requests";q=18;w=60'
        assert client.get(AGENTS, headers=other).status_code == 200
        now[0] += 4
        assert [client.get(AGENTS, headers=one).status_code for _ in range(2)] == [200, 429]


def test_guessing_keys_is_limited_by_address(settings: Settings, registry: Registry) -> None:
    app = create_app(settings.model_copy(update={"api_anonymous_per_minute": 12}), registry=registry)
    with TestClient(app) as client:
        said = [client.get(AGENTS, headers={"X-API-Key": f"gl_{n}"}).status_code for n in range(4)]
    assert said == [401, 401, 429, 429]


def test_a_large_body_is_refused(settings: Settings, registry: Registry) -> None:
    app = create_app(settings.model_copy(update={"api_max_body_bytes": 1000}), registry=registry)
    mine = {"X-API-Key": key_for(registry, "tenant_admin")}
    with TestClient(app) as client:
        problem(client.post(f"{TENANTS}/lists", content=b"x" * 1001, headers=mine), 413)
        parts = (b"x" * 600 for _ in range(2))
        problem(client.post(f"{TENANTS}/lists", content=parts, headers=mine), 413)  # of no declared length


def test_a_stranger_sends_little(client: TestClient) -> None:
    problem(client.post(f"{TENANTS}/lists", content=b"x" * 65_537), 413)
    problem(client.post(f"{TENANTS}/lists", content=b"x" * 65_536), 401)
